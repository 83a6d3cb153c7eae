"""The README's table of lessons, made from the lessons' own headers."""

import re
from pathlib import Path
from typing import NamedTuple

from course_lib.lessons.error import LessonError
from course_lib.lessons.places import lessons
from course_lib.lessons.source import text_of

FIRST, LAST = "<!-- lessons -->\n", "<!-- /lessons -->\n"
HEAD = "| | lesson | after this you can | minutes | needs |\n|---|---|---|---|---|\n"
_TITLE = re.compile(r"^# (?P<name>[^:\n]+): ", re.MULTILINE)
_PROMISE = re.compile(
    r"^After this you can (?P<can>.+)\. (?P<minutes>[0-9]+) minutes · needs (?P<needs>[^·\n]+) · CPU", re.MULTILINE
)


class Header(NamedTuple):
    """The first lines of a lesson: `# Name: claim` and `After this you can …. 45 minutes · needs 01 · CPU, 20 s.`"""

    name: str
    can: str
    minutes: str
    needs: str


def header(text: str, shown: str) -> Header:
    """What the header in a lesson's text promises. Raises LessonError that names the file as `shown`."""
    title, promise = _TITLE.search(text), _PROMISE.search(text)
    if not title or not promise:
        example = "`# Momentum: its claim`, then `After this you can …. 45 minutes · needs 01 · CPU, 20 s.`"
        raise LessonError(f"{shown} does not begin as a lesson does: {example}")
    return Header(**title.groupdict(), **promise.groupdict())


def table(root: Path) -> str:
    """One row a lesson, each with a link to its solved page."""
    rows = (
        (stem, header(text_of(root / f"solutions/{stem}.md", stem), f"solutions/{stem}.md")) for stem in lessons(root)
    )
    return HEAD + "".join(
        f"| {stem[:2]} | [{h.name}](solutions/{stem}.ipynb) | {h.can} | {h.minutes} | {h.needs} |\n" for stem, h in rows
    )


def readme(root: Path) -> str | None:
    """The text that README.md should have; None where there is no README with a place for the table."""
    path = root / "README.md"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    before, found, rest = text.partition(FIRST)
    _, closed, after = rest.partition(LAST)
    if not found or not closed:
        return None
    return f"{before}{FIRST}\n{table(root)}\n{LAST}{after}"
