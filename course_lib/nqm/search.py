"""The fewest steps to a target loss, minimised over the learning rate and the momentum or decay.

The answer is the smallest whole t at which some pair of hyperparameters has an expected loss <= target. Newton's method
finds the least real t on a compressed spectrum (`landscape`), then the valley is followed at whole t until it reaches
the target at T and not at T - 1. A heavy ball's loss has ripples in lr, one for every half turn that the steepest
coordinate makes in T steps: they are smoothed away first, then the valley is scanned at a quarter of their length, and
the lowest of them are followed instead.

Reference: Zhang et al. 2019, section 3 (steps to a target, tuned at every batch size).
"""

import math
from dataclasses import dataclass

import numpy as np

from course_lib.nqm.arguments import LONGEST, numbers, word_of
from course_lib.nqm.certificate import certify_least
from course_lib.nqm.first_hit import first_hit
from course_lib.nqm.follower import Follower
from course_lib.nqm.landscape import Landscape, least_steps
from course_lib.nqm.quick import losses
from course_lib.nqm.ripples import bottoms, finest
from course_lib.nqm.spectrum import Spectrum, compress

SMOOTH, OSCILLATING = {"head": 64, "nodes": 12}, {"head": 64, "nodes": 16}  # compressed spectra of the search
FINE = {"head": 256, "nodes": 20}  # on which the answer is checked
RESCANS, FEW = 20, 2000  # steps below which another ripple may be the lowest one step earlier
WAVY = ("heavy_ball", "nesterov")
EXACT_TO = 1e9  # steps beyond which one more changes the loss by less than the search tells


@dataclass(frozen=True)
class StepsToTarget:
    """`steps` is None where the target is out of reach, and `reason` says why; `certified` says how steps is known."""

    steps: int | None
    lr: float
    momentum: float
    decay: float
    loss: float  # expected, after `steps` steps
    certified: str
    reason: str = ""


def steps_to_target(
    problem: Spectrum,
    target: float,
    *,
    method: str = "sgd",
    batch_size: float = 1,
    lr: float | None = None,
    momentum: float | None = None,
    decay: float | None = None,
    certify: bool = False,
) -> StepsToTarget:
    """The smallest whole number of steps after which the expected loss is <= `target`.

    Tuned are `lr` and what `method` has of `momentum` and `decay`, unless they are given. Methods are those of
    `expected_loss` but the look-ahead point. `certify` looks for a counterexample all over the landscape at one step
    less and takes the loss from the whole spectrum; it costs about ten times the search.

    Raises ValueError for a target or batch size that is not a finite number > 0, momentum or decay outside [0, 1).
    """
    target = float(_single("target", target, above=True))
    batch_size = float(_single("batch_size", batch_size, above=True))
    lr = None if lr is None else float(_single("lr", lr, above=True))
    rest = _rest(method, momentum, decay)
    if problem.initial_loss <= target:
        return _answer(
            problem, method, 0, lr or 0.0, 1.0 if rest is None else rest, batch_size, "it is the initial loss"
        )
    if rest == 1.0:
        method = "sgd"  # no momentum, no average
    few = compress(problem, **(OSCILLATING if method in WAVY else SMOOTH))
    land = Landscape(few, method, batch_size, target, lr, rest)
    if not land.axes:
        return _given(problem, land)
    return _tuned(problem, land, certify)


def _single(name: str, value, above: bool = False) -> np.ndarray:
    values = numbers(name, value, above=above)
    if values.ndim:
        raise ValueError(f"{name} has shape {values.shape}; allowed is one number")
    return values


def _rest(method: str, momentum, decay) -> float | None:
    """1 - momentum or 1 - decay; None where it is to be tuned."""
    word = word_of(method)
    if method == "nesterov_lookahead":
        raise ValueError("method is 'nesterov_lookahead'; allowed is 'nesterov' or another, tuned at the paper's point")
    for name, value in (("momentum", momentum), ("decay", decay)):
        if value is not None and name != word:
            raise ValueError(f"{name} is {value!r}; allowed is None with {method}")
    given = {"momentum": momentum, "decay": decay}.get(word)
    if given is not None:
        return 1 - float(numbers(word, given, 0.0, 1.0))
    return None if word else 1.0


def _answer(problem, method, steps, lr, rest, batch_size, certified) -> StepsToTarget:
    second = {word_of(method): 1 - rest} if word_of(method) else {}
    loss = float(losses(problem, method, steps, lr, rest, batch_size)[0]) if steps else problem.initial_loss
    return StepsToTarget(steps, lr, second.get("momentum", 0.0), second.get("decay", 0.0), loss, certified)


def _out_of_reach(land: Landscape, reason: str) -> StepsToTarget:
    lr, second = land.lr or math.nan, math.nan if land.rest is None else 1 - land.rest
    word = word_of(land.method)
    numbers = {name: second if name == word else 0.0 for name in ("momentum", "decay")}
    return StepsToTarget(None, lr, **numbers, loss=math.nan, certified="nothing to certify", reason=reason)


def _given(problem: Spectrum, land: Landscape) -> StepsToTarget:
    """Nothing to tune: the first step at which the loss is at the target."""
    steps, certified, reason = first_hit(land)
    if steps is None:
        return _out_of_reach(land, reason)
    return _answer(problem, land.method, steps, land.lr, land.rest, land.batch_size, certified)


def _tuned(problem: Spectrum, land: Landscape, certify: bool) -> StepsToTarget:
    smooth = _valley(land)
    if smooth is None:
        return _out_of_reach(
            land, f"no choice of {_free(land)} that was tried reaches the target in {LONGEST:.0e} steps"
        )
    tau, theta, shape = smooth
    if tau >= math.log(LONGEST):
        return _out_of_reach(land, f"it takes more than {LONGEST:.0e} steps")
    steps = max(1, math.ceil(math.exp(tau)))
    if land.method in WAVY:
        steps, theta = _in_ripples(land, steps, tau, theta, shape)
        steps = _enough(land._replace(problem=compress(problem, **FINE)), steps, theta)
        how = "followed in the lowest ripples near the valley's bottom"
    else:
        steps, theta = Follower(land, theta[None]).least(steps)
        how = "followed along the valley's bottom"
    certified = f"the minimum is above the target at {steps - 1}, {how}"
    if steps > EXACT_TO:
        certified = f"to nine digits; {how}"
    if certify:
        steps, theta, certified = certify_least(problem, land, steps, theta)
    lr, rest = (float(v[0]) for v in land.pair(theta))
    return _answer(problem if certify else land.problem, land.method, steps, lr, rest, land.batch_size, certified)


def _in_ripples(land: Landscape, steps: int, tau: float, theta, shape) -> tuple[int, np.ndarray]:
    """Whole steps and the point, from the smooth optimum; few steps have few ripples, which are scanned again."""
    best = None
    for _ in range(RESCANS):
        follow = Follower(land, bottoms(land, steps, tau, theta, shape), finest(land, tau, theta))
        if best and follow.height(steps) > 0:
            break
        best = follow.least(steps)
        steps = best[0] - 1
        if not 0 < steps < FEW:
            break
    return best


def _enough(land: Landscape, steps: int, theta, most: int = 100) -> int:
    """The first number of steps, from `steps` on, at which the point is at the target on a finer spectrum."""
    for _ in range(most):
        height = float(land.heights(float(steps), theta)[0])
        if height <= 0:
            break
        steps += max(1, math.floor(steps * min(height, 0.5)))
    return steps


def _free(land: Landscape) -> str:
    words = [name for name, given in (("lr", land.lr), (word_of(land.method), land.rest)) if given is None]
    return " and ".join(words)


def _valley(land: Landscape):
    """(log steps, point, shape) of the least steps on the landscape without ripples; None where none were found."""
    for tau, theta in _starts(land):
        found = least_steps(land, tau, theta, taper=True)
        if found:
            return found
    return None


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
