"""AdaDelta: a first step by hand, which eps starts."""

import pytest

from course_lib.rules import adadelta


def walk(steps, g=1.0, **hypers):
    p, s, moves = 0.0, adadelta.init(0.0), []
    for _ in range(steps):
        q, s = adadelta.step(p, g, s, **hypers)
        moves.append(p - q)
        p = q
    return moves, s


@pytest.mark.parametrize(("rho", "eps"), [(0.9, 1e-6), (0.95, 1e-6), (0.5, 1e-2)])
def test_the_first_step_under_a_constant_gradient_is_started_by_eps(rho, eps):
    (first,), s = walk(1, rho=rho, eps=eps)
    assert first == pytest.approx((eps / (1 - rho + eps)) ** 0.5, rel=1e-13)
    assert s == (pytest.approx(1 - rho), pytest.approx((1 - rho) * first**2))


def test_its_first_steps_are_the_numbers_of_the_tables():
    moves, _ = walk(2)
    assert moves == pytest.approx([3.16226e-3, 3.24e-3], abs=5e-6)


def test_it_takes_ten_thousand_steps_to_grow_tenfold():
    moves, _ = walk(10_000)
    assert moves[-1] == pytest.approx(0.0318, abs=5e-5)


def test_a_thousand_times_the_gradient_is_the_same_path_nearly():
    assert sum(walk(50, g=1e3)[0]) / sum(walk(50)[0]) == pytest.approx(1, abs=2e-3)


def test_the_learning_rate_multiplies_the_step_and_not_its_memory():
    half, whole = walk(5, lr=0.5), walk(5)
    assert half[0] == pytest.approx([0.5 * move for move in whole[0]])
    assert half[1] == whole[1]
