"""Schedulers made of schedulers: one after the other, and one times the other."""

import math
from collections.abc import Sequence
from typing import ClassVar

from torch.optim import Optimizer, lr_scheduler

from course_lib.schedules.joined import one_fewer, part
from course_lib.torch_schedulers.plateau import ReduceLROnPlateau
from course_lib.torch_schedulers.shell import Shell


class _Composed(Shell):
    """The parts keep their arguments and their own count of steps; only the whole writes the rate."""

    unsaved: ClassVar[set[str]] = {*Shell.unsaved, "_schedulers"}

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[Shell], last_epoch: int):
        self._schedulers = list(schedulers)
        super().__init__(optimizer, last_epoch)

    def ages(self, t: int) -> dict[Shell, int]:
        """The parts that are at work at step t, and the step that each is at."""
        raise NotImplementedError

    def momentum_at(self, t: int) -> list[float] | None:
        momenta = [scheduler.momentum_at(age) for scheduler, age in self.ages(t).items()]
        return next((m for m in reversed(momenta) if m is not None), None)

    def get_lr(self) -> list[float]:
        for scheduler, age in self.ages(self.last_epoch).items():
            scheduler.last_epoch = age
        return super().get_lr()

    _get_closed_form_lr = get_lr

    def state_dict(self) -> dict:
        return super().state_dict() | {"_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: dict) -> None:
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "_schedulers"})


class SequentialLR(_Composed):
    """One scheduler after the other, each from its own step 0, as `torch.optim.lr_scheduler.SequentialLR`.

    torch differs in one place: its MultiplicativeLR goes on from the rate at the switch, this one starts anew.
    """

    def __init__(self, optimizer: Optimizer, schedulers: list[Shell], milestones: list[int], last_epoch: int = -1):
        _check(self, optimizer, schedulers)
        one_fewer("schedulers", schedulers, milestones)
        self._milestones = list(milestones)
        super().__init__(optimizer, schedulers, last_epoch)

    def ages(self, t: int) -> dict[Shell, int]:
        index, age = part(self._milestones, t)
        return {self._schedulers[index]: age}

    def lr_at(self, t: int) -> list[float]:
        index, age = part(self._milestones, t)
        return self._schedulers[index].lr_at(age)


class ChainedScheduler(_Composed):
    """The product of schedulers: every part scales the first rate, as `torch.optim.lr_scheduler.ChainedScheduler`.

    It is torch's where each part multiplies the current rate. torch differs where one does not: LambdaLR, CyclicLR,
    OneCycleLR and CosineAnnealingWarmRestarts overwrite there what came before, and CosineAnnealingLR adds to it past
    T_max or with an eta_min.
    """

    def __init__(self, schedulers: Sequence[Shell], optimizer: Optimizer | None = None):
        optimizer = optimizer or (schedulers[0].optimizer if schedulers else None)
        _check(self, optimizer, schedulers)
        super().__init__(optimizer, schedulers, schedulers[0].last_epoch - 1)

    def ages(self, t: int) -> dict[Shell, int]:
        return dict.fromkeys(self._schedulers, t)

    def load_state_dict(self, state_dict: dict) -> None:
        first = state_dict["_schedulers"][0]  # torch's chain does not count for itself
        super().load_state_dict({"last_epoch": first["last_epoch"]} | state_dict)

    def lr_at(self, t: int) -> list[float]:
        rates = zip(*(scheduler.lr_at(t) for scheduler in self._schedulers), strict=True)
        return [_product(float(first), lrs) for first, lrs in zip(self.base_lrs, rates, strict=True)]


def _product(first: float, lrs: Sequence[float]) -> float:
    return first * math.prod(lr / first for lr in lrs) if first else 0.0


def _check(whole: _Composed, optimizer: Optimizer | None, schedulers: Sequence) -> None:
    name = type(whole).__name__
    if len(schedulers) < 1:
        raise ValueError(f"{name} expects at least one scheduler, but got no scheduler.")
    for index, scheduler in enumerate(schedulers):
        if not hasattr(scheduler, "optimizer"):
            raise TypeError(f"{name} at index {index} should have `optimizer` as its attribute.")
        kind = type(scheduler)
        if isinstance(scheduler, ReduceLROnPlateau | lr_scheduler.ReduceLROnPlateau):
            raise ValueError(
                f"{name} does not support `ReduceLROnPlateau` scheduler as it requires additional kwargs to be "
                f"specified when calling `step`, but got one at index {index} in the given schedulers sequence."
            )
        if not isinstance(scheduler, Shell):
            raise TypeError(f"{name} at index {index} is {kind.__module__}.{kind.__name__}; allowed are our schedulers")
        if optimizer is not scheduler.optimizer:
            raise ValueError(
                f"{name} expects all schedulers to belong to the same optimizer, but got scheduler {kind.__name__} at "
                f"index {index} has another one than {type(optimizer).__name__}."
            )
