"""Rules as gradient transformations of JAX: what optax users rely on, around six lines of arithmetic.

    from_rule(momentum, learning_rate=0.1)        any rule, a student's too
    sgd(0.1, momentum=0.9)                        optax's name, arguments and defaults

The pair (init, update) composes with optax, which is not imported here.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from course_lib import hyperparameters
from course_lib.arrays import Array
from course_lib.rule import Rule
from course_lib.rules import momentum as heavy_ball
from course_lib.rules import nesterov as look_ahead
from course_lib.rules import sgd as plain


class GradientTransformation(NamedTuple):
    """optax's pair: `init(params) -> state`, `update(updates, state, params=None) -> (updates, state)`."""

    init: Callable
    update: Callable


class State(NamedTuple):
    count: Array  # steps taken, int32
    rule: Array  # the rule's state for every leaf of the parameters


def from_rule(rule, learning_rate, *, reads_params: bool = True, **hypers) -> GradientTransformation:
    """Any rule as a gradient transformation.

    `learning_rate` is a number, an array or a schedule, called with the 0-based count of steps. The update is the
    difference of the rule's new and old parameters, in the gradient's dtype; where a rule's step does not depend on
    the values of p (`reads_params=False`), it is taken at p = 0: nothing is rounded away and `params` may be left out.

    Raises TypeError for an unknown hyperparameter, ValueError for one out of range or for missing `params`.
    """
    rule = Rule.of(rule)
    hypers = hyperparameters.resolve(rule, {"lr": learning_rate, **hypers})

    def init(params) -> State:
        return State(jnp.zeros([], jnp.int32), jax.tree.map(lambda p: _arrays(rule.init(p)), params))

    def update(updates, state: State, params=None, **extra):
        if params is None and reads_params:
            raise ValueError(f"params is None; {rule.name} needs them: update(grads, state, params)")
        now = {name: value(state.count) if callable(value) else value for name, value in hypers.items()}
        gs, treedef = jax.tree.flatten(updates)
        ps = treedef.flatten_up_to(params) if reads_params else [jnp.zeros_like(g) for g in gs]
        ss = treedef.flatten_up_to(state.rule)
        stepped = [rule.step(p, g, s, **now) for p, g, s in zip(ps, gs, ss, strict=True)]
        moves = [(q - p).astype(g.dtype) for (q, _), p, g in zip(stepped, ps, gs, strict=True)]
        kept = [
            jax.tree.map(lambda new, old: new.astype(old.dtype), s, old)
            for (_, s), old in zip(stepped, ss, strict=True)
        ]
        return treedef.unflatten(moves), State(state.count + 1, treedef.unflatten(kept))

    return GradientTransformation(init, update)


def sgd(learning_rate, momentum: float | None = None, nesterov: bool = False) -> GradientTransformation:
    """`optax.sgd`: plain where `momentum` is None, else heavy-ball or Nesterov."""
    if momentum is None:
        return from_rule(plain, learning_rate, reads_params=False)
    return from_rule(look_ahead if nesterov else heavy_ball, learning_rate, reads_params=False, momentum=momentum)


def apply_updates(params, updates):
    """params + updates, leaf by leaf, in the dtype of each parameter."""
    return jax.tree.map(lambda p, u: (p + u).astype(p.dtype), params, updates)


def _arrays(s: Array) -> Array:
    """A state whose Python numbers are arrays, so that its structure and dtypes never change between steps."""
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.int32) if isinstance(x, int) else jnp.asarray(x), s)
