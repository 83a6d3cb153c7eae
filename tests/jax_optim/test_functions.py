"""Every function against optax's, with the arguments that its docstring names, and in the places where optax's stand."""

import inspect
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from course_lib import jax_optim, rules

RATE = optax.exponential_decay(0.03, transition_steps=20, decay_rate=0.5)
SHORT = {"b1": 0.8, "b2": 0.7, "eps": 1e-3}
FUNCTIONS = {  # ours and optax's with the same arguments, but for those that the docstring gives
    "adagrad": ({"initial_accumulator_value": 0.1, "eps": 1e-7, "eps_in_sqrt": True}, "adagrad", {}),
    "adagrad, other": (
        {"initial_accumulator_value": 0.5, "eps": 1e-3, "eps_in_sqrt": True},
        "adagrad",
        {"initial_accumulator_value": 0.5, "eps": 1e-3},
    ),
    "adadelta": ({}, "adadelta", {}),
    "adadelta, decay": ({"rho": 0.7, "eps": 1e-3, "weight_decay": 0.1},) * 1
    + ("adadelta", {"rho": 0.7, "eps": 1e-3, "weight_decay": 0.1}),
    "rmsprop": ({"decay": 0.9, "eps_in_sqrt": True}, "rmsprop", {}),
    "rmsprop, torch's": ({"eps": 1e-3}, "rmsprop", {"decay": 0.99, "eps": 1e-3, "eps_in_sqrt": False}),
    "rmsprop, momentum": (
        {"decay": 0.9, "eps_in_sqrt": True, "momentum": 0.5},
        "rmsprop",
        {"momentum": 0.5},
    ),
    "rmsprop, centered": (
        {"decay": 0.9, "eps": 1e-3, "eps_in_sqrt": True, "centered": True},
        "rmsprop",
        {"eps": 1e-3, "centered": True},
    ),
    "rmsprop, both": (
        {"decay": 0.9, "eps": 1e-3, "eps_in_sqrt": True, "centered": True, "momentum": 0.5},
        "rmsprop",
        {"eps": 1e-3, "centered": True, "momentum": 0.5},
    ),
    "adam": ({}, "adam", {}),
    "adam, other": (SHORT, "adam", SHORT),
    "adamw": ({}, "adamw", {}),
    "adamw, decay": ({**SHORT, "weight_decay": 0.3}, "adamw", {**SHORT, "weight_decay": 0.3}),
    "amsgrad": ({"corrected": True}, "amsgrad", {}),
    "amsgrad, other": ({**SHORT, "corrected": True}, "amsgrad", SHORT),
    "nadam": ({"momentum_decay": math.inf}, "nadam", {}),
    "nadam, other": ({**SHORT, "momentum_decay": math.inf}, "nadam", SHORT),
    "adamax": ({}, "adamax", {}),
    "adamax, other": (SHORT, "adamax", SHORT),
    "radam": ({"corrected_eps": True}, "radam", {}),
    "radam, other": ({**SHORT, "corrected_eps": True}, "radam", SHORT),
    "lion": ({}, "lion", {}),
    "lion, other": ({"b1": 0.5, "b2": 0.8, "weight_decay": 0.3},) * 1
    + ("lion", {"b1": 0.5, "b2": 0.8, "weight_decay": 0.3}),
}
NAMES = ["sgd", "adagrad", "adadelta", "rmsprop", "adam", "adamw", "amsgrad", "nadam", "adamax", "radam", "lion"]
OTHERS = {  # for which optax has no equal
    "muon": lambda lr: jax_optim.muon(lr),
    "lookahead": lambda lr: jax_optim.lookahead(rules.adam, lr, sync_period=3),
    "schedule_free": lambda lr: jax_optim.from_rule(rules.schedule_free.adamw, lr),
    "muon_with_adamw": lambda lr: jax_optim.from_rule(rules.muon.with_adamw, lr),
}
MAKERS = {name: getattr(jax_optim, name) for name in NAMES} | OTHERS
makers = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def parameters(dtype=jnp.float32):
    """Matrices, so that Muon takes them too."""
    rng = np.random.default_rng(0)
    return {"layer": [jnp.asarray(rng.standard_normal(n), dtype) for n in ((4, 3), (2, 3))]}


def gradients(steps, dtype=jnp.float32):
    rng = np.random.default_rng(1)
    return jax.tree.map(lambda p: jnp.asarray(rng.standard_normal((steps, *p.shape)), dtype), parameters())


def run(transform, steps=50, dtype=jnp.float32, params=None, grads=None):
    """The parameters after every step, in one scan."""
    params, grads = params or parameters(dtype), grads or gradients(steps, dtype)

    def one(carry, grads):
        params, state = carry
        updates, state = transform.update(grads, state, params)
        params = jax_optim.apply_updates(params, updates)
        return (params, state), params

    return jax.jit(lambda carry, grads: jax.lax.scan(one, carry, grads)[1])((params, transform.init(params)), grads)


def distance(ours, theirs):
    """The largest difference over the largest entry."""
    ours, theirs = (np.concatenate([np.ravel(x) for x in jax.tree.leaves(tree)]) for tree in (ours, theirs))
    return np.max(abs(ours - theirs)) / np.max(abs(theirs))


# The numbers


def pair(name, rate=RATE):
    ours, theirs, words = FUNCTIONS[name]
    return getattr(jax_optim, name.partition(",")[0])(rate, **ours), getattr(optax, theirs)(rate, **words)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_walks_the_path_of_optax(name, x64):
    ours, theirs = (run(transform, dtype=jnp.float64) for transform in pair(name))
    assert distance(ours, theirs) < 1e-12


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if "," not in name])
def test_a_function_walks_the_path_of_optax_in_single_precision(name):
    ours, theirs = (run(transform) for transform in pair(name))
    assert distance(ours, theirs) < 1e-6


@pytest.mark.parametrize(
    ("name", "rule", "hypers"),
    [
        ("muon", rules.muon, {"momentum": 0.95, "weight_decay": 0.1}),
        ("lookahead", rules.lookahead.lookahead(rules.adam), {"k": 3}),
        ("schedule_free", rules.schedule_free.adamw, {}),
        ("adagrad", rules.adagrad, {}),
        ("rmsprop", rules.rmsprop, {}),
        ("amsgrad", rules.amsgrad, {}),
        ("nadam", rules.nadam, {}),
        ("radam", rules.radam, {}),
    ],
)
def test_a_function_as_it_comes_takes_the_steps_of_its_rule(name, rule, hypers, x64):
    """PyTorch's definitions, where optax has others."""
    path, gs = run(MAKERS[name](0.03), steps=12, dtype=jnp.float64), gradients(12, jnp.float64)
    for p, moves, g in zip(*map(jax.tree.leaves, (parameters(jnp.float64), path, gs)), strict=True):
        p, s = np.array(p), rule.init(np.array(p))
        for wanted, gradient in zip(moves, np.array(g), strict=True):
            p, s = rule.step(p, gradient, s, lr=0.03, **hypers)
            np.testing.assert_allclose(wanted, p, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_optaxs_and_those_for_its_definition_are_in_the_docstring(name):
    function = getattr(jax_optim, name)
    ours, theirs = (list(inspect.signature(f).parameters) for f in (function, getattr(optax, name)))
    shared = [argument for argument in ours if argument in theirs]
    assert shared == [argument for argument in theirs if argument in shared]
    assert ours[0] == "learning_rate"
    for extra in FUNCTIONS.get(name, ({}, "", {}))[0]:
        assert f"{extra}=" in function.__doc__ or extra == "decay"


def test_defaults_are_those_of_pytorch_but_for_the_decay_of_adamw_and_lion():
    for name, rule in [
        ("adam", rules.adam),
        ("nadam", rules.nadam),
        ("adamax", rules.adamax),
        ("rmsprop", rules.rmsprop),
    ]:
        words = {"b1": "beta1", "b2": "beta2", "decay": "alpha"}
        from_function = {
            words.get(k, k): a.default for k, a in inspect.signature(getattr(jax_optim, name)).parameters.items()
        }
        from_rule = {k: a.default for k, a in inspect.signature(rule.step).parameters.items()}
        shared = (set(from_function) & set(from_rule)) - {"learning_rate", "lr"}
        assert {k: from_function[k] for k in shared} == {k: from_rule[k] for k in shared}
    assert inspect.signature(jax_optim.adamw).parameters["weight_decay"].default == 1e-4
    assert inspect.signature(jax_optim.lion).parameters["weight_decay"].default == 1e-3


# Life in JAX


@makers
def test_it_compiles_once_and_gives_its_buffers_away(make):
    traces, transform, params = 0, make(RATE), parameters()
    grads = jax.tree.map(jnp.ones_like, params)

    def one(params, state):
        nonlocal traces
        traces += 1
        updates, state = transform.update(grads, state, params)
        return jax_optim.apply_updates(params, updates), state

    one, state = jax.jit(one, donate_argnums=(0, 1)), transform.init(params)
    state = jax.tree.map(jnp.array, state)
    for _ in range(4):
        old = params
        params, state = one(params, state)
    assert traces == 1
    assert all(x.is_deleted() for x in jax.tree.leaves(old))
    assert all(jnp.isfinite(x).all() for x in jax.tree.leaves(params))


@makers
def test_learning_rates_run_side_by_side(make):
    rates = jnp.asarray([0.01, 0.1])

    def end(lr):
        transform, params = make(lr), parameters()
        state = transform.init(params)
        for _ in range(3):
            updates, state = transform.update(params, state, params)
            params = jax_optim.apply_updates(params, updates)
        return params

    together = jax.jit(jax.vmap(end))(rates)
    for i, lr in enumerate(rates):
        assert distance(jax.tree.map(lambda x, i=i: x[i], together), end(float(lr))) < 1e-5


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
@makers
def test_updates_and_state_keep_dtype_and_structure(make, dtype):
    transform, params = make(0.03), parameters(dtype)
    state = transform.init(params)
    updates, after = transform.update(params, state, params)
    assert {u.dtype for u in jax.tree.leaves(updates)} == {jnp.dtype(dtype)}
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert [(x.dtype, x.shape) for x in jax.tree.leaves(after)] == [(x.dtype, x.shape) for x in jax.tree.leaves(state)]


@makers
def test_a_learning_rate_of_zero_moves_nothing(make):
    if "with_adamw" in str(make):
        pytest.skip("it has two learning rates")
    transform, params = make(lambda count: 0.0 * count), parameters()
    updates, state = transform.update(params, transform.init(params), params)
    np.testing.assert_allclose(updates["layer"][0], 0.0, atol=1e-6)
    assert all(jnp.isfinite(x).all() for x in jax.tree.leaves(state))


@pytest.mark.parametrize("name", [*NAMES, "lookahead", "schedule_free"])
def test_a_complex_parameter_moves_as_a_pair_of_reals(name):
    rng = np.random.default_rng(0)
    z, *gs = (jnp.asarray(rng.standard_normal(3) + 1j * rng.standard_normal(3), jnp.complex64) for _ in range(5))
    ends = []
    for form in (lambda x: x, lambda x: jnp.stack([x.real, x.imag], -1)):
        p, transform = form(z), MAKERS[name](0.1)
        state = transform.init(p)
        for g in gs:
            update, state = transform.update(form(g), state, p)
            p = p + update
        ends.append(p)
    assert ends[0].dtype == jnp.complex64
    np.testing.assert_allclose(jnp.stack([ends[0].real, ends[0].imag], -1), ends[1], rtol=1e-5, atol=1e-6)


# Among optax's parts


@makers
def test_its_learning_rate_can_be_injected(make):
    transform, params = (
        optax.inject_hyperparams(lambda learning_rate: make(learning_rate))(learning_rate=0.03),
        parameters(),
    )
    state = transform.init(params)
    state.hyperparams["learning_rate"] = jnp.asarray(0.5)
    ours, _ = jax.jit(transform.update)(params, state, params)
    plain = make(0.5)
    wanted, _ = plain.update(params, plain.init(params), params)
    assert distance(ours, wanted) < 1e-5


@pytest.mark.parametrize("name", ["adam", "adamw, decay", "lion, other", "radam", "rmsprop, momentum"])
def test_it_stands_in_a_chain_under_a_mask_where_optax_stood(name):
    """Clipped, accumulated over two steps, for one of two leaves alone."""
    mask = {"layer": [True, False]}

    def around(transform):
        chain = optax.chain(optax.clip_by_global_norm(1.0), optax.masked(transform, mask), optax.scale(0.5))
        return optax.MultiSteps(chain, every_k_schedule=2)

    ours, theirs = (run(around(transform), steps=12) for transform in pair(name))
    assert distance(ours, theirs) < 1e-6


def test_its_state_can_be_mapped_over_like_optaxs():
    params = parameters()
    transform = jax_optim.adam(0.1)
    doubled = optax.tree.map_params(transform, lambda x: x + 2.0, transform.init(params))
    assert int(doubled.count) == 0
    assert {float(x.ravel()[0]) for s in doubled.rule["layer"] for x in (s.m, s.v)} == {2.0}
