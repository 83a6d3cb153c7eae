"""Time several ways of doing one thing, in turns, so that a busy machine slows them alike."""

import gc
import time
from collections.abc import Callable
from statistics import median

MOST = 12  # turns where some way is slow


def race(ways: dict[str, Callable[[], object]], *, seconds: float = 1.0, least: int = 5) -> dict[str, float]:
    """Median wall seconds of each way; they take turns until each has had `seconds`, or MOST turns if that is longer.

    Every way has `least` turns at least.
    """
    for way in ways.values():
        way()  # warm up
    times: dict[str, list[float]] = {name: [] for name in ways}
    gc.disable()
    try:
        while not _enough(times.values(), seconds, least):
            for name, way in ways.items():
                started = time.perf_counter()
                way()
                times[name].append(time.perf_counter() - started)
    finally:
        gc.enable()
    return {name: median(t) for name, t in times.items()}


def _enough(times, seconds: float, least: int) -> bool:
    slow = any(sum(t) > seconds and len(t) >= MOST for t in times)
    return all(len(t) >= least and (slow or sum(t) >= seconds) for t in times)
