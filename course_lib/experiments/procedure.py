"""Lesson 16: search spaces, random and grid search, successive halving, and a grid that ends too soon."""

import functools
from types import SimpleNamespace

import numpy as np

from course_lib.experiments import capstone, deepobs, tuning_log
from course_lib.experiments.lr_in_loops import both
from course_lib.rules import adam, momentum, sgd

__all__ = ["both", "capstone", "deepobs", "tuning_log"]

NAMES, LOW, HIGH = ("lr", "1 − momentum"), np.array([1e-5, 1e-3]), np.array([1.0, 1.0])
GOOD = 1.001  # a loss at most this many times the best one counts as good
METHODS = {"SGD": (sgd, {}), "momentum": (momentum, {"momentum": 0.9}), "Adam": (adam, {})}
SHORT_GRID = (1e-5, 1e-4, 1e-3)


def losses(settings: np.ndarray, epochs: int = deepobs.EPOCHS) -> np.ndarray:
    """Training losses on DeepOBS's quadratic of rows (lr, 1 − momentum) after `epochs`; nan where one diverged."""
    hypers = {"lr": settings[:, :1], "momentum": 1 - settings[:, 1:]}
    with np.errstate(all="ignore"):
        p = deepobs.ends(momentum, hypers, orders=len(settings), epochs=epochs)
        loss = deepobs.loss(p, deepobs.problem().training)
    return np.where(loss < 1e6, loss, np.nan)


@functools.cache
def surface(points: int = 21) -> SimpleNamespace:
    """The loss over the whole search space: lr and rest, (points,) each, and loss, (lr, rest)."""
    lr, rest = (np.geomspace(low, high, points) for low, high in zip(LOW, HIGH, strict=True))
    settings = np.stack(np.meshgrid(lr, rest, indexing="ij"), axis=-1).reshape(-1, 2)
    loss = losses(settings).reshape(points, points)
    return SimpleNamespace(lr=lr, rest=rest, loss=loss, best=np.nanmin(loss))


def searches(sample, trials: int = 16, seed: int = 0) -> dict[str, SimpleNamespace]:
    """The two ways to spend `trials`, a square number, on two settings: settings (trials, 2) and their losses."""
    side = (np.arange(round(trials**0.5)) + 0.5) / round(trials**0.5)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    places = {"grid": grid, "random": np.random.default_rng(seed).random((trials, 2))}
    found = {name: sample(u, LOW, HIGH) for name, u in places.items()}
    return {name: SimpleNamespace(settings=s, loss=losses(s)) for name, s in found.items()}


def pool(sample, size: int = 400) -> np.ndarray:
    """Losses of `size` random settings; inf where one diverged."""
    found = losses(sample(np.random.default_rng(1).random((size, 2)), LOW, HIGH))
    return np.where(np.isnan(found), np.inf, found)


def hits(found: np.ndarray, trials: int = 16, repeats: int = 4000) -> tuple[float, float]:
    """(share of a pool that is good, share of random searches of `trials` in it that find a good one)."""
    good = found <= GOOD * surface().best
    drawn = np.random.default_rng(2).integers(len(found), size=(repeats, trials))
    return good.mean(), good[drawn].any(axis=1).mean()


def best_of(found: np.ndarray, trials: int, repeats: int = 4000) -> float:
    """Median of the best loss of random searches of `trials` in a pool, in per cent above the best on the map."""
    drawn = np.random.default_rng(3).integers(len(found), size=(repeats, trials))
    return float(100 * (np.median(found[drawn].min(axis=1)) / surface().best - 1))


def by_order_alone() -> float:
    """Range of the loss over twenty orders of the data at the map's best setting, in per cent."""
    i, j = np.unravel_index(np.nanargmin(surface().loss), surface().loss.shape)
    loss = losses(np.tile([surface().lr[i], surface().rest[j]], (20, 1)))
    return float(100 * np.ptp(loss) / surface().best)


def race(sample, halving, trials: int = 27, epochs: int = 4, seed: int = 2) -> SimpleNamespace:
    """Successive halving on random settings, and what all of them give with the winner's epochs.

    winner, spent (epochs in all), rounds as (epochs, {trial: loss}), full (losses of all trials at the last budget).
    """
    settings = sample(np.random.default_rng(seed).random((trials, 2)), LOW, HIGH)
    rounds: dict[int, dict] = {}

    def run(trial, n):
        loss = losses(settings[[trial]], int(n))[0]
        rounds.setdefault(int(n), {})[int(trial)] = loss
        return loss

    winner, spent = halving(run, trials, epochs)
    last = max(rounds)
    return SimpleNamespace(winner=int(winner), spent=spent, rounds=rounds, last=last, full=losses(settings, last))


def score(name: str):
    """lr -> median training loss of a method over five orders of the data; inf where it diverged."""
    rule, hypers = METHODS[name]

    @functools.cache
    def loss(lr: float) -> float:
        with np.errstate(all="ignore"):
            p = deepobs.ends(rule, hypers | {"lr": lr}, orders=5)
            median = np.median(deepobs.loss(p, deepobs.problem().training))
        return float(median) if median < 1e6 else np.inf

    return loss


def reported(tune, lrs=SHORT_GRID) -> dict[str, tuple[float, float]]:
    """(best rate, its loss) of each method as `tune(score, lrs)` finds it."""
    found = {name: float(tune(score(name), list(lrs))) for name in METHODS}
    return {name: (lr, score(name)(lr)) for name, lr in found.items()}


def by_chance(trials, width: float, important: int):
    """Chance that random search finds a region `width` wide in each of the settings that matter; trials may be many."""
    return 1 - (1 - width**important) ** trials


def by_grid(trials, width: float, important: int, settings: int):
    """The same for a grid with equally many values a setting, where the region lies anywhere, the ends joined."""
    values = np.floor(np.asarray(trials) ** (1 / settings) + 1e-9)
    return np.minimum(1, values * width) ** important


def compute(*, trials: int, settings: int, important: int, width: float) -> SimpleNamespace:
    """One setting of the explorer; settings that matter are at most all of them."""
    important = min(important, settings)
    values = int(trials ** (1 / settings) + 1e-9)
    side, n = (np.arange(values) + 0.5) / values, np.arange(1, 401)
    random = np.random.default_rng(0).random((trials, 2))
    if settings == 1:
        random[:, 1] = 0.5
    return SimpleNamespace(
        trials=trials,
        important=important,
        width=width,
        values=values,
        random=random,
        grid=np.stack(np.meshgrid(side, side if settings > 1 else [0.5]), axis=-1).reshape(-1, 2),
        n=n,
        by_chance=by_chance(n, width, important),
        by_grid=by_grid(n, width, important, settings),
    )
