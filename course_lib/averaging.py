"""Averages of the points that an optimiser passes through: less noise than its last point, for one line a step.

    running mean (SWA)    w = 1 / t
    EMA                   w = 1 - decay, but 1 at t = 1: it begins at the first point
    EMA with warm-up      w = 1 - min(decay, t / (9 + t)), the same but 1 at t = 1
    mean <- mean + w * (p - mean)

An average is a pair like a rule's, `init(p) -> State` and `step(p, s) -> State`, and `value(s)` reads it; it never
touches p. On x <- a x + noise the EMA has (1 - decay)/(1 + decay) * (1 + a decay)/(1 - a decay) of x's variance.

An EMA may also begin at zero, w = 1 - decay throughout; it is then too small by 1 - decay^t, and `value` divides by
that, as Adam does. Without the division it is a mistake that shows for about 1 / (1 - decay) steps.

Lookahead's slow weights are an average that the rule itself goes back to: `rules.lookahead`.

Convention: PyTorch's `AveragedModel`, whose first update copies. The warm-up is that of TensorFlow's
`ExponentialMovingAverage`, min(decay, (1 + n) / (10 + n)) with n = t - 1 points averaged before; timm's `ModelEmaV3`
has another curve, 1 - (1 + n)^(-2/3).

References: Polyak & Juditsky 1992; Izmailov et al. 2018 (SWA).
"""

from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import NamedTuple

from course_lib.arrays import Array, maximum, one_minus_power, where, zeros_like


class State(NamedTuple):
    mean: Array  # shape and dtype of p
    t: Array  # points averaged, one integer


class Average(NamedTuple):
    init: Callable  # init(p) -> State
    step: Callable  # step(p, s) -> State
    value: Callable  # value(s) -> the average, after one step at least


def running_mean() -> Average:
    """All points alike. Begin it late: the first ones are far from where the run ends."""
    return Average(init, partial(_step, _equal), _mean)


def ema(decay: float = 0.999, warmup: bool = False) -> Average:
    """Remembers about 1 / (1 - decay) points; with `warmup` at the beginning about a ninth of those it has seen."""
    check_decay(decay)
    return Average(init, partial(_step, partial(_warm if warmup else _constant, decay)), _mean)


def ema_from_zero(decay: float = 0.999) -> Average:
    """Begins at zero, `value` corrects that; differs from `ema` in how much it makes of the first point."""
    check_decay(decay)
    return Average(init, partial(_step, partial(_always, decay)), partial(_corrected, decay))


def init(p: Array) -> State:
    return State(mean=zeros_like(p), t=0)


def check_decay(decay) -> None:
    """Raise ValueError or TypeError in one sentence unless 0 <= decay < 1."""
    if not isinstance(decay, Real) or isinstance(decay, bool):
        raise TypeError(f"decay is {decay!r}; allowed is a number >= 0 and < 1")
    if not 0 <= decay < 1:
        raise ValueError(f"decay is {decay}; allowed is a number >= 0 and < 1")


def _step(weight: Callable, p: Array, s: State) -> State:
    t = s.t + 1
    return State(s.mean + weight(t) * (p - s.mean), t)


def _equal(t):
    return 1 / t


def _constant(decay, t):
    return where(t == 1, 1.0, 1 - decay)


def _warm(decay, t):
    return where(t == 1, 1.0, maximum(9 / (9 + t), 1 - decay))


def _always(decay, t):
    return 1 - decay


def _mean(s: State) -> Array:
    return s.mean


def _corrected(decay, s: State) -> Array:
    return s.mean / one_minus_power(decay, s.t)
