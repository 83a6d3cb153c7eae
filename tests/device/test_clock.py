"""A timer waits for the device before it looks at the clock, at both ends."""

import math
import time

import pytest
import torch

from course_lib import device


@pytest.mark.parametrize(("name", "waits"), [("cuda:1", ["cuda:1"]), ("mps", ["mps"]), ("cpu", [])])
def test_waiting_asks_the_device_that_works(monkeypatch, name, waits):
    asked = []
    monkeypatch.setattr(torch.cuda, "synchronize", asked.append)
    monkeypatch.setattr(torch.mps, "synchronize", lambda: asked.append("mps"))
    device.synchronize(name)
    assert asked == waits


def test_the_clock_is_read_after_the_device_is_done(monkeypatch):
    now, busy = [0.0], [5.0]

    def finish(name):
        now[0] += busy.pop() if busy else 0.0

    monkeypatch.setattr(torch.cuda, "synchronize", finish)
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    with device.timer("cuda") as clock:
        assert now == [5.0]  # earlier work is not counted
        assert math.isnan(clock.seconds)
        now[0] += 1
        busy.append(2.0)  # asked for, and still running at the end of the block
    assert clock.seconds == 3
