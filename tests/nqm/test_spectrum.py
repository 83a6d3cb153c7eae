"""Spectra: what they sum to, whole and compressed, and what they refuse."""

import math

import numpy as np
import pytest

from course_lib.nqm import compress, expected_loss, harmonic, power_law, precondition, spectrum
from course_lib.nqm.spectrum import gauss_indices, gram


@pytest.mark.parametrize(("dimension", "loss"), [(100, 2.594), (1000, 3.743), (10**4, 4.894)])
def test_the_initial_loss_of_the_papers_spectrum(dimension, loss):
    assert harmonic(dimension).initial_loss == pytest.approx(loss, abs=5e-4)


def test_a_million_million_coordinates_sum_to_the_harmonic_number():
    problem = harmonic(10**12)
    assert len(problem.h) < 1000
    assert problem.initial_loss == pytest.approx((math.log(1e12) + np.euler_gamma + 0.5e-12) / 2, rel=1e-14)
    assert problem.weight.sum() == pytest.approx(1e12, rel=1e-13)


@pytest.mark.parametrize("count", [20, 1000, 2**30])
def test_a_rule_of_n_nodes_sums_polynomials_of_degree_2n_minus_1(count):
    at, weight = gram(count, 4)
    middle = at - (count - 1) / 2
    assert weight @ middle**7 == pytest.approx(0.0, abs=1e-9 * float(count) ** 8)
    power2 = count * (count**2 - 1) / 12
    assert weight @ middle**2 == pytest.approx(power2, rel=1e-12)
    if count < 2000:
        exact = np.sum((np.arange(count) - (count - 1) / 2) ** 6)
        assert weight @ middle**6 == pytest.approx(exact, rel=1e-12)
        assert weight @ middle**8 != pytest.approx(np.sum((np.arange(count) - (count - 1) / 2) ** 8), rel=1e-6)


def test_the_head_and_short_blocks_are_kept_as_they_are():
    index, weight = gauss_indices(100, 32, 16)
    np.testing.assert_array_equal(index[:31], np.arange(1, 32))
    np.testing.assert_array_equal(weight[:31], 1)
    index, weight = gauss_indices(70, 32, 40)
    np.testing.assert_array_equal(index, np.arange(1, 71))


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_the_error_bounds_what_compression_does_to_sgd(exponent):
    whole = power_law(20_000, exponent, compress=False)
    few = compress(whole, head=32, nodes=6)
    assert few.compressed
    assert 1e-13 < few.error < 1e-2
    steps = [1, 10, 100, 1000, 10**4]
    of_start = [expected_loss(p, steps, lr=0.01, batch_size=1e300) for p in (few, whole)]
    assert np.max(np.abs(of_start[0] / of_start[1] - 1)) < 3 * few.error
    assert whole.error == 0.0


def test_compression_costs_no_digit_of_sgd_and_ema_by_default():
    whole, few = harmonic(10**4), harmonic(10**4, compress=True)
    assert len(few.h) < 360
    for method, more in (("sgd", {}), ("ema", {"decay": 0.999})):
        got, want = (expected_loss(p, [1, 100, 10**5], method=method, lr=0.3, **more) for p in (few, whole))
        np.testing.assert_allclose(got, want, rtol=1e-13)


def test_preconditioning_keeps_the_loss_and_compression_commutes_with_it():
    problem = harmonic(10**4, mean=0.3)
    changed = precondition(problem, 0.5)
    assert changed.initial_loss == pytest.approx(problem.initial_loss, rel=1e-14)
    a, b = compress(changed), precondition(compress(problem), 0.5)
    for name in ("h", "c", "variance", "mean", "weight"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-14)
    np.testing.assert_allclose(precondition(problem, 1.0).h, 1.0)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: harmonic(0), "dimension is 0; allowed is an integer from 1"),
        (lambda: harmonic(2.5), "dimension is 2.5; allowed is an integer"),
        (lambda: harmonic(10**9, compress=False), "allowed is an integer from 1 to 1e\\+08 without compression"),
        (lambda: power_law(5, -1), "exponent is -1; allowed is a finite number from 0"),
        (lambda: harmonic(5, variance=-1.0), "variance is -1.0; allowed is a finite number >= 0"),
        (lambda: harmonic(5, mean=math.nan), "mean is nan; allowed is a finite number"),
        (lambda: spectrum([], []), "h has shape \\(0,\\); allowed is one axis"),
        (lambda: spectrum([1.0, 2.0], [1.0]), "c has shape \\(1,\\); allowed is that of h, \\(2,\\)"),
        (lambda: spectrum([1.0, math.nan], 1.0), "h\\[1\\] is nan; allowed is a finite number > 0"),
        (lambda: spectrum([1.0, 0.0], 1.0), "h\\[1\\] is 0.0; allowed is a finite number > 0"),
        (lambda: spectrum([1.0], [-1.0]), "c\\[0\\] is -1.0; allowed is a finite number >= 0"),
        (lambda: spectrum("high", 1.0), "h is 'high'; allowed is an array of numbers"),
        (lambda: precondition(harmonic(5), math.inf), "power is inf; allowed is a finite number"),
        (lambda: precondition(harmonic(5), 1000), "power is 1000; allowed is one that keeps every curvature"),
        (lambda: precondition(harmonic(5), -1000), "power is -1000; allowed is one that keeps every curvature"),
        (lambda: precondition([1.0], 0.5), "problem is a list; allowed is a Spectrum"),
        (lambda: compress(harmonic(5), head=3), "head is 3; allowed is a power of two"),
        (lambda: compress(harmonic(5), nodes=1), "nodes is 1; allowed is an integer from 2"),
    ],
)
def test_bad_input_is_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
