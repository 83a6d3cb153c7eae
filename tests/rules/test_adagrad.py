"""AdaGrad: steps by hand, their fall like one over the root of t, and optax's other beginning."""

import numpy as np
import pytest

from course_lib.rules import adagrad

ZETA = -1.4603545088095868  # of one half


def walk(steps, g=1.0, p=0.0, initial=0.0, **hypers):
    s, moves = adagrad.init(p, initial), []
    for _ in range(steps):
        q, s = adagrad.step(p, g, s, **hypers)
        moves.append(p - q)
        p = q
    return moves, p, s


def test_two_steps_by_hand():
    p, s = adagrad.step(1.0, 3.0, adagrad.init(1.0), lr=0.1, eps=0.0)
    assert (p, s) == (pytest.approx(0.9, rel=1e-15), (9.0, 1))
    p, s = adagrad.step(p, 4.0, s, lr=0.1, eps=0.0)
    assert (p, s) == (pytest.approx(0.9 - 0.1 * 4 / 5, rel=1e-15), (25.0, 2))


def test_under_a_constant_gradient_the_step_falls_like_one_over_the_root_of_t():
    assert walk(3, lr=1.0)[0] == pytest.approx([1, 2**-0.5, 3**-0.5], rel=1e-9)


def test_after_t_steps_it_has_moved_twice_the_root_of_t():
    moved = -walk(10_000, lr=1.0)[1]
    assert moved == pytest.approx(2 * 10_000**0.5 + ZETA, abs=0.01)
    assert moved == pytest.approx(198.545, abs=1e-3)


def test_its_steps_do_not_know_the_scale_of_the_gradient():
    assert walk(50, g=1e3, lr=0.1)[1] == pytest.approx(walk(50, lr=0.1)[1], rel=1e-9)


def test_every_coordinate_has_its_own_sum():
    moves, _, _ = walk(2, np.array([1.0, 100.0]), np.zeros(2), lr=1.0)
    np.testing.assert_allclose(moves, [[1, 1], [2**-0.5] * 2], rtol=1e-9)


def test_the_decay_of_the_learning_rate_begins_at_the_second_step():
    assert walk(3, lr=1.0, lr_decay=0.5)[0] == pytest.approx([1, 2**-0.5 / 1.5, 3**-0.5 / 2], rel=1e-9)


def test_optax_begins_with_a_tenth_in_its_sum():
    moves, _, _ = walk(3, lr=1.0, initial=0.1, eps=0.0, eps_root=1e-7)
    assert moves == pytest.approx([0.953, 0.690, 0.568], abs=5e-4)
