"""Methods that torch.optim has not, in its manner."""

from typing import ClassVar

import torch

from course_lib.rule import Rule
from course_lib.rules import lion, schedule_free
from course_lib.torch_optim.named import Named
from course_lib.torch_optim.shell import number

_LION = Rule.of(lion)


class Lion(Named):
    """Lion, in the manner of torch.optim, which has none; weight_decay is decoupled."""

    slots: ClassVar[dict[str, str]] = {"m": "exp_avg"}

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0, *, maximize=False, compile=False):
        defaults = {"lr": lr, "betas": betas, "weight_decay": weight_decay}
        super().__init__(params, defaults, maximize=maximize, compile=compile)

    def _rule(self, group):
        return _LION


class _ScheduleFree(Named):
    """Parameters stand at the training point after `train()`, at the average after `eval()`, where they are best."""

    slots: ClassVar[dict[str, str]] = {"t": "step", "v": "exp_avg_sq"}

    def add_param_group(self, param_group: dict) -> None:
        beta = number(param_group.get("beta", self.defaults["beta"]))
        if beta == 0:
            raise ValueError(f"Invalid beta value: {beta} (beta must be > 0, or the average cannot be found from p)")
        super().add_param_group(param_group)

    def train(self) -> None:
        """Move every parameter to the point where gradients are taken; call it before training goes on."""
        self._move("train")

    def eval(self) -> None:
        """Move every parameter to the average; call it before evaluating or saving the network."""
        self._move("eval")

    @torch.no_grad()
    def _move(self, mode: str) -> None:
        for group in self.param_groups:
            if group["mode"] == mode:
                continue
            group["mode"] = mode
            for p in group["params"]:
                if p in self.state:
                    to_z = 1 - group["beta"] if mode == "train" else 1 - 1 / group["beta"]
                    p.lerp_(self.state[p]["z"], to_z)

    def _hypers(self, rule, group: dict) -> dict:
        if group["mode"] == "eval":
            raise RuntimeError("the parameters stand at the average; call train() before the next step")
        return super()._hypers(rule, group)


class ScheduleFreeSGD(_ScheduleFree):
    """Schedule-Free SGD (Defazio et al. 2024)."""

    def __init__(self, params, lr=1.0, beta=0.9, weight_decay=0, *, maximize=False, compile=False):
        defaults = {"lr": lr, "beta": beta, "weight_decay": weight_decay, "mode": "train"}
        super().__init__(params, defaults, maximize=maximize, compile=compile)

    def _rule(self, group):
        return schedule_free.sgd


class ScheduleFreeAdamW(_ScheduleFree):
    """Schedule-Free AdamW (Defazio et al. 2024)."""

    def __init__(
        self, params, lr=2.5e-3, beta=0.9, beta2=0.999, eps=1e-8, weight_decay=0, *, maximize=False, compile=False
    ):
        defaults = {"lr": lr, "beta": beta, "beta2": beta2, "eps": eps, "weight_decay": weight_decay, "mode": "train"}
        super().__init__(params, defaults, maximize=maximize, compile=compile)

    def _rule(self, group):
        return schedule_free.adamw
