"""Every exercise has an answer, and no answer stands where students read."""

import ast
import re
import tokenize
import unicodedata
from io import StringIO
from typing import NamedTuple

from nbformat import NotebookNode

from course_lib.lessons.error import cell_error
from course_lib.lessons.source import tags_of

SHORTEST_LINE = 8  # characters of code that are worth hiding
SHORTEST_SENTENCE = 6  # words
MAY_BE = "(a line that may be given belongs in the stub as well)"

_TOKEN = re.compile(r"\w+|[^\w\s]")
_OPERATION = re.compile(r"[-+*/%@<>&|^~(\[]|==|!=|\b(if|and|or|not|in|lambda)\b")
_EXPONENT = re.compile(r"\b[\d.]+e[-+]?\d+", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?:;](?=\s|$)|\n\s*\n|\n\s*(?=[-*|>]|\d+\.)")
_MATHS = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL)
_TEXT_FENCE = re.compile(r"^```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Exercise(NamedTuple):
    """An exercise cell and its answers, each with its cell number."""

    number: int
    cell: NotebookNode
    answers: list


def check_answers(notebook, name):
    """Raises LessonError for an exercise without answer or stub, and for an answer that a student's cell gives away."""
    kept = [(number, cell) for number, cell in enumerate(notebook.cells, 1) if "solution" not in tags_of(cell)]
    for exercise in exercises(notebook, name):
        if exercise.cell.cell_type == "code":
            _check_stub(exercise, name)
            _check_defined_once(exercise, kept, name)
        for number, answer in exercise.answers:
            _check_hidden(exercise, number, answer, kept, name)


def exercises(notebook, name):
    """All exercises with their answers, in order."""
    found = []
    for number, cell in enumerate(notebook.cells, 1):
        if "exercise" in tags_of(cell):
            found.append(Exercise(number, cell, []))
        elif "solution" in tags_of(cell):
            if not found:
                raise cell_error(name, number, cell, "is a solution with no exercise before it")
            found[-1].answers.append((number, cell))
    for exercise in found:
        if not exercise.answers:
            raise cell_error(name, exercise.number, exercise.cell, "an exercise with no solution after it")
    return found


def _check_stub(exercise, name):
    def refuse(reason):
        raise cell_error(name, exercise.number, exercise.cell, reason)

    tree = _parsed(exercise.cell, exercise.number, name)
    bodies = [body for node in ast.walk(tree) for body in _bodies(node) if any(map(_is_gap, body))]
    if not bodies:
        refuse("the stub does not raise NotImplementedError")
    if not all(_is_gap(body[-1]) for body in bodies):
        refuse("code stands after `raise NotImplementedError`, where it never runs and students read it")
    code = [_parsed(cell, number, name) for number, cell in exercise.answers if cell.cell_type == "code"]
    missing = _defined(tree) - set().union(*map(_defined, code))
    if not code or missing:
        refuse(f"no solution cell defines {', '.join(sorted(missing)) or 'what the stub asks for'}")


def _check_defined_once(exercise, kept, name):
    """A kept cell that defines the name again is an answer with a missing tag, and would overwrite the student's."""
    wanted = "|".join(_defined(ast.parse(exercise.cell.source)))
    again = re.compile(rf"^\s*(?:async\s+)?(?:def|class)\s+({wanted})\b", re.MULTILINE)
    for number, cell in kept:
        stub = "exercise" in tags_of(cell)
        if wanted and cell.cell_type == "code" and not stub and (found := again.search(cell.source)):
            raise cell_error(name, number, cell, f"defines {found[1]} of exercise cell {exercise.number} again")


def _check_hidden(exercise, number, answer, kept, name):
    if answer.cell_type == "code":
        _parsed(answer, number, name)
        lines, sentences = _lines_to_hide(exercise, answer, name), []
    else:
        lines, sentences = _fenced_lines(exercise, answer), _sentences(answer.source)
    for where, cell in kept:
        text, words = _tokens(cell.source), _words(cell.source)
        for line in lines:
            if _tokens(line) in text:
                raise cell_error(name, where, cell, f"gives away `{line}` of the answer in cell {number} {MAY_BE}")
        for sentence in sentences:
            if _words(sentence) in words:
                raise cell_error(name, where, cell, f"gives away `{sentence}` of the answer in cell {number}")


def _lines_to_hide(exercise, answer, name):
    lines = [line for line in _code_lines(answer.source) if _is_significant(line)]
    given = _given(exercise)
    hidden = [line for line in lines if _tokens(line) not in given]
    if lines and not hidden:
        raise cell_error(name, exercise.number, exercise.cell, "the stub already holds the whole answer")
    return hidden


def _fenced_lines(exercise, answer):
    lines = [line.strip() for fence in _TEXT_FENCE.findall(answer.source) for line in fence.splitlines()]
    asked = _tokens(exercise.cell.source)
    return [line for line in lines if _is_significant(line) and _tokens(line) not in asked]


def _given(exercise):
    """What the stub's own code says already; its comments and docstrings are no code, and must not give the answer."""
    code = exercise.cell.cell_type == "code"
    return {_tokens(line) for line in _code_lines(exercise.cell.source)} if code else set()


def _code_lines(source):
    """The lines of code without comments, docstrings, imports and the heads of functions and classes."""
    tree, lines = ast.parse(source), source.splitlines()
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    skipped = {row for node in ast.walk(tree) for row in _rows_without_answer(node)}
    return [line.strip().rstrip(" :,") for row, line in enumerate(lines, 1) if line.strip() and row not in skipped]


def _rows_without_answer(node):
    if isinstance(node, ast.Import | ast.ImportFrom):
        return range(node.lineno, node.end_lineno + 1)
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
        return range(0)
    body = node.body
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)]) if not isinstance(node, ast.Module) else 1
    has_docstring = ast.get_docstring(node, clean=False) is not None
    last = body[0].end_lineno if has_docstring else body[0].lineno - 1 if body else 0
    return range(first, last + 1)


def _is_significant(line):
    return len("".join(line.split())) >= SHORTEST_LINE and bool(_OPERATION.search(_EXPONENT.sub("1", line)))


def _sentences(prose):
    """Sentences of at least six words, formulas left out."""
    pieces = _SENTENCE_END.split(_MATHS.sub(" ", prose))
    return [" ".join(piece.split()) for piece in pieces if piece and len(_words(piece).split()) >= SHORTEST_SENTENCE]


def _tokens(text):
    """Code with spaces, comment signs and kinds of quote made equal, so that `v=2*a # so` is found in `# v = 2 * a`."""
    text = unicodedata.normalize("NFKC", text).replace("−", "-").replace('"', "'")
    return " " + " ".join(token for token in _TOKEN.findall(text) if token not in "#\\") + " "


def _words(text):
    """Prose as words: with its formulas, then without, since either may interrupt the sentence that is looked for."""
    both = [text] if text == _MATHS.sub(" ", text) else [text, _MATHS.sub(" ", text)]
    return " " + " ".join(word for part in both for word in re.findall(r"\w+", part.lower())) + " "


def _parsed(cell, number, name):
    try:
        return ast.parse(cell.source)
    except SyntaxError as error:
        raise cell_error(name, number, cell, f"no valid Python: {error.msg}, line {error.lineno}") from None


def _defined(tree):
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return {node.name for node in tree.body if isinstance(node, kinds)}


def _bodies(node):
    return [value for _, value in ast.iter_fields(node) if isinstance(value, list) and value]


def _is_gap(node):
    raised = getattr(node, "exc", None) if isinstance(node, ast.Raise) else None
    raised = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
