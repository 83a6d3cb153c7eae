"""Exercises whose answer is one step of an optimiser: played along several gradients, then used as a rule.

The student writes step(p, g, lr) -> p, or step(p, g, v, lr, ...) -> (p, v) where the method remembers something. Only
the path of p is judged: what v holds is the student's affair, so long as it comes back.
"""

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import array_api_compat
import numpy as np

from course_lib.arrays import to_numpy, zeros_like
from course_lib.exercises.base import Exercise
from course_lib.exercises.recorder import Wrong, number
from course_lib.rule import Rule

STATE_NAMES = ("s", "state")  # an argument of this name is given the rule's State, any other a plain array


def step_exercise(library, *, remembers: bool, **parts) -> Exercise:
    """The exercise to write the step of `library`, a rule of the course; `parts` are the other fields of Exercise."""
    return Exercise(
        read=(lambda answer: number(split(answer)[0])) if remembers else number,
        owned=(0, 2) if remembers else (0,),
        clue=clue,
        adapt=lambda fn: as_rule(library, fn, remembers) if fn is not parts["reference"] else Rule.of(library),
        thing="rule",
        **parts,
    )


def along(start: Sequence[float], gradients: Sequence[Sequence[float]], lrs=0.1, *, library=None, **hypers) -> Callable:
    """A case: one step for each gradient, from `start`; `lrs` is one rate or one for each step.

    With `library`, a rule that remembers, the function is called as step(p, g, v, lr=...), else as step(p, g, lr=...).
    """

    def play(call: Callable) -> None:
        p, s = np.array(start, dtype=float), None
        for g, lr in zip(np.array(gradients, dtype=float), np.broadcast_to(lrs, len(gradients)).tolist(), strict=True):
            if library is None:
                p = to_numpy(call(p, g, lr=lr, **hypers)).astype(float)
            else:
                s = first_state(library, call.fn, p) if s is None else s
                p, s = split(call(p, g, s, lr=lr, **hypers))
                p = to_numpy(p).astype(float)

    return play


def first_state(library, fn: Callable, p):
    """What `fn` gets as its state before the first step: zeros like p, or the rule's State if it asks for that."""
    third = [*inspect.signature(fn).parameters, "", "", ""][2]  # too few arguments: `call` says so
    return library.init(p) if third in STATE_NAMES else zeros_like(p)


def split(answer) -> tuple:
    """(p, state) out of what a step returned."""
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        what = f"{len(answer)} things" if isinstance(answer, tuple | list) else "one thing"
        raise Wrong(
            f"your function returns {what}; return two: the new p, and all that is remembered as one value, as the "
            "docstring says"
        )
    return answer[0], answer[1]


def clue(calls: list, i: int, wanted: list) -> str:
    """What the length and direction of a wrong first step give away."""
    if i != 0:
        return f"the first {'step is' if i == 1 else f'{i} steps are'} right; what differs at this one?"
    start = np.asarray(calls[0].args[0], dtype=float).ravel()
    mine, theirs = calls[0].value.ravel() - start, wanted[0].value.ravel() - start
    with np.errstate(all="ignore"):
        ratios = mine / theirs
    if not np.any(mine):
        return "your p does not move."
    if np.all(np.abs(ratios - 1) < 1e-3):
        return "your first step is right but for a trace as small as ε. Where does ε stand?"
    if np.all(np.isfinite(ratios)) and np.ptp(ratios) < 1e-6 * abs(ratios[0]):
        way = "in the right direction" if ratios[0] > 0 else "in the opposite direction"
        times = f"{abs(ratios[0]):.4g}"
        return f"your first step {'has' if times == '1' else f'is {times} times'} the right length, {way}."
    return "your first step points in another direction than the right one."


def as_rule(library, fn: Callable, remembers: bool) -> Rule:
    """A student's step as a rule for all three array libraries; where one of them cannot run it, the library's steps
    in, and says so once."""
    told: set[str] = set()

    def bare(p, g, s, **hypers):
        if not remembers:
            return fn(p, g, **hypers), s
        p, new = split(fn(p, g, s, **hypers))
        return p, type(s)(*new) if hasattr(s, "_fields") else new  # JAX tells a State from a plain tuple

    def own_state(p):
        return first_state(library, fn, p) if remembers else ()

    def init(p):
        problem = _cannot_run(lambda q: bare(q, zeros_like(q), own_state(q), lr=0.1)[0], p)
        if not problem:
            return own_state(p)
        if problem not in told:
            print(f"{library.__name__.rpartition('.')[2]}: {problem} The library's rule goes on in its place.")
            told.add(problem)
        return _Library(library.init(p))

    def step(p, g, s, **hypers):
        if isinstance(s, _Library):
            q, inner = library.step(p, g, s.state, **hypers)
            return q, _Library(inner)
        if isinstance(p, np.ndarray):
            q, s = bare(p.copy(), g, s, **hypers)
            return np.asarray(to_numpy(q), dtype=p.dtype), s
        return bare(p, g, s, **hypers)

    accepted = inspect.signature(fn).parameters
    own = [p for p in inspect.signature(library.step).parameters.values() if p.kind is p.KEYWORD_ONLY]
    step.__signature__ = inspect.Signature(
        [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in ("p", "g", "s")]
        + [p for p in own if p.name in accepted]
    )
    return Rule(library.__name__.rpartition(".")[2], init, step)


class _Library(NamedTuple):
    """Marks a state as the library's."""

    state: object


def _cannot_run(trial: Callable, p) -> str:
    """Why `trial(p)` fails on a torch tensor or a JAX tracer; empty where it does not, or p is neither."""
    try:
        if array_api_compat.is_jax_array(p) and not hasattr(sys.modules["jax"].eval_shape(trial, p), "shape"):
            return "your step turns a JAX array into something else."
        if array_api_compat.is_torch_array(p) and not array_api_compat.is_torch_array(trial(p.detach().clone())):
            return "your step turns a torch tensor into something else."
    except Exception as error:
        library = "JAX traces it" if array_api_compat.is_jax_array(p) else "it is given torch tensors"
        return f"your step is right, but fails when {library} ({type(error).__name__})."
    return ""
