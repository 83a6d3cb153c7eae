"""The loop that every net shares: step after step, a progress bar, rows for the trace, an early end, checkpoints."""

import os
import time
from collections.abc import Callable, Iterable

import numpy as np
from tqdm.auto import tqdm

from course_lib.arrays import to_numpy
from course_lib.trace import Trace
from course_lib.training.checkpoint import Checkpoint, orders
from course_lib.triage import find_nonfinite


def run(
    step: Callable,
    batches: Iterable,
    trace: Trace,
    *,
    accumulate: int = 1,
    checkpoint: Checkpoint | None = None,
    aloud: bool = True,
) -> Trace:
    """Call `step(index arrays) -> (row, what is wrong)` for every `accumulate` batches; stop where something is.

    A row is a dict of numbers; those that the device still computes are read where the trace is needed, not before.
    The progress bar and the reason of a stop are shown if `aloud`.
    """
    batches = list(batches)
    order = orders(batches) if checkpoint else []
    done = checkpoint.resume(trace, order) if checkpoint else 0
    starts = range(done, len(batches), accumulate)
    silent = not aloud or "TQDM_DISABLE" in os.environ  # tqdm's notebook bar does not look
    bar = tqdm(starts, desc=trace.label, unit="step", leave=False, disable=silent)
    first, rows = len(trace) + 1, []
    for t, start in enumerate(bar, start=first):
        begun = time.perf_counter()
        row, wrong = step(batches[start : start + accumulate])
        rows.append(row | {"seconds": time.perf_counter() - begun})
        if wrong:
            trace.stopped = f"stopped at step {t}: {wrong}; the step was not taken"
            bar.close()
            if aloud:
                print(f"{trace.label} {trace.stopped}")
            break
        if checkpoint and (t % checkpoint.every == 0 or start + accumulate >= len(batches)):
            _settle(rows, trace)
            consumed = min(start + accumulate, len(batches))
            checkpoint.save(trace, consumed, order[consumed])
    _settle(rows, trace)
    return trace


def _settle(rows: list[dict], trace: Trace) -> None:
    """Move the rows into the trace."""
    for row in rows:
        trace.record(**{column: to_numpy(value) for column, value in row.items()})
    rows.clear()


def what_is_wrong(loss: float, gradients) -> str:
    """The parameters whose gradient is not finite, else what the loss is; `gradients` as in `find_nonfinite`."""
    found = find_nonfinite(gradients)
    if found:
        return "the gradient is not finite in " + ", ".join(f"{row.name} ({row.label})" for row in found)
    return f"the loss is {loss}" if not np.isfinite(loss) else "the norm of the gradient overflows"
