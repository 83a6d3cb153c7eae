"""The curve that a scheduler will give, without using it up."""

import copy
import warnings
from types import SimpleNamespace

from course_lib.trace import Trace
from course_lib.trace_lr import groups


def preview(scheduler, steps: int, label: str | None = None) -> Trace:
    """`lr`, and `momentum` if there is one, of the next `steps` steps from where `scheduler` now stands.

    A throw-away copy of it is stepped, of torch's schedulers as of ours; neither `scheduler` nor its optimiser changes.
    Where the schedule is over before, the trace ends and says so in `stopped`.

    Raises TypeError for a scheduler that follows a metric, which has no curve of its own.
    """
    if hasattr(scheduler, "num_bad_epochs"):
        raise TypeError(f"scheduler is a {type(scheduler).__name__}: it follows a metric and has no curve to preview")
    trace, copied = Trace(type(scheduler).__name__.lower(), label), _throw_away(scheduler)
    for step in range(steps):
        row = {name: groups.column(copied.optimizer, getattr(groups, name)) for name in ("lr", "momentum")}
        trace.record(**{name: value for name, value in row.items() if value is not None})
        try:
            _step(copied)
        except ValueError as error:
            trace.stopped = "" if step + 1 == steps else str(error)
            break
    return trace


def _throw_away(scheduler):
    """A copy of the scheduler on a mere list of groups: copying the optimiser would copy the network."""
    real = scheduler.optimizer
    bare = [{key: value for key, value in group.items() if key != "params"} for group in real.param_groups]
    mock = SimpleNamespace(param_groups=copy.deepcopy(bare), defaults=real.defaults, step=None)
    return copy.deepcopy(scheduler, {id(real): mock})


def _step(scheduler) -> None:
    with warnings.catch_warnings():  # there is no optimizer.step() to come first
        warnings.simplefilter("ignore", UserWarning)
        scheduler.step()
