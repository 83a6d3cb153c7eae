"""Pictures of learning rates over the steps: as a schedule says, and as a loop used them."""

from collections.abc import Callable, Sequence
from itertools import cycle

import numpy as np

from course_lib.plots.style import INK, SHADES, axes, colour, dress
from course_lib.trace import Trace

DASHES = ("-", "--", ":", "-.")


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
