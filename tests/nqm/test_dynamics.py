"""Closed forms against 50 digits, by squaring the map of one coordinate's covariance, and against plain recurrences."""

import math
import re

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.nqm import METHODS, expected_loss, harmonic, precondition, scheduled_loss, spectrum

BUFFERED = METHODS[1:]
H, C = np.array([1.0, 0.3, 2e-3, 1e-7]), np.array([1.0, 0.5, 3.0, 1e-3])


def exact_loss(h, c, variance, mean, t, method, lr, second, batch_size):
    """E loss as an mpf, for arrays `h` and `c` and numbers otherwise; the second number is momentum or decay."""
    with mp.workdps(50):
        lr, second, batch_size = (mp.mpf(float(v)) for v in (lr, second, batch_size))
        start, gain = mp.mpf(float(variance)) + mp.mpf(float(mean)) ** 2, lr * (1 - second) if method == "ema" else lr
        total = mp.mpf(0)
        for hi, ci in zip(map(float, h), map(float, c), strict=True):
            d, noise = memory(*recurrence(method, lr * hi, second), int(t), second if "look" in method else 0)
            total += hi / mp.mpf(2) * (start * d**2 + gain**2 * mp.mpf(ci) / batch_size * noise)
        return total


def recurrence(method, x, second):
    if method == "sgd":
        return 1 - x, mp.mpf(0)
    if method == "heavy_ball":
        return 1 + second - x, second
    return ((1 - x) + second if method == "ema" else (1 + second) * (1 - x)), second * (1 - x)


def memory(a, b, t, ahead):
    step, kick = mp.matrix([[a, -b], [1, 0]]), mp.matrix([[1, 0], [0, 0]])
    power, noise = mp.eye(2), mp.zeros(2)
    for bit in f"{t:b}":
        noise, power = noise + power * noise * power.T, power * power
        if bit == "1":
            noise, power = step * noise * step.T + kick, step * power
    row = mp.matrix([[1 + ahead, -ahead]])
    return (row * power * mp.matrix([1, 1]))[0], (row * noise * row.T)[0]


def numbers(method, second):
    return {} if method == "sgd" else {"decay" if method == "ema" else "momentum": second}


def edge(method, second):
    """The lr at which h = 1 begins to diverge."""
    if method == "heavy_ball":
        return 2 * (1 + second)
    return 2 if method in ("sgd", "ema") else (2 + 2 * second) / (1 + 2 * second)


def worst_error(cases, starts=((1.0, 0.0), (0.0, 0.0), (0.3, 0.5))):
    """The largest relative error over cases (method, t, lr, second) and initial (variance, mean)."""
    worst = 0.0
    for method, t, lr, second in cases:
        for variance, mean in starts:
            want = exact_loss(H, C, variance, mean, t, method, lr, second, 8)
            problem = spectrum(H, C, variance, mean)
            got = expected_loss(problem, t, method=method, lr=lr, batch_size=8, **numbers(method, second))
            if want < mp.mpf(10) ** 300:
                worst = max(worst, float(abs(mp.mpf(float(got)) / want - 1)))
            else:
                assert got > 1e299
    return worst


@pytest.mark.parametrize("method", METHODS)
def test_twelve_digits_at_any_step(method):
    seconds = [0.0] if method == "sgd" else [0.5, 0.9, 0.999]
    cases = [(method, t, lr, s) for t in (1, 2, 100, 10**4, 10**9) for lr in (1e-4, 0.1, 1.0) for s in seconds]
    assert worst_error(cases) < 1e-12


@pytest.mark.parametrize("method", METHODS)
def test_twelve_digits_at_the_edge_of_stability_and_just_beyond(method):
    seconds = [0.0] if method == "sgd" else [0.3, 0.9, 1 - 1e-6]
    near = (1 - 1e-3, 1 - 1e-9, 1.0, 1 + 1e-9, 1 + 1e-4)
    cases = [(method, t, edge(method, s) * f, s) for t in (5, 10**3, 10**6, 10**9) for f in near for s in seconds]
    assert worst_error(cases, [(1.0, 0.1)]) < 1e-12


@pytest.mark.parametrize("method", BUFFERED)
def test_twelve_digits_as_momentum_goes_to_one(method):
    seconds = [1 - 10.0**-k for k in (3, 6, 9, 12)]
    cases = [(method, t, lr, s) for t in (3, 10**4, 10**8) for lr in (1e-6, 0.7) for s in seconds]
    assert worst_error(cases) < 1e-12


@pytest.mark.parametrize("method", BUFFERED)
@pytest.mark.parametrize("second", [0.25, 0.9, 1 - 1e-4])
def test_twelve_digits_at_critical_damping_and_next_to_it(method, second):
    critical = {"heavy_ball": (1 - math.sqrt(second)) ** 2, "ema": 1 - second}  # lr at which both roots are equal
    critical = critical.get(method, ((1 - second) / (1 + second)) ** 2)
    beside = [critical * (1 + sign * 10.0**-k) for k in (3, 9, 15) for sign in (-1, 1)]
    cases = [(method, t, lr, second) for t in (1, 30, 10**4) for lr in (critical, *beside)]
    assert worst_error(cases) < 1e-12


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    method=st.sampled_from(METHODS),
    t=st.integers(1, 10**9),
    log_lr=st.floats(-9, 0.5),
    log_rest=st.floats(-9, 0),
    start=st.sampled_from([(1.0, 0.0), (0.0, 0.0), (0.0, 1.0)]),
)
def test_twelve_digits_wherever_hypothesis_looks(method, t, log_lr, log_rest, start):
    second = 0.0 if method == "sgd" else 1 - 10.0**log_rest
    assert worst_error([(method, t, 10.0**log_lr, second)], [start]) < 1e-12


@pytest.mark.parametrize("method", METHODS)
def test_a_plain_run_of_the_second_moments_agrees(method):
    second, lr, batch_size = (0.0 if method == "sgd" else 0.8), 0.4, 4
    problem = spectrum(H, C, 0.7, [0.0, 1.0, -2.0, 3.0])
    losses = []
    for h, c, v, m in zip(problem.h, problem.c, problem.variance, problem.mean, strict=True):
        losses.append(plain_run(method, h, c / batch_size, v + m * m, lr, second, 50))
    got = expected_loss(problem, np.arange(51), method=method, lr=lr, batch_size=batch_size, **numbers(method, second))
    np.testing.assert_allclose(got, np.sum(losses, axis=0), rtol=1e-12)


def plain_run(method, h, noise, square, lr, second, steps):
    """Losses of one coordinate from the method's own update of (p, buffer), as a map of their covariance."""
    if method == "ema":  # the buffer is the mean
        step, kick = [[1 - lr * h, 0], [(1 - second) * (1 - lr * h), second]], [-lr, -(1 - second) * lr]
        start, seen = [1, 1], [0, 1]
    else:  # the buffer is v; the gradient is taken at p + ahead * v
        ahead = second if method.startswith("nesterov") else 0.0
        kept = second - lr * h * ahead
        step, kick = [[1 - lr * h, kept], [-lr * h, kept]], [-lr, -lr]
        start, seen = [1, 0], [1, second if method == "nesterov_lookahead" else 0.0]
    step, kick, start, seen = map(np.array, (step, kick, start, seen))
    covariance, losses = square * np.outer(start, start), []
    for _ in range(steps + 1):
        losses.append(h / 2 * seen @ covariance @ seen)
        covariance = step @ covariance @ step.T + noise * np.outer(kick, kick)
    return losses


def test_arguments_broadcast():
    problem = harmonic(20)
    steps, lr, batch = np.array([[1], [5], [9]]), np.array([0.1, 0.5]), np.array([1, 4])
    losses = expected_loss(problem, steps, lr=lr, batch_size=batch)
    assert losses.shape == (3, 2)
    assert losses[2, 1] == pytest.approx(expected_loss(problem, 9, lr=0.5, batch_size=4), rel=1e-14)
    assert np.shape(expected_loss(problem, 3, lr=0.1)) == ()


def test_the_start_is_the_initial_loss_and_lr_zero_stays_there():
    problem = harmonic(100, variance=2.0, mean=0.5)
    assert expected_loss(problem, 0, lr=0.3) == pytest.approx(2.25 * harmonic(100).initial_loss, rel=1e-14)
    still = expected_loss(problem, 10**6, method="heavy_ball", momentum=0.9, lr=0)
    assert still == pytest.approx(problem.initial_loss, rel=1e-14)


def test_beyond_the_edge_the_loss_grows_to_infinity():
    losses = expected_loss(harmonic(10), [10, 1000, 10**9], method="heavy_ball", momentum=0.5, lr=3.1)
    assert losses[0] < losses[1]
    assert losses[2] == math.inf
    assert expected_loss(spectrum([1.0, 0.1], [0.0, 1.0], [0.0, 1.0]), 10**6, lr=3.0) < math.inf  # nothing to grow


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("lr", [1e155, 1e200, 1e307])
def test_any_lr_beyond_the_edge_is_an_answer(method, lr):
    own = numbers(method, 0.5)
    assert expected_loss(harmonic(3), 4, method=method, lr=lr, **own) == math.inf
    assert scheduled_loss(harmonic(3), [(4, lr)], method=method, **own) == math.inf


@pytest.mark.parametrize("method", BUFFERED)
@pytest.mark.parametrize("steepest", [10.0, 7.0, 49.0, 3.0])
@pytest.mark.parametrize("second", [0.1, 0.5, 0.9])
def test_twelve_digits_where_a_step_jumps_to_the_minimum(method, steepest, second):
    h, c = np.array([steepest, steepest / 10]), np.array([1.0, 0.1])
    for lr in (np.nextafter(1 / steepest, 0), 1 / steepest, np.nextafter(1 / steepest, 9)):
        for t in (1, 5, 101, 10**6):
            want = exact_loss(h, c, 1.0, 0.0, t, method, lr, second, 4)
            got = expected_loss(spectrum(h, c), t, method=method, lr=lr, batch_size=4, **numbers(method, second))
            assert got == pytest.approx(float(want), rel=1e-12)


def test_momentum_zero_is_sgd():
    want = expected_loss(harmonic(50), [1, 10, 100], lr=0.7, batch_size=2)
    for method in BUFFERED:
        np.testing.assert_array_equal(
            expected_loss(harmonic(50), [1, 10, 100], method=method, lr=0.7, batch_size=2), want
        )


@pytest.mark.parametrize("method", METHODS)
def test_a_preconditioned_run_is_a_run_on_the_preconditioned_problem(method):
    second, lr, power = (0.0 if method == "sgd" else 0.8), 0.3, 0.5
    h, c = np.array([1.0, 0.2, 0.01]), np.array([2.0, 0.1, 1.0])
    want = 0.0
    for hi, ci in zip(h, c, strict=True):  # lr_i = lr * h^-power at every coordinate
        want += expected_loss(spectrum([hi], [ci]), 40, method=method, lr=lr * hi**-power, **numbers(method, second))
    got = expected_loss(precondition(spectrum(h, c), power), 40, method=method, lr=lr, **numbers(method, second))
    assert got == pytest.approx(want, rel=1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_a_schedule_of_equal_pieces_is_a_constant_rate(method):
    own = numbers(method, 0.95)
    losses = scheduled_loss(harmonic(30, mean=0.4), [(3, 0.2), (500, 0.2), (10**6, 0.2)], method=method, **own)
    want = expected_loss(harmonic(30, mean=0.4), [3, 503, 1000503], method=method, lr=0.2, **own)
    np.testing.assert_allclose(losses, want, rtol=1e-12)


@pytest.mark.parametrize("method", ["heavy_ball", "nesterov", "ema"])
def test_the_velocity_carries_over_a_drop_of_the_rate(method):
    h, noise, pieces = 0.6, 0.25, [(4, 0.5), (6, 0.1)]
    a_mp = [(steps, mp.mpf(lr)) for steps, lr in pieces]
    y, before, kicks = mp.mpf(1), mp.mpf(1), []
    for steps, lr in a_mp:
        a, b = recurrence(method, lr * mp.mpf(h), mp.mpf(0.9))
        gain = lr * (1 - mp.mpf(0.9)) if method == "ema" else lr
        for _ in range(steps):
            y, before = a * y - b * before, y
            kicks = [(a * k - b * old, k) for k, old in kicks] + [(gain, mp.mpf(0))]
    want = mp.mpf(h) / 2 * (y**2 + mp.mpf(noise) * sum(k**2 for k, _ in kicks))
    got = scheduled_loss(spectrum([h], [1.0]), pieces, method=method, batch_size=4, **numbers(method, 0.9))[-1]
    assert got == pytest.approx(float(want), rel=1e-13)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda p: expected_loss(p, -1, lr=0.1), "steps is -1; allowed is a whole number"),
        (lambda p: expected_loss(p, 1.5, lr=0.1), "steps is 1.5; allowed is a whole number"),
        (lambda p: expected_loss(p, 1, lr=math.nan), "lr is nan; allowed is a finite number"),
        (lambda p: expected_loss(p, 1, lr=0.1, batch_size=-4), "batch_size is -4; allowed is a finite number > 0"),
        (lambda p: expected_loss(p, 1, lr=0.1, method="heavy_ball", momentum=1), "momentum is 1; allowed is"),
        (lambda p: expected_loss(p, 1, lr=0.1, momentum=0.9), "momentum is 0.9; allowed is 0 with sgd"),
        (lambda p: expected_loss(p, 1, lr=0.1, method="adam"), "method is 'adam'; allowed is one of sgd"),
        (lambda p: expected_loss(p, 1, lr="fast"), "lr is 'fast'; allowed is a number"),
        (lambda p: expected_loss(p, 10**400, lr=0.1), "steps is beyond float64; allowed"),
        (lambda p: expected_loss([1.0], 1, lr=0.1), "problem is a list; allowed is a Spectrum"),
        (lambda p: scheduled_loss({}, [(1, 0.1)]), "problem is a dict; allowed is a Spectrum"),
        (lambda p: scheduled_loss(p, [(1, [0.1])]), "lr has shape (1,); allowed is one number"),
        (lambda p: scheduled_loss(p, []), "pieces is empty; allowed is"),
        (lambda p: scheduled_loss(p, [3]), "allowed is a list of pairs"),
    ],
)
def test_bad_input_is_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        call(harmonic(5))
