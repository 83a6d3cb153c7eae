"""A verdict is text in a terminal and a box in a notebook."""

import pytest

from course_lib.exercises.verdict import Verdict


@pytest.mark.parametrize(("state", "mark"), [("right", "✓"), ("wrong", "✗"), ("unwritten", "○")])
def test_text_and_box_carry_the_mark_of_the_state(state, mark):
    verdict = Verdict("step", state, "so it is.")
    data = verdict._repr_mimebundle_()
    assert str(verdict) == data["text/plain"] == f"{mark} step: so it is."
    assert f"{mark} step</b> so it is." in data["text/html"]
    assert verdict.right == (state == "right")


def test_lines_that_are_empty_are_left_out():
    assert str(Verdict("step", "wrong", "no.", "", "next")) == "✗ step: no.\n  next"


def test_in_the_box_backticks_are_code_and_all_else_is_escaped():
    html = Verdict("step", "wrong", "a `<b>` & c", "at `f(x)`")._repr_mimebundle_()["text/html"]
    assert "a <code>&lt;b&gt;</code> &amp; c" in html
    assert "at <code>f(x)</code>" in html
