"""The rates that the steps of a real loop used."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from course_lib.schedules import allowed
from course_lib.trace import Trace
from course_lib.trace_lr import groups
from course_lib.trace_lr.diagnoses import Facts, diagnose


class LrTrace(Trace):
    """A Trace with a row for each `optimizer.step()` inside the `with`, read just before it computes.

    Columns: `lr`; `momentum`, or what stands for it, where there is one; `position`, how often `scheduler` had been
    stepped; `intended`. One value a row, or with several parameter groups one a group, shape (rows, groups).
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        scheduler=None,
        *,
        intended: Callable | Sequence[float] | None = None,
        warmup_steps: int | None = None,
        start: int | None = None,
        label: str | None = None,
    ):
        super().__init__(type(optimizer).__name__.lower(), label)
        _check(optimizer, scheduler, warmup_steps, start)
        self._optimizer, self._scheduler = optimizer, scheduler
        self._intended, self._warmup_steps, self._start = intended, warmup_steps, start
        self._entry = self._final = self._hook = None

    def __enter__(self) -> "LrTrace":
        self._entry = groups.position(self._scheduler)
        if self._start is None:
            self._start = (self._entry or 0) if self._optimizer.state else 0
        self._hook = self._optimizer.register_step_pre_hook(lambda *_: self._row())
        return self

    def __exit__(self, *_) -> None:
        self._hook.remove()
        self._final = groups.position(self._scheduler)

    def _row(self) -> None:
        row = {name: groups.column(self._optimizer, getattr(groups, name)) for name in ("lr", "momentum")}
        row |= {"position": groups.position(self._scheduler), "intended": self._meant(len(self))}
        self.record(**{name: value for name, value in row.items() if value is not None})

    def _meant(self, row: int):
        """The intended rate of a row; None where there is none, or where the plan is over."""
        if not callable(self._intended):
            return self._intended[row] if self._intended is not None and row < len(self._intended) else None
        try:
            return self._intended(self._start + row)
        except ValueError:  # to look on must not stop the loop
            return None

    def diagnose(self) -> list[str]:
        """One sentence for each thing that is off with the first group's rates; an empty list where nothing is."""
        if not len(self):
            return ["No step was recorded: optimizer.step() did not run inside the with block."]
        return diagnose(self._facts())

    def _facts(self) -> Facts:
        scheduler, used = self._scheduler, self["lr"]
        return Facts(
            lr=_first(used),
            curve=self._curve(len(used)),
            momentum=_first(self["momentum"]) if "momentum" in self else None,
            momentum_before=self._optimizer.defaults.get("momentum"),
            cycles_momentum=getattr(scheduler, "cycle_momentum", False),
            warmup_steps=self._warmup_steps,
            scheduler="" if scheduler is None else type(scheduler).__name__,
            position=self["position"].astype(int) if "position" in self else None,
            entry=self._entry,
            final=groups.position(scheduler) if self._final is None else self._final,
            start=self._start,
            horizon=groups.horizon(scheduler),
        )

    def _curve(self, steps: int) -> np.ndarray | None:
        """The intended rates and, where it is known, one more."""
        if self._intended is None:
            return None
        meant = [self._meant(row) for row in range(steps + 1)]
        return _first(np.array([value for value in meant if value is not None], dtype=float))


def trace_lr(optimizer: torch.optim.Optimizer, scheduler=None, **meant) -> LrTrace:
    """Record which lr and momentum each step of a loop really uses; `scheduler` is only looked at, never stepped.

        with trace_lr(optimizer, scheduler, intended=WarmUp(Cosine(0.1, 900), 100)) as trace:
            ...  # the loop as it is
        trace.diagnose()

    All that follows is optional. `intended` is the curve that was meant, a schedule or one rate a step;
    `warmup_steps` the length of a warm-up that was meant, in steps of the optimiser; `start` the step at which the
    scheduler should stand when the block is entered: 0 for an optimiser without state, else where it stands, so give it
    when a run of plain SGD is resumed.

    Raises TypeError for what is no optimiser, ValueError for a scheduler of another one.
    """
    return LrTrace(optimizer, scheduler, **meant)


def _check(optimizer, scheduler, warmup_steps, start) -> None:
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(f"optimizer is a {type(optimizer).__name__}; allowed is a torch.optim.Optimizer")
    if getattr(scheduler, "optimizer", optimizer) is not optimizer:
        raise ValueError(f"scheduler is a {type(scheduler).__name__} of another optimizer than the one to trace")
    for name, value in (("warmup_steps", warmup_steps), ("start", start)):
        if value is not None:
            allowed.steps(name, value, least=0)


def _first(values: np.ndarray) -> np.ndarray:
    """The column of the first parameter group."""
    return values if values.ndim == 1 else values[:, 0]
