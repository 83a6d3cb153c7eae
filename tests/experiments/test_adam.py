"""Lesson 05's experiments against closed forms."""

import numpy as np
import pytest

from course_lib.experiments import adam as lab
from course_lib.rules import adam, amsgrad, momentum
from course_lib.theory import best_pair


def test_without_its_corrections_adam_takes_the_steps_of_the_closed_form():
    t = np.arange(1, 2001)
    np.testing.assert_allclose(lab.lengths(lab.uncorrected), (1 - 0.9**t) / np.sqrt(1 - 0.999**t), rtol=1e-6)


def test_with_t_stuck_at_one_they_are_the_same_steps_in_other_units():
    unit = 0.1 / np.sqrt(0.001)
    np.testing.assert_allclose(lab.lengths(lab.stuck) * unit, lab.lengths(lab.uncorrected), rtol=1e-6)


def test_the_way_of_an_impulse_is_a_geometric_series():
    longest, total = lab.impulse(adam)
    assert total == pytest.approx(longest / (1 - 0.9 / np.sqrt(0.999)), rel=1e-4)


def test_a_thousand_times_the_loss_makes_no_difference_to_adam_and_blows_momentum_up():
    assert lab.scaled(adam, lr=0.05) == pytest.approx(1, abs=1e-6)
    assert abs(lab.scaled(momentum, lr=1e-4, factor=10.0)) > 2


def test_the_turned_valley_is_the_same_problem_for_a_rule_that_knows_no_axes():
    lr, mu = best_pair(1.0, 1e4)
    flat, turned = (
        lab.turned(momentum, [lr], angle=angle, falls=False, steps=200, momentum=mu)["loss"] for angle in (False, True)
    )
    assert flat[0] == pytest.approx(1)
    np.testing.assert_allclose(turned, flat, rtol=1e-9)


def test_the_best_of_several_rates_is_shown():
    few, many = (lab.turned(adam, lrs, angle=True, falls=True, steps=200) for lrs in ([0.001], [0.001, 0.3]))
    assert many["loss"][-1] < few["loss"][-1]


def test_in_the_counterexample_adams_defaults_go_left_and_the_papers_short_memory_right():
    ends = [
        lab.counterexample(adam, beta1=beta1, beta2=beta2)["p"][-1]
        for beta1, beta2 in ((0.9, 0.999), (0, 1 / 101), (0.9, 1 / 101))
    ]
    assert ends == pytest.approx([-1, 1, -1], abs=0.02)


def test_in_the_counterexample_going_left_is_right_on_average():
    slopes = [10.0 if t % 3 == 1 else -1.0 for t in range(1, 301)]
    assert np.mean(slopes) > 0
    ends = [lab.counterexample(rule, steps=1000)["p"][-1] for rule in (adam, amsgrad)]
    assert ends[0] > 0.9
    assert ends[1] < -0.9


def test_a_memory_of_many_periods_turns_adam_round():
    short, long = lab.memory(adam, [0.9, 0.9999], steps=3000)
    assert short > 0.9
    assert long < 0


def test_three_other_methods_lie_inside_adam():
    assert [last for _, last in lab.inside(adam).values()] == pytest.approx([1, 1, 1], abs=1e-6)
    assert [first for first, _ in lab.inside(adam).values()] == pytest.approx([1, 0.1, 10], rel=1e-6)


def test_only_blank_pixels_get_nan_from_a_misplaced_eps():
    from course_lib.problems import digits

    broken = lab.blank_pixels(lambda p, m, v, lr, eps: p - lr * m / np.sqrt(v) + eps, "x")
    lost = np.isnan(broken["weights"][-1])
    assert "NaN at step 2" in broken.stopped
    np.testing.assert_array_equal(lost.all(axis=1), np.ptp(digits.load().x_train, axis=0) == 0)
    np.testing.assert_allclose(np.abs(broken["weights"][-1][~lost]), 0.01, rtol=1e-5)


def test_the_explorer_computes_what_the_rules_do():
    shown = lab.compute(0.8, 0.99, 0.01)
    for rule, values in ((adam, shown.corrected), (lab.uncorrected, shown.without)):
        walked = lab.lengths(rule, 5000, beta1=0.8, beta2=0.99, eps=0.01)
        np.testing.assert_allclose(values, walked[shown.steps - 1], rtol=1e-9)
    assert lab.compute(0.9, 0.999, 1e-8).impulse.sum() == pytest.approx(lab.impulse(adam)[1], rel=1e-3)


def test_expm1_saves_what_the_difference_loses():
    plain, careful = lab.correction_error()
    assert plain > 50 * careful
