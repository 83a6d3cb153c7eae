"""Momentum in three forms: where they agree, where they part, and how to go from one to another."""

import numpy as np
import pytest

from course_lib.conventions import (
    ema,
    lr_from_torch,
    lr_to_torch,
    nesterov_paper_point,
    sutskever,
    velocity_to_torch,
)
from course_lib.rules import momentum, nesterov

FORMS = {"torch": momentum, "sutskever": sutskever, "ema": ema}
GRADIENTS = np.random.default_rng(0).standard_normal((60, 3))


def walk(rule, gradients, lrs, mu=0.9, p=0.0):
    """The positions after each step, and the last state."""
    s, path = rule.init(p), []
    for g, lr in zip(gradients, np.broadcast_to(lrs, len(gradients)), strict=True):
        p, s = rule.step(p, g, s, lr=lr, momentum=mu)
        path.append(p)
    return np.array(path), s


def velocity(s):
    return s.v if hasattr(s, "v") else s


@pytest.mark.parametrize(
    ("form", "path", "v"),
    [("torch", [-0.1, -0.25], 1.5), ("sutskever", [-0.1, -0.25], 0.15), ("ema", [-0.05, -0.125], 0.75)],
)
def test_two_steps_by_hand(form, path, v):
    walked, s = walk(FORMS[form], [1.0, 1.0], 0.1, mu=0.5)
    np.testing.assert_allclose(walked, path, rtol=1e-15)
    assert velocity(s) == pytest.approx(v, rel=1e-15)


@pytest.mark.parametrize("mu", [0.0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("form", FORMS)
def test_at_constant_lr_each_form_walks_torchs_path(form, mu):
    path, _ = walk(FORMS[form], GRADIENTS, lr_from_torch(form, 0.1, mu), mu, p=np.ones(3))
    torchs, _ = walk(momentum, GRADIENTS, 0.1, mu, p=np.ones(3))
    np.testing.assert_allclose(path, torchs, rtol=0, atol=1e-12)


def test_the_forms_part_when_lr_drops():
    """lr 0.1, divided by 10 after 50 steps along a constant gradient of 1."""
    lrs = np.where(np.arange(60) < 50, 0.1, 0.01)
    torchs, inside = (-np.diff(walk(FORMS[form], np.ones(60), lrs)[0]) for form in ("torch", "sutskever"))
    v = 10 * (1 - 0.9 ** np.arange(1, 61))  # the geometric sum
    np.testing.assert_allclose(torchs, (lrs * v)[1:], rtol=1e-12)
    assert torchs[[49, 54]] == pytest.approx([0.0995, 0.0997], abs=5e-5)  # entry 49 is the first step after the drop
    assert inside[[49, 54]] == pytest.approx([0.9054, 0.5756], abs=5e-5)


@pytest.mark.parametrize("form", FORMS)
def test_a_converted_velocity_is_torchs_buffer(form):
    lr = lr_from_torch(form, 0.1, 0.9)
    v = velocity(walk(FORMS[form], GRADIENTS, lr)[1])
    buffer = walk(momentum, GRADIENTS, 0.1)[1].v
    np.testing.assert_allclose(velocity_to_torch(form, v, lr, 0.9), buffer, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("form", "lr"), [("torch", 0.1), ("sutskever", 0.1), ("ema", 1.0)])
def test_the_learning_rate_goes_there_and_back(form, lr):
    assert lr_from_torch(form, 0.1, 0.9) == pytest.approx(lr)
    assert lr_to_torch(form, lr, 0.9) == pytest.approx(0.1)


def test_torchs_nesterov_stores_the_look_ahead_point_of_the_paper():
    """Sutskever et al. 2013, equations (3) and (4), on a quadratic; both start at rest in one point."""
    h, lr, mu = np.array([1.0, 10.0]), 0.05, 0.9
    theta, velocity = np.ones(2), np.zeros(2)
    p, s = np.ones(2), nesterov.init(np.ones(2))
    for _ in range(50):
        velocity = mu * velocity - lr * h * (theta + mu * velocity)
        theta = theta + velocity
        p, s = nesterov.step(p, h * p, s, lr=lr, momentum=mu)
        np.testing.assert_allclose(p, theta + mu * velocity, rtol=0, atol=1e-14)
        np.testing.assert_allclose(nesterov_paper_point(p, s.v, lr, mu), theta, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    "convert",
    [
        lambda form: lr_from_torch(form, 0.1, 0.9),
        lambda form: lr_to_torch(form, 0.1, 0.9),
        lambda form: velocity_to_torch(form, 1.0, 0.1, 0.9),
    ],
)
def test_an_unknown_form_is_refused_with_those_there_are(convert):
    with pytest.raises(ValueError, match="form is 'polyak'; allowed are 'torch', 'sutskever' and 'ema'"):
        convert("polyak")
