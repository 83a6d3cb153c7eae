"""The best piecewise-constant learning rate of plain SGD on the noisy quadratic model.

L-BFGS-B moves the logarithms of the rates, with exact derivatives (`adjoint`). The rates stay at or below
2 / (h_max + h_min), where the steepest and the flattest coordinate shrink alike: just below the stability edge
2 / h_max. `precondition(problem, power)` gives the schedule of a preconditioned method.

With pieces of ten steps or more every start of the search led to one optimum in all cases looked at, equal to 12
digits, and it never rises: it stays at the cap, the longer the larger the batch, then falls. Shorter pieces with little
noise have several optima; the best of them go up and down, as Chebyshev's steps do.

References: Zhang et al. 2019, section 3; Byrd, Lu, Nocedal & Zhu 1995 (L-BFGS-B).
"""

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from functools import cache
from numbers import Integral

import numpy as np

from course_lib.nqm.adjoint import Case, case_of, loss_of
from course_lib.nqm.arguments import LONGEST, positive
from course_lib.nqm.bounds import bayes_bound
from course_lib.nqm.spectrum import Spectrum, check_problem

MOST_PIECES = 1000
LEVELS = (1, 5, 25)  # pieces of the schedules from which the search descends to the one asked for
ROUGH = 1e-9  # to which part of the log loss those are followed
SHORT = 10  # steps a piece, below which optima are many
DEEPEST = 60.0  # no log lr lies further below that of the cap


@dataclass(frozen=True)
class Schedule:
    """`lr[j]` for `lengths[j]` steps each; as a function of the step (the first is 0) what `schedules` are."""

    lr: np.ndarray  # (pieces,)
    lengths: np.ndarray  # (pieces,), steps
    loss: float  # expected, after the last step
    cap: float  # no lr was allowed above
    starts: int = 0  # points from which the search began
    certified: str = ""  # what is known of `steps`, where they were asked for
    ends: np.ndarray = field(init=False, repr=False)

    def __post_init__(self):
        object.__setattr__(self, "ends", np.cumsum(self.lengths))

    @property
    def steps(self) -> int:
        return int(self.lengths.sum())

    def __call__(self, t):
        """lr of the 0-based step `t`, a number or an array; after the end the last one."""
        return self.lr[np.minimum(np.searchsorted(self.ends, t, side="right"), len(self.lr) - 1)]


def optimal_schedule(
    problem: Spectrum, *, batch_size: float, steps=None, target=None, pieces: int = 50, equal: bool = False
) -> Schedule:
    """The schedule of `pieces` constant rates with the lowest expected loss after `steps`, or the shortest to `target`.

    Pieces are as long as each other, give or take one step where `steps` is no multiple of them; fewer steps than
    pieces make each step a piece. With `equal=True` only multiples count, and a target is reached in pieces of the
    fewest steps.

    To a target: the `steps` that come back reach it, and the loss is exact; with one step (or, if equal, one a piece)
    fewer the search does not, from any of its starts. The loss is not convex in the rates, so that this is no proof.

    Raises ValueError for an argument that is not allowed, and where 10^15 steps do not reach the target.
    """
    check_problem(problem)
    batch_size = positive("batch_size", batch_size)
    _check_count("pieces", pieces, MOST_PIECES)
    if (steps is None) == (target is None):
        raise ValueError(f"steps is {steps!r} and target {target!r}; allowed is one of them")
    if steps is not None:
        _check_count("steps", steps)
        if equal and steps % pieces:
            raise ValueError(f"steps is {steps}; with equal=True allowed is a multiple of pieces={pieces}")
    else:
        target = positive("target", target)
    case = case_of(problem, batch_size)
    return _best(case, _lengths(steps, pieces)) if target is None else _shortest(case, problem, target, pieces, equal)


def _minimise(case: Case, lengths: np.ndarray, log_lr: np.ndarray, within=1e-15) -> tuple[float, np.ndarray]:
    """(loss, log lr) that L-BFGS-B reaches from `log_lr`; it ends where log loss falls by a part `within` at most."""
    from scipy.optimize import minimize  # late: it costs half a second of CPU

    def objective(z):
        loss = loss_of(case, z, lengths)
        value = max(loss.value, np.finfo(float).tiny)
        return np.log(value), loss.by_log_lr / value

    top = np.log(case.cap)
    options = {"maxiter": 1000, "maxfun": 2000, "ftol": within, "gtol": 1e-9, "maxcor": 30}
    bounds = [(top - DEEPEST, top)] * len(log_lr)
    found = minimize(objective, log_lr, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return loss_of(case, found.x, lengths).value, found.x


def _descend(case: Case, lengths: np.ndarray, log_lr: np.ndarray) -> tuple[float, np.ndarray]:
    """The same from a few long pieces, each optimum the start of the next with more; 50 at once take ten times longer.

    Dividing a piece changes nothing, so that the loss falls all the way.
    """
    pieces = len(lengths)
    for n in sorted({n for n in LEVELS if len(log_lr) <= n < pieces}):
        log_lr = _minimise(case, np.full(n, lengths.sum() / n), _divided(log_lr, n), ROUGH)[1]
    return _minimise(case, lengths, _divided(log_lr, pieces))


def _divided(log_lr: np.ndarray, pieces: int) -> np.ndarray:
    return log_lr[np.arange(pieces) * len(log_lr) // pieces]


def _starts(case: Case, lengths: np.ndarray) -> list[np.ndarray]:
    """Log rates to begin from: constant at the cap and far below, like 1/t, and geometric.

    Where pieces are a few steps there are more optima, not all monotone, so that 1/t is also tried in all pieces.
    """
    top, at = np.log(case.cap), np.arange(LEVELS[1])
    starts = [np.array([top - 0.05]), np.array([top - 3]), top - np.log1p(at), top - 2.0 * at]
    return [*starts, top - np.log1p(np.arange(len(lengths)))] if lengths.mean() < SHORT else starts


def _best(case: Case, lengths: np.ndarray) -> Schedule:
    """The best that is found from all starts."""
    starts = _starts(case, lengths)
    loss, log_lr = min((_descend(case, lengths, z) for z in starts), key=lambda found: found[0])
    return Schedule(np.exp(log_lr), lengths, loss, case.cap, len(starts))


def _lengths(steps: int, pieces: int) -> np.ndarray:
    """`steps` in at most `pieces` whole numbers, none of which differs from another by more than one."""
    pieces = min(pieces, steps)
    return np.diff([j * int(steps) // pieces for j in range(pieces + 1)])


def _shortest(case: Case, problem: Spectrum, target: float, pieces: int, equal: bool) -> Schedule:
    if problem.initial_loss <= target:
        return Schedule(np.array([]), np.array([], int), problem.initial_loss, case.cap, 0, "reached before any step")
    unit = pieces if equal else 1
    steps, log_lr = _real_steps(case, problem, target, pieces)

    @cache
    def near(n: int) -> Schedule:
        lengths = _lengths(n * unit, pieces)
        warm = np.interp(np.linspace(0, 1, len(lengths)), np.linspace(0, 1, pieces), log_lr)
        loss, found = _minimise(case, lengths, warm)
        return Schedule(np.exp(found), lengths, loss, case.cap)

    @cache
    def anywhere(n: int) -> Schedule:
        return _best(case, _lengths(n * unit, pieces))

    n = _first(lambda n: near(n).loss <= target, max(1, round(steps / unit)))
    best = near(n)
    if n > 1 and anywhere(n - 1).loss <= target:  # another optimum is lower
        n = _first(lambda n: anywhere(n).loss <= target, n - 1)
        best = anywhere(n)
    starts = len(_starts(case, best.lengths))
    return replace(best, starts=starts, certified=f"reached; with {unit} fewer not from any of {starts} starts")


def _real_steps(case: Case, problem: Spectrum, target: float, pieces: int) -> tuple[float, np.ndarray]:
    """Newton's method for log T where the optimal loss is the target, the pieces of any real length; and log lr there.

    At an optimum the loss changes with T as it does with the rates held (envelope theorem).
    """
    fewest = max(bayes_bound(problem, target, case.batch_size), _noiseless_steps(case, target))
    log_steps = np.log(fewest)
    log_lr = _descend(case, np.full(pieces, fewest / pieces), np.array([np.log(case.cap) - 0.05]))[1]
    for _ in range(60):
        lengths = np.full(pieces, np.exp(log_steps) / pieces)
        log_lr = _minimise(case, lengths, log_lr)[1]
        loss = loss_of(case, log_lr, lengths)
        value = max(loss.value, np.finfo(float).tiny)
        slope = min(loss.by_log_steps / value, -0.01)
        move = max(-log_steps, np.clip((np.log(target) - np.log(value)) / slope, -3.0, 3.0))
        log_steps += move
        if np.exp(log_steps) > LONGEST:
            raise ValueError(f"target is {target!r}; no schedule of {LONGEST:.0e} steps reaches it")
        if abs(move) < max(0.1 * np.exp(-log_steps), 1e-13):
            break
    return float(np.exp(log_steps)), log_lr


def _noiseless_steps(case: Case, target: float) -> int:
    """Steps to the target at the cap if there were no noise."""
    x = case.cap * case.h
    with np.errstate(divide="ignore"):
        rate = np.log1p(-x * (2 - x))
    reached = lambda t: case.weight @ (case.start * np.exp(t * rate)) <= target  # noqa: E731
    return bisect_left(range(LONGEST), True, lo=1, key=reached)


def _first(holds, guess: int) -> int:
    """The first n >= 1 at which `holds`, which stays true from there on; looked for from `guess` outwards."""
    low, high, step = guess - 1, guess, 1
    while not holds(high):
        low, high, step = high, high + step, 2 * step
    while low >= 1 and holds(low):
        low, high, step = max(0, low - step), low, 2 * step
    return bisect_left(range(high), True, lo=low + 1, key=holds)


def _check_count(name: str, value, most: int = LONGEST) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or not 1 <= value <= most:
        raise ValueError(f"{name} is {value!r}; allowed is a whole number from 1 to {most:.0e}")
