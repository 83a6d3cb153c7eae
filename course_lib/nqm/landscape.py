"""The expected loss at one step as a landscape over a method's free hyperparameters, and Newton's method on it.

Coordinates are the logits of lr / edge and of 1 - momentum (or 1 - decay), so that every point is a stable method and
both ends, lr -> 0 and lr -> edge, lie far away. Heights are log(loss / target). The number of steps is real here, and
may move with the point: `least_steps` walks to the least number at which the bottom of the valley touches the target,
in about ten evaluations of some eight points each.
"""

import math
from typing import NamedTuple

import numpy as np

from course_lib.nqm.arguments import LONGEST
from course_lib.nqm.quick import losses
from course_lib.nqm.spectrum import Spectrum

NOTHING = 1e-300  # of the target: a loss of zero has a logarithm too
EPS = 2e-3  # of the differences that stand for derivatives
LAST = math.log(LONGEST)
ITERATIONS = 80
SHALLOW = 1e-6  # curvatures below are not told from rounding
FLAT = -0.2  # slopes of log loss by log steps flatter than this are not trusted


class Landscape(NamedTuple):
    """`lr` or `rest`, 1 - momentum or 1 - decay, where they are given; those that are None are the free axes."""

    problem: Spectrum
    method: str
    batch_size: float
    target: float
    lr: float | None = None
    rest: float | None = None

    @property
    def axes(self) -> int:
        return (self.lr is None) + (self.rest is None)

    def pair(self, theta):
        """(lr, rest), each (k,), at points (k, axes)."""
        theta = np.atleast_2d(theta)
        rest = _expit(theta[:, -1]) if self.rest is None else np.full(len(theta), self.rest)
        lr = self.edge(rest) * _expit(theta[:, 0]) if self.lr is None else np.full(len(theta), self.lr)
        return lr, rest

    def point(self, lr: float, rest: float) -> np.ndarray:
        """The coordinates, (axes,), of a pair; one at or beyond an end is moved inside."""
        free = [(lr / self.edge(rest), self.lr), (rest, self.rest)]
        inside = [min(max(q, 1e-300), 0.999) for q, given in free if given is None]
        return np.array([math.log(q / (1 - q)) for q in inside])

    def edge(self, rest):
        """The lr at which the steepest coordinate begins to diverge."""
        h = self.problem.h.max()
        if self.method == "heavy_ball":
            return 2 * (2 - rest) / h
        return (4 - 2 * rest) / (3 - 2 * rest) / h if self.method == "nesterov" else 2 / h + 0 * rest

    def heights(self, t, theta, *, taper: bool = False) -> np.ndarray:
        """log(loss / target), (k,), after `t` steps, a number or (k,), at points (k, axes)."""
        lr, rest = self.pair(theta)
        found = losses(self.problem, self.method, t, lr, rest, self.batch_size, taper=taper)
        return np.log(np.maximum(found / self.target, NOTHING))


class Shape(NamedTuple):
    """Height, gradient and Hessian at points: (k,), (k, axes), (k, axes, axes)."""

    height: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray

    def step(self, radius):
        """Newton's step downhill, (k, axes), no coordinate longer than `radius`, and the fall it promises, (k,)."""
        values, vectors = np.linalg.eigh(self.hessian)
        along = np.einsum("kij,ki->kj", vectors, self.gradient) / np.maximum(np.abs(values), SHALLOW)
        step = -np.einsum("kij,kj->ki", vectors, along)
        step *= np.minimum(1, radius / np.maximum(np.abs(step).max(axis=1), 1e-300))[:, None]
        curved = np.einsum("ki,kij,kj->k", step, self.hessian, step) / 2
        return step, -np.einsum("ki,ki->k", self.gradient, step) - curved


def _tame(shape: Shape) -> Shape:
    """Points whose derivatives are not finite become flat and infinitely high."""
    bad = ~(np.isfinite(shape.height) & np.isfinite(shape.hessian).all(axis=(1, 2)))
    if not bad.any():
        return shape
    flat = [np.where(bad[:, None], 0.0, shape.gradient), np.where(bad[:, None, None], 0.0, shape.hessian)]
    return Shape(np.where(bad, np.inf, shape.height), *flat)


def stencil(axes: int) -> np.ndarray:
    """Offsets, (points, axes), in units of eps, whose heights give all derivatives to the second order."""
    unit = np.eye(axes)
    pairs = np.concatenate([[e, -e] for e in unit])
    return np.concatenate([np.zeros((1, axes)), pairs, [[1.0, 1.0], [-1.0, -1.0]]] if axes == 2 else [[[0.0]], pairs])


def shape(heights: np.ndarray, axes: int, eps: float) -> Shape:
    """From heights at the stencil's points, (k, points)."""
    up, down, middle = heights[:, 1 : 2 * axes : 2], heights[:, 2 : 2 * axes + 1 : 2], heights[:, :1]
    with np.errstate(invalid="ignore"):  # heights may be infinite
        hessian = np.einsum("ki,ij->kij", (up + down - 2 * middle) / eps**2, np.eye(axes))
        if axes == 2:
            both = (heights[:, 5] + heights[:, 6] - 2 * heights[:, 0]) / eps**2
            hessian[:, 0, 1] = hessian[:, 1, 0] = (both - hessian[:, 0, 0] - hessian[:, 1, 1]) / 2
        return Shape(heights[:, 0], (up - down) / (2 * eps), hessian)


def least_steps(land: Landscape, tau: float, theta: np.ndarray, *, taper: bool):
    """(log steps, point, shape there) of the least steps whose lowest loss is the target; None if it does not settle.

    From exp(tau) steps and the point `theta`. The steps move only while the point is near the bottom for them; where
    a step went uphill it is taken back and the next is a quarter as long.
    """
    offsets, radius, last = EPS * stencil(land.axes), 1.0, None
    for _ in range(ITERATIONS):
        here, slope = _here(land, tau, theta, offsets, taper)
        if not np.isfinite(here.height).all() or not np.isfinite(here.hessian).all() or theta.max() > 40:
            if last is None:
                return None
            here = last[0]._replace(height=np.array([np.inf]))
        if last is not None and not here.height[0] < last[0].height[0]:
            (here, theta), radius = last, radius / 4
        elif last is not None:
            radius = min(2 * radius, 2.0)
        step, fall = here.step(radius)
        last, moved = (here, theta), 1.0
        if fall[0] < 0.1:
            low = here.height[0] - fall[0]
            moved = float(np.clip(-low / min(FLAT, slope), -0.7, 0.7))  # in this order FLAT where slope is NaN
            last, moved = None, min(max(tau + moved, 0.0), LAST) - tau
            tau += moved
        theta = theta + step[0]
        if abs(moved) < 1e-9 and (np.abs(step).max() < 1e-6 or fall[0] < 1e-9):
            return (tau, theta, here) if abs(low) < 1e-6 or tau == 0 else None
    return None


def _here(land: Landscape, tau, theta, offsets, taper):
    """The shape at one point, and the slope of its height by log steps."""
    points = np.concatenate([theta + offsets, [theta, theta]])
    taus = np.full(len(points), tau)
    taus[-2:] += 1e-4, -1e-4
    heights = land.heights(np.exp(taus), points, taper=taper)
    with np.errstate(invalid="ignore"):
        return shape(heights[None, :-2], land.axes, EPS), (heights[-2] - heights[-1]) / 2e-4


def lowest(land: Landscape, t: int, thetas: np.ndarray, *, eps: float = EPS, settled: float = 1e-9):
    """(heights, points) of the local minima below the points (k, axes), at a whole number `t` of steps.

    It ends where Newton's steps promise less than `settled`, or not to be the lowest.
    """
    offsets, axes = eps * stencil(land.axes), land.axes
    best, at, radius = np.full(len(thetas), np.inf), thetas.copy(), np.full(len(thetas), 20 * eps)
    thetas = thetas.copy()
    for _ in range(12):
        points = (thetas[:, None] + offsets).reshape(-1, axes)
        here = shape(land.heights(float(t), points).reshape(len(thetas), -1), axes, eps)
        here = _tame(here)
        better = here.height < best
        best, at = np.where(better, here.height, best), np.where(better[:, None], thetas, at)
        radius = np.where(better, radius, radius / 4)
        step, fall = here.step(radius)
        if ((np.abs(fall) < settled) | (here.height - 2 * fall > best.min())).all():
            break
        thetas = np.where(better[:, None], thetas + step, at + (thetas - at) / 4)
    return best, at


def _expit(z):
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))
