"""A rule that is no module: any pair of functions, a student's for example."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """`init(p) -> state` and `step(p, g, s, *, lr, ...) -> (p, state)` under a name; `State` is the state's
    NamedTuple, if it is one."""

    name: str
    init: Callable
    step: Callable
    State: type | None = None

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
        return cls(rule.__name__.rpartition(".")[2], rule.init, rule.step, getattr(rule, "State", None))
