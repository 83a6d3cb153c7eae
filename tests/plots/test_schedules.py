"""Pictures of learning rates show the numbers, under their names."""

import matplotlib as mpl
import numpy as np
import pytest

from course_lib.plots import schedules as pictures
from course_lib.schedules import Constant, Cosine, Step
from course_lib.trace import Trace


@pytest.fixture(autouse=True)
def _without_a_screen():
    mpl.use("agg")
    yield
    mpl.pyplot.close("all")


def test_every_curve_is_a_line_with_its_name():
    ax = pictures.rates({"cosine": Cosine(0.1, 20), "constant": Constant(0.1), "measured": [0.3, 0.2]}, steps=20)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), Cosine(0.1, 20)(np.arange(20)))
    assert ax.lines[2].get_ydata().tolist() == [0.3, 0.2]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["cosine", "constant", "measured"]


def test_many_curves_look_different():
    ax = pictures.rates({str(n): Step(0.1, n + 1) for n in range(16)}, steps=9)
    assert len({(line.get_color(), line.get_linestyle()) for line in ax.lines}) == 16


def test_a_schedule_needs_the_number_of_steps():
    with pytest.raises(ValueError, match="steps is None; 'cosine' is a schedule"):
        pictures.rates({"cosine": Cosine(0.1, 20)})


def test_used_and_intended_lie_over_each_other():
    trace = Trace("sgd")
    for t in range(3):
        trace.record(lr=0.1, intended=0.1 * t)
    ax = pictures.used(trace)
    assert [line.get_ydata().tolist() for line in ax.lines] == [[0.1] * 3, [0.0, 0.1, 0.2]]


def test_a_trace_without_a_plan_is_one_line():
    trace = Trace("sgd")
    trace.record(lr=0.1)
    assert len(pictures.used(trace).lines) == 1
