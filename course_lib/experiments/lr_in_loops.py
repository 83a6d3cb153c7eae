"""Which rates training loops really used: the digits by a loop of the student's, and loops with common mistakes."""

import itertools
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from course_lib.problems import digits
from course_lib.schedules import Cosine
from course_lib.trace import Trace

EPOCHS, BATCH_SIZE = 6, 16
PER_EPOCH = 1437 // BATCH_SIZE


class Run(NamedTuple):
    """What a loop left: the rates that it used, a `LrTrace`; its losses; the loss on all training digits at the end."""

    trace: Trace
    losses: np.ndarray
    final: float


class Batches:
    """The batches of an epoch, shuffled anew whenever a loop begins over them."""

    def __init__(self):
        self._all = digits.batches(len(digits.load().y_train), BATCH_SIZE, EPOCHS * PER_EPOCH)

    def __iter__(self):
        return itertools.islice(self._all, PER_EPOCH)


def train_digits(train: Callable, lr: float = 0.15) -> Run:
    """The digits by torch's SGD with momentum 0.9 and a cosine planned over all batches, in the loop
    `train(take_step, scheduler, epochs, batches) -> losses`."""
    import torch
    from torch.optim.lr_scheduler import CosineAnnealingLR

    from course_lib.trace_lr import trace_lr

    data, net, steps = digits.load(), digits.torch_mlp(), EPOCHS * PER_EPOCH
    x, y = torch.as_tensor(data.x_train), torch.as_tensor(data.y_train)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    scheduler = CosineAnnealingLR(optimizer, T_max=steps)

    def take_step(batch):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x[batch]), y[batch])
        loss.backward()
        optimizer.step()
        return loss.item()

    with trace_lr(optimizer, scheduler, intended=Cosine(lr, steps)) as trace:
        losses = np.array(train(take_step, scheduler, EPOCHS, Batches()))
    with torch.no_grad():
        return Run(trace, losses, torch.nn.functional.cross_entropy(net(x), y).item())


def at_scale(rule, schedule: Callable, *, steps: int = 600, device="cpu", label="") -> Trace:
    """The digits net in torch under one schedule, momentum 0.9, batches of 16; the trace has `loss` and `lr`."""
    from course_lib import training
    from course_lib.torch_optim import TorchOptimizer
    from course_lib.torch_schedulers import TorchScheduler

    data, net = digits.load(), digits.torch_mlp().to(device)
    order = digits.batches(len(data.y_train), BATCH_SIZE, steps)
    optimizer = TorchOptimizer(net.parameters(), rule, lr=schedule(0), momentum=0.9)
    scheduler = TorchScheduler(optimizer, schedule)
    return training.train_torch(
        net, optimizer, order, data.x_train, data.y_train, scheduler=scheduler, name="momentum", label=label
    )


def both(rule, schedule: Callable, *, steps: int = 600, device="cpu") -> dict[str, Trace]:
    """The same schedule in torch, through a scheduler, and in JAX, as the learning rate itself."""
    from course_lib import training
    from course_lib.jax_optim import from_rule

    data = digits.load()
    order = digits.batches(len(data.y_train), BATCH_SIZE, steps)
    transform = from_rule(rule, schedule, momentum=0.9)
    arrays = (data.x_train, data.y_train)
    _, trace = training.train_jax(digits.jax_mlp(), transform, order, *arrays, loss=digits.jax_loss, label="JAX")
    return {"torch": at_scale(rule, schedule, steps=steps, device=device, label="torch"), "JAX": trace}


def _toy(momentum: float = 0.9):
    import torch

    p = torch.nn.Parameter(torch.ones(1))
    p.grad = torch.ones(1)
    return torch.optim.SGD([p], lr=0.1, momentum=momentum)


def _loop(optimizer, scheduler=None, *, epochs=10, batches=100, per_batch=True, after_epoch=None, **meant) -> Trace:
    from course_lib.trace_lr import trace_lr

    with trace_lr(optimizer, scheduler, **meant) as trace:
        for epoch in range(epochs):
            for _ in range(batches):
                optimizer.step()
                if scheduler and per_batch:
                    scheduler.step()
            if scheduler and not per_batch:
                scheduler.step()
            if after_epoch:
                optimizer.param_groups[0]["lr"] = after_epoch(epoch)
    return trace


def plotted_first(rates_of: Callable) -> Trace:
    """A cosine over 1000 steps whose curve is drawn by `rates_of(scheduler, steps)` before the training."""
    from torch.optim.lr_scheduler import CosineAnnealingLR

    optimizer = _toy()
    scheduler = CosineAnnealingLR(optimizer, T_max=1000)
    with warnings.catch_warnings():  # of a step of the scheduler before any of the optimiser: here that is the point
        warnings.simplefilter("ignore", UserWarning)
        rates_of(scheduler, 1000)
        return _loop(optimizer, scheduler, intended=Cosine(0.1, 1000))


def _by_stepping(scheduler, steps: int) -> None:
    for _ in range(steps):
        scheduler.step()


def traps() -> dict[str, Trace]:
    """Training loops of 10 epochs with 100 batches each, all but the last with a common mistake, as `trace_lr` saw
    them."""
    from torch.optim import lr_scheduler as s

    from course_lib.trace_lr import preview

    one, many, plain, late = _toy(), _toy(), _toy(momentum=0), _toy()
    return {
        "one-cycle, stepped per epoch": _loop(one, s.OneCycleLR(one, 1.0, total_steps=1000), per_batch=False),
        "cosine over 10 epochs, stepped per batch": _loop(many, s.CosineAnnealingLR(many, T_max=10)),
        "triangles on SGD without momentum": _loop(plain, s.CyclicLR(plain, 0.01, 0.1, 200)),
        "warm-up set after each epoch": _loop(
            late, after_epoch=lambda epoch: 0.1 * min(epoch / 3, 1), warmup_steps=300
        ),
        "plotted by stepping": plotted_first(_by_stepping),
        "plotted by preview": plotted_first(preview),
    }
