"""Grids of hyperparameters, for problems of few steps or few coordinates, where several valleys compete.

In few steps the loss is no smooth function of their number, and Newton's method may settle in the wrong valley or not
at all. So all the grid is run by the recurrence of the second moments, from the first step on (`sweep`); wherever the
loss dips to near the target, the dip is followed to its bottom. With few coordinates a grid about an answer tells
cheaply whether another valley is lower (`lower_dip`).
"""

import math

import numpy as np

from course_lib.nqm.landscape import Landscape, lowest

GRIDS = {1: [(-14.0, 10.0, 241)], 2: [(-8.0, 10.0, 55), (-8.0, 10.0, 37)]}  # coordinates of the landscape
STEPS = {1: 1000, 2: 24}  # that are swept at most
WORK, CHEAP = 3 * 10**8, 3 * 10**6  # coordinates of points, times steps, that are moved at most; that cost little
AROUND, WIDE = {1: 601, 2: 61}, 6.0  # points of an axis, and its half length, in a grid about a point
FAR = 10.0  # times the target, at which a dip of that grid is followed
ENTRIES = 1 << 16  # of an array
NEAR, FOLLOWED = 2.0, 5  # a dip is followed from so many times the target; dips followed


def sweep(land: Landscape, most: int):
    """The first (step, point), step <= `most` and what is swept at most, with a loss at the target; None without."""
    axes = [np.linspace(*ends) for ends in GRIDS[land.axes]]
    grid = _points(axes)
    most = min(most, STEPS[land.axes], max(1, WORK // _work(land)))
    parts = np.array_split(grid, math.ceil(_work(land) / ENTRIES))
    table = np.concatenate([_losses(land, part, most) for part in parts], axis=1)
    for t in np.flatnonzero(table.min(axis=1) <= NEAR * land.target) + 1:
        at = _dips(table[t - 1].reshape([len(axis) for axis in axes]), NEAR * land.target)
        heights, points = lowest(land, int(t), grid[at])
        if heights.min() <= 0:
            return int(t), points[np.argmin(heights)]
    return None


def lower_dip(land: Landscape, t: int, theta):
    """A point that is at the target after `t` steps, from a grid about `theta`; None without, or if a grid is dear."""
    points = AROUND[land.axes]
    if points**land.axes * len(land.problem.h) > CHEAP // 10:
        return None
    axes = [middle + np.linspace(-WIDE, WIDE, points) for middle in theta]
    grid = _points(axes)
    heights = land.heights(float(t), grid)
    at = _dips(heights.reshape(land.axes * [points]), math.log(FAR))
    if not len(at):
        return None
    heights, found = lowest(land, t, grid[at])
    return found[np.argmin(heights)] if heights.min() <= 0 else None


def _points(axes) -> np.ndarray:
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def cheap(land: Landscape, most: int) -> bool:
    """Whether all steps up to `most` are swept, in some hundredths of a second."""
    return 1 <= most <= min(STEPS[land.axes], CHEAP // _work(land))


def _work(land: Landscape) -> int:
    return math.prod(points for _, _, points in GRIDS[land.axes]) * len(land.problem.h)


def _losses(land: Landscape, grid, most: int) -> np.ndarray:
    """The losses, (most, k), at the grid's points after 1, 2, ..., `most` steps."""
    p, (a, b, gain), rows = land.problem, _recurrence(land, grid), []
    weight, noise = p.weight * p.h / 2, gain**2 * p.c / land.batch_size
    yy = yb = bb = np.broadcast_to(p.variance + p.mean**2, a.shape)
    square, both, other = a * a, 2 * a * b, b * b
    for _ in range(most):
        yy, yb, bb = square * yy - both * yb + other * bb + noise, a * yy - b * yb, yy
        rows.append(yy @ weight)
    return np.array(rows)


def _recurrence(land: Landscape, grid):
    """(a, b, gain) of y <- a y - b y_before + gain * noise at all points and coordinates."""
    lr, rest = (v[:, None] for v in land.pair(grid))
    left = 1 - lr * land.problem.h
    if land.method == "sgd":
        return left, np.zeros_like(left), lr
    if land.method == "heavy_ball":
        return left + (1 - rest), np.broadcast_to(1 - rest, left.shape), lr
    if land.method == "nesterov":
        return (2 - rest) * left, (1 - rest) * left, lr
    return left + (1 - rest), (1 - rest) * left, lr * rest


def _dips(table, high: float) -> np.ndarray:
    """Flat positions of entries below `high` that no neighbour along an axis is below, the lowest of them."""
    dips, padded = table <= high, np.pad(table, 1, constant_values=np.inf)
    inside = (slice(1, -1),) * table.ndim
    for axis in range(table.ndim):
        for shift in (-1, 1):
            dips &= table <= np.roll(padded, shift, axis)[inside]
    at = np.flatnonzero(dips)
    return at[np.argsort(table.ravel()[at])][:FOLLOWED]
