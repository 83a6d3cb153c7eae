"""Plain SGD: its step, its edge of stability, its noise floor."""

import numpy as np
import pytest

from course_lib.rules import sgd


def test_one_step_by_hand():
    p, s = sgd.step(np.array([1.0, -2.0]), np.array([0.5, 4.0]), sgd.init(np.ones(2)), lr=0.1)
    np.testing.assert_allclose(p, [0.95, -2.4], rtol=1e-15)
    assert s == ()


@pytest.mark.parametrize("h", [0.1, 1.0, 50.0])
def test_it_is_stable_below_two_over_the_curvature(h):
    def size(x):
        p = 1.0
        for _ in range(2000):
            p, _ = sgd.step(p, h * p, (), lr=x / h)
        return abs(p)

    assert size(1.99) < 1e-6
    assert size(2.01) > 1e6


@pytest.mark.parametrize(("lr", "h", "c"), [(0.2, 1.0, 1.0), (1.0, 1.0, 1.0), (1.5, 1.0, 2.0), (0.02, 50.0, 9.0)])
def test_gradient_noise_leaves_the_floor_of_the_formula(lr, h, c):
    rng, p = np.random.default_rng(0), np.zeros(20_000)
    for _ in range(60):
        p, _ = sgd.step(p, h * p + np.sqrt(c) * rng.standard_normal(p.size), (), lr=lr)
    assert np.mean(p**2) == pytest.approx(lr * c / (h * (2 - lr * h)), rel=0.05)


def test_with_rate_one_over_t_it_is_the_sample_mean():
    """On f = E (p - y)^2 / 2, whose gradient at one example y is p - y."""
    examples, p = np.random.default_rng(0).standard_normal(1000), 0.0
    for t, y in enumerate(examples, start=1):
        p, _ = sgd.step(p, p - y, (), lr=1 / t)
    assert p == pytest.approx(examples.mean(), rel=1e-12)
