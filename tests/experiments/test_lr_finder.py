"""Lesson 09 against theory: where the curve turns, what a schedule in a sweep is, and the loop that counts epochs."""

import numpy as np
import pytest
from scipy.integrate import quad

from course_lib import schedules
from course_lib.exercises import lr_finder as ex
from course_lib.experiments import lr_finder as lab
from course_lib.experiments import one_cycle
from course_lib.experiments.quadratics import spectrum
from course_lib.lr_finder import find_lr
from course_lib.problems import quadratic
from course_lib.rules import momentum, sgd

range_test = ex.range_test.reference


def test_a_direction_is_back_at_its_start_where_the_integral_of_its_shrinking_is_zero():
    back = 2 * lab.back_again()
    gained = quad(lambda x: np.log(abs(1 - x)) / x, 0, 1)[0] + quad(lambda x: np.log(abs(1 - x)) / x, 1, 2)[0]
    assert gained == pytest.approx(-(np.pi**2) / 4, abs=1e-6)
    assert gained + quad(lambda x: np.log(x - 1) / x, 2, back)[0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("steps", [1000, 3000])
def test_the_sum_over_a_sweep_crosses_zero_there_however_many_steps_it_has(steps):
    lrs = np.geomspace(1e-4, 10, steps)
    errors = ex.log_error.reference(lrs, 50.0)
    first = lrs[np.flatnonzero((lrs * 50 > 2) & (errors > 0))[0]]
    assert first * 25 == pytest.approx(lab.back_again(), rel=0.02)


def test_the_students_test_and_the_librarys_finder_see_the_same_curve():
    mine = lab.valley(range_test, kappa=100)
    library = find_lr(sgd, quadratic(spectrum(100)), np.ones(50), steps=300, **lab.SWEEP)
    np.testing.assert_allclose(mine.lrs, library.lrs, rtol=1e-12)
    np.testing.assert_allclose(mine.smoothed, library.smoothed, rtol=1e-9)
    assert ex.suggest.reference(mine.lrs, mine.smoothed)[1] == pytest.approx(library.tenth)


def test_the_minimum_lies_a_little_before_the_steepest_direction_is_back():
    assert all(5 < ratio < lab.back_again() for ratio in lab.turning(range_test).values())


def test_a_test_that_begins_at_the_limit_has_its_minimum_there():
    assert lab.compute(0.9, 300, 0.5, 0.3).lowest < 1.2
    assert lab.compute(1e-3, 300, 0.5, 0.3).lowest > 5


def test_a_cycle_explodes_where_momentum_at_its_peak_has_its_limit():
    assert lab.compute(1e-3, 300, 1.85, 0.3).loss[-1] < 1e-3
    assert lab.compute(1e-3, 300, 2.1, 0.3).loss[-1] > 1


def test_the_explorers_test_is_the_library_s():
    shown = lab.compute(0.0025, 300, 1.0, 0.3)
    library = find_lr(sgd, quadratic(spectrum(50)), np.ones(50), lr_min=1e-4, lr_max=0.8, steps=300)
    np.testing.assert_allclose(shown.lrs, library.lrs * 25, rtol=1e-9)
    np.testing.assert_allclose(shown.smoothed, library.smoothed / library.smoothed[0], rtol=1e-6)


def test_a_schedule_in_a_sweep_gives_each_replica_its_own_rate_and_momentum():
    import torch

    lr, mu = np.array([[1.0, 0.5], [0.0, 2.0]]), np.array([[0.9, 0.8], [0.9, 0.7]])
    rule = one_cycle.scheduled(lr, mu, replicas=1)
    p = torch.ones(2, 1, 1)
    g, s = torch.ones(2, 1, 1), rule.init(p)
    for _ in range(2):
        p, s = rule.step(p, g, s, lr=torch.full((2, 1, 1), 0.1))
    walked = []
    for rates, momenta in zip(lr, mu, strict=True):
        q, state = 1.0, momentum.init(1.0)
        for rate, m in zip(rates, momenta, strict=True):
            q, state = momentum.step(q, 1.0, state, lr=0.1 * rate, momentum=m)
        walked.append(q)
    np.testing.assert_allclose(p.flatten().numpy(), walked, rtol=1e-6)


def test_the_exercises_are_the_librarys_warm_up_and_cycle():
    warm, plan = schedules.WarmUp(schedules.Linear(0.3, 50), 10), schedules.OneCycle(0.7, 80, pct_start=0.4)
    for t in range(60):
        assert ex.warmed.reference(t, 10, schedules.Linear(0.3, 50)) == pytest.approx(warm(t), rel=1e-12)
    for t in range(80):
        assert ex.one_cycle.reference(t, 80, 0.7, 0.4) == pytest.approx((plan(t), plan.momentum(t)), rel=1e-12)


def test_a_cycle_moved_once_an_epoch_hardly_leaves_its_start_and_the_trace_says_why():
    per_epoch = ex.mended_loop.mistakes[0].fn
    broken = lab.looped(per_epoch, "broken", epochs=3)
    assert broken["lr"].max() < 0.05
    assert "Call scheduler.step() after every batch" in broken.diagnose()[0]
    mended = lab.looped(ex.mended_loop.reference, "mended", epochs=3)
    assert mended["lr"].max() == pytest.approx(1, abs=1e-6)
    assert mended.diagnose() == []


def test_a_cyclic_schedule_switches_momentum_on_unless_told_not_to():
    assert "CyclicLR switched it on" in lab.switched_on()[0]
    assert lab.switched_on(cycle_momentum=False) == []


def test_the_lead_is_taken_over_the_better_of_the_two_others_where_it_is_largest():
    table = {30: {"constant": 0.9, "linear fall": 0.8, "one cycle": 0.85}}
    table[60] = {"constant": 0.9, "linear fall": 0.95, "one cycle": 0.97}
    assert lab.lead(table) == pytest.approx(0.02)
