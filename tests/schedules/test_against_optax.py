"""Inside the horizon a schedule is optax's; where they differ beyond it, the difference is what the docstring says."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from course_lib import jax_optim, rules, schedules
from course_lib.schedules import Cosine, CosineRestarts, Linear, MultiStep, OneCycle, WarmUp, plateau

N = 40
CASES = {  # ours, optax's, and the steps for which they are the same
    "constant": (schedules.Constant(0.3), optax.constant_schedule(0.3), 3 * N),
    "linear": (Linear(0.3, N, 0.1), optax.linear_schedule(0.3, 0.1, N), 3 * N),
    "polynomial": (schedules.Polynomial(0.3, N, 2.5, 0.1), optax.polynomial_schedule(0.3, 0.1, 2.5, N), 3 * N),
    "step": (schedules.Step(0.3, 7, 0.5), optax.exponential_decay(0.3, 7, 0.5, staircase=True), 3 * N),
    "multi-step": (MultiStep(0.3, (5, 12), 0.5), optax.piecewise_constant_schedule(0.3, {5: 0.5, 12: 0.5}), 3 * N),
    "exponential": (schedules.Exponential(0.3, 0.5 ** (1 / 7)), optax.exponential_decay(0.3, 7, 0.5), 3 * N),
    "cosine": (Cosine(0.3, N, 0.03), optax.cosine_decay_schedule(0.3, N, 0.1), N + 1),
    "cosine held": (Cosine(0.3, N, 0.03, hold=True), optax.cosine_decay_schedule(0.3, N, 0.1), 3 * N),
    "warm-up": (
        WarmUp(Cosine(0.3, N - 8, 0.03, hold=True), 8, 0.1),
        optax.warmup_cosine_decay_schedule(0.03, 0.3, 8, N, 0.03),
        3 * N,
    ),
    "warm-up and constant": (WarmUp(schedules.Constant(0.3), 8), optax.warmup_constant_schedule(0.0, 0.3, 8), 3 * N),
    "restarts": (
        CosineRestarts(0.3, 5, 2),
        optax.sgdr_schedule(
            [{"init_value": 0.3, "peak_value": 0.3, "warmup_steps": 0, "decay_steps": n} for n in (5, 10, 20)]
        ),
        35,
    ),
    "sequence": (
        schedules.Sequential((Linear(0.1, 9, 0.3), Cosine(0.3, 20, hold=True)), (9,)),
        optax.join_schedules([optax.linear_schedule(0.1, 0.3, 9), optax.cosine_decay_schedule(0.3, 20)], [9]),
        3 * N,
    ),
    "one-cycle": (
        OneCycle(0.3, N + 1, pct_start=(12 + 1) / (N + 1), hold=True),
        optax.cosine_onecycle_schedule(N, 0.3, pct_start=0.3),
        3 * N,
    ),
    "one-cycle of three lines": (
        OneCycle(0.3, N + 1, pct_start=(12 + 1) / (N + 1), anneal_strategy="linear", three_phase=True, hold=True),
        optax.linear_onecycle_schedule(N, 0.3, pct_start=0.3, pct_final=0.6),
        3 * N,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_schedule_is_optaxs(case, x64):
    ours, theirs, steps = CASES[case]
    for t in range(steps):
        assert float(ours(t)) == pytest.approx(float(theirs(t)), rel=0, abs=1e-12), t
    np.testing.assert_allclose(jax.vmap(ours)(jnp.arange(steps)), [ours(t) for t in range(steps)], rtol=0, atol=1e-12)


def test_past_the_end_our_cosine_rises_and_optaxs_stays(x64):
    ours, theirs, steps = CASES["cosine"]
    assert float(theirs(2 * N)) == pytest.approx(0.03)
    assert ours(2 * N) == pytest.approx(0.3)
    assert ours(steps) > theirs(steps)


def test_past_the_listed_cycles_our_restarts_go_on_and_optaxs_stay(x64):
    ours, theirs, _ = CASES["restarts"]
    assert (ours(35), float(theirs(35))) == pytest.approx((0.3, 0.0))


@pytest.mark.parametrize("transform", [optax.sgd, jax_optim.sgd, optax.adam, jax_optim.adam])
def test_a_schedule_is_a_learning_rate_of_optax_and_of_ours(transform, x64):
    p, schedule = jnp.ones(2), WarmUp(Cosine(0.3, 10), 4, 0.1)
    scheduled = transform(schedule)
    s = scheduled.init(p)
    update = jax.jit(scheduled.update)
    for t in range(14):
        fixed = transform(float(schedule(t)))
        want, _ = fixed.update(jnp.ones(2), _with_rate_state(fixed, s, p), p)
        got, s = update(jnp.ones(2), s, p)
        np.testing.assert_allclose(got, want, rtol=1e-12)


def _with_rate_state(transform, s, p):
    """The state of a scheduled optax transform without its count, which a fixed rate does not keep."""
    leaves, like = jax.tree.leaves(s), transform.init(p)
    return jax.tree.unflatten(jax.tree.structure(like), leaves[: len(jax.tree.leaves(like))])


def test_momentum_is_scheduled_in_jax_too(x64):
    schedule = OneCycle(0.3, 10)
    transform = jax_optim.from_rule(rules.momentum, schedule, momentum=schedule.momentum)
    p = jnp.ones(1)
    s, v = transform.init(p), 0.0
    for t in range(10):
        v = schedule.momentum(t) * v + 1.0
        update, s = jax.jit(transform.update)(jnp.ones(1), s, p)
        assert float(update[0]) == pytest.approx(-schedule(t) * v, rel=1e-12)


def test_optaxs_plateau_is_ours_with_one_more_of_patience(x64):
    metrics = [1.0, 0.9, 0.9, 0.9, 0.9, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6]
    transform = optax.contrib.reduce_on_plateau(factor=0.5, patience=3, rtol=1e-4)
    s, lr, ours = transform.init(jnp.ones(1)), 1.0, plateau.init()
    for metric in metrics:
        update, s = transform.update(jnp.ones(1), s, value=metric)
        lr, ours = plateau.step(lr, metric, ours, factor=0.5, patience=2, threshold=1e-4)
        assert float(update[0]) == lr
    assert lr == 0.25


def test_a_plateau_runs_under_jit(x64):
    step = jax.jit(lambda lr, metric, s: plateau.step(lr, metric, s, patience=1))
    lr, s = 1.0, plateau.init()
    for metric in (1.0, 1.0, 1.0, 1.0):
        lr, s = step(lr, metric, s)
    assert float(lr) == pytest.approx(0.1)
