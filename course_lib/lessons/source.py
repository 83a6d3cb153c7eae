"""Read a lesson's Markdown, and refuse what jupytext would only guess at.

jupytext is lenient: a marker that it does not know becomes prose, and what the marker should have dropped reaches the
students. So the text is read twice, once by jupytext and once by the narrow grammar below, and both must find the same
cells. What looks like a marker and is none stops the build.
"""

import copy
import hashlib
import json
import re
from collections import Counter
from typing import NamedTuple

import jupytext

from course_lib.lessons.error import LessonError, cell_error, first_line

HEADER = """\
---
jupyter:
  jupytext:
    text_representation:
      extension: .md
      format_name: markdown
  kernelspec:
    display_name: Python 3 (ipykernel)
    language: python
    name: python3
---
"""
TAGS = ("setup", "predict", "exercise", "solution", "check", "explore", "scale")
ROLES = {"setup", "predict", "exercise", "solution", "check"}  # a cell plays one of these at most

_KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_WRITING = {
    "text_representation": {"extension": ".md", "format_name": "markdown"},
    "notebook_metadata_filter": "jupytext.text_representation.extension,"
    "jupytext.text_representation.format_name,kernelspec,-all",
    "cell_metadata_filter": "tags,-all",
}

_TAG_LIST = r'tags=(\["[^"\\]*"(?:, "[^"\\]*")*\])'
_CODE = re.compile(rf"```python(?: {_TAG_LIST})?")
_REGION = re.compile(rf"<!-- #region {_TAG_LIST} -->")
_TEXT, _END_FENCE, _END_REGION = "```text", "```", "<!-- #endregion -->"
_STRAY = re.compile(
    r"```|~~~|<!-*\s*#|<!-*\s*(end)?region|<!.*\btags?\s*=|\btags?\s*[=:]\s*[\[(\"'“‘]|^\W*solution\W*$",
    re.IGNORECASE,
)
_ALLOWED = '```python, ```python tags=["solution"], ```text, <!-- #region tags=["solution"] --> and <!-- #endregion -->'
_FORBIDDEN_WIDGETS = re.compile(r"\b(Output|interact(ive|ive_output|_manual)?)\s*\(|@(\w+\.)*interact")


class Block(NamedTuple):
    """A code cell or a tagged region, as the narrow grammar finds it."""

    line: int
    cell_type: str
    tags: list
    source: str


def read(path, name):
    """The notebook that the source at `path` describes, with ids. Raises LessonError, naming the file `name`."""
    return interpret(text_of(path, name), name)


def text_of(path, name):
    """The text of the source at `path`. Raises LessonError where it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise LessonError(f"{name} is not UTF-8: {error.reason} at byte {error.start}.") from None


def interpret(text, name):
    """The notebook that a source's text describes, with ids. Raises LessonError, naming the file `name`."""
    _check_header(text, name)
    blocks = _blocks(text, name)
    for block in blocks:
        _check_tags(block, name)
    notebook = parse(text)
    for number, cell in enumerate(notebook.cells, 1):
        _check_cell(cell, number, name)
    _check_same_cells(blocks, notebook.cells, name)
    _check_canonical(text, notebook, name)
    return notebook


def parse(text):
    """Markdown to a notebook whose cells have ids made from their text: equal text, equal ids."""
    notebook = jupytext.reads(text, fmt="md")
    notebook.metadata = {"kernelspec": dict(_KERNELSPEC)}
    seen = Counter()
    for cell in notebook.cells:
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:12]
        seen[digest] += 1
        cell.id = f"{digest}-{seen[digest]}"
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def to_markdown(notebook):
    """The notebook as Markdown, with the header above."""
    notebook = copy.deepcopy(notebook)
    notebook.metadata["jupytext"] = copy.deepcopy(_WRITING)
    return jupytext.writes(notebook, fmt="md")


def tags_of(cell):
    return cell.metadata.get("tags", [])


def _check_header(text, name):
    if not text.startswith(HEADER + "\n"):
        raise LessonError(f"{name} does not begin with the header that every lesson has; copy it from another lesson.")


def _blocks(text, name):
    """All code cells and regions, found line by line. Raises LessonError for an unclosed or mistyped marker."""
    lines = enumerate(text.splitlines(), 1)
    blocks = []
    for number, line in lines:
        if number <= HEADER.count("\n"):
            continue
        if match := _CODE.fullmatch(line):
            body = _until(_END_FENCE, lines, (number, line), name)
            blocks.append(Block(number, "code", json.loads(match[1] or "[]"), "\n".join(body)))
        elif match := _REGION.fullmatch(line):
            body = _until(_END_REGION, lines, (number, line), name)
            blocks.append(Block(number, "markdown", json.loads(match[1]), "\n".join(body)))
        elif line == _TEXT:
            _until(_END_FENCE, lines, (number, line), name)
        else:
            _refuse_stray(number, line, name)
    return blocks


def _until(end, lines, opening, name):
    """The lines up to `end`; inside a region a text fence may stand."""
    body = []
    for number, line in lines:
        if line == end:
            return body
        if line == _TEXT and end == _END_REGION:
            body += [line, *_until(_END_FENCE, lines, (number, line), name), _END_FENCE]
            continue
        _refuse_stray(number, line, name, f", inside what line {opening[0]} opened")
        body.append(line)
    raise LessonError(f"{name}, line {opening[0]} (`{opening[1]}`): never closed by {end}.")


def _refuse_stray(number, line, name, where=""):
    if _STRAY.search(line):
        raise LessonError(
            f"{name}, line {number} (`{line.strip()}`){where}: looks like a marker and is none. "
            f"A marker starts its line and is one of {_ALLOWED}; a cell carries tags and no other metadata."
        )


def _check_cell(cell, number, name):
    def refuse(reason):
        raise cell_error(name, number, cell, reason)

    if "lines_to_next_cell" in cell.metadata:
        refuse("leave exactly one blank line after this cell, and let no indented line end it")
    if other := set(cell.metadata) - {"tags"}:
        refuse(f"carries the metadata {', '.join(sorted(other))}; only tags are allowed")
    if cell.cell_type == "code" and (found := _FORBIDDEN_WIDGETS.search(cell.source)):
        refuse(f"uses {found[0].rstrip('( ')}, which can hang a notebook without a browser; observe a slider instead")
    if cell.cell_type == "markdown" and cell.source.rfind("<!--") > cell.source.rfind("-->"):
        refuse("an HTML comment is opened and not closed in the same cell")


def _check_tags(block, name):
    def refuse(reason):
        raise LessonError(f"{name}, line {block.line} (`{first_line(block)}`): {reason}.")

    for tag in (tags := block.tags):
        if tag not in TAGS:
            refuse(f"unknown tag {tag!r}; the tags are {', '.join(TAGS)}")
    if len(set(tags)) < len(tags):
        refuse("has one tag twice")
    if len(roles := ROLES.intersection(tags)) > 1:
        refuse(f"is tagged {' and '.join(sorted(roles))}, which exclude each other")


def _check_same_cells(blocks, cells, name):
    """jupytext must have read the cells that the narrow grammar found; an open quote, say, swallows a fence."""
    marked = [(number, cell) for number, cell in enumerate(cells, 1) if cell.cell_type != "markdown" or cell.metadata]
    for block, (number, cell) in zip(blocks, marked, strict=False):
        if (block.cell_type, block.tags, block.source) != (cell.cell_type, tags_of(cell), cell.source):
            raise cell_error(name, number, cell, f"differs from what line {block.line} opens; look for an open quote")
    if len(blocks) != len(marked):
        raise LessonError(
            f"{name}: {len(blocks)} blocks are marked, but jupytext reads {len(marked)}; look for an open quote."
        )


def _check_canonical(text, notebook, name):
    written = to_markdown(notebook)
    pairs = zip(text.split("\n"), written.split("\n"), strict=False)
    for number, (line, other) in enumerate(pairs, 1):
        if line != other:
            raise LessonError(f"{name}, line {number} (`{line}`): saving it in JupyterLab would make it `{other}`.")
    if text != written:
        raise LessonError(f"{name}: must end with one line break, as JupyterLab saves it.")
