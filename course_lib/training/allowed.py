"""What the arguments of `train_torch` and `train_jax` may be; one sentence where they are not."""

import inspect
from numbers import Integral

from course_lib.clipping import check_limit
from course_lib.training.checkpoint import orders


def count(name: str, value) -> None:
    """Raise ValueError unless `value` is a whole number >= 1."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} is {value!r}; allowed is a whole number >= 1")


def net(value) -> None:
    """Raise TypeError unless `value` is a torch module, ValueError unless it has parameters to train."""
    import torch

    if not isinstance(value, torch.nn.Module):
        raise TypeError(f"net is a {type(value).__name__}; allowed is a torch.nn.Module")
    if next(value.parameters(), None) is None:
        raise ValueError(f"net is a {type(value).__name__} without parameters; there is nothing to train")


def examples(x, y) -> None:
    """Raise ValueError unless `x` and `y` hold as many examples as each other."""
    if len(x) != len(y):
        raise ValueError(f"x holds {len(x)} examples and y {len(y)}; allowed are as many labels as examples")


def clip(value) -> None:
    """Raise TypeError or ValueError unless `value` is None, a function or a number > 0."""
    if value is not None and not callable(value):
        check_limit("clip", value)


def scheduler(value, optimizer) -> None:
    """Raise unless `value` is None or a scheduler of `optimizer` whose `step` needs no argument."""
    if value is None:
        return
    kind = type(value).__name__
    if not callable(getattr(value, "step", None)):
        raise TypeError(f"scheduler is a {kind}; allowed is one of torch's or of torch_schedulers")
    if any(p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in _arguments(value.step)):
        raise ValueError(f"scheduler is a {kind}, whose step() needs a metric; step it yourself between two runs")
    if getattr(value, "optimizer", optimizer) is not optimizer:
        raise ValueError(f"scheduler is a {kind} of another optimizer; make it with the one that is given here")


def shares(batches: list, team) -> None:
    """Raise ValueError unless all processes of the team have the same batches, with an example for each in all."""
    if team.size == 1:
        return
    smallest = min(map(len, batches), default=team.size)
    if smallest < team.size:
        raise ValueError(f"batches has one of {smallest} examples for {team.size} processes; each needs one at least")
    team.agree("the order of the examples in batches", orders(batches)[-1])


def autocast(value) -> None:
    """Raise ValueError unless `value` is None or one of the two half precisions."""
    import torch

    if value not in (None, torch.float16, torch.bfloat16):
        raise ValueError(f"autocast is {value!r}; allowed are None, torch.float16 and torch.bfloat16")


def method(name: str, value, needed: str) -> None:
    """Raise TypeError unless `value` is None or has the method `needed`."""
    if value is not None and not callable(getattr(value, needed, None)):
        raise TypeError(f"{name} is {value!r}; allowed are None and what has a method {needed}()")


def _arguments(function) -> list:
    return list(inspect.signature(function).parameters.values())
