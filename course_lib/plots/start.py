"""Pictures of lesson 00."""

import numpy as np

from course_lib.plots import colour, contours, dress
from course_lib.plots.style import INK
from course_lib.problems import quadratic


def frame(ax) -> None:
    """The bowl."""
    contours(quadratic([1.0, 10.0]), ax)
    ax.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.2))


def draw(path: np.ndarray, ax) -> str:
    """Twenty steps; what became of them in words."""
    ax.plot(*path.T, "o-", color=colour("sgd"), markersize=4, linewidth=1.5)
    ax.plot(*path[-1], "o", color=INK, markersize=9, markeredgecolor="white")
    distance = np.linalg.norm(path[-1])
    gone = "it has left the bowl" if distance > np.linalg.norm(path[0]) else "it is still inside"
    return f"After 20 steps p is {distance:.3g} away from the bottom: {gone}."


def finished(ax):
    """The Goal's title on a path."""
    return dress(ax, title="Every dot is one step against the slope", x="p₁", y="p₂", grid=False)
