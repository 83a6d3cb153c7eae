"""An exercise: a reference, cases to play, and known mistakes, each a wrong program with the sentence that explains it.

The check plays the cases on the student's function. Equal numbers are a right answer, however it was written. Numbers
equal to a known mistake's name the mistake; other numbers show the first call that is off.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from course_lib.exercises.recorder import Call, Unwritten, Wrong, close, number, record, show
from course_lib.exercises.verdict import Verdict


@dataclass(frozen=True)
class Mistake:
    """A wrong program and what a tutor says to the student who wrote it."""

    says: str
    fn: Callable


@dataclass(frozen=True)
class Exercise:
    """A function to write.

    `reference` is a right answer, `cases` are functions `play(call)` that make the calls, `hints` three sentences from
    a nudge to nearly the answer. `owned` are the places of arguments that the answer may overwrite, `read` picks the
    number to be judged out of what the function returns, `clue(calls, i, wanted)` may find a sentence for an unknown
    mistake first seen at call i, `adapt(fn)` turns a right answer into what the lesson goes on with, and `tolerance` is
    how far off, relative and absolute, an answer in float64 may be.
    """

    name: str
    reference: Callable
    cases: Sequence[Callable]
    mistakes: Sequence[Mistake]
    hints: tuple[str, str, str]
    owned: tuple[int, ...] = ()
    read: Callable = number
    clue: Callable | None = None
    adapt: Callable = lambda fn: fn
    thing: str = "function"
    tolerance: float = 1e-10

    def use(self, fn: Callable):
        """Check `fn`, say what came of it, and give what the lesson goes on with: `fn` if it is right."""
        from IPython.display import display

        verdict = self.check(fn)
        display(verdict)
        return self.adapt(fn if verdict.right else self.reference)

    def hint(self, stage: int) -> None:
        """Print hint 1, 2 or 3."""
        if stage not in (1, 2, 3):
            raise ValueError(f"stage is {stage!r}; allowed are 1, 2 and 3")
        print(f"Hint {stage} of 3: {self.hints[stage - 1]}")

    def check(self, fn: Callable) -> Verdict:
        """The verdict on `fn`; never raises because of what `fn` does."""
        try:
            if not callable(fn):
                raise Wrong(f"give the check your function itself, `{self.name}`, not {fn!r}")
            return self._judge(self._play(fn), fn)
        except Unwritten:
            return Verdict(self.name, "unwritten", "not written yet.", next=self._goes_on(False))
        except Wrong as wrong:
            call = getattr(wrong, "call", None)
            return self._wrong(str(wrong), f"at `{call.text}`" if call else "")

    def _judge(self, calls: list[Call], fn: Callable) -> Verdict:
        for call in calls:
            for name in [name for i, name in call.changed.items() if i not in self.owned]:
                says = f"you change {name} in place; it belongs to the caller. Write `{name} = ...` into a new array."
                return self._wrong(says, f"at `{call.text}`")
        if self._right(calls):
            if self._other_defaults(fn):
                raise Wrong(self._defaults_sentence(fn))
            return Verdict(
                self.name, "right", f"right, in all {len(calls)} calls." + _remark(calls), "", self._goes_on(True)
            )
        if not _equal(calls, self._play(fn)):
            raise Wrong(
                "two runs from the same start differ, so something outlives the call: a global, a mutable default, "
                "an attribute; what must be remembered goes in by the arguments and out by `return`. Or it draws "
                "random numbers of its own: use the ones that are given."
            )
        if self._other_defaults(fn) and self._right(self._play(partial(fn, **self._defaults))):
            raise Wrong(self._defaults_sentence(fn))
        i = self._first(calls)
        for mistake, known in zip(self.mistakes, self._known, strict=True):
            if known and _equal(calls, known):
                return self._wrong(mistake.says, self._first_off(calls[i], self._wanted[i]))
        return self._wrong(self._unknown(calls, i), self._first_off(calls[i], self._wanted[i]))

    def _unknown(self, calls: list[Call], i: int) -> str:
        got, want = calls[i].value, self._wanted[i].value
        if got.shape != want.shape:
            return f"your answer has shape {got.shape}, where {want.shape} is wanted."
        if not np.all(np.isfinite(got)) and np.all(np.isfinite(want)):
            return "your answer is not finite: look for a division by zero or a wrong power."
        if _to_four_digits(calls, self._wanted):
            return "right to four digits; what is left is an ε, a rounding or an approximation."
        return (self.clue and self.clue(calls, i, self._wanted)) or "not the right numbers yet."

    def _right(self, calls: list[Call]) -> bool:
        return _equal(calls, self._wanted, self.tolerance)

    def _first(self, calls: list[Call]) -> int:
        """The place of the first call that is off."""
        pairs = zip(calls, self._wanted, strict=True)
        return next(i for i, (a, b) in enumerate(pairs) if not close(a.value, b.value, self.tolerance))

    def _play(self, fn: Callable) -> list[Call]:
        return [call for play in self.cases for call in record(play, fn, self.name, self.read)]

    @cached_property
    def _wanted(self) -> list[Call]:
        return self._play(self.reference)

    @cached_property
    def _known(self) -> list[list[Call]]:
        return [self._try(mistake.fn) for mistake in self.mistakes]

    def _try(self, fn: Callable) -> list[Call]:
        try:
            return self._play(fn)
        except Wrong:
            return []

    @cached_property
    def _defaults(self) -> dict:
        parameters = inspect.signature(self.reference).parameters.values()
        return {p.name: p.default for p in parameters if p.default is not p.empty}

    def _other_defaults(self, fn: Callable) -> dict:
        """The defaults of `fn` that are not the stub's."""
        mine = inspect.signature(fn).parameters
        return {n: mine[n].default for n, stub in self._defaults.items() if n in mine and mine[n].default != stub}

    def _defaults_sentence(self, fn: Callable) -> str:
        name, given = next(iter(self._other_defaults(fn).items()))
        has = "no default" if given is inspect.Parameter.empty else f"the default {given!r}"
        return f"the formula is right, but `{name}` has {has} in your function; the stub says {self._defaults[name]!r}."

    def _wrong(self, says: str, first_off: str) -> Verdict:
        return Verdict(self.name, "wrong", says, first_off, f"{self._goes_on(False)} A hint: `ex.{self.name}.hint(1)`")

    def _goes_on(self, right: bool) -> str:
        return f"The lesson goes on with {'your' if right else 'the library’s'} {self.thing}."

    def _first_off(self, got: Call, want: Call) -> str:
        off = f"first off at `{got.text}`: got {show(got.value)}, want {show(want.value)}"
        if got.value.shape != want.value.shape or show(got.value) != show(want.value):
            return off
        return f"{off}, {np.max(np.abs(got.value - want.value)):.0e} apart"


def _equal(calls: list[Call], others: list[Call], tolerance: float = 1e-10) -> bool:
    pairs = zip(calls, others, strict=False)
    return len(calls) == len(others) and all(close(a.value, b.value, tolerance) for a, b in pairs)


def _to_four_digits(calls: list[Call], others: list[Call]) -> bool:
    pairs = [(a.value, b.value) for a, b in zip(calls, others, strict=True)]
    return all(a.shape == b.shape and np.allclose(a, b, rtol=1e-4, atol=0) for a, b in pairs)


def _remark(calls: list[Call]) -> str:
    """An answer that writes into its own arguments is right, but its caller should know."""
    changed = sorted({name for call in calls for name in call.changed.values()})
    if not changed:
        return ""
    return f" It overwrites {' and '.join(changed)} in place: whoever calls it must not need the old value any more."


def calls(*argument_lists, **hypers) -> list[Callable]:
    """One case for each tuple of arguments."""
    return [lambda call, args=args: call(*args, **hypers) for args in argument_lists]
