"""Every scheduler of the installed torch in one table: when it acts, what it computes, and our schedule of that name.

A row's numbers are torch's own, from a run of its scheduler; `worst_difference` holds our schedules to them.
"""

import inspect
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from course_lib.schedules import (
    Chained,
    Constant,
    Cosine,
    CosineRestarts,
    Cyclic,
    Exponential,
    InverseTime,
    Lambda,
    Linear,
    Multiplicative,
    MultiStep,
    OneCycle,
    Polynomial,
    Sequential,
    Step,
    Trapezoid,
    WarmUp,
    plateau,
)

STEPS = 100
SHOWN = (50, 99)  # steps whose rates stand in the table
AT_STEPS, BY_FORMULA, BY_METRIC, BY_PARTS = "at given steps", "by formula", "on a metric", "by its parts"


class Row(NamedTuple):
    """`torch` makes the scheduler from torch's module and an optimiser of lr 1; `ours` is the same curve."""

    acts: str
    count: str  # what step() is called after
    says: str
    name: str  # of our schedule
    torch: Callable | None
    ours: Callable


def _metric(t: int) -> float:
    """Falls for 30 epochs, then no more."""
    return max(1 - t / 40, 0.25)


def _plateau(t: np.ndarray) -> np.ndarray:
    lr, s, used = 1.0, plateau.init(), []
    for epoch in range(len(t)):
        used.append(lr)
        lr, s = plateau.step(lr, _metric(epoch), s)
    return np.array(used)


def _halving(t: int) -> float:
    return 0.5 ** (t / 25)


ROWS = {
    "StepLR": Row(
        AT_STEPS, "epoch", "lr · γ^⌊t / step_size⌋", "Step", lambda s, o: s.StepLR(o, 30), Step(1.0, 30)
    ),
    "MultiStepLR": Row(
        AT_STEPS, "epoch", "lr · γ^n, n milestones with m ≤ t", "MultiStep",
        lambda s, o: s.MultiStepLR(o, [50, 75]), MultiStep(1.0, (50, 75)),
    ),
    "ConstantLR": Row(
        AT_STEPS, "epoch", "lr · factor while t < total_iters, then lr", "Sequential",
        lambda s, o: s.ConstantLR(o, 0.5, 50), Sequential((Constant(0.5), Constant(1.0)), (50,)),
    ),
    "ReduceLROnPlateau": Row(
        BY_METRIC, "validation", "lr · factor after patience + 1 bad epochs in a row", "plateau",
        lambda s, o: s.ReduceLROnPlateau(o), _plateau,
    ),
    "LambdaLR": Row(
        BY_FORMULA, "either", "lr · f(t): a factor of the first rate", "Lambda",
        lambda s, o: s.LambdaLR(o, _halving), Lambda(1.0, _halving),
    ),
    "MultiplicativeLR": Row(
        BY_FORMULA, "either", "lr · f(1) · f(2) · … · f(t): a factor of the present rate", "Multiplicative",
        lambda s, o: s.MultiplicativeLR(o, lambda t: 0.98), Multiplicative(1.0, lambda t: 0.98),
    ),
    "ExponentialLR": Row(
        BY_FORMULA, "either", "lr · γᵗ", "Exponential", lambda s, o: s.ExponentialLR(o, 0.98), Exponential(1.0, 0.98)
    ),
    "LinearLR": Row(
        BY_FORMULA, "either", "lr · a factor, straight from start_factor to end_factor", "Linear",
        lambda s, o: s.LinearLR(o, 1.0, 0.1, 80), Linear(1.0, 80, 0.1),
    ),
    "PolynomialLR": Row(
        BY_FORMULA, "either", "lr · (1 − t / total_iters)^power, then 0", "Polynomial",
        lambda s, o: s.PolynomialLR(o, 100, 2.0), Polynomial(1.0, 100, 2.0),
    ),
    "CosineAnnealingLR": Row(
        BY_FORMULA, "either", "η + (lr − η) · (1 + cos(π t / T_max)) / 2, η = eta_min", "Cosine",
        lambda s, o: s.CosineAnnealingLR(o, 100), Cosine(1.0, 100),
    ),
    "CosineAnnealingWarmRestarts": Row(
        BY_FORMULA, "either", "the cosine anew, over T_0, T_0·T_mult, T_0·T_mult², …", "CosineRestarts",
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 30, 2), CosineRestarts(1.0, 30, 2),
    ),
    "CyclicLR": Row(
        BY_FORMULA, "batch", "triangles between base_lr and max_lr; momentum the other way", "Cyclic",
        lambda s, o: s.CyclicLR(o, 0.1, 1.0, 20), Cyclic(0.1, 1.0, 20),
    ),
    "OneCycleLR": Row(
        BY_FORMULA, "batch", "up from max_lr/25, down to nearly 0, once; momentum the other way", "OneCycle",
        lambda s, o: s.OneCycleLR(o, 1.0, 100), OneCycle(1.0, 100),
    ),
    "SequentialLR": Row(
        BY_PARTS, "either", "one after the other, each from its own step 0", "Sequential",
        lambda s, o: s.SequentialLR(o, [s.LinearLR(o, 0.1, 1.0, 20), s.CosineAnnealingLR(o, 80)], [20]),
        Sequential((Linear(0.1, 20, 1.0), Cosine(1.0, 80)), (20,)),
    ),
    "ChainedScheduler": Row(
        BY_PARTS, "either", "all at once: the product of their factors", "Chained",
        lambda s, o: s.ChainedScheduler([s.LinearLR(o, 0.1, 1.0, 20), s.ExponentialLR(o, 0.98)]),
        Chained((Linear(0.1, 20, 1.0), Exponential(1.0, 0.98))),
    ),
}  # fmt: skip

OTHERS = {
    "no class: inverse time": Row(
        BY_FORMULA, "either", "lr / (1 + k t)", "InverseTime", None, InverseTime(1.0, 0.05)
    ),
    "no class: trapezoid (WSD)": Row(
        BY_FORMULA, "either", "up, flat, and down in the last cooldown_steps", "Trapezoid", None,
        Trapezoid(1.0, 100, 10, 20),
    ),
    "no class: warm-up": Row(
        BY_PARTS, "batch", "straight up to the first rate of any schedule", "WarmUp", None,
        WarmUp(Cosine(1.0, 80), 20),
    ),
}  # fmt: skip


def of_torch() -> list[str]:
    """The names of the public schedulers in the installed torch.optim.lr_scheduler."""
    from torch.optim import lr_scheduler

    own = {n: c for n, c in vars(lr_scheduler).items() if inspect.isclass(c) and not n.startswith("_")}
    base = lr_scheduler.LRScheduler
    return sorted(name for name, c in own.items() if issubclass(c, base) and c is not base)


def torchs_rates(row: Row, steps: int = STEPS) -> np.ndarray:
    """The rates of `steps` steps as torch's scheduler gives them, from lr 1."""
    import torch
    from torch.optim import lr_scheduler

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0, momentum=0.9)
    scheduler, used = row.torch(lr_scheduler, optimizer), []
    for t in range(steps):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(*([_metric(t)] if row.acts == BY_METRIC else []))
    return np.array(used)


def worst_difference() -> float:
    """The largest difference between a rate of torch's and ours, over all rows and steps."""
    t = np.arange(STEPS)
    return float(max(np.max(np.abs(torchs_rates(row) - row.ours(t))) for row in ROWS.values()))


class Markdown(str):
    """A text that a notebook shows as Markdown."""

    __slots__ = ()

    def _repr_markdown_(self) -> str:
        return str(self)


def markdown() -> Markdown:
    """The table, a row for every scheduler of the installed torch; one that is not known here says so."""
    order = [*ROWS, *sorted(set(of_torch()) - set(ROWS))]
    lines = [_line(f"`{name}`", ROWS.get(name)) for name in order if name in of_torch()]
    lines += [_line(name, row) for name, row in OTHERS.items()]
    ends = " | ".join(f"t = {t}" for t in SHOWN)
    head = f"| torch | acts | step() after | rate at step t | ours | {ends} |"
    return Markdown("\n".join([head, "|" + " --- |" * (5 + len(SHOWN)), *lines]))


def _line(name: str, row: Row | None) -> str:
    if row is None:
        return f"| {name} | new in this torch: no row yet |" + " |" * (3 + len(SHOWN))
    rates = row.ours(np.arange(STEPS)) if row.torch is None else torchs_rates(row)
    shown = " | ".join(f"{rates[t]:.3g}" for t in SHOWN)
    acts = row.acts.replace(" ", "\N{NO-BREAK SPACE}")
    return f"| {name} | {acts} | {row.count} | {row.says} | `{row.name}` | {shown} |"


def curves() -> dict[str, tuple[str, np.ndarray]]:
    """Name, when it acts, and 100 rates: of every scheduler of torch that has a row, and of the other schedules."""
    known = {name: (row.acts, torchs_rates(row)) for name, row in ROWS.items() if name in of_torch()}
    t = np.arange(STEPS)
    return known | {name.partition(": ")[2]: (row.acts, row.ours(t)) for name, row in OTHERS.items()}
