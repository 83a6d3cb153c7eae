"""The README's table of lessons: from their headers, and stale when they change."""

import pytest

from course_lib import lessons
from course_lib.lessons.overview import header, table

PAGE = "# A course\n\n<!-- lessons -->\nold\n<!-- /lessons -->\n\nThe end.\n"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "solutions").mkdir()
    lessons.new("17_line_search", tmp_path)
    (tmp_path / "README.md").write_text(PAGE, encoding="utf-8")
    return tmp_path


def readme(root):
    return (root / "README.md").read_text(encoding="utf-8")


def test_a_header_gives_name_promise_minutes_and_needs():
    text = "# SGD: a claim\n\nAfter this you can say a. And b. 45 minutes · needs 00, 01 · CPU, 20 s.\n"
    assert header(text, "x") == ("SGD", "say a. And b", "45", "00, 01")


@pytest.mark.parametrize("text", ["# SGD\n\nAfter this you can x. 5 minutes · needs 1 · CPU", "# SGD: a claim\n"])
def test_a_lesson_without_a_header_is_named(text):
    with pytest.raises(lessons.LessonError, match=r"solutions/01_sgd\.md does not begin as a lesson does"):
        header(text, "solutions/01_sgd.md")


def test_the_build_writes_the_table_and_keeps_the_rest_of_the_page(root):
    changed = lessons.build(root=root)
    assert root / "README.md" in changed
    before, _, after = readme(root).partition(table(root))
    assert before.startswith("# A course\n")
    assert after.endswith("The end.\n")
    assert "old" not in readme(root)
    assert "| 17 | [Line search](solutions/17_line_search.ipynb) |" in readme(root)
    assert lessons.check(root) == []


def test_a_changed_header_makes_the_page_stale(root):
    lessons.build(root=root)
    (root / "README.md").write_text(readme(root).replace("| 45 |", "| 50 |"), encoding="utf-8")
    assert lessons.check(root) == ["README.md has another table of lessons than their headers: run `course build`."]


def test_a_page_without_a_place_for_the_table_is_left_alone(root):
    (root / "README.md").write_text("# A course\n", encoding="utf-8")
    lessons.build(root=root)
    assert readme(root) == "# A course\n"
    assert lessons.check(root) == []
