"""Averages of a torch module's weights: the arithmetic of `averaging`, a checkpoint, and a way to evaluate with them.

    average = TorchAverage(net, averaging.ema(0.999))
    ...; optimizer.step(); average.update()
    with average.swap():                                # net has the averaged weights in here
        update_bn(net, batches); evaluate(net)

Equal to `torch.optim.swa_utils.AveragedModel`, but it keeps tensors in place of a second module.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice

import torch
from torch import Tensor, nn
from torch.optim import swa_utils

from course_lib.averaging import Average, State


class TorchAverage:
    """The average of the parameters of `module`, and of its buffers if asked, over the calls of `update`.

    Half-precision weights are averaged in float32: a thousandth of a bfloat16 is rounded away. Integers, such as
    batch-norm's counter, are not averaged but copied.
    """

    def __init__(self, module: nn.Module, average: Average, *, buffers: bool = False):
        self.module, self.average, self.buffers = module, average, buffers
        self.t = 0
        self._means = {name: average.init(_wide(p)).mean for name, p in self._tracked().items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights of now: after the optimiser's step."""
        for name, p in self._tracked().items():
            self._means[name] = self._moved(_wide(p), self._means[name])
        self.t += 1

    def values(self) -> dict[str, Tensor]:
        """The averages by name. Raises RuntimeError before the first `update`."""
        if not self.t:
            raise RuntimeError("nothing is averaged yet; call update() after a step of the optimiser")
        return {name: self._value(mean) for name, mean in self._means.items()}

    def copy_to(self, module: nn.Module) -> None:
        """Overwrite the weights of `module`, of the same structure, with the averages."""
        _write(self.values(), module)

    @contextmanager
    def swap(self) -> Iterator[nn.Module]:
        """The module has the averaged weights inside, afterwards its own parameters and buffers, bit for bit."""
        averages = self.values()
        own = {name: tensor.detach().clone() for name, tensor in _tensors(self.module).items()}
        try:
            _write(averages, self.module)
            yield self.module
        finally:
            _write(own, self.module)

    def state_dict(self) -> dict:
        """Numbers and tensors alone, for `torch.save`; the tensors are never changed in place."""
        return {"t": self.t, "means": dict(self._means)}

    def load_state_dict(self, state: dict) -> None:
        """Go on from there. Raises ValueError where its names or shapes are not those of the module."""
        shapes = {name: mean.shape for name, mean in self._means.items()}
        alone = sorted(shapes.keys() ^ state["means"].keys())
        if alone:
            raise ValueError(f"state_dict is of another module: only one of both has {', '.join(alone)}")
        for name, mean in state["means"].items():
            if mean.shape != shapes[name]:
                raise ValueError(f"{name} is {tuple(mean.shape)} in state_dict; allowed is {tuple(shapes[name])}")
        self._means = {name: mean.to(self._means[name]) for name, mean in state["means"].items()}
        self.t = int(state["t"])

    def _tracked(self) -> dict[str, Tensor]:
        return _tensors(self.module) if self.buffers else dict(self.module.named_parameters())

    def _moved(self, p: Tensor, mean: Tensor) -> Tensor:
        return self.average.step(p, State(mean.to(p.device), self.t)).mean if _averaged(p) else p.clone()

    def _value(self, mean: Tensor) -> Tensor:
        return self.average.value(State(mean, self.t)) if _averaged(mean) else mean


def update_bn(module: nn.Module, batches: Iterable, *, forward: Callable | None = None) -> None:
    """Compute batch-norm's statistics anew from `batches`, as the averaged weights make them.

    A batch is a tensor, or a list or tuple that begins with one; `forward(module, batch)` takes any other, a dict for
    example. Modes and momenta are as before, also after an exception. Raises ValueError where there is no batch.
    """
    batches = iter(batches)
    head = list(islice(batches, 1))
    if not head:
        raise ValueError("batches is empty; it must hold at least one batch (a generator is used up after one pass)")
    before = [(part, part.training, getattr(part, "momentum", None)) for part in module.modules()]
    try:
        swa_utils.update_bn(([batch] for batch in chain(head, batches)), _Forward(module, forward or _first))
    finally:
        for part, training, momentum in before:
            part.training = training
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.momentum = momentum


class _Forward(nn.Module):
    """A module whose forward is `forward(module, batch)`, for PyTorch's `update_bn`, which calls `module(batch)`."""

    def __init__(self, module: nn.Module, forward: Callable):
        super().__init__()
        self.module, self.run = module, forward

    def forward(self, batch):
        return self.run(self.module, batch)


def _first(module: nn.Module, batch):
    return module(batch[0] if isinstance(batch, list | tuple) else batch)


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return dict(module.named_parameters()) | dict(module.named_buffers())


@torch.no_grad()
def _write(values: dict[str, Tensor], module: nn.Module) -> None:
    tensors = _tensors(module)
    for name, value in values.items():
        tensors[name].copy_(value)


def _wide(p: Tensor) -> Tensor:
    return p.detach().float() if p.dtype in (torch.float16, torch.bfloat16) else p.detach()


def _averaged(p: Tensor) -> bool:
    return p.is_floating_point() or p.is_complex()
