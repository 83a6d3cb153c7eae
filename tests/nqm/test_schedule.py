"""Optimal schedules: exact gradients, optima that no other way beats, and the fewest steps to a target."""

import numpy as np
import pytest

from course_lib.nqm import adjoint, schedule
from course_lib.nqm.bounds import bayes_bound
from course_lib.nqm.piecewise import scheduled_loss
from course_lib.nqm.schedule import optimal_schedule
from course_lib.nqm.simulate import simulate
from course_lib.nqm.spectrum import harmonic, power_law, precondition, spectrum
from course_lib.rules import sgd


@pytest.fixture(scope="module")
def problem():
    return harmonic(10_000)


@pytest.fixture(scope="module")
def small():
    return harmonic(1000)


def brute_force(problem, best, batch_size):
    """Expected loss by one line a step on every coordinate."""
    v = problem.variance + problem.mean**2
    for lr in best(np.arange(best.steps)):
        v = (1 - lr * problem.h) ** 2 * v + lr**2 * problem.c / batch_size
    return np.sum(problem.h * v) / 2


@pytest.mark.parametrize("batch_size", [1, 16, 2**12])
def test_the_loss_is_that_of_the_recurrence_on_the_whole_spectrum(problem, batch_size):
    best = optimal_schedule(problem, batch_size=batch_size, steps=333)
    assert best.steps == 333
    assert best.loss == pytest.approx(brute_force(problem, best, batch_size), rel=1e-12)


def test_the_loss_is_that_of_the_exact_dynamics(problem):
    best = optimal_schedule(problem, batch_size=16, target=0.01)
    pieces = list(zip(best.lengths.tolist(), best.lr.tolist(), strict=True))
    assert best.loss == pytest.approx(scheduled_loss(problem, pieces, batch_size=16)[-1], rel=1e-11)


def test_a_start_away_from_zero_counts():
    problem = spectrum([1.0, 0.3, 0.1], [1.0, 0.5, 2.0], variance=[1.0, 0.0, 2.0], mean=[0.0, 3.0, -1.0])
    best = optimal_schedule(problem, batch_size=4, steps=25, pieces=7)
    assert best.loss == pytest.approx(brute_force(problem, best, 4), rel=1e-12)


def test_the_derivatives_are_those_of_finite_differences(small):
    case = adjoint.case_of(small, 16)
    z, lengths, step = np.log([1.99, 0.7, 0.2, 0.05]), np.array([40.0, 39.5, 41.0, 3.0]), 1e-5
    found = adjoint.loss_of(case, z, lengths)
    for j, e in enumerate(step * np.eye(4)):
        numeric = adjoint.loss_of(case, z + e, lengths).value - adjoint.loss_of(case, z - e, lengths).value
        assert found.by_log_lr[j] == pytest.approx(numeric / (2 * step), rel=1e-6)
    longer, shorter = (adjoint.loss_of(case, z, lengths * np.exp(s)).value for s in (step, -step))
    assert found.by_log_steps == pytest.approx((longer - shorter) / (2 * step), rel=1e-6)


def test_no_pair_of_rates_on_a_fine_grid_is_better():
    problem = spectrum([1.0, 0.2], [1.0, 0.2])
    best = optimal_schedule(problem, batch_size=8, steps=40, pieces=2)
    lr = np.geomspace(0.01, best.cap, 400)
    first, second = lr[:, None, None], lr[:, None]
    v = np.ones(2)
    for rate in (first, second):
        x = rate * problem.h
        keep, q = (1 - x) ** 40, rate * problem.c / (8 * problem.h * (2 - x))
        v = keep * v + q * (1 - keep)
    lowest = np.min(np.sum(problem.h * v, axis=-1) / 2)
    assert lowest * (1 - 1e-3) < best.loss <= lowest


@pytest.mark.parametrize(
    ("dimension", "target", "batch_size", "steps", "lr"),
    [(1000, 0.1, 16, 1658, 0.56), (1000, 0.1, 256, 355, 1.767), (10_000, 0.01, 16, 378_197, 0.0541)],
)
def test_one_piece_is_the_best_constant_rate(dimension, target, batch_size, steps, lr):
    best = optimal_schedule(harmonic(dimension), batch_size=batch_size, target=target, pieces=1)
    assert best.steps == steps
    assert best.lr == pytest.approx([lr], rel=0.01)


@pytest.mark.parametrize("power", [0.0, 0.5])
@pytest.mark.parametrize("batch_size", [1, 16, 256])
def test_rates_never_rise_and_stay_below_the_cap(problem, power, batch_size):
    transformed = precondition(problem, power)
    best = optimal_schedule(transformed, batch_size=batch_size, target=0.01)
    ends = transformed.h[[0, -1]]
    assert np.all(np.diff(best.lr) <= 1e-6 * best.lr[1:])
    assert best.lr.max() <= best.cap * (1 + 1e-12)
    assert best.cap == pytest.approx(2 / ends.sum(), rel=1e-12)


@pytest.mark.parametrize("batch_size", [1, 16, 256, 2**19])
def test_a_schedule_beats_the_constant_rate_and_not_the_bound(problem, batch_size):
    best = optimal_schedule(problem, batch_size=batch_size, target=0.01)
    constant = optimal_schedule(problem, batch_size=batch_size, target=0.01, pieces=1)
    assert bayes_bound(problem, 0.01, batch_size) < best.steps <= constant.steps
    gap = (best.steps, constant.steps)
    assert gap == {1: (775_712, 6_024_935), 16: (50_373, 378_197), 256: (8_933, 25_778)}.get(batch_size, gap)


def test_the_steps_are_the_fewest(small):
    for batch_size in (1, 16, 256):
        best = optimal_schedule(small, batch_size=batch_size, target=0.1)
        assert best.loss <= 0.1
        assert optimal_schedule(small, batch_size=batch_size, steps=best.steps - 1).loss > 0.1
        assert optimal_schedule(small, batch_size=batch_size, steps=best.steps).loss == pytest.approx(best.loss)


def test_equal_pieces_take_the_next_multiple(small):
    best = optimal_schedule(small, batch_size=16, target=0.1)
    equal = optimal_schedule(small, batch_size=16, target=0.1, equal=True)
    assert len(set(equal.lengths)) == 1
    assert best.steps <= equal.steps < best.steps + 50


def test_every_start_leads_to_one_optimum_where_pieces_are_long(problem):
    case, lengths = adjoint.case_of(problem, 16), np.full(50, 1000)
    losses = [schedule._descend(case, lengths, z)[0] for z in schedule._starts(case, lengths)]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-12)


def test_short_pieces_have_more_optima_and_the_best_is_not_monotone(problem):
    transformed = precondition(problem, 0.5)
    best = optimal_schedule(transformed, batch_size=2**19, steps=81)
    case = adjoint.case_of(transformed, 2**19)
    assert np.any(np.diff(best.lr) > 0.01)
    assert best.loss < schedule._descend(case, best.lengths, np.log([case.cap]) - 0.05)[0]


@pytest.mark.parametrize("steps", [1, 3, 49, 51, 120])
def test_pieces_are_whole_and_as_long_as_each_other(small, steps):
    best = optimal_schedule(small, batch_size=16, steps=steps)
    assert best.steps == steps
    assert len(best.lr) == min(50, steps)
    assert set(best.lengths) <= {max(1, steps // 50), steps // 50 + 1}


def test_a_schedule_is_a_function_of_the_step():
    best = schedule.Schedule(np.array([0.3, 0.2]), np.array([2, 3]), 0.0, 2.0)
    assert best(np.arange(7)).tolist() == [0.3, 0.3, 0.2, 0.2, 0.2, 0.2, 0.2]
    assert best(1) == 0.3


def test_the_library_s_sgd_follows_it():
    small = harmonic(200)
    best = optimal_schedule(small, batch_size=16, steps=60, pieces=6)
    run = simulate(small, sgd, lr=best, steps=60, batch_size=16, replicas=300, seed=1)
    assert run.loss[-1] == pytest.approx(best.loss, abs=4 * run.error[-1])


def test_a_trillion_dimensions_are_no_harder():
    best = optimal_schedule(harmonic(10**12), batch_size=16, target=0.01)
    assert bayes_bound(harmonic(10**12), 0.01, 16) < best.steps < 1e13


def test_other_spectra_and_one_coordinate_have_an_answer():
    assert optimal_schedule(power_law(1000, 1.5), batch_size=4, target=0.05).certified.startswith("reached")
    one = optimal_schedule(harmonic(1), batch_size=4, target=0.01)
    assert one.steps == 13  # the Bayes estimate's: 1/(1/1 + 4 T) / 2 <= 0.01
    noiseless = spectrum([1.0, 0.1], [0.0, 0.0])
    assert optimal_schedule(noiseless, batch_size=1, steps=10_000).loss == 0
    assert optimal_schedule(noiseless, batch_size=1, target=1e-9, pieces=3).steps == 46
    assert optimal_schedule(spectrum([1.0], [0.0]), batch_size=1, target=0.1).steps == 1  # to a loss of zero


def test_a_target_that_is_reached_already_takes_no_step(small):
    best = optimal_schedule(small, batch_size=16, target=10.0)
    assert (best.steps, best.loss) == (0, small.initial_loss)
    assert "before any step" in best.certified


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"target": 0.1, "batch_size": -4}, "batch_size is -4"),
        ({"batch_size": 4}, "steps is None and target None; allowed is one of them"),
        ({"target": 0.1, "steps": 5, "batch_size": 4}, "steps is 5 and target 0.1"),
        ({"target": -0.1, "batch_size": 4}, "target is -0.1; allowed is a finite number > 0"),
        ({"steps": 0, "batch_size": 4}, "steps is 0; allowed is a whole number from 1"),
        ({"steps": 2.5, "batch_size": 4}, "steps is 2.5"),
        ({"steps": 10, "batch_size": 4, "pieces": 0}, "pieces is 0"),
        ({"steps": 10**6, "batch_size": 4, "pieces": 10**5}, "pieces is 100000; allowed is a whole number from 1 to"),
        ({"steps": 75, "batch_size": 4, "equal": True}, "steps is 75; with equal=True allowed is a multiple"),
        ({"problem": [1.0], "steps": 5, "batch_size": 4}, "problem is a list; allowed is a Spectrum"),
        ({"target": 1e-15, "batch_size": 1}, "target is 1e-15; no method reaches it"),
    ],
)
def test_a_wrong_argument_is_one_sentence(small, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        optimal_schedule(**({"problem": small} | arguments))
