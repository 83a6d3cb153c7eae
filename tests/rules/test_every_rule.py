"""What every rule promises, whatever its method: one arithmetic in every library, nothing changed, nothing widened."""

import copy
import inspect
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from course_lib import rules
from course_lib.arrays import to_numpy
from course_lib.hyperparameters import names
from course_lib.rule import Rule

LRS = [0.05] * 12 + [0.01] * 8


def walk(variant, p, gradients, lrs=LRS, step=None):
    """The position after every step, and the last state."""
    step, s, path = step or variant.rule.step, variant.rule.init(p), []
    for g, lr in zip(gradients, lrs, strict=False):
        p, s = step(p, g, s, lr=lr, **variant.hypers)
        path.append(p)
    return path, s


def start(variant):
    return np.linspace(0.5, 2, np.prod(variant.shape)).reshape(variant.shape)


def gradients(variant, seed=0):
    return np.random.default_rng(seed).standard_normal((len(LRS), *variant.shape))


def leaves(s):
    return [x for part in s for x in leaves(part)] if isinstance(s, tuple) else [s]


def arrays(s):
    return [x for x in leaves(s) if not isinstance(x, int | float)]


def needs_matrices(variant):
    return variant.rule.__name__.endswith("muon")


def test_every_rule_of_the_package_is_tried(variants):
    modules = {getattr(rules, name) for name in rules.__all__} - {rules.Rule}
    assert {variant.module for variant in variants.values()} == modules
    made = {rule for module in modules for rule in vars(module).values() if isinstance(rule, Rule)}
    assert made <= {Rule.of(variant.rule) for variant in variants.values()}


def test_a_rule_takes_the_steps_of_its_oracle(variant):
    p, gs = start(variant), gradients(variant)
    path, _ = walk(variant, p, gs)
    np.testing.assert_allclose(np.array(path), variant.oracle(p, gs, LRS), rtol=0, atol=1e-12)


def test_a_rule_has_the_oracles_default_learning_rate(variant):
    lr = names(variant.rule)["lr"]
    assert lr == (inspect.Parameter.empty if variant.lr is None else variant.lr)


def test_a_rule_gives_the_same_numbers_in_every_library(variant, library, x64):
    wanted, _ = walk(variant, start(variant), gradients(variant))
    p, *gs = (library.asarray(x, dtype=library.float64) for x in (start(variant), *gradients(variant)))
    path, _ = walk(variant, p, gs)
    assert path[-1].dtype == library.float64
    np.testing.assert_allclose([to_numpy(q) for q in path], wanted, rtol=0, atol=1e-13)


def test_a_rule_runs_on_plain_floats(variant):
    if needs_matrices(variant) or "with adamw" in variant.rule.__name__.replace("_", " "):
        pytest.skip("a method for matrices")
    columns = start(variant).flat, gradients(variant).reshape(len(LRS), -1).T
    paths = [walk(variant, float(p), gs.tolist())[0] for p, gs in zip(*columns, strict=True)]
    assert {type(p) for path in paths for p in path} == {float}
    wanted, _ = walk(variant, start(variant), gradients(variant))
    np.testing.assert_allclose(np.array(paths).T.reshape(np.shape(wanted)), wanted, rtol=0, atol=1e-14)


def test_a_rule_gives_the_same_numbers_under_jit(each, x64):
    wanted, _ = walk(each, start(each), gradients(each))
    step = jax.jit(partial(each.rule.step, **each.hypers))
    path, _ = walk(each._replace(hypers={}), jnp.asarray(start(each)), gradients(each), step=step)
    np.testing.assert_allclose(path, wanted, rtol=0, atol=1e-12)


def test_a_step_changes_none_of_its_arguments(each, library):
    p, g = (library.asarray(x) for x in (start(each), gradients(each)[0]))
    _, s = walk(each, p, [g, g])
    before = copy.deepcopy((p, g, s))
    each.rule.step(p, g, s, lr=0.1, **each.hypers)
    for now, then in zip(leaves((p, g, s)), leaves(before), strict=True):
        np.testing.assert_array_equal(to_numpy(now), to_numpy(then))


def test_a_fresh_state_shares_no_memory_with_the_parameter(each):
    p = start(each)
    assert not any(np.shares_memory(p, x) for x in arrays(each.rule.init(p)))


def test_a_state_has_one_form_from_the_beginning(each):
    p, gs = start(each), gradients(each)
    forms = [jax.tree.structure(walk(each, p, gs[:n])[1]) for n in (0, 1, 7)]
    assert forms[0] == forms[1] == forms[2]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_parameter_and_state_keep_shape_and_dtype(each, library, dtype):
    if not hasattr(library, dtype):
        pytest.skip("NumPy has no bfloat16")
    p, *gs = (library.asarray(x, dtype=getattr(library, dtype)) for x in (start(each), *gradients(each)[:3]))
    path, s = walk(each, p, gs)
    for array in (*path, *arrays(s)):
        assert (array.dtype, array.shape) == (p.dtype, p.shape)


def test_a_rule_takes_its_learning_rate_as_an_array(each, library):
    p, *gs = (library.asarray(x, dtype=library.float32) for x in (start(each), *gradients(each)[:3]))
    wanted, _ = walk(each, p, gs, [0.5] * 3)
    path, _ = walk(each, p, gs, [library.asarray(0.5, dtype=library.float32)] * 3)
    for q, w in zip(path, wanted, strict=True):
        np.testing.assert_allclose(to_numpy(q), to_numpy(w), rtol=1e-6)


def test_a_learning_rate_of_zero_moves_nothing(each, library):
    p, g = (library.asarray(x, dtype=library.float32) for x in (start(each), gradients(each)[0]))
    if "adamw_lr" in names(each.rule):
        each = each._replace(hypers={**each.hypers, "adamw_lr": 0.0})
    for zero in (0.0, library.asarray(0.0, dtype=library.float32)):
        (q, *_), _ = walk(each, p, [g], [zero])
        np.testing.assert_allclose(to_numpy(q), to_numpy(p), rtol=1e-6)


def test_where_no_default_is_given_there_is_no_step_without_a_learning_rate(variant):
    if variant.lr is not None:
        pytest.skip("it has a default")
    p = start(variant)
    with pytest.raises(TypeError, match="lr"):
        variant.rule.step(p, p, variant.rule.init(p), **variant.hypers)
