"""Lesson 07: what Adam's relatives change, and comparisons that are fair, or are not."""

from math import comb

import numpy as np

from course_lib.experiments import autoencoder as squeeze
from course_lib.experiments.adam import deep_nets, lengths
from course_lib.experiments.char_ladder import ladder, lines, train
from course_lib.experiments.lookahead import around, compute, equal_floor, ratio, simulated_ratio
from course_lib.experiments.sgd import torch_and_jax
from course_lib.problems import digits
from course_lib.rule import Rule
from course_lib.rules import adam, momentum, nesterov, sgd
from course_lib.sweeps import Comparison, sweep_torch, tune

__all__ = [  # noqa: RUF022
    "METHODS", "autoencoder", "linear_floor", "on_digits", "fair", "chosen", "nothing_to_learn", "reported", "luck",
    "too_large", "warmed_adam", "deep_nets", "lengths", "first_steps", "longest", "move", "around", "ratio",
    "simulated_ratio", "equal_floor", "compute", "ladder", "lines", "train", "torch_and_jax",
]  # fmt: skip

METHODS = {"SGD": (sgd, {}), "momentum": (momentum, {}), "Nesterov": (nesterov, {}), "Adam": (adam, {})}
SQUEEZE_RATES = {  # factors of two, as many for each
    "SGD": (0.8, 1.6, 3.2, 6.4),
    "momentum": (0.3, 0.6, 1.2, 2.4),
    "Nesterov": (0.2, 0.4, 0.8, 1.6),
    "Adam": (0.01, 0.02, 0.04, 0.08),
}
DIGIT_RATES = {
    "SGD": (0.1, 0.2, 0.4, 0.8),
    "momentum": (0.02, 0.04, 0.08, 0.16),
    "Nesterov": (0.02, 0.04, 0.08, 0.16),
    "Adam": (0.005, 0.01, 0.02, 0.04),
}
linear_floor = squeeze.linear_floor


# Fair comparisons, and unfair ones


def autoencoder(steps: int = 400, seeds: int = 5) -> Comparison:
    """The four METHODS on the autoencoder, each at four rates and `seeds` seeds."""
    return tune(METHODS, SQUEEZE_RATES, range(seeds), sweep=squeeze.sweep, steps=steps)


def on_digits(seeds: int = 5, steps: int = 200) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By method: accuracy on 288 validation digits and on the 360 test digits, each (rates, seeds).

    The net is trained on the other 1149.
    """
    return {
        name: _two_accuracies(rule, DIGIT_RATES[name], seeds, steps, digits.load())
        for name, (rule, _) in METHODS.items()
    }


def _two_accuracies(rule, lrs, seeds: int, steps: int, data: digits.Split) -> tuple[np.ndarray, np.ndarray]:
    held_out = len(data.x_train) // 5
    x, y = data.x_train[held_out:], data.y_train[held_out:]
    tests = (data.x_train[:held_out], data.y_train[:held_out]), (data.x_test, data.y_test)
    same = {"x": x, "y": y, "steps": steps, "batch_size": 64}
    validation, test = (sweep_torch(rule, lrs, range(seeds), test=test, **same).test_accuracy for test in tests)
    return np.nan_to_num(validation), np.nan_to_num(test)


def fair(validation: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Test scores of all seeds at the rate whose median over seeds is best on the validation set."""
    return test[np.argmax(np.median(validation, axis=1))]


def chosen(tables: dict, scores=fair) -> dict[str, np.ndarray]:
    """By method what `scores(validation, test)` reports."""
    return {name: scores(*tables[name]) for name in tables}


def nothing_to_learn(rates: int = 32, seeds: int = 5, steps: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """(validation, test) accuracies as in `on_digits`, of Adam on shuffled labels: 10 % is all there is."""
    data, rng = digits.load(), np.random.default_rng(0)
    shuffled = data._replace(y_train=rng.permutation(data.y_train), y_test=rng.permutation(data.y_test))
    return _two_accuracies(adam, np.geomspace(0.001, 0.1, rates), seeds, steps, shuffled)


def reported(scores, tables, counts=(1, 2, 4, 8, 16, 32), draws: int = 200) -> dict[int, float]:
    """The median accuracy that `scores` reports where only so many rates were tried, on average over their choice."""
    validation, test = tables
    rng = np.random.default_rng(0)

    def once(count: int) -> float:
        rows = rng.choice(len(test), count, replace=False)
        return float(np.median(scores(validation[rows], test[rows])))

    return {count: float(np.mean([once(count) for _ in range(draws)])) for count in counts}


def luck(seeds: int, pairs: int = 20_000) -> tuple[float, float]:
    """How often the ranges of two equal methods lie apart: in a draw of normal numbers, and exactly, 2 / C(2S, S)."""
    one, other = np.random.default_rng(0).standard_normal((2, pairs, seeds))
    apart = (one.max(axis=1) < other.min(axis=1)) | (other.max(axis=1) < one.min(axis=1))
    return float(apart.mean()), 2 / comb(2 * seeds, seeds)


def too_large(comparison: Comparison, name: str, factor: float) -> float:
    """How much the median loss of a method grows from its best rate to `factor` times that, a rate of its grid."""
    sweep, best = comparison.sweeps[name], comparison.best[name]
    row = int(np.argmin(np.abs(sweep.lrs - factor * best.lr)))
    return float(np.median(sweep.final_loss[row])) - best.median


# Adam's relatives


def _warmed(p, g, s, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    rate = lr * min(1.0, (s.t + 1) * (1 - beta2) / 2)
    return adam.step(p, g, s, lr=rate, beta1=beta1, beta2=beta2, eps=eps)


warmed_adam = Rule("adam", adam.init, _warmed, adam.State, elementwise=True)  # linear over 2/(1 - beta2) steps


def first_steps(steps: int = 3) -> dict[str, list[float]]:
    """NAdam's first steps under a slope of 1 at lr 1: torch.optim's, and those of optax's definition."""
    import torch

    from course_lib.rules import nadam

    p = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer, places = torch.optim.NAdam([p], lr=1.0), [0.0]
    for _ in range(steps):
        p.grad = torch.ones_like(p)
        optimizer.step()
        places.append(p.item())
    return {
        "torch": (-np.diff(places)).tolist(),
        "optax": lengths(nadam, steps, momentum_decay=np.inf).tolist(),
        "momentum_decay = 0": lengths(nadam, steps, momentum_decay=0.0).tolist(),
    }


def longest(rule, shrink: float = 1.0, steps: int = 10_000) -> float:
    """The longest step in units of lr: under wild slopes (Cauchy), or where each is `shrink` times the last."""
    wild = np.random.default_rng(0).standard_cauchy((steps, 20))
    slopes = wild if shrink == 1 else np.geomspace(1, shrink ** (steps - 1), steps)[:, None]
    s, best = rule.init(np.zeros(slopes.shape[1])), 0.0
    for g in slopes:
        p, s = rule.step(np.zeros_like(g), g, s, lr=1.0)
        best = max(best, np.abs(p).max())
    return float(best)


def move(rule, d: int, lr: float = 0.01, steps: int = 200) -> tuple[float, float]:
    """(shortest, longest) step over lr * sqrt(d), in d dimensions under gradients of all sizes."""
    rng, p = np.random.default_rng(0), np.zeros(d)
    s, sizes = rule.init(p), []
    for _ in range(steps):
        q, s = rule.step(p.copy(), rng.standard_normal(d) * 10 ** rng.uniform(-6, 6, d), s, lr=lr)
        sizes.append(np.linalg.norm(q - p) / (lr * np.sqrt(d)))
        p = q
    return float(min(sizes)), float(max(sizes))
