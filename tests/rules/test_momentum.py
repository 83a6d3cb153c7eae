"""The heavy ball: its velocity by hand, its edge of stability, its speed, its dampening."""

import numpy as np
import pytest
from scipy.optimize import bisect

from course_lib.rules import momentum


def walk(steps, p=1.0, g=1.0, **hypers):
    s, path = momentum.init(p), []
    for _ in range(steps):
        p, s = momentum.step(p, g, s, **hypers)
        path.append(p)
    return path, s


def shrink(x, mu):
    """The spectral radius of a step on a quadratic with lr * h = x, a linear map of the pair (p, v)."""
    p, v = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    p, s = momentum.step(p, x * p, momentum.State(v, 1), lr=1.0, momentum=mu)
    return np.max(np.abs(np.linalg.eigvals([p, s.v])))


def test_three_steps_by_hand():
    path, s = walk(3, lr=0.1, momentum=0.5)
    assert path == pytest.approx([0.9, 0.75, 0.575], rel=1e-15)
    assert s.v == 1.75


def test_the_state_counts_the_steps():
    assert [walk(n, lr=0.1)[1].t for n in range(4)] == [0, 1, 2, 3]


def test_the_first_velocity_is_undamped():
    assert walk(2, lr=1.0, momentum=0.5, dampening=0.9)[0] == pytest.approx([0.0, -0.6], abs=1e-15)


def test_dampening_as_large_as_the_momentum_steps_as_plain_descent():
    path, _ = walk(5, lr=1.0, momentum=0.9, dampening=0.9)
    assert path == pytest.approx([0, -1, -2, -3, -4], abs=1e-14)


def test_without_momentum_it_is_plain_descent():
    assert walk(3, lr=0.25, momentum=0.0)[0] == [0.75, 0.5, 0.25]


@pytest.mark.parametrize("mu", [0.5, 0.9, 0.99])
def test_along_a_constant_gradient_the_speed_grows_to_one_over_one_minus_momentum(mu):
    _, s = walk(5000, lr=0.1, momentum=mu)
    assert s.v == pytest.approx(1 / (1 - mu), rel=1e-12)


@pytest.mark.parametrize("mu", [0.0, 0.3, 0.9, 0.99])
def test_it_is_stable_below_two_times_one_plus_momentum(mu):
    assert bisect(lambda x: shrink(x, mu) - 1, 0.01, 10, xtol=1e-9) == pytest.approx(2 * (1 + mu), abs=1e-6)


@pytest.mark.parametrize("x", [0.1, 1.0, 3.7])
def test_between_the_damped_ends_it_shrinks_by_the_root_of_the_momentum(x):
    assert shrink(x, 0.9) == pytest.approx(np.sqrt(0.9), rel=1e-9)
