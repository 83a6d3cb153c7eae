"""The first step at which a method with given hyperparameters is at a target loss."""

import math

import numpy as np

from course_lib.nqm.arguments import LONGEST
from course_lib.nqm.landscape import Landscape
from course_lib.nqm.quick import losses

RATIO = 1.02  # between neighbours of the geometric grid of steps
DENSE = 20_000  # steps looked at one by one before the grid's first hit, where the loss may oscillate
CHUNK, ENTRIES = 1000, 1 << 20  # steps looked at together, and entries of one array of them


def first_hit(land: Landscape) -> tuple[int | None, str, str]:
    """(steps, how they are known, why there are none)."""
    grid = _grid()
    seen = _losses(land, grid)
    hits = np.flatnonzero(seen <= land.target)
    if not len(hits):
        return None, "", _why(land, grid, seen)
    at = int(hits[0])
    below, above = int(grid[at]), int(grid[at - 1]) if at else 0
    if land.method == "sgd" or (land.method == "ema" and land.lr * land.problem.h.max() <= 1):
        return _bisected(land, above, below), "bisected between neighbours of a grid of steps, 2 % apart", ""
    chunk = _chunk(land)
    for low in range(max(0, below - DENSE), below, chunk):
        t = np.arange(low + 1, min(low + chunk, below) + 1)
        hit = np.flatnonzero(_losses(land, t) <= land.target)
        if len(hit):
            every = "every step before it" if below <= DENSE else f"the {DENSE} steps before it"
            return int(t[hit[0]]), f"looked at {every}, and at a grid of steps 2 % apart", ""
    return below, "looked at a grid of steps 2 % apart", ""


def _grid() -> np.ndarray:
    t = np.geomspace(1, LONGEST, math.ceil(math.log(LONGEST) / math.log(RATIO)))
    return np.unique(np.round(t))


def _losses(land: Landscape, t) -> np.ndarray:
    some = np.array_split(t, math.ceil(len(t) / _chunk(land)))
    return np.concatenate(
        [losses(land.problem, land.method, part, land.lr, land.rest, land.batch_size) for part in some]
    )


def _chunk(land: Landscape) -> int:
    return max(1, min(CHUNK, ENTRIES // len(land.problem.h)))


def _bisected(land: Landscape, above: int, below: int) -> int:
    while below - above > 1:
        middle = (above + below) // 2
        above, below = (above, middle) if _losses(land, np.array([middle]))[0] <= land.target else (middle, below)
    return below


def _why(land: Landscape, grid, seen) -> str:
    low = int(np.argmin(seen))
    known = f"the loss at lr={land.lr:g} is never below {seen[low]:.6g}, at step {int(grid[low])}"
    if land.lr >= land.edge(land.rest):
        return f"{known}, and diverges: the edge of stability is at lr={land.edge(land.rest):g}"
    return f"{known}, and settles at {seen[-1]:.6g}: take a smaller lr or a larger batch"
