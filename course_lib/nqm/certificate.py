"""A second look at a number of steps: is there, at one step less, any pair of hyperparameters that reaches the target?

The whole landscape is looked at on a grid, every low place is followed to its bottom, and what is found is judged on
the whole spectrum where it is given whole, on a finer compressed one where it is not.
"""

import math

import numpy as np

from course_lib.nqm.dynamics import start_and_noise_loss
from course_lib.nqm.follower import Follower
from course_lib.nqm.landscape import EPS, Landscape, lowest
from course_lib.nqm.spectrum import Spectrum, compress

SPAN, PER_AXIS, FOLLOWED = (-12.0, 8.0), 121, 12  # of the grid, about the answer; bottoms looked for
ROUNDS = 50
CHUNK = 500


def certify_least(problem: Spectrum, land: Landscape, steps: int, theta) -> tuple[int, np.ndarray, str]:
    """(steps, point, what is known): fewer steps than given if the search missed some, more if it was too bold."""
    judge = land._replace(problem=_judge(problem))
    number = f"{len(judge.problem.h)} of {problem.dimension} coordinates"
    for _ in range(ROUNDS):
        if steps > 1 and (better := _counterexample(judge, land, steps - 1, theta)) is not None:
            steps, theta = Follower(land, better[None]).least(steps - 1)
        elif _height(judge, steps, theta) > 0:
            steps += 1
        else:
            break
    else:
        return steps, theta, f"not certified: the search on {number} came to no end in {ROUNDS} rounds"
    grid = f"a grid of {PER_AXIS**land.axes} points, followed to the bottom from the {FOLLOWED} lowest places"
    return steps, theta, f"at the target on {number}; above it at {steps - 1} on {grid}"


def _judge(problem: Spectrum) -> Spectrum:
    if not problem.compressed or problem.law is None:
        return problem
    return compress(problem, head=1024, nodes=32)


def _counterexample(judge: Landscape, land: Landscape, steps: int, theta):
    """A point that is at the target after `steps` steps, or None."""
    points = _grid(land, theta)
    heights = np.concatenate(
        [land.heights(float(steps), some) for some in np.array_split(points, math.ceil(len(points) / CHUNK))]
    )
    low = np.concatenate([theta[None], points[np.argsort(heights)[:FOLLOWED]], points[_dips(heights, land.axes)]])
    found, at = lowest(land, steps, low, eps=EPS / 8)
    for best in np.argsort(found)[:3]:
        if found[best] < 1e-4 and _height(judge, steps, at[best]) <= 0:
            return at[best]
    return None


def _grid(land: Landscape, theta) -> np.ndarray:
    axes = [np.linspace(max(-40.0, middle + SPAN[0]), middle + SPAN[1], PER_AXIS) for middle in theta]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, land.axes)


def _dips(heights, axes: int) -> np.ndarray:
    """Positions of the lowest points that are below all their neighbours."""
    table = np.pad(heights.reshape(axes * [PER_AXIS]), 1, constant_values=np.inf)
    inner = table[(slice(1, -1),) * axes]
    shifts = [s for s in np.ndindex(*axes * [3]) if any(i != 1 for i in s)]
    beside = [table[tuple(slice(i, i + PER_AXIS) for i in shift)] for shift in shifts]
    dips = np.flatnonzero((inner <= np.min(beside, axis=0)).ravel() & np.isfinite(heights))
    return dips[np.argsort(heights[dips])][:FOLLOWED]


def _height(judge: Landscape, steps: int, theta) -> float:
    """log(loss / target) by the exact formulas."""
    lr, rest = (float(v[0]) for v in judge.pair(theta))
    start, noise = start_and_noise_loss(judge.problem, np.array([float(steps)]), judge.method, lr, 1 - rest)
    return math.log((start + noise / judge.batch_size)[0] / judge.target)
