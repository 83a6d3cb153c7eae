"""What every rule promises, whatever its method: one arithmetic in every library, nothing changed, nothing widened."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from course_lib.arrays import to_numpy
from course_lib.rules import momentum, nesterov, sgd

VARIANTS = {
    "sgd": (sgd, {}),
    "momentum": (momentum, {}),
    "momentum 0.5": (momentum, {"momentum": 0.5}),
    "dampening": (momentum, {"dampening": 0.3}),
    "nesterov": (nesterov, {}),
    "nesterov 0.5": (nesterov, {"momentum": 0.5}),
}
TORCHS = {  # the same variants in torch's words
    "sgd": {},
    "momentum": {"momentum": 0.9},
    "momentum 0.5": {"momentum": 0.5},
    "dampening": {"momentum": 0.9, "dampening": 0.3},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "nesterov 0.5": {"momentum": 0.5, "nesterov": True},
}
STEPS = {name: (rule, jax.jit(rule.step)) for name, (rule, _) in VARIANTS.items()}
variants = pytest.mark.parametrize("variant", VARIANTS)


def walk(variant, p, gradients, lr=0.05, step=None):
    """The last position and state after one step along each gradient."""
    rule, hypers = VARIANTS[variant]
    s = rule.init(p)
    for g in gradients:
        p, s = (step or rule.step)(p, g, s, lr=lr, **hypers)
    return p, s


def gradients(steps, *shape, seed=0):
    return np.random.default_rng(seed).standard_normal((steps, *shape))


@variants
def test_a_rule_takes_torchs_steps(variant):
    p = torch.nn.Parameter(torch.ones(4, 3, dtype=torch.float64))
    torchs = torch.optim.SGD([p], lr=0.05, **TORCHS[variant])
    for g in gradients(200, 4, 3):
        p.grad = torch.from_numpy(g)
        torchs.step()
    ours, _ = walk(variant, np.ones((4, 3)), gradients(200, 4, 3))
    np.testing.assert_allclose(ours, p.detach(), rtol=0, atol=1e-12)


@variants
def test_a_rule_gives_the_same_numbers_in_every_library(variant, library, x64):
    wanted, _ = walk(variant, np.ones(3), gradients(20, 3))
    dtype = library.float64
    answer, _ = walk(variant, library.ones(3, dtype=dtype), [library.asarray(g, dtype=dtype) for g in gradients(20, 3)])
    assert answer.dtype == dtype
    np.testing.assert_allclose(to_numpy(answer), wanted, rtol=0, atol=1e-15)


@variants
def test_a_rule_runs_on_plain_floats(variant):
    wanted, _ = walk(variant, np.ones(1), gradients(20, 1))
    answer, _ = walk(variant, 1.0, gradients(20).tolist())
    assert type(answer) is float
    assert answer == wanted[0]


@variants
def test_a_rule_gives_the_same_numbers_under_jit(variant, x64):
    wanted, _ = walk(variant, np.ones(3), gradients(20, 3))
    answer, _ = walk(variant, jnp.ones(3), gradients(20, 3), step=STEPS[variant][1])
    np.testing.assert_allclose(answer, wanted, rtol=0, atol=1e-14)


@variants
def test_a_step_changes_none_of_its_arguments(variant, library):
    rule, hypers = VARIANTS[variant]
    p, g = library.asarray([1.0, 2.0]), library.asarray([3.0, -1.0])
    _, s = rule.step(p, g, rule.init(p), lr=0.1, **hypers)
    before = copy.deepcopy((p, g, s))
    rule.step(p, g, s, lr=0.1, **hypers)
    assert all(np.array_equal(a, b) for a, b in zip((p, g, *s), (*before[:2], *before[2]), strict=True))


@variants
def test_a_fresh_state_shares_no_memory_with_the_parameter(variant, library):
    p = library.asarray([1.0, 2.0])
    for field in VARIANTS[variant][0].init(p):
        assert field is not p
        assert not np.any(to_numpy(field))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@variants
def test_parameter_and_state_keep_shape_and_dtype(variant, library, dtype, x64):
    if not hasattr(library, dtype):
        pytest.skip("NumPy has no bfloat16")
    p = library.ones((2, 3), dtype=getattr(library, dtype))
    q, s = walk(variant, p, [p, p, p])
    for array in (q, *(x for x in s if not isinstance(x, int))):
        assert (array.dtype, array.shape) == (p.dtype, p.shape)


@variants
def test_a_rule_takes_its_learning_rate_as_an_array(variant, library):
    p = library.asarray([1.0, 2.0])
    wanted, _ = walk(variant, p, [p, p], lr=0.5)
    answer, _ = walk(variant, p, [p, p], lr=library.asarray(0.5))
    assert to_numpy(answer).tolist() == to_numpy(wanted).tolist()


@variants
def test_without_a_learning_rate_there_is_no_step(variant):
    rule, _ = VARIANTS[variant]
    with pytest.raises(TypeError, match="lr"):
        rule.step(1.0, 1.0, rule.init(1.0))
