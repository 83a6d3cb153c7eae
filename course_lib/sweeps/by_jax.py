"""The same sweep in JAX: one replica as a scan over its steps, `vmap` over learning rates and seeds, one `jit`."""

import numpy as np

from course_lib.problems import digits
from course_lib.sweeps import plan as plans
from course_lib.sweeps.record import Sweep


def sweep_jax(
    rule, lrs, seeds, *, x, y, steps, batch_size, sizes=digits.SIZES, test=None, dtype="float32", **hypers
) -> Sweep:
    """`sweep_torch` in JAX, on its default device; takes any rule, Muon too, as `vmap` keeps the replicas apart.

    float64 needs `jax_enable_x64`. Raises ValueError or TypeError, in one sentence, for what cannot be swept.
    """
    import jax
    import jax.numpy as jnp

    plan = plans.make(rule, lrs, seeds, hypers, x, y, sizes, steps, batch_size, test, dtype)
    if dtype == "float64" and not jax.config.jax_enable_x64:
        raise ValueError("dtype is 'float64'; JAX allows it after jax.config.update('jax_enable_x64', True)")
    weights = [{"weight": jnp.asarray(w), "bias": jnp.asarray(b)} for w, b in plan.weights]
    over_seeds = jax.vmap(_one_replica(plan), (None, 0, 0))
    over_both = jax.jit(jax.vmap(over_seeds, (0, None, None)))
    loss, finite, accuracy = map(np.asarray, over_both(jnp.asarray(plan.lrs, dtype), weights, jnp.asarray(plan.order)))
    diverged = ~(finite & np.isfinite(loss).all(axis=-1))
    accuracy = None if test is None else np.where(diverged, np.nan, accuracy)
    return Sweep(plan.rule.name, plan.lrs, plan.seeds, loss, diverged, accuracy)


def _one_replica(plan: plans.Plan):
    """run(lr, params, order) -> (losses (T,), whether the parameters are finite, test accuracy)."""
    import jax
    import jax.numpy as jnp

    from course_lib import jax_optim

    x, y = jnp.asarray(plan.x), jnp.asarray(plan.y.astype(np.int32))

    def run(lr, params, order):
        transform = jax_optim.from_rule(plan.rule, lr, **plan.hypers)

        def step(carry, index):
            params, state = carry
            loss, grads = jax.value_and_grad(digits.jax_loss)(params, x[index], y[index])
            updates, state = transform.update(grads, state, params)
            return (jax_optim.apply_updates(params, updates), state), loss

        (params, _), losses = jax.lax.scan(step, (params, transform.init(params)), order)
        finite = jnp.array([jnp.isfinite(p).all() for p in jax.tree.leaves(params)]).all()
        return losses, finite, accuracy(params)

    def accuracy(params):
        if plan.test is None:
            return jnp.nan
        return (digits.jax_logits(params, plan.test[0]).argmax(axis=1) == plan.test[1]).mean()

    return run
