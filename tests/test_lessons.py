"""The lesson format: what is built, what stays as it is, and everything that stops a build."""

import base64
import io
import json
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from PIL import Image, ImageChops, ImageDraw

from course_lib import lessons
from course_lib.lessons import LessonError
from course_lib.lessons.outputs import WIDEST, shrink, tidy, to_ipynb
from course_lib.lessons.source import HEADER, TAGS

REPOSITORY = Path(__file__).resolve().parents[1]

STUB = '''
```python tags=["exercise"]
def step(p, g, *, lr):
    """One step from `p`."""
    scaled = abs(lr) * g
    raise NotImplementedError
```
'''
ANSWER = '''
```python tags=["solution"]
def step(p, g, *, lr):
    """The hidden one."""
    scaled = abs(lr) * g
    moved = p - scaled  # downhill
    return moved
```
'''
QUESTION = """
<!-- #region tags=["exercise"] -->
Why does it stop?
<!-- #endregion -->
"""
PROSE = """
<!-- #region tags=["solution"] -->
Short words. The slope at the bottom of the valley is zero $g = 0$, so nothing moves.

```text
p_next = p_last - 0
```
<!-- #endregion -->
"""
FORMULA = r"$$ p_t = p_{t-1} - \alpha\,g_t $$"
LESSON = f"""{HEADER}
# A claim

Two paths down one valley.

<!-- formula: sgd -->
{FORMULA}
<!-- /formula -->
{STUB}{ANSWER}
Between.

```python tags=["check"]
print(round(step(1.0, 2.0, lr=0.1), 3) if False else "checked")
```

```python
# NBVAL_CHECK_OUTPUT
print("checked")
```
{QUESTION}{PROSE}
The end.
"""


def repository(folder, **sources):
    (folder / "solutions").mkdir(exist_ok=True)
    (folder / "pyproject.toml").touch()
    for stem, text in sources.items():
        (folder / "solutions" / f"{stem.removeprefix('n')}.md").write_text(text, encoding="utf-8", newline="\n")
    return folder


def lesson(body):
    return f"{HEADER}\n# A claim\n\n{body.strip()}\n"


def files(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def refusal(root, text):
    """The sentence that stops a build of this one lesson; nothing may have been written."""
    repository(root, n02_valley=text)
    before = files(root)
    with pytest.raises(LessonError) as caught:
        lessons.build(root=root)
    assert files(root) == before
    return str(caught.value)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = repository(tmp_path_factory.mktemp("course"), n02_valley=LESSON)
    lessons.build(root=root)
    return root


@pytest.fixture
def course(built, tmp_path):
    """A copy of the built course, free to be spoilt."""
    for name, content in files(built).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


# What is built


def test_the_student_gets_every_cell_but_the_solutions(built):
    full = jupytext.read(built / "solutions/02_valley.md")
    for name in ("notebooks/02_valley.md", "notebooks/02_valley.ipynb"):
        student = jupytext.read(built / name)
        assert [c.source for c in student.cells] == [
            c.source for c in full.cells if c.metadata.get("tags") != ["solution"]
        ]


def test_no_word_of_an_answer_is_in_the_students_files(built):
    for path in built.glob("notebooks/*"):
        text = path.read_text(encoding="utf-8")
        assert not any(words in text for words in ("moved", "hidden one", "Short words", "p_next", "solution"))


def test_the_markdown_and_the_notebook_are_one(built):
    for folder in ("notebooks", "solutions"):
        markdown = jupytext.read(built / folder / "02_valley.md")
        notebook = nbformat.read(built / folder / "02_valley.ipynb", 4)
        assert [(c.cell_type, c.source, c.metadata) for c in markdown.cells] == [
            (c.cell_type, c.source, c.metadata) for c in notebook.cells
        ]


def test_the_students_markdown_has_the_header_verbatim(built):
    assert (built / "notebooks/02_valley.md").read_text(encoding="utf-8").startswith(HEADER + "\n#")


def test_the_students_notebook_has_never_run(built):
    cells = nbformat.read(built / "notebooks/02_valley.ipynb", 4).cells
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells if cell.cell_type == "code")


def test_the_solution_notebook_has_run(built):
    cells = [c for c in nbformat.read(built / "solutions/02_valley.ipynb", 4).cells if c.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == [1, 2, 3, 4]
    assert cells[-1].outputs[0].text == "checked\n"


def test_notebooks_say_nothing_of_the_machine_that_built_them(built):
    for path in built.glob("*/*.ipynb"):
        notebook = nbformat.read(path, 4)
        assert set(notebook.metadata) == {"kernelspec"}
        assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)


def test_a_kept_cell_has_one_id_in_both_notebooks(built):
    student, full = (nbformat.read(built / name / "02_valley.ipynb", 4).cells for name in ("notebooks", "solutions"))
    assert [c.id for c in student] == [c.id for c in full if c.metadata.get("tags") != ["solution"]]


def test_ids_follow_the_text_and_are_unique_for_equal_cells(course):
    source = course / "solutions/02_valley.md"
    before = nbformat.read(course / "notebooks/02_valley.ipynb", 4).cells
    source.write_text(LESSON.replace("Between.", "Between.\n\n```python\n1\n```\n\nAnd\n\n```python\n1\n```"), "utf-8")
    lessons.build(root=course)
    after = nbformat.read(course / "notebooks/02_valley.ipynb", 4).cells
    assert {cell.id for cell in before} < {cell.id for cell in after}
    assert len({cell.id for cell in after}) == len(after)


def test_a_second_build_changes_no_file(course):
    before = files(course)
    assert lessons.build(root=course) == []
    assert files(course) == before


def test_a_build_writes_the_formulas_of_the_rules_into_the_source(course):
    fresh = files(course)
    source = course / "solutions/02_valley.md"
    source.write_text(planted(f"{FORMULA}\n", ""), "utf-8")
    assert lessons.build(root=course) == [source]
    assert files(course) == fresh


def test_a_build_says_which_files_it_changed(course):
    stale = course / "notebooks/02_valley.md"
    stale.write_text("old", "utf-8")
    assert lessons.build(["2"], course) == [stale]


def test_stored_outputs_are_kept_until_execution_is_asked_for(course):
    path = course / "solutions/02_valley.ipynb"
    fresh = path.read_text(encoding="utf-8")
    tampered = fresh.replace("checked\\n", "tampered\\n")
    path.write_text(tampered, "utf-8")
    lessons.build(root=course)
    assert path.read_text(encoding="utf-8") == tampered != fresh
    lessons.build(root=course, execute=True)
    assert path.read_text(encoding="utf-8") == fresh


PICTURES = """
```python
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(12, 3))
axes.plot([1, 3, 2]);
```

```python
import os
import sys

import ipywidgets

print(sys.executable == os.environ["WANTED_PYTHON"], os.path.basename(os.getcwd()), os.environ["OMP_NUM_THREADS"])
print(os.environ["TQDM_DISABLE"])
ipywidgets.IntSlider(3)
```
"""


@pytest.fixture(scope="module")
def pictured(tmp_path_factory):
    """The stored outputs of a figure and a slider, with a kernelspec in the way that starts nothing."""
    root = repository(tmp_path_factory.mktemp("pictures"), n03_pictures=lesson(PICTURES))
    spec = root / "share/kernels/python3/kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": ["no-such-python"], "display_name": "x", "language": "python"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(root / "share"))
        patch.setenv("JUPYTER_DATA_DIR", str(root / "share"))
        patch.setenv("MPLBACKEND", "Agg")
        patch.setenv("OMP_NUM_THREADS", "4")
        patch.setenv("WANTED_PYTHON", sys.executable)
        lessons.build(root=root)
    cells = nbformat.read(root / "solutions/03_pictures.ipynb", 4).cells
    return [cell.outputs for cell in cells if cell.cell_type == "code"]


def test_a_figure_is_stored_as_a_png_that_fits_a_page(pictured):
    (figure,) = pictured[0]
    assert figure.data["text/plain"].startswith("<Figure size")
    picture = Image.open(io.BytesIO(base64.b64decode(figure.data["image/png"])))
    assert (picture.width, picture.mode) == (WIDEST, "P")


def test_lessons_run_in_this_python_in_solutions_with_one_thread(pictured):
    assert pictured[1][0].text == "True solutions 1\n1\n"


def test_a_slider_leaves_no_dead_widget_behind(pictured):
    assert pictured[1][1].data == {"text/plain": "IntSlider(value=3)"}


# What stops a build: a planted fault, and the words of the sentence


def planted(old, new, text=LESSON):
    assert text.count(old) == 1, old
    return text.replace(old, new)


OPEN_ANSWER = '```python tags=["solution"]\ndef step'
OPEN_PROSE = '<!-- #region tags=["solution"] -->'
OPEN_QUESTION = '<!-- #region tags=["exercise"] -->'
END_PROSE = "p_next = p_last - 0\n```\n<!-- #endregion -->"
LOOKS = ("02_valley.md, line", "looks like a marker and is none")


def fence(marker):
    """The lesson with another opening line of the answer's fence."""
    return planted(OPEN_ANSWER, f"{marker}\ndef step")


def region(marker):
    """The lesson with another opening line of the prose answer."""
    return planted(OPEN_PROSE, marker)


def kept(text):
    """The lesson with a text in a cell that students see."""
    return planted("Between.", text)


MARKERS = {
    "tag": fence('```python tag=["solution"]'),
    "tags with a colon": fence('```python tags: ["solution"]'),
    "single quotes": fence("```python tags=['solution']"),
    "curly quotes": fence("```python tags=[“solution”]"),
    "no quotes": fence("```python tags=[solution]"),
    "no list": fence('```python tags="solution"'),
    "backslash": fence('```python tags=["solution\\q"]'),
    "unclosed list": fence('```python tags=["solution"'),
    "unclosed quote": fence('```python tags=["solution]'),
    "JSON": fence('```python {"tags": ["solution"]}'),
    "no space": fence('```pythontags=["solution"]'),
    "two spaces": fence('```python  tags=["solution"]'),
    "space in list": fence('```python tags=[ "solution"]'),
    "space after": fence('```python tags=["solution"] '),
    "empty list": fence("```python tags=[]"),
    "capital language": fence('```Python tags=["solution"]'),
    "py": fence('```py tags=["solution"]'),
    "ipython": fence('```ipython tags=["solution"]'),
    "MyST": fence('```{code-cell} tags=["solution"]'),
    "bash": fence('```bash tags=["solution"]'),
    "text with tags": fence('```text tags=["solution"]'),
    "no language": fence("```"),
    "tags alone": fence('``` tags=["solution"]'),
    "noeval": fence("```python .noeval"),
    "name beside tags": fence('```python tags=["solution"] name="x"'),
    "another name": fence('```python name="x" tags=["solution"]'),
    "active": fence('```python tags=["solution"] active="md"'),
    "four backticks": fence('````python tags=["solution"]'),
    "two backticks": fence('``python tags=["solution"]'),
    "tildes": fence('~~~python tags=["solution"]'),
    "indented fence": fence('  ```python tags=["solution"]'),
    "fence in a list": fence('- ```python tags=["solution"]'),
    "fence in a quote": fence('> ```python tags=["solution"]'),
    "invisible space": fence('\u200b```python tags=["solution"]'),
    "tags on the second line": fence('```python\ntags=["solution"]'),
    "percent cell": fence('```python\n# %% tags=["solution"]'),
    "quarto tags": fence('```python\n#| tags: ["solution"]'),
    "region without #": region('<!-- region tags=["solution"] -->'),
    "region in capitals": region('<!-- #Region tags=["solution"] -->'),
    "region misspelt": region('<!-- #regoin tags=["solution"] -->'),
    "region without tags": region("<!-- #region -->"),
    "region tag": region('<!-- #region tag=["solution"] -->'),
    "region with a title": region('<!-- #region Answer tags=["solution"] -->'),
    "region with metadata": region('<!-- #region tags=["solution"] key=1 -->'),
    "region with single quotes": region("<!-- #region tags=['solution'] -->"),
    "region with space before": region(f" {OPEN_PROSE}"),
    "region with space after": region(f"{OPEN_PROSE} "),
    "region tight": region('<!--#region tags=["solution"]-->'),
    "region two dashes": region('<-- #region tags=["solution"] -->'),
    "region one dash": region('<!- #region tags=["solution"] -->'),
    "region unfinished": region('<!-- #region tags=["solution"] --'),
    "region markdown": region('<!-- #markdown tags=["solution"] -->'),
    "region md": region('<!-- #md tags=["solution"] -->'),
    "region raw": region('<!-- #raw tags=["solution"] -->'),
    "percent comment": region('<!-- %% tags=["solution"] -->'),
    "a fence of tildes": kept("~~~\nmoved\n~~~"),
    "an unmarked heading": kept("### Solution\n\nOther words."),
    "tags in a comment": kept("<!-- cell tags=solution -->"),
    "a heading instead": region("### Solution"),
    "bold instead": region("**Solution:**"),
    "end of region misspelt": planted(END_PROSE, END_PROSE.replace("#endregion", "#endregoin")),
    "end of region without #": planted(END_PROSE, END_PROSE.replace("#endregion", "endregion")),
    "end of another region": planted(END_PROSE, END_PROSE.replace("#endregion", "#endmd")),
    "end twice": planted(END_PROSE, f"{END_PROSE}\n\n<!-- #endregion -->"),
    "region in a region": planted("Short words.", f"{OPEN_PROSE}\nShort words."),
    "cell in a region": planted("```text\np_next", "```python\np_next"),
    "unclosed question": planted("Why does it stop?\n<!-- #endregion -->", "Why does it stop?"),
    "unclosed answer": planted("    return moved\n```", "    return moved"),
    "closed with a space": planted("    return moved\n```", "    return moved\n``` "),
    "closed with tildes": planted("    return moved\n```", "    return moved\n~~~"),
    "closed with four": planted("    return moved\n```", "    return moved\n````"),
}


@pytest.mark.parametrize("text", MARKERS.values(), ids=MARKERS)
def test_what_looks_like_a_marker_and_is_none_stops_the_build(tmp_path, text):
    said = refusal(tmp_path, text)
    assert all(words in said for words in LOOKS)


GIVEN_AWAY = "gives away `moved = p - scaled` of the answer in cell 3"
SENTENCE = "gives away `The slope at the bottom of the valley is zero , so nothing moves`"
FAULTS = {
    # markers that jupytext and the grammar read differently, or that never end
    "unclosed at the end": (LESSON.split("    return moved")[0], ["line 28 (`", "never closed by ```"]),
    "unclosed region at the end": (
        LESSON.split("\n<!-- #endregion -->\n\nThe end")[0],
        ["never closed by <!-- #endregion"],
    ),
    "unclosed text fence": (LESSON + "\n```text\nx\n", ["never closed by ```"]),
    "open quote swallows a fence": (
        kept('```python\nx = """\n```\n\n```python\n"""\n```'),
        ["cell 4", "an open quote"],
    ),
    "open quote swallows the rest": (kept('```python\nx = """\n```'), ["an open quote"]),
    "line separator": (kept("Words\u2028more."), ["JupyterLab"]),
    "form feed": (kept("Words\x0cmore."), ["saving it in JupyterLab"]),
    "no line break at the end": (LESSON.rstrip("\n"), ["must end with one line break"]),
    "comment around a cell": (kept("<!-- hidden\n\n```python\n1\n```\n\n-->"), ["cell 4 (`<!-- hidden`)", "comment"]),
    "no blank before a cell": (kept("Between.\n```python\n1\n```"), ["cell 4 (`Between.`)", "exactly one blank line"]),
    "no blank after a cell": (kept("```python\n1\n```\nBetween."), ["cell 4 (`1`)", "exactly one blank line"]),
    "no blank before a region": (kept(f"A.\n{OPEN_QUESTION}\nB?\n<!-- #endregion -->"), ["exactly one blank line"]),
    # headers
    "another kernel": (planted("name: python3", "name: python"), ["solutions/02_valley.md", "header"]),
    "no header": ("# A claim\n", ["header"]),
    "a byte order mark": ("\ufeff" + LESSON, ["header"]),
    "a format version": (planted("markdown\n", "markdown\n      format_version: '1.3'\n"), ["header"]),
    # tags
    "unknown tag": (fence('```python tags=["answer"]'), ["line 28 (`def step", "unknown tag 'answer'", *TAGS]),
    "capital tag": (fence('```python tags=["Solution"]'), ["unknown tag 'Solution'"]),
    "tag with a space": (fence('```python tags=["solution "]'), ["unknown tag 'solution '"]),
    "two tags in one": (fence('```python tags=["solution,scale"]'), ["unknown tag 'solution,scale'"]),
    "capital region tag": (region('<!-- #region tags=["Solution"] -->'), ["unknown tag 'Solution'"]),
    "exclusive tags": (fence('```python tags=["solution", "exercise"]'), ["exercise and solution", "exclude"]),
    "exclusive check": (fence('```python tags=["solution", "check"]'), ["check and solution", "exclude"]),
    "one tag twice": (fence('```python tags=["solution", "solution"]'), ["one tag twice"]),
    # exercises and their solutions
    "forgotten tag": (fence("```python"), ["cell 2 (`def step", "no solution after it"]),
    "forgotten prose": (LESSON.replace(PROSE, ""), ["cell 7 (`Why does it stop?`)", "no solution after it"]),
    "two exercises, one solution": (LESSON.replace(ANSWER, ""), ["cell 2", "no solution"]),
    "solution without exercise": (LESSON.replace(STUB, ""), ["cell 2", "no exercise before it"]),
    "prose for a stub": (LESSON.replace(ANSWER, PROSE), ["cell 2", "no solution cell defines step"]),
    "solution of another name": (LESSON.replace(ANSWER, ANSWER.replace("def step", "def steps")), ["defines step."]),
    "stub without a gap": (planted("    raise NotImplementedError", "    return scaled"), ["does not raise NotImpl"]),
    "gap in a comment": (planted("    raise Not", "    pass  # raise Not"), ["does not raise NotImpl"]),
    "stub that is no Python": (
        planted("abs(lr) * g\n    raise", "abs(lr * g\n    raise"),
        ["cell 2", "no valid Python"],
    ),
    "solution that is no Python": (planted("    moved = p", "    moved = = p"), ["cell 3", "no valid Python"]),
    "answer under the gap": (
        planted("NotImplementedError", "NotImplementedError\n    return p - g"),
        ["cell 2", "never runs"],
    ),
    "answer above the gap": (
        planted("    raise", "    moved = p - scaled\n    raise"),
        ["cell 2", "holds the whole answer"],
    ),
    "answer under one of two gaps": (
        planted(
            "NotImplementedError",
            "NotImplementedError\n    return p - g\n\n\ndef stop():\n    raise NotImplementedError",
        ),
        ["cell 2", "never runs"],
    ),
    "name defined again": (kept("```python\ndef step(p, g, lr):\n    return p\n```"), ["cell 4", "defines step of"]),
    # answers in kept cells
    "line in code": (kept("```python\nmoved=p-scaled\n```"), ["cell 4 (`moved=p-scaled`)", GIVEN_AWAY]),
    "line in a comment": (kept("```python\n1  # moved = p - scaled\n```"), ["cell 4 (`1", GIVEN_AWAY]),
    "line in a string": (kept('```python\nhint = "moved = p - scaled"\n```'), [GIVEN_AWAY]),
    "line with other quotes": (
        planted(
            "    return moved", "    print('downhill')\n    return moved", kept('```python\nprint("downhill")\n```')
        ),
        ["cell 4", "gives away `print('downhill')`"],
    ),
    "line over two comments": (kept("```python\n# moved = p\n#     - scaled\n```"), ["cell 4", GIVEN_AWAY]),
    "line broken in two": (kept("```python\nmoved = p \\\n    - scaled\n```"), [GIVEN_AWAY]),
    "line in prose": (kept("Write moved = p - scaled there."), ["cell 4 (`Write", GIVEN_AWAY]),
    "line in inline code": (kept("Write `moved = p-scaled`."), [GIVEN_AWAY]),
    "line with a true minus": (kept("Write moved = p − scaled."), [GIVEN_AWAY]),
    "line in a text fence": (kept("So:\n\n```text\nmoved = p - scaled\n```"), [GIVEN_AWAY]),
    "line in an HTML comment": (kept("<!-- moved = p - scaled -->"), [GIVEN_AWAY]),
    "line in indented code": (kept("So:\n\n    moved = p - scaled\n\nThen."), [GIVEN_AWAY]),
    "line in a table": (kept("| a | b |\n|---|---|\n| moved = p - scaled | x |"), [GIVEN_AWAY]),
    "line in the title": (planted("# A claim", "# moved = p - scaled"), ["cell 1 (`# moved", GIVEN_AWAY]),
    "line in the question": (planted("Why does it", "moved = p - scaled: why does it"), [GIVEN_AWAY]),
    "line in the stub's docstring": (planted("One step from `p`.", "moved = p - scaled"), ["cell 2", GIVEN_AWAY]),
    "line in the stub's comment": (
        planted("    raise Not", "    # moved = p - scaled\n    raise Not"),
        ["cell 2", GIVEN_AWAY],
    ),
    "sentence in prose": (
        kept("The slope, at the *bottom* of the valley, is zero:\nso nothing moves!"),
        ["cell 4", SENTENCE],
    ),
    "sentence with its formula": (
        kept("The slope at the bottom of the valley is zero $g = 0$, so nothing moves."),
        ["cell 4", SENTENCE],
    ),
    "sentence in a comment": (
        kept("```python\n# the slope at the bottom of the valley is zero,\n# so nothing moves\n```"),
        ["cell 4", SENTENCE],
    ),
    "fenced line of prose": (kept("p_next = p_last - 0"), ["cell 4", "gives away `p_next = p_last - 0`"]),
    # widgets that hang
    "Output": (kept("```python\nout = widgets.Output()\n```"), ["cell 4 (`out", "Output", "hang"]),
    "interact": (kept("```python\ninteract(f, x=3)\n```"), ["uses interact,"]),
    "@interact": (kept("```python\n@widgets.interact\ndef f(x=1): pass\n```"), ["uses @widgets.interact,"]),
    "interactive_output": (kept("```python\ninteractive_output(f, {})\n```"), ["uses interactive_output,"]),
}


@pytest.mark.parametrize(("text", "words"), FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_stops_the_build_with_its_own_sentence(tmp_path, text, words):
    said = refusal(tmp_path, text)
    assert "solutions/02_valley.md" in said
    assert all(word in said for word in words)


def test_a_source_in_another_encoding_is_refused(tmp_path):
    path = repository(tmp_path) / "solutions/02_valley.md"
    path.write_bytes(LESSON.replace("A claim", "Ä").encode("latin-1"))
    assert "solutions/02_valley.md is not UTF-8" in lessons.check(tmp_path)[0]


HARMLESS = {
    "text fence": "So:\n\n```text\na --> b\n```\n\nThat is all.",
    "comment": "<!-- A note on the region of stability,\nover two lines. -->",
    "heading with region": "## Region of stability",
    "short line of the answer": "It returns `moved`.",
    "line given in the stub": "Note that scaled = abs(lr) * g.",
    "part of a longer line": "Write `removed = p - scaled` or `moved = p - scaled_by`.",
    "short sentence": "Short words.",
    "equal cells": "```python\n1\n```\n\nAnd\n\n```python\n1\n```",
    "role and place": '```python tags=["check", "scale"]\n1\n```',
    "kept region": '<!-- #region tags=["scale"] -->\nOne paragraph.\n\n\nAnother.\n<!-- #endregion -->',
    "two cells of prose": "One.\n\n\nTwo.",
}


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_ordinary_prose_and_code_are_no_fault(tmp_path, text):
    root = repository(tmp_path, n02_valley=kept(text))
    assert [said for said in lessons.check(root) if "is missing" not in said] == []


# What stops a build once cells run


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("1 / 0", ["cell 2 (`1 / 0`)", "ZeroDivisionError: division by zero."]),
        ("import warnings\nwarnings.warn('too old')", ["cell 2 (`import warnings`)", "prints on stderr", "too old"]),
    ],
)
def test_a_cell_that_fails_or_warns_stops_the_build_and_nothing_is_written(course, code, words):
    said = refusal(course, lesson(f"```python\n{code}\n```"))
    assert all(word in said for word in ["solutions/02_valley.md", *words])


def notebook_with(*outputs, code="plot()"):
    cell = nbformat.v4.new_code_cell(code, execution_count=1, outputs=list(outputs), id="a")
    return nbformat.v4.new_notebook(cells=[cell])


def shown(**data):
    return nbformat.v4.new_output("display_data", {name.replace("_", "/"): value for name, value in data.items()})


def printed(text, name="stdout"):
    return nbformat.v4.new_output("stream", name=name, text=text)


UNFIT = {
    "home": (printed(f"{Path.home()}/data"), "path of this machine"),
    "repository": (printed("/repository/data.csv"), "path of this machine"),
    "library": (printed("File lib/site-packages/x.py"), "path of this machine"),
    "path in HTML": (shown(text_html=f"<b>{sys.prefix}</b>"), "path of this machine"),
    "address": (shown(text_plain="<Line2D at 0x7f3a5c0d1e50>"), "address of an object"),
    "stderr": (printed("\nUserWarning: x\n", "stderr"), "prints on stderr: UserWarning: x"),
}


@pytest.mark.parametrize(("output", "words"), UNFIT.values(), ids=UNFIT)
def test_what_must_not_be_published_stops_the_build(output, words):
    with pytest.raises(LessonError, match=rf"a\.md, cell 1 \(`plot\(\)`\): .*{words}"):
        tidy(notebook_with(output), "/repository", "a.md")


def test_a_cell_that_is_to_be_compared_must_print_something():
    with pytest.raises(LessonError, match="NBVAL_CHECK_OUTPUT"):
        tidy(notebook_with(code="# NBVAL_CHECK_OUTPUT\n1;"), "/repository", "a.md")


def test_a_widget_goes_and_its_still_picture_stays():
    picture = png(noise(20, 10))
    notebook = notebook_with(
        nbformat.v4.new_output(
            "display_data",
            {
                "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
                "image/png": picture,
                "text/plain": "Live()",
            },
        ),
        nbformat.v4.new_output("display_data", {"application/vnd.jupyter.widget-view+json": {"model_id": "y"}}),
    )
    tidy(notebook, "/repository", "a.md")
    assert [set(output.data) for output in notebook.cells[0].outputs] == [{"image/png", "text/plain"}]


# Pictures


def noise(width, height):
    return Image.effect_noise((width, height), 80).convert("RGB")


def png(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def gradient(width, height):
    ramp = Image.linear_gradient("L")
    channels = (ramp, ramp.transpose(Image.Transpose.ROTATE_180), ramp.transpose(Image.Transpose.ROTATE_90))
    return Image.merge("RGB", channels).resize((width, height))


def opened(text):
    return Image.open(io.BytesIO(base64.b64decode(text)))


def test_a_palette_makes_a_picture_smaller_and_keeps_its_lines_and_colours():
    image = Image.blend(gradient(500, 300), noise(500, 300), 0.1)
    ImageDraw.Draw(image).line((0, 150, 500, 150), fill=(230, 97, 0), width=1)
    small = shrink(png(image), 96)
    assert len(small) < len(png(image)) / 2
    assert opened(small).convert("RGB").getpixel((250, 150)) == (230, 97, 0)
    assert max(high for _, high in ImageChops.difference(image, opened(small).convert("RGB")).getextrema()) < 48


def test_a_picture_that_a_palette_would_swell_stays_as_it_is():
    tiny = png(Image.new("1", (40, 40)))
    assert shrink(tiny, 256) == tiny


def test_shrinking_a_picture_twice_changes_nothing_more():
    once = shrink(png(gradient(1200, 300)), 256)
    assert opened(once).width == WIDEST
    assert shrink(once, 256) == once


def test_a_transparent_picture_lands_on_white():
    assert (
        opened(shrink(png(Image.new("RGBA", (1000, 9), (0, 0, 0, 0))), 8)).convert("RGB").getpixel((0, 0)) == (255,) * 3
    )


def test_pictures_lose_colours_until_the_notebook_is_small_enough():
    picture = png(noise(700, 420))
    notebook = notebook_with(shown(image_png=picture))
    tidy(notebook, "/repository", "a.md")
    assert len(to_ipynb(notebook)) <= 300_000 < len(picture)


def test_a_notebook_too_large_stops_with_its_largest_outputs():
    notebook = notebook_with(shown(image_png=png(noise(900, 900))))
    notebook.cells.append(nbformat.v4.new_code_cell("print(x)", outputs=[printed("x\n" * 4000)], id="b"))
    with pytest.raises(LessonError, match=r"300 kB; .*cell 1 \(`plot\(\)`\) \d+ kB, cell 2 \(`print\(x\)`\) \d+ kB"):
        tidy(notebook, "/repository", "a.md")


# What is stale


def spoil_cell(name, change):
    def spoil(root):
        notebook = nbformat.read(root / name, 4)
        change(notebook.cells)
        nbformat.write(notebook, root / name)

    return spoil


def remove(name):
    return lambda root: (root / name).unlink()


def write(name, text):
    return lambda root: (root / name).write_text(text, "utf-8")


def spoil_text(name, old, new):
    return lambda root: (root / name).write_text(planted(old, new, (root / name).read_text("utf-8")), "utf-8")


STUDENT, SOLVED = "notebooks/02_valley.ipynb", "solutions/02_valley.ipynb"
STALE = {
    "no student notebook": (remove(STUDENT), f"{STUDENT} is missing: run `course build 02_valley`."),
    "no student text": (remove("notebooks/02_valley.md"), "notebooks/02_valley.md is missing"),
    "no solution": (remove(SOLVED), f"{SOLVED} is missing"),
    "no source": (remove("solutions/02_valley.md"), f"{STUDENT} has no source solutions/02_valley.md"),
    "orphan": (write("solutions/03_gone.ipynb", "{}"), "solutions/03_gone.ipynb has no source"),
    "student text": (write("notebooks/02_valley.md", "# Mine"), "notebooks/02_valley.md differs from its source"),
    "no notebook": (write(STUDENT, "<<<<<<< HEAD"), f"{STUDENT} is no notebook"),
    "input": (
        spoil_cell(STUDENT, lambda cells: cells[0].update(source="x")),
        "differs from its source in cell 1 (`# A",
    ),
    "id": (
        spoil_cell(STUDENT, lambda cells: cells[2].update(id="x")),
        "differs from its source in cell 3 (`Between.`)",
    ),
    "tags": (
        spoil_cell(SOLVED, lambda cells: cells[2].metadata.clear()),
        f"{SOLVED} differs from its source in cell 3",
    ),
    "extra cell": (spoil_cell(STUDENT, lambda cells: cells.pop()), f"{STUDENT} has 6 cells, its source 7"),
    "not run": (spoil_cell(SOLVED, lambda cells: cells[5].update(execution_count=None)), "is not executed from cell 6"),
    "formula": (
        spoil_text("solutions/02_valley.md", r"\alpha\,g_t", r"\alpha\,g_{t-1}"),
        "solutions/02_valley.md: the formula of sgd is not what its code says: run `course build`.",
    ),
    "formula of no rule": (
        spoil_text("solutions/02_valley.md", "formula: sgd", "formula: sdg"),
        "solutions/02_valley.md: the formula of sdg: sdg is no rule; the modules are adadelta",
    ),
    "faulty source": (write("solutions/02_valley.md", "x"), "solutions/02_valley.md does not begin with the header"),
    "bad name": (write("solutions/Notes.md", "x"), "solutions/Notes.md is no name of a lesson"),
}


@pytest.mark.parametrize(("spoil", "words"), STALE.values(), ids=STALE)
def test_what_is_stale_is_named(course, spoil, words):
    spoil(course)
    assert any(words in said for said in lessons.check(course))


def test_a_fresh_build_has_nothing_stale(course):
    assert lessons.check(course) == []


def test_outputs_are_not_compared(course):
    path = course / STUDENT
    notebook = nbformat.read(path, 4)
    notebook.cells[1].update(outputs=[printed("mine")], execution_count=7)
    nbformat.write(notebook, path)
    assert lessons.check(course) == []


def test_a_notebook_that_never_ran_is_run(course):
    path = course / SOLVED
    fresh = path.read_bytes()
    spoil_cell(SOLVED, lambda cells: cells[1].update(execution_count=None))(course)
    assert lessons.build(root=course) == [path]
    assert path.read_bytes() == fresh


# Names, numbers and places


def test_lessons_come_in_order(tmp_path):
    assert lessons.lessons(repository(tmp_path, n10_b="", n02_a="")) == ["02_a", "10_b"]


@pytest.mark.parametrize("stem", ["2_valley", "valley", "02", "02_Valley", "02-valley", "02_", "002_valley"])
def test_another_file_name_is_refused(tmp_path, stem):
    with pytest.raises(LessonError, match=f"solutions/{stem}.md is no name of a lesson"):
        lessons.lessons(repository(tmp_path, **{f"n{stem}": ""}))


def test_two_lessons_with_one_number_are_refused(tmp_path):
    with pytest.raises(LessonError, match=r"02_a\.md and solutions/02_b\.md have one number, 02"):
        lessons.build(root=repository(tmp_path, n02_a="", n02_b=""))


@pytest.mark.parametrize("name", ["2", "02", "02_valley", 2])
def test_a_lesson_has_three_names(built, name):
    assert lessons.resolve(name, built) == "02_valley"


@pytest.mark.parametrize("name", ["3", "valley", "", "002", "²", "02_val"])
def test_an_unknown_lesson_is_named_with_those_there_are(built, name):
    with pytest.raises(LessonError, match=f"no lesson '{name}'; there are: 02_valley"):
        lessons.resolve(name, built)


def test_the_repository_is_found_from_below(built, monkeypatch):
    monkeypatch.chdir(built / "notebooks")
    assert lessons.lessons() == ["02_valley"]


def test_from_outside_the_repository_of_the_package_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert lessons.find_root() == REPOSITORY


def test_a_root_without_solutions_is_refused(tmp_path):
    with pytest.raises(LessonError, match="has no folder solutions/"):
        lessons.lessons(tmp_path)


# New lessons and their anatomy


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    root = repository(tmp_path_factory.mktemp("new"))
    lessons.new("17_line_search", root)
    return root


def test_a_new_lesson_builds_at_once_and_has_the_full_anatomy(fresh):
    assert len(lessons.build(["17"], fresh)) == 3
    assert lessons.check(fresh) == lessons.anatomy(fresh) == []
    assert "# Line search:" in (fresh / "notebooks/17_line_search.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("stem", "words"),
    [("17_other", "17_line_search has the number 17"), ("Other", "'Other' is no name"), ("../18_x", "is no name")],
)
def test_a_new_lesson_with_a_bad_name_or_number_is_refused(fresh, stem, words):
    with pytest.raises(LessonError, match=words):
        lessons.new(stem, fresh)


def spoilt_anatomy(fresh, folder, stem, old, new):
    text = (fresh / "solutions/17_line_search.md").read_text(encoding="utf-8")
    return "\n".join(lessons.anatomy(repository(folder, **{stem: planted(old, new, text)})))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("## Know-how", "### Know-how", "05_x.md has no heading `## Know-how`"),
        ("## Know-how", "## Know how", "heading `## Know how`, which is none of"),
        ("## Derive", "## Explore", "headings in the order Goal, Predict, Explore"),
        ("CPU, 10 s.", "CPU.", "05_x.md names no CPU time below its title"),
        ("CPU, 10 s.", "CPU, 20 s.", "05_x.md must end its last cell of code with `budget.spent(20)`"),
        ("budget.spent(10)", "budget.spent(9)", "05_x.md must end its last cell of code with `budget.spent(10)`"),
        ("budget.spent(10)", "1", "05_x.md must end its last cell of code with `budget.spent(10)`"),
        ("CPU, 10 s.", "CPU, 61 s.", "05_x.md has a budget of 61 s; 60 s are the most"),
        ('guess = "a"', "guess = 1\n" * 15 + "guess", "(`guess = 1`): 16 lines of code; 15 are the most"),
        ("Notice one thing.", "Notice.\n\n\n" * 40 + "End.", "05_x.md shows 59 cells; 40 are the most"),
    ],
)
def test_a_lesson_of_another_anatomy_is_named(fresh, tmp_path, old, new, words):
    assert words in spoilt_anatomy(fresh, tmp_path, "n05_x", old, new)


def test_the_first_lesson_may_be_shorter(fresh, tmp_path):
    assert spoilt_anatomy(fresh, tmp_path, "n00_start", "## Know-how\n\nEach", "Each") == ""


# The course itself


def test_every_lesson_of_the_course_has_the_anatomy():
    assert lessons.anatomy(REPOSITORY) == []


def test_nothing_in_the_course_is_stale():
    assert lessons.check(REPOSITORY) == []
