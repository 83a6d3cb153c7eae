"""The sliders of every lesson, at both ends of each, as the lesson's own cells make them."""

import statistics
import time

import matplotlib.pyplot as plt
import pytest

from course_lib.cli import ROOT
from course_lib.lessons import lessons
from course_lib.lessons.source import read
from course_lib.widgets import LivePlot

CPU_SECONDS = 0.100  # what a slider's answer may cost the kernel, drawing included; medians of 15 to 45 ms were seen


@pytest.fixture(params=lessons(ROOT), scope="module")
def explorer(request):
    """The LivePlot that the lesson's explore cell shows."""
    name = f"solutions/{request.param}.md"
    names: dict = {}
    shown = None
    for cell in read(ROOT / name, name).cells:
        tags = cell.metadata.get("tags", [])
        if "setup" in tags:
            exec(cell.source, names)
        elif "explore" in tags:
            *statements, last = cell.source.rstrip().rsplit("\n", 1)
            exec("\n".join(statements), names)
            shown = eval(last, names)
    plt.close("all")
    assert isinstance(shown, LivePlot)
    return shown


def test_it_has_a_picture_and_a_caption_at_both_ends_of_every_slider(explorer):
    pictures = set()
    for values in explorer.ends():
        assert explorer.error is None, values
        assert explorer.png.startswith(b"\x89PNG")
        pictures.add(explorer.png)
    assert len(pictures) > len(explorer.sliders), "a slider changes nothing"


def test_a_slider_is_answered_within_a_tenth_of_a_second_of_cpu(explorer):
    name, slider = next(iter(explorer.sliders.items()))
    here, spent = explorer.values[name], []
    for _ in range(15):
        here = here * 1.01
        started = time.process_time()
        explorer.set(**{name: min(here, slider.max if "Log" not in type(slider).__name__ else slider.base**slider.max)})
        spent.append(time.process_time() - started)
    assert statistics.median(spent) < CPU_SECONDS
