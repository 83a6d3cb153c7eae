"""An autoencoder that squeezes the digits through six numbers: the small net on which optimisers differ.

Layers 64-64-32-6-32-64-64, tanh but for the last, batches of 128; the error is the share of the pixels' variance that
is lost. Principal components, the best linear squeeze, are the line to beat.

References: Hinton & Salakhutdinov 2006; Sutskever et al. 2013, section 3, on larger ones.
"""

from functools import cache

import numpy as np

from course_lib import schedules
from course_lib.problems import digits
from course_lib.rule import Rule
from course_lib.sweeps import Sweep

SIZES = (64, 64, 32, 6, 32, 64, 64)


@cache
def _images() -> tuple[np.ndarray, float]:
    """(the training digits, shape (1437, 64), centred; their mean squared length)."""
    x = digits.load().x_train
    return x, float(np.mean(np.sum(x.astype(float) ** 2, axis=1)))


def linear_floor(components: int = 6) -> float:
    """The share of the variance that principal components lose: no linear net of that width loses less."""
    share = np.linalg.svd(_images()[0].astype(float), compute_uv=False) ** 2
    return float(share[components:].sum() / share.sum())


def sweep(rule, lrs, seeds, *, steps: int = 1000, batch_size: int = 128, **hypers) -> Sweep:
    """Train at every pair of a learning rate and a seed, all at once, by an elementwise rule.

    lr rises linearly over the first twentieth of the steps and falls linearly to 0; a seed draws weights and batches.
    """
    import torch

    rule, lrs, seeds = Rule.of(rule), np.array(lrs, dtype=float), np.array(list(seeds))
    images, variance = _images()
    x = torch.as_tensor(images)
    order = torch.as_tensor(np.stack([list(digits.batches(len(x), batch_size, steps, int(s))) for s in seeds]))
    params = [torch.as_tensor(a).repeat(len(lrs), 1, 1).requires_grad_() for a in _weights(seeds)]
    states, losses = [rule.init(p.detach()) for p in params], []
    rate = torch.as_tensor(lrs, dtype=torch.float32).repeat_interleave(len(seeds))[:, None, None]
    shape = schedules.Trapezoid(1.0, steps, steps // 20, steps - steps // 20)
    for t in range(steps):
        batch = x[order[:, t]].repeat(len(lrs), 1, 1)
        loss = (_copy(params, batch) - batch).square().sum(dim=(1, 2)) / (batch_size * variance)
        losses.append(loss.detach())
        grads = torch.autograd.grad(loss.sum(), params)
        with torch.no_grad():
            moved = [rule.step(*pgs, lr=rate * shape(t), **hypers) for pgs in zip(params, grads, states, strict=True)]
        params, states = [p.detach().requires_grad_() for p, _ in moved], [s for _, s in moved]
    loss = torch.stack(losses, dim=1).view(len(lrs), len(seeds), -1).numpy()
    return Sweep(rule.name, lrs, seeds, loss, ~np.isfinite(loss).all(axis=-1))


def _weights(seeds) -> list[np.ndarray]:
    """Weights (S, inputs, outputs), normal with variance 1/inputs, and biases (S, 1, outputs), in turn."""
    nets = [digits.initial_weights(int(seed), SIZES) for seed in seeds]
    layers = [[np.stack(part) for part in zip(*layer, strict=True)] for layer in zip(*nets, strict=True)]
    return [a for w, b in layers for a in (w / np.sqrt(np.float32(2)), b[:, None])]


def _copy(params: list, x):
    """What comes out, shape (K, B, 64), for images of the same shape."""
    import torch

    for w, b in zip(params[:-2:2], params[1:-2:2], strict=True):
        x = torch.baddbmm(b, x, w).tanh()
    return torch.baddbmm(params[-1], x, params[-2])
