"""The averages on JAX trees: the pure numbers, with dtypes that never change."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from course_lib import averaging
from course_lib.jax_averaging import on_tree

EVERY = {
    "mean": averaging.running_mean(),
    "ema": averaging.ema(0.9),
    "warm": averaging.ema(0.9, warmup=True),
    "from zero": averaging.ema_from_zero(0.9),
}
every_average = pytest.mark.parametrize("average", EVERY.values(), ids=EVERY)


@every_average
def test_a_tree_under_jit_and_scan_is_averaged_leaf_by_leaf(x64, average):
    points = np.random.default_rng(0).normal(size=(20, 3))
    tree = on_tree(average)

    def step(s, p):
        return tree.step({"a": [p], "b": p[0]}, s), None

    @jax.jit
    def run(points):
        first = tree.init({"a": [points[0]], "b": points[0, 0]})
        return tree.value(jax.lax.scan(step, first, points)[0])

    s = average.init(points[0])
    for p in points:
        s = average.step(p, s)
    got = run(jnp.asarray(points))
    assert got["a"][0] == pytest.approx(average.value(s), rel=1e-12)
    assert got["b"] == pytest.approx(average.value(s)[0], rel=1e-12)


@every_average
def test_dtypes_stay_and_what_is_no_float_is_the_newest(x64, average):
    params = {"w": jnp.ones(2, jnp.bfloat16), "n": jnp.asarray(3), "key": jax.random.key(0)}
    tree = on_tree(average)
    s = tree.step(params, tree.init(params))
    s = tree.step(params | {"n": jnp.asarray(4)}, s)
    assert jax.tree.map(lambda x: x.dtype, tree.value(s)) == jax.tree.map(lambda x: x.dtype, params)
    assert tree.value(s)["n"] == 4
    assert s.t == 2
    assert s.t.dtype == jnp.int32
