"""Clipping as gradient transformations of JAX, to stand in front of an optimiser: `optax.chain(clip, adam)`.

The arguments are optax's; so are the numbers. They return no norm, as their kind has no place for it:
`clipping.by_global_norm(jax.tree.leaves(grads), max_norm)` does, inside `jit` too.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax

from course_lib import clipping as arrays


class Clip(NamedTuple):
    """The pair that optax composes: `init(params) -> ()`, `update(updates, state, params=None) -> (updates, state)`."""

    init: Callable
    update: Callable


def clip_by_value(max_delta: float) -> Clip:
    """`optax.clip`: every entry in [-max_delta, max_delta]."""
    arrays.check_limit("max_delta", max_delta)
    return _on_leaves(lambda gs, _: arrays.by_value(gs, max_delta)[0])


def clip_by_global_norm(max_norm: float) -> Clip:
    """`optax.clip_by_global_norm`: the whole tree no longer than `max_norm`."""
    arrays.check_limit("max_norm", max_norm)
    return _on_leaves(lambda gs, _: arrays.by_global_norm(gs, max_norm)[0])


def adaptive_grad_clip(clipping: float = 0.01, eps: float = 1e-3) -> Clip:
    """`optax.adaptive_grad_clip`: every unit's gradient no longer than `clipping` times its weights.

    What a unit is, `clipping.outputs_last` says.
    """
    arrays.check_limit("clipping", clipping)
    arrays.check_limit("eps", eps)

    def clip(gs, params):
        if params is None:
            raise ValueError("params is None; adaptive_grad_clip needs them: update(grads, state, params)")
        return arrays.adaptive(gs, params, clipping, eps, arrays.outputs_last)[0]

    return _on_leaves(clip)


def _on_leaves(clip: Callable) -> Clip:
    """A transformation from `clip(gradients, params) -> gradients` on lists; it has nothing to remember."""

    def update(updates, state, params=None, **extra):
        gs, treedef = jax.tree.flatten(updates)
        ps = None if params is None else treedef.flatten_up_to(params)
        return (treedef.unflatten(clip(gs, ps)) if gs else updates), state

    return Clip(lambda params: (), update)
