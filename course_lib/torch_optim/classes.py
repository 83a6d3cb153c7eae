"""torch.optim's classes, by name: its arguments, defaults, sentences and checkpoints, on the course's rules."""

from typing import ClassVar

import torch

from course_lib import hyperparameters
from course_lib.rule import Rule
from course_lib.rules import (
    adadelta,
    adagrad,
    adam,
    adam_l2,
    adamax,
    adamw,
    amsgrad,
    decay,
    lion,
    momentum,
    muon,
    nadam,
    nesterov,
    radam,
    rmsprop,
    schedule_free,
    sgd,
)
from course_lib.torch_optim import state
from course_lib.torch_optim.shell import MOMENTUM_L2, SGD_L2, TorchOptimizer, number

REFUSED = {
    "foreach": "leave it out, or use compile=True, which joins tensors too",
    "fused": "use compile=True, the course's own way to one kernel",
    "capturable": "leave it out; CUDA graphs need torch.optim",
    "differentiable": "differentiate through the rule itself: course_lib.rules has it as a pure function",
}


class _Named(TorchOptimizer):
    """A class with torch's arguments: which rule each group runs is read from the group."""

    def __init__(self, params, defaults: dict, *, maximize=False, compile=False, **flags):
        for name, value in flags.items():
            if value:
                raise ValueError(f"{name}={value!r} is not offered here; {REFUSED[name]}")
        self._prepare(compile)
        torch.optim.Optimizer.__init__(self, params, defaults | {"maximize": maximize})

    def _hypers(self, rule, group: dict) -> dict:
        known = dict(group)
        if "betas" in group:
            known["beta1"], known["beta2"] = group["betas"]
        return {name: number(known[name], name) for name in hyperparameters.names(rule) if name in known}


_RULES = {
    module: (Rule.of(module), decay.l2(module), decay.decoupled(module))
    for module in (nesterov, adagrad, adadelta, amsgrad, nadam, adamax, radam)
}
_RMSPROP = {  # by (centered, with momentum)
    key: (Rule.of(rule), decay.l2(rule))
    for key, rule in {
        (False, False): rmsprop,
        (True, False): rmsprop.centered,
        (False, True): rmsprop.with_momentum,
        (True, True): rmsprop.centered_with_momentum,
    }.items()
}
_SGD, _MOMENTUM = (Rule.of(sgd), SGD_L2), (Rule.of(momentum), MOMENTUM_L2)
_ADAM, _ADAM_L2, _ADAMW, _LION, _MUON = map(Rule.of, (adam, adam_l2, adamw, lion, muon))
_AMSGRADW = _RULES[amsgrad][2]
_MOMENTS = {"t": "step", "m": "exp_avg", "v": "exp_avg_sq"}


class SGD(_Named):
    """`torch.optim.SGD`: plain, heavy-ball or Nesterov, as each group's `momentum` and `nesterov` say."""

    slots: ClassVar[dict[str, str]] = {"v": "momentum_buffer"}
    missing: ClassVar[dict[str, object]] = {"t": 1}  # torch has the buffer only after a first step
    takes_rows = True

    def __init__(
        self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *,
        maximize=False, foreach=None, differentiable=False, fused=None, compile=False,
    ):  # fmt: skip
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(
                "Nesterov momentum requires a momentum and zero dampening "
                f"(given momentum={momentum}, dampening={dampening})"
            )
        defaults = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        flags = {"foreach": foreach, "differentiable": differentiable, "fused": fused}
        super().__init__(params, defaults | {"nesterov": nesterov}, maximize=maximize, compile=compile, **flags)

    def _rule(self, group):
        kind = _SGD if not group["momentum"] else _RULES[nesterov] if group["nesterov"] else _MOMENTUM
        return kind[bool(group["weight_decay"])]


class Adagrad(_Named):
    """`torch.optim.Adagrad`. State exists from the start, as there, and a sparse gradient updates its rows."""

    slots: ClassVar[dict[str, str]] = {"v": "sum", "t": "step"}
    takes_rows = True

    def __init__(
        self, params, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10, foreach=None, *,
        maximize=False, differentiable=False, fused=None, compile=False,
    ):  # fmt: skip
        defaults = {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay}
        defaults["initial_accumulator_value"] = initial_accumulator_value
        flags = {"foreach": foreach, "differentiable": differentiable, "fused": fused}
        super().__init__(params, defaults, maximize=maximize, compile=compile, **flags)

    def add_param_group(self, param_group: dict) -> None:
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:
            first = adagrad.init(state.real(p.detach()), group["initial_accumulator_value"])
            self._remember(p, self._rule(group), first)

    def _rule(self, group):
        return _RULES[adagrad][bool(group["weight_decay"])]

    def share_memory(self):
        """Move the state to shared memory, as torch's does."""
        for stored in self.state.values():
            stored["sum"].share_memory_()


class Adadelta(_Named):
    """`torch.optim.Adadelta`."""

    slots: ClassVar[dict[str, str]] = {"v": "square_avg", "u": "acc_delta"}
    counts = True

    def __init__(
        self, params, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, foreach=None, *,
        capturable=False, maximize=False, differentiable=False, compile=False,
    ):  # fmt: skip
        defaults = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay}
        flags = {"foreach": foreach, "differentiable": differentiable, "capturable": capturable}
        super().__init__(params, defaults, maximize=maximize, compile=compile, **flags)

    def _rule(self, group):
        return _RULES[adadelta][bool(group["weight_decay"])]


class RMSprop(_Named):
    """`torch.optim.RMSprop`: plain or centered, with a heavy ball behind it where `momentum` is not zero."""

    slots: ClassVar[dict[str, str]] = {"v": "square_avg", "m": "grad_avg", "b": "momentum_buffer"}
    counts = True

    def __init__(
        self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False, capturable=False,
        foreach=None, maximize=False, differentiable=False, *, compile=False,
    ):  # fmt: skip
        defaults = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay}
        flags = {"foreach": foreach, "differentiable": differentiable, "capturable": capturable}
        defaults |= {"momentum": momentum, "centered": centered}
        super().__init__(params, defaults, maximize=maximize, compile=compile, **flags)

    def _rule(self, group):
        return _RMSPROP[bool(group["centered"]), group["momentum"] > 0][bool(group["weight_decay"])]


class Adam(_Named):
    """`torch.optim.Adam`: weight_decay is L2 there, decoupled only where `decoupled_weight_decay` says so."""

    slots: ClassVar[dict[str, str]] = _MOMENTS | {"w": "max_exp_avg_sq"}

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, *, foreach=None,
        maximize=False, capturable=False, differentiable=False, fused=None, decoupled_weight_decay=False, compile=False,
    ):  # fmt: skip
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        flags = {"foreach": foreach, "differentiable": differentiable, "capturable": capturable, "fused": fused}
        defaults["decoupled_weight_decay"] = decoupled_weight_decay
        super().__init__(params, defaults, maximize=maximize, compile=compile, **flags)

    def _rule(self, group):
        decays, decoupled = bool(group["weight_decay"]), group["decoupled_weight_decay"]
        if group["amsgrad"]:
            return _RULES[amsgrad][decays + (decays and decoupled)]
        return (_ADAMW if decoupled else _ADAM_L2) if decays else _ADAM


class AdamW(Adam):
    """`torch.optim.AdamW`."""

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False, *, maximize=False,
        foreach=None, capturable=False, differentiable=False, fused=None, compile=False,
    ):  # fmt: skip
        flags = {"foreach": foreach, "differentiable": differentiable, "capturable": capturable, "fused": fused}
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad,
            maximize=maximize, decoupled_weight_decay=True, compile=compile, **flags,
        )  # fmt: skip


class NAdam(_Named):
    """`torch.optim.NAdam`; the product of the momenta is kept in double precision, torch's in single."""

    slots: ClassVar[dict[str, str]] = _MOMENTS | {"product": "mu_product"}

    def __init__(
        self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3,
        decoupled_weight_decay=False, *, foreach=None, maximize=False, capturable=False, differentiable=False,
        compile=False,
    ):  # fmt: skip
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        flags = {"foreach": foreach, "differentiable": differentiable, "capturable": capturable}
        defaults |= {"momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, defaults, maximize=maximize, compile=compile, **flags)

    def _rule(self, group):
        return _RULES[nadam][(1 + bool(group["decoupled_weight_decay"])) if group["weight_decay"] else 0]


class Adamax(_Named):
    """`torch.optim.Adamax`."""

    slots: ClassVar[dict[str, str]] = {"t": "step", "m": "exp_avg", "u": "exp_inf"}

    def __init__(
        self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, foreach=None, *,
        maximize=False, differentiable=False, capturable=False, compile=False,
    ):  # fmt: skip
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        flags = {"foreach": foreach, "differentiable": differentiable, "capturable": capturable}
        super().__init__(params, defaults, maximize=maximize, compile=compile, **flags)

    def _rule(self, group):
        return _RULES[adamax][bool(group["weight_decay"])]


class RAdam(_Named):
    """`torch.optim.RAdam`."""

    slots: ClassVar[dict[str, str]] = _MOMENTS

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled_weight_decay=False, *,
        foreach=None, maximize=False, capturable=False, differentiable=False, compile=False,
    ):  # fmt: skip
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        flags = {"foreach": foreach, "differentiable": differentiable, "capturable": capturable}
        defaults["decoupled_weight_decay"] = decoupled_weight_decay
        super().__init__(params, defaults, maximize=maximize, compile=compile, **flags)

    def _rule(self, group):
        return _RULES[radam][(1 + bool(group["decoupled_weight_decay"])) if group["weight_decay"] else 0]


class Lion(_Named):
    """Lion, in the manner of torch.optim, which has none; weight_decay is decoupled."""

    slots: ClassVar[dict[str, str]] = {"m": "exp_avg"}

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0, *, maximize=False, compile=False):
        defaults = {"lr": lr, "betas": betas, "weight_decay": weight_decay}
        super().__init__(params, defaults, maximize=maximize, compile=compile)

    def _rule(self, group):
        return _LION


class Muon(_Named):
    """`torch.optim.Muon`, for matrices alone, with its iteration in the parameters' dtype."""

    slots: ClassVar[dict[str, str]] = {"m": "momentum_buffer"}

    def __init__(
        self, params, lr=1e-3, weight_decay=0.1, momentum=0.95, nesterov=True,
        ns_coefficients=muon.COEFFICIENTS, eps=1e-7, ns_steps=5, adjust_lr_fn=None, *, compile=False,
    ):  # fmt: skip
        if adjust_lr_fn not in (None, "original"):
            raise ValueError(
                f"Adjust learning rate function {adjust_lr_fn} is not supported (allowed are None and 'original')"
            )
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov}
        defaults |= {"ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn}
        super().__init__(params, defaults, compile=compile)

    def add_param_group(self, param_group: dict) -> None:
        super().add_param_group(param_group)
        for i, p in enumerate(self.param_groups[-1]["params"]):
            if p.ndim != 2 or p.is_complex():
                self.param_groups.pop()
                if p.is_complex():
                    raise RuntimeError(f"Muon does not support complex parameters; number {i} is {p.dtype}")
                raise ValueError(
                    f"Muon only supports 2D parameters; number {i} has size {tuple(p.shape)}. Give it to AdamW"
                )

    def _rule(self, group):
        return _MUON

    def _hypers(self, rule, group: dict) -> dict:
        known = group | {"coefficients": group["ns_coefficients"], "iterations": group["ns_steps"]}
        return super()._hypers(rule, known)


class _ScheduleFree(_Named):
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
