"""Pictures of a learning-rate sweep, with the rates that it suggests, and those of lesson 09."""

import numpy as np

from course_lib.lr_finder import LrCurve
from course_lib.plots.style import INK, PAPER, SHADES, axes, colour, dress, label_end

PLANS = {"constant": "#777777", "linear fall": SHADES[2], "one cycle": SHADES[0], "cyclic": SHADES[3]}
PALE = "#9db4c0"
MARKS = {"tenth": ("s", SHADES[3]), "steepest": ("o", SHADES[0]), "lowest": ("v", INK)}


def sweep(curve: LrCurve, ax=None):
    """The smoothed loss over the learning rate, faint behind it every step's loss, and a mark for each suggestion.

    What diverges leaves the picture at the top.
    """
    ax = axes(ax)
    ax.plot(curve.lrs, curve.losses, color=PAPER, linewidth=1.0)
    ax.plot(curve.lrs, curve.smoothed, color=colour(curve.name), linewidth=1.8, label=curve.label or curve.name)
    for name, (marker, color) in MARKS.items():
        lr = getattr(curve, name)
        if lr is not None:
            y = np.interp(np.log(lr), np.log(curve.lrs), curve.smoothed)
            ax.plot(lr, y, marker, color=color, markeredgecolor="white", markersize=9, label=f"{name} {lr:.2g}")
    ax.set_xscale("log")
    ax.set_ylim(*_height(curve))
    ax.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
    title = "A short run with a growing learning rate" if curve.lowest else "No suggestion: the loss never falls"
    return dress(ax, title=title, x="learning rate", y="loss, smoothed")


def _height(curve: LrCurve) -> tuple[float, float] | tuple[None, None]:
    """From below the minimum to above the first values; matplotlib's own choice where the loss never falls."""
    if curve.lowest is None:
        return None, None
    before = curve.smoothed[curve.lrs <= curve.lowest]
    low, high = np.nanmin(before), np.nanmax(before)
    return low - 0.1 * (high - low), high + 0.25 * (high - low)


def _panels(rows=1, cols=2, size=(8, 3.4), **kwargs):
    import matplotlib.pyplot as plt

    return plt.subplots(rows, cols, figsize=size, layout="constrained", **kwargs)[1]


def beside(both, ax=None, lowest: float = 1e-4):
    """A range test, and the loss after training at each rate of a grid, on one axis; dashed the rates they choose."""
    ax = axes(ax, (6.8, 3.7))
    shade = colour(both.curve.name)
    ax.plot(both.curve.lrs, both.curve.smoothed, color=shade, linewidth=2.2)
    shown = np.where(both.loss < 50, np.maximum(both.loss, lowest), np.nan)
    ax.plot(both.lrs, shown, "o-", color=PALE, linewidth=1.4, markersize=5)
    for lr, word, shift, side in ((both.tenth, "a tenth", -3, "right"), (both.best, "best", 3, "left")):
        ax.axvline(lr, color=INK, linestyle="--", linewidth=1)
        ax.annotate(
            f"{word} {lr:.2g}", (lr, 9), xytext=(shift, 0), textcoords="offset points", ha=side, va="center",
            fontsize=9, color=INK,
        )  # fmt: skip
    ax.text(1.2e-4, 3.4, "range test: 300 steps in all", color=shade, fontsize=9)
    ax.text(1.2e-4, 0.04, "training: 300 steps at each\nrate, five seeds", color="#5d7683", fontsize=9)
    ax.set(xscale="log", yscale="log", xlim=(1e-4, 12), ylim=(lowest, 20))
    return dress(ax, title=f"Digits, {both.curve.name}", x="learning rate", y="training loss")


def valley(curve, log_error, limit: float, back: float, ax=None):
    """The curve of a test in a valley, and how far the steepest direction is from where it began."""
    ax = _panels() if ax is None else ax
    ax[0].plot(curve.lrs / limit, curve.smoothed / curve.smoothed[0], color=colour(curve.name), linewidth=2)
    ax[0].plot(curve.lowest / limit, np.nanmin(curve.smoothed) / curve.smoothed[0], "v", color=INK, markersize=8)
    ax[1].plot(curve.lrs / limit, log_error, color=SHADES[0], linewidth=2)
    ax[1].axhline(0, color=INK, linewidth=0.8)
    for one in ax:
        one.axvspan(1, 20, color="#f3d9dc", linewidth=0)
        one.axvline(back, color=INK, linestyle="--", linewidth=1)
        one.set(xscale="log", xlim=(0.01, 20))
    ax[0].set(yscale="log")
    ax[1].text(0.012, 1.5, "at the start", color=INK, fontsize=9)
    ax[1].text(2.6, np.min(log_error), "unstable", color="#882255", fontsize=9)
    dress(ax[0], title="the loss, smoothed", x="lr over 2/λmax", y="over the first")
    dress(ax[1], title="log of the steepest direction's error", x="lr over 2/λmax")
    return ax


def cycles(curves: dict, ax=None):
    """Rate above and momentum below, for each (lr, momentum) by name."""
    ax = _panels(2, 1, (6.4, 4.4), sharex=True) if ax is None else ax
    for name, (lr, mu) in curves.items():
        for one, values in zip(ax, (lr, mu), strict=True):
            one.plot(np.arange(1, len(values) + 1), values, color=PLANS[name], linewidth=2, label=name)
    ax[0].legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
    dress(ax[0], title="The learning rate goes up and comes down", y="lr over the peak")
    dress(ax[1], title="Momentum goes the other way", x="step", y="momentum")
    return ax


def survival(losses: dict, ax=None, below: float = 1.0):
    """How many of the seeds end below a loss, a bar for each schedule."""
    ax = axes(ax, (6.2, 2.3))
    for row, loss in enumerate(losses.values()):
        count = int(np.sum(loss < below))
        ax.barh(row, len(loss), color=PAPER, height=0.6)
        ax.barh(row, count, color=colour("momentum"), height=0.6)
        label_end(ax, len(loss), row, f"{count} of {len(loss)}", INK)
    ax.set_yticks(range(len(losses)), list(losses))
    ax.set(xlim=(0, 1.15 * len(loss)), xticks=range(0, len(loss) + 1, 5))
    ax.invert_yaxis()
    return dress(ax, title="Deep nets that learn", x="seeds", grid=False)


def peaks(lrs, accuracy: dict, ax=None):
    """Test accuracy over the highest rate of each schedule."""
    ax = axes(ax)
    for name, values in accuracy.items():
        ax.plot(lrs, values, "o-", color=PLANS[name], linewidth=1.8, label=name)
    ax.set(xscale="log")
    ax.legend(frameon=False, fontsize=9, loc="lower left")
    return dress(ax, title="Digits, momentum, 300 steps", x="highest learning rate", y="test accuracy")


def bug(traces, ax=None):
    """The rate that each step used, logarithmic, one line a loop."""
    ax = axes(ax)
    for trace, shade in zip(traces, (SHADES[0], colour("momentum")), strict=False):
        ax.plot(np.arange(1, len(trace) + 1), trace["lr"], color=shade, linewidth=2, label=trace.label)
    ax.legend(frameon=False, fontsize=9)
    ax.set(ylim=(0, 1.05))
    return dress(ax, title="The rate that each step used; the peak is 1", x="step", y="learning rate")


def frame(ax) -> None:
    """The explorer: a range test, a cycle, and the loss along the cycle."""
    ax[0].axvspan(1, 20, color="#f3d9dc", linewidth=0)
    ax[0].set(xscale="log", yscale="log", xlim=(1e-4, 20), ylim=(1e-8, 10))
    dress(ax[0], title="range test", x="lr over 2/λmax", y="loss over the first")
    ax[1].axhline(1, color="#c98a94", linewidth=1)
    ax[1].set(xlim=(0, 200), ylim=(1e-3, 20), yscale="log")
    dress(ax[1], title="one cycle", x="step", y="lr over 2/λmax")
    ax[2].set(xlim=(0, 200), ylim=(1e-8, 1e4), yscale="log")
    dress(ax[2], title="the loss along it", x="step")


def draw(setting, ax) -> str:
    """One setting of the explorer, where its test has the minimum, and how its cycle ends."""
    ax[0].plot(setting.lrs, np.maximum(setting.smoothed, 1e-30), color=colour("sgd"), linewidth=1.8)
    low = float(np.min(setting.smoothed))
    ax[0].plot(setting.lowest, low, "v", color=INK, markersize=8, markeredgecolor="white")
    ax[0].plot(setting.lowest / 10, low, "s", color=SHADES[3], markersize=7, markeredgecolor="white")
    ax[1].plot(setting.cycle, color=PLANS["one cycle"], linewidth=1.8)
    ax[2].plot(np.clip(setting.loss, 1e-30, 1e30), color=colour("momentum"), linewidth=1.8)
    return (
        f"The test is lowest at {setting.lowest:.2f}, its tenth (square) is {setting.lowest / 10:.2f} times 2/λmax. "
        f"The cycle ends at {setting.loss[-1]:.1e} of its first loss; on the way it was at most "
        f"{np.max(setting.loss):.2g} times that."
    )
