"""Learning rates that change at every step: a formula in t, the 0-based count of the steps taken before.

Each is a value, called with t (a number, an array of steps, a tracer) to give lr. Nothing changes when it is called.
Where t is the first to be divided it is multiplied by 1.0 before: JAX divides 32-bit integers in float32, whatever the
precision of the rest.
"""

import math
from dataclasses import dataclass

from course_lib.arrays import Array, cos, floor, minimum
from course_lib.schedules import allowed


@dataclass(frozen=True)
class Constant:
    """The same lr at every step, for ever. optax: `constant_schedule`."""

    lr: float

    def __post_init__(self):
        allowed.number("lr", self.lr)

    def __call__(self, t: Array) -> Array:
        return self.lr + 0.0 * t


@dataclass(frozen=True)
class Linear:
    """lr + (end_lr - lr) * t / total_steps, then end_lr for ever: a decay, or a warm-up.

    optax: `linear_schedule(lr, end_lr, total_steps)`. torch: `LinearLR`, with both rates as factors of the optimiser's.
    """

    lr: float
    total_steps: int
    end_lr: float = 0.0

    def __post_init__(self):
        allowed.number("lr", self.lr)
        allowed.steps("total_steps", self.total_steps)
        allowed.number("end_lr", self.end_lr)

    def __call__(self, t: Array) -> Array:
        return self.lr + (self.end_lr - self.lr) * minimum(t, self.total_steps) / self.total_steps


@dataclass(frozen=True)
class Polynomial:
    """end_lr + (lr - end_lr) * (1 - t / total_steps)^power, then end_lr for ever.

    optax: `polynomial_schedule(lr, end_lr, power, total_steps)`. torch: `PolynomialLR`, whose end_lr is 0.
    """

    lr: float
    total_steps: int
    power: float = 1.0
    end_lr: float = 0.0

    def __post_init__(self):
        allowed.number("lr", self.lr)
        allowed.steps("total_steps", self.total_steps)
        allowed.number("power", self.power)
        allowed.number("end_lr", self.end_lr)

    def __call__(self, t: Array) -> Array:
        left = 1.0 - 1.0 * minimum(t, self.total_steps) / self.total_steps
        return self.end_lr + (self.lr - self.end_lr) * left**self.power


@dataclass(frozen=True)
class Exponential:
    """lr * gamma^t, for ever. torch: `ExponentialLR`.

    optax: `exponential_decay(lr, transition_steps, decay_rate)`, where gamma = decay_rate^(1 / transition_steps).
    """

    lr: float
    gamma: float

    def __post_init__(self):
        allowed.number("lr", self.lr)
        allowed.number("gamma", self.gamma)

    def __call__(self, t: Array) -> Array:
        return self.lr * self.gamma**t


@dataclass(frozen=True)
class InverseTime:
    """lr / (1 + decay_rate * t / decay_steps), for ever; `staircase` rounds t / decay_steps down.

    Computed from the first lr each time. Written in place, lr = lr / (1 + decay_rate * t), it compounds: after 10 steps
    at decay_rate 0.1 it is at 0.015 of the first lr, and not at half. Keras: `InverseTimeDecay`; torch, optax: none.
    """

    lr: float
    decay_rate: float
    decay_steps: int = 1
    staircase: bool = False

    def __post_init__(self):
        allowed.number("lr", self.lr)
        allowed.number("decay_rate", self.decay_rate)
        allowed.steps("decay_steps", self.decay_steps)

    def __call__(self, t: Array) -> Array:
        age = 1.0 * t / self.decay_steps
        return self.lr / (1.0 + self.decay_rate * (floor(age) if self.staircase else age))


@dataclass(frozen=True)
class Cosine:
    """end_lr + (lr - end_lr) * (1 + cos(pi * t / total_steps)) / 2: half a wave from lr down to end_lr.

    Past the end it rises again, back to lr at 2 * total_steps, as torch's `CosineAnnealingLR` does; `hold` keeps it at
    end_lr, as optax's `cosine_decay_schedule(lr, total_steps, alpha=end_lr / lr)` does.

    References: Loshchilov & Hutter 2017, equation 5.
    """

    lr: float
    total_steps: int
    end_lr: float = 0.0
    hold: bool = False

    def __post_init__(self):
        allowed.number("lr", self.lr)
        allowed.steps("total_steps", self.total_steps)
        allowed.number("end_lr", self.end_lr)

    def __call__(self, t: Array) -> Array:
        t = minimum(t, self.total_steps) if self.hold else t
        return self.end_lr + (self.lr - self.end_lr) * (1.0 + cos(math.pi * t / self.total_steps)) / 2.0
