"""The kill matrix: every exercise against every known mistake. Caught? By its own sentence?"""

import importlib
import pkgutil
from typing import NamedTuple

from course_lib import exercises
from course_lib.exercises.base import Exercise

MARKS = {"caught": "✓", "other": "≠", "missed": "✗"}
LEGEND = "✓ caught by its own sentence   ≠ caught by another sentence   ✗ not caught"


class Row(NamedTuple):
    """An exercise, and for each of its mistakes "caught", "other" (by another sentence) or "missed"."""

    exercise: Exercise
    kills: tuple[str, ...]

    @property
    def faults(self) -> list[str]:
        """The sentences that did not catch their mistakes."""
        return [mistake.says for mistake, kill in self._pairs() if kill != "caught"]

    def lines(self) -> list[str]:
        marks = " ".join(MARKS[kill] for kill in self.kills)
        head = f"  {self.exercise.name:24} {self.kills.count('caught'):2} of {len(self.kills):2}   {marks}"
        return [head, *(f"      {MARKS[kill]} {mistake.says}" for mistake, kill in self._pairs() if kill != "caught")]

    def _pairs(self):
        return zip(self.exercise.mistakes, self.kills, strict=True)


def by_topic() -> dict[str, list[Exercise]]:
    """The exercises of each module of `course_lib.exercises` that has any."""
    names = [module.name for module in pkgutil.iter_modules(exercises.__path__)]
    found = {name: _exercises(importlib.import_module(f"{exercises.__name__}.{name}")) for name in names}
    return {topic: inside for topic, inside in found.items() if inside}


def _exercises(module):
    return [thing for thing in vars(module).values() if isinstance(thing, Exercise)]


def kill(exercise: Exercise, i: int) -> str:
    """What becomes of mistake i: "caught", "other" or "missed"."""
    mistake = exercise.mistakes[i]
    verdict = exercise.check(mistake.fn)
    if verdict.state != "wrong":
        return "missed"
    return "caught" if verdict.says == mistake.says else "other"


def rows(found: list[Exercise]) -> list[Row]:
    return [Row(exercise, tuple(kill(exercise, i) for i in range(len(exercise.mistakes)))) for exercise in found]


def listing(lesson: str, found: list[Exercise]) -> str:
    """The exercises of one lesson."""
    return "\n".join([lesson, *(f"  {exercise.name:24} {len(exercise.mistakes)} known mistakes" for exercise in found)])


def table(lesson: str, found: list[Row]) -> str:
    """The rows of one lesson, and a line for every mistake that its own sentence does not catch."""
    return "\n".join([lesson, *(line for row in found for line in row.lines())])
