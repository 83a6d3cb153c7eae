"""Schedulers that go up and down, and bring the momentum along: torch's names, arguments and defaults."""

import math
from collections.abc import Callable
from typing import ClassVar

from torch.optim import Optimizer

from course_lib import schedules
from course_lib.schedules import allowed
from course_lib.torch_schedulers.shell import Shell, is_optimizer, needs_momentum, per_group, set_momentum, set_value


class CosineAnnealingWarmRestarts(Shell):
    """`schedules.CosineRestarts` as `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`.

    `step(epoch)` takes fractions, such as epoch + batch / batches.
    """

    fraction = 0.0

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1):
        allowed.steps("T_0", T_0)
        if isinstance(T_mult, bool) or not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult!r}")
        allowed.number("eta_min", eta_min)
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, last_epoch)

    def curve(self, lr: float, index: int) -> Callable:
        return schedules.CosineRestarts(lr, self.T_0, self.T_mult, self.eta_min)

    def lr_at(self, t: int) -> list[float]:
        return super().lr_at(t + self.fraction)

    def step(self, epoch: float | None = None) -> None:
        if epoch is not None:
            allowed.number("epoch", epoch)
            self.fraction = epoch - math.floor(epoch)
            self.last_epoch = math.floor(epoch) - 1
        super().step()


class _WithMomentum(Shell):
    """What CyclicLR and OneCycleLR share: rates and momenta of their own, one or a list of one for each group."""

    def _take_momentum(self, cycle_momentum: bool, base_momentum, max_momentum, fresh: bool) -> None:
        """Check and keep the momenta, and leave in the groups of a fresh optimiser what torch leaves there."""
        self.cycle_momentum = cycle_momentum
        if not cycle_momentum:
            return
        needs_momentum(self.optimizer)
        self.base_momentums = per_group("base_momentum", self.optimizer, base_momentum)
        self.max_momentums = per_group("max_momentum", self.optimizer, max_momentum)
        for group, low, high in zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True):
            if fresh:
                set_momentum(group, high)
                group.update(max_momentum=high, base_momentum=low)

    def _momenta(self, index: int) -> dict:
        if not self.cycle_momentum:
            return {}
        return {"base_momentum": self.base_momentums[index], "max_momentum": self.max_momentums[index]}


class CyclicLR(_WithMomentum):
    """`schedules.Cyclic` as `torch.optim.lr_scheduler.CyclicLR`.

    As in torch it cycles the momentum unless `cycle_momentum=False`: a plain SGD gets a momentum of 0.8 to 0.9.
    """

    callables: ClassVar[tuple[str, ...]] = ("scale_fn",)

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ):
        is_optimizer(optimizer)
        self.optimizer = optimizer
        self.low_lrs = per_group("base_lr", optimizer, base_lr)
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        self.step_size_up, self.step_size_down = step_size_up, step_size_down
        self.mode, self.gamma, self.scale_fn, self.scale_mode = mode, gamma, scale_fn, scale_mode
        fresh = last_epoch == -1
        if fresh:
            for group, lr in zip(optimizer.param_groups, self.low_lrs, strict=True):
                set_value(group, "lr", lr)
        self._take_momentum(cycle_momentum, base_momentum, max_momentum, fresh)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = list(self.low_lrs)

    def curve(self, lr: float, index: int) -> Callable:
        return schedules.Cyclic(
            self.low_lrs[index],
            self.max_lrs[index],
            step_size_up=self.step_size_up,
            step_size_down=self.step_size_down,
            mode=self.mode,
            gamma=self.gamma,
            scale_fn=self.scale_fn,
            scale_mode=self.scale_mode,
            **self._momenta(index),
        )


class OneCycleLR(_WithMomentum):
    """`schedules.OneCycle` as `torch.optim.lr_scheduler.OneCycleLR`: a step past the end raises, or with `hold` keeps
    the last rate."""

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
        *,
        hold: bool = False,
    ):
        is_optimizer(optimizer)
        self.optimizer = optimizer
        self.total_steps = _total(total_steps, epochs, steps_per_epoch)
        self.pct_start, self.anneal_strategy, self.three_phase, self.hold = (
            pct_start,
            anneal_strategy,
            three_phase,
            hold,
        )
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        curves = [self.curve(0.0, index, momenta=False) for index in range(len(self.max_lrs))]
        fresh = last_epoch == -1
        if fresh:
            for group, curve in zip(optimizer.param_groups, curves, strict=True):
                first = curve.max_lr / div_factor
                group.update(initial_lr=first, max_lr=curve.max_lr, min_lr=first / final_div_factor)
        self._take_momentum(cycle_momentum, base_momentum, max_momentum, fresh)
        super().__init__(optimizer, last_epoch)

    def curve(self, lr: float, index: int, momenta: bool = True) -> schedules.OneCycle:
        return schedules.OneCycle(
            self.max_lrs[index],
            self.total_steps,
            pct_start=self.pct_start,
            anneal_strategy=self.anneal_strategy,
            div_factor=self.div_factor,
            final_div_factor=self.final_div_factor,
            three_phase=self.three_phase,
            hold=self.hold,
            **(self._momenta(index) if momenta else {}),
        )


def _total(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    if total_steps is not None:
        allowed.steps("total_steps", total_steps)
        return total_steps
    if epochs is None or steps_per_epoch is None:
        raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
    allowed.steps("epochs", epochs)
    allowed.steps("steps_per_epoch", steps_per_epoch)
    return epochs * steps_per_epoch
