"""The picture of a sweep shows the smoothed curve and marks its suggestions on it."""

import matplotlib as mpl
import numpy as np
import pytest

from course_lib.lr_finder import LrCurve
from course_lib.plots import lr_finder as pictures


@pytest.fixture(autouse=True)
def _without_a_screen():
    mpl.use("agg")
    yield
    mpl.pyplot.close("all")


def curve(*smoothed):
    lrs = np.logspace(-4, len(smoothed) - 5, len(smoothed))
    return LrCurve(lrs, np.array(smoothed) + 0.5, np.array(smoothed), name="momentum")


def test_the_curve_lies_over_a_log_axis_with_a_mark_for_each_suggestion():
    ax = pictures.sweep(curve(10.0, 9.5, 6.0, 2.0, 1.0, 30.0))
    assert ax.get_xscale() == "log"
    assert ax.lines[1].get_ydata().tolist() == [10.0, 9.5, 6.0, 2.0, 1.0, 30.0]
    marks = {line.get_label(): (line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines[2:]}
    assert marks["tenth 0.1"] == pytest.approx((0.1, 2.0))
    assert marks["steepest 0.01"] == pytest.approx((0.01, 6.0))
    assert marks["lowest 1"] == pytest.approx((1.0, 1.0))


def test_what_diverges_leaves_the_picture_at_the_top():
    low, high = pictures.sweep(curve(10.0, 5.0, 1.0, 1e6, np.nan)).get_ylim()
    assert low < 1 < 10 < high < 20


def test_a_curve_that_never_falls_has_no_marks():
    ax = pictures.sweep(curve(1.0, 2.0, 3.0))
    assert len(ax.lines) == 2
    assert "never falls" in ax.get_title(loc="left")
