"""Seconds on a device that works while Python goes on."""

import math
import time
from contextlib import contextmanager


def synchronize(device: str) -> None:
    """Wait until the device has done what was asked of it; a clock read before that measures only the asking."""
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    elif device.startswith("mps"):
        torch.mps.synchronize()


class Timer:
    """What `timer` gives: `seconds`, NaN until the block has ended."""

    seconds = math.nan


@contextmanager
def timer(device: str = "cpu"):
    """Measure a block with the work that it gave the device: `with timer(device) as clock: ...; clock.seconds`."""
    clock = Timer()
    synchronize(device)
    start = time.perf_counter()
    yield clock
    synchronize(device)
    clock.seconds = time.perf_counter() - start
