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
            return average.step(p, State(mean, s.t)).mean.astype(mean.dtype) if _averaged(p) else p

        return State(jax.tree.map(move, params, s.mean), s.t + 1)

    def value(s: State):
        def read(mean):
            return average.value(State(mean, s.t)).astype(mean.dtype) if _averaged(mean) else mean

        return jax.tree.map(read, s.mean)

    return Average(init, step, value)


def _averaged(leaf) -> bool:
    return jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)
