"""The scheduler that follows a metric, as `torch.optim.lr_scheduler.ReduceLROnPlateau`."""

from typing import SupportsFloat

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_lib.schedules import plateau
from course_lib.torch_schedulers.shell import is_optimizer, set_value, values


class ReduceLROnPlateau(LRScheduler):
    """`schedules.plateau` with torch's names; `step(metric)` once an epoch, after the validation.

    The rate itself lives in the optimiser: a state that is loaded leaves it alone, in whatever order the two come back.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ):
        is_optimizer(optimizer)
        self.optimizer = optimizer
        groups = len(optimizer.param_groups)
        if isinstance(min_lr, list | tuple) and len(min_lr) != groups:
            raise ValueError(f"expected {groups} min_lrs, got {len(min_lr)}")
        self.min_lrs = list(min_lr) if isinstance(min_lr, list | tuple) else [min_lr] * groups
        self.mode, self.factor, self.patience, self.cooldown, self.eps = mode, factor, patience, cooldown, eps
        self.threshold, self.threshold_mode = threshold, threshold_mode
        for low in self.min_lrs:
            plateau.check(**self._arguments(), min_lr=low)
        self.last_epoch = 0
        self._reset()
        self._last_lr = values(optimizer, "lr")

    def _reset(self) -> None:
        self.best, self.num_bad_epochs, self.cooldown_counter = plateau.init(self.mode)

    def _arguments(self) -> dict:
        names = ("mode", "factor", "patience", "threshold", "threshold_mode", "cooldown", "eps")
        return {name: getattr(self, name) for name in names}

    @property
    def in_cooldown(self) -> bool:
        return self.cooldown_counter > 0

    def step(self, metrics: SupportsFloat) -> None:
        before = plateau.State(self.best, self.num_bad_epochs, self.cooldown_counter)
        self.last_epoch += 1
        for group, low in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
            old = float(group["lr"])
            lr, after = plateau.step(old, float(metrics), before, **self._arguments(), min_lr=low)
            if lr != old:
                set_value(group, "lr", lr)
        self.best, self.num_bad_epochs, self.cooldown_counter = after
        self._last_lr = values(self.optimizer, "lr")
