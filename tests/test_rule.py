"""A pair of functions is as good a rule as a module."""

import copy
import pickle
from types import SimpleNamespace

import pytest

from course_lib.hyperparameters import names
from course_lib.rule import Rule, with_arguments
from course_lib.rules import momentum, muon, sgd


def test_a_module_becomes_a_value_with_its_short_name():
    rule = Rule.of(momentum)
    assert (rule.name, rule.__name__) == ("momentum", "momentum")
    assert (rule.init, rule.step, rule.State) == (momentum.init, momentum.step, momentum.State)


def test_a_rule_stays_the_rule_it_is():
    rule = Rule("mine", sgd.init, sgd.step)
    assert Rule.of(rule) is rule


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda rule: pickle.loads(pickle.dumps(rule))])
def test_a_rule_can_be_copied_and_pickled(duplicate):
    assert duplicate(Rule.of(momentum)) == Rule.of(momentum)


def test_a_module_says_whether_its_entries_are_treated_by_themselves():
    assert Rule.of(momentum).elementwise
    assert not Rule.of(muon).elementwise
    assert not Rule("mine", sgd.init, sgd.step).elementwise


def test_a_wrapped_step_shows_the_arguments_of_what_it_wraps():
    step = with_arguments(lambda p, g, s, **hypers: (p, s), Rule.of(momentum), extra=2.0)
    assert names(Rule("mine", momentum.init, step)) == {**names(momentum), "extra": 2.0}


@pytest.mark.parametrize("thing", [None, "momentum", momentum.step, SimpleNamespace(init=0, step=0)])
def test_what_is_no_rule_is_refused(thing):
    with pytest.raises(TypeError, match=r"rule is .*; allowed is anything with init\(p\) and step\(p, g, s, \*, lr"):
        Rule.of(thing)
