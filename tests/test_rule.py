"""A pair of functions is as good a rule as a module."""

import copy
import pickle
from types import SimpleNamespace

import pytest

from course_lib.rule import Rule
from course_lib.rules import momentum, sgd


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


@pytest.mark.parametrize("thing", [None, "momentum", momentum.step, SimpleNamespace(init=0, step=0)])
def test_what_is_no_rule_is_refused(thing):
    with pytest.raises(TypeError, match=r"rule is .*; allowed is anything with init\(p\) and step\(p, g, s, \*, lr"):
        Rule.of(thing)
