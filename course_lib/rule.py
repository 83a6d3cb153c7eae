"""A rule that is no module: any pair of functions, a student's for example."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """`init(p) -> state` and `step(p, g, s, *, lr, ...) -> (p, state)` under a name.

    `State` is the state's NamedTuple, if it is one. `elementwise` says that every entry of p is treated by itself, so
    that a shell may cut tensors into pieces or join them.
    """

    name: str
    init: Callable
    step: Callable
    State: type | None = None
    elementwise: bool = False

    @property
    def __name__(self) -> str:  # what a module calls itself
        return self.name

    @classmethod
    def of(cls, rule) -> "Rule":
        """A rule's module as a value that can be copied and pickled."""
        if isinstance(rule, cls):
            return rule
        if not (callable(getattr(rule, "init", None)) and callable(getattr(rule, "step", None))):
            raise TypeError(f"rule is {rule!r}; allowed is anything with init(p) and step(p, g, s, *, lr, ...)")
        own = getattr(rule, "State", None), getattr(rule, "elementwise", False)
        return cls(rule.__name__.rpartition(".")[2], rule.init, rule.step, *own)


def with_arguments(step: Callable, rule: Rule, **more) -> Callable:
    """`step`, which wraps `rule.step` and takes **hypers, with the rule's arguments and `more` in its signature."""
    own = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value) for name, value in more.items()]
    step.__signature__ = inspect.Signature([*inspect.signature(rule.step).parameters.values(), *own])
    return step
