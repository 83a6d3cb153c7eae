"""Picture of a learning-rate sweep, with the rates that it suggests."""

import numpy as np

from course_lib.lr_finder import LrCurve
from course_lib.plots.style import INK, PAPER, SHADES, axes, colour, dress

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
