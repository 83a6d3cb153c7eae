"""What the arguments of a schedule may be; one sentence where they are not, in torch's words where torch has some.

Arrays of any framework pass as numbers unseen: their values are known only while they run.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from numbers import Integral, Real


def steps(name: str, value, least: int = 1) -> None:
    """Raise ValueError unless `value` is a whole number of steps, `least` or more."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        kind = "positive" if least == 1 else "non-negative"
        raise ValueError(f"Expected {kind} integer {name}, but got {value!r}")


def number(name: str, value, low: float = 0.0, high: float = math.inf, *, above: bool = False) -> None:
    """Raise ValueError unless `value` is a finite number with low <= value <= high; `above` leaves out low itself."""
    real = isinstance(value, Real) and not isinstance(value, bool)
    if hasattr(value, "dtype") and not real:
        return
    if not real or not math.isfinite(value) or not low <= value <= high or (above and value == low):
        raise ValueError(f"Expected {_interval(low, high, above)} {name}, but got {value!r}")


def _interval(low: float, high: float, above: bool) -> str:
    if high < math.inf:
        return f"float between {low:g} and {high:g}" + (f" (not {low:g} itself)" if above else "")
    if low == 0:
        return "positive number" if above else "non-negative number"
    return "finite number" if low == -math.inf else f"number >= {low:g}"


def one_of(name: str, value, options: Sequence[str]) -> None:
    """Raise ValueError unless `value` is one of the words."""
    if value not in options:
        words = ", ".join(map(repr, options[:-1]))
        raise ValueError(f"{name} must be one of {words} or {options[-1]!r}, instead got {value!r}")


def function(name: str, value) -> None:
    """Raise TypeError unless `value` can be called with a step."""
    if not callable(value):
        raise TypeError(f"{name} should be a function of the step, but got {value!r}")


def milestones(name: str, values: Iterable[int], least: int = 0) -> None:
    """Raise ValueError unless the values are whole numbers of steps that increase."""
    values = list(values)
    for value in values:
        steps(f"in {name}", value, least)
    if any(a >= b for a, b in pairwise(values)):
        raise ValueError(f"Expected increasing {name}, but got {values}")


def schedules(name: str, values: Sequence[Callable]) -> None:
    """Raise ValueError for no schedule at all, TypeError for a part that is no function of the step."""
    if not values:
        raise ValueError(f"Expected at least one schedule in {name}, but got {values!r}")
    for index, value in enumerate(values):
        function(f"{name}[{index}]", value)
