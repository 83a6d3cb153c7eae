"""The kill matrix tells a mistake that is caught from one that is not, and the command fails on the second."""

import pytest

from course_lib import cli
from course_lib.exercises import matrix
from course_lib.exercises.base import Exercise, Mistake, calls

TWICE, ONCE, THREE = (Mistake(f"That is {word} too much.", fn) for word, fn in [
    ("twice", lambda x: 4 * x), ("once", lambda x: 3 * x), ("three times", lambda x: 8 * x)
])  # fmt: skip


def double(*mistakes):
    return Exercise("double", lambda x: 2 * x, calls((1.0,), (2.0,)), mistakes, ("a", "b", "c"))


SAME_NUMBERS = Mistake("Another sentence for it.", lambda x: x * 4)
RIGHT = Mistake("No mistake at all.", lambda x: x + x)


@pytest.mark.parametrize(
    ("mistakes", "kills"),
    [
        ((TWICE, ONCE, THREE), ("caught", "caught", "caught")),
        ((TWICE, SAME_NUMBERS, ONCE), ("caught", "other", "caught")),
        ((RIGHT, ONCE), ("missed", "caught")),
    ],
)
def test_a_mistake_is_caught_by_its_own_sentence_or_by_anothers_or_not_at_all(mistakes, kills):
    (row,) = matrix.rows([double(*mistakes)])
    assert row.kills == kills
    assert row.faults == [m.says for m, kill in zip(mistakes, kills, strict=True) if kill != "caught"]


def test_every_lesson_lists_its_own_exercises():
    found = {topic: [exercise.name for exercise in inside] for topic, inside in matrix.by_topic().items()}
    assert found["start"] == ["gradient"]
    assert found["momentum"] == ["momentum_step", "shrink", "best_pair", "rescaled_step"]
    assert not {"base", "matrix", "steps", "verdict"} & set(found)


@pytest.fixture
def course(monkeypatch):
    """A course whose one lesson has the exercises given."""

    def given(*found):
        monkeypatch.setattr(matrix, "by_topic", lambda: {"momentum": list(found)})

    return given


def test_the_command_prints_the_matrix_and_succeeds_where_all_is_caught(course, capsys):
    course(double(TWICE, ONCE))
    assert cli.main(["exercises", "--matrix"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "02_momentum"
    assert said[1].split() == ["double", "2", "of", "2", "✓", "✓"]


@pytest.mark.parametrize(("mistake", "mark"), [(RIGHT, "✗"), (SAME_NUMBERS, "≠")])
def test_the_command_fails_and_says_the_sentence_where_a_mistake_goes_free(course, capsys, mistake, mark):
    course(double(ONCE), double(TWICE, mistake))
    assert cli.main(["exercises", "--matrix"]) == 1
    said = capsys.readouterr().out
    assert f"1 of  2   ✓ {mark}\n      {mark} {mistake.says}" in said
    assert "That is" not in said


def test_without_the_matrix_the_exercises_are_listed(course, capsys):
    course(double(TWICE, RIGHT))
    assert cli.main(["exercises"]) == 0
    assert capsys.readouterr().out.split() == ["02_momentum", "double", "2", "known", "mistakes"]
