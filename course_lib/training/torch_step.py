"""One step of a torch module: gradients, one look at them, clip, optimiser, schedule, average."""

from contextlib import nullcontext
from functools import partial
from math import isfinite

import torch
from torch import Tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from course_lib.mixed_precision import scaled_step
from course_lib.training.loop import what_is_wrong
from course_lib.triage import find_nonfinite


class NotFinite(Exception):
    """Leaves the step before the optimiser's; its text says what is not finite."""


class TorchStep:
    """Called with the index arrays of one step, gives its row and what is wrong, an empty text where nothing is.

    It waits for the device once, for loss and norm together; an enabled scaler waits for its own reasons.
    """

    def __init__(self, net, optimizer, x: Tensor, y: Tensor, *, loss, scheduler, clip, average, autocast, scaler):
        self.net, self.optimizer, self.x, self.y, self.loss = net, optimizer, x, y, loss
        self.scheduler, self.average, self.scaler = scheduler, average, scaler
        self.clip = clip if callable(clip) or clip is None else partial(clip_grads_with_norm_, max_norm=clip)
        self.max_norm = None if callable(clip) else clip
        self.autocast = torch.autocast(x.device.type, dtype=autocast) if autocast else nullcontext()

    def __call__(self, indices: list) -> tuple[dict, str]:
        self.optimizer.zero_grad()
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
        examples = sum(map(len, indices))
        first, *rest = (self._part(index, len(index) / examples) for index in indices)
        return sum(rest, first)

    def _part(self, index, share: float) -> Tensor:
        index = torch.as_tensor(index, device=self.x.device)
        with self.autocast:
            value = self.loss(self.net(self.x[index]), self.y[index])
        if share != 1:
            value = value * share
        (self.scaler.scale(value) if self.scaler else value).backward()
        return value.detach()

    def _look(self, value: Tensor, row: dict, params: list[Tensor]) -> None:
        """Read loss and norm, then clip; raises NotFinite where the step must not be taken."""
        norm = get_total_norm(_gradients(params))
        loss, length = torch.stack([value, norm]).tolist()
        row.update(loss=loss, lr=_rate(self.optimizer), grad_norm=length, clipped=False)
        if not (isfinite(loss) and isfinite(length)):
            if not self._scale_too_large():
                raise NotFinite(what_is_wrong(loss, self.net))
        elif self.clip:
            row["clipped"] = self._clip(params, norm, length)

    def _scale_too_large(self) -> bool:
        """Whether the scaler will leave the step out and try a smaller scale: below 1 that cannot be the cause."""
        return bool(self.scaler and self.scaler.get_scale() >= 1 and find_nonfinite(self.net))

    def _clip(self, params: list[Tensor], norm: Tensor, length: float):
        """Clip; whether that changed the gradients, perhaps as a tensor that the device has yet to compute."""
        if self.max_norm is not None:
            self.clip(params, total_norm=norm)
            return length > self.max_norm
        self.clip(params)
        return get_total_norm(_gradients(params)) != norm


def _gradients(params: list[Tensor]) -> list[Tensor]:
    return [p.grad for p in params if p.grad is not None]


def _rate(optimizer) -> float | list[float]:
    """The learning rate; one for each group where there are several."""
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    return rates[0] if len(rates) == 1 else rates
