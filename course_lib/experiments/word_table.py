"""Training the table of word pairs (`problems.bigrams`): full batch in NumPy, in mini-batches in torch and JAX."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from course_lib.problems import bigrams, digits
from course_lib.trace import Trace

SHAPE = (bigrams.SIZE, bigrams.SIZE)


class Run(NamedTuple):
    """One training from a table of zeros, full batch."""

    lr: float
    trace: Trace  # `excess` over the floor in nats, one row more than there were steps
    rows: np.ndarray  # excess of each word at the end, shape (500,)

    @property
    def excess(self) -> float:
        return float(self.trace["excess"][-1])


def learn(rule, lr: float, *, steps: int = 200, init: Callable | None = None, **hypers) -> Run:
    """Train in float32; a run that does not stay finite ends with infinite excess.

    `init(p)` makes the first state, the rule's own where left out.
    """
    w, trace = np.zeros(SHAPE, np.float32), Trace(rule.__name__.rpartition(".")[2])
    s = (init or rule.init)(w)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            loss, g = bigrams.loss_and_grad(w)
            trace.record(excess=loss - bigrams.floor())
            w, s = rule.step(w, g, s, lr=lr, **hypers)
        trace.record(excess=excess(w))
        return Run(lr, trace, bigrams.row_excess(w.astype(float)))


def excess(w: np.ndarray) -> float:
    """Loss of the table above the floor, in nats; infinite where it is not finite."""
    loss = bigrams.loss_and_grad(w.astype(float))[0]
    return loss - bigrams.floor() if np.isfinite(loss) else np.inf


def tune(rule, lrs: Sequence[float], **hypers) -> tuple[Run, dict[float, float]]:
    """The best run of several learning rates, and the excess at the end of each."""
    runs = [learn(rule, lr, **hypers) for lr in lrs]
    return min(runs, key=lambda run: run.excess), {run.lr: run.excess for run in runs}


def untrained() -> np.ndarray:
    """Excess of each word for a table of zeros, shape (500,)."""
    return bigrams.row_excess(np.zeros(SHAPE))


@cache
def pairs() -> tuple[np.ndarray, np.ndarray]:
    """Every pair of neighbours as (word, next word), int64 arrays of shape (370246,), in the order of the table."""
    counts = bigrams.load().counts
    return np.divmod(np.repeat(np.arange(counts.size), counts.ravel()), bigrams.SIZE)


def torch_and_jax(rule, lr: float, *, steps: int = 300, batch_size: int = 256, device="cpu") -> dict[str, Trace]:
    """Train on mini-batches of pairs by one rule in both frameworks, from zeros and on the same batches.

    Gives {"torch": Trace, "JAX": Trace}; beside the loss of each batch a trace has one row of `excess`, at the end.
    """
    x, y = pairs()
    order, name = list(digits.batches(len(x), batch_size, steps)), rule.__name__.rpartition(".")[2]
    runs = {"torch": _in_torch(rule, lr, order, x, y, name, device), "JAX": _in_jax(rule, lr, order, x, y, name)}
    for framework, (w, trace) in runs.items():
        trace.record(excess=excess(w))
        trace.label = f"{name}, {framework}: {trace['excess'][-1]:.2f} nats above the floor"
    return {framework: trace for framework, (_, trace) in runs.items()}


def _in_torch(rule, lr, order, x, y, name, device) -> tuple[np.ndarray, Trace]:
    import torch

    from course_lib.torch_optim import TorchOptimizer
    from course_lib.training import train_torch

    net = torch.nn.Embedding.from_pretrained(torch.zeros(SHAPE), freeze=False).to(device)
    trace = train_torch(net, TorchOptimizer(net.parameters(), rule, lr=lr), order, x, y, name=name)
    return net.weight.detach().cpu().numpy(), trace


def _in_jax(rule, lr, order, x, y, name) -> tuple[np.ndarray, Trace]:
    import jax
    import jax.numpy as jnp

    from course_lib.jax_optim import from_rule
    from course_lib.training import train_jax

    def loss(w, x, y):
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(w[x]), y[:, None], axis=1))

    w, trace = train_jax(jnp.zeros(SHAPE), from_rule(rule, lr), order, x, y, loss=loss, name=name)
    return np.asarray(w), trace
