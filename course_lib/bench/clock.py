"""Time several ways of doing one thing, in turns, so that a busy machine slows them alike."""

import gc
import time
from collections.abc import Callable
from statistics import median


def race(ways: dict[str, Callable[[], object]], *, seconds: float = 2.0, least: int = 5) -> dict[str, float]:
    """Median wall seconds of each way; they take turns until each has had `seconds`, and `least` turns at least."""
    for way in ways.values():
        way()  # warm up
    times: dict[str, list[float]] = {name: [] for name in ways}
    gc.disable()
    try:
        while any(sum(t) < seconds or len(t) < least for t in times.values()):
            for name, way in ways.items():
                started = time.perf_counter()
                way()
                times[name].append(time.perf_counter() - started)
    finally:
        gc.enable()
    return {name: median(t) for name, t in times.items()}
