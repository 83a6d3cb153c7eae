"""Build what students open and what is published from the sources, and say what is stale."""

import copy
import os

import nbformat

from course_lib.lessons import places
from course_lib.lessons.answers import check_answers
from course_lib.lessons.error import LessonError, first_line
from course_lib.lessons.execute import execute as run_cells
from course_lib.lessons.formulas import faults as formula_faults
from course_lib.lessons.formulas import fill
from course_lib.lessons.outputs import tidy, to_ipynb
from course_lib.lessons.overview import readme
from course_lib.lessons.source import interpret, parse, tags_of, text_of, to_markdown


def build(lessons=None, root=None, execute=False):
    """Write the products of the named lessons (all of them, if none is named) and return the paths that changed.

    In the source itself the formulas are written anew, and in README.md the table of lessons from their headers. A
    solution notebook whose cells are those of its source keeps its outputs, unless `execute`. Raises LessonError; then
    nothing is written for the lesson at fault, and nothing at all if the fault is in a source.
    """
    root = places.find_root(root)
    stems = [places.resolve(name, root) for name in lessons] if lessons else places.lessons(root)
    sources = {stem: _filled(stem, root) for stem in stems}
    notebooks = {stem: _notebook(text, stem) for stem, text in sources.items()}
    changed = [
        path for stem in stems for path in _write(_products(stem, sources[stem], notebooks[stem], root, execute))
    ]
    page = readme(root)
    return changed + ([] if page is None else _write({root / "README.md": page}))


def check(root=None):
    """One sentence for everything that is faulty, missing, stale or orphaned. Compares neither outputs nor times."""
    try:
        root = places.find_root(root)
        stems = places.lessons(root)
    except LessonError as error:
        return [str(error)]
    return [fault for stem in stems for fault in _stale(stem, root)] + _orphans(stems, root) + _readme_fault(root)


def _filled(stem, root):
    """The source's text, with the formulas that the code has now."""
    name = f"solutions/{stem}.md"
    return fill(text_of(root / name, name), name)


def _notebook(text, stem):
    name = f"solutions/{stem}.md"
    notebook = interpret(text, name)
    check_answers(notebook, name)
    return notebook


def _student(notebook):
    """The one operation: drop the cells tagged solution."""
    student = copy.deepcopy(notebook)
    student.cells = [cell for cell in student.cells if "solution" not in tags_of(cell)]
    return student


def _student_products(stem, notebook, root):
    student = _student(notebook)
    text = to_markdown(student)
    if list(map(_content, parse(text).cells)) != list(map(_content, student.cells)):
        raise LessonError(f"solutions/{stem}.md: without its solutions the text would be cut into other cells.")
    return {root / f"notebooks/{stem}.md": text, root / f"notebooks/{stem}.ipynb": to_ipynb(student)}


def _products(stem, text, notebook, root, execute):
    source = root / f"solutions/{stem}.md"
    products = {} if text_of(source, source.name) == text else {source: text}
    products |= _student_products(stem, notebook, root)
    path = root / f"solutions/{stem}.ipynb"
    if execute or _solution_fault(path, notebook):
        solved = copy.deepcopy(notebook)
        run_cells(solved, path.parent, f"solutions/{stem}.md")
        tidy(solved, root, f"solutions/{stem}.md")
        products[path] = to_ipynb(solved)
    return products


def _write(products):
    """All or nothing: every file is complete beside its place before the first is put there."""
    changed = {path: text.encode() for path, text in products.items() if not _holds(path, text.encode())}
    for path, content in changed.items():
        path.parent.mkdir(exist_ok=True)
        _beside(path).write_bytes(content)
    for path in changed:
        os.replace(_beside(path), path)
    return list(changed)


def _holds(path, content):
    return path.is_file() and path.read_bytes() == content


def _beside(path):
    return path.with_name(f".{path.name}.new")


def _stale(stem, root):
    name = f"solutions/{stem}.md"
    try:
        text = text_of(root / name, name)
        if stale := formula_faults(text, name):
            return stale
        source = _notebook(text, stem)
        products = _student_products(stem, source, root)
    except LessonError as error:
        return [str(error)]
    markdown, notebook = products
    faults = {
        markdown: _markdown_fault(markdown, products[markdown]),
        notebook: _cells_fault(notebook, _student(source)),
        root / f"solutions/{stem}.ipynb": _solution_fault(root / f"solutions/{stem}.ipynb", source),
    }
    return [
        f"{path.relative_to(root).as_posix()} {fault}: run `course build {stem}`."
        for path, fault in faults.items()
        if fault
    ]


def _markdown_fault(path, text):
    if not path.is_file():
        return "is missing"
    return "" if path.read_text(encoding="utf-8") == text else "differs from its source"


def _solution_fault(path, source):
    """What `_cells_fault` says, or which code cell was never executed."""
    if fault := _cells_fault(path, source):
        return fault
    for number, cell in enumerate(nbformat.read(path, 4).cells, 1):
        if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None:
            return f"is not executed from cell {number} (`{first_line(cell)}`) on"
    return ""


def _cells_fault(path, wanted):
    """How the cells of the .ipynb differ from those wanted, in words; empty if they do not."""
    if not path.is_file():
        return "is missing"
    try:
        cells = nbformat.read(path, 4).cells
    except (ValueError, nbformat.ValidationError, AttributeError):
        return "is no notebook"
    for number, (cell, other) in enumerate(zip(cells, wanted.cells, strict=False), 1):
        if _identity(cell) != _identity(other):
            return f"differs from its source in cell {number} (`{first_line(other)}`)"
    return "" if len(cells) == len(wanted.cells) else f"has {len(cells)} cells, its source {len(wanted.cells)}"


def _identity(cell):
    return cell.get("id"), *_content(cell)


def _content(cell):
    return cell.cell_type, cell.source, tags_of(cell)


def _readme_fault(root):
    try:
        page = readme(root)
    except LessonError as error:
        return [str(error)]
    stale = page is not None and (root / "README.md").read_text(encoding="utf-8") != page
    return ["README.md has another table of lessons than their headers: run `course build`."] if stale else []


def _orphans(stems, root):
    products = [*(root / "notebooks").glob("*.md"), *root.glob("notebooks/*.ipynb"), *root.glob("solutions/*.ipynb")]
    return [
        f"{path.relative_to(root).as_posix()} has no source solutions/{path.stem}.md: delete it or write one."
        for path in sorted(products)
        if path.stem not in stems
    ]
