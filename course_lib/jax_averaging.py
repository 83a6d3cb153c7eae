"""Averages of JAX parameters: the arithmetic of `averaging`, on whole trees."""

import jax
import jax.numpy as jnp

from course_lib.averaging import Average, State


def on_tree(average: Average) -> Average:
    """`average` for a tree of arrays: `init(params)`, `step(params, s)` and `value(s)`, inside `jit` and `scan` too.

    The state keeps its structure and dtypes; leaves that are no floats (counters, keys) are the newest ones.
    """

    def init(params) -> State:
        def first(p):
            return jnp.asarray(average.init(p).mean) if _averaged(p) else p

        return State(jax.tree.map(first, params), jnp.zeros([], jnp.int32))

    def step(params, s: State) -> State:
        def move(p, mean):
            return average.step(p, _leaf(mean, s.t)).mean.astype(mean.dtype) if _averaged(p) else p

        return State(jax.tree.map(move, params, s.mean), s.t + 1)

    def value(s: State):
        def read(mean):
            return average.value(_leaf(mean, s.t)).astype(mean.dtype) if _averaged(mean) else mean

        return jax.tree.map(read, s.mean)

    return Average(init, step, value)


def _leaf(mean, t) -> State:
    """The state of one leaf, its count in the leaf's precision: 1 / t of an integer is in single."""
    return State(mean, t.astype(jnp.promote_types(jnp.float32, jnp.finfo(mean.dtype).dtype)))


def _averaged(leaf) -> bool:
    return jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)
