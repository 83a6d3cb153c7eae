"""The order in which every lesson goes, and how much of it fits."""

import re

from course_lib.experiments.budget import MOST
from course_lib.lessons.error import LessonError, first_line
from course_lib.lessons.places import find_root, lessons
from course_lib.lessons.source import read, tags_of

HEADINGS = (
    "Goal", "Predict", "Derive", "Implement", "Check", "See", "Explore",
    "At scale", "Find the bug", "Know-how", "Recap", "References",
)  # fmt: skip
START = ("Goal", "Predict", "Implement", "Check", "See", "Explore", "Recap")
MOST_CELLS = 40
MOST_LINES = 15

_FENCE = re.compile(r"^```text\n.*?^```$", re.DOTALL | re.MULTILINE)
_BUDGET = re.compile(r"· CPU, ([0-9]+) s")
_HEADING = re.compile(r"^## +(.+?) *$", re.MULTILINE)


def anatomy(root=None):
    """One sentence for every lesson that lacks a heading, has one out of order, or is too long."""
    root = find_root(root)
    return [fault for stem in lessons(root) for fault in _faults(stem, f"solutions/{stem}.md", root)]


def _faults(stem, name, root):
    try:
        cells = read(root / name, name).cells
    except LessonError as error:
        return [str(error)]
    return [*_heading_faults(stem, name, cells), *_size_faults(name, cells), *_budget_faults(name, cells)]


def _heading_faults(stem, name, cells):
    prose = "\n\n".join(_FENCE.sub("", cell.source) for cell in cells if cell.cell_type == "markdown")
    found = list(dict.fromkeys(_HEADING.findall(prose)))
    for heading in START if stem == "00_start" else HEADINGS:
        if heading not in found:
            yield f"{name} has no heading `## {heading}`."
    for heading in found:
        if heading not in HEADINGS:
            yield f"{name} has a heading `## {heading}`, which is none of {', '.join(HEADINGS)}."
    known = [heading for heading in found if heading in HEADINGS]
    if known != sorted(known, key=HEADINGS.index):
        yield f"{name} has its headings in the order {', '.join(known)}."


def _size_faults(name, cells):
    shown = sum("solution" not in tags_of(cell) for cell in cells)
    if shown > MOST_CELLS:
        yield f"{name} shows {shown} cells; {MOST_CELLS} are the most."
    for number, cell in enumerate(cells, 1):
        lines = len(cell.source.splitlines())
        if cell.cell_type == "code" and lines > MOST_LINES:
            yield f"{name}, cell {number} (`{first_line(cell)}`): {lines} lines of code; {MOST_LINES} are the most."


def _budget_faults(name, cells):
    """The header promises a CPU time, and the last cell of code holds the lesson to it."""
    promised = next((found for cell in cells if (found := _BUDGET.search(cell.source))), None)
    if not promised:
        yield f"{name} names no CPU time below its title: `45 minutes · needs 01 · CPU, 20 s.`"
        return
    if int(promised[1]) > MOST:
        yield f"{name} has a budget of {promised[1]} s; {MOST} s are the most."
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    if not code or code[-1].splitlines()[-1:] != [f"budget.spent({promised[1]})"]:
        yield f"{name} must end its last cell of code with `budget.spent({promised[1]})`, as its header promises."
