"""The least steps at which the bottom of the landscape without ripples touches the target, from several starts."""

import math

import numpy as np

from course_lib.nqm.arguments import LONGEST
from course_lib.nqm.landscape import Landscape, least_steps
from course_lib.nqm.quick import losses


def valley(land: Landscape):
    """(log steps, point, shape) of the least steps on the landscape without ripples; None where none were found."""
    settled = (least_steps(land, tau, theta, taper=True) for tau, theta in _starts(land))
    return next(filter(None, settled), None)


def _starts(land: Landscape):
    """Places to begin, the likeliest first: SGD's optimum with a short and a long memory; then all over."""
    tau, lr = _sgd_start(land)
    if land.method == "sgd":
        yield tau, land.point(lr, 1.0)
    plain = _plain(land)
    found = least_steps(plain, tau, plain.point(lr, 1.0), taper=False)
    if found:
        tau, lr = found[0], float(plain.pair(found[1])[0][0])
    for memory in (8.0, 2.0, 30.0):
        rest = land.rest or min(0.5, memory / math.exp(tau))
        outside = 4.0 if land.method == "ema" else rest
        start = min(outside * lr, 0.5 * land.edge(rest))
        yield tau - 0.3, land.point(start if land.lr is None else land.lr, rest)
    yield from _coarse(land)


def _plain(land: Landscape) -> Landscape:
    """SGD's, at the same target."""
    return land._replace(method="sgd", lr=None, rest=1.0)


def _sgd_start(land: Landscape) -> tuple[float, float]:
    """An lr whose noise floor is about half the target, and the log steps until the start has decayed to the rest."""
    p = land.problem
    lr = min(1 / p.h.max(), 2 * land.target * land.batch_size / max(np.sum(p.weight * p.c), 1e-300))
    taus = np.linspace(0, math.log(LONGEST), 80)
    decayed = losses(p, "sgd", np.exp(taus), lr, 1.0, np.inf) < land.target / 2
    return float(taus[np.argmax(decayed)] if decayed.any() else taus[-1]), lr


def _coarse(land: Landscape):
    """The best points of a coarse grid over the whole landscape, for the last resort."""
    axis = np.linspace(-30, 5, 15)
    grid = np.stack(np.meshgrid(*land.axes * [axis], indexing="ij"), axis=-1).reshape(-1, land.axes)
    for tau in np.linspace(0, math.log(LONGEST), 20):
        heights = land.heights(math.exp(tau), grid, taper=True)
        if heights.min() <= 0:
            yield tau, grid[np.argmin(heights)]
