"""Compare optimisers fairly: each at its own best learning rate, medians and ranges over seeds, no order by luck."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from course_lib.sweeps.by_torch import sweep_torch
from course_lib.sweeps.plan import distinct_seeds, learning_rates
from course_lib.sweeps.record import Sweep

CRITERIA = {"loss": "final loss", "accuracy": "test accuracy"}
LEAST_SEEDS = 3


class Tuned(NamedTuple):
    """One rule at its best learning rate: the criterion's median and range over seeds."""

    name: str
    lr: float
    values: np.ndarray  # (S,), infinite loss or accuracy 0 where a seed diverged
    warning: str = ""  # a sentence, where the grid or the seeds leave the best lr in doubt

    @property
    def median(self) -> float:
        return float(np.median(self.values))

    @property
    def low(self) -> float:
        return float(np.min(self.values))

    @property
    def high(self) -> float:
        return float(np.max(self.values))

    def overlaps(self, other: "Tuned") -> bool:
        return self.low <= other.high and other.low <= self.high


class Ranking(NamedTuple):
    """An order of all rules, best first, or the refusal to give one."""

    order: tuple[str, ...]  # empty where refused
    better: tuple[tuple[str, str], ...]  # pairs (better, worse) whose ranges lie apart
    refused: tuple[tuple[str, str], ...]  # pairs that cannot be ranked
    sentence: str

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Comparison:
    """What `tune` found: `best` by name; `sweeps`, by name too, hold every run."""

    criterion: str
    best: dict[str, Tuned]
    sweeps: dict[str, Sweep]

    def ranking(self) -> Ranking:
        """All rules in order, if no two ranges overlap; else a refusal that names the pairs that cannot be ranked.

        Ranges of two equal methods lie apart by luck with probability 2 / C(2S, S): one time in 10 with S = 3 seeds, in
        126 with 5.
        """
        tuned = sorted(self.best.values(), key=lambda t: t.median, reverse=self.criterion == "accuracy")
        pairs = list(combinations(tuned, 2))
        refused = tuple((a.name, b.name) for a, b in pairs if a.overlaps(b))
        better = tuple((a.name, b.name) for a, b in pairs if not a.overlaps(b))
        order = () if refused else tuple(t.name for t in tuned)
        return Ranking(order, better, refused, self._sentence(order, refused))

    def _sentence(self, order, refused) -> str:
        if not refused:
            return f"Ranking by {CRITERIA[self.criterion]}, best first: {', '.join(order)}."
        pairs = "; ".join(f"{a} {_range(self.best[a])} and {b} {_range(self.best[b])}" for a, b in refused)
        return f"No ranking by {CRITERIA[self.criterion]}: the ranges over seeds overlap for {pairs}."

    def __str__(self) -> str:
        """The table, the warnings, and the ranking or its refusal."""
        word = CRITERIA[self.criterion]
        seeds = len(next(iter(self.best.values())).values)
        rows = [("optimiser", "best lr", f"median {word}", f"range over {seeds} seeds")]
        rows += [(t.name, f"{t.lr:g}", f"{t.median:.4g}", _range(t)) for t in self.best.values()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, *(t.warning for t in self.best.values() if t.warning), str(self.ranking())])


def tune(
    rules: Mapping[str, tuple],
    lrs: Sequence[float] | Mapping[str, Sequence[float]],
    seeds: Sequence[int],
    *,
    criterion: str = "loss",
    sweep: Callable[..., Sweep] = sweep_torch,
    **settings,
) -> Comparison:
    """Give every rule the same budget, and compare them at the learning rate whose median over seeds is best.

    `rules` maps a name to (rule, its other hyperparameters); `lrs` is one grid for all, or a grid of the same length
    for each name; `criterion` "loss" is the smoothed training loss at the end (`Sweep.final_loss`), "accuracy" the test
    accuracy; `settings` go to `sweep`. The ranges are over the seeds that chose the learning rate too.

    Raises ValueError or TypeError, in one sentence, for what cannot be compared.
    """
    grids = _grids(rules, lrs)
    if criterion not in CRITERIA:
        raise ValueError(f"criterion is {criterion!r}; allowed are {' and '.join(CRITERIA)}")
    if criterion == "accuracy" and settings.get("test") is None:
        raise ValueError("criterion is 'accuracy', but test is missing; give test=(x_test, y_test)")
    if len(distinct_seeds(seeds)) < LEAST_SEEDS:
        raise ValueError(f"seeds is {list(seeds)}; a range over seeds needs {LEAST_SEEDS} at least, better 5")
    sweeps = {name: sweep(rule, grids[name], seeds, **settings, **hypers) for name, (rule, hypers) in rules.items()}
    return Comparison(criterion, {name: choose(name, s, criterion) for name, s in sweeps.items()}, sweeps)


def choose(name: str, sweep: Sweep, criterion: str = "loss") -> Tuned:
    """The learning rate with the best median over seeds, the first of equals; diverged seeds count as the worst."""
    values = sweep.final_loss if criterion == "loss" else np.where(sweep.diverged, 0.0, sweep.test_accuracy)
    medians = np.median(values, axis=1)
    at = int(np.argmin(medians) if criterion == "loss" else np.argmax(medians))
    return Tuned(name, float(sweep.lrs[at]), values[at], _warning(name, sweep, at))


def _warning(name: str, sweep: Sweep, at: int) -> str:
    lr, lost = sweep.lrs[at], int(sweep.diverged[at].sum())
    if sweep.diverged.all():
        return f"{name} diverged at every lr and seed: extend the grid downwards."
    if lr in (sweep.lrs.min(), sweep.lrs.max()):
        end = "smallest" if lr == sweep.lrs.min() else "largest"
        return f"The best lr of {name}, {lr:g}, is the {end} of the grid: extend the grid."
    return f"At its best lr {name} diverged for {lost} of {len(sweep.seeds)} seeds." if lost else ""


def _grids(rules, lrs) -> dict[str, np.ndarray]:
    """A grid for each rule, all of one length."""
    if not rules:
        raise ValueError("rules is empty; give a dict such as {'Adam': (adam, {})}")
    for name, entry in rules.items():
        if not (isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[1], Mapping)):
            raise TypeError(f"rules[{name!r}] is {entry!r}; allowed is a pair such as (adam, {{'beta1': 0.9}})")
    by_name = lrs if isinstance(lrs, Mapping) else dict.fromkeys(rules, lrs)
    if set(by_name) != set(rules):
        raise ValueError(f"lrs has grids for {', '.join(by_name)}; needed is one for each of {', '.join(rules)}")
    grids = {name: learning_rates(by_name[name]) for name in rules}
    lengths = {name: len(grid) for name, grid in grids.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"lrs has grids of lengths {lengths}; a fair comparison gives every rule the same number")
    return grids


def _range(tuned: Tuned) -> str:
    return f"[{tuned.low:.4g}, {tuned.high:.4g}]"
