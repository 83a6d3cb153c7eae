"""Lookahead: any rule runs ahead for k steps, then the slow weights follow it part of the way.

    p, s <- rule.step(p, g, s)
    every k-th step:  slow <- slow + alpha * (p - slow),  p <- slow

At alpha = 1 it is the rule itself; at alpha = 0.5 the slow weights are the mean of where they were and where the rule
went. The inner rule's own state runs on.

Convention: the paper's. optax keeps both weights as a pair of parameters, here `slow` is state.

References: Zhang, Lucas, Hinton & Ba 2019, algorithm 1.
"""

from functools import partial
from typing import NamedTuple

from course_lib.arrays import Array, where
from course_lib.rule import Rule, with_arguments


class State(NamedTuple):
    inner: tuple  # the state of the rule that runs ahead
    slow: Array  # slow weights, shape and dtype of p
    t: Array  # steps taken, one integer


def lookahead(rule) -> Rule:
    """`rule` with slow weights; its hyperparameters and two more, `k` and `alpha`."""
    rule = Rule.of(rule)
    own = with_arguments(partial(step, rule), rule, k=5, alpha=0.5)
    return Rule(f"lookahead_{rule.name}", partial(init, rule), own, State, rule.elementwise)


def init(rule, p: Array) -> State:
    return State(inner=rule.init(p), slow=p + 0.0, t=0)


def step(rule, p: Array, g: Array, s: State, *, k=5, alpha=0.5, **hypers) -> tuple[Array, State]:
    fast, inner = rule.step(p, g, s.inner, **hypers)
    t = s.t + 1
    now = t % k == 0
    slow = where(now, s.slow + alpha * (fast - s.slow), s.slow)
    return where(now, slow, fast), State(inner, slow, t)
