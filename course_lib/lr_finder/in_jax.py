"""The sweep of JAX parameters with a gradient transformation."""

from collections.abc import Callable, Iterable

from course_lib.lr_finder.curve import LrCurve
from course_lib.lr_finder.kept import random_states_kept
from course_lib.lr_finder.sweep import Sweep, endless


def find_lr_jax(
    params,
    transform,
    batches: Iterable,
    x,
    y,
    *,
    loss: Callable,
    lr_min=1e-7,
    lr_max=10.0,
    steps=200,
    smoothing=0.9,
    stop_factor=4.0,
    name="sgd",
    label=None,
) -> LrCurve:
    """Sweep JAX parameters; nothing changes, and the step is compiled once.

    `transform` is a function of the learning rate that gives a pair (init, update), such as `jax_optim.sgd`, or what
    `optax.inject_hyperparams` makes; `batches`, `x`, `y` and `loss` are those of `train_jax`. Raises ValueError for a
    sweep that cannot be or for no batches, TypeError for batches that can neither be copied nor taken one by one, or a
    transform without a rate.
    """
    import jax
    import jax.numpy as jnp

    from course_lib.jax_optim import apply_updates

    sweep = Sweep(lr_min, lr_max, steps, smoothing, stop_factor)
    x, y = jnp.asarray(x), jnp.asarray(y)
    state = (transform(lr_min) if callable(transform) else transform).init(params)
    update = _update_at(transform, state)

    @jax.jit
    def one(params, state, index, lr):
        value, grads = jax.value_and_grad(loss)(params, x[index], y[index])
        updates, state = update(lr, grads, state, params)
        return apply_updates(params, updates), state, value

    with random_states_kept():
        indices = endless(batches, steps)

        def step(lr: float) -> float:
            nonlocal params, state
            params, state, value = one(params, state, jnp.asarray(next(indices)), lr)
            return float(value)

        return sweep.run(step, name, label)


def _update_at(transform, state) -> Callable:
    """`update(lr, grads, state, params)`, with the rate as an argument."""
    import jax.numpy as jnp

    if callable(transform):
        return lambda lr, grads, state, params: transform(lr).update(grads, state, params)
    if "learning_rate" not in getattr(state, "hyperparams", {}):
        raise TypeError(
            f"transform is a {type(transform).__name__} with its learning rate built in; allowed is a function of lr, "
            "such as jax_optim.sgd, or optax.inject_hyperparams(optax.sgd)(learning_rate=0.1)"
        )

    def update(lr, grads, state, params):
        old = state.hyperparams
        now = state._replace(hyperparams=old | {"learning_rate": jnp.asarray(lr, old["learning_rate"].dtype)})
        return transform.update(grads, now, params)

    return update
