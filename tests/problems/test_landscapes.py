"""Functions with the values, the slopes and the minima that the books give."""

import numpy as np
import pytest

from course_lib.problems import himmelblau, quadratic, rosenbrock

PROBLEMS = {
    "quadratic": lambda sigma=0.0: quadratic([1.0, 50.0], sigma),
    "rosenbrock": rosenbrock,
    "himmelblau": himmelblau,
}
problems = pytest.mark.parametrize("make", PROBLEMS.values(), ids=PROBLEMS)


@pytest.mark.parametrize(
    ("problem", "p", "value"),
    [
        (quadratic([1.0, 50.0]), [2.0, 0.2], 3.0),
        (quadratic([4.0]), [3.0], 18.0),
        (rosenbrock(), [-1.2, 1.0], 24.2),
        (rosenbrock(), [0.0, 0.0], 1.0),
        (himmelblau(), [0.0, 0.0], 170.0),
        (himmelblau(), [3.0, 2.0], 0.0),
    ],
)
def test_a_value_by_hand(problem, p, value):
    assert problem.f(np.array(p)) == pytest.approx(value)


@problems
def test_the_gradient_is_the_slope(make):
    problem = make()
    for p in np.random.default_rng(0).uniform(-2, 2, (20, 2)):
        steps = 1e-6 * np.eye(2)
        slope = (problem.f(p + steps) - problem.f(p - steps)) / 2e-6
        np.testing.assert_allclose(problem.exact(p), slope, rtol=1e-6, atol=1e-5)


@problems
def test_at_a_minimum_value_and_slope_are_zero_and_around_it_the_value_is_larger(make):
    problem = make()
    for minimum in problem.minima:
        assert problem.f(minimum) == pytest.approx(0, abs=1e-9)
        np.testing.assert_allclose(problem.exact(minimum), 0, atol=1e-4)
        around = minimum + 0.1 * np.random.default_rng(0).standard_normal((50, 2))
        assert np.all(problem.f(around) > problem.f(minimum))


def test_himmelblau_has_four_minima():
    assert len(np.unique(himmelblau().minima, axis=0)) == 4


@problems
def test_many_points_are_evaluated_at_once(make):
    problem, points = make(), np.random.default_rng(0).standard_normal((3, 4, 2))
    assert problem.f(points).shape == (3, 4)
    assert problem.exact(points).shape == (3, 4, 2)
    assert problem.f(points)[2, 1] == pytest.approx(problem.f(points[2, 1]))
    np.testing.assert_allclose(problem.exact(points)[2, 1], problem.exact(points[2, 1]))


@problems
def test_the_start_and_the_minima_are_inside_the_view(make):
    problem = make()
    left, right, low, high = problem.view
    for x, y in [problem.start, *problem.minima]:
        assert left <= x <= right
        assert low <= y <= high


@problems
def test_a_generator_adds_noise_of_the_deviation_sigma(make):
    problem, points = make(sigma=0.5), np.tile([0.5, 0.5], (20_000, 1))
    noise = problem.grad(points, np.random.default_rng(0)) - problem.exact(points)
    assert noise.std(axis=0) == pytest.approx(0.5, rel=0.03)
    assert noise.mean(axis=0) == pytest.approx(0, abs=0.015)


@problems
def test_without_a_generator_or_without_sigma_the_gradient_is_exact(make):
    p = np.array([0.5, 0.5])
    assert np.array_equal(make(sigma=0.5).grad(p), make().exact(p))
    assert np.array_equal(make().grad(p, np.random.default_rng(0)), make().exact(p))


@pytest.mark.parametrize("h", [3.0, [[1.0, 0.0], [0.0, 1.0]], [1.0, np.nan], [np.inf]])
def test_a_bad_curvature_is_refused(h):
    with pytest.raises(ValueError, match=r"h is .*; allowed is a list of finite curvatures, such as \[1.0, 50.0\]"):
        quadratic(h)


@pytest.mark.parametrize("d", [1, 3])
def test_a_quadratic_has_as_many_dimensions_as_curvatures(d):
    problem = quadratic(range(1, d + 1))
    assert problem.start.shape == (d,)
    assert problem.minima.shape == (1, d)
