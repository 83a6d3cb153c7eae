"""The nine figures of the noisy quadratic model: every line is there, named at its end, no name upon another."""

import itertools

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_lib.experiments.noisy_quadratic import Adaptive, Averaging, Curve, Gap, Tuned
from course_lib.nqm.schedule import Schedule
from course_lib.plots import noisy_quadratic as show

B = 2.0 ** np.arange(20)


@pytest.fixture(autouse=True)
def _without_a_screen():
    mpl.use("agg")
    yield
    plt.close("all")


def tuned(critical=900.0, momentum=0.0):
    return Tuned(B, 6000 * (1 + critical / B), 2 / (1 + critical / B), np.full(20, momentum))


def schedule(lr):
    return Schedule(np.array([2.0, lr]), np.array([30, 20]), 0.01, 2.0)


DATA = {
    "curves": [Curve(lr, np.arange(50.0), 5 / np.arange(1, 51) + lr, lr) for lr in (1.0, 0.1, 0.01, 0.001)],
    "targets": {0.1: (tuned(120.0), 120.0), 0.01: (tuned(), 900.0), 0.001: (tuned(7600.0), 7600.0)},
    "powers": {p: tuned(900.0 * 8 ** (2 * p)) for p in (0.0, 0.25, 0.5, 0.75)},
    "schedules": {1: schedule(0.01), 16: schedule(0.011), 256: schedule(0.5), 4096: schedule(1.0)},
    "momenta": {"SGD": tuned(), "momentum 0.9": tuned(9000.0, 0.9), "momentum tuned": tuned(8000.0, 0.99)},
    "effective": {"SGD": tuned(), "momentum 0.9": tuned(9000.0, 0.9), "momentum tuned": tuned(8000.0, 0.99)},
    "averaging": Averaging(tuned(), tuned(130.0), 900.0, 130.0),
    "gap": Gap(B, tuned().steps, tuned(100.0).steps, 5e5 / B),
    "adaptive": Adaptive(
        Tuned(B[:6], 900 / B[:6], 0.01 * B[:6] ** 0.5, 0 * B[:6]), Tuned(B[:6], 900 / B[:6], 0.01 * B[:6], 0 * B[:6])
    ),
}


@pytest.mark.parametrize("name", DATA)
def test_a_figure_says_what_it_shows_and_no_name_lies_upon_another(name):
    ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")[1]
    assert getattr(show, name)(DATA[name], ax) is ax
    assert all((ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel(), ax.texts))
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    for box in boxes:
        assert ax.figure.bbox.contains(box.x0, box.y0)
        assert ax.figure.bbox.contains(box.x1, box.y1)


def test_the_critical_batch_size_is_marked_on_its_line():
    ax = show.targets(DATA["targets"])
    line, dot = ax.lines[2], ax.lines[3]
    assert dot.get_xdata() == [900.0]
    above = np.searchsorted(line.get_xdata(), 900.0)
    assert line.get_ydata()[above] < dot.get_ydata()[0] < line.get_ydata()[above - 1]


def test_the_effective_rate_is_divided_by_one_minus_the_momentum():
    ax = show.effective({"momentum 0.9": tuned(momentum=0.9)} | {k: tuned() for k in ("a", "b")})
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 10 * ax.lines[1].get_ydata())
