"""One step of a torch module: gradients, one look at them, clip, optimiser, schedule, average."""

from contextlib import nullcontext
from functools import partial
from math import hypot, isfinite

import torch
from torch import Tensor

from course_lib.mixed_precision import scaled_step
from course_lib.training.distributed import Team, unwrapped
from course_lib.training.loop import what_is_wrong
from course_lib.triage import find_nonfinite

EPS = 1e-6  # torch's, in max_norm / (norm + EPS)


class NotFinite(Exception):
    """Leaves the step before the optimiser's; its text says what is not finite."""


class TorchStep:
    """Called with the index arrays of one step, gives its row and what is wrong, an empty text where nothing is.

    It waits for the device once, for loss and norms together; an enabled scaler waits for its own reasons.
    """

    def __init__(
        self, net, optimizer, x: Tensor, y: Tensor, *, loss, scheduler, clip, average, autocast, scaler, team: Team
    ):
        self.net, self.wrapped, self.team = unwrapped(net), team.wrap(net), team
        self.optimizer, self.x, self.y, self.loss, self.clip = optimizer, x, y, loss, clip
        self.scheduler, self.average, self.scaler = scheduler, average, scaler
        self.autocast = torch.autocast(x.device.type, dtype=autocast) if autocast else nullcontext()

    def __call__(self, indices: list) -> tuple[dict, str]:
        for group in self.optimizer.param_groups:  # optimizer.zero_grad() costs as much as a layer of a small net
            for p in group["params"]:
                p.grad = None
        value, row = self._backward(indices), {}
        try:
            taken = scaled_step(self.scaler, self.optimizer, clip=partial(self._look, value, row))
        except NotFinite as error:
            if self.scaler:
                self.scaler.update()  # it has unscaled, and would refuse the next step
            return row, str(error)
        if taken and self.scheduler:
            self.scheduler.step()
        if taken and self.average:
            self.average.update()
        return row, ""

    def _backward(self, indices: list) -> Tensor:
        """Add up the gradients of the mean loss over all examples of the index arrays; gives that loss."""
        examples, (*early, last) = sum(map(len, indices)), indices
        early_parts = []
        if early:
            with self.team.alone(self.wrapped):
                early_parts = [self._part(index, examples) for index in early]
        return self.team.mean(sum(early_parts, self._part(last, examples)))

    def _part(self, index, examples: int) -> Tensor:
        index = torch.as_tensor(self.team.share(index), device=self.x.device)
        share = self.team.size * len(index) / examples
        with self.autocast:
            value = self.loss(self.wrapped(self.x[index]), self.y[index])
        if share != 1:
            value = value * share
        (self.scaler.scale(value) if self.scaler else value).backward()
        return value.detach()

    def _look(self, value: Tensor, row: dict, params: list[Tensor]) -> None:
        """Read loss and norm, then clip; raises NotFinite where the step must not be taken."""
        gradients = [p.grad for p in params if p.grad is not None]
        norms = _norms(gradients)
        loss, *lengths = torch.stack([value, *norms]).tolist()
        norm = hypot(*lengths)
        row.update(loss=loss, lr=_rate(self.optimizer), grad_norm=norm, clipped=False)
        if not (isfinite(loss) and isfinite(norm)):
            if not self._scale_too_large():
                raise NotFinite(what_is_wrong(loss, self.net))
        elif self.clip is not None and gradients:
            row["clipped"] = self._clip(params, gradients, norms, norm)

    def _scale_too_large(self) -> bool:
        """Whether the scaler will leave the step out and try a smaller scale: below 1 that cannot be the cause."""
        return bool(self.scaler and self.scaler.get_scale() >= 1 and find_nonfinite(self.net))

    def _clip(self, params: list[Tensor], gradients: list[Tensor], norms, norm: float):
        """Clip; whether that changed the gradients, perhaps as a tensor that the device has yet to compute."""
        if callable(self.clip):
            self.clip(params)
            return (torch.stack(_norms(gradients)) != torch.stack(norms)).any()
        factor = self.clip / (norm + EPS)
        if factor < 1:
            torch._foreach_mul_(gradients, factor)
        return factor < 1


def _norms(gradients: list[Tensor]) -> tuple[Tensor, ...]:
    """The length of each gradient, in one call, a fifth of what torch.nn.utils.get_total_norm costs."""
    return tuple(torch._foreach_norm(gradients)) if gradients else ()


def _rate(optimizer) -> float | list[float]:
    """The learning rate; one for each group where there are several."""
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    return rates[0] if len(rates) == 1 else rates
