"""A rule is given its own argument names and numbers that make sense; anything else is refused in one sentence."""

import inspect
import math
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest
import torch

from course_lib.hyperparameters import check, names, resolve
from course_lib.rule import Rule
from course_lib.rules import momentum, nesterov, sgd


def test_a_rule_names_its_hyperparameters_and_their_defaults():
    empty = inspect.Parameter.empty
    assert names(sgd) == {"lr": empty}
    assert names(momentum) == {"lr": empty, "momentum": 0.9, "dampening": 0.0}
    assert names(nesterov) == {"lr": empty, "momentum": 0.9}


def test_a_students_step_may_take_hyperparameters_by_position_and_more():
    def step(p, g, s, lr, beta=0.5, **rest):
        return p, s

    assert list(names(Rule("mine", float, step))) == ["lr", "beta"]


def test_what_is_left_out_is_the_rules_default():
    assert resolve(momentum, {"lr": 0.1, "dampening": 0.5}) == {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(
        TypeError, match=r"^momentum has no hyperparameter 'beta' \(given 0\.5\); it has lr, momentum, dampening$"
    ):
        resolve(momentum, {"lr": 0.1, "beta": 0.5})


def test_a_missing_value_is_named():
    with pytest.raises(TypeError, match=r"^sgd needs a value for 'lr', such as sgd\(\.\.\., lr=0\.1\)$"):
        resolve(sgd, {})


def test_a_value_is_checked_before_the_first_step():
    with pytest.raises(ValueError, match=r"Invalid momentum value: -0\.5"):
        resolve(momentum, {"lr": 0.1, "momentum": -0.5})


OPENINGS = {
    "lr": "learning rate",
    "momentum": "momentum value",
    "weight_decay": "weight_decay value",
    "eps": "epsilon value",
    "lr_decay": "lr_decay value",
}


@pytest.mark.parametrize("name", OPENINGS)
@pytest.mark.parametrize("value", [-1, -1e-300, math.nan, math.inf, -math.inf, np.float32(-1)])
def test_a_number_out_of_range_is_refused_with_torchs_words_and_what_is_allowed(name, value):
    with pytest.raises(ValueError, match=rf"^Invalid {OPENINGS[name]}: .* \({name} must be a finite number >= 0\)$"):
        check(name, value)


@pytest.mark.parametrize(
    ("name", "opening", "allowed", "refused"),
    [
        ("rho", "rho value", [0, 0.9, 1], [-0.1, 1.1]),
        ("alpha", "alpha value", [0, 0.99, 1], [1.5]),
        ("beta1", "beta parameter at index 0", [0, 0.9], [1.0, -0.1]),
        ("beta2", "beta parameter at index 1", [0, 0.999], [1.0, 2.0]),
        ("beta", "beta value", [0.9, 1.0], [1.1]),
        ("momentum_decay", "momentum_decay value", [0, 4e-3, math.inf], [-1.0]),
    ],
)
def test_a_fraction_has_two_ends(name, opening, allowed, refused):
    for value in allowed:
        check(name, value)
    for value in refused:
        with pytest.raises(ValueError, match=rf"^Invalid {opening}: {value} \({name} must be a finite number >= 0"):
            check(name, value)


def test_betas_are_a_pair_of_numbers_or_a_pair_of_arrays():
    for betas in [(0.9, 0.999), [0.0, 0.5], (torch.tensor(0.9), torch.tensor(0.99))]:
        check("betas", betas)
    for betas in [0.9, (0.9,), (0.1, 0.2, 0.3), None, "ab"]:
        with pytest.raises((ValueError, TypeError), match=r"betas is|Invalid beta"):
            check("betas", betas)
    with pytest.raises(ValueError, match="Invalid beta parameter at index 1: 1"):
        check("betas", (0.9, 1.0))
    with pytest.raises(ValueError, match="betas must be either both floats or both Tensors"):
        check("betas", (0.9, torch.tensor(0.99)))


@pytest.mark.parametrize("name", OPENINGS)
@pytest.mark.parametrize("value", ["0.1", None, True, [0.1], 1j])
def test_what_is_no_number_is_refused(name, value):
    with pytest.raises(TypeError, match=rf"^Invalid {OPENINGS[name]}: .* \({name} must be a finite number >= 0\)$"):
        check(name, value)


@pytest.mark.parametrize("name", OPENINGS)
@pytest.mark.parametrize(
    "value",
    [
        0,
        0.0,
        1e-300,
        5,
        Fraction(1, 3),
        np.float32(0.1),
        torch.tensor(0.1),
        jnp.asarray(0.1),
        np.ones(3),
        lambda t: 1 / t,
    ],
)
def test_numbers_arrays_and_schedules_pass(name, value):
    check(name, value)


def test_an_unknown_word_is_not_judged():
    check("dampening", "whatever")
