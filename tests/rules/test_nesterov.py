"""Nesterov momentum: its step by hand, its edge of stability, its damping."""

import numpy as np
import pytest
from scipy.optimize import bisect

from course_lib.rules import momentum, nesterov


def shrink(rule, x, mu):
    """The spectral radius of a step on a quadratic with lr * h = x, a linear map of the pair (p, v)."""
    p, v = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    p, s = rule.step(p, x * p, rule.init(p)._replace(v=v), lr=1.0, momentum=mu)
    return np.max(np.abs(np.linalg.eigvals([p, s.v])))


def test_two_steps_by_hand():
    p, s = nesterov.step(1.0, 1.0, nesterov.init(1.0), lr=0.1, momentum=0.5)
    assert (p, s.v) == pytest.approx((0.85, 1.0), rel=1e-15)
    p, s = nesterov.step(p, 1.0, s, lr=0.1, momentum=0.5)
    assert (p, s.v) == pytest.approx((0.675, 1.5), rel=1e-15)


@pytest.mark.parametrize(("mu", "edge"), [(0.0, 2.0), (0.5, 1.5), (0.9, 3.8 / 2.8), (0.99, 3.98 / 2.98)])
def test_its_edge_of_stability_is_nearer_than_the_heavy_balls(mu, edge):
    found = bisect(lambda x: shrink(nesterov, x, mu) - 1, 0.01, 10, xtol=1e-9)
    assert found == pytest.approx(edge, abs=1e-6)
    assert found == pytest.approx(2 * (1 + mu) / (1 + 2 * mu), abs=1e-6)


@pytest.mark.parametrize("x", [0.05, 0.3, 1.0, 1.2])
def test_inside_it_damps_better_than_the_heavy_ball(x):
    assert shrink(nesterov, x, 0.9) < shrink(momentum, x, 0.9) - 0.01


def test_without_momentum_it_is_plain_descent():
    assert nesterov.step(1.0, 2.0, nesterov.init(1.0), lr=0.25, momentum=0.0)[0] == 0.5
