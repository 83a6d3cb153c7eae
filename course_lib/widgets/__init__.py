"""Pictures that follow sliders, and the question that a lesson asks before it shows the answer.

Nothing here prints into an `Output` (nor uses `interact`): that can hang a notebook run without a browser.
"""

from course_lib.widgets.ask import Ask, Reply
from course_lib.widgets.live import LivePlot
from course_lib.widgets.sliders import choice, linear, log, whole

__all__ = ["Ask", "LivePlot", "Reply", "choice", "linear", "log", "whole"]
