"""Pictures of lesson 06."""

import numpy as np

from course_lib.plots import axes, colour, dress, label_end
from course_lib.plots.style import INK, SHADES

NAMES = {"adam_l2": "Adam with L2", "adamw": "AdamW"}


def _panels(size=(8, 3.3), **kwargs):
    import matplotlib.pyplot as plt

    return plt.subplots(1, 2, figsize=size, layout="constrained", **kwargs)[1]


def sizes(measured: dict, sigmas, theory=None, ax=None):
    """Root mean square of the weights over the size of the noise: points, and as lines theory(sigma), if given."""
    ax = axes(ax, (6.2, 3.5))
    line = np.geomspace(min(sigmas) / 1.5, max(sigmas) * 1.5, 50)
    for i, (name, values) in enumerate(measured.items()):
        ax.plot(sigmas, values, "o", color=colour(name), markersize=9 - 3 * i)
        if theory is not None:
            ax.plot(line, [theory(sigma)[i] for sigma in line], color=colour(name), linewidth=1.4)
        label_end(ax, sigmas[-1] * 1.5, values[-1], NAMES[name], colour(name))
    ax.set(xscale="log", yscale="log", xlim=(line[0], line[-1] * 4), ylim=(0.03, 1))
    ax.set_xticks(sigmas, [f"{sigma:g}" for sigma in sigmas], minor=False)
    ax.set_yticks([0.03, 0.1, 0.3, 1], ["0.03", "0.1", "0.3", "1"])
    ax.minorticks_off()
    title = "Weights that get nothing but noise and weight decay"
    return dress(ax, title=title, x="size σ of the noise", y="root mean square weight")


def left_alone(paths: dict, decays, ax=None):
    """Weights from 1 without a gradient, one line for each weight decay, one panel for each method."""
    ax = _panels(sharey=True) if ax is None else ax
    for one, (name, path) in zip(ax, paths.items(), strict=True):
        looks = zip(path.T, decays, SHADES[1:], (7, 3.5, 1.2), strict=True)
        for values, weight_decay, shade, width in looks:
            one.plot(values, color=shade, linewidth=width, label=f"λ = {weight_decay:g}")
        one.set(ylim=(0, 1.08), xlim=(0, len(path) - 1))
        dress(one, title=NAMES[name], x="step", y="weight" if one is ax[0] else "")
    ax[1].legend(frameon=False, fontsize=9, loc="lower left")
    return ax


def resting(measured: dict, decays, theory, ax=None, goal: float = 5.0):
    """Where the weight rests over the weight decay: points measured, lines theory(goal, weight_decay)."""
    ax = axes(ax, (6.2, 3.5))
    line = np.geomspace(min(decays), max(decays), 120)
    ax.axhline(goal, color=INK, linestyle="--", linewidth=1)
    ax.text(line[-1], goal * 1.02, "minimum of f", color=INK, fontsize=9, ha="right", va="bottom")
    for i, (name, values) in enumerate(measured.items()):
        ax.plot(line, [theory(goal, weight_decay)[i] for weight_decay in line], color=colour(name), linewidth=1.4)
        ax.plot(decays, values, "o", color=colour(name), markersize=7, label=NAMES[name])
    ax.set(xscale="log", ylim=(0, 5.6))
    ax.set_xticks(decays, [f"{weight_decay:g}" for weight_decay in decays], minor=False)
    ax.minorticks_off()
    ax.legend(frameon=False, fontsize=9, loc="lower left")
    return dress(ax, title="Where decay and pull balance", x="weight decay λ", y="p at rest")


def grids(several, ax=None):
    """Median test accuracy in per cent, learning rates down, weight decays across; the best of each in a frame."""
    ax = _panels((8.4, 3.2)) if ax is None else ax
    low = min(grid.median.min() for grid in several)
    high = max(grid.median.max() for grid in several)
    for one, grid in zip(ax, several, strict=True):
        one.imshow(grid.median, cmap="Blues", vmin=low - 0.02, vmax=high + 0.15, aspect="auto")
        best = grid.median.argmax()
        for k, value in enumerate(grid.median.flat):
            row, column = divmod(k, len(grid.decays))
            bold = {"fontweight": "bold"} if k == best else {}
            one.text(column, row, f"{100 * value:.1f}", ha="center", va="center", fontsize=9, color=INK, **bold)
        one.set_xticks(range(len(grid.decays)), [f"{weight_decay:g}" for weight_decay in grid.decays])
        one.set_yticks(range(len(grid.lrs)), [f"{lr:g}" for lr in grid.lrs])
        row, column = divmod(best, len(grid.decays))
        one.add_patch(_box(column, row))
        dress(one, title=NAMES[grid.rule], x="weight decay λ", y="lr" if one is ax[0] else "", grid=False)
    return ax


def _box(column: int, row: int):
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, fill=False, edgecolor=INK, linewidth=1.6)


def falling(traces, ax=None):
    """Training loss and size of the weights while lr falls to 0; in AdamW's colour the second trace, if any."""
    ax = _panels() if ax is None else ax
    for trace, shade in zip(traces, (SHADES[1], colour("adamw")), strict=False):
        for one, column in zip(ax, ("loss", "size"), strict=True):
            one.plot(trace[column], color=shade, linewidth=1.8, label=trace.label)
    ax[0].set(yscale="log", ylim=(0.05, 3))
    ax[0].set_yticks([0.1, 0.3, 1], ["0.1", "0.3", "1"])
    ax[0].minorticks_off()
    ax[1].set(ylim=(0, 0.42))
    ax[0].legend(frameon=False, fontsize=9)
    dress(ax[0], title="lr falls from 0.01 to 0", x="step", y="training loss")
    dress(ax[1], title="how large the weights are", x="step", y="root mean square weight")
    return ax


def frame(ax) -> None:
    """The explorer: sizes over the steps on the left, settled sizes over the noise on the right."""
    ax[0].set(yscale="log", xlim=(0, 1000), ylim=(0.003, 12))
    dress(ax[0], title="a weight of 1 under noise", x="step", y="root mean square weight")
    ax[1].set(xscale="log", yscale="log", xlim=(0.03, 30), ylim=(0.003, 12))
    for place, name in zip((0.94, 0.86), NAMES, strict=True):
        ax[1].text(0.03, place, NAMES[name], transform=ax[1].transAxes, color=colour(name), fontsize=9)
    dress(ax[1], title="where it settles", x="size σ of the noise")


def draw(shown, ax) -> str:
    """One setting of the explorer, and how long AdamW takes to settle."""
    span = np.array([0.03, 30.0])
    decoupled, l2 = shown.settled
    lines = {"adam_l2": (shown.l2, l2 * (span / shown.sigma) ** 0.5), "adamw": (shown.decoupled, np.full(2, decoupled))}
    for (name, (path, line)), now in zip(lines.items(), (l2, decoupled), strict=True):
        ax[0].plot(path, color=colour(name), linewidth=1.8)
        ax[0].plot([0, 1000], [now, now], ":", color=colour(name), linewidth=1.2)
        ax[1].plot(span, line, color=colour(name), linewidth=1.8)
        ax[1].plot(shown.sigma, now, "o", color=colour(name), markersize=7)
    return (
        f"In theory it settles at {decoupled:.3g} with AdamW, at {l2:.3g} with L2. "
        f"AdamW's 1/(lr·λ) is {1 / shown.share:,.0f} steps, L2's σ/(lr·λ) {shown.sigma / shown.share:,.0f}."
    )
