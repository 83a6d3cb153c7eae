"""How much memory was in use, and what to do when it was not enough."""

import sys
from contextlib import contextmanager
from typing import NamedTuple


class PeakMemory(NamedTuple):
    bytes: int
    what: str  # which memory

    def __str__(self) -> str:
        return f"{self.bytes / 2**30:.2f} GiB {self.what}"


def peak_memory(device: str) -> PeakMemory:
    """The most memory in use so far: on CUDA what torch allocated on the device, else all that the process held.

    The second counts Python, libraries and data too, and never falls.
    """
    if device.startswith("cuda"):
        import torch

        return PeakMemory(torch.cuda.max_memory_allocated(device), f"allocated by torch on {device}")
    return PeakMemory(_peak_resident(), "resident in this process")


def _peak_resident() -> int:
    if sys.platform == "win32":
        import psutil  # comes with ipykernel

        return psutil.Process().memory_info().peak_wset
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@contextmanager
def out_of_memory_advice():
    """Turn an error for lack of memory, of torch, JAX or Python, into one RuntimeError that says what to do."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not _lacks_memory(error):
            raise
        raise RuntimeError(
            "out of memory: halve the batch size and accumulate the gradients of two batches before each step (without "
            "batch norm the same step), or compute in half precision (torch.autocast with device.autocast_dtype)"
        ) from error


def _lacks_memory(error: Exception) -> bool:
    signs = "can't allocate memory", "RESOURCE_EXHAUSTED", "out of memory"  # torch on the CPU, JAX, torch elsewhere
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or any(sign in str(error) for sign in signs)
