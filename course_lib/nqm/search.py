"""The fewest steps to a target loss, minimised over the learning rate and the momentum or decay.

The answer is the smallest whole t at which some pair of hyperparameters has an expected loss <= target. Newton's method
finds the least real t on a compressed spectrum (`landscape`), then the valley is followed at whole t until it reaches
the target at T and not at T - 1. A heavy ball's loss has ripples in lr, one for every half turn that the steepest
coordinate makes in T steps: they are smoothed away first, then the valley is scanned at a quarter of their length, and
the lowest of them are followed instead. Where steps and coordinates are few a grid is swept from the first step on
(`sweep`), since Newton's method need not settle there.

Reference: Zhang et al. 2019, section 3 (steps to a target, tuned at every batch size).
"""

import math
from dataclasses import dataclass

import numpy as np

from course_lib.nqm.arguments import LONGEST, positive, single, word_of
from course_lib.nqm.certificate import certify_least
from course_lib.nqm.first_hit import first_hit
from course_lib.nqm.follower import Follower
from course_lib.nqm.landscape import Landscape
from course_lib.nqm.quick import losses
from course_lib.nqm.ripples import bottoms, finest
from course_lib.nqm.spectrum import Spectrum, check_problem, compress
from course_lib.nqm.sweep import cheap, lower_dip, sweep
from course_lib.nqm.valley import valley

SMOOTH, OSCILLATING = {"head": 64, "nodes": 12}, {"head": 64, "nodes": 16}  # compressed spectra of the search
FINE = {"head": 256, "nodes": 20}  # on which the answer is checked
RESCANS, FEW = 20, 2000  # steps below which another ripple may be the lowest one step earlier
VALLEYS = 10  # changed at most
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
    `expected_loss` but the look-ahead point.

    Only stable rates, below the edge, are searched, and the lowest valley that was found is no proof that there is none
    lower: with a few coordinates and a tiny target, where one swing through the minimum may be quicker than any decay,
    or with momentum given at a large batch, where single ripples are deep, a smaller number may exist.

    `certify` looks for a counterexample all over the landscape at one step less and takes the loss from the whole
    spectrum; it costs about ten times the search. It settles on one number or says "not certified".

    Raises ValueError for a target or batch size that is not a finite number > 0, momentum or decay outside [0, 1).
    """
    check_problem(problem)
    target, batch_size = positive("target", target), positive("batch_size", batch_size)
    lr = None if lr is None else positive("lr", lr)
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
        return 1 - single(word, given, 0.0, 1.0)
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
    smooth = valley(land)
    if smooth and smooth[0] >= math.log(LONGEST):
        return _out_of_reach(land, f"it takes more than {LONGEST:.0e} steps")
    found = _followed(problem, land, *smooth) if smooth else None
    most = found[0] - 1 if found else LONGEST
    early = sweep(land, most) if not found or cheap(land, most) else None
    if early:
        found = *early, "the first of all steps at which a grid's lowest dips, followed to the bottom, reach it"
    if not found:
        why = f"no choice of {_free(land)} that was tried reaches the target in {LONGEST:.0e} steps"
        return _out_of_reach(land, why)
    steps, theta, certified = found
    if certify:
        steps, theta, certified = certify_least(problem, land, steps, theta)
    lr, rest = (float(v[0]) for v in land.pair(theta))
    return _answer(problem if certify else land.problem, land.method, steps, lr, rest, land.batch_size, certified)


def _followed(problem: Spectrum, land: Landscape, tau: float, theta, shape) -> tuple[int, np.ndarray, str]:
    """(whole steps, point, how they are known) from the smooth optimum."""
    steps = max(1, math.ceil(math.exp(tau)))
    if land.method in WAVY:
        steps, theta = _elsewhere(land, *_in_ripples(land, steps, tau, theta, shape))
        steps = _enough(land._replace(problem=compress(problem, **FINE)), steps, theta)
        how = "followed in the lowest ripples near the valley's bottom"
    else:
        steps, theta = Follower(land, theta[None]).least(steps)
        how = "followed along the valley's bottom"
    if steps > EXACT_TO:
        return steps, theta, f"to nine digits; {how}"
    return steps, theta, f"the minimum is above the target at {steps - 1}, {how}"


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


def _elsewhere(land: Landscape, steps: int, theta) -> tuple[int, np.ndarray]:
    """The same, or fewer where another valley of a few coordinates is lower."""
    for _ in range(VALLEYS):
        better = lower_dip(land, steps - 1, theta) if steps > 1 else None
        if better is None:
            break
        steps, theta = Follower(land, better[None]).least(steps - 1)
    return steps, theta


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
