"""Lesson 08: what a schedule is worth at which batch size, on the noisy quadratic."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from course_lib.experiments.lr_in_loops import at_scale, both, train_digits, traps
from course_lib.experiments.scheduler_table import curves, markdown, worst_difference
from course_lib.nqm.spectrum import compress, harmonic
from course_lib.schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseTime,
    Linear,
    MultiStep,
    OneCycle,
    Trapezoid,
)

__all__ = [  # noqa: RUF022
    "STEPS", "SHAPES", "EDGE", "expected", "best", "table", "optima", "orders", "best_cooldown", "compute",
    "train_digits", "at_scale", "both", "traps", "plateau_rates", "curves", "markdown",
    "worst_difference",
]  # fmt: skip

STEPS = 1000
MODEL = compress(harmonic(1000), head=32, nodes=16)  # h = c = 1/i in 1000 dimensions, from 111 nodes, to 15 digits
EDGE = 2.0  # 2 / h_max: a higher rate makes the steepest direction grow
SHAPES: dict[str, Callable] = {
    "constant": Constant(1.0),
    "1/t": InverseTime(1.0, 0.01),
    "steps": MultiStep(1.0, (500, 750)),
    "exponential": Exponential(1.0, 0.01 ** (1 / STEPS)),
    "linear": Linear(1.0, STEPS),
    "cosine": Cosine(1.0, STEPS),
    "trapezoid": Trapezoid(1.0, STEPS, cooldown_steps=200),
    "one-cycle": OneCycle(1.0, STEPS),
    "three cosines": CosineRestarts(1.0, 334),
}


def variance(v, lr, h, noise):
    """E p^2 after a step of SGD on curvature h with gradient noise of this variance, from E p^2 = v before."""
    return (1 - lr * h) ** 2 * v + lr**2 * noise


def expected(rates, batch_size: float, step: Callable = variance) -> np.ndarray:
    """The exact expected loss on the noisy quadratic before each step and after the last, shape (T + 1, runs).

    `rates` has shape (T, runs), `step` is `variance` or a student's.
    """
    h, noise = MODEL.h, MODEL.c / batch_size
    v, weight = np.ones((rates.shape[1], len(h))), MODEL.weight * h / 2
    losses = [v @ weight]
    with np.errstate(over="ignore", invalid="ignore"):
        for lr in rates[:, :, None]:
            v = step(v, lr, h, noise)
            losses.append(v @ weight)
    return np.array(losses)


class Best(NamedTuple):
    """One plan at its best peak."""

    peak: float
    rates: np.ndarray  # (T,)
    loss: np.ndarray  # (T + 1,), expected


def best(shape: Callable, batch_size: float, step: Callable = variance, *, steps=STEPS, top=EDGE, points=40) -> Best:
    """The plan `shape`, a schedule whose peak is 1, at the best of `points` peaks from a hundredth of `top` to it."""
    peaks = np.geomspace(top / 100, top, points)
    rates = np.multiply.outer(shape(np.arange(steps)), peaks)
    loss = expected(rates, batch_size, step)
    i = int(np.nanargmin(loss[-1]))
    return Best(float(peaks[i]), rates[:, i], loss[:, i])


def table(step: Callable = variance, batch_sizes=(1, 16, 256)) -> dict[int, dict[str, float]]:
    """For each batch size the expected loss in the end by each plan, each at its best peak, over the constant one's."""
    ends = {b: {name: best(shape, b, step).loss[-1] for name, shape in SHAPES.items()} for b in batch_sizes}
    return {b: {name: float(end / row["constant"]) for name, end in row.items()} for b, row in ends.items()}


def optima(batch_sizes=(1, 16, 256)) -> dict[int, np.ndarray]:
    """The best rates of all, for each batch size: 100 pieces, each free below the edge."""
    from course_lib.nqm.schedule import optimal_schedule

    t = np.arange(STEPS)
    return {b: optimal_schedule(MODEL, batch_size=b, steps=STEPS, pieces=100)(t) for b in batch_sizes}


def orders(batch_size: float = 16, many: int = 200, seed: int = 0) -> tuple[float, np.ndarray]:
    """The expected loss of 100 random rates in falling order, and in `many` random orders of the same rates."""
    rng = np.random.default_rng(seed)
    falling = np.sort(rng.uniform(0, EDGE, 100))[::-1]
    shuffled = [rng.permutation(falling) for _ in range(many)]
    ends = expected(np.stack([falling, *shuffled], axis=1), batch_size)[-1]
    return float(ends[0]), ends[1:]


class Plan(NamedTuple):
    """What the explorer shows."""

    steps: int
    plan: Best
    constant: Best


def compute(steps: int, warmup: float, cooldown: float, batch_size: float) -> Plan:
    """A trapezoid over `steps` steps; `cooldown` is the share of it that comes after the warm-up and goes down."""
    up = round(warmup * steps)
    shape = Trapezoid(1.0, steps, up, round(cooldown * (steps - up)))
    plan = best(shape, batch_size, steps=steps, top=0.95 * EDGE, points=12)
    return Plan(steps, plan, _constant(steps, batch_size))


@cache
def _constant(steps: int, batch_size: float) -> Best:
    return best(Constant(1.0), batch_size, steps=steps, top=0.95 * EDGE, points=12)


def best_cooldown(batch_size: float, steps: int = 400) -> float:
    """The share of the steps, in tenths, over which a trapezoid without warm-up should go down."""
    ends = {share: compute(steps, 0.0, share, batch_size).plan.loss[-1] for share in np.linspace(0, 1, 11)}
    return float(min(ends, key=ends.get))


def plateau_rates(step: Callable, metrics, lr: float = 0.1, **hypers) -> list[float]:
    """The rate after each metric, by `step(lr, metric, best, bad, ...) -> (lr, best, bad)`."""
    best_so_far, bad, used = np.inf, 0, []
    for metric in metrics:
        lr, best_so_far, bad = step(lr, metric, best_so_far, bad, **hypers)
        used.append(round(float(lr), 12))
    return used
