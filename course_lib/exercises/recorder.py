"""Play a case on a function and write down every call: what it was given, what it gave, what it changed."""

import copy
import inspect
import linecache
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from course_lib.arrays import to_numpy
from course_lib.exercises.limit import Endless, at_most

SECONDS = 2.0  # for one case; an ordinary answer takes microseconds, one through JAX some tenths


class Unwritten(Exception):
    """The stub is still there."""


class Wrong(Exception):
    """The function gave no number to compare; the message is the sentence that says why."""


@dataclass
class Call:
    text: str  # "gd_step(p=[1, 2], g=[3, 4], lr=0.1)"
    args: tuple
    value: np.ndarray | None = None
    changed: dict[int, str] = field(default_factory=dict)  # arguments that the function overwrote: place and name


def record(play: Callable, fn: Callable, name: str, read: Callable) -> list[Call]:
    """The calls of `play(call)` with `fn` as `call`; `read(answer)` is the number that is judged.

    Raises Unwritten, or Wrong with one sentence; the call that failed is its `call`.
    """
    calls: list[Call] = []
    try:
        signature = inspect.signature(fn)
    except ValueError:  # built into Python
        raise Wrong(f"write your own function; {_short(fn)} is built in") from None
    names = list(signature.parameters)

    def call(*args, **hypers):
        given = copy.deepcopy(args)
        calls.append(Call(_text(name, names, args, hypers), args))
        try:
            signature.bind(*args, **hypers)
        except TypeError as error:
            raise Wrong(f"your function takes {signature}, which does not fit the call: {error}") from None
        answer = fn(*given, **hypers)
        if answer is None:
            raise Unwritten if _is_empty(fn) else Wrong("your function returns None; end it with a `return`")
        calls[-1].changed = {i: names[i] for i, (a, b) in enumerate(zip(args, given, strict=True)) if not _same(a, b)}
        calls[-1].value = read(answer)
        return answer

    call.fn = fn
    try:
        with at_most(SECONDS), np.errstate(all="ignore"):
            play(call)
    except NotImplementedError:
        raise Unwritten from None
    except Endless:
        raise _at(calls, Wrong(f"no answer in {SECONDS:g} s; does a loop in your function never end?")) from None
    except Wrong as wrong:
        raise _at(calls, wrong) from None
    except Unwritten:
        raise
    except (Exception, SystemExit) as error:
        raise _at(calls, Wrong(_sentence(error, fn))) from None
    return calls


def number(answer) -> np.ndarray:
    """`answer` as a NumPy array of floats or complex numbers."""
    try:
        array = to_numpy(answer)
        return array if array.dtype.kind in "fc" else array.astype(float)
    except (TypeError, ValueError):
        raise Wrong(f"your function returns {_short(answer)}, which is no number or array of numbers") from None


def close(a: np.ndarray, b: np.ndarray, tolerance: float = 1e-10) -> bool:
    """Equal up to `tolerance`, or to the rounding of the coarser of the two dtypes where that is more."""
    if a.shape != b.shape:
        return False
    coarse = min(np.finfo(a.dtype).bits, np.finfo(b.dtype).bits) < 64
    tolerance = max(tolerance, 2e-5) if coarse else tolerance
    with np.errstate(all="ignore"):
        return bool(np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True))


def show(x) -> str:
    """A number or a small array, short enough for a sentence."""
    return np.array2string(np.asarray(x), separator=", ", threshold=8, formatter={"float_kind": "{:.5g}".format})


def _text(name: str, names: list[str], args: tuple, hypers: dict) -> str:
    given = [*zip(names, args, strict=False), *hypers.items()]
    return f"{name}({', '.join(f'{n}={_short(a)}' for n, a in given)})"


def _short(x) -> str:
    if callable(x):
        return getattr(x, "__name__", "a function")
    if isinstance(x, tuple) and hasattr(x, "_asdict"):
        return f"State({', '.join(f'{n}={_short(v)}' for n, v in x._asdict().items())})"
    if isinstance(x, np.ndarray | float | int) and not isinstance(x, bool):
        return show(x)
    text = repr(x)
    return text if len(text) < 60 else text[:57] + "..."


def _same(a, b) -> bool:
    return not isinstance(a, np.ndarray) or (a.shape == b.shape and np.array_equal(a, b, equal_nan=True))


def _is_empty(fn: Callable) -> bool:
    """Whether the body is `pass`, `...` or a docstring alone."""

    def empty():
        pass

    return getattr(fn, "__code__", None) is not None and fn.__code__.co_code[::2] == empty.__code__.co_code[::2]


def _at(calls: list[Call], wrong: Wrong) -> Wrong:
    wrong.call = calls[-1] if calls else None
    return wrong


def _sentence(error: Exception, fn: Callable) -> str:
    """What was raised, and the line of the student's own code that did it."""
    file = getattr(getattr(fn, "__code__", None), "co_filename", None)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    line = (linecache.getline(file, frames[-1].lineno).strip() or frames[-1].line) if frames else ""
    where = f" at `{line}`" if line else ""
    return f"your code stops with {type(error).__name__}{where}: {error}"
