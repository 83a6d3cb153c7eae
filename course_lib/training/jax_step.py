"""One step of JAX parameters, compiled."""

from collections.abc import Callable
from math import isfinite

import jax
import jax.numpy as jnp

from course_lib.jax_optim import apply_updates
from course_lib.training.loop import what_is_wrong


class JaxStep:
    """Called with a list of one index array, gives the step's row and what is wrong, an empty text where nothing is.

    `params` and `state` are those after the last step that was taken.
    """

    def __init__(self, params, transform, x, y, loss: Callable):
        self.params, self.state, self.x, self.y = params, transform.init(params), x, y

        @jax.jit
        def one(params, state, x, y, index):
            value, grads = jax.value_and_grad(loss)(params, x[index], y[index])
            updates, state = transform.update(grads, state, params)
            norm = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(grads)))
            return apply_updates(params, updates), state, grads, (value, norm)

        self._one = one

    def __call__(self, indices: list) -> tuple[dict, str]:
        params, state, grads, numbers = self._one(self.params, self.state, self.x, self.y, *indices)
        loss, norm = map(float, jax.device_get(numbers))
        row = {"loss": loss, "grad_norm": norm}
        if not (isfinite(loss) and isfinite(norm)):
            return row, what_is_wrong(loss, grads)
        self.params, self.state = params, state
        return row, ""
