"""What both sweeps do before they differ: look at the arguments, draw the weights and the order of the batches."""

from collections.abc import Sequence
from numbers import Integral
from typing import NamedTuple

import numpy as np

from course_lib import hyperparameters
from course_lib.problems import digits
from course_lib.rule import Rule

DTYPES = ("float32", "float64")


class Plan(NamedTuple):
    rule: Rule
    hypers: dict  # all but lr
    lrs: np.ndarray  # (L,)
    seeds: np.ndarray  # (S,)
    weights: list[tuple[np.ndarray, np.ndarray]]  # per layer (S, inputs, outputs) and (S, outputs)
    order: np.ndarray  # (S, T, batch_size), indices of examples
    x: np.ndarray  # (n, inputs)
    y: np.ndarray  # (n,)
    test: tuple[np.ndarray, np.ndarray] | None


def make(rule, lrs, seeds, hypers: dict, x, y, sizes, steps, batch_size, test, dtype) -> Plan:
    """The plan of a sweep. Raises ValueError or TypeError, in one sentence, for what cannot be swept."""
    rule, lrs, seeds = Rule.of(rule), learning_rates(lrs), distinct_seeds(seeds)
    if "lr" in hypers:
        raise TypeError(f"lr is {hypers['lr']!r}; a sweep takes its learning rates from lrs, {lrs.tolist()}")
    if not isinstance(steps, Integral) or steps < 1:
        raise ValueError(f"steps is {steps!r}; allowed is a whole number from 1 on")
    if dtype not in DTYPES:
        raise ValueError(f"dtype is {dtype!r}; allowed are {' and '.join(DTYPES)}")
    full = hyperparameters.resolve(rule, {**hypers, "lr": float(lrs[0])})
    full.pop("lr")
    x, y = _examples("", x, y, sizes, dtype)
    test = test and _examples("test ", *test, sizes, dtype)
    order = np.stack([list(digits.batches(len(x), batch_size, steps, int(seed))) for seed in seeds])
    return Plan(rule, full, lrs, seeds, _weights(seeds, sizes, dtype), order, x, y, test)


def learning_rates(lrs: Sequence[float]) -> np.ndarray:
    """`lrs` as an array of shape (L,). Raises ValueError or TypeError for none, or one that is no learning rate."""
    lrs = list(lrs)
    if not lrs:
        raise ValueError("lrs is empty; a sweep needs one learning rate at least, such as lrs=[0.01, 0.1]")
    for lr in lrs:
        hyperparameters.check("lr", lr)
    return np.array(lrs, dtype=float)


def distinct_seeds(seeds: Sequence[int]) -> np.ndarray:
    """`seeds` as an array of shape (S,). Raises ValueError for none, for one that is no seed, for one given twice."""
    seeds = list(seeds)
    if not seeds:
        raise ValueError("seeds is empty; a sweep needs one seed at least, such as seeds=range(3)")
    if not all(isinstance(seed, Integral) and seed >= 0 for seed in seeds) or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds is {seeds}; allowed are whole numbers from 0 on, each once")
    return np.array(seeds)


def _examples(name: str, x, y, sizes, dtype) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, dtype=dtype), np.asarray(y)
    if x.ndim != 2 or x.shape[1] != sizes[0] or y.shape != x.shape[:1]:
        raise ValueError(
            f"{name}x has shape {x.shape} and {name}y {y.shape}; allowed are (n, {sizes[0]}) and (n,) for sizes={sizes}"
        )
    if y.dtype.kind not in "iu" or not (y.min() >= 0 and y.max() < sizes[-1]):
        raise ValueError(
            f"{name}y has values from {y.min()} to {y.max()}; allowed are the integers 0 to {sizes[-1] - 1}"
        )
    return x, y.astype(np.int64)


def _weights(seeds, sizes, dtype) -> list[tuple[np.ndarray, np.ndarray]]:
    nets = [digits.initial_weights(int(seed), sizes) for seed in seeds]
    return [
        tuple(np.stack(part).astype(dtype) for part in zip(*layers, strict=True)) for layers in zip(*nets, strict=True)
    ]
