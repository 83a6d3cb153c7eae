"""The formulas, against the rules themselves: simulated, bisected, minimised."""

import numpy as np
import pytest
from scipy.optimize import minimize

from course_lib.rules import momentum, sgd
from course_lib.theory import best_pair, largest_lr, noise_floor, shrink


def spectral_radius(x, mu):
    """Of the heavy ball's step on a quadratic with lr * h = x, a linear map of the pair (p, v)."""
    p, v = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    p, s = momentum.step(p, x * p, momentum.State(v, 1), lr=1.0, momentum=mu)
    return np.max(np.abs(np.linalg.eigvals([p, s.v])))


def test_a_descent_shrinks_below_the_largest_lr_and_grows_above():
    H = np.array([[3.0, 1.0], [1.0, 2.0]])
    sizes = []
    for factor in (0.99, 1.01):
        p = np.array([1.0, 1.0])
        for _ in range(2000):
            p, _ = sgd.step(p, H @ p, (), lr=factor * largest_lr(H))
        sizes.append(np.linalg.norm(p))
    assert sizes[0] < 1e-6
    assert sizes[1] > 1e6


@pytest.mark.parametrize(("lr", "h", "c"), [(0.1, 1.0, 1.0), (1.5, 1.0, 2.0), (0.5, 0.4, 0.3), (0.02, 50.0, 9.0)])
def test_the_noise_floor_is_where_a_simulation_settles(lr, h, c):
    rng, p = np.random.default_rng(0), np.zeros(20_000)
    for _ in range(100):
        p, _ = sgd.step(p, h * p + np.sqrt(c) * rng.standard_normal(p.size), (), lr=lr)
    assert np.mean(p**2) == pytest.approx(noise_floor(lr, h, c), rel=0.05)


@pytest.mark.parametrize("mu", [0.0, 0.5, 0.9])
def test_the_ball_shrinks_by_the_spectral_radius_of_its_step(mu):
    x = np.linspace(0.001, 4.5, 40)
    np.testing.assert_allclose(shrink(x, mu), [spectral_radius(value, mu) for value in x], rtol=1e-6)


@pytest.mark.parametrize(("x", "mu", "factor"), [(0.1, 0.0, 0.9), (2.5, 0.0, 1.5), (1.0, 0.81, 0.9), (3.8, 0.9, 1.0)])
def test_a_shrink_factor_by_hand(x, mu, factor):
    assert shrink(x, mu) == pytest.approx(factor)


def test_the_best_pair_by_hand():
    assert best_pair(1.0, 9.0) == pytest.approx((0.25, 0.25))


@pytest.mark.parametrize("kappa", [10.0, 100.0])
def test_no_other_pair_is_better_than_the_best_pair(kappa):
    def worst(pair):
        return max(spectral_radius(pair[0] * h, abs(pair[1])) for h in (1.0, kappa))

    lr, mu = best_pair(1.0, kappa)
    assert worst((lr, mu)) == pytest.approx(np.sqrt(mu), rel=1e-6)
    found = minimize(worst, (1.2 * lr, 0.8 * mu), method="Nelder-Mead", options={"maxiter": 2000})
    assert found.fun > np.sqrt(mu) - 1e-6
    assert found.x == pytest.approx([lr, mu], rel=0.02)
