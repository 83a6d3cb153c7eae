"""Which learning rate did the steps of a training loop really use, and which will a scheduler give?

with trace_lr(optimizer, scheduler) as trace:
    ...                                # the loop, as it is
trace["lr"], trace["momentum"]         # a row a step
trace.diagnose()                       # what is off, in sentences

preview(scheduler, steps=1000)["lr"]   # the curve, without using the scheduler up
"""

from course_lib.trace_lr.preview import preview
from course_lib.trace_lr.record import LrTrace, trace_lr

__all__ = ["LrTrace", "preview", "trace_lr"]
