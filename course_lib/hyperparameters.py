"""What a rule may be given: its own argument names, and for each word of the course the values that are allowed.

The words are those of `torch.optim`, and so are the openings of the sentences ("Invalid learning rate: -1").
"""

import inspect
import math
from functools import cache
from numbers import Real
from typing import NamedTuple


class Range(NamedTuple):
    opening: str  # torch's words
    low: float
    high: float = math.inf
    closed: bool = False  # whether high itself is allowed


RANGES = {
    "lr": Range("learning rate", 0.0),
    "momentum": Range("momentum value", 0.0),
    "weight_decay": Range("weight_decay value", 0.0),
    "eps": Range("epsilon value", 0.0),
    "eps_root": Range("epsilon value", 0.0),
    "rho": Range("rho value", 0.0, 1.0, closed=True),
    "alpha": Range("alpha value", 0.0, 1.0, closed=True),
    "lr_decay": Range("lr_decay value", 0.0),
    "initial_accumulator_value": Range("initial_accumulator_value value", 0.0),
    "momentum_decay": Range("momentum_decay value", 0.0, closed=True),
    "beta": Range("beta value", 0.0, 1.0, closed=True),
    "beta1": Range("beta parameter at index 0", 0.0, 1.0),
    "beta2": Range("beta parameter at index 1", 0.0, 1.0),
}


@cache
def names(rule) -> dict[str, object]:
    """The rule's hyperparameters with their defaults; `inspect.Parameter.empty` where there is none."""
    arguments = list(inspect.signature(rule.step).parameters.values())[3:]
    return {a.name: a.default for a in arguments if a.kind is not a.VAR_KEYWORD}


def resolve(rule, given: dict) -> dict:
    """All hyperparameters of `rule`: `given`, completed by the defaults of its `step`.

    Raises TypeError for an unknown or missing name, ValueError for a value out of range.
    """
    known = names(rule)
    title = rule.__name__.rpartition(".")[2]
    for name, value in given.items():
        if name not in known:
            raise TypeError(f"{title} has no hyperparameter {name!r} (given {value!r}); it has {', '.join(known)}")
    full = known | given
    for name, value in full.items():
        if value is inspect.Parameter.empty:
            raise TypeError(f"{title} needs a value for {name!r}, such as {title}(..., {name}=0.1)")
        check(name, value)
    return full


def check(name: str, value) -> None:
    """Raise ValueError or TypeError, in one sentence, if `value` cannot be the hyperparameter `name`.

    Arrays of any framework and schedules (callables) pass unseen: their numbers are known only while they run.
    """
    if name == "betas":
        return _check_betas(value)
    number = isinstance(value, Real) and not isinstance(value, bool)
    if name not in RANGES or callable(value) or (hasattr(value, "dtype") and not number):
        return None
    opening, low, high, closed = RANGES[name]
    end = f" and {'<=' if closed else '<'} {high:g}" if high < math.inf else ""
    allowed = f"{name} must be a finite number >= {low:g}{end}"
    if not number:
        raise TypeError(f"Invalid {opening}: {value!r} ({allowed})")
    if not (low <= value < high or (closed and value == high)):
        raise ValueError(f"Invalid {opening}: {value} ({allowed})")
    return None


def _check_betas(betas) -> None:
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise ValueError(f"betas is {betas!r}; allowed is a pair such as (0.9, 0.999)")
    if isinstance(betas[0], Real) != isinstance(betas[1], Real):
        raise ValueError(f"betas must be either both floats or both Tensors (given {betas!r})")
    for name, beta in zip(("beta1", "beta2"), betas, strict=True):
        check(name, beta)
