"""What float16 loses at both ends, why weights are kept in single precision, and training under a loss scale."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from course_lib.problems import digits
from course_lib.trace import Trace

SMALLEST, LARGEST = 2.0**-24, 65504.0  # of float16, the numbers that are neither 0 nor infinite


def lost(deviation: float = 1e-8, scale: float = 1.0, size: int = 1_000_000) -> float:
    """The share of normal random gradients that float16 makes 0 when they are first multiplied by `scale`."""
    g = np.random.default_rng(0).standard_normal(size) * deviation
    return float(np.mean((g * scale).astype(np.float16) == 0))


def lost_in_theory(deviation: float = 1e-8, scale: float = 1.0) -> float:
    """The same for infinitely many: up to half of the smallest number is rounded to 0."""
    from math import erf

    return erf(SMALLEST / 2 / (deviation * scale) / 2**0.5)


def weight_after(dtype, step: float = 1e-4, steps: int = 1000) -> float:
    """Where a weight of 1 is after `steps` steps down that are each rounded to `dtype`, a torch dtype."""
    import torch

    p = torch.tensor(1.0, dtype=dtype)
    for _ in range(steps):
        p = p - torch.tensor(step, dtype=dtype)
    return float(p)


@cache
def late_gradients() -> np.ndarray:
    """The sizes of the gradients of the digits net that are not 0, after 300 steps of Adam, in single precision."""
    import torch

    from course_lib.training import train_torch

    data, net = digits.load(), digits.torch_mlp()
    order = digits.batches(len(data.y_train), 64, 300)
    train_torch(net, torch.optim.Adam(net.parameters(), lr=0.01), order, data.x_train, data.y_train)
    loss = torch.nn.functional.cross_entropy(net(torch.as_tensor(data.x_train)), torch.as_tensor(data.y_train))
    sizes = torch.cat([g.ravel() for g in torch.autograd.grad(loss, list(net.parameters()))]).abs().double().numpy()
    return sizes[sizes > 0]


def ends() -> dict[float, float]:
    """Numbers near the two ends of float16, and what becomes of them."""
    with np.errstate(over="ignore"):
        return {x: float(np.float16(x)) for x in (2.0**-25, 2.0**-24, 65519.0, 65520.0)}


def train(step: Callable, label: str, *, steps: int = 150, lr: float = 0.5, max_norm: float = 1.0, device="cpu"):
    """Train the digits net under float16 autocast; `step(loss, scaler, optimizer, clip)` is one step.

    The trace has `loss` and `scale`.
    """
    import torch

    from course_lib.torch_clipping import clip_grad_norm_

    data, net, trace = digits.load(), digits.torch_mlp().to(device), Trace("sgd", label)
    x, y = torch.as_tensor(data.x_train, device=device), torch.as_tensor(data.y_train, device=device)
    scaler = torch.amp.GradScaler(torch.device(device).type)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    for index in digits.batches(len(y), 64, steps):
        with torch.autocast(torch.device(device).type, dtype=torch.float16):
            loss = torch.nn.functional.cross_entropy(net(x[index]), y[index])
        step(loss, scaler, optimizer, lambda: clip_grad_norm_(net.parameters(), max_norm))
        trace.record(loss=loss.item(), scale=scaler.get_scale())
    return trace


class Row(NamedTuple):
    """What became of two weights in training by one order of calls."""

    p: np.ndarray  # where they are
    scales: list[float]  # after each step
    says: str  # PyTorch's message where it stopped

    @property
    def moved(self) -> float:
        return float(np.linalg.norm(self.p))


SLOPES = ((30.0, 40.0),) * 8


def walk(step: Callable, slopes: Sequence = SLOPES, scale: float = 65536.0) -> Row:
    """Descent at lr 0.1 from 0 on these slopes, clipped at norm 1, under a real `torch.amp.GradScaler`."""
    import torch

    from course_lib.torch_clipping import clip_grad_norm_

    p = torch.nn.Parameter(torch.zeros(2))
    optimizer, scaler, scales, says = torch.optim.SGD([p], lr=0.1), torch.amp.GradScaler("cpu", scale), [], ""
    try:
        for slope in slopes:
            step((p * torch.tensor(slope)).sum(), scaler, optimizer, lambda: clip_grad_norm_(p, 1.0))
            scales.append(scaler.get_scale())
    except (RuntimeError, AssertionError) as error:
        says = str(error)
    return Row(p.detach().numpy(), scales, says)


def clip_first(loss, scaler, optimizer, clip):
    """The loop that moves nothing: the clip sees gradients still multiplied by the scale."""
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    clip()
    scaler.step(optimizer)
    scaler.update()
    return loss


def twice(loss, scaler, optimizer, clip):
    """`unscale_` a second time, as after accumulating over two batches."""
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    scaler.unscale_(optimizer)
    clip()
    scaler.step(optimizer)
    scaler.update()


def update_first(loss, scaler, optimizer, clip):
    """`update` before `step`."""
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    clip()
    scaler.update()
    scaler.step(optimizer)


def own_step(loss, scaler, optimizer, clip):
    """The optimiser's own step, which leaves none out."""
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    clip()
    optimizer.step()
    scaler.update()


WRONG_ORDERS = {
    "clip before unscale_": clip_first,
    "unscale_ twice": twice,
    "update before step": update_first,
    "optimizer.step()": own_step,
}
