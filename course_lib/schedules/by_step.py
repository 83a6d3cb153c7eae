"""Learning rates that are cut at certain steps, or that a function of the student's own decides."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from course_lib.arrays import Array, minimum, namespace
from course_lib.schedules import allowed


@dataclass(frozen=True)
class Step:
    """lr * gamma^floor(t / step_size), for ever: cut at t = step_size, 2 * step_size, ...

    torch: `StepLR`. optax: `exponential_decay(lr, step_size, gamma, staircase=True)`.
    """

    lr: float
    step_size: int
    gamma: float = 0.1

    def __post_init__(self):
        allowed.number("lr", self.lr)
        allowed.steps("step_size", self.step_size)
        allowed.number("gamma", self.gamma)

    def __call__(self, t: Array) -> Array:
        return self.lr * self.gamma ** (t // self.step_size)


@dataclass(frozen=True)
class MultiStep:
    """lr * gamma^(number of milestones that t has reached): the step t = milestone is the first with the lower rate.

    torch: `MultiStepLR`. optax: `piecewise_constant_schedule(lr, {milestone: gamma, ...})`. Both stay at the last rate.
    """

    lr: float
    milestones: tuple[int, ...]
    gamma: float = 0.1

    def __post_init__(self):
        allowed.number("lr", self.lr)
        allowed.milestones("milestones", self.milestones)
        allowed.number("gamma", self.gamma)
        object.__setattr__(self, "milestones", tuple(self.milestones))

    def __call__(self, t: Array) -> Array:
        return self.lr * self.gamma ** sum((1 * (t >= m) for m in self.milestones), 0 * t)


@dataclass(frozen=True)
class Lambda:
    """lr * factor(t): `factor` is asked afresh and multiplies the *first* lr. torch: `LambdaLR`.

    An array of steps is given to `factor` one number at a time, a tracer whole.
    """

    lr: float
    factor: Callable

    def __post_init__(self):
        allowed.number("lr", self.lr)
        allowed.function("factor", self.factor)

    def __call__(self, t: Array) -> Array:
        return self.lr * each(self.factor, t)


@dataclass(frozen=True)
class Multiplicative:
    """lr * factor(1) * ... * factor(t): `factor` multiplies the *current* lr. torch: `MultiplicativeLR`.

    The product costs t calls of `factor`. For a tracer it is a table that is made beforehand, for `total_steps` steps,
    and whose last entry holds beyond.
    """

    lr: float
    factor: Callable
    total_steps: int | None = None

    def __post_init__(self):
        allowed.number("lr", self.lr)
        allowed.function("factor", self.factor)
        if self.total_steps is not None:
            allowed.steps("total_steps", self.total_steps)

    def __call__(self, t: Array) -> Array:
        if isinstance(t, int | float):
            return self._table(int(t))[-1]
        if isinstance(t, np.ndarray | np.generic):
            return np.array(self._table(int(np.max(t, initial=0))))[np.asarray(t, int)]
        if self.total_steps is None:
            raise ValueError("Expected positive integer total_steps for a traced step, but got None")
        return namespace(t).asarray(self._table(self.total_steps))[minimum(t, self.total_steps)]

    def _table(self, steps: int) -> list:
        return list(accumulate(range(1, steps + 1), lambda lr, t: lr * self.factor(t), initial=self.lr))


def each(function: Callable, t: Array) -> Array:
    """`function` of every step in an array; a number or a tracer is handed over as it is."""
    if not isinstance(t, np.ndarray):
        return function(t)
    return np.array([function(step) for step in t.ravel().tolist()], dtype=float).reshape(t.shape)
