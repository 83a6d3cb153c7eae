"""RMSProp: the first steps of torch and of optax, its blindness to scale, its centre and its momentum."""

import numpy as np
import pytest

from course_lib.rules import rmsprop


def walk(rule, gradients, p=0.0, **hypers):
    s, moves = rule.init(p), []
    for g in gradients:
        q, s = rule.step(p, g, s, **hypers)
        moves.append(p - q)
        p = q
    return moves, s


@pytest.mark.parametrize(
    ("hypers", "wanted"),
    [({}, [10, 7.09, 5.80]), ({"alpha": 0.9, "eps": 0.0, "eps_root": 1e-8}, [3.16, 2.29, 1.92])],
    ids=["torch", "optax"],
)
def test_its_first_steps_are_long(hypers, wanted):
    assert walk(rmsprop, [1.0] * 3, lr=1.0, **hypers)[0] == pytest.approx(wanted, abs=5e-3)


@pytest.mark.parametrize("alpha", [0.5, 0.9, 0.99])
def test_the_first_step_is_one_over_the_root_of_one_minus_alpha(alpha):
    (first,), s = walk(rmsprop, [1.0], lr=1.0, alpha=alpha, eps=0.0)
    assert first == pytest.approx((1 - alpha) ** -0.5, rel=1e-14)
    assert s.v == pytest.approx(1 - alpha, rel=1e-15)


@pytest.mark.parametrize("rule", [rmsprop, rmsprop.centered, rmsprop.with_momentum, rmsprop.centered_with_momentum])
def test_a_constant_on_all_gradients_changes_nothing_but_eps(rule):
    gradients = np.random.default_rng(0).standard_normal(50)
    one, thousand = (walk(rule, scale * gradients, lr=0.1, eps=0.0)[0] for scale in (1.0, 1e3))
    np.testing.assert_allclose(one, thousand, rtol=1e-10)


def test_ten_thousand_steps_go_ten_thousand_learning_rates_and_a_little():
    assert sum(walk(rmsprop, [1.0] * 10_000, lr=1.0)[0]) == pytest.approx(10_124, abs=1)


def test_around_its_centre_it_divides_by_the_standard_deviation():
    """Gradients 3 and 5 in turn: mean 4, deviation 1; the uncentred root would be the root of 17."""
    moves, s = walk(rmsprop.centered, [3.0, 5.0] * 4000, lr=1.0, alpha=0.999, eps=0.0)
    assert s.m == pytest.approx(4, abs=0.01)
    assert moves[-2:] == pytest.approx([3, 5], rel=0.01)


def test_rounding_below_zero_under_the_root_is_no_nan():
    """A mean square just under the squared mean."""
    s = rmsprop.CenteredState(v=1.0, m=1.0 + 1e-15)
    p, _ = rmsprop.centered.step(0.0, 1.0, s, lr=1.0, alpha=0.999999)
    assert np.isfinite(p)


def test_momentum_sums_the_scaled_gradients():
    scaled, _ = walk(rmsprop, [1.0, 2.0, -1.0], lr=1.0)
    moves, s = walk(rmsprop.with_momentum, [1.0, 2.0, -1.0], lr=0.5, momentum=0.5)
    sums = [scaled[0], scaled[1] + scaled[0] / 2, scaled[2] + scaled[1] / 2 + scaled[0] / 4]
    assert moves == pytest.approx([0.5 * x for x in sums], rel=1e-14)
    assert s.b == pytest.approx(sums[-1], rel=1e-14)
