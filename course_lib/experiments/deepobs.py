"""DeepOBS's noisy quadratic, `quadratic_deep`, and seven of its published runs, made again in NumPy.

A loss ½(p − x)ᵀQ(p − x) in 100 dimensions, averaged over data x; ninety eigenvalues in (0, 1), ten in (30, 60).
Spectrum, rotation and data come from fixed seeds, so whoever has them has the very same problem.

Reference: Schneider, Balles, Hennig 2019, and the logs `baselines_deepobs/quadratic_deep` of their repository.
"""

from functools import cache
from types import SimpleNamespace

import numpy as np

from course_lib.rules import adam, momentum, sgd

DIMENSIONS, EXAMPLES, BATCH_SIZE, EPOCHS = 100, 1000, 128, 100
USED = EXAMPLES // BATCH_SIZE * BATCH_SIZE  # the rest of each epoch is dropped
PUBLISHED_START = 353.446764
PUBLISHED = {  # (rule, its hyperparameters, published test loss after 100 epochs)
    "SGD, lr 1e-5": (sgd, {"lr": 1e-5}, 236.0932),
    "SGD, lr 1e-4": (sgd, {"lr": 1e-4}, 106.6277),
    "SGD, lr 0.0158": (sgd, {"lr": 10**-1.8}, 87.2349),
    "momentum 0.99, lr 1e-4": (momentum, {"lr": 1e-4, "momentum": 0.99}, 87.2931),
    "momentum 0.99, lr 0.0025": (momentum, {"lr": 10**-2.6, "momentum": 0.99}, 87.0378),
    "Adam, lr 6.3e-4": (adam, {"lr": 10**-3.2}, 121.8545),
    "Adam, lr 0.0398": (adam, {"lr": 10**-1.4}, 87.1437),
}


@cache
def problem() -> SimpleNamespace:
    """hessian, (100, 100), and the data: training and test, (1000, 100) each."""
    rng = np.random.RandomState(42)
    spectrum = np.concatenate([rng.uniform(0, 1, 90), rng.uniform(30, 60, 10)])
    turn = rotation(DIMENSIONS, rng)
    training, test = (np.random.RandomState(seed).normal(0, 0.6, (EXAMPLES, DIMENSIONS)) for seed in (42, 43))
    return SimpleNamespace(hessian=turn.T @ (spectrum[:, None] * turn), training=training, test=test)


def rotation(n: int, rng: np.random.RandomState) -> np.ndarray:
    """A rotation of n dimensions, all equally likely: one of n − 1, then a mirror that sends the new axis anywhere.

    Diaconis & Shahshahani 1987. The order of the draws is part of the problem.
    """
    angle = 2 * np.pi * rng.uniform()
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    for size in range(3, n + 1):
        to = rng.normal(size=size)
        normal = -to / np.linalg.norm(to)
        normal[0] += 1
        larger = np.eye(size)
        larger[1:, 1:] = turn
        turn = larger - 2 / (normal @ normal) * np.outer(normal, normal @ larger)
    return -turn


def loss(p: np.ndarray, examples: np.ndarray) -> np.ndarray:
    """Mean loss at p, shape (..., 100), over the 896 examples that fill whole batches."""
    mean, hessian = examples[:USED].mean(axis=0), problem().hessian
    scatter = np.sum(hessian * np.cov(examples[:USED].T, bias=True))
    return 0.5 * (np.sum((p - mean) @ hessian * (p - mean), axis=-1) + scatter)


def start() -> float:
    """Test loss before the first step, at p = 1."""
    return float(loss(np.ones(DIMENSIONS), problem().test))


def ends(rule, hypers: dict, *, orders: int = 20, epochs: int = EPOCHS, reshuffle: bool = False) -> np.ndarray:
    """Where runs end, (orders, 100), that differ in the order of the data; hypers may be columns, one row a run.

    Each keeps its one order in every epoch, as the published runs do; `reshuffle` draws a new one each time.
    """
    rng = np.random.default_rng(0)
    p = np.ones((orders, DIMENSIONS))
    state, means = rule.init(p), _batch_means(rng, orders)
    for _ in range(epochs):
        for x in means:
            p, state = rule.step(p, (p - x) @ problem().hessian, state, **hypers)
        means = _batch_means(rng, orders) if reshuffle else means
    return p


def finals(rule, hypers: dict, **how) -> np.ndarray:
    """Final test losses of `ends`, (orders,)."""
    return loss(ends(rule, hypers, **how), problem().test)


def _batch_means(rng, orders: int) -> np.ndarray:
    """Mean example of each batch, (batches, orders, 100); the gradient needs no more."""
    rows = [rng.permutation(EXAMPLES)[:USED].reshape(-1, BATCH_SIZE) for _ in range(orders)]
    return np.stack([problem().training[order].mean(axis=1) for order in rows], axis=1)


def reproduced(orders: int = 20) -> dict[str, SimpleNamespace]:
    """For each published run its figure, and the lowest and highest of ours over `orders` orders of the data."""
    ours = {name: finals(rule, hypers, orders=orders) for name, (rule, hypers, _) in PUBLISHED.items()}
    return {name: beside(name, losses) for name, losses in ours.items()}


def beside(name: str, losses: np.ndarray) -> SimpleNamespace:
    """A published figure, our lowest and highest, and whether it lies between them."""
    published, low, high = PUBLISHED[name][2], losses.min(), losses.max()
    return SimpleNamespace(published=published, low=low, high=high, inside=bool(low <= published <= high))


def reshuffled(name: str = "momentum 0.99, lr 0.0025", orders: int = 20) -> SimpleNamespace:
    """The same for one run with a new order in every epoch."""
    rule, hypers, _ = PUBLISHED[name]
    return beside(name, finals(rule, hypers, orders=orders, reshuffle=True))
