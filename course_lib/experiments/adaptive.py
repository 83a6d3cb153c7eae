"""Lesson 04: rare words under one learning rate, under one for each of them, and tumours in all units at once."""

from functools import cache

import numpy as np

from course_lib.experiments.word_table import Run, learn, torch_and_jax, tune, untrained
from course_lib.problems import tumours
from course_lib.rules import adagrad, adam, rmsprop, sgd
from course_lib.trace import Trace

__all__ = [  # noqa: RUF022
    "best", "distance", "scale_ratio", "first_steps", "race", "arriving", "compute", "learn", "torch_and_jax",
    "untrained",
]  # fmt: skip

RATES = {  # factors of two, with the best one inside
    "sgd": (50, 100, 200),
    "adagrad": (4, 8, 16),
    "rmsprop": (0.05, 0.1, 0.2),
}

LRS = np.geomspace(1e-7, 100, 28)  # for the tumours


def best(rules: dict) -> dict[str, Run]:
    """The best run of each rule over its RATES on the word table; prints what every rate came to."""
    runs = {}
    for name, rule in rules.items():
        runs[name], tried = tune(rule, RATES[name])
        print(f"{name:8}", "  ".join(f"lr {lr:g}: {excess:.4f}" for lr, excess in tried.items()))
    return runs


def distance(rule, *, steps: int = 10_000, lr: float = 1.0, label: str | None = None, **hypers) -> Trace:
    """How far p has moved under a constant gradient of 1, rows 0 to `steps` of `moved`."""
    p, g = np.zeros(1), np.ones(1)
    s, trace = rule.init(p), Trace(rule.__name__.rpartition(".")[2], label)
    trace.record(moved=0.0)
    for _ in range(steps):
        p, s = rule.step(p, g, s, lr=lr, **hypers)
        trace.record(moved=-p[0])
    return trace


def scale_ratio(rule, factor: float = 1000.0, steps: int = 50, lr: float = 0.1) -> float:
    """How much farther a rule walks if every gradient it is given is `factor` times as large."""

    def walked(times: float) -> float:
        p, rng = np.zeros(20), np.random.default_rng(0)
        s = rule.init(p)
        for _ in range(steps):
            p, s = rule.step(p, times * rng.standard_normal(20), s, lr=lr)
        return float(np.linalg.norm(p))

    return walked(factor) / walked(1.0)


def first_steps(steps: int = 3) -> dict[str, dict[str, list[float]]]:
    """The first steps under a gradient of 1 at lr 1, by method: those of torch.optim's classes, and those of optax's
    definitions as `jax_optim` has them."""
    import torch

    from course_lib import jax_optim

    ours = {"AdaGrad": torch.optim.Adagrad, "RMSProp": torch.optim.RMSprop, "AdaDelta": torch.optim.Adadelta}
    theirs = {
        "AdaGrad": jax_optim.adagrad(1.0, initial_accumulator_value=0.1, eps=1e-7, eps_in_sqrt=True),
        "RMSProp": jax_optim.rmsprop(1.0, decay=0.9, eps_in_sqrt=True),
        "AdaDelta": jax_optim.adadelta(1.0),
    }
    return {n: {"torch": _torch_steps(ours[n], steps), "optax": _jax_steps(theirs[n], steps)} for n in ours}


def _torch_steps(optimizer, steps: int) -> list[float]:
    import torch

    p = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    walker, places = optimizer([p], lr=1.0), [0.0]
    for _ in range(steps):
        p.grad = torch.ones_like(p)
        walker.step()
        places.append(p.item())
    return (-np.diff(places)).tolist()


def _jax_steps(transform, steps: int) -> list[float]:
    import jax.numpy as jnp

    p, g = jnp.zeros(1), jnp.ones(1)
    s, lengths = transform.init(p), []
    for _ in range(steps):
        update, s = transform.update(g, s, p)
        lengths.append(-float(update[0]))
    return lengths


@cache
def _tumours(standardised: bool) -> tuple[tumours.Logistic, float]:
    """The problem and its least loss."""
    x, benign = tumours.measured()
    problem = tumours.logistic((x - x.mean(axis=0)) / x.std(axis=0) if standardised else x, benign)
    return problem, float(problem.loss(tumours.newton(problem)))


def lowest(rule, standardised: bool, steps: int = 1000, lrs=LRS) -> float:
    """Loss above the least after `steps` full-batch steps at the best of all rates; the runs go side by side."""
    problem, least = _tumours(standardised)
    p = np.zeros((len(lrs), problem.x.shape[1]))
    s = rule.init(p)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            p, s = rule.step(p, problem.grad(p), s, lr=lrs[:, None])
        return float(np.nanmin(problem.loss(p))) - least


def race() -> dict[str, float]:
    """Loss above the least on the tumours, by method and units."""
    racers = {"gradient descent": sgd, "RMSProp": rmsprop, "AdaGrad": adagrad, "Adam": adam}
    raw = {f"{name}, raw": lowest(rule, False) for name, rule in racers.items()}
    return {**raw, "gradient descent, standardised": lowest(sgd, True)}


def arriving(standardise, sizes=(1, 2, 4, 8, 16, 32, 64, 143)) -> dict[int, float]:
    """Share of 143 test tumours that are judged rightly, when they arrive in groups of each size.

    `standardise(train, x)` scales the measurements `x`, (n, 30), of one group; the model was fitted to
    `standardise(train, train)`.
    """
    from sklearn.model_selection import train_test_split

    train, test, benign, test_benign = train_test_split(*tumours.measured(), random_state=0)
    p = tumours.newton(tumours.logistic(standardise(train, train), benign), steps=15)

    def right(size: int) -> float:
        groups = np.split(test, range(size, len(test), size))
        scores = [tumours.with_one(standardise(train, group)) @ p for group in groups]
        return float(np.mean((np.concatenate(scores) > 0) == test_benign))

    return {size: right(size) for size in sizes}


def compute(lr: float, scale: float, rare: float, alpha: float) -> dict[str, np.ndarray]:
    """The explorer: two weights with the loss scale/2 * ((p1 - 1)^2 + rare * (p2 - 1)^2), from 0.

    Gives, by method, the root of the mean of (p - 1)^2 over 32 noisy runs, shape (121, 2).
    """
    pull, methods = scale * np.array([[1.0], [rare]]), {"sgd": (sgd, {}), "adagrad": (adagrad, {})}
    methods["rmsprop"] = (rmsprop, {"alpha": alpha})
    return {name: _errors(rule, pull, lr=lr, **hypers) for name, (rule, hypers) in methods.items()}


def _errors(rule, pull: np.ndarray, steps: int = 120, replicas: int = 32, **hypers) -> np.ndarray:
    p, noise = np.zeros((2, replicas)), np.random.default_rng(0).standard_normal((steps, 2, replicas))
    s, path = rule.init(p), [p]
    for xi in noise:
        p, s = rule.step(p, pull * (p - 1 + xi), s, **hypers)
        p = p.clip(-1e6, 1e6)  # where it flies off
        path.append(p)
    return np.sqrt(np.mean((np.array(path) - 1) ** 2, axis=2))
