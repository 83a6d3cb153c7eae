"""Schedule-Free: three points by hand, a mean for a schedule, and where to evaluate."""

import numpy as np
import pytest

from course_lib.rules import adam, schedule_free
from course_lib.rules.schedule_free import evaluation_point


def walk(rule, gradients, p=0.0, lr=0.1, **hypers):
    s, points = rule.init(p), []
    for g, rate in zip(gradients, np.broadcast_to(lr, len(gradients)), strict=True):
        p, s = rule.step(p, g, s, lr=rate, **hypers)
        points.append((p, s.z, evaluation_point(p, s, beta=hypers.get("beta", 0.9))))
    return points, s


def test_two_steps_by_hand():
    """x_1 = z_1 = -0.1; z_2 = -0.2, x_2 = (z_1 + z_2) / 2 = -0.15, p = 0.25 z + 0.75 x."""
    points, s = walk(schedule_free.sgd, [1.0, 1.0], beta=0.75)
    np.testing.assert_allclose(points, [[-0.1, -0.1, -0.1], [-0.1625, -0.2, -0.15]], rtol=1e-12)
    assert s.weight == pytest.approx(0.02)


def test_at_a_constant_rate_x_is_the_mean_of_all_z():
    gradients = np.random.default_rng(0).standard_normal(40)
    points, _ = walk(schedule_free.sgd, gradients)
    for t in range(1, 41):
        assert points[t - 1][2] == pytest.approx(np.mean([z for _, z, _ in points[:t]]), abs=1e-12)


def test_a_falling_rate_weighs_every_z_by_its_square():
    lr = np.linspace(0.3, 0.1, 20)
    points, _ = walk(schedule_free.sgd, np.random.default_rng(0).standard_normal(20), lr=lr)
    assert points[-1][2] == pytest.approx(np.average([z for _, z, _ in points], weights=lr**2), abs=1e-12)


def test_without_a_second_thought_the_parameter_is_where_it_trains():
    """The default of `evaluation_point` is that of the rules."""
    p, s = schedule_free.sgd.step(1.0, 1.0, schedule_free.sgd.init(1.0), lr=0.5)
    p, s = schedule_free.sgd.step(p, 1.0, s, lr=0.5)
    assert evaluation_point(p, s) == evaluation_point(p, s, beta=0.9) != p


def test_at_beta_one_gradients_are_taken_at_the_average():
    points, _ = walk(schedule_free.sgd, [1.0, -0.5, 2.0], beta=1.0)
    assert all(p == pytest.approx(x) for p, _, x in points)


def test_adamws_z_takes_the_steps_of_adam_without_a_mean():
    gradients = np.random.default_rng(0).standard_normal(20)
    points, s = walk(schedule_free.adamw, gradients)
    p, state = 0.0, adam.init(0.0)
    for g, (_, z, _) in zip(gradients, points, strict=True):
        p, state = adam.step(p, g, state, lr=0.1, beta1=0.0)
        assert z == pytest.approx(p, rel=1e-12)
    assert (s.v, s.t) == (pytest.approx(state.v), 20)


def test_weight_decay_is_taken_at_the_parameter_and_beside_the_scaling():
    _, s = schedule_free.adamw.step(2.0, 0.0, schedule_free.adamw.init(2.0), lr=0.1, weight_decay=0.5)
    assert s.z == pytest.approx(2.0 - 0.1 * 0.5 * 2.0)


def test_the_average_is_nearer_to_the_minimum_than_the_trained_point():
    """On p^2 / 2 under unit noise, in the root mean square of many runs."""
    rng, rule = np.random.default_rng(0), schedule_free.sgd
    p = np.ones(2000)
    s = rule.init(p)
    for _ in range(300):
        p, s = rule.step(p, p + rng.standard_normal(p.size), s, lr=0.5)
    x, z = evaluation_point(p, s), s.z
    assert np.mean(x**2) < np.mean(p**2) / 1.5 < np.mean(z**2) / 20
