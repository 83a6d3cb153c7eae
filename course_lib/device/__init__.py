"""The machine below the nets: which device, how much memory, how long, and the same again.

torch and JAX are imported by the calls that need them.
"""

from course_lib.device.choice import KINDS, autocast_dtype, available, describe, pick
from course_lib.device.clock import Timer, synchronize, timer
from course_lib.device.memory import PeakMemory, out_of_memory_advice, peak_memory
from course_lib.device.reproducible import deterministic, seed

__all__ = [
    "KINDS",
    "PeakMemory",
    "Timer",
    "autocast_dtype",
    "available",
    "describe",
    "deterministic",
    "out_of_memory_advice",
    "peak_memory",
    "pick",
    "seed",
    "synchronize",
    "timer",
]
