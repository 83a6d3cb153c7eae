"""Lesson 15's experiments against closed forms, and what Muon and Shampoo do under a rotation."""

import numpy as np
import pytest

from course_lib.exercises.after_adam import mup
from course_lib.experiments import after_adam as lab
from course_lib.experiments import char_ladder, char_muon, widths
from course_lib.problems.char_transformer import CharTransformer
from course_lib.rules import adam, muon


def test_zipf_shares_sum_to_one_and_fall_like_a_power():
    share = lab.shares(100, tail=1.5)
    assert share.sum() == pytest.approx(1)
    assert share[0] / share[15] == pytest.approx(16**1.5)


def test_gradient_descent_follows_the_closed_form_of_its_flow():
    share = lab.shares(32)
    assert lab.by_gradient(share, 0.2, 3000) == pytest.approx(lab.flow(share, 0.2, 3000, 32), rel=0.005)


def test_the_loss_of_a_frequent_class_is_one_over_its_share_and_the_steps():
    _, law = lab.law(classes=32, steps=20_000)
    assert law[:4] == pytest.approx(1, abs=0.05)


def test_sign_descent_learns_every_class_at_one_speed():
    losses = lab.by_sign(lab.shares(64), 0.5, 20)
    assert np.ptp(losses) == 0
    assert losses[0] == pytest.approx(np.log1p(63 * np.exp(-20)), rel=1e-8)


def test_singular_values_that_are_not_tiny_land_in_the_interval():
    after = lab.spectrum(muon.newton_schulz, np.geomspace(0.02, 0.9999, 500))
    assert after.min() > 0.68
    assert after.max() < 1.14


def test_the_classical_iteration_goes_to_one():
    assert lab.classical(np.diag([3.0, 1.0, 0.5]), iterations=30) == pytest.approx(np.eye(3), abs=1e-12)


def test_shampoos_first_step_is_orthogonal():
    g = np.random.default_rng(0).standard_normal((5, 5))
    step = lab.shampoo.step(np.zeros((5, 5)), g, lab.shampoo.init(g), lr=1.0)[0]
    assert step @ step.T == pytest.approx(np.eye(5), abs=1e-6)


def test_only_adam_minds_a_rotation():
    ways = {
        "Adam": (adam, (0.08,), {}),
        "Muon": (muon, (0.1,), {"weight_decay": 0.0}),
        "Shampoo": (lab.shampoo, (256,), {}),
    }
    ends = lab.rotation(ways)
    assert ends["Adam"][1] > 1000 * ends["Adam"][0]
    assert ends["Muon"][1] == pytest.approx(ends["Muon"][0], rel=1)
    assert ends["Shampoo"][1] == pytest.approx(ends["Shampoo"][0], rel=0.01)


def test_a_scale_by_the_largest_entry_fails_from_some_size_on():
    ends = [seen[-1] for seen in lab.growth(lambda x: x / np.abs(x).max()).values()]
    assert ends[0] < 1.2
    assert np.isinf(ends[-1])


def test_only_hidden_matrices_are_muons():
    hidden, others = char_muon.optimizer(CharTransformer(77), muon, 0.02).param_groups
    assert {p.dim() for p in hidden["params"]} == {2}
    assert len(hidden["params"]) == 2 * 4
    assert sum(p.numel() for group in (hidden, others) for p in group["params"]) == 114_125


def test_mup_is_the_ordinary_net_at_the_width_it_starts_from():
    curves = widths.transfer(mup.reference, widths=(32,), powers=(-8, -7), steps=15, seeds=(0,))
    np.testing.assert_array_equal(curves["ordinary"][32][1], curves["muP"][32][1])


def test_optimisers_keep_as_many_numbers_as_their_formulas_have():
    kept = lab.state_size()
    assert (kept["SGD"], kept["Muon"], kept["Adam"], kept["AMSGrad"]) == (0, 1, 2, 3)
    assert kept["Adafactor"] == (64 + 256) / (64 * 256)


@pytest.mark.parametrize("classes", [10, 1000])
@pytest.mark.parametrize("tail", [0.0, 2.0])
def test_the_explorer_is_finite_at_its_ends(tail, classes):
    for found in lab.compute(tail, classes, 10.0, 1.0), lab.compute(tail, classes, 0.1, 0.001):
        assert all(np.isfinite(part).all() for part in found)


def test_mup_slows_hidden_weights_and_scores_and_makes_only_the_scores_start_smaller():
    factors = [mup.reference(wide, narrow) for wide, narrow in zip(widths.shapes(256), widths.shapes(32), strict=True)]
    assert factors[::2] == [(1, 1), (1 / 8, 1), (1 / 8, 1), (1 / 8, 8**-0.5)]
    assert set(factors[1::2]) == {(1, 1)}


def test_the_factors_reach_the_start_and_the_rates():
    (plain, _), (halved, _) = (
        widths.transfer(scheme, widths=(32,), powers=(-30,), steps=10, seeds=(0,))["muP"][32][::-1]
        for scheme in (lambda *_: (1, 1), lambda *_: (1, 0.5))
    )
    assert halved < plain  # smaller scores at the start are nearer to the loss of no opinion
    assert halved[0] > np.log(10) - 0.05


def test_every_recorded_best_rate_lies_inside_its_grid():
    record = char_ladder.ladder()
    grids = {name: (tuned.lr, sorted(record.sweeps[name].lrs)) for name, tuned in record.best.items()}
    grids["Muon"] = char_muon.best_rate(), sorted(char_muon.recorded())
    for name, (best, lrs) in grids.items():
        assert lrs[0] < best < lrs[-1], name


def test_the_live_runs_are_those_of_the_ladder():
    runs = lab.live(muon, steps=2)
    assert list(runs) == ["SGD", "AdamW", "Muon"]
    assert {len(trace) for trace, _ in runs.values()} == {2}
