"""The noisy quadratic by Monte Carlo: many runs of a real optimiser beside the formula of their mean loss."""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import numpy as np

from course_lib.nqm.dynamics import expected_loss
from course_lib.nqm.simulate import simulate
from course_lib.nqm.spectrum import Spectrum, harmonic
from course_lib.rules import momentum as heavy_ball
from course_lib.rules import sgd

SMALL = harmonic(100)


def loss_at(variance_after: Callable, lr: float, batch_size: float, problem: Spectrum) -> Callable:
    """The expected loss of SGD as a function of t; `variance_after(t, v, lr, h, c, batch_size)` may be a student's."""
    h, c, v = problem.h, problem.c, problem.variance
    return lambda t: float(h @ variance_after(t, v, lr, h, c, batch_size)) / 2


class Beside(NamedTuple):
    """One learning rate: the mean loss of many runs with its standard error, and the formula's, at `steps`."""

    lr: float
    steps: np.ndarray
    loss: np.ndarray
    error: np.ndarray
    formula: np.ndarray

    @property
    def furthest(self) -> float:
        """The largest distance of the two, in standard errors."""
        return float(np.max(np.abs(self.loss - self.formula) / self.error))


@cache
def runs(lr: float, batch_size: float = 4, steps: int = 600, replicas: int = 300):
    """Monte Carlo of SGD in 100 dimensions."""
    return simulate(SMALL, sgd, lr=lr, steps=steps, batch_size=batch_size, replicas=replicas)


def beside(variance_after: Callable | None = None, lrs=(1.0, 0.2, 0.04), batch_size: float = 4) -> list[Beside]:
    """Runs of SGD beside a formula, the engine's unless given."""
    at = np.unique(np.geomspace(1, 600, 30).round().astype(int))
    found = []
    for lr in lrs:
        exact = partial(expected_loss, SMALL, lr=lr, batch_size=batch_size)
        formula = loss_at(variance_after, lr, batch_size, SMALL) if variance_after else exact
        run = runs(lr, batch_size)
        found.append(Beside(lr, at, run.loss[at], run.error[at], np.array([formula(int(t)) for t in at])))
    return found


class Cloud(NamedTuple):
    """Many runs of SGD on one coordinate, h = c = 1: mean and variance over the runs at every step."""

    start: float
    mean: np.ndarray
    variance: np.ndarray

    @property
    def furthest(self) -> float:
        """The largest distance of the mean from start * (1 - lr h)^t, in standard errors."""
        exact = self.start * (1 - CLOUD_LR) ** np.arange(len(self.mean))
        return float(np.max(np.abs(self.mean - exact) / np.sqrt(self.variance / CLOUD_REPLICAS)))


CLOUD_LR, CLOUD_REPLICAS = 0.05, 4000


def cloud(start: float, steps: int = 100) -> Cloud:
    """Runs that begin at N(start, 1), with lr 0.05 and batch size 1."""
    rng = np.random.default_rng(0)
    p = start + rng.standard_normal(CLOUD_REPLICAS)
    rows = [(p.mean(), p.var())]
    for _ in range(steps):
        p, _ = sgd.step(p, p + rng.standard_normal(CLOUD_REPLICAS), sgd.init(p), lr=CLOUD_LR)
        rows.append((p.mean(), p.var()))
    return Cloud(start, *np.array(rows).T)


def three_ways(device, *, lr=0.1, momentum=0.9, batch_size=4, steps=200, replicas=300) -> dict[str, Beside]:
    """Heavy ball by our rule in NumPy and in JAX, and by torch's own SGD, each beside the closed form."""
    size = {"lr": lr, "steps": steps, "batch_size": batch_size, "replicas": replicas}
    found = {name: simulate(SMALL, heavy_ball, momentum=momentum, backend=name, **size) for name in ("numpy", "jax")}
    found["torch"] = _in_torch(device, momentum=momentum, **size)
    at = np.unique(np.geomspace(1, steps, 25).round().astype(int))
    exact = expected_loss(SMALL, at, method="heavy_ball", lr=lr, momentum=momentum, batch_size=batch_size)
    return {name: Beside(lr, at, loss[at], error[at], exact) for name, (loss, error) in found.items()}


def _in_torch(device, *, lr, momentum, steps, batch_size, replicas):
    """(loss, its standard error) after 0 to `steps` steps of torch.optim.SGD on a (replicas, d) parameter."""
    import torch

    random = torch.Generator().manual_seed(0)
    h, noise = (torch.tensor(a, device=device, dtype=torch.float32) for a in (SMALL.h, np.sqrt(SMALL.c / batch_size)))
    draw = partial(torch.randn, replicas, len(h), generator=random)
    p = torch.nn.Parameter(draw().to(device))
    optimizer, rows = torch.optim.SGD([p], lr=lr, momentum=momentum), []
    for _ in range(steps + 1):
        loss = (h * p.detach() ** 2).sum(1) / 2
        rows.append((loss.mean().item(), loss.std().item() / replicas**0.5))
        p.grad = h * p.detach() + noise * draw().to(device)
        optimizer.step()
    return np.array(rows).T
