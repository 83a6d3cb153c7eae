"""Cut the learning rate when a metric has stopped improving: a pair (init, step), like a rule, for lr.

    better   metric < best * (1 - threshold)          mode "min", threshold_mode "rel"
    bad      <- 0 if better, else bad + 1
    lr       <- max(lr * factor, min_lr) where bad > patience; then bad <- 0

So it is the bad epoch number patience + 1 that cuts. For `cooldown` epochs after a cut no epoch counts as bad. A cut of
`eps` or less is left out. A NaN is never better.

torch: `ReduceLROnPlateau`. optax: `contrib.reduce_on_plateau` gives a scale for the updates, and cuts at the bad epoch
number patience: its patience is this one plus 1.
"""

import math
from typing import NamedTuple

from course_lib.arrays import Array, maximum, where
from course_lib.schedules import allowed


class State(NamedTuple):
    best: Array  # the best metric so far
    bad: Array  # epochs since then, cool-down left out
    cooldown: Array  # epochs of cool-down that are left


def init(mode: str = "min") -> State:
    """The state before the first metric. Raises ValueError for an unknown mode."""
    allowed.one_of("mode", mode, ("min", "max"))
    return State(best=math.inf if mode == "min" else -math.inf, bad=0, cooldown=0)


def step(
    lr: Array,
    metric: Array,
    s: State,
    *,
    mode: str = "min",
    factor: float = 0.1,
    patience: int = 10,
    threshold: float = 1e-4,
    threshold_mode: str = "rel",
    cooldown: int = 0,
    min_lr: float = 0.0,
    eps: float = 1e-8,
) -> tuple[Array, State]:
    """The rate for the next epoch, and the state. Raises ValueError for an argument that is out of range."""
    check(mode, factor, patience, threshold, threshold_mode, cooldown, min_lr, eps)
    better = _better(metric, s.best, mode, threshold, threshold_mode)
    best = where(better, metric, s.best)
    bad = where(better, 0, s.bad + 1)
    bad = where(s.cooldown > 0, 0, bad)
    rest = where(s.cooldown > 0, s.cooldown - 1, s.cooldown)
    cut = bad > patience
    lower = maximum(lr * factor, min_lr)
    lr = where(cut, where(lr - lower > eps, lower, lr), lr)
    return lr, State(best, where(cut, 0, bad), where(cut, cooldown, rest))


def check(mode, factor, patience, threshold, threshold_mode, cooldown, min_lr, eps) -> None:
    """Raise ValueError, in one sentence, for an argument of `step` that is out of range."""
    allowed.one_of("mode", mode, ("min", "max"))
    allowed.one_of("threshold_mode", threshold_mode, ("rel", "abs"))
    if not 0 <= factor < 1:
        raise ValueError(f"Factor should be < 1.0 and >= 0, but got factor {factor!r}")
    allowed.steps("patience", patience, least=0)
    allowed.steps("cooldown", cooldown, least=0)
    for name, value in (("threshold", threshold), ("min_lr", min_lr), ("eps", eps)):
        allowed.number(name, value)


def _better(metric: Array, best: Array, mode: str, threshold: float, threshold_mode: str) -> Array:
    sign = 1 if mode == "max" else -1
    bar = best * (1 + sign * threshold) if threshold_mode == "rel" else best + sign * threshold
    return metric > bar if mode == "max" else metric < bar
