"""The markers in a lesson's Markdown, and the formulas between them."""

import re
from collections.abc import Callable

from course_lib.lessons.error import LessonError
from course_lib.lessons.formulas.equations import equations
from course_lib.lessons.formulas.latex import display
from course_lib.lessons.formulas.named import named
from course_lib.lessons.formulas.values import disagreement

_MARKER = re.compile(r"^.*<!-*\s*/?\s*formula.*$", re.IGNORECASE | re.MULTILINE)
_BLOCK = re.compile(
    r"^<!-- formula: (?P<name>\S+)(?P<by_hand> by hand)? -->\n(?P<body>(?:(?!<!--).*\n)*?)<!-- /formula -->$",
    re.MULTILINE,
)


def fill(text: str, lesson: str) -> str:
    """`text` with every formula as the code has it. Raises LessonError for a bad marker or name, and for a formula
    written by hand whose numbers are not the rule's."""
    if stray := _MARKER.search(_BLOCK.sub("", text)):
        raise LessonError(
            f"{lesson}: `{stray[0].strip()}` is no marker of a formula, or has lost its partner; write "
            "`<!-- formula: adam -->` and `<!-- /formula -->`, each on a line of its own."
        )
    return _BLOCK.sub(lambda block: _filled(block, lesson), text)


def faults(text: str, lesson: str) -> list[str]:
    """A sentence for every formula that is not what the code says."""
    try:
        filled = fill(text, lesson)
    except LessonError as error:
        return [str(error)]
    pairs = zip(_BLOCK.finditer(text), _BLOCK.finditer(filled), strict=True)
    return [
        f"{lesson}: the formula of {block['name']} is not what its code says: run `course build`."
        for block, wanted in pairs
        if block[0] != wanted[0]
    ]


def _filled(block, lesson):
    try:
        rule = named(block["name"])
        if block["by_hand"]:
            _refuse(disagreement(block["body"], rule))
            return block[0]
        return f"<!-- formula: {block['name']} -->\n{display(_read(rule))}\n<!-- /formula -->"
    except LessonError as error:
        raise LessonError(f"{lesson}: the formula of {block['name']}: {error}.") from None


def _read(rule: Callable):
    try:
        return equations(rule)
    except LessonError as error:
        raise LessonError(f"{error}; write it by hand, between markers that say `by hand`") from None


def _refuse(reason):
    if reason:
        raise LessonError(reason)
