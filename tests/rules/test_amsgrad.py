"""AMSGrad: a large v that is not forgotten, and the example on which Adam goes the wrong way."""

import numpy as np
import pytest

from course_lib.rules import adam, amsgrad


def walk(rule, gradients, p=0.0, **hypers):
    s, path = rule.init(p), []
    for g in gradients:
        p, s = rule.step(p, g, s, **hypers)
        path.append(p)
    return path, s


def periodic(rule, steps=3000, c=10.0):
    """Reddi et al., theorem 1: gradient c in every third step, else -1, on [-1, 1]; the best point is -1."""
    p, s = 0.0, rule.init(0.0)
    for t in range(1, steps + 1):
        g = c if t % 3 == 1 else -1.0
        p, s = rule.step(p, g, s, lr=0.5 / t**0.5, beta1=0.0, beta2=1 / (1 + c**2))
        p = min(1.0, max(-1.0, p))
    return p


def test_adam_goes_to_the_worst_point_and_amsgrad_to_the_best():
    assert periodic(adam) == pytest.approx(1, abs=0.01)
    assert periodic(amsgrad) == pytest.approx(-1, abs=0.01)


def test_the_maximum_is_over_the_uncorrected_average():
    _, s = walk(amsgrad, [1.0, 0.1, 0.1], lr=0.1, beta2=0.9)
    assert s.w == pytest.approx(0.1, rel=1e-14)
    assert s.v == pytest.approx(0.1 * 0.81 + 0.001 * 0.9 + 0.001, rel=1e-14)


def test_optax_takes_the_maximum_of_the_corrected_average():
    _, s = walk(amsgrad.corrected, [1.0, 0.1, 0.1], lr=0.1, beta2=0.9)
    assert s.w == pytest.approx(1.0, rel=1e-14)


def test_after_one_large_gradient_the_steps_stay_short_for_ever():
    gradients = [100.0] + [1.0] * 5000
    adams, amsgrads = (-np.diff(walk(rule, gradients, lr=1.0)[0])[-1] for rule in (adam, amsgrad))
    assert adams == pytest.approx(1, abs=0.05)
    assert amsgrads < 0.4


def test_while_the_average_rises_it_is_adam():
    rising = [1.0, 2.0, 3.0, 4.0]
    assert walk(amsgrad, rising, lr=0.1)[0] == pytest.approx(walk(adam, rising, lr=0.1)[0], rel=1e-14)
