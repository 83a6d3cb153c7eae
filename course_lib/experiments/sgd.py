"""Lesson 01: the speed limit, the noise floor, and the schedule that averages."""

from typing import NamedTuple

import numpy as np

from course_lib.experiments.quadratics import largest_stable, mean_square, slope, spectrum, steps_to
from course_lib.problems import digits, quadratic
from course_lib.theory import noise_floor
from course_lib.training import descend

__all__ = [  # noqa: RUF022
    "floors", "kappas", "nemirovski", "meant", "sample_mean", "batch_noise", "torch_and_jax", "compute",
    "largest_stable", "mean_square", "slope",
]  # fmt: skip


def floors(rule, lrs=(0.5, 0.1, 0.02), steps: int = 2000) -> list:
    """E p^2 on curvature 1 with unit noise, from p = 3: a constant rate each, and lr = 1/t."""
    runs = [mean_square(rule, lr, steps=steps, start=3.0, label=f"lr = {lr}") for lr in lrs]
    return [*runs, mean_square(rule, lambda t: 1 / t, steps=steps, start=3.0, label="lr = 1/t")]


def kappas(rule, kappas=(10, 100, 1000, 10_000)) -> dict[int, int]:
    """Steps of gradient descent to 1e-6 at its best rate, 2/(h_min + h_max), for each condition number."""
    return {kappa: steps_to(rule, spectrum(kappa), lr=2 / (1 + kappa)) for kappa in kappas}


def nemirovski(steps: int = 1_000_000) -> float:
    """x after `steps` of lr 1/t on f = x^2/10 from x = 1: the product of all 1 - 1/(5t)."""
    return float(np.exp(np.sum(np.log1p(-0.2 / np.arange(1, steps + 1)))))


def meant(lr0: float, decay: float, epochs: int = 10) -> np.ndarray:
    """Inverse-time decay in closed form, epochs 0 to `epochs`."""
    return lr0 / (1 + decay * np.arange(epochs + 1))


def sample_mean(rule, samples: np.ndarray) -> float:
    """Where SGD with lr 1/t ends on f = (x - y_t)^2 / 2, one new y_t of `samples` a step, from x = 0."""
    x = 0.0
    s = rule.init(x)
    for t, y in enumerate(samples.tolist(), start=1):
        x, s = rule.step(x, x - y, s, lr=1 / t)
    return float(x)


def batch_noise(batch_size: int, batches: int = 300, seed: int = 0) -> float:
    """Variance of the mini-batch gradient of the digits net at its initial weights, summed over all parameters."""
    import jax
    import jax.numpy as jnp
    from jax.flatten_util import ravel_pytree

    data = digits.load()
    x, y, params = jnp.asarray(data.x_train), jnp.asarray(data.y_train), digits.jax_mlp()
    index = np.random.default_rng(seed).integers(len(y), size=(batches, batch_size))
    one = jax.jit(jax.vmap(lambda i: ravel_pytree(jax.grad(digits.jax_loss)(params, x[i], y[i]))[0]))
    return float(np.var(np.asarray(one(index)), axis=0, ddof=1).sum())


def torch_and_jax(rule, lr: float, *, steps: int = 300, batch_size: int = 64, device="cpu", **hypers) -> dict:
    """Train the digits net by one rule in both frameworks, from the same weights and batches.

    Gives {"torch": Trace, "JAX": Trace}, each with the test accuracy in its label.
    """
    import torch

    from course_lib import training
    from course_lib.jax_optim import from_rule
    from course_lib.torch_optim import TorchOptimizer

    data, name = digits.load(), rule.__name__.rpartition(".")[2]
    order = list(digits.batches(len(data.y_train), batch_size, steps))
    net = digits.torch_mlp().to(device)
    optimizer = TorchOptimizer(net.parameters(), rule, lr=lr, **hypers)
    first = training.train_torch(net, optimizer, order, data.x_train, data.y_train, name=name)
    with torch.no_grad():
        logits = net(torch.as_tensor(data.x_test, device=device)).cpu().numpy()
    params, second = training.train_jax(
        digits.jax_mlp(),
        from_rule(rule, lr, **hypers),
        order,
        data.x_train,
        data.y_train,
        loss=digits.jax_loss,
        name=name,
    )
    others = np.asarray(digits.jax_logits(params, data.x_test))
    for trace, framework, scores in ((first, "torch", logits), (second, "JAX", others)):
        trace.label = f"{name}, {framework}: {np.mean(scores.argmax(1) == data.y_test):.1%} of the test digits right"
    return {"torch": first, "JAX": second}


class Walk(NamedTuple):
    """What the explorer shows: a path, its losses, the floor that theory gives, and the contour's curvature."""

    path: np.ndarray
    loss: np.ndarray
    floor: float
    kappa: float


def compute(lr: float, kappa: float, sigma: float) -> Walk:
    """60 steps in a bowl of curvatures 1 and `kappa`; `lr` in units of 1/kappa, so that the edge is always at 2."""
    from course_lib.rules import sgd

    problem = quadratic([1.0, kappa], sigma=sigma)
    rate = lr / kappa
    trace = descend(sgd, problem, [-1.0, 0.8], steps=60, seed=3, lr=rate)
    h = np.array([1.0, kappa])
    floor = np.sum(h / 2 * noise_floor(rate, h, sigma**2)) if lr < 2 else np.inf
    return Walk(trace["p"], trace["loss"], float(floor), kappa)
