"""A schedule as a `torch.optim.lr_scheduler.LRScheduler`."""

import types
import warnings
from collections.abc import Callable
from typing import ClassVar

import torch
from torch.optim.lr_scheduler import LRScheduler

from course_lib.schedules import allowed

MOMENTA = ("momentum", "betas", "beta1")  # what the optimisers of torch and of the course call it


class Shell(LRScheduler):
    """lr and momentum of every group as functions of `last_epoch` alone.

    A subclass says in `curve(lr, index)` which schedule the group number `index` follows; `lr` is the rate that the
    group had when its first scheduler was made (`initial_lr`).
    """

    cycle_momentum = False
    unsaved: ClassVar[set[str]] = {"optimizer", "_curves"}
    callables: ClassVar[tuple[str, ...]] = ()  # attributes that hold the user's functions, one or a list
    _curves: list | None = None

    def curve(self, lr: float, index: int) -> Callable:
        raise NotImplementedError

    def curves(self) -> list:
        """The schedule of each group."""
        if self._curves is None:
            self._curves = [self.curve(float(lr), index) for index, lr in enumerate(self.base_lrs)]
        return self._curves

    def lr_at(self, t: int) -> list[float]:
        """What every group's lr is at step t; asking changes nothing."""
        return [float(curve(t)) for curve in self.curves()]

    def momentum_at(self, t: int) -> list[float] | None:
        """What every group's momentum is at step t; None where this scheduler leaves it alone."""
        return [float(curve.momentum(t)) for curve in self.curves()] if self.cycle_momentum else None

    def get_lr(self) -> list[float]:
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.", stacklevel=2
            )
        return self._set_momentum()

    _get_closed_form_lr = get_lr

    def _set_momentum(self) -> list[float]:
        """Write the momentum of now into the groups, if it is ours to write; gives the rates of now."""
        lrs, momenta = self.lr_at(self.last_epoch), self.momentum_at(self.last_epoch)
        if momenta is not None:
            for group, momentum in zip(self.optimizer.param_groups, momenta, strict=True):
                set_momentum(group, momentum)
        return lrs

    def state_dict(self) -> dict:
        """Everything but the optimiser and plain functions; of the user's callable objects, their attributes."""
        state = {key: value for key, value in self.__dict__.items() if key not in self.unsaved}
        return state | {name: _each(_saved, getattr(self, name)) for name in self.callables}

    def load_state_dict(self, state_dict: dict) -> None:
        """Go on from a saved state; the optimiser gets the rates that belong to it, whichever of the two came first."""
        for name in self.callables:
            _restore(getattr(self, name), state_dict.get(name))
        self.__dict__.update({key: value for key, value in state_dict.items() if key not in self.callables})
        self._curves = None
        for group, lr in zip(self.optimizer.param_groups, self._set_momentum(), strict=True):
            set_value(group, "lr", lr)
        self._last_lr = values(self.optimizer, "lr")


class TorchScheduler(Shell):
    """Any schedule as a scheduler of torch: lr = schedule(last_epoch), whatever rate the optimiser was given.

    `schedule` is one for all groups or a list of one for each. With `cycle_momentum` its `momentum(t)` is written too.
    Raises TypeError for what is no function of the step or has no momentum to cycle.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, schedule, last_epoch: int = -1, *, cycle_momentum: bool = False
    ):
        self.schedules = per_group("schedule", optimizer, schedule)
        allowed.schedules("schedule", self.schedules)
        if cycle_momentum and not all(hasattr(s, "momentum") for s in self.schedules):
            raise TypeError(f"cycle_momentum is True, but {schedule!r} has no momentum")
        if cycle_momentum:
            needs_momentum(optimizer)
        self.cycle_momentum = cycle_momentum
        super().__init__(optimizer, last_epoch)

    unsaved: ClassVar[set[str]] = {*Shell.unsaved, "schedules"}

    def curve(self, lr: float, index: int) -> Callable:
        return self.schedules[index]


def per_group(name: str, optimizer: torch.optim.Optimizer, value) -> list:
    """`value` for every group, or the list of one for each. Raises ValueError where the lengths differ."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. "
            f"{name} has {len(value)} values, param_groups has {groups}."
        )
    return list(value)


def is_optimizer(optimizer) -> None:
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def needs_momentum(optimizer: torch.optim.Optimizer) -> None:
    if not any(name in optimizer.defaults for name in MOMENTA):
        raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")


def set_momentum(group: dict, momentum: float) -> None:
    """The momentum of a group: its `momentum`, its first beta, or its `beta1`."""
    name = next(name for name in ("betas", *MOMENTA) if name in group)
    group[name] = (momentum, *group[name][1:]) if name == "betas" else momentum


def set_value(group: dict, key: str, value: float) -> None:
    """group[key] = value; a tensor is filled, so that a compiled step sees it."""
    if isinstance(group[key], torch.Tensor):
        group[key].fill_(float(value))
    else:
        group[key] = value


def values(optimizer: torch.optim.Optimizer, key: str) -> list:
    """A copy of every group's value."""
    return [g[key].clone() if isinstance(g[key], torch.Tensor) else g[key] for g in optimizer.param_groups]


def _each(function: Callable, value):
    return [function(v) for v in value] if isinstance(value, list) else function(value)


def _saved(function: Callable | None) -> dict | None:
    plain = function is None or isinstance(function, types.FunctionType | types.BuiltinFunctionType)
    return None if plain else dict(getattr(function, "__dict__", {}))


def _restore(functions, saved) -> None:
    several = isinstance(functions, list)
    for function, attributes in zip(functions if several else [functions], saved if several else [saved], strict=True):
        if attributes:
            function.__dict__.update(attributes)
