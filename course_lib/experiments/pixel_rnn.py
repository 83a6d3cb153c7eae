"""A net that reads a digit pixel by pixel, 64 steps of one recurrent layer: h <- tanh(h W + x u + b).

Several seeds train side by side: every array has a leading axis of seeds. Both frameworks start from the same NumPy
weights and see the same batches.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from course_lib.problems import digits

HIDDEN, LR, MOMENTUM, LIMIT = 32, 0.08, 0.9, 0.25


class Runs(NamedTuple):
    """What the trainings of one setting left behind."""

    loss: np.ndarray  # (steps, seeds)
    norm: np.ndarray  # (steps, seeds), of the whole gradient before any clipping
    accuracy: np.ndarray  # (seeds,), on the test digits


def initial(seeds: int, hidden: int = HIDDEN) -> list[np.ndarray]:
    """u, W, b and the layer from the last h to the ten scores; W is orthogonal (Saxe et al. 2014)."""
    nets = [_one(np.random.default_rng(seed), hidden) for seed in range(seeds)]
    return [np.stack(arrays).astype(np.float32) for arrays in zip(*nets, strict=True)]


def _one(rng, hidden):
    u, turn = rng.uniform(-1, 1, (1, hidden)), np.linalg.qr(rng.standard_normal((hidden, hidden)))[0]
    size = hidden**-0.5
    return u * size, turn, np.zeros((1, hidden)), rng.standard_normal((hidden, 10)) * size, np.zeros((1, 10))


def orders(seeds: int, steps: int, batch_size: int = 64) -> np.ndarray:
    """Which examples each seed sees, shape (steps, seeds, batch_size)."""
    n = len(digits.load().y_train)
    return np.stack([list(digits.batches(n, batch_size, steps, seed)) for seed in range(seeds)], axis=1)


def train(clip: Callable | None = None, *, seeds: int = 5, steps: int = 250, lr: float = LR, device="cpu") -> Runs:
    """Train in torch with momentum; `clip` takes and gives the list of one net's gradients as NumPy arrays."""
    import torch
    from torch.nn.functional import cross_entropy

    data = digits.load()
    x, y, x_test = (torch.as_tensor(a, device=device) for a in (data.x_train, data.y_train, data.x_test))
    p = [torch.as_tensor(a, device=device).requires_grad_() for a in initial(seeds)]
    optimizer, losses, norms = torch.optim.SGD(p, lr=lr, momentum=MOMENTUM), [], []
    for index in torch.as_tensor(orders(seeds, steps), device=device):
        optimizer.zero_grad()
        loss = cross_entropy(scores(p, x[index]).transpose(1, 2), y[index], reduction="none").mean(1)
        loss.sum().backward()
        norms.append(sum(a.grad.square().sum((1, 2)) for a in p).sqrt())
        if clip:
            _clip_each(clip, p)
        optimizer.step()
        losses.append(loss.detach())
    with torch.no_grad():
        found = scores(p, x_test.expand(seeds, -1, -1)).argmax(-1).cpu().numpy()
    return Runs(*(torch.stack(a).cpu().numpy() for a in (losses, norms)), (found == data.y_test).mean(1))


def scores(p: Sequence, x):
    """Ten scores for each picture: x of shape (seeds, n, 64) to (seeds, n, 10)."""
    import torch

    u, w, b, out, bias = p
    drive = (x.transpose(1, 2)[..., None] * u[:, None] + b[:, None]).unbind(1)
    h = torch.tanh(drive[0])
    for pixel in drive[1:]:
        h = torch.tanh(torch.baddbmm(pixel, h, w))
    return torch.baddbmm(bias, h, out)


def _clip_each(clip: Callable, p: Sequence) -> None:
    """Clip the gradient of each net by itself."""
    import torch

    gradients = [a.grad.cpu().numpy() for a in p]
    nets = [clip([g[seed] for g in gradients]) for seed in range(len(gradients[0]))]
    for a, clipped in zip(p, zip(*nets, strict=True), strict=True):
        a.grad.copy_(torch.as_tensor(np.stack(clipped)))


def train_jax(max_norm: float = LIMIT, *, seeds: int = 5, steps: int = 250, lr: float = LR) -> Runs:
    """The same training in JAX, with `clip_by_global_norm` in front of the optimiser."""
    import jax
    import jax.numpy as jnp

    from course_lib.clipping import global_norm
    from course_lib.jax_clipping import clip_by_global_norm
    from course_lib.jax_optim import apply_updates, from_rule
    from course_lib.rules import momentum

    data = digits.load()
    x, y = jnp.asarray(data.x_train), jnp.asarray(data.y_train)
    clip, rule = clip_by_global_norm(max_norm), from_rule(momentum, lr, momentum=MOMENTUM)

    def loss(p, index):
        picked = jax.nn.log_softmax(scores_jax(p, x[index]))
        return -jnp.mean(jnp.take_along_axis(picked, y[index][:, None], axis=1))

    def step(carry, index):
        p, s = carry
        value, g = jax.value_and_grad(loss)(p, index)
        moves, s = rule.update(clip.update(g, clip.init(p))[0], s, p)
        return (apply_updates(p, moves), s), (value, global_norm(jax.tree.leaves(g)))

    def run(p, order):
        (p, _), seen = jax.lax.scan(step, (p, rule.init(p)), order)
        return *seen, scores_jax(p, jnp.asarray(data.x_test)).argmax(-1)

    order = jnp.asarray(orders(seeds, steps).swapaxes(0, 1))
    losses, norms, found = map(np.asarray, jax.jit(jax.vmap(run))([*map(jnp.asarray, initial(seeds))], order))
    return Runs(losses.T, norms.T, (found == data.y_test).mean(1))


def scores_jax(p: Sequence, x):
    """Ten scores for each picture of one net, x of shape (n, 64)."""
    import jax
    import jax.numpy as jnp

    u, w, b, out, bias = p

    def read(h, pixel):
        return jnp.tanh(h @ w + pixel[:, None] * u + b), None

    h, _ = jax.lax.scan(read, jnp.zeros((len(x), len(w))), x.T)
    return h @ out + bias
