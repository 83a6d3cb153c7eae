"""The ripples of a one-buffer method's loss in lr: where they lie, and which are lowest.

After t steps a coordinate with complex roots has turned by t * angle, about t * sqrt(lr * h), so that its loss goes up
and down with lr once for every pi / 2 of that. The steepest coordinate turns fastest.
"""

import math

import numpy as np

from course_lib.nqm.landscape import EPS, Landscape, Shape

REACH = 1.0  # in the logit of lr, at most, either side of the smooth optimum
SIDE = 60  # points scanned on each side, a quarter of a ripple apart
STEEPEST = 8.0  # moves of the other axis beside one of lr, in a valley that is no accident of rounding
FEW, KEPT = 2000, (5, 2)  # ripples followed, up to so many steps and beyond, where they keep their order


def turned(land: Landscape, tau: float, theta) -> float:
    """Radians that the steepest coordinate's phase moves by in exp(tau) steps while the logit of lr moves by one."""
    lr, rest = land.pair(theta)
    left = max(1 - float(lr[0] / land.edge(rest)[0]), 1e-3)
    return max(1.0, math.exp(tau) * math.sqrt(float(lr[0]) * land.problem.h.max() * left))


def finest(land: Landscape, tau: float, theta) -> float:
    """The length of a difference that resolves a ripple."""
    return min(EPS, 0.1 / turned(land, tau, theta))


def bottoms(land: Landscape, t: int, tau: float, theta: np.ndarray, shape: Shape) -> np.ndarray:
    """The lowest ripples after `t` steps along the valley through the smooth optimum (tau, theta), (k, axes)."""
    reach = min(REACH, SIDE * math.pi / 2 / turned(land, tau, theta))
    points = theta + np.linspace(-reach, reach, 2 * SIDE + 1)[:, None] * _valley(shape, land.axes)
    heights = land.heights(float(t), points)
    inside = np.flatnonzero((heights[1:-1] <= heights[:-2]) & (heights[1:-1] <= heights[2:])) + 1
    order = inside[np.argsort(heights[inside])][: KEPT[t > FEW]]
    return np.concatenate([points[order], theta[None]]) if t <= FEW or not len(order) else points[order]


def _valley(shape: Shape, axes: int) -> np.ndarray:
    """The direction in which the other axis stays at its best while the first moves by one."""
    if axes == 1:
        return np.ones(1)
    hessian = shape.hessian[0]
    return np.array([1.0, np.clip(-hessian[0, 1] / max(hessian[1, 1], 1e-3), -STEEPEST, STEEPEST)])
