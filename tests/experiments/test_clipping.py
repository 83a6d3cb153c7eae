"""Lesson 11's experiments against closed forms, finite differences and PyTorch's own scaler."""

import numpy as np
import pytest

from course_lib.clipping import by_global_norm, by_value
from course_lib.exercises import clipping as ex
from course_lib.exercises import toy_scaler
from course_lib.experiments import clipping as lab
from course_lib.experiments import half_precision, pixel_rnn
from course_lib.triage import find_nonfinite

ORDERS = {
    "right": ex.amp_step.reference,
    **{mistake.says: mistake.fn for mistake in ex.amp_step.mistakes},
}
SLOPES = [(30.0, 40.0), (np.inf, 1.0), (0.03, 0.04), (-3.0, 4.0)]


def clip(gradients, limit=lab.LIMIT):
    return by_global_norm(gradients, limit)[0]


@pytest.mark.parametrize("at", [(5.5, -2.6), (4.5, -2.4), (6.5, -3.4)])
def test_the_slopes_of_the_cliff_are_the_derivatives_of_its_error(at):
    (w, b), e = at, 1e-6
    numeric = [
        (lab.cliff(w + e, b)[0] - lab.cliff(w - e, b)[0]) / (2 * e),
        (lab.cliff(w, b + e)[0] - lab.cliff(w, b - e)[0]) / (2 * e),
    ]
    assert lab.cliff(w, b)[1:] == pytest.approx(numeric, rel=1e-4)


def test_a_clipped_walk_never_steps_further_than_lr_times_the_limit_and_a_bare_one_does():
    bare, clipped = lab.paths(clip)
    assert lab.longest(clipped) <= lab.LR * lab.LIMIT * (1 + 1e-12)
    assert lab.longest(bare) > 1000
    np.testing.assert_array_equal(bare["p"][1], clipped["p"][1])


def test_clipping_turns_by_the_closed_form_or_not_at_all():
    g = np.array([100.0, 1.0])
    assert lab.turn(g, by_value([g], 1.0)[0][0]) == pytest.approx(45 - np.degrees(np.arctan(0.01)))
    assert lab.turn(g, clip([g])[0]) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("lr", [0.1, 0.4])
def test_on_the_quartic_descent_stays_up_to_the_root_of_two_over_lr(lr):
    assert lab.reach(lr=lr) == pytest.approx(np.sqrt(2 / lr), abs=1e-3)


@pytest.mark.parametrize("limit", [1.0, 4.0])
def test_clipped_descent_rests_where_the_formula_says(limit):
    found = lab.settle(lambda g, limit: np.clip(g, -limit, limit), limit, steps=1500)
    assert found == pytest.approx(ex.rest_point.reference(0.1, 9.0, limit), abs=0.02)


def test_a_norm_that_is_not_finite_leaves_nothing_of_the_gradient():
    np.testing.assert_array_equal(lab.with_inf()["clip_grad_norm_"], [np.nan, 0])
    np.testing.assert_array_equal(lab.with_inf()["clip_grad_value_"], [1, 1])
    assert np.isnan(lab.with_inf(np.nan)["clip_grad_norm_"]).all()


def test_the_exercise_finds_what_the_library_finds():
    loss, net = lab.broken_net()
    named = {name: None if p.grad is None else p.grad.numpy() for name, p in net.named_parameters()}
    found = ex.find_nonfinite.reference(named)
    assert np.isfinite(loss)
    assert found == {row.name: row.label for row in find_nonfinite(net)}
    assert len(found) < len([g for g in named.values() if g is not None])
    assert any(g is None for g in named.values())


@pytest.mark.parametrize("scale", [1.0, 4.0, 2.0**16])
def test_what_float16_loses_is_what_the_normal_distribution_says(scale):
    assert half_precision.lost(scale=scale) == pytest.approx(half_precision.lost_in_theory(scale=scale), abs=2e-3)


@pytest.mark.parametrize("order", ORDERS, ids=lambda says: says[:40])
def test_the_scaler_of_the_exercise_answers_as_pytorchs_does(order):
    world = toy_scaler.World(scale=1024.0)
    scaler, optimizer = toy_scaler.Scaler(world), toy_scaler.Optimizer(world)
    with np.errstate(invalid="ignore"):
        for slope in SLOPES:
            ORDERS[order](toy_scaler.Loss(world, slope), scaler, optimizer, world.clip)
    real = half_precision.walk(ORDERS[order], SLOPES, scale=1024.0)
    assert real.says == toy_scaler.FAULTS[world.fault]
    np.testing.assert_allclose(real.p, world.p, rtol=1e-5, atol=1e-9)
    if real.scales and not real.says:
        assert real.scales[-1] == world.scale


def test_the_pixel_net_is_the_same_in_both_frameworks():
    size = {"seeds": 2, "steps": 5}
    torch, jax = pixel_rnn.train(lambda gs: clip(gs, pixel_rnn.LIMIT), **size), pixel_rnn.train_jax(**size)
    np.testing.assert_allclose(torch.loss, jax.loss, atol=1e-5)
    np.testing.assert_allclose(torch.norm, jax.norm, rtol=1e-3)


def test_the_explorer_counts_what_half_precision_makes_zero_and_infinite():
    low, high = lab.compute(0.1, 1.0), lab.compute(0.1, 2.0**34)
    assert low.zero > high.zero == 0
    assert high.infinite > low.infinite == 0
    assert np.linalg.norm(np.diff(low.path, axis=0), axis=1).max() <= 0.05 + 1e-12
