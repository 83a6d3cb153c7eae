"""Learning rates that go up and down: warm restarts, triangles, one cycle. The last two have a momentum as well."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from course_lib.arrays import Array, cos, minimum, where
from course_lib.schedules import allowed
from course_lib.schedules.by_step import each

FOR_EVER = 2**31 - 1  # steps that a 32-bit count can name


@dataclass(frozen=True)
class CosineRestarts:
    """Cosines from lr to end_lr: over `first_steps`, then again from lr, each `multiplier` times as long; for ever.

    The step at which a cycle is full is the first of the next one. torch: `CosineAnnealingWarmRestarts(T_0, T_mult)`.
    optax: `sgdr_schedule` over as many cycles as are listed; past them it holds the last value.

    References: Loshchilov & Hutter 2017, equation 5.
    """

    lr: float
    first_steps: int
    multiplier: int = 1
    end_lr: float = 0.0

    def __post_init__(self):
        allowed.number("lr", self.lr)
        allowed.steps("first_steps", self.first_steps)
        allowed.steps("multiplier", self.multiplier)
        allowed.number("end_lr", self.end_lr)

    def __call__(self, t: Array) -> Array:
        age, length = self._cycle(t)
        return self.end_lr + (self.lr - self.end_lr) * (1.0 + cos(math.pi * age / length)) / 2.0

    def _cycle(self, t: Array) -> tuple[Array, Array]:
        """Steps since the last restart, and the length of this cycle; counted, since a logarithm misses boundaries."""
        if self.multiplier == 1:
            return t % self.first_steps, self.first_steps
        age, length, start, size = t, self.first_steps, self.first_steps, self.first_steps
        while start < FOR_EVER:
            age = age - (t >= start) * size
            length = length + (t >= start) * size * (self.multiplier - 1)
            size *= self.multiplier
            start += size
        return age, length


@dataclass(frozen=True)
class Cyclic:
    """Triangles between base_lr and max_lr, up in `step_size_up` steps and down in `step_size_down`; for ever.

    `mode`: "triangular"; "triangular2" halves the height after each cycle; "exp_range" multiplies it by gamma^t. Or a
    `scale_fn` of the cycle's number (from 1), or of t with `scale_mode="iterations"`. `momentum(t)` goes the other way,
    from max_momentum down to base_momentum and back. torch: `CyclicLR`, which writes this momentum into the optimiser
    unless told otherwise. optax has none.

    References: Smith 2017.
    """

    base_lr: float
    max_lr: float
    step_size_up: float = 2000
    step_size_down: float | None = None
    mode: str = "triangular"
    gamma: float = 1.0
    scale_fn: Callable | None = None
    scale_mode: str = "cycle"
    base_momentum: float = 0.8
    max_momentum: float = 0.9

    def __post_init__(self):
        for name in ("base_lr", "max_lr", "gamma", "base_momentum", "max_momentum"):
            allowed.number(name, getattr(self, name))
        allowed.number("step_size_up", self.step_size_up, above=True)
        if self.step_size_down is not None:
            allowed.number("step_size_down", self.step_size_down, above=True)
        if self.scale_fn is None:
            allowed.one_of("mode", self.mode, ("triangular", "triangular2", "exp_range"))
        else:
            allowed.function("scale_fn", self.scale_fn)
            allowed.one_of("scale_mode", self.scale_mode, ("cycle", "iterations"))

    def __call__(self, t: Array) -> Array:
        return self.base_lr + (self.max_lr - self.base_lr) * self._height(t)

    def momentum(self, t: Array) -> Array:
        return self.max_momentum - (self.max_momentum - self.base_momentum) * self._height(t)

    def _height(self, t: Array) -> Array:
        """0 at the foot, 1 at the first peak."""
        up, down = self.step_size_up, self.step_size_down or self.step_size_up
        age, cycle = 1.0 * (t % (up + down)), t // (up + down)
        return where(age <= up, age / up, (up + down - age) / down) * self._scale(cycle, t)

    def _scale(self, cycle: Array, t: Array) -> Array:
        if self.scale_fn is not None:
            return each(self.scale_fn, cycle + 1 if self.scale_mode == "cycle" else t)
        return {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": self.gamma**t}[self.mode]


@dataclass(frozen=True)
class OneCycle:
    """From max_lr / div_factor up to max_lr, then down to the first rate / final_div_factor, once.

    The peak is at step pct_start * total_steps - 1, the end at total_steps - 1. Between them `anneal_strategy` "cos" or
    "linear"; with `three_phase` the way down passes the first rate, in a mirror image of the way up. `momentum(t)` goes
    the other way, from max_momentum to base_momentum and back.

    Past the end: as in torch's `OneCycleLR`, t = total_steps is extrapolated (a loop of total_steps steps asks for it
    at last, and uses it for nothing) and t beyond raises ValueError. `hold` keeps the last value from total_steps - 1
    on; so does a tracer, which cannot raise. optax's `cosine_onecycle_schedule` holds too; its peak and end are at
    int(pct_start * steps) and at steps, so it is this one with total_steps = steps + 1 and
    pct_start = (int(pct_start * steps) + 1) / (steps + 1).

    References: Smith & Topin 2018 (super-convergence); two phases as in fastai.
    """

    max_lr: float
    total_steps: int
    pct_start: float = 0.3
    anneal_strategy: str = "cos"
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    three_phase: bool = False
    base_momentum: float = 0.85
    max_momentum: float = 0.95
    hold: bool = False

    def __post_init__(self):
        allowed.steps("total_steps", self.total_steps)
        allowed.number("pct_start", self.pct_start, 0.0, 1.0)
        allowed.one_of("anneal_strategy", self.anneal_strategy, ("cos", "linear"))
        for name in ("max_lr", "base_momentum", "max_momentum"):
            allowed.number(name, getattr(self, name))
        for name in ("div_factor", "final_div_factor"):
            allowed.number(name, getattr(self, name), above=True)

    def __call__(self, t: Array) -> Array:
        first = self.max_lr / self.div_factor
        back = (first,) if self.three_phase else ()
        return self._through((first, self.max_lr, *back, first / self.final_div_factor), t)

    def momentum(self, t: Array) -> Array:
        high, low = self.max_momentum, self.base_momentum
        return self._through((high, low, high, high) if self.three_phase else (high, low, high), t)

    def _through(self, corners: tuple, t: Array) -> Array:
        """The value at t on the way through the corners."""
        t, peak = self._inside(t), self.pct_start * self.total_steps - 1
        ends = (0.0, peak, *((2 * peak,) if self.three_phase else ()), self.total_steps - 1)
        phases = zip(pairwise(ends), pairwise(corners), strict=True)
        *earlier, last = ((end, self._anneal(t, start, end, a, b)) for (start, end), (a, b) in phases)
        value = last[1]
        for end, here in reversed(earlier):
            value = where(t <= end, here, value)
        return value

    def _anneal(self, t: Array, start: float, end: float, a: float, b: float) -> Array:
        done = (t - start) / ((end - start) or 1.0)
        return a + (b - a) * done if self.anneal_strategy == "linear" else b + (a - b) / 2.0 * (cos(math.pi * done) + 1)

    def _inside(self, t: Array) -> Array:
        number = isinstance(t, int | float)
        if self.hold or not (number or isinstance(t, np.ndarray | np.generic)):
            return minimum(t, self.total_steps - 1)
        last = t if number else np.max(t, initial=0)
        if last > self.total_steps:
            raise ValueError(
                f"Tried to step {last} times. The specified number of total steps is {self.total_steps}: the cycle is "
                "over; give a larger total_steps, or hold=True to keep the last lr"
            )
        return t
