"""Monte Carlo with the library's own rules agrees with the closed forms, in NumPy and in JAX."""

from functools import partial
from typing import NamedTuple

import numpy as np
import pytest

from course_lib import averaging
from course_lib.nqm.dynamics import expected_loss
from course_lib.nqm.simulate import simulate
from course_lib.nqm.spectrum import harmonic, precondition, spectrum
from course_lib.rule import Rule
from course_lib.rules import adam, lookahead, momentum, muon, nesterov, sgd
from course_lib.schedules import Cosine

PROBLEM = spectrum([2.0, 0.5, 0.1], [1.0, 3.0, 0.5], variance=[1.0, 0.0, 4.0], mean=[0.0, 2.0, -1.0])
STEPS = 60


class Averaged(NamedTuple):
    inner: tuple
    average: averaging.State


def with_ema(decay: float) -> Rule:
    """SGD whose state carries an average of its points that begins at the first, as the closed form's does."""

    def init(p):
        return Averaged(sgd.init(p), averaging.State(p + 0.0, 1))

    def step(p, g, s, *, lr):
        p, inner = sgd.step(p, g, s.inner, lr=lr)
        return p, Averaged(inner, averaging.ema(decay).step(p, s.average))

    return Rule("sgd_with_ema", init, step, elementwise=True)


def mean_of(p, s):
    return s.average.mean


def behind(lr, mu, p, s):
    """The paper's Nesterov point, from torch's look-ahead."""
    return p + lr * mu * s.v


CASES = {
    "sgd": ("sgd", sgd, {"lr": 0.3}, {}, None),
    "heavy ball": ("heavy_ball", momentum, {"lr": 0.1, "momentum": 0.8}, {}, None),
    "nesterov, torch's point": ("nesterov_lookahead", nesterov, {"lr": 0.2, "momentum": 0.8}, {}, None),
    "nesterov, the paper's": ("nesterov", nesterov, {"lr": 0.2, "momentum": 0.8}, {}, partial(behind, 0.2, 0.8)),
    "ema": ("ema", with_ema(0.9), {"lr": 0.3}, {"decay": 0.9}, mean_of),
}


def off(run, method, problem=PROBLEM, **settings) -> float:
    """The largest distance from the closed form, in standard errors, at steps spread over the run."""
    steps = np.array([1, 2, 3, 8, 20, STEPS])
    return np.max(
        np.abs(run.loss - expected_loss(problem, np.arange(STEPS + 1), method=method, **settings))[steps]
        / run.error[steps]
    )


@pytest.mark.parametrize("case", CASES)
def test_every_method_agrees_with_its_closed_form(case):
    method, rule, hypers, more, point = CASES[case]
    run = simulate(PROBLEM, rule, **hypers, steps=STEPS, batch_size=4, replicas=20_000, seed=3, point=point)
    assert off(run, method, **hypers, **more, batch_size=4) < 4
    assert run.error[-1] / run.loss[-1] < 0.02


@pytest.mark.parametrize("case", CASES)
def test_jax_agrees_with_the_same_closed_forms(case, x64):
    method, rule, hypers, more, point = CASES[case]
    words = {**hypers, "steps": STEPS, "batch_size": 4, "replicas": 20_000, "seed": 4, "point": point}
    assert off(simulate(PROBLEM, rule, **words, backend="jax"), method, **hypers, **more, batch_size=4) < 4


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_a_preconditioned_step_is_sgd_in_other_coordinates(power):
    factor = PROBLEM.h**-power
    rule = Rule("preconditioned", sgd.init, lambda p, g, s, *, lr: (p - lr * factor * g, s), elementwise=True)
    run = simulate(PROBLEM, rule, lr=0.2, steps=STEPS, batch_size=2, replicas=20_000, seed=5)
    assert off(run, "sgd", precondition(PROBLEM, power), lr=0.2, batch_size=2) < 4


def test_the_wrong_point_is_noticed():
    run = simulate(PROBLEM, nesterov, lr=0.2, momentum=0.8, steps=STEPS, batch_size=4, replicas=20_000, seed=3)
    assert off(run, "nesterov", lr=0.2, momentum=0.8, batch_size=4) > 10


def test_adam_runs_the_same_in_both_libraries(x64):
    words = {"lr": 0.05, "steps": 100, "batch_size": 1, "replicas": 4000}
    ours, theirs = (simulate(harmonic(20), adam, **words, backend=backend) for backend in ("numpy", "jax"))
    assert np.max(np.abs(ours.loss - theirs.loss) / np.hypot(ours.error, theirs.error)) < 5
    assert ours.loss[-1] < ours.loss[0] / 3


def test_a_rule_is_stepped_as_it_is():
    run = simulate(spectrum([0.5], [0.0], variance=0.0, mean=2.0), adam, lr=0.1, steps=3, batch_size=1, replicas=2)
    p, s = 2.0, adam.init(2.0)
    for loss in run.loss:
        assert loss == pytest.approx(0.25 * p**2)
        p, s = adam.step(p, 0.5 * p, s, lr=0.1)


def test_a_schedule_is_called_with_the_step():
    seen = []
    rule = Rule("spy", sgd.init, lambda p, g, s, *, lr: (seen.append(lr), (p, s))[1], elementwise=True)
    simulate(PROBLEM, rule, lr=Cosine(0.1, 20), steps=20, batch_size=1, replicas=2)
    np.testing.assert_allclose(seen, Cosine(0.1, 20)(np.arange(20)))


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_a_rule_that_mixes_coordinates_sees_one_replica_at_a_time(backend):
    def step(p, g, s, *, lr):
        return p - lr * g / (g**2).sum() ** 0.5, s  # the whole gradient has length one

    settings = {"lr": 0.1, "steps": 5, "batch_size": 1, "replicas": 50, "backend": backend}
    mixing = simulate(PROBLEM, Rule("unit", sgd.init, step), **settings)
    assert mixing.error[-1] > 0
    moved = simulate(
        spectrum([1.0, 1.0], [0.0, 0.0], variance=0.0, mean=[3.0, 4.0]), Rule("unit", sgd.init, step), **settings
    )
    np.testing.assert_allclose(moved.loss, (5 - 0.1 * np.arange(6)) ** 2 / 2, rtol=1e-5)


def test_a_rule_around_a_rule_runs_too():
    run = simulate(PROBLEM, lookahead.lookahead(sgd), lr=0.3, steps=5, batch_size=1, replicas=100, k=5, alpha=0.0)
    assert run.loss[5] == run.loss[0]  # the slow weights stay


def test_a_run_that_grows_out_of_bounds_is_an_answer():
    run = simulate(spectrum([1.0], [1.0]), sgd, lr=1e30, steps=12, batch_size=1, replicas=10)
    assert run.loss[1] > run.loss[0]
    assert not np.isfinite(run.loss[-1])


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_a_seed_gives_the_same_numbers_again(backend):
    words = {"lr": 0.1, "steps": 5, "batch_size": 1, "replicas": 10, "backend": backend}
    first, again, other = (simulate(PROBLEM, sgd, **words, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.loss, again.loss)
    assert not np.array_equal(first.loss, other.loss)


@pytest.mark.parametrize(
    ("rule", "change", "error", "sentence"),
    [
        (sgd, {"problem": harmonic(10**6)}, ValueError, "problem has 1000000 coordinates in .* needs them all"),
        (sgd, {"replicas": 1}, ValueError, "replicas is 1; allowed is a whole number from 2"),
        (sgd, {"replicas": 10**9}, ValueError, "replicas is 1000000000 at 3 coordinates"),
        (sgd, {"steps": 0}, ValueError, "steps is 0"),
        (sgd, {"batch_size": 0}, ValueError, "batch_size is 0"),
        (sgd, {"seed": -1}, ValueError, "seed is -1; allowed is a whole number from 0"),
        (sgd, {"point": 3}, ValueError, r"point is 3; allowed is a function of \(p, state\)"),
        (sgd, {"problem": [1.0]}, ValueError, "problem is a list; allowed is a Spectrum"),
        (sgd, {"backend": "torch"}, ValueError, "backend is 'torch'; allowed are numpy and jax"),
        (sgd, {"lr": [0.1, 0.2]}, ValueError, r"lr has shape \(2,\); allowed is a number, or a schedule"),
        (sgd, {"lr": "fast"}, TypeError, "Invalid learning rate: 'fast'"),
        (sgd, {"lr": -0.1}, ValueError, "Invalid learning rate: -0.1"),
        (sgd, {"momentum": 0.9}, TypeError, "sgd has no hyperparameter 'momentum'"),
        (momentum, {"momentum": -1.0}, ValueError, "Invalid momentum value"),
        (muon, {}, ValueError, "muon takes matrices"),
        ("sgd", {}, TypeError, "rule is 'sgd'"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_one_sentence(rule, change, error, sentence):
    words = {"problem": PROBLEM, "lr": 0.1, "steps": 5, "batch_size": 1, "replicas": 10, **change}
    with pytest.raises(error, match=sentence):
        simulate(words.pop("problem"), rule, **words)
