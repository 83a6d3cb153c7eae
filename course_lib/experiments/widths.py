"""The learning rate over the width of a net: in the ordinary parametrisation, and in muP's for Adam.

Reference: Yang et al. 2022, table 3: with m the growth of the width, hidden weights and scores learn at lr / m, and the
scores start with a variance m times smaller than the ordinary start; input weights and biases learn at lr.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch

from course_lib.problems import digits
from course_lib.rules import adam

BASE = 32
Scheme = Callable[[tuple, tuple], tuple[float, float]]


def transfer(
    mup: Scheme, widths=(32, 256), powers=range(-11, -3), *, steps: int = 60, seeds: Sequence[int] = (0, 1, 2)
) -> dict[str, dict[int, tuple]]:
    """{"ordinary": {width: (rates, training losses)}, "muP": {...}} for rates of 2^power, mean over the seeds.

    `mup(shape, narrow)` gives the factors of a parameter's rate and start, from its shape (inputs, outputs) here and in
    the net of width BASE.
    """
    lrs = 2.0 ** np.array(list(powers))
    schemes = {"ordinary": lambda shape, narrow: (1.0, 1.0), "muP": mup}
    return {
        name: {
            width: (lrs, np.mean([_losses(scheme, width, lrs, steps, seed) for seed in seeds], axis=0))
            for width in widths
        }
        for name, scheme in schemes.items()
    }


def shapes(width: int) -> list[tuple[int, int]]:
    """(inputs, outputs) of each parameter of the net, weights and biases in turn."""
    sizes = pairwise((64, width, width, width, 10))
    return [shape for a, b in sizes for shape in ((a, b), (1, b))]


def _factors(scheme: Scheme, width: int) -> list[tuple[float, float]]:
    return [scheme(wide, narrow) for wide, narrow in zip(shapes(width), shapes(BASE), strict=True)]


def _start(scheme: Scheme, width: int, copies: int, seed: int) -> list[torch.Tensor]:
    generator, params = torch.Generator().manual_seed(seed), []
    for (inputs, outputs), (_, start) in zip(shapes(width), _factors(scheme, width), strict=True):
        scale = start * (2 / inputs) ** 0.5
        bias = torch.zeros(1, outputs)
        params.append(bias if inputs == 1 else scale * torch.randn(inputs, outputs, generator=generator))
    return [p.repeat(copies, 1, 1).requires_grad_() for p in params]


def _losses(scheme: Scheme, width: int, lrs: np.ndarray, steps: int, seed: int) -> np.ndarray:
    """Mean loss of the last ten steps, one replica for each rate; infinite where it is no number."""
    data, params = digits.load(), _start(scheme, width, len(lrs), seed)
    x, y = torch.as_tensor(data.x_train), torch.as_tensor(data.y_train)
    slow = [factor for factor, _ in _factors(scheme, width)]
    rates = [torch.tensor(lrs * factor, dtype=torch.float32)[:, None, None] for factor in slow]
    states, losses = [adam.init(p.detach()) for p in params], []
    for index in digits.batches(len(y), 64, steps):
        h, labels = x[index].expand(len(lrs), -1, -1), y[index].long().repeat(len(lrs), 1)
        for i in range(0, 8, 2):
            h = torch.baddbmm(params[i + 1], h if i == 0 else h.relu(), params[i])
        loss = torch.nn.functional.cross_entropy(h.mT, labels, reduction="none").mean(dim=1)
        losses.append(loss.detach().numpy())
        grads = torch.autograd.grad(loss.sum(), params)
        with torch.no_grad():
            moved = [adam.step(p, g, s, lr=lr) for p, g, s, lr in zip(params, grads, states, rates, strict=True)]
        params, states = [p.detach().requires_grad_() for p, _ in moved], [s for _, s in moved]
    return np.nan_to_num(np.array(losses[-10:]).mean(axis=0), nan=np.inf)


def best(by_width: dict[int, tuple]) -> dict[int, float]:
    """The rate with the lowest loss at each width."""
    return {width: float(lrs[np.argmin(losses)]) for width, (lrs, losses) in by_width.items()}


def twice(by_width: dict[int, tuple], narrow: int = 32, wide: int = 256) -> float:
    """Loss of the wide net at twice the narrow one's best rate, over its loss at its own best."""
    losses = by_width[wide][1]
    return float(losses[np.argmin(by_width[narrow][1]) + 1] / losses.min())
