"""Pictures of learning rates show the numbers, under their names."""

from types import SimpleNamespace

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


# ---- lesson 08


def test_a_bar_is_as_long_as_its_number_and_the_lowest_is_dark():
    table = {1: {"constant": 1.0, "linear": 0.5}, 256: {"constant": 1.0, "linear": 7.0}}
    few, many = pictures.bars(table)
    assert [bar.get_width() for bar in few.patches] == [1.0, 0.5]
    assert few.patches[1].get_facecolor() != few.patches[0].get_facecolor() == many.patches[1].get_facecolor()
    assert many.patches[1].get_width() == pictures.BAR_END
    assert [text.get_text() for text in many.texts] == ["1.00", "7.00 →"]


def test_every_scheduler_has_a_panel_with_its_name_and_its_rates():
    found = {f"S{n}": ("by formula", np.full(100, n / 7)) for n in range(7)}
    grid = pictures.curves(found).flat
    assert [ax.get_title(loc="left") for ax in grid if ax.get_visible()] == list(found)
    assert grid[3].lines[0].get_ydata().tolist() == [3 / 7] * 100


def test_the_goal_shows_rates_and_losses_of_each_plan_in_its_colour():
    run = SimpleNamespace(rates=np.ones(5), loss=np.full(6, 0.5))
    left, right = pictures.goal(dict.fromkeys(pictures.PLANS, run))
    for ax, length in ((left, 5), (right, 6)):
        assert [line.get_color() for line in ax.lines] == list(pictures.PLANS.values())
        assert {len(line.get_ydata()) for line in ax.lines} == {length}


def test_the_explorers_caption_compares_the_ends():
    runs = [SimpleNamespace(peak=1.5, rates=np.ones(5), loss=np.array([1.0, end])) for end in (0.2, 0.4)]
    axes = mpl.pyplot.subplots(1, 2)[1]
    caption = pictures.draw(SimpleNamespace(steps=5, plan=runs[0], constant=runs[1]), axes)
    assert caption == (
        "After 5 steps the loss is 0.2, from a peak of 1.5. That is 0.50 of what the best constant rate leaves, 0.4."
    )
