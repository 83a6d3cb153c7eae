"""NAdam: the first steps of torch and of optax, and the momentum that warms up."""

import math

import pytest

from course_lib.rules import nadam


def walk(steps, **hypers):
    p, s, moves = 0.0, nadam.init(0.0), []
    for _ in range(steps):
        q, s = nadam.step(p, 1.0, s, lr=1.0, **hypers)
        moves.append(p - q)
        p = q
    return moves, s


@pytest.mark.parametrize(
    ("hypers", "wanted"),
    [({}, [1.056, 0.784, 0.732]), ({"momentum_decay": math.inf}, [1.474, 1.157, 1.078])],
    ids=["torch", "optax"],
)
def test_the_first_steps_are_the_numbers_of_the_libraries(hypers, wanted):
    assert walk(3, **hypers)[0] == pytest.approx(wanted, abs=6e-4)


def test_the_first_step_by_hand():
    """mu_1 = 0.9 (1 - 0.96^0.004 / 2), and along a gradient of 1 both averages are one, corrected."""
    mu = [0.9 * (1 - 0.5 * 0.96 ** (0.004 * t)) for t in (1, 2)]
    (first,), s = walk(1)
    assert first == pytest.approx(1 + mu[1] / (1 - mu[0] * mu[1]) * 0.1, rel=1e-8)
    assert s.product == pytest.approx(mu[0], rel=1e-15)


def test_a_momentum_decay_of_zero_halves_the_momentum():
    assert walk(4, momentum_decay=0)[1].product == pytest.approx(0.45**4, rel=1e-15)


def test_the_momentum_warms_up_to_beta1():
    late = nadam.State(m=0.0, v=1.0, product=1.0, t=10**6)
    assert nadam.step(0.0, 1.0, late)[1].product == pytest.approx(0.9, rel=1e-12)


def test_in_the_long_run_a_step_is_one_learning_rate():
    assert walk(3000)[0][-1] == pytest.approx(1, abs=2e-3)
