"""torch.optim's Muon: for matrices alone, with either of its scales of the step."""

from typing import ClassVar

from course_lib.rule import Rule, with_arguments
from course_lib.rules import muon
from course_lib.torch_optim.named import Named


def _step_like_adamw(p, g, s, *, lr=1e-3, weight_decay=0.1, **hypers):
    """Muon with steps 0.2 * lr * sqrt(max(rows, columns)) long (Liu et al. 2025); the decay is the same."""
    scale = 0.2 * p.shape[1] ** 0.5  # sqrt(max(rows, columns)) over the rule's own sqrt(max(1, rows / columns))
    return muon.step(p, g, s, lr=scale * lr, weight_decay=weight_decay / scale, **hypers)


_MUON = Rule.of(muon)
ADJUSTED = {
    None: _MUON,
    "original": _MUON,
    "match_rms_adamw": Rule("muon_like_adamw", muon.init, with_arguments(_step_like_adamw, _MUON)),
}


class Muon(Named):
    """`torch.optim.Muon`, for matrices alone, with its iteration in the parameters' dtype."""

    slots: ClassVar[dict[str, str]] = {"m": "momentum_buffer"}

    def __init__(
        self, params, lr=1e-3, weight_decay=0.1, momentum=0.95, nesterov=True,
        ns_coefficients=muon.COEFFICIENTS, eps=1e-7, ns_steps=5, adjust_lr_fn=None, *, compile=False,
    ):  # fmt: skip
        if adjust_lr_fn not in ADJUSTED:
            raise ValueError(
                f"Adjust learning rate function {adjust_lr_fn} is not supported (allowed are None, 'original' and "
                "'match_rms_adamw')"
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
        return ADJUSTED[group["adjust_lr_fn"]]

    def _hypers(self, rule, group: dict) -> dict:
        known = group | {"coefficients": group["ns_coefficients"], "iterations": group["ns_steps"]}
        return super()._hypers(rule, known)
