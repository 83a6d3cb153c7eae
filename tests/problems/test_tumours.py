"""The tumours: a gradient and a curvature that belong to the loss, and a minimum that is one."""

import numpy as np
import pytest

from course_lib.problems import tumours


@pytest.fixture(scope="module")
def problem():
    x, benign = tumours.measured()
    return tumours.logistic((x - x.mean(axis=0)) / x.std(axis=0), benign)


def test_the_measurements_come_in_all_units():
    x, benign = tumours.measured()
    assert x.shape == (569, 30)
    assert set(benign) == {0, 1}
    means = x.mean(axis=0)
    assert means.min() < 0.004
    assert means.max() > 800


def test_gradient_and_curvature_are_slopes_of_the_loss(problem):
    p, way = (np.random.default_rng(seed).standard_normal(31) for seed in (0, 1))
    h = 1e-5
    slope = (problem.loss(p + h * way) - problem.loss(p - h * way)) / (2 * h)
    bend = (problem.grad(p + h * way) - problem.grad(p - h * way)) / (2 * h)
    assert problem.grad(p) @ way == pytest.approx(slope, rel=1e-7)
    np.testing.assert_allclose(problem.curvature(p) @ way, bend, rtol=1e-6, atol=1e-8)


def test_several_weights_at_once_are_each_by_itself(problem):
    p = np.random.default_rng(0).standard_normal((3, 31))
    np.testing.assert_allclose(problem.loss(p), [problem.loss(row) for row in p])
    np.testing.assert_allclose(problem.grad(p), [problem.grad(row) for row in p])


@pytest.mark.parametrize("standardised", [True, False])
def test_newton_ends_where_no_loss_is_left_to_gain(problem, standardised):
    mine = problem if standardised else tumours.logistic(*tumours.measured())
    p = tumours.newton(mine)
    assert mine.grad(p) @ np.linalg.solve(mine.curvature(p), mine.grad(p)) / 2 < 1e-15
    assert np.linalg.eigvalsh(mine.curvature(p)).min() > 0


def test_huge_margins_do_no_harm(problem):
    p = np.full(31, 1e4)
    assert np.isfinite(problem.loss(p))
    assert np.all(np.isfinite(problem.grad(p)))
