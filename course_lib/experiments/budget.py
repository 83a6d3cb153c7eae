"""The CPU time that a lesson may take: printed at its end, judged by `course test`."""

import os
import re
from typing import NamedTuple

MOST = 60  # seconds that a lesson may ask for
TOLERATED = 2  # a slow machine may take this many times the budget
_PRINTED = re.compile(r"CPU time of this lesson: (\d+) s, budget (\d+) s")


class Spent(NamedTuple):
    seconds: int
    budget: int

    @property
    def is_too_much(self) -> bool:
        return self.seconds > TOLERATED * self.budget


def spent(budget: int) -> None:
    """Print the seconds of CPU that this kernel has used so far, imports included, beside the lesson's budget."""
    print(f"CPU time of this lesson: {sum(os.times()[:4]):.0f} s, budget {budget} s")


def read(text: str) -> Spent | None:
    """What `spent` printed, if it is in `text`."""
    found = _PRINTED.search(text)
    return Spent(int(found[1]), int(found[2])) if found else None
