"""The bounds on steps: the Bayes estimate's loss, and the paper's approximation of it."""

import numpy as np
import pytest

from course_lib.nqm.bounds import bayes_bound, bayes_loss, paper_bound
from course_lib.nqm.spectrum import harmonic, precondition, spectrum


@pytest.fixture(scope="module")
def problem():
    return harmonic(10_000)


def test_the_bounds_at_ten_thousand_dimensions(problem):
    assert bayes_bound(problem, 0.01, 1) == pytest.approx(495_016.17, abs=0.01)
    assert paper_bound(problem, 0.01, 1) == 500_000


def test_the_loss_at_the_bound_is_the_target(problem):
    for batch_size in (1, 16, 2**19):
        steps = bayes_bound(problem, 0.01, batch_size)
        assert bayes_loss(problem, steps, batch_size) == pytest.approx(0.01, rel=1e-12)


def test_the_bayes_estimate_is_the_mean_of_what_was_seen():
    rng, h, c, variance = np.random.default_rng(0), 0.5, 2.0, 3.0
    p = np.sqrt(variance) * rng.standard_normal(200_000)
    seen = p + np.sqrt(c / 4 / 7) / h * rng.standard_normal(p.size)  # the mean of g/h over 7 batches of 4
    known = 7 * 4 * h**2 / c
    losses = h / 2 * (seen * known / (known + 1 / variance) - p) ** 2
    error = losses.std() / np.sqrt(p.size)
    assert bayes_loss(spectrum([h], [c], variance), 7, 4) == pytest.approx(losses.mean(), abs=4 * error)


def test_preconditioning_does_not_move_the_bound(problem):
    assert bayes_bound(precondition(problem, 0.5), 0.01, 8) == pytest.approx(bayes_bound(problem, 0.01, 8), rel=1e-10)


def test_without_noise_or_without_uncertainty_one_batch_says_all():
    assert bayes_loss(spectrum([1.0, 0.1], [0.0, 0.0]), 1, 1) == 0
    assert bayes_bound(spectrum([1.0, 0.1], [0.0, 0.0]), 0.01, 1) == 0
    assert bayes_bound(spectrum([1.0, 0.1], [1.0, 1.0], variance=0.0, mean=2.0), 0.01, 1) == 0
    assert bayes_bound(spectrum([1e-170, 1.0], [0.0, 1.0]), 0.1, 1) == pytest.approx(4.0)  # h^2 is zero in float64


def test_a_target_above_the_initial_loss_takes_no_step(problem):
    assert bayes_bound(problem, 100.0, 1) == 0


@pytest.mark.parametrize("bound", [bayes_bound, paper_bound])
@pytest.mark.parametrize(
    ("target", "batch_size", "sentence"),
    [
        (0.0, 1, "target is 0; allowed is a finite number > 0"),
        (float("nan"), 1, "target is nan"),
        ("low", 1, "target is 'low'"),
        (0.01, -1, "batch_size is -1; allowed is a finite number > 0"),
        (0.01, None, "batch_size is nan"),
        (0.01, [1, 2], r"batch_size has shape \(2,\); allowed is one number"),
    ],
)
def test_a_wrong_argument_is_one_sentence(problem, bound, target, batch_size, sentence):
    with pytest.raises(ValueError, match=sentence):
        bound(problem, target, batch_size)


@pytest.mark.parametrize("bound", [bayes_bound, paper_bound])
def test_a_list_is_no_problem(bound):
    with pytest.raises(ValueError, match="problem is a list; allowed is a Spectrum"):
        bound([1.0], 0.1, 1)


def test_a_target_out_of_reach_is_said(problem):
    with pytest.raises(ValueError, match="target is 1e-14; no method reaches it"):
        bayes_bound(problem, 1e-14, 1)
