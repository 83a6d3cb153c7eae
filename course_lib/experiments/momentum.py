"""Lesson 02: what a velocity buys, what it costs, and in which units it is kept."""

from typing import NamedTuple

import numpy as np

from course_lib import conventions
from course_lib.experiments.quadratics import spectrum, steps_to
from course_lib.experiments.sgd import kappas as kappas_plain
from course_lib.experiments.sgd import largest_stable, mean_square, slope, torch_and_jax
from course_lib.problems import quadratic
from course_lib.rules import momentum as heavy_ball
from course_lib.rules import sgd
from course_lib.theory import best_pair, shrink
from course_lib.trace import Trace
from course_lib.training import descend

__all__ = [  # noqa: RUF022
    "race", "kappas", "kappas_plain", "best_on_grid", "drops", "noisy_drop", "outside_step", "compute", "descend",
    "largest_stable", "mean_square", "slope", "torch_and_jax",
]  # fmt: skip

VALLEY = quadratic([1.0, 50.0])


def race(rule, steps: int = 60) -> list[Trace]:
    """Gradient descent and the rule in one valley, both with lr 0.02, which suits the steep direction."""
    start = [-1.0, 0.5]
    return [
        descend(sgd, VALLEY, start, steps=steps, lr=0.02, label="gradient descent"),
        descend(rule, VALLEY, start, steps=steps, lr=0.02, momentum=0.8, label="the same lr, momentum 0.8"),
    ]


def kappas(rule, kappas=(10, 100, 1000, 10_000)) -> dict[int, int]:
    """Steps of the rule to 1e-6 at its best setting, for each condition number."""
    settings = {kappa: best_pair(1.0, kappa) for kappa in kappas}
    return {k: steps_to(rule, spectrum(k), lr=lr, momentum=mu) for k, (lr, mu) in settings.items()}


def best_on_grid(kappa: float = 100.0, points: int = 400) -> tuple[float, float, float]:
    """(shrink factor, lr, momentum) of the best point of a grid, judged at both ends of the spectrum."""
    lr = np.linspace(0.01, 4.0, points) / kappa
    mu = np.linspace(0.0, 0.99, points)[:, None]
    worst = np.maximum(shrink(lr * 1.0, mu), shrink(lr * kappa, mu))
    i, j = np.unravel_index(np.argmin(worst), worst.shape)
    return float(worst[i, j]), float(lr[j]), float(mu[i, 0])


def drop(form, *, at: int = 50, steps: int = 80, momentum: float = 0.9) -> Trace:
    """How far each step goes under a constant gradient of 1 when lr falls from 0.1 to 0.01 after `at` steps.

    `form` is a rule (`course_lib.rules.momentum`, `course_lib.conventions.sutskever`, ...); the trace has `move`.
    """
    p, trace = 0.0, Trace("momentum", form.__name__.rpartition(".")[2])
    s = form.init(p)
    for t in range(steps):
        q, s = form.step(p, 1.0, s, lr=0.1 if t < at else 0.01, momentum=momentum)
        trace.record(move=p - q)
        p = q
    return trace


def drops() -> list[Trace]:
    """The three conventions under one drop of lr, each at the rate that gives torch's steps before the drop."""
    torch_form, inside, average = drop(heavy_ball), drop(conventions.sutskever), drop(conventions.ema)
    torch_form.label, inside.label, average.label = "torch, optax", "lr inside (Sutskever)", "average, same lr"
    return [torch_form, inside, average]


def noisy_drop(step, label: str, *, lr: float = 0.1, at: int = 100, steps: int = 200, replicas: int = 4000) -> Trace:
    """E p^2 on curvature 1 with unit noise when lr falls to a tenth after `at` steps, with momentum 0.9.

    `step(p, g, v, lr, lr_before, momentum)` gives (p, v); the trace has `mean_square`.
    """
    rng, trace = np.random.default_rng(0), Trace("momentum", label)
    p, v, before = np.zeros(replicas), np.zeros(replicas), lr
    for t in range(steps):
        now = lr if t < at else lr / 10
        p, v = step(p, p + rng.standard_normal(replicas), v, now, before, 0.9)
        before = now
        trace.record(mean_square=np.mean(p**2))
    return trace


def outside_step(p, g, v, lr, lr_before, momentum):
    """The library's step in the shape that `noisy_drop` asks for."""
    p, s = heavy_ball.step(p, g, heavy_ball.State(v, 1), lr=lr, momentum=momentum)
    return p, s.v


class Setting(NamedTuple):
    """What the explorer shows: one point of the phase diagram and the error along its run."""

    x: float
    momentum: float
    shrink: float
    error: np.ndarray


def compute(x: float, momentum: float, steps: int = 80) -> Setting:
    """The heavy ball on one coordinate at lr * h = x, from p = 1 at rest."""
    p, v, error = 1.0, 0.0, [1.0]
    for _ in range(steps):
        v = momentum * v + p
        p = p - x * v
        error.append(abs(p))
    return Setting(x, momentum, float(shrink(x, momentum)), np.array(error))
