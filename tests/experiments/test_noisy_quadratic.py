"""The claims that the figures of the noisy quadratic model carry, two of them often taught wrongly."""

import numpy as np
import pytest

from course_lib.experiments import noisy_quadratic as lab
from course_lib.nqm.spectrum import harmonic, precondition

FEW = (1.0, 16.0, 2.0**19)  # all noise, nearly all noise, no noise


@pytest.fixture(scope="module")
def sgd():
    return lab.tuned(batch_sizes=FEW)


def test_a_large_rate_is_fast_and_ends_at_a_high_floor():
    fast, *_, slow = lab.curves()
    assert fast.loss[-1] == pytest.approx(fast.floor, rel=1e-6)
    assert np.interp(1e4, fast.steps, fast.loss) < 0.1 * np.interp(1e4, slow.steps, slow.loss)
    assert [run.floor for run in lab.curves()] == sorted((run.floor for run in lab.curves()), reverse=True)
    assert fast.floor > 1000 * slow.floor


def test_the_critical_batch_size_grows_as_the_target_tightens():
    found = {target: lab.critical(target=target) for target in (0.1, 0.01, 0.001)}
    assert found[0.1] == pytest.approx(122, abs=1)
    assert found[0.01] == pytest.approx(903, abs=1)
    assert found[0.001] > 7000


def test_curves_of_all_targets_have_one_shape():
    def shape(target):
        curve = lab.tuned(
            target=target, batch_sizes=lab.critical(target=target) * np.array([2.0**-7, 0.25, 1, 4, 2**20])
        )
        return curve.steps / curve.steps[-1]

    np.testing.assert_allclose(shape(0.1), shape(0.001), rtol=0.15)


@pytest.mark.parametrize("power", [0.0, 0.25, 0.5, 0.75])
def test_a_fixed_preconditioner_has_lr_proportional_to_the_batch_size_then_flat(power):
    problem = precondition(lab.PAPER, power)
    small = lab.tuned(problem, batch_sizes=2.0 ** np.arange(5))
    large = lab.tuned(problem, batch_sizes=2.0 ** np.arange(30, 33))
    assert lab.slope(small) == pytest.approx(1.0, abs=0.05)
    assert abs(lab.slope(large)) < 0.01
    assert 1.5 < large.lr[-1] <= 2 / (problem.h.max() + problem.h.min()) * 1.001


def test_adam_has_lr_proportional_to_the_root_of_the_batch_size():
    found = lab.adaptive((1, 2, 4, 8), replicas=64)
    assert lab.slope(found.adam) == pytest.approx(0.5, abs=0.1)
    assert lab.slope(found.fixed) == pytest.approx(1.0, abs=0.05)
    np.testing.assert_allclose(found.adam.lr * np.sqrt(found.adam.batch_sizes), found.fixed.lr, rtol=0.2)
    np.testing.assert_allclose(found.adam.steps, found.fixed.steps, rtol=0.05)


def test_adam_out_of_reach_is_said():
    with pytest.raises(RuntimeError, match=r"reaches 0\.05 in 5 steps"):
        lab.best_adam(harmonic(10), 0.05, 1, 0.01, most=5, replicas=4)


def test_momentum_of_0_9_does_not_help_at_small_batches_and_tuned_it_does(sgd):
    fixed = lab.tuned(method="heavy_ball", momentum=0.9, batch_sizes=FEW)
    free = lab.tuned(method="heavy_ball", batch_sizes=FEW)
    assert fixed.steps[0] / sgd.steps[0] == pytest.approx(1.0, abs=0.005)
    assert fixed.effective_lr[:2] == pytest.approx(sgd.lr[:2], rel=0.05)
    assert free.steps[:2] / sgd.steps[:2] == pytest.approx(0.86, abs=0.02)
    assert fixed.steps[2] < sgd.steps[2] / 5
    assert free.steps[2] < fixed.steps[2] / 2
    assert (1 - free.momentum[0]) * free.steps[0] == pytest.approx(8, rel=0.5)


def test_an_average_helps_at_small_batches_only(sgd):
    average = lab.tuned(method="ema", batch_sizes=FEW)
    assert sgd.steps[0] / average.steps[0] == pytest.approx(6.9, abs=0.1)
    assert average.steps[2] == pytest.approx(sgd.steps[2], rel=0.01)
    assert lab.critical(method="ema") == pytest.approx(130, abs=2)


def test_a_schedule_closes_most_of_the_gap_at_small_batches_and_none_at_large_ones():
    found = lab.gap(FEW)
    closed = np.log(found.constant / found.scheduled) / np.log(found.constant / found.bound)
    assert closed[0] > 0.8
    assert closed[1] > 0.75
    assert closed[2] < 0.01


def test_schedules_stay_at_the_cap_the_longer_the_larger_the_batch():
    waits = [np.mean(best(np.arange(best.steps)) > 0.99 * best.cap) for best in lab.schedules().values()]
    assert waits == sorted(waits)
    assert waits[0] == 0
    assert waits[-1] > 0.9
