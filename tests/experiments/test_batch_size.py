"""Lesson 14: the experiments against closed forms and limits."""

import numpy as np
import pytest

from course_lib import nqm
from course_lib.exercises.batch_size import bayes_loss, fit_ends, noise_parts
from course_lib.experiments import batch_size as lab


@pytest.fixture(scope="module")
def steps():
    return lab.methods()


def test_no_method_beats_the_bayes_bound(steps):
    assert len(steps) == 6
    for name, line in steps.items():
        assert np.all(line >= steps["Bayes bound"]), name


def test_the_students_bound_is_the_librarys():
    assert lab.bound(bayes_loss.reference) == pytest.approx(nqm.bayes_bound(lab.PAPER, 0.01, 1), rel=1e-6)


def test_the_fit_finds_the_ends_of_an_exact_curve():
    batch_sizes = np.array([1.0, 8, 64, 512])
    assert fit_ends.reference(batch_sizes, 20 + 3000 / batch_sizes) == pytest.approx([20, 3000])


def test_a_fit_by_scipys_search_is_right():
    from scipy.optimize import curve_fit, least_squares

    line = lambda b, s_min, e_min: s_min + e_min / b  # noqa: E731
    assert fit_ends.check(lambda B, T: curve_fit(line, B, T, sigma=T)[0]).right
    assert fit_ends.check(lambda B, T: least_squares(lambda x: line(B, *x) / T - 1, [T.min(), T.max()]).x).right


def test_two_batches_give_what_the_library_gives():
    estimate = nqm.two_batch_noise_scale(3.0, 1.2, 16, 256)
    assert noise_parts.reference(3.0, 1.2, 16, 256) == pytest.approx((estimate.norm_sq, estimate.trace))


@pytest.mark.parametrize("batch_size", [1, 16])
def test_adams_v_is_the_variance_of_the_noise(batch_size):
    assert np.median(lab.second_moment(batch_size)) == pytest.approx(1, abs=0.05)


def test_the_explorers_table_is_exact_at_its_targets(steps):
    setting = lab.compute(0.01, "SGD")
    assert setting.steps == pytest.approx(steps["SGD"])


def test_an_interpolated_target_is_near_its_own_search():
    wanted = lab.tuned(target=0.02, batch_sizes=(1, 256, 65_536)).steps
    assert lab.compute(0.02, "SGD").steps[[0, 4, 8]] == pytest.approx(wanted, rel=0.03)


def test_stacked_nets_take_the_steps_of_single_ones():
    both = lab.digits_steps(64, lrs=(1.0, 2.0), seeds=(0, 1))
    for i, lr in enumerate((1.0, 2.0)):
        for j, seed in enumerate((0, 1)):
            assert both[i, j] == lab.digits_steps(64, lrs=(lr,), seeds=(seed,))[0, 0]


def test_a_rate_beyond_the_edge_never_arrives():
    assert np.isinf(lab.digits_steps(64, lrs=(0.001, 100.0), seeds=(0,))).all()


def test_the_estimate_agrees_with_every_examples_gradient():
    noise = lab.noise_along(noise_parts.reference, stops=(0, 20), draws=60)
    assert noise.estimated == pytest.approx(noise.exact, rel=0.25)
    assert noise.exact[1] > noise.exact[0]
