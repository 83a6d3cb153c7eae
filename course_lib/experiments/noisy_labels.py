"""The digits net on wrong labels, several seeds at once in JAX: where a run ends, and the averages of its points."""

from typing import NamedTuple

import numpy as np

from course_lib import averaging
from course_lib.problems import digits

EXAMPLES, EVERY, SIZES = 1000, 25, (64, 64, 10)


class Runs(NamedTuple):
    """Seeds of one training at a constant rate, and what was made of its second half.

    The dicts have the keys "last", "falling" (its rate falls to 0 over the second half), "ema" and "mean".
    """

    x: np.ndarray  # (1000, 64)
    y: np.ndarray  # (1000,), the labels that were trained on
    weights: dict[str, list]  # what jax_mlp gives, every array with the seeds in front
    accuracy: dict[str, np.ndarray]  # (S,), on the test digits, all of whose labels are right
    loss: dict[str, np.ndarray]  # (S,), on the training set
    steps: np.ndarray  # (rows,), where the curves below have their points
    curve: np.ndarray  # (rows, S), test accuracy of the run on its way
    mean_curve: np.ndarray  # (rows, S), that of the average of its points; NaN before the average begins


def labelled(share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The first 1000 training digits, a `share` of the labels drawn anew."""
    data, rng = digits.load(), np.random.default_rng(seed)
    y = data.y_train[:EXAMPLES]
    return data.x_train[:EXAMPLES], np.where(rng.random(EXAMPLES) < share, rng.integers(0, 10, EXAMPLES), y)


def noisy_labels(share: float, *, lr=0.2, batch_size=16, steps=1200, seeds=8, decay=0.995, label_seed=0) -> Runs:
    """SGD at a constant rate; halfway the averages begin, and a copy of the run whose rate falls linearly to 0."""
    import jax
    import jax.numpy as jnp

    data, (x, y), half = digits.load(), labelled(share, label_seed), steps // 2
    order = np.stack([list(digits.batches(EXAMPLES, batch_size, steps, seed)) for seed in range(seeds)])
    chunk = jax.jit(jax.vmap(_chunk(jnp.asarray(x), jnp.asarray(y), decay), (0, 0, None)))
    accuracy = jax.jit(jax.vmap(lambda p: jnp.mean(digits.jax_logits(p, data.x_test).argmax(axis=1) == data.y_test)))
    loss = jax.jit(jax.vmap(lambda p: digits.jax_loss(p, jnp.asarray(x), jnp.asarray(y))))
    weights = jax.tree.map(lambda *p: jnp.stack(p), *(digits.jax_mlp(seed, SIZES) for seed in range(seeds)))

    def go(weights, first, last, rate):
        state, rows = jax.vmap(_begin(decay))(weights), []
        for t in range(first, last, EVERY):
            lrs = jnp.asarray([rate(s) for s in range(t, t + EVERY)])
            state = chunk(state, order[:, t : t + EVERY], lrs)
            rows.append((np.asarray(accuracy(state[0])), np.asarray(accuracy(state[1].mean))))
        return state, np.array(rows)

    (middle, *_), early = go(weights, 0, half, lambda t: lr)
    (last, mean, ema), late = go(middle, half, steps, lambda t: lr)
    (falling, *_), _ = go(middle, half, steps, lambda t: lr * (steps - t) / (steps - half))
    ends = {"last": last, "falling": falling, "ema": ema.mean, "mean": mean.mean}
    curve, mean_curve = np.concatenate([early, late]).transpose(1, 0, 2)
    mean_curve[: len(early)] = np.nan
    judged = ({name: np.asarray(judge(p)) for name, p in ends.items()} for judge in (accuracy, loss))
    return Runs(x, y, ends, *judged, np.arange(EVERY, steps + 1, EVERY), curve, mean_curve)


def _averages(decay: float):
    from course_lib import jax_averaging

    return [jax_averaging.on_tree(average) for average in (averaging.running_mean(), averaging.ema(decay))]


def _begin(decay: float):
    return lambda params: (params, *(average.init(params) for average in _averages(decay)))


def _chunk(x, y, decay: float):
    """run(state, order, lrs) -> state after one step for each row of `order`."""
    import jax

    averages = _averages(decay)

    def step(state, now):
        (params, *means), (index, lr) = state, now
        grads = jax.grad(digits.jax_loss)(params, x[index], y[index])
        params = jax.tree.map(lambda p, g: p - lr * g, params, grads)
        return (params, *(a.step(params, s) for a, s in zip(averages, means, strict=True))), None

    return lambda state, order, lrs: jax.lax.scan(step, state, (order, lrs))[0]


def top_curvature(runs: Runs, name: str, iterations: int = 40) -> np.ndarray:
    """The largest eigenvalue of the training loss's Hessian at one end of each run, by power iteration, shape (S,)."""
    import jax
    from jax.flatten_util import ravel_pytree

    def one(params):
        flat, shape = ravel_pytree(params)
        slope = jax.grad(lambda p: digits.jax_loss(shape(p), runs.x, runs.y))

        def turn(v, _):
            hv = jax.jvp(slope, (flat,), (v,))[1]
            return hv / jax.numpy.linalg.norm(hv), v @ hv / (v @ v)

        return jax.lax.scan(turn, jax.random.normal(jax.random.key(0), flat.shape), length=iterations)[1][-1]

    return np.asarray(jax.jit(jax.vmap(one))(runs.weights[name]))


class Line(NamedTuple):
    """Along the straight line from the last point of each run, at 0, to the average of its points, at 1."""

    at: np.ndarray  # (points,)
    loss: np.ndarray  # (points, S), on the training set
    accuracy: np.ndarray  # (points, S), on the test digits


def line(runs: Runs, points: int = 25) -> Line:
    """Training loss and test accuracy of all seeds from half the distance before to half of it beyond."""
    import jax
    import jax.numpy as jnp

    data, at = digits.load(), np.linspace(-0.5, 1.5, points)

    def one(s, last, mean):
        params = jax.tree.map(lambda a, b: a + s * (b - a), last, mean)
        right = digits.jax_logits(params, data.x_test).argmax(axis=1) == data.y_test
        return digits.jax_loss(params, runs.x, runs.y), jnp.mean(right)

    seeds = jax.jit(jax.vmap(one, (None, 0, 0)))
    both = [seeds(s, runs.weights["last"], runs.weights["mean"]) for s in at]
    return Line(at, *(np.array(column) for column in zip(*both, strict=True)))


def two_frameworks(device="cpu", *, lr=0.2, batch_size=16, steps=300, start=150) -> tuple[float, dict]:
    """One run in torch and in JAX, the running mean of its points from step `start` on.

    Gives the largest difference between the two means, and {"last": ..., "mean": ...}, torch's test accuracies.
    """
    import jax
    import torch

    from course_lib import training
    from course_lib.torch_averaging import TorchAverage

    data, (x, y), net = digits.load(), labelled(0.25), digits.torch_mlp(0, SIZES).to(device)
    order = list(digits.batches(EXAMPLES, batch_size, steps))
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    average = TorchAverage(net, averaging.running_mean())
    training.train_torch(net, optimizer, order[:start], x, y)
    training.train_torch(net, optimizer, order[start:], x, y, average=average)
    with torch.no_grad():
        ends = {"last": _right(net, data)}
        with average.swap():
            ends["mean"] = _right(net, data)
    chunk, state = jax.jit(_chunk(jax.numpy.asarray(x), jax.numpy.asarray(y), 0.99)), digits.jax_mlp(0, SIZES)
    for half in (order[:start], order[start:]):
        state, mean, _ = chunk(_begin(0.99)(state), np.array(half), np.full(len(half), lr, np.float32))
    jax_arrays = [a for layer in mean.mean for a in (layer["weight"].T, layer["bias"])]
    pairs = zip(average.values().values(), jax_arrays, strict=True)
    return max(float(np.abs(a.cpu().numpy() - np.asarray(b)).max()) for a, b in pairs), ends


def _right(net, data) -> float:
    import torch

    scores = net(torch.as_tensor(data.x_test, device=next(net.parameters()).device))
    return float((scores.argmax(dim=1).cpu().numpy() == data.y_test).mean())
