"""The transformations are optax's to 1e-12, and compose with it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from course_lib.jax_clipping import adaptive_grad_clip, clip_by_global_norm, clip_by_value

SHAPES = [(), (3,), (1, 5), (5, 1), (4, 5), (3, 4, 5), (2, 3, 4, 5), (2, 3, 2, 4, 5)]
PAIRS = {
    "value": (clip_by_value, optax.clip),
    "global norm": (clip_by_global_norm, optax.clip_by_global_norm),
    "adaptive": (adaptive_grad_clip, optax.adaptive_grad_clip),
}
each_pair = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)


def trees(dtype=float):
    rng = np.random.default_rng(0)
    return tuple({"a": [jnp.asarray(rng.normal(size=shape), dtype) for shape in SHAPES]} for _ in range(2))


def run(transform, grads, params):
    return transform.update(grads, transform.init(params), params)[0]


def furthest(x, y):
    return max(jax.tree.leaves(jax.tree.map(lambda a, b: float(abs(a - b).max()), x, y)))


@each_pair
@pytest.mark.parametrize("limit", [1e-3, 0.5, 1.0, 1e3])
def test_every_clip_is_optaxs(x64, pair, limit):
    ours, theirs = pair
    assert furthest(run(ours(limit), *trees()), run(theirs(limit), *trees())) < 1e-12


@each_pair
def test_clipping_does_something(x64, pair):
    grads, params = trees()
    assert furthest(run(pair[0](0.1), grads, params), grads) > 0.1


@each_pair
def test_a_clip_stands_in_optaxs_chain_under_jit_and_scan(x64, pair):
    def end(clip):
        transform = optax.chain(clip(0.1), optax.adam(0.1))
        grads, params = trees()

        def step(carry, scale):
            params, state = carry
            updates, state = transform.update(jax.tree.map(lambda g: scale * g, grads), state, params)
            return (optax.apply_updates(params, updates), state), None

        scales = jnp.asarray([1.0, 100.0, 0.01])
        return jax.jit(lambda: jax.lax.scan(step, (params, transform.init(params)), scales)[0][0])()

    assert furthest(end(pair[0]), end(pair[1])) < 1e-12


def test_a_limit_may_be_injected_as_a_hyperparameter(x64):
    transform = optax.inject_hyperparams(clip_by_global_norm)(max_norm=0.5)
    assert furthest(run(transform, *trees()), run(optax.clip_by_global_norm(0.5), *trees())) < 1e-12


@each_pair
def test_the_gradients_keep_their_dtype(pair):
    grads, params = trees(jnp.bfloat16)
    grads["b"], params["b"] = jnp.ones(3, jnp.float32), jnp.ones(3, jnp.float32)
    clipped = run(pair[0](0.1), grads, params)
    assert jax.tree.map(lambda g: g.dtype, clipped) == jax.tree.map(lambda g: g.dtype, grads)


@each_pair
def test_an_empty_tree_stays_empty(pair):
    assert run(pair[0](1.0), {}, {}) == {}


def test_adaptive_clipping_asks_for_the_parameters():
    with pytest.raises(ValueError, match=r"^params is None; adaptive_grad_clip needs them"):
        adaptive_grad_clip(0.1).update({"a": jnp.ones(2)}, ())


@pytest.mark.parametrize(
    ("clip", "name"),
    [(clip_by_value, "max_delta"), (clip_by_global_norm, "max_norm"), (adaptive_grad_clip, "clipping")],
)
def test_a_wrong_limit_is_refused_at_once(clip, name):
    with pytest.raises(ValueError, match=rf"^{name} is -1; allowed is a number > 0$"):
        clip(-1)
