"""Lesson 13: formulas against steps and runs, and searches that end by themselves or by a sentence."""

import math

import numpy as np
import pytest

from course_lib.exercises import noisy_quadratic as ex
from course_lib.experiments import noisy_model as lab
from course_lib.experiments.noisy_runs import runs
from course_lib.nqm import expected_loss, precondition

variance_step, variance_after = ex.variance_step.reference, ex.variance_after.reference
first_step, recurrence = ex.first_step.reference, ex.recurrence.reference


def test_the_closed_form_is_the_step_many_times():
    assert lab.recursion_gap(variance_step, variance_after, steps=300) < 1e-11


def test_the_students_formula_is_the_engines_loss():
    for t in (0, 1, 17, 100_000):
        exact = expected_loss(lab.MODEL, t, lr=0.7, batch_size=3)
        assert lab.loss_at(variance_after, 0.7, 3, lab.MODEL)(t) == pytest.approx(exact, rel=1e-12)


def test_runs_of_sgd_are_within_four_standard_errors_and_would_tell_another_noise():
    right, wrong = (lab.beside(lambda t, v, lr, h, c, b, k=k: variance_after(t, v, lr, h, c, k * b)) for k in (1, 2))
    assert max(one.furthest for one in right) < 4 < max(one.furthest for one in wrong)
    assert len(runs(1.0, 4).loss) == 601


def test_the_mean_of_a_cloud_decays_from_its_start_and_its_variance_is_the_closed_form():
    at_zero, off = lab.cloud(0.0), lab.cloud(2.0)
    assert at_zero.furthest < 4
    assert off.furthest < 4
    np.testing.assert_allclose(at_zero.variance, off.variance, atol=1e-12)
    exact = variance_after(np.arange(101), 1.0, 0.05, 1.0, 1.0, 1)
    assert np.all(np.abs(off.variance / exact - 1) < 4 * np.sqrt(2 / 4000))


@pytest.mark.parametrize(("method", "second"), [("heavy_ball", 0.99), ("nesterov", 0.9), ("ema", 0.98)])
def test_three_moments_give_the_engines_loss(method, second):
    assert lab.recurrence_gap(recurrence, method, second, lr=0.05) < 1e-10
    bent = lab.recurrence_gap(
        lambda m, x, s: (recurrence(m, x, s)[0], 0.999 * recurrence(m, x, s)[1]), method, second, 0.05
    )
    assert bent > 1e-6


def test_a_preconditioner_is_the_engines():
    exact = precondition(lab.MODEL, 0.3)
    h, c, variance = ex.preconditioned.reference(lab.MODEL.h, lab.MODEL.c, lab.MODEL.variance, 0.3)
    for mine, its in ((h, exact.h), (c, exact.c), (variance, exact.variance)):
        np.testing.assert_allclose(mine, its, rtol=1e-13)


def test_a_student_who_forgets_to_transform_the_noise_gets_another_number_of_steps():
    forgets = lab.methods(lambda h, c, v, p: (h ** (1 - p), c, v * h**p))["half"].answer.steps
    assert forgets < lab.methods()["half"].answer.steps == 500


def test_the_search_with_ones_own_functions_finds_the_engines_steps():
    found = lab.search(variance_after, first_step)
    again = lab.refined(found, lambda lrs: lab.search(variance_after, first_step, lrs))
    assert again.best[0] == lab.tuned().answer.steps == 1658
    assert math.isinf(found.steps[-1])


def test_an_arange_with_a_count_for_its_step_has_one_rate():
    lrs = np.arange(0.001, 1.99, 1000)
    assert set(lab.best_rates(lrs, variance_after, first_step).lr) == {0.001}


def test_bisection_misses_the_first_passage_of_a_wave():
    passages = lab.wave(first_step)
    assert np.all(passages.loss[: passages.first - 1] > passages.target)
    assert passages.loss[passages.first - 1] <= passages.target
    assert passages.loss[passages.found - 1] <= passages.target
    assert passages.found > 5 * passages.first


def test_eigenvectors_in_single_precision_lose_the_answer_at_critical_damping():
    assert abs(lab.by_eigenvectors(np.float64)) < 1e-6
    assert abs(lab.by_eigenvectors(np.float32)) > 0.5


@pytest.mark.parametrize("name", ["numpy", "jax", "torch"])
def test_real_optimisers_have_the_expected_loss(name, real):
    assert real[name].furthest < 4


@pytest.fixture(scope="module")
def real():
    return lab.three_ways("cpu", steps=60, replicas=100)


def test_more_dimensions_cost_no_more_time_to_search():
    rows = lab.dimensions()
    assert [d for d, _, _ in rows] == [10**4, 10**8, 10**12]
    assert [answer.steps for _, answer, _ in rows] == sorted(answer.steps for _, answer, _ in rows)


def test_the_explorer_shows_the_steps_that_the_lesson_names():
    shown = lab.compute(16, 0.9, 0.0, 0.1)
    assert (shown.answer.steps, shown.plain.steps) == (1536, 1658)
    assert shown.bound < shown.answer.steps
    assert np.isfinite(shown.loss).all()
    assert lab.compute(16, 0.0, 0.5, 0.1).answer.steps == 500


# ---- searches that do not end


def stuck(loss_at, target_loss):
    low, high = 0, 10**20
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if loss_at(middle) <= target_loss else (middle, high)
    return high


def counting(loss_at, target_loss):
    t = 1
    while loss_at(t) > target_loss:
        t += 1
    return t


def blind(loss_at, target_loss):
    high = 1
    while loss_at(high) > target_loss:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if loss_at(middle) <= target_loss else (middle, high)
    return high


@pytest.mark.parametrize(
    ("fn", "says"),
    [(stuck, "`low = middle` changes nothing"), (counting, "you count up"), (blind, "Look at the floor")],
)
def test_a_search_that_does_not_end_is_ended_by_a_sentence(fn, says):
    verdict = ex.first_step.check(fn)
    assert verdict.state == "wrong"
    assert says in verdict.says


def test_a_search_that_gives_up_at_a_huge_step_is_right():
    def first_step(loss_at, target_loss):
        high = 1
        while loss_at(high) > target_loss:
            high *= 2
            if high > 1e30:
                return np.inf
        return ex.first_step.reference(loss_at, target_loss)

    assert ex.first_step.check(first_step).right


def test_a_variance_after_t_steps_by_a_loop_is_refused():
    def variance_after(t, v, lr, h, c, batch_size):
        for _ in range(t):
            v = variance_step(v, lr, h, c, batch_size)
        return v

    verdict = ex.variance_after.check(variance_after)
    assert "`for _ in range(t):`" in verdict.says
    assert "t=inf" in verdict.first_off


def test_a_target_that_hides_the_loss_is_told_at_its_own_line():
    def first_step(loss_at, loss):
        return loss_at if loss(1) <= loss else 1

    assert "'float' object is not callable" in ex.first_step.check(first_step).says
