"""The JAX shell: optax's own SGD as the oracle, and everything that users of optax rely on."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from course_lib.jax_optim import apply_updates, from_rule, sgd
from course_lib.rule import Rule
from course_lib.rules import momentum, nesterov
from course_lib.rules import sgd as plain

VARIANTS = {
    "plain": {},
    "no momentum": {"momentum": 0.0},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True},
}
RATES = {
    "constant": 0.03,
    "array": np.float32(0.03),
    "schedule": optax.exponential_decay(0.03, transition_steps=50, decay_rate=0.5),
}
variants = pytest.mark.parametrize("variant", VARIANTS)


def parameters(dtype=jnp.float32):
    rng = np.random.default_rng(0)
    return {"layer": [jnp.asarray(rng.standard_normal(n), dtype) for n in ((4, 3), (3,))]}


def gradients(params, seed=1):
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda p: jnp.asarray(rng.standard_normal(p.shape), p.dtype), params)


def run(transform, steps=200, dtype=jnp.float32):
    params = parameters(dtype)
    state = transform.init(params)

    @jax.jit
    def one(params, state, grads):
        updates, state = transform.update(grads, state, params)
        return apply_updates(params, updates), state

    for t in range(steps):
        params, state = one(params, state, gradients(params, seed=t))
    return params, state


def assert_equal(ours, theirs, atol=0.0):
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=atol)


# The numbers


@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
@variants
def test_sgd_walks_the_path_of_optax(variant, rate, x64):
    ours, _ = run(sgd(rate, **VARIANTS[variant]), dtype=jnp.float64)
    theirs, _ = run(optax.sgd(rate, **VARIANTS[variant]), dtype=jnp.float64)
    assert_equal(ours, theirs, atol=1e-12)


@pytest.mark.parametrize(
    ("rule", "variant"), [(plain, "plain"), (momentum, "momentum"), (nesterov, "nesterov")], ids=lambda x: str(x)[-20:]
)
def test_a_rule_in_the_shell_walks_the_path_of_optax(rule, variant, x64):
    ours, _ = run(from_rule(rule, 0.03), dtype=jnp.float64)
    theirs, _ = run(optax.sgd(0.03, **VARIANTS[variant]), dtype=jnp.float64)
    assert_equal(ours, theirs, atol=1e-12)


def test_a_students_pair_that_reads_the_parameters_is_a_rule(x64):
    decay = Rule("decay", lambda p: (), lambda p, g, s, *, lr, weight_decay=0.1: (p - lr * (g + weight_decay * p), s))
    ours, _ = run(from_rule(decay, 0.03, weight_decay=0.2), dtype=jnp.float64)
    theirs, _ = run(optax.chain(optax.add_decayed_weights(0.2), optax.sgd(0.03)), dtype=jnp.float64)
    assert_equal(ours, theirs, atol=1e-12)


def test_a_schedule_is_called_with_the_steps_already_taken():
    transform, state, moves = sgd(lambda count: 10.0**-count), None, []
    state = transform.init(jnp.zeros(()))
    for _ in range(3):
        update, state = transform.update(jnp.ones(()), state)
        moves.append(float(update))
    assert moves == pytest.approx([-1, -0.1, -0.01])


def test_any_hyperparameter_may_follow_a_schedule():
    transform = from_rule(momentum, 1.0, momentum=lambda count: jnp.where(count < 1, 0.0, 0.5))
    state, p = transform.init(jnp.zeros(())), jnp.zeros(())
    for wanted in (-1.0, -1.5):
        update, state = transform.update(jnp.ones(()), state, p)
        assert float(update) == wanted


def test_at_huge_parameters_a_small_update_is_not_rounded_away():
    transform, params = sgd(1.0, momentum=0.9), jnp.asarray([1e10])
    updates, _ = transform.update(jnp.asarray([1e-3]), transform.init(params), params)
    assert float(updates[0]) == pytest.approx(-1e-3)


# Dtypes and structure


@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
@variants
def test_updates_and_state_keep_dtype_and_structure(variant, dtype, rate):
    transform, params = sgd(rate, **VARIANTS[variant]), parameters(dtype)
    state = transform.init(params)
    updates, after = transform.update(gradients(params), state, params)
    assert jax.tree.map(lambda u: u.dtype, updates) == jax.tree.map(lambda p: p.dtype, params)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert [x.dtype for x in jax.tree.leaves(after)] == [x.dtype for x in jax.tree.leaves(state)]
    assert {p.dtype for p in jax.tree.leaves(apply_updates(params, updates))} == {jnp.dtype(dtype)}


@pytest.mark.parametrize("nesterov", [False, True])
def test_a_wider_hyperparameter_widens_neither_update_nor_state(nesterov):
    transform, params = sgd(np.float32(0.1), jnp.asarray(0.9, jnp.float32), nesterov), jnp.ones(2, jnp.bfloat16)
    update, state = transform.update(params, transform.init(params))
    assert update.dtype == state.rule.v.dtype == jnp.bfloat16


def test_a_parameter_keeps_its_dtype_under_a_wider_update():
    assert apply_updates(jnp.ones(2, jnp.bfloat16), jnp.ones(2, jnp.float32)).dtype == jnp.bfloat16


def test_the_state_counts_the_steps_in_int32():
    _, state = run(sgd(0.1), steps=3)
    assert (int(state.count), state.count.dtype) == (3, jnp.int32)


def test_an_update_changes_none_of_its_arguments():
    transform, params = sgd(0.1, momentum=0.9), parameters()
    state, grads = transform.init(params), gradients(params)
    before = jax.tree.map(np.array, (params, state, grads))
    transform.update(grads, state, params)
    assert_equal((params, state, grads), before)


def test_params_may_be_left_out_where_the_rule_does_not_read_them():
    transform, params = sgd(0.1, momentum=0.9), parameters()
    state, grads = transform.init(params), gradients(params)
    assert_equal(transform.update(grads, state), transform.update(grads, state, params))


# Life in JAX and among optax's parts


@variants
def test_jit_compiles_once(variant):
    traces, transform, params = 0, sgd(RATES["schedule"], **VARIANTS[variant]), parameters()

    @jax.jit
    def one(params, state):
        nonlocal traces
        traces += 1
        updates, state = transform.update(params, state, params)
        return apply_updates(params, updates), state

    state = transform.init(params)
    for _ in range(4):
        params, state = one(params, state)
    assert traces == 1


def test_a_run_fits_into_a_scan():
    transform, params = sgd(0.1, momentum=0.9), jnp.ones(2)

    def one(carry, grad):
        params, state = carry
        updates, state = transform.update(grad, state, params)
        return (apply_updates(params, updates), state), params

    grads = jnp.ones((5, 2))
    (scanned, _), path = jax.lax.scan(one, (params, transform.init(params)), grads)
    carry = params, transform.init(params)
    for g in grads:
        carry, _ = one(carry, g)
    assert path.shape == (5, 2)
    np.testing.assert_allclose(scanned, carry[0], rtol=1e-6)


def final_loss(lr):
    """After ten steps of the heavy ball on p^2 / 2."""
    transform, p = sgd(lr, momentum=0.5), jnp.ones(())
    state = transform.init(p)
    for _ in range(10):
        updates, state = transform.update(p, state)
        p = apply_updates(p, updates)
    return p**2 / 2


def test_learning_rates_run_side_by_side_under_vmap():
    lrs = jnp.asarray([0.01, 0.1, 0.5])
    np.testing.assert_allclose(jax.vmap(final_loss)(lrs), [final_loss(float(lr)) for lr in lrs], rtol=1e-5, atol=1e-9)


def test_a_run_is_differentiable_in_its_learning_rate(x64):
    slope = float(final_loss(0.1 + 1e-6) - final_loss(0.1 - 1e-6)) / 2e-6
    assert jax.grad(final_loss)(0.1) == pytest.approx(slope, rel=1e-5)


@variants
def test_it_stands_in_a_chain_where_optax_stood(variant):
    ours, theirs = (
        optax.chain(optax.clip_by_global_norm(1.0), make(0.03, **VARIANTS[variant])) for make in (sgd, optax.sgd)
    )
    assert_equal(run(ours, 20)[0], run(theirs, 20)[0], atol=1e-6)


@variants
def test_its_hyperparameters_can_be_injected(variant):
    transform, params = optax.inject_hyperparams(sgd)(learning_rate=0.03, **VARIANTS[variant]), jnp.zeros(2)
    state = transform.init(params)
    state.hyperparams["learning_rate"] = jnp.asarray(0.5)
    updates, _ = jax.jit(transform.update)(jnp.ones(2), state, params)
    mu = VARIANTS[variant].get("momentum", 0) if "nesterov" in VARIANTS[variant] else 0
    np.testing.assert_allclose(updates, [-0.5 * (1 + mu)] * 2, rtol=1e-6)


def test_gradients_accumulate_in_multisteps():
    """The moves of optax's SGD, every other step."""
    moves = []
    for make in (sgd, optax.sgd):
        transform, p = optax.MultiSteps(make(0.1, momentum=0.9), every_k_schedule=2), jnp.zeros(())
        state = transform.init(p)
        moves.append([])
        for g in (1.0, 3.0, 5.0, 7.0):
            update, state = transform.update(jnp.asarray(g), state, p)
            moves[-1].append(float(update))
    assert moves[0] == pytest.approx(moves[1])
    assert moves[0] == pytest.approx([0, -0.2, 0, -0.78])


def test_only_part_of_the_parameters_may_move():
    params = {"train": jnp.ones(2), "frozen": jnp.ones(2)}
    transform = optax.multi_transform(
        {"train": sgd(0.5, momentum=0.9), "frozen": optax.set_to_zero()}, {"train": "train", "frozen": "frozen"}
    )
    updates, _ = transform.update(params, transform.init(params), params)
    assert (updates["train"].tolist(), updates["frozen"].tolist()) == ([-0.5, -0.5], [0, 0])


def test_further_arguments_of_a_chain_are_ignored():
    transform, p = sgd(0.1), jnp.ones(())
    updates, _ = transform.update(p, transform.init(p), p, value=3.0)
    assert float(updates) == pytest.approx(-0.1)


# Bad input


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: sgd(-1), ValueError, "Invalid learning rate: -1"),
        (lambda: sgd(math.nan), ValueError, "Invalid learning rate: nan"),
        (lambda: sgd("0.1"), TypeError, r"Invalid learning rate: '0\.1'"),
        (lambda: sgd(0.1, momentum=-0.5), ValueError, r"Invalid momentum value: -0\.5"),
        (lambda: from_rule(momentum, 0.1, beta=0.9), TypeError, "momentum has no hyperparameter 'beta'"),
        (lambda: from_rule("momentum", 0.1), TypeError, "rule is 'momentum'"),
    ],
)
def test_a_bad_argument_is_refused(make, kind, words):
    with pytest.raises(kind, match=words):
        make()


def test_missing_params_are_named():
    transform = from_rule(momentum, 0.1)
    with pytest.raises(ValueError, match=r"params is None; momentum needs them: update\(grads, state, params\)"):
        transform.update(jnp.ones(2), transform.init(jnp.ones(2)))
