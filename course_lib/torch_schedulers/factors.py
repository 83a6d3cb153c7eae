"""Schedulers that scale the rate the optimiser was made with: torch's names, arguments and defaults."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import ClassVar

from torch.optim import Optimizer

from course_lib import schedules
from course_lib.schedules import allowed
from course_lib.torch_schedulers.shell import Shell, is_optimizer, per_group


class StepLR(Shell):
    """`schedules.Step` as `torch.optim.lr_scheduler.StepLR`."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1):
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def curve(self, lr: float, index: int) -> Callable:
        return schedules.Step(lr, self.step_size, self.gamma)


class MultiStepLR(Shell):
    """`schedules.MultiStep` as `torch.optim.lr_scheduler.MultiStepLR`.

    As in torch, milestones come in any order, and one that is named twice cuts twice.
    """

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1):
        self.milestones, self.gamma = list(milestones), gamma
        for milestone in self.milestones:
            allowed.steps("in milestones", milestone, least=0)
        super().__init__(optimizer, last_epoch)

    def curve(self, lr: float, index: int) -> Callable:
        times = Counter(self.milestones)
        rounds = [sorted(m for m in times if times[m] > n) for n in range(max(times.values(), default=0))]
        cuts = [schedules.MultiStep(1.0, milestones, self.gamma) for milestones in rounds]
        return schedules.Chained((schedules.Constant(lr), *cuts))


class ConstantLR(Shell):
    """lr * factor for the first `total_iters` steps, then lr, as `torch.optim.lr_scheduler.ConstantLR`."""

    def __init__(self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1):
        if not 0 <= factor <= 1:
            raise ValueError(f"Constant multiplicative factor expected to be between 0 and 1, but factor is {factor}.")
        allowed.steps("total_iters", total_iters)
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def curve(self, lr: float, index: int) -> Callable:
        parts = schedules.Constant(lr * self.factor), schedules.Constant(lr)
        return schedules.Sequential(parts, (self.total_iters,))


class LinearLR(Shell):
    """`schedules.Linear` between two factors, as `torch.optim.lr_scheduler.LinearLR`."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ):
        if not 0 < start_factor <= 1:
            raise ValueError(
                "Starting multiplicative factor expected to be greater than 0 and less or equal to 1, "
                f"but start_factor is {start_factor}."
            )
        if not 0 <= end_factor <= 1:
            raise ValueError(
                f"Ending multiplicative factor expected to be between 0 and 1, but end_factor is {end_factor}."
            )
        allowed.steps("total_iters", total_iters)
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def curve(self, lr: float, index: int) -> Callable:
        return schedules.Linear(lr * self.start_factor, self.total_iters, lr * self.end_factor)


class PolynomialLR(Shell):
    """`schedules.Polynomial` down to 0, as `torch.optim.lr_scheduler.PolynomialLR`."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1):
        allowed.steps("total_iters", total_iters)
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def curve(self, lr: float, index: int) -> Callable:
        return schedules.Polynomial(lr, self.total_iters, self.power)


class ExponentialLR(Shell):
    """`schedules.Exponential` as `torch.optim.lr_scheduler.ExponentialLR`."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def curve(self, lr: float, index: int) -> Callable:
        return schedules.Exponential(lr, self.gamma)


class CosineAnnealingLR(Shell):
    """`schedules.Cosine` as `torch.optim.lr_scheduler.CosineAnnealingLR`: past T_max it rises again."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1):
        allowed.steps("T_max", T_max)
        allowed.number("eta_min", eta_min)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def curve(self, lr: float, index: int) -> Callable:
        return schedules.Cosine(lr, self.T_max, self.eta_min)


class _OfFunctions(Shell):
    """`lr_lambda` is one function of the step for all groups, or a list of one for each."""

    callables: ClassVar[tuple[str, ...]] = ("lr_lambdas",)

    def __init__(self, optimizer: Optimizer, lr_lambda, last_epoch: int = -1):
        is_optimizer(optimizer)
        groups = len(optimizer.param_groups)
        if isinstance(lr_lambda, list | tuple) and len(lr_lambda) != groups:
            raise ValueError(f"Expected {groups} lr_lambdas, but got {len(lr_lambda)}")
        self.lr_lambdas = per_group("lr_lambda", optimizer, lr_lambda)
        for function in self.lr_lambdas:
            allowed.function("lr_lambda", function)
        super().__init__(optimizer, last_epoch)


class LambdaLR(_OfFunctions):
    """`schedules.Lambda`, a factor of the first rate, as `torch.optim.lr_scheduler.LambdaLR`."""

    def curve(self, lr: float, index: int) -> Callable:
        return schedules.Lambda(lr, self.lr_lambdas[index])


class MultiplicativeLR(_OfFunctions):
    """`schedules.Multiplicative`, a factor of the current rate, as `torch.optim.lr_scheduler.MultiplicativeLR`.

    The product so far is kept, so that a step costs one call of the function and not t.
    """

    unsaved: ClassVar[set[str]] = {*Shell.unsaved, "_reached"}
    _reached: tuple[int, list[float]] | None = None

    def curve(self, lr: float, index: int) -> Callable:
        return schedules.Multiplicative(lr, self.lr_lambdas[index])

    def lr_at(self, t: int) -> list[float]:
        if self._reached is None or not 0 <= t - self._reached[0] <= 1:
            return self._keep(t, super().lr_at(t))
        before, lrs = self._reached
        return lrs if t == before else self._keep(t, [lr * f(t) for lr, f in zip(lrs, self.lr_lambdas, strict=True)])

    def _keep(self, t: int, lrs: list[float]) -> list[float]:
        self._reached = t, lrs
        return lrs

    def load_state_dict(self, state_dict: dict) -> None:
        self._reached = None
        super().load_state_dict(state_dict)
