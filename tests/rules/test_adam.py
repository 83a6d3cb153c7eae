"""Adam: its first step, what its corrections correct, and where eps stands."""

import numpy as np
import pytest

from course_lib.rules import adam, adam_l2


def walk(rule, gradients, p=0.0, **hypers):
    s, moves = rule.init(p), []
    for g in gradients:
        q, s = rule.step(p, g, s, **hypers)
        moves.append(p - q)
        p = q
    return moves, p, s


def uncorrected(gradients, beta1=0.9, beta2=0.999):
    """Steps of Adam without its two corrections, from the rule's own averages."""
    s, moves = adam.init(0.0), []
    for g in gradients:
        _, s = adam.step(0.0, g, s)
        moves.append(s.m / s.v**0.5)
    return moves


def test_two_steps_by_hand():
    p, s = adam.step(1.0, 2.0, adam.init(1.0), lr=0.1, beta1=0.5, beta2=0.75, eps=0.0)
    assert (p, s) == (pytest.approx(0.9), (1.0, 1.0, 1))
    p, s = adam.step(p, -2.0, s, lr=0.1, beta1=0.5, beta2=0.75, eps=0.0)
    assert s == (-0.5, 1.75, 2)
    assert p == pytest.approx(0.9 + 0.1 * (0.5 / 0.75) / 2)


@pytest.mark.parametrize("size", [1e-5, 1.0, 1e9])
def test_the_first_step_is_the_sign_of_the_gradient(size):
    p, _ = adam.step(np.zeros(3), size * np.array([1.0, -2.0, 0.5]), adam.init(np.zeros(3)), lr=0.1)
    np.testing.assert_allclose(p, [-0.1, 0.1, -0.1], rtol=3e-3 if size < 1 else 1e-7)


def test_at_a_gradient_of_eps_the_first_step_halves():
    assert adam.step(0.0, 1e-8, adam.init(0.0), lr=1.0)[0] == pytest.approx(-0.5, rel=1e-12)


def test_under_a_constant_gradient_every_step_is_one_learning_rate():
    np.testing.assert_allclose(walk(adam, [1.0] * 100, lr=0.1)[0], 0.1, rtol=1e-6)


def test_without_corrections_the_first_steps_would_be_six_times_too_long():
    moves = uncorrected([1.0] * 2000)
    assert moves[0] == pytest.approx(10**0.5, abs=1e-3)
    assert (max(moves), moves.index(max(moves)) + 1) == (pytest.approx(6.5685, abs=1e-4), 12)
    assert [t for t, move in enumerate(moves, start=1) if move > 1.1][-1] == 1750


def test_one_impulse_after_ten_thousand_zeros_moves_the_weight_by_thirty_steps():
    moves, p, _ = walk(adam, [0.0] * 9999 + [1.0] + [0.0] * 500, lr=1.0)
    assert moves[9999] == pytest.approx(0.1 / 0.001**0.5, abs=1e-3)
    assert -p == pytest.approx(31.8, abs=0.05)


def test_a_thousand_times_the_loss_is_the_same_path():
    gradients = np.random.default_rng(0).standard_normal(50)
    one, thousand = (walk(adam, scale * gradients, lr=0.1)[1] for scale in (1, 1000))
    assert one == pytest.approx(thousand, rel=1e-6)


def test_l2_passes_through_the_moments():
    gradients, p, s = [0.3, -1.0, 0.7], 1.5, adam.init(1.5)
    for g in gradients:
        p, s = adam.step(p, g + 0.1 * p, s, lr=0.1)
    assert walk(adam_l2, gradients, 1.5, lr=0.1, weight_decay=0.1)[1] == p


@pytest.mark.parametrize("weight_decay", [1e-4, 1e-2, 1.0])
def test_where_the_gradient_is_zero_the_weight_decay_of_l2_cancels(weight_decay):
    _, p, _ = walk(adam_l2, [0.0] * 100, 1.0, lr=1e-3, weight_decay=weight_decay)
    assert p == pytest.approx(0.90174, abs=2e-5)
