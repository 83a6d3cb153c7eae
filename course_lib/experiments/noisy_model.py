"""Lesson 13: the noisy quadratic's expected loss by formula and by Monte Carlo, and the search for the fewest steps."""

from collections.abc import Callable
from functools import partial
from time import process_time
from typing import NamedTuple

import numpy as np

from course_lib.experiments.noisy_runs import Beside, beside, cloud, loss_at, three_ways
from course_lib.nqm.bounds import bayes_bound
from course_lib.nqm.dynamics import expected_loss
from course_lib.nqm.search import StepsToTarget, steps_to_target
from course_lib.nqm.spectrum import Spectrum, compress, harmonic, precondition, spectrum

__all__ = [  # noqa: RUF022
    "MODEL", "TARGET", "RATES", "Beside", "beside", "cloud", "three_ways", "loss_at", "recursion_gap", "Search",
    "search", "refined", "best_rates", "by_recurrence", "recurrence_gap", "tuned", "methods", "dimensions", "plain",
    "compute", "wave", "by_eigenvectors",
]  # fmt: skip

MODEL = harmonic(1000)
BATCH_SIZE, TARGET = 16, 0.1
RATES = np.geomspace(0.001, 1.99, 60)  # lr * h_max must stay below 2


def recursion_gap(variance_step: Callable, variance_after: Callable, steps: int = 1000) -> float:
    """The largest relative distance of step after step from the closed form, over 1000 coordinates and all steps."""
    h, c, v, worst = MODEL.h, MODEL.c, MODEL.variance, 0.0
    for t in range(1, steps + 1):
        v = variance_step(v, 0.5, h, c, BATCH_SIZE)
        exact = variance_after(t, MODEL.variance, 0.5, h, c, BATCH_SIZE)
        worst = max(worst, float(np.max(np.abs(v / exact - 1))))
    return worst


class Search(NamedTuple):
    """Steps to the target over the learning rate; inf where a rate never gets there."""

    lr: np.ndarray
    steps: np.ndarray

    @property
    def best(self) -> tuple[float, float]:
        """(steps, lr)"""
        i = int(np.argmin(self.steps))
        return float(self.steps[i]), float(self.lr[i])


def search(variance_after, first_step, lrs=RATES, batch_size: float = BATCH_SIZE, target: float = TARGET) -> Search:
    """Steps to `target` at each rate, in 1000 dimensions."""
    steps = [first_step(loss_at(variance_after, lr, batch_size, MODEL), target) for lr in lrs]
    return Search(np.array(lrs), np.array(steps, dtype=float))


def refined(found: Search, again: Callable) -> Search:
    """`again(lrs)` on a grid between the neighbours of the best rate."""
    i = int(np.argmin(found.steps))
    low, high = found.lr[max(i - 1, 0)], found.lr[min(i + 1, len(found.lr) - 1)]
    return again(lrs=np.geomspace(low, high, 41))


class Best(NamedTuple):
    """The best rate of a grid, and its steps, one entry a batch size."""

    batch_sizes: np.ndarray
    lr: np.ndarray
    steps: np.ndarray


def best_rates(lrs, variance_after, first_step) -> Best:
    """`search` at batch sizes 1, 4, ... 16,384."""
    batch_sizes = 4.0 ** np.arange(8)
    found = [search(variance_after, first_step, lrs, batch_size).best for batch_size in batch_sizes]
    steps, lr = np.array(found).T
    return Best(batch_sizes, lr, steps)


GAINS = {"heavy_ball": lambda m: 1.0, "nesterov": lambda m: 1.0, "ema": lambda m: 1 - m}  # of lr * noise


def by_recurrence(recurrence: Callable, method: str, second: float, lr: float, steps: int = 300) -> np.ndarray:
    """The expected loss after 0 to `steps` steps from y <- a y - b y_before + noise: three numbers a coordinate."""
    a, b = recurrence(method, lr * MODEL.h, second)
    noise = (GAINS[method](second) * lr) ** 2 * MODEL.c / BATCH_SIZE
    now = both = before = MODEL.variance  # E y^2, E y y_before, E y_before^2: at rest at the start
    losses = [MODEL.h @ now / 2]
    for _ in range(steps):
        now, both, before = a * a * now - 2 * a * b * both + b * b * before + noise, a * now - b * both, now
        losses.append(MODEL.h @ now / 2)
    return np.array(losses)


def recurrence_gap(recurrence: Callable, method: str, second: float, lr: float) -> float:
    """The largest relative distance of `by_recurrence` from the engine's closed form."""
    word = {"decay" if method == "ema" else "momentum": second}
    exact = expected_loss(MODEL, np.arange(301), method=method, lr=lr, batch_size=BATCH_SIZE, **word)
    return float(np.max(np.abs(by_recurrence(recurrence, method, second, lr) / exact - 1)))


class Tuned(NamedTuple):
    """A method at its best setting, and its loss on the way to the target and past it."""

    answer: StepsToTarget
    steps: np.ndarray
    loss: np.ndarray


def tuned(method: str = "sgd", problem: Spectrum = MODEL, **given) -> Tuned:
    """Fewest steps to loss 0.1 at batch size 16 in 1000 dimensions, unless the problem is another."""
    answer = steps_to_target(problem, TARGET, method=method, batch_size=BATCH_SIZE, **given)
    steps = np.unique(np.geomspace(1, 4000, 160).round())
    return Tuned(answer, steps, _curve(problem, steps, method, answer, BATCH_SIZE))


def _curve(problem, steps, method, answer, batch_size):
    second = {"momentum": answer.momentum, "decay": answer.decay}
    return expected_loss(problem, steps, method=method, lr=answer.lr, batch_size=batch_size, **second)


def methods(preconditioned: Callable | None = None) -> dict[str, Tuned]:
    """SGD, both momenta, the EMA, and SGD on H^(1/2)'s problem, each at its best."""
    changed = precondition(MODEL, 0.5)
    if preconditioned:
        changed = spectrum(*preconditioned(MODEL.h, MODEL.c, MODEL.variance, 0.5))
    return {
        "sgd": tuned(),
        "momentum": tuned("heavy_ball"),
        "nesterov": tuned("nesterov"),
        "ema": tuned("ema"),
        "half": tuned(problem=changed),
    }


def dimensions(sizes=(10**4, 10**8, 10**12)) -> list[tuple]:
    """(d, fewest steps of SGD to loss 0.1 at batch size 16, milliseconds of processor time for the search)."""
    rows = []
    for d in sizes:
        started = process_time()
        answer = steps_to_target(harmonic(d), TARGET, batch_size=BATCH_SIZE)
        rows.append((d, answer, 1000 * (process_time() - started)))
    return rows


class Setting(NamedTuple):
    """What the explorer shows."""

    batch_size: float
    target: float
    answer: StepsToTarget
    plain: StepsToTarget
    bound: float
    steps: np.ndarray
    loss: np.ndarray
    plain_loss: np.ndarray


FEW = compress(MODEL, head=32, nodes=12)  # 91 nodes for 1000 coordinates
LENGTHS = np.unique(np.geomspace(1, 1e6, 60).round())


def plain(targets=(0.3, 0.1, 0.03)) -> dict:
    """(batch sizes, steps) of SGD at its best rate, for each target."""
    batch_sizes = 2.0 ** np.arange(13)
    return {
        target: (batch_sizes, [steps_to_target(FEW, target, batch_size=b).steps for b in batch_sizes])
        for target in targets
    }


def compute(batch_size: float, momentum: float, p: float, target: float) -> Setting:
    """The heavy ball preconditioned by H^p at its best lr, beside plain SGD at its own."""
    problem = precondition(FEW, p)
    answer = steps_to_target(problem, target, method="heavy_ball", momentum=momentum, batch_size=batch_size)
    plain = steps_to_target(FEW, target, batch_size=batch_size)
    loss = _curve(problem, LENGTHS, "heavy_ball", answer, batch_size)
    plain_loss = _curve(FEW, LENGTHS, "sgd", plain, batch_size)
    bound = bayes_bound(FEW, target, batch_size)
    return Setting(batch_size, target, answer, plain, bound, LENGTHS, loss, plain_loss)


class Wave(NamedTuple):
    """A heavy ball's loss that crosses its target several times."""

    steps: np.ndarray
    loss: np.ndarray
    target: float
    first: int  # step at which it first gets there
    found: int  # the one that a bisection finds


def wave(first_step: Callable, *, lr=1.0, momentum=0.99, batch_size=256, target=1.25) -> Wave:
    """Bisection on a loss that is not monotone."""
    heavy = partial(expected_loss, MODEL, method="heavy_ball", lr=lr, momentum=momentum, batch_size=batch_size)
    steps = np.arange(1, 181)
    loss = heavy(steps)
    found = first_step(lambda t: 0.0 if t == np.inf else float(heavy(t)), target)
    return Wave(steps, loss, target, int(steps[loss <= target][0]), int(found))


def by_eigenvectors(dtype, *, momentum=0.99, steps=500, beside=1e-4) -> float:
    """Relative error of a heavy ball's E p^2 from the powers of its 3 x 3 matrix, near critical damping, no noise."""
    x = (1 - np.sqrt(momentum)) ** 2 * (1 + beside)
    a, b = 1 + momentum - x, momentum
    matrix = np.array([[a * a, -2 * a * b, b * b], [a, -b, 0], [1, 0, 0]], dtype)
    values, vectors = np.linalg.eig(matrix)
    moments = vectors @ (values**steps * np.linalg.solve(vectors, np.ones(3, vectors.dtype)))
    one = spectrum([1.0], [0.0])
    return float(moments[0].real / (2 * expected_loss(one, steps, method="heavy_ball", lr=x, momentum=momentum)) - 1)
