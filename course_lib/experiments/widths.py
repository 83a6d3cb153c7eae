"""The learning rate over the width of a net: in the ordinary parametrisation, and in muP's for Adam.

Reference: Yang et al. 2022, table 3: hidden weights and scores learn at lr / m and the scores start m times smaller in
variance over the ordinary start, m = width / 32; input weights and biases learn at lr.
"""

from itertools import pairwise

import numpy as np
import torch

from course_lib.problems import digits
from course_lib.rules import adam

BASE = 32


def transfer(widths=(32, 256), powers=range(-11, -3), *, steps: int = 60) -> dict[str, dict[int, tuple]]:
    """{"ordinary": {width: (rates, training losses)}, "muP": {...}} for rates of 2^power, one seed."""
    lrs = 2.0 ** np.array(list(powers))
    return {
        name: {width: (lrs, _losses(width, lrs, width / BASE if name == "muP" else 1.0, steps)) for width in widths}
        for name in ("ordinary", "muP")
    }


def _start(width: int, m: float, copies: int) -> list[torch.Tensor]:
    generator, sizes = torch.Generator().manual_seed(0), (64, width, width, width, 10)
    params = []
    for i, (a, b) in enumerate(pairwise(sizes)):
        scale = (2 / a) ** 0.5 / (m**0.5 if i == 3 else 1)
        params += [scale * torch.randn(a, b, generator=generator), torch.zeros(1, b)]
    return [p.repeat(copies, 1, 1).requires_grad_() for p in params]


def _losses(width: int, lrs: np.ndarray, m: float, steps: int) -> np.ndarray:
    """Mean loss of the last ten steps, one replica for each rate; infinite where it is no number."""
    data, params = digits.load(), _start(width, m, len(lrs))
    x, y = torch.as_tensor(data.x_train), torch.as_tensor(data.y_train)
    slow = [1.0, 1.0, 1 / m, 1.0, 1 / m, 1.0, 1 / m, 1.0]
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


def twice(by_width: dict[int, tuple], narrow: int = 32, wide: int = 256) -> float:
    """Loss of the wide net at twice the narrow one's best rate, over its loss at its own best."""
    losses = by_width[wide][1]
    return float(losses[np.argmin(by_width[narrow][1]) + 1] / losses.min())
