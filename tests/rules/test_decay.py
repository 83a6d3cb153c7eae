"""Weight decay around any rule, in its two places."""

import numpy as np
import pytest

from course_lib.hyperparameters import names
from course_lib.rules import adam, adam_l2, adamw, momentum, sgd
from course_lib.rules.decay import decoupled, l2

GRADIENTS = np.random.default_rng(0).standard_normal(20)


def walk(rule, **hypers):
    p, s = 1.5, rule.init(1.5)
    for g in GRADIENTS:
        p, s = rule.step(p, g, s, lr=0.1, **hypers)
    return p


def test_around_adam_they_are_the_two_rules_of_that_name():
    assert walk(l2(adam), weight_decay=0.3) == walk(adam_l2, weight_decay=0.3)
    assert walk(decoupled(adam), weight_decay=0.3) == walk(adamw, weight_decay=0.3)


def test_for_plain_descent_they_are_the_same_and_with_momentum_they_are_not():
    same, other = (abs(walk(l2(r), weight_decay=0.3) - walk(decoupled(r), weight_decay=0.3)) for r in (sgd, momentum))
    assert same < 1e-14
    assert other > 0.05


@pytest.mark.parametrize("around", [l2, decoupled])
def test_without_a_weight_decay_it_is_the_rule(around):
    assert walk(around(momentum)) == pytest.approx(walk(momentum), rel=1e-15)


@pytest.mark.parametrize(("around", "name"), [(l2, "momentum_l2"), (decoupled, "momentum_decoupled")])
def test_it_is_a_rule_with_one_hyperparameter_more(around, name):
    rule = around(momentum)
    assert (rule.name, rule.State, rule.elementwise) == (name, momentum.State, True)
    assert names(rule) == {**names(momentum), "weight_decay": 0.0}
