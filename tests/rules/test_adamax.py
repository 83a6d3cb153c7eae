"""AdaMax: no entry moves by much more than lr, and how much that is."""

import numpy as np
import pytest

from course_lib.rules import adamax


def test_two_steps_by_hand():
    p, s = adamax.step(1.0, 2.0, adamax.init(1.0), lr=0.1, beta1=0.5, beta2=0.75, eps=0.0)
    assert (p, s) == (pytest.approx(0.9), (1.0, 2.0, 1))
    p, s = adamax.step(p, 1.0, s, lr=0.1, beta1=0.5, beta2=0.75, eps=0.0)
    assert s == (1.0, 1.5, 2)
    assert p == pytest.approx(0.9 - 0.1 / 0.75 * 1.0 / 1.5)


def bound(beta1, beta2=0.999):
    return (1 - beta1) / (1 - beta1 / beta2)


@pytest.mark.parametrize("beta1", [0.0, 0.5, 0.9])
def test_no_entry_moves_by_more_than_the_bound(beta1):
    rng = np.random.default_rng(0)
    p, s = np.zeros(2000), adamax.init(np.zeros(2000))
    for _ in range(50):
        q, s = adamax.step(p, rng.standard_cauchy(p.size), s, lr=0.1, beta1=beta1)
        assert abs(q - p).max() <= 0.1 * bound(beta1) * (1 + 1e-12)
        p = q


def test_gradients_that_shrink_by_beta2_reach_the_bound_above_lr():
    p, s = 0.0, adamax.init(0.0)
    for t in range(300):
        before = p
        p, s = adamax.step(before, 0.999**t, s, lr=1.0, eps=0.0)
    assert before - p == pytest.approx(bound(0.9), rel=1e-9)
    assert bound(0.9) == pytest.approx(1.0091, abs=1e-4)


def test_the_first_step_is_the_sign_of_the_gradient():
    p, _ = adamax.step(np.zeros(2), np.array([3.0, -0.1]), adamax.init(np.zeros(2)), lr=0.5)
    np.testing.assert_allclose(p, [-0.5, 0.5], rtol=1e-6)


def test_the_maximum_forgets_slowly():
    _, s = adamax.step(0.0, 0.0, adamax.init(0.0)._replace(u=1.0), beta2=0.9)
    assert s.u == 0.9
