"""Schedules made of schedules: one after the other, one times the other, a warm-up in front."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from course_lib.arrays import Array, maximum, minimum, where
from course_lib.schedules import allowed


@dataclass(frozen=True)
class WarmUp:
    """A straight rise over `warmup_steps` to the first rate of `schedule`, which begins at t = warmup_steps.

    schedule(0) * (start_factor + (1 - start_factor) * t / warmup_steps). The whole takes warmup_steps more than
    `schedule` alone. At start_factor 0 the first step moves nothing. torch: `SequentialLR` of a `LinearLR` and the
    rest. optax: `warmup_cosine_decay_schedule(start, lr, warmup_steps, decay_steps)` around
    `Cosine(lr, decay_steps - warmup_steps, hold=True)`, and `join_schedules` around any.

    References: Goyal et al. 2017, section 2.2.
    """

    schedule: Callable
    warmup_steps: int
    start_factor: float = 0.0

    def __post_init__(self):
        allowed.function("schedule", self.schedule)
        allowed.steps("warmup_steps", self.warmup_steps, least=0)
        allowed.number("start_factor", self.start_factor, 0.0, 1.0)
        total = getattr(self.schedule, "total_steps", None)
        if total is not None and self.warmup_steps > total:
            raise ValueError(
                f"Expected warmup_steps no longer than the schedule behind it ({total} total_steps), "
                f"but got {self.warmup_steps}"
            )

    def __call__(self, t: Array) -> Array:
        done = 1.0 * minimum(t, self.warmup_steps) / max(self.warmup_steps, 1)
        rise = self.schedule(0) * (self.start_factor + (1.0 - self.start_factor) * done)
        return where(t < self.warmup_steps, rise, self.schedule(maximum(t - self.warmup_steps, 0)))


@dataclass(frozen=True)
class Trapezoid:
    """Up in `warmup_steps`, flat at lr, down to end_lr in the last `cooldown_steps`, then end_lr for ever.

    lr * t / warmup_steps; lr; lr + (end_lr - lr) * (t - (total_steps - cooldown_steps)) / cooldown_steps. Also called
    WSD (warm-up, stable, decay): the flat part can be prolonged at will, since only the cool-down knows the end.
    torch and optax have it as a sequence of three.

    References: Hu et al. 2024 (MiniCPM), section 4; Hägele et al. 2024.
    """

    lr: float
    total_steps: int
    warmup_steps: int = 0
    cooldown_steps: int = 0
    end_lr: float = 0.0

    def __post_init__(self):
        allowed.number("lr", self.lr)
        allowed.steps("total_steps", self.total_steps)
        allowed.steps("warmup_steps", self.warmup_steps, least=0)
        allowed.steps("cooldown_steps", self.cooldown_steps, least=0)
        allowed.number("end_lr", self.end_lr)
        if self.warmup_steps + self.cooldown_steps > self.total_steps:
            raise ValueError(
                f"Expected warmup_steps + cooldown_steps <= total_steps ({self.total_steps}), "
                f"but got {self.warmup_steps} + {self.cooldown_steps}"
            )

    def __call__(self, t: Array) -> Array:
        down = self.total_steps - self.cooldown_steps
        rise = 1.0 * minimum(t, self.warmup_steps) / self.warmup_steps if self.warmup_steps else 1.0 + 0.0 * t
        fall = 1.0 * minimum(maximum(t - down, 0), self.cooldown_steps) / max(self.cooldown_steps, 1)
        return self.lr * rise + (self.end_lr - self.lr) * fall


@dataclass(frozen=True)
class Sequential:
    """`schedules[0]` up to milestones[0], then `schedules[1]` from its own step 0 up to milestones[1], and so on.

    torch: `SequentialLR`. optax: `join_schedules`. Past the last milestone the last schedule goes on.
    """

    schedules: tuple[Callable, ...]
    milestones: tuple[int, ...]

    def __post_init__(self):
        object.__setattr__(self, "schedules", tuple(self.schedules))
        object.__setattr__(self, "milestones", tuple(self.milestones))
        allowed.schedules("schedules", self.schedules)
        one_fewer("schedules", self.schedules, self.milestones)

    def __call__(self, t: Array) -> Array:
        if isinstance(t, int | float):
            index, age = part(self.milestones, t)
            return self.schedules[index](age)
        starts, ends = (0, *self.milestones), (*self.milestones, None)
        value = None
        for schedule, start, end in zip(self.schedules, starts, ends, strict=True):
            age = maximum(t - start, 0)  # and no part is asked for steps that are not its own: a OneCycle would raise
            here = schedule(age if end is None else minimum(age, end - start))
            value = here if value is None else where(t >= start, here, value)
        return value


@dataclass(frozen=True)
class Chained:
    """The product of its parts: one schedule of rates, and factors, which are schedules with an lr of 1.

        Chained((Cosine(0.1, 1000), Linear(0.2, 50, end_lr=1.0)))

    torch: `ChainedScheduler`, where each part multiplies the rate that the others left. optax: multiply two schedules.
    """

    schedules: tuple[Callable, ...]

    def __post_init__(self):
        object.__setattr__(self, "schedules", tuple(self.schedules))
        allowed.schedules("schedules", self.schedules)

    def __call__(self, t: Array) -> Array:
        first, *factors = self.schedules
        value = first(t)
        for factor in factors:
            value = value * factor(t)
        return value


def part(milestones: Sequence[int], t: float) -> tuple[int, float]:
    """Which of the parts step t belongs to, and the step's number in that part."""
    index = bisect_right(milestones, t)
    return index, t - (milestones[index - 1] if index else 0)


def one_fewer(name: str, schedules: Sequence, milestones: Sequence[int]) -> None:
    """Raise ValueError unless the milestones increase and are one fewer than the schedules between which they lie."""
    allowed.milestones("milestones", milestones, least=1)
    if len(milestones) != len(schedules) - 1:
        raise ValueError(
            f"Expected number of {name} to be one more than the number of milestones, "
            f"but got {len(schedules)} and {len(milestones)}"
        )
