"""Every function against optax's, with the arguments that its docstring names, and in optax's place."""

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
    "adadelta, decay": (
        {"rho": 0.7, "eps": 1e-3, "weight_decay": 0.1},
        "adadelta",
        {"rho": 0.7, "eps": 1e-3, "weight_decay": 0.1},
    ),
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
    "lion, other": (
        {"b1": 0.5, "b2": 0.8, "weight_decay": 0.3},
        "lion",
        {"b1": 0.5, "b2": 0.8, "weight_decay": 0.3},
    ),
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
    """A matrix, so that Muon takes it too; the same numbers in every precision."""
    numbers = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    return {"layer": [jnp.asarray(numbers, dtype)]}


def gradients(steps, dtype=jnp.float32):
    numbers = np.random.default_rng(1).standard_normal((steps, 4, 3)).astype(np.float32)
    return {"layer": [jnp.asarray(numbers, dtype)]}


def run(transform, steps=50, dtype=jnp.float32):
    """The parameters after every step, in one scan."""

    def one(carry, grads):
        params, state = carry
        updates, state = transform.update(grads, state, params)
        params = jax_optim.apply_updates(params, updates)
        return (params, state), params

    @quickly
    def walk(params, grads):
        return jax.lax.scan(one, (params, transform.init(params)), grads)[1]

    return walk(parameters(dtype), gradients(steps, dtype))


def quickly(function, **options):
    """Compiled without much care, which is most of the time here."""
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0}, **options)


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
    """In single precision too: within 1e-6 of optax's path in double, where optax's own is 1e-5 off (RAdam)."""
    rate = 0.03 if "momentum" in FUNCTIONS[name][2] else RATE
    ours, theirs = pair(name, rate)
    wanted = run(theirs, dtype=jnp.float64)
    assert distance(run(ours, dtype=jnp.float64), wanted) < 1e-12
    if "," not in name:
        assert distance(run(ours), wanted) < 1e-6


def test_in_rmsprop_optax_takes_the_learning_rate_of_then_and_not_of_now(x64):
    ours, theirs = pair("rmsprop, momentum")
    assert distance(run(ours, dtype=jnp.float64), run(theirs, dtype=jnp.float64)) > 1e-3


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
    for name, decay in (("adamw", 1e-4), ("lion", 1e-3)):
        for library in (jax_optim, optax):
            assert inspect.signature(getattr(library, name)).parameters["weight_decay"].default == decay


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

    one, state = quickly(one, donate_argnums=(0, 1)), transform.init(params)
    state = jax.tree.map(jnp.array, state)
    for _ in range(4):
        old = params
        params, state = one(params, state)
    assert traces == 1
    assert all(x.is_deleted() for x in jax.tree.leaves(old))
    assert all(jnp.isfinite(x).all() for x in jax.tree.leaves(params))


@makers
def test_learning_rates_run_side_by_side(make):
    def end(lr):
        transform, params = make(lr), parameters()
        updates, state = transform.update(params, transform.init(params), params)
        updates, _ = transform.update(updates, state, params)
        return updates

    rates = jnp.asarray([0.01, 0.1])
    together, alone = quickly(jax.vmap(end))(rates), quickly(end)
    for i, lr in enumerate(rates):
        assert distance(jax.tree.map(lambda x, i=i: x[i], together), alone(lr)) < 1e-5


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
@pytest.mark.parametrize("rate", [0.03, np.float32(0.03), RATE], ids=["number", "array", "schedule"])
@makers
def test_updates_and_state_keep_dtype_and_structure(make, dtype, rate):
    transform, params = make(rate), parameters(dtype)
    state = jax.eval_shape(transform.init, params)
    updates, after = jax.eval_shape(transform.update, params, state, params)
    assert {u.dtype for u in jax.tree.leaves(updates)} == {jnp.dtype(dtype)}
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert [(x.dtype, x.shape) for x in jax.tree.leaves(after)] == [(x.dtype, x.shape) for x in jax.tree.leaves(state)]


def test_a_warm_up_from_zero_leaves_schedule_free_finite():
    transform, p = OTHERS["schedule_free"](lambda count: 0.1 * count), jnp.ones(2)
    update, state = transform.update(p, transform.init(p), p)
    np.testing.assert_allclose(update, 0.0, atol=1e-7)
    assert all(jnp.isfinite(x).all() for x in jax.tree.leaves(state))


@pytest.mark.parametrize("name", ["sgd", "adagrad", "adamw", "lookahead", "schedule_free"])
def test_a_complex_parameter_moves_as_a_pair_of_reals(name):
    rng = np.random.default_rng(0)
    z, g = (jnp.asarray(rng.standard_normal(3) + 1j * rng.standard_normal(3), jnp.complex64) for _ in range(2))

    def end(p, g):
        transform = MAKERS[name](0.1)
        state = transform.init(p)
        for sign in (1, -1, 1):
            update, state = transform.update(sign * g, state, p)
            p = p + update
        return p

    whole, pair = (quickly(end)(*map(form, (z, g))) for form in (lambda x: x, as_pairs))
    assert whole.dtype == jnp.complex64
    np.testing.assert_allclose(as_pairs(whole), pair, rtol=1e-5, atol=1e-6)


def as_pairs(x):
    return jnp.stack([x.real, x.imag], -1)


# Among optax's parts


@makers
def test_its_learning_rate_can_be_injected(make):
    transform, params = (
        optax.inject_hyperparams(lambda learning_rate: make(learning_rate))(learning_rate=0.03),
        parameters(),
    )
    state = transform.init(params)
    state.hyperparams["learning_rate"] = jnp.asarray(0.5)
    plain = make(0.5)
    ours, _ = quickly(transform.update)(params, state, params)
    wanted, _ = quickly(plain.update)(params, plain.init(params), params)
    assert distance(ours, wanted) < 1e-5


@pytest.mark.parametrize("name", ["adam", "adamw, decay", "lion, other", "radam", "rmsprop, momentum"])
def test_it_stands_in_a_chain_under_a_mask_where_optax_stood(name):
    """Clipped, accumulated over two steps, masked away for one of the methods."""

    def around(transform):
        chain = optax.chain(optax.clip_by_global_norm(1.0), optax.masked(transform, {"layer": [name != "adam"]}))
        return optax.MultiSteps(chain, every_k_schedule=2)

    ours, theirs = (run(around(transform), steps=12) for transform in pair(name, 0.03))
    assert distance(ours, theirs) < (1e-5 if name == "radam" else 1e-6)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "lion", "adadelta"])
def test_map_params_finds_the_trees_that_it_finds_in_optaxs_state(name):
    params, specs = {"a": jnp.ones((2, 2)), "b": [jnp.ones((3, 3))]}, {"a": "first", "b": ["second"]}

    def mapped(module):
        transform = getattr(module, name)(0.1, **({"momentum": 0.9} if name == "sgd" else {}))
        state = transform.init(params)
        grads = jax.tree.map(jnp.ones_like, params)
        for after in (state, transform.update(grads, state, params)[1]):
            yield optax.tree_utils.tree_map_params(
                transform, lambda _, spec: spec, after, specs, transform_non_params=lambda _: None
            )

    for ours, theirs in zip(mapped(jax_optim), mapped(optax), strict=True):
        assert sorted(jax.tree.leaves(ours)) == sorted(jax.tree.leaves(theirs))


@pytest.mark.parametrize("name", sorted(set(MAKERS) - {"muon_with_adamw"}))  # which has states of two kinds
def test_map_params_keeps_what_is_no_tree_of_parameters(name):
    transform, params = MAKERS[name](0.1), parameters()
    state = transform.init(params)
    same = optax.tree_utils.tree_map_params(transform, lambda x: x, state)
    assert jax.tree.structure(same) == jax.tree.structure(state)
    assert all(x is y for x, y in zip(jax.tree.leaves(same), jax.tree.leaves(state), strict=True))
