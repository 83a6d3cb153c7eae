"""Lookahead: slow weights that follow part of the way, and the variance that this leaves."""

import numpy as np
import pytest

from course_lib.rules import adam, momentum, sgd
from course_lib.rules.lookahead import lookahead


def walk(rule, gradients, p=0.0, **hypers):
    s, path = rule.init(p), []
    for g in gradients:
        p, s = rule.step(p, g, s, **hypers)
        path.append(p)
    return path, s


def test_a_round_by_hand():
    path, s = walk(lookahead(sgd), [1.0, 1.0, 1.0, 1.0], lr=0.1, k=3, alpha=0.5)
    assert path == pytest.approx([-0.1, -0.2, -0.15, -0.25], rel=1e-12)
    assert (s.slow, s.t) == (pytest.approx(-0.15), 4)


@pytest.mark.parametrize("rule", [sgd, momentum, adam])
def test_at_alpha_one_it_is_the_rule_itself(rule):
    gradients = np.random.default_rng(0).standard_normal(17)
    assert walk(lookahead(rule), gradients, lr=0.1, alpha=1.0)[0] == pytest.approx(walk(rule, gradients, lr=0.1)[0])


def test_at_one_half_it_pulls_back_to_the_mean_of_both_ends():
    fast = walk(momentum, [1.0] * 5, 3.0, lr=0.1)[0][-1]
    path, s = walk(lookahead(momentum), [1.0] * 5, 3.0, lr=0.1)
    assert path[-1] == s.slow == pytest.approx((3.0 + fast) / 2)


def test_the_inner_state_runs_on_over_a_round():
    _, s = walk(lookahead(momentum), [1.0] * 7, lr=0.1, k=3)
    assert s.inner == walk(momentum, [1.0] * 7, lr=0.1)[1]


def test_it_has_the_hyperparameters_of_both():
    from course_lib.hyperparameters import names

    assert names(lookahead(adam)) == {**names(adam), "k": 5, "alpha": 0.5}
    assert lookahead(adam).name == "lookahead_adam"


@pytest.mark.parametrize(
    ("lr", "k", "alpha", "wanted"), [(0.1, 5, 0.5, None), (0.5, 5, 0.5, 0.3333), (0.5, 5, 0.8, 0.6669)]
)
def test_the_variance_that_remains_is_that_of_the_paper(lr, k, alpha, wanted):
    """Proposition 2, on a quadratic of curvature 1 under unit noise: slow weights against those of SGD."""
    q = (1 - lr) ** k
    ratio = alpha**2 * (1 - q**2) / (alpha**2 * (1 - q**2) + 2 * alpha * (1 - alpha) * (1 - q))
    rng, rule = np.random.default_rng(0), lookahead(sgd)
    p, seen = np.zeros(20_000), []
    s = rule.init(p)
    for t in range(1, 40 * k + 1):
        p, s = rule.step(p, p + rng.standard_normal(p.size), s, lr=lr, k=k, alpha=alpha)
        if t > 20 * k and t % k == 0:
            seen.append(np.mean(s.slow**2))
    assert np.mean(seen) / (lr / (2 - lr)) == pytest.approx(ratio, rel=0.02)
    assert wanted is None or ratio == pytest.approx(wanted, abs=0.02)


def test_optax_walks_the_same_fast_weights(x64):
    import jax
    import jax.numpy as jnp
    import optax

    gradients = np.random.default_rng(0).standard_normal((17, 3))
    theirs = optax.lookahead(optax.sgd(0.1, momentum=0.9), sync_period=5, slow_step_size=0.5)
    params = optax.LookaheadParams.init_synced(jnp.ones(3))
    state, wanted, update = theirs.init(params), [], jax.jit(theirs.update)
    for g in gradients:
        updates, state = update(jnp.asarray(g), state, params)
        params = optax.apply_updates(params, updates)
        wanted.append(params.fast)
    np.testing.assert_allclose(walk(lookahead(momentum), gradients, np.ones(3), lr=0.1)[0], wanted, rtol=0, atol=1e-12)
