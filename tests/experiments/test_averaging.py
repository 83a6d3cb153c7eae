"""Lesson 10's experiments against closed forms."""

from types import SimpleNamespace

import numpy as np
import pytest

from course_lib.exercises import averaging as ex
from course_lib.experiments import averaging as lab
from course_lib.experiments import noisy_labels
from course_lib.rules import schedule_free
from course_lib.theory import noise_floor


def test_the_librarys_averages_are_those_of_the_exercises():
    mean = other = fast = slow = np.zeros(3)
    for t, p in enumerate(np.random.default_rng(0).standard_normal((20, 3)), start=1):
        mean, other = lab.mean_step(mean, p, t), ex.running_mean.reference(other, p, t)
        fast, slow = lab.ema_step(fast, p, t, 0.8), ex.ema_step.reference(slow, p, t, 0.8)
    np.testing.assert_allclose(mean, other, rtol=1e-12)
    np.testing.assert_allclose(fast, slow, rtol=1e-12)


def test_the_schedule_free_step_of_the_exercise_is_the_librarys():
    h, (lr, beta) = np.array([1.0, 0.3]), (0.5, 0.8)
    x = z = p = np.array([2.0, -1.0])
    s = schedule_free.sgd.init(p)
    for t in range(1, 20):
        x, z = ex.schedule_free_step.reference(x, z, t, lambda y: h * y + 0.1, lr, beta)
        p, s = schedule_free.sgd.step(p, h * p + 0.1, s, lr=lr, beta=beta)
        np.testing.assert_allclose(x, schedule_free.evaluation_point(p, s, beta=beta), rtol=1e-10)
        np.testing.assert_allclose(x, ex.evaluation_point.reference(p, z, beta), rtol=1e-10)


def test_the_mean_of_all_points_has_the_variance_of_the_noise_alone():
    measured = lab.polyak(steps=1000, replicas=2000)
    np.testing.assert_allclose(measured.mean, 1, atol=0.1)
    np.testing.assert_allclose(measured.last, noise_floor(measured.lrs, 0.5, 1.0), rtol=0.12)


def test_a_mean_that_forgets_is_seen():
    measured = lab.polyak(lambda mean, p, t: (mean + p) / 2, steps=300, replicas=500)
    assert measured.mean.min() > 5


def test_schedule_free_with_beta_zero_is_sgd_and_the_mean_of_its_points():
    walks = lab.free_walks(ex.schedule_free_step.reference, beta=0.0, steps=60, replicas=50)
    np.testing.assert_allclose(walks["schedule_free"]["loss"], walks["mean"]["loss"], rtol=1e-9)
    np.testing.assert_allclose(walks["y"]["loss"], walks["sgd"]["loss"], rtol=1e-9)


def test_the_explorers_errors_are_those_of_many_runs():
    rng, (decay, lr, start) = np.random.default_rng(1), (0.9, 0.3, 20)
    x = np.full(20_000, lab.FAR)
    mean = ema = x
    for t in range(1, 101):
        x = x - lr * (x + rng.standard_normal(x.shape))
        late = max(t - start, 1)
        mean, ema = lab.mean_step(mean, x, late), lab.ema_step(ema, x, late, decay)
    root = [np.sqrt(np.mean(q**2)) for q in (x, mean, ema)]
    np.testing.assert_allclose(lab.compute(decay, lr, start).errors[:, 100], root, rtol=0.03)


def test_the_explorers_run_is_averaged_like_the_exercise():
    shown = lab.compute(0.9, 0.3, 50)
    x, mean, ema = shown.paths
    assert mean[400] == pytest.approx(x[51:].mean())
    assert mean[30] == ema[30] == x[30]


def test_power_iteration_finds_the_largest_eigenvalue_of_the_hessian():
    import jax
    from jax.flatten_util import ravel_pytree

    from course_lib.problems import digits

    x, y = noisy_labels.labelled(0.25)
    params = digits.jax_mlp(0, (64, 2, 10))
    flat, shape = ravel_pytree(params)
    hessian = jax.hessian(lambda p: digits.jax_loss(shape(p), x, y))(flat)
    one_seed = {"last": jax.tree.map(lambda a: a[None], params)}
    found = noisy_labels.top_curvature(SimpleNamespace(x=x, y=y, weights=one_seed), "last", iterations=200)
    np.testing.assert_allclose(found, np.linalg.eigvalsh(np.asarray(hessian))[-1], rtol=0.01)


def test_a_share_of_the_labels_is_drawn_anew_and_the_same_ones_each_time():
    (_, right), (_, wrong) = noisy_labels.labelled(0.0), noisy_labels.labelled(0.25)
    assert np.mean(right != wrong) == pytest.approx(0.25 * 0.9, abs=0.03)
    np.testing.assert_array_equal(wrong, noisy_labels.labelled(0.25)[1])


def test_a_short_run_averages_its_second_half_alone():
    runs = noisy_labels.noisy_labels(0.0, steps=100, seeds=2)
    assert runs.curve.shape == (4, 2)
    assert np.isnan(runs.mean_curve).tolist() == [[True] * 2] * 2 + [[False] * 2] * 2
    np.testing.assert_array_equal(runs.curve[-1], runs.accuracy["last"])
    along = noisy_labels.line(runs, points=5)
    np.testing.assert_allclose(along.loss[[1, 3]], [runs.loss["last"], runs.loss["mean"]], rtol=1e-5)


def test_the_statistics_of_an_untrained_net_spoil_an_average():
    said = lab.batch_norm(steps=120, start=60)
    assert said["of an untrained copy"][0] > 2 * said["made anew"][0]
