"""Lesson 14: what a larger batch buys, on the noisy quadratic model and on the digits net."""

from functools import cache
from typing import NamedTuple

import numpy as np

from course_lib import nqm
from course_lib.experiments.noisy_quadratic import PAPER, TARGET, Tuned, critical, slope, tuned
from course_lib.problems import digits
from course_lib.rules import adam, sgd

__all__ = [  # noqa: RUF022
    "BATCHES", "methods", "bound", "scaled_dimension", "second_moment", "adam_run", "digits_steps", "digits_best",
    "digits_loss", "noise_along", "compute", "critical", "slope", "tuned",
]  # fmt: skip

BATCHES = 4.0 ** np.arange(10)
METHODS = {"SGD": {}, "momentum": {"method": "heavy_ball"}, "average (EMA)": {"method": "ema"}, "H^½": {}}
TARGETS = np.geomspace(0.1, 0.001, 7)
RATES = 2.0 ** np.arange(-4, 3)  # of the digits net
DIGITS = (4, 16, 64, 256, 1024)


def _problem(name: str):
    return nqm.precondition(PAPER, 0.5) if name == "H^½" else PAPER


def _steps(name: str, target: float) -> np.ndarray:
    return tuned(_problem(name), target, batch_sizes=BATCHES, **METHODS[name]).steps


def methods(target: float = TARGET) -> dict[str, np.ndarray]:
    """Fewest steps to the target over `BATCHES`: methods at their best, the best schedule, the bound."""
    steps = {name: _steps(name, target) for name in METHODS}
    best = [nqm.optimal_schedule(PAPER, target=target, batch_size=b).steps for b in BATCHES]
    examples = nqm.bayes_bound(PAPER, target, 1)  # only the product of steps and batch size counts
    return steps | {"best schedule": np.array(best), "Bayes bound": np.maximum(examples / BATCHES, 1)}


def bound(bayes_loss, target: float = TARGET, batch_size: float = 1) -> float:
    """Steps at which `bayes_loss(steps, batch_size, h, c)` falls to `target` on the paper's problem."""
    from scipy.optimize import brentq

    return brentq(lambda t: bayes_loss(t, batch_size, PAPER.h, PAPER.c) - target, 1e-9, 1e9, xtol=1e-6)


def scaled_dimension(dimension: int, batch_size: float = 16) -> nqm.StepsToTarget:
    """SGD's steps on `dimension` coordinates to the part of the initial loss that 0.01 is at d = 10^4."""
    problem = nqm.harmonic(dimension)
    target = TARGET * problem.initial_loss / PAPER.initial_loss
    return nqm.steps_to_target(problem, target, batch_size=batch_size)


def second_moment(batch_size: float, *, lr: float = 0.01, steps: int = 1500, dimension: int = 100) -> np.ndarray:
    """Adam's corrected v over c / B at the end of a run, shape (d,): the mean of 20 replicas."""
    rng, few = np.random.default_rng(0), nqm.harmonic(dimension)
    p = rng.standard_normal((20, dimension))
    s = adam.init(p)
    for _ in range(steps):
        g = few.h * p + np.sqrt(few.c / batch_size) * rng.standard_normal(p.shape)
        p, s = adam.step(p, g, s, lr=lr * np.sqrt(batch_size))
    return np.mean(s.v, axis=0) / (1 - 0.999**steps) * batch_size / few.c


def adam_run(lr: float, batch_size: int, examples: int = 4800) -> np.ndarray:
    """Expected loss of Adam on 100 coordinates, one entry a step, while `examples` are seen."""
    few = nqm.harmonic(100)
    return nqm.simulate(few, adam, lr=lr, steps=examples // batch_size, batch_size=batch_size, replicas=100).loss


def digits_steps(batch_size: int, lrs=RATES, seeds=(0, 1), target: float = 0.1) -> np.ndarray:
    """Steps of SGD until the digits net's loss on all training images is `target`, (rates, seeds); inf if not soon.

    All rates and seeds run side by side. At small batches the loss is looked at every few steps only.
    """
    import torch

    most = max(70, 2600 // batch_size)
    data, every = digits.load(), max(1, most // 120)
    x, y = torch.as_tensor(data.x_train), torch.as_tensor(data.y_train)
    orders = np.stack([list(digits.batches(len(y), batch_size, most, seed)) for seed in seeds])
    weights, lr = _stacked(len(lrs), seeds), torch.tensor(lrs).repeat_interleave(len(seeds)).float()[:, None, None]
    hit = np.full(len(lr), np.inf)
    for t in range(1, most + 1):
        index = torch.as_tensor(np.tile(orders[:, t - 1], (len(lrs), 1)))
        gradients = torch.autograd.grad(_losses(weights, x[index], y[index]).sum(), weights)
        weights = [(w.detach() - lr * g).requires_grad_() for w, g in zip(weights, gradients, strict=True)]
        if t % every == 0:
            with torch.no_grad():
                reached = _losses(weights, x.expand(len(lr), -1, -1), y.expand(len(lr), -1)).numpy() <= target
            hit[reached & np.isinf(hit)] = t
            if np.median(hit.reshape(len(lrs), -1), axis=1).min() < t / 2:
                break  # the best rate is long there
    return hit.reshape(len(lrs), len(seeds))


def _stacked(copies: int, seeds) -> list:
    """The digits net's arrays for every rate and seed, (copies * seeds, inputs or 1, outputs) each."""
    import torch

    nets = [[a for w, b in digits.initial_weights(seed) for a in (w, b[None])] for seed in seeds]
    arrays = [np.tile(np.stack(same), (copies, 1, 1)) for same in zip(*nets, strict=True)]
    return [torch.as_tensor(a).requires_grad_() for a in arrays]


def _losses(weights, x, y):
    """Mean cross-entropy of every net, shape (K,)."""
    import torch

    w1, b1, w2, b2 = weights
    scores = torch.baddbmm(b2, torch.baddbmm(b1, x, w1).relu(), w2).mT
    return torch.nn.functional.cross_entropy(scores, y, reduction="none").mean(dim=1)


@cache
def digits_best(batch_sizes=DIGITS) -> Tuned:
    """The best rate of SGD on the digits net at each batch size, by the mean over seeds."""
    found = []
    for batch_size in batch_sizes:
        steps = digits_steps(batch_size).mean(axis=1)
        found.append((steps.min(), RATES[np.argmin(steps)], 0))
    return Tuned(np.array(batch_sizes, dtype=float), *np.array(found).T)


def digits_loss(lr: float, batch_size: int = 1024, steps: int = 70) -> float:
    """The least batch loss of SGD on the digits net in a run at one rate, the start counted too."""
    from course_lib.sweeps import sweep_torch

    data = digits.load()
    run = sweep_torch(sgd, [lr], [0], x=data.x_train, y=data.y_train, steps=steps, batch_size=batch_size)
    return float(np.nanmin(run.loss))


class Noise(NamedTuple):
    """The gradient's noise along one run of the digits net, one entry a stop."""

    loss: np.ndarray  # on all training images
    estimated: np.ndarray  # B_simple from two batch sizes, torch
    exact: np.ndarray  # from every example's gradient, JAX


def noise_along(noise_parts, stops=(0, 10, 20, 40, 80), *, draws: int = 100, device="cpu") -> Noise:
    """Train by SGD with batches of 64 at lr 0.1; at each stop measure the noise scale by two batch sizes, 16 and 256.

    `noise_parts(small_sq, big_sq, small, big)` gives |G|^2 and tr Sigma from mean squared norms.
    """
    import torch

    data, rows = digits.load(), []
    x, y = (torch.as_tensor(a, device=device) for a in (data.x_train, data.y_train))
    net = digits.torch_mlp().to(device)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for t, index in enumerate(digits.batches(len(y), 64, max(stops) + 1)):
        if t in stops:
            norms = [np.mean([_norm_sq(net, x, y, i) for i in _draws(b, draws, t)]) for b in (16, 256)]
            norm_sq, trace = noise_parts(*norms, 16, 256)
            loss = torch.nn.functional.cross_entropy(net(x), y).item()
            rows.append((loss, trace / norm_sq, _exact(net, data)))
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x[index]), y[index]).backward()
        optimizer.step()
    return Noise(*np.array(rows).T)


def _draws(batch_size: int, draws: int, seed: int) -> np.ndarray:
    """Batches with replacement, so that every one is drawn by itself."""
    return np.random.default_rng([seed, batch_size]).integers(len(digits.load().y_train), size=(draws, batch_size))


def _norm_sq(net, x, y, index) -> float:
    import torch

    loss = torch.nn.functional.cross_entropy(net(x[index]), y[index])
    return nqm.noise_scale.squared_norm(torch.autograd.grad(loss, list(net.parameters())))


@cache
def _per_example():
    """The gradient of each example, flat, in JAX."""
    import jax
    from jax.flatten_util import ravel_pytree

    def one(params, x, y):
        return ravel_pytree(jax.grad(digits.jax_loss)(params, x[None], y[None]))[0]

    return jax.jit(jax.vmap(one, in_axes=(None, 0, 0)))


def _exact(net, data) -> float:
    """tr(Sigma) / |G|^2 of the torch net over all training images."""
    arrays = [p.detach().cpu().numpy() for p in net.parameters()]
    layers = [{"weight": w.T, "bias": b} for w, b in zip(arrays[::2], arrays[1::2], strict=True)]
    gradients = np.asarray(_per_example()(layers, data.x_train, data.y_train))
    return float(gradients.var(axis=0).sum() / np.sum(gradients.mean(axis=0) ** 2))


class Setting(NamedTuple):
    """What the explorer shows."""

    method: str
    target: float
    steps: np.ndarray  # over BATCHES
    bound: np.ndarray
    critical: float


@cache
def _table() -> dict[str, np.ndarray]:
    """log steps of every method, (targets, batch sizes), computed once."""
    return {name: np.log([_steps(name, target) for target in TARGETS]) for name in METHODS}


def compute(target: float, method: str) -> Setting:
    """Steps over the batch size, interpolated between the targets of the table."""
    at = np.log(TARGETS[::-1])
    steps = np.exp([np.interp(np.log(target), at, column[::-1]) for column in _table()[method].T])
    examples = nqm.bayes_bound(PAPER, target, 1)
    return Setting(method, target, steps, np.maximum(examples / BATCHES, 1), float(steps[0] * BATCHES[0] / steps[-1]))
