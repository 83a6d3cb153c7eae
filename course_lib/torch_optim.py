"""Rules as optimisers of PyTorch: what `torch.optim` users rely on, around six lines of arithmetic.

TorchOptimizer(net.parameters(), momentum, lr=0.1)      any rule, a student's too
SGD(net.parameters(), lr=0.1, momentum=0.9)             torch's name, arguments and defaults
"""

from collections.abc import Callable
from typing import ClassVar

import torch

from course_lib import hyperparameters
from course_lib.arrays import Array
from course_lib.rule import Rule
from course_lib.rules import momentum as heavy_ball
from course_lib.rules import nesterov as look_ahead
from course_lib.rules import sgd as plain


class TorchOptimizer(torch.optim.Optimizer):
    """Any rule as a `torch.optim.Optimizer`.

    `params` is what torch takes: tensors, (name, tensor) pairs or groups; a group may carry hyperparameters of its own.
    `hypers` are those of the rule's `step`, the rule's defaults where left out. `maximize` climbs. A parameter whose
    gradient is None is skipped and its state does not age. Values and gradients keep their storage; gradients are never
    changed.

    Raises TypeError for an unknown hyperparameter, ValueError for one out of range or a group without 'params',
    RuntimeError for a sparse gradient.
    """

    slots: ClassVar[dict[str, str]] = {}  # fields of the rule's state that torch's checkpoints call otherwise

    def __init__(self, params, rule, *, maximize: bool = False, **hypers):
        self.rule = Rule.of(rule)
        super().__init__(params, hyperparameters.resolve(self.rule, hypers) | {"maximize": maximize})

    def __getstate__(self) -> dict:
        own = {"rule": self.rule} if hasattr(self, "rule") else {}
        return super().__getstate__() | own

    def add_param_group(self, param_group: dict) -> None:
        if not isinstance(param_group, dict) or "params" not in param_group:
            given = list(param_group) if isinstance(param_group, dict) else param_group
            raise ValueError(
                f"parameter group {len(self.param_groups)} has no 'params' (given {given!r}); "
                "a group is a dict such as {'params': net.parameters(), 'lr': 0.1}"
            )
        for name, value in (self.defaults | param_group).items():
            if name != "params":
                hyperparameters.check(name, _number(value))
        super().add_param_group(param_group)

    @torch.no_grad()
    def step(self, closure: Callable | None = None):
        """One step for every parameter that has a gradient; returns the closure's loss, if one is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for i, p in enumerate(group["params"]):
                if p.grad is not None:
                    self._refuse_sparse(group, i, p)
                    self._step_one(p, group)
        return loss

    def _step_one(self, p: torch.Tensor, group: dict) -> None:
        rule = self._rule(group)
        hypers = {name: group[name] for name in hyperparameters.names(rule)}
        q, s = rule.step(p, self._gradient(p, group), self._recall(p, rule), **hypers)
        p.copy_(q)
        self._remember(p, rule, s)

    def _rule(self, group: dict):
        return self.rule

    def _gradient(self, p: torch.Tensor, group: dict) -> torch.Tensor:
        return -p.grad if group["maximize"] else p.grad

    def _recall(self, p: torch.Tensor, rule) -> Array:
        stored = self.state.get(p)
        if not stored:
            return rule.init(p)
        if rule.State is None:
            return stored["state"]
        return rule.State(**{name: stored[self.slots.get(name, name)] for name in rule.State._fields})

    def _remember(self, p: torch.Tensor, rule, s: Array) -> None:
        fields = {"state": s} if rule.State is None else s._asdict()
        if fields:  # a rule without memory leaves none, as in torch
            self.state[p].update({self.slots.get(name, name): value for name, value in fields.items()})

    def _refuse_sparse(self, group: dict, i: int, p: torch.Tensor) -> None:
        if p.grad.is_sparse:
            name = group["param_names"][i] if "param_names" in group else f"number {i}, shape {tuple(p.shape)}"
            raise RuntimeError(
                f"{type(self).__name__} does not support sparse gradients; parameter {name} has one "
                "(an embedding with sparse=True makes them)"
            )


class SGD(TorchOptimizer):
    """`torch.optim.SGD`: plain, heavy-ball or Nesterov, as each group's `momentum` and `nesterov` say.

    Arguments, defaults and errors are torch's. L2 `weight_decay` adds weight_decay * p to the gradient.
    """

    slots: ClassVar[dict[str, str]] = {"v": "momentum_buffer", "t": "step"}

    def __init__(
        self,
        params,
        lr=1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ):
        given = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        for name, value in given.items():
            hyperparameters.check(name, _number(value))
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(
                "Nesterov momentum requires a momentum and zero dampening "
                f"(given momentum={momentum}, dampening={dampening})"
            )
        defaults = given | {"dampening": dampening, "nesterov": nesterov, "maximize": maximize}
        torch.optim.Optimizer.__init__(self, params, defaults)

    def _rule(self, group: dict):
        return plain if not group["momentum"] else look_ahead if group["nesterov"] else heavy_ball

    def _gradient(self, p: torch.Tensor, group: dict) -> torch.Tensor:
        g = super()._gradient(p, group)
        return g + group["weight_decay"] * p if group["weight_decay"] else g

    def _recall(self, p: torch.Tensor, rule) -> Array:
        stored = self.state.get(p)
        if (
            stored and "t" in rule.State._fields and "step" not in stored
        ):  # a checkpoint of torch's own: its buffer exists from the first step on
            stored["step"] = 1
        return super()._recall(p, rule)


def _number(value):
    """A one-element tensor as the number it holds."""
    if not isinstance(value, torch.Tensor):
        return value
    if value.numel() != 1:
        raise ValueError(f"Tensor lr must be 1-element (given shape {tuple(value.shape)})")
    return value.item()
