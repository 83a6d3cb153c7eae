"""The loop on JAX parameters."""

from collections.abc import Callable, Iterable

from course_lib.trace import Trace
from course_lib.training import allowed, loop


def train_jax(
    params,
    transform,
    batches: Iterable,
    x,
    y,
    *,
    loss: Callable,
    name="sgd",
    label=None,
    checkpoint=None,
    every=100,
):
    """Train JAX parameters, one step for each index array in `batches`; returns (params, trace).

    `transform` is a pair (init, update) of `jax_optim` or optax; a schedule, clipping and accumulation stand inside it
    (`optax.chain(jax_clipping.clip_by_global_norm(1.0), ...)`, `optax.MultiSteps`). `loss(params, x, y)` is a mean over
    the batch. With a `checkpoint`, a path, parameters, the transform's state and the trace are saved there every
    `every` steps and at the end, and a run whose file exists goes on from it, bit for bit.

    The trace has a row a step: `loss` and `grad_norm`, both as they are before the step and before any clipping, and
    `seconds`, the first with the compilation. Raises ValueError, in one sentence, for data of different lengths, a
    checkpoint that is not this run's or an `every` below 1.
    """
    import jax.numpy as jnp

    from course_lib.training.jax_checkpoint import JaxCheckpoint
    from course_lib.training.jax_step import JaxStep

    allowed.examples(x, y)
    allowed.count("every", every)
    step = JaxStep(params, transform, jnp.asarray(x), jnp.asarray(y), loss)
    saved = checkpoint and JaxCheckpoint(checkpoint, every, step)
    trace = loop.run(step, batches, Trace(name, label), checkpoint=saved)
    return step.params, trace
