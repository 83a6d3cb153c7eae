"""Lesson 09: where a finder's curve turns, and how far its tenth is from the best rate; `one_cycle` has the rest."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from course_lib import schedules
from course_lib.experiments.one_cycle import (
    PEAKS,
    both_frameworks,
    by_length,
    cycles,
    lead,
    looped,
    peaks,
    survival,
    survivors,
    switched_on,
    torchs_cycle,
)
from course_lib.experiments.quadratics import spectrum
from course_lib.lr_finder import LrCurve, find_lr_jax, find_lr_torch
from course_lib.problems import digits
from course_lib.rules import momentum

__all__ = [  # noqa: RUF022
    "valley", "turning", "back_again", "on_digits", "Both", "beside", "two_finders", "both_frameworks", "survival",
    "survivors", "PEAKS", "peaks", "lead", "by_length", "cycles", "torchs_cycle", "switched_on", "looped", "Setting",
    "compute",
]  # fmt: skip

SWEEP = {"lr_min": 1e-4, "lr_max": 10.0}


def valley(range_test: Callable, kappa: float = 50.0, d: int = 50, steps: int = 300) -> LrCurve:
    """A range test of gradient descent on `d` curvatures from 1 to `kappa`, without noise, from p = 1."""
    h = spectrum(kappa, d)
    p = np.ones(d)

    def step(lr: float) -> float:
        nonlocal p
        loss = 0.5 * float(np.sum(h * p * p))
        p = p - lr * h * p
        return loss

    lrs, smoothed = range_test(step, *SWEEP.values(), steps)
    return LrCurve(np.asarray(lrs), np.asarray(smoothed), np.asarray(smoothed), name="sgd")


def turning(range_test: Callable, kappas=(50, 100, 1000), dimensions=(50, 100)) -> dict[tuple[int, int], float]:
    """The rate at the minimum of the curve over 2 / λmax, for each pair of a largest curvature and a dimension."""
    return {(k, d): valley(range_test, k, d).lowest * k / 2 for k in kappas for d in dimensions}


def back_again() -> float:
    """The rate over 2 / h at which a direction that was shrunk by growing rates is as long as it was at the start.

    Half the positive zero of the real part of the dilogarithm, the integral of -log|1 - x| / x from 0.
    """
    from scipy.optimize import brentq
    from scipy.special import spence

    return brentq(lambda x: np.pi**2 / 3 - np.log(x) ** 2 / 2 - spence(1 - 1 / x), 3.0, 30.0) / 2


def on_digits(range_test: Callable, rule=momentum, *, seed: int = 0, steps: int = 300, **hypers) -> LrCurve:
    """A range test on the digits net, batches of 64, by a rule."""
    import torch

    from course_lib.torch_optim import TorchOptimizer

    data, net = digits.load(), digits.torch_mlp(seed)
    optimizer = TorchOptimizer(net.parameters(), rule, lr=0.1, **hypers)
    x, y = torch.as_tensor(data.x_train), torch.as_tensor(data.y_train)
    batches = digits.batches(len(x), 64, steps, seed)

    def step(lr: float) -> float:
        optimizer.param_groups[0]["lr"] = float(lr)
        index = next(batches)
        loss = torch.nn.functional.cross_entropy(net(x[index]), y[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    lrs, smoothed = range_test(step, *SWEEP.values(), steps)
    return LrCurve(np.asarray(lrs), np.asarray(smoothed), np.asarray(smoothed), name=rule.__name__.rpartition(".")[2])


class Both(NamedTuple):
    """One range test, and what training at each rate of a grid really gives."""

    curve: LrCurve
    lrs: np.ndarray  # (L,)
    loss: np.ndarray  # (L,), median over the seeds, infinite where they diverge
    tenth: float  # of several range tests, the median

    @property
    def best(self) -> float:
        """The rate of the grid with the least loss."""
        return float(self.lrs[np.argmin(self.loss)])


def beside(range_test: Callable, rule, *, seeds: int = 5, steps: int = 300, **hypers) -> Both:
    """Range tests beside a grid of 17 rates, each trained for as many steps as a test takes."""
    from course_lib.sweeps import sweep_torch

    data, lrs = digits.load(), np.geomspace(1e-3, 10.0, 17)
    curves = [on_digits(range_test, rule, seed=seed, steps=steps, **hypers) for seed in range(seeds)]
    sweep = sweep_torch(rule, lrs, range(seeds), x=data.x_train, y=data.y_train, steps=steps, batch_size=64, **hypers)
    tenth = float(np.median([curve.tenth for curve in curves]))
    return Both(curves[0], lrs, np.median(sweep.final_loss, axis=1), tenth)


def two_finders(rule, *, device="cpu", steps: int = 300) -> dict[str, LrCurve]:
    """The library's finder on the digits net in torch and in JAX, from the same weights and batches."""
    from course_lib.jax_optim import from_rule
    from course_lib.torch_optim import TorchOptimizer

    data, name = digits.load(), rule.__name__.rpartition(".")[2]
    order, net = list(digits.batches(len(data.x_train), 64, steps)), digits.torch_mlp().to(device)
    xy, optimizer = (data.x_train, data.y_train), TorchOptimizer(net.parameters(), rule, lr=0.1)
    settings = SWEEP | {"steps": steps, "name": name}
    return {
        "torch": find_lr_torch(net, optimizer, order, *xy, label="torch", **settings),
        "JAX": find_lr_jax(
            digits.jax_mlp(), lambda lr: from_rule(rule, lr), order, *xy, loss=digits.jax_loss, label="JAX", **settings
        ),
    }


class Setting(NamedTuple):
    """What the explorer shows; rates in units of gradient descent's limit 2 / λmax."""

    lrs: np.ndarray  # (steps of the range test,)
    smoothed: np.ndarray  # over the first value
    cycle: np.ndarray  # (200,), the rate of the cycle
    momentum: np.ndarray  # (200,)
    loss: np.ndarray  # (201,) along the cycle, over the first
    peak: float

    @property
    def lowest(self) -> float:
        return float(self.lrs[np.argmin(self.smoothed)])


STEPS = 200


def compute(start: float, steps: int, peak: float, pct: float, kappa: float = 50.0) -> Setting:
    """A range test of gradient descent from `start` in `steps` steps to 20, and 200 steps of one cycle to `peak`, in
    one valley of 50 curvatures from 1 to `kappa`, without noise."""
    h = spectrum(kappa)
    lrs, smoothed = _tested(h, np.geomspace(start, 20.0, steps) * 2 / kappa)
    plan, t = schedules.OneCycle(peak, STEPS, pct_start=pct), np.arange(STEPS)
    rates, mus, loss = plan(t), plan.momentum(t), [1.0]
    p, v, first = np.ones_like(h), np.zeros_like(h), h.sum()
    for lr, mu in zip(rates * 2 / kappa, mus, strict=True):
        v = np.clip(mu * v + h * p, -1e100, 1e100)
        p = p - lr * v
        loss.append(float(h @ (p * p) / first))
    return Setting(lrs * kappa / 2, smoothed, rates, mus, np.array(loss), peak)


def _tested(h: np.ndarray, lrs: np.ndarray, beta: float = 0.9, stop: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """The range test in closed form: rates tried and averages over the first value."""
    factors = np.cumsum(np.log(np.maximum(np.abs(1 - lrs[:-1, None] * h), 1e-300)), axis=0)
    errors = np.exp(np.minimum(np.vstack([np.zeros_like(h), factors]), 300.0))
    m, best, smoothed = 0.0, np.inf, []
    for t, loss in enumerate((errors**2 @ h).tolist(), start=1):
        m = beta * m + (1 - beta) * loss
        smoothed.append(m / (1 - beta**t))
        best = min(best, smoothed[-1])
        if smoothed[-1] > stop * best:
            break
    return lrs[: len(smoothed)], np.array(smoothed) / smoothed[0]
