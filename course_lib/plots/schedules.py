"""Pictures of learning rates over the steps, as a schedule says and as a loop used them; and those of lesson 08."""

from collections.abc import Callable, Sequence
from itertools import cycle

import numpy as np

from course_lib.plots.style import INK, SHADES, axes, colour, dress, label_end
from course_lib.trace import Trace

DASHES = ("-", "--", ":", "-.")
PLANS = {"constant": "#777777", "1/t": "#DDA237", "linear": "#0072B2", "trapezoid": "#882255"}  # else PALE
PALE, BAR_END = "#9db4c0", 1.62


def rates(curves: dict[str, Callable | Sequence[float]], steps: int | None = None, ax=None, *, y="learning rate"):
    """Curves by name, each a schedule, drawn for `steps` steps, or one value a step.

    Raises ValueError for a schedule without `steps`.
    """
    ax = axes(ax)
    looks = cycle((shade, dash) for dash in DASHES for shade in SHADES)
    for (name, curve), (shade, dash) in zip(curves.items(), looks, strict=False):
        values = _values(name, curve, steps)
        ax.plot(values, dash, color=shade, linewidth=1.8, label=name)
    ax.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))  # they all end near 0
    return dress(ax, title="One curve is one plan for the whole run", x="step", y=y)


def used(trace: Trace, ax=None):
    """The rates that a loop used, from `trace_lr`; dashed what was intended, where the trace knows it."""
    ax = axes(ax)
    ax.plot(trace["lr"], color=colour(trace.name), linewidth=1.8, label="used")
    if "intended" in trace:
        ax.plot(trace["intended"], "--", color=INK, linewidth=1.2, label="intended")
        ax.legend(frameon=False, fontsize=9)
    return dress(ax, title="The learning rate that each step used", x="step", y="learning rate")


def _values(name: str, curve: Callable | Sequence[float], steps: int | None) -> np.ndarray:
    if not callable(curve):
        return np.asarray(curve, dtype=float)
    if steps is None:
        raise ValueError(f"steps is None; {name!r} is a schedule, give the number of steps to draw")
    return np.asarray(curve(np.arange(steps)), dtype=float)


def _panels(count: int = 2, size=(8, 3.3), **kwargs):
    import matplotlib.pyplot as plt

    return plt.subplots(1, count, figsize=size, layout="constrained", **kwargs)[1]


def goal(runs: dict, ax=None):
    """Plans at their best peaks on the left, the expected loss along each on the right."""
    ax = _panels() if ax is None else ax
    for name, run in runs.items():
        ax[0].plot(run.rates, color=PLANS[name], linewidth=1.8)
        ax[1].plot(run.loss, color=PLANS[name], linewidth=1.8, label=name)
    ax[1].legend(frameon=False, fontsize=9)
    ax[1].set(yscale="log")
    dress(ax[0], title="Four plans, each at its best peak", x="step", y="learning rate")
    dress(ax[1], title="and what they make of 1000 steps", x="step", y="expected loss")
    return ax


def bars(table: dict, ax=None):
    """The expected loss by each plan over the constant one's, a panel a batch size; the lowest bar is dark."""
    ax = _panels(len(table), (8.4, 3.2), sharey=True) if ax is None else ax
    for one, (batch_size, row) in zip(ax, table.items(), strict=True):
        names, values, lowest = list(row), np.array(list(row.values())), min(row.values())
        shades = [PLANS["linear"] if value == lowest else PALE for value in values]
        one.barh(names, np.minimum(values, BAR_END), color=shades)
        for place, value in enumerate(values):
            beyond = value > BAR_END
            place_x, side = (BAR_END - 0.03, "right") if beyond else (value + 0.03, "left")
            text = f"{value:.2f}" + (" →" if beyond else "")
            one.text(place_x, place, text, ha=side, va="center", fontsize=8, color=INK)
        one.axvline(1, color=INK, linewidth=0.8, linestyle=":", zorder=0)
        one.set(xlim=(0, BAR_END))
        dress(one, title=f"batch size {batch_size}", grid=False)
    ax[0].invert_yaxis()
    ax[len(table) // 2].set_xlabel("expected loss after 1000 steps, over that of the best constant rate", color=INK)
    return ax


def optima(rates: dict, ax=None):
    """The best rates of all, one line a batch size."""
    ax = axes(ax, (6.4, 3.2))
    for (batch_size, lr), shade in zip(rates.items(), (PLANS["1/t"], PLANS["linear"], PLANS["trapezoid"]), strict=True):
        ax.plot(lr, color=shade, linewidth=2, label=f"batch size {batch_size}")
    ax.set(ylim=(0, 2.15))
    ax.legend(frameon=False, fontsize=9, loc="lower left")
    return dress(ax, title="The best plans of all, every rate free up to the edge", x="step", y="learning rate")


def curves(found: dict, columns: int = 6):
    """One small panel for each scheduler: its rates over 100 steps from lr 1, coloured by when it acts."""
    import matplotlib.pyplot as plt

    rows = -(-len(found) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(9.6, 1.55 * rows), layout="constrained", sharex=True, sharey=True
    )
    kinds = dict.fromkeys(acts for acts, _ in found.values())
    shades = dict(zip(kinds, ("#882255", "#DDA237", "#0072B2", "#117733"), strict=False))
    for ax in grid.flat[len(found) :]:
        ax.set_visible(False)
    for ax, (name, (acts, lr)) in zip(grid.flat, found.items(), strict=False):
        ax.plot(lr, color=shades[acts], linewidth=1.8)
        ax.set(xticks=[0, 50, 100], yticks=[0, 1], ylim=(-0.08, 1.12))
        dress(ax)
        ax.set_title(name.replace("WarmRestarts", "\nWarmRestarts"), loc="left", fontsize=8.5, color=INK)
    handles = [plt.Line2D([], [], color=shade, linewidth=2, label=acts) for acts, shade in shades.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(shades), frameon=False, fontsize=9)
    return grid


def training(runs: dict, ax=None, smooth: int = 40):
    """Training losses by name; the plan gives the colour, the second run of a plan is dashed."""
    ax, seen = axes(ax, (6.4, 3.4)), set()
    for name, trace in runs.items():
        plan = name.split(",")[0]
        loss = np.convolve(trace["loss"], np.ones(smooth) / smooth, mode="valid")
        steps = np.arange(smooth, len(trace["loss"]) + 1)
        ax.plot(steps, loss, "--" if plan in seen else "-", color=PLANS[plan], linewidth=1.8)
        label_end(ax, steps[-1], loss[-1], name, PLANS[plan])
        seen.add(plan)
    ax.set(yscale="log", xlim=(0, steps[-1] * 1.27), xticks=np.arange(0, steps[-1] + 1, 100))
    return dress(ax, title="Handwritten digits, batches of 16", x="step", y="training loss")


def bug(runs: dict, ax=None, smooth: int = 20):
    """Losses of loops by name; the first is the broken one."""
    ax = axes(ax, (6.4, 3.2))
    for (name, run), shade in zip(runs.items(), (SHADES[0], PLANS["linear"]), strict=False):
        loss = np.convolve(run.losses, np.ones(smooth) / smooth, mode="valid")
        ax.plot(np.arange(smooth, len(run.losses) + 1), loss, color=shade, linewidth=1.8, label=name)
    ax.set(yscale="log")
    ax.legend(frameon=False, fontsize=9)
    return dress(ax, title="Six epochs on the digits", x="batch", y="training loss")


def frame(ax) -> None:
    """The explorer: the plan on the left, the expected loss on the right."""
    ax[0].set(xlim=(0, 400), ylim=(0, 2.1))
    dress(ax[0], title="the plan at its best peak", x="step", y="learning rate")
    ax[1].set(xlim=(0, 400), ylim=(0.005, 5), yscale="log")
    dress(ax[1], title="expected loss; grey: the best constant rate", x="step")


def draw(shown, ax) -> str:
    """One plan of the explorer, and how it compares."""
    for run, shade in ((shown.constant, PLANS["constant"]), (shown.plan, PLANS["trapezoid"])):
        ax[0].plot(run.rates, color=shade, linewidth=1.8)
        ax[1].plot(run.loss, color=shade, linewidth=1.8)
    ends = shown.plan.loss[-1], shown.constant.loss[-1]
    return (
        f"After {shown.steps} steps the loss is {ends[0]:.3g}, from a peak of {shown.plan.peak:.2g}. "
        f"That is {ends[0] / ends[1]:.2f} of what the best constant rate leaves, {ends[1]:.3g}."
    )
