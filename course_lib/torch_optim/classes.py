"""torch.optim's classes, by name: its arguments, defaults, sentences and checkpoints, on the course's rules."""

from typing import ClassVar

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
    momentum,
    nadam,
    nesterov,
    radam,
    rmsprop,
    sgd,
)
from course_lib.torch_optim import state
from course_lib.torch_optim.named import Named
from course_lib.torch_optim.shell import MOMENTUM_L2, SGD_L2

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
_ADAM, _ADAM_L2, _ADAMW = map(Rule.of, (adam, adam_l2, adamw))
_MOMENTS = {"t": "step", "m": "exp_avg", "v": "exp_avg_sq"}


class SGD(Named):
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


class Adagrad(Named):
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


class Adadelta(Named):
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


class RMSprop(Named):
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


class Adam(Named):
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


class NAdam(Named):
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


class Adamax(Named):
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


class RAdam(Named):
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
