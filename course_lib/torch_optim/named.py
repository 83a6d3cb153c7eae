"""What classes with torch's arguments share: which rule a group runs, and which flags they refuse."""

import torch

from course_lib import hyperparameters
from course_lib.torch_optim.shell import TorchOptimizer, number

REFUSED = {
    "foreach": "leave it out, or use compile=True, which joins tensors too",
    "fused": "use compile=True, the course's own way to one kernel",
    "capturable": "leave it out; CUDA graphs need torch.optim",
    "differentiable": "differentiate through the rule itself: course_lib.rules has it as a pure function",
}


class Named(TorchOptimizer):
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
