"""The same numbers again: seeds of every library, and algorithms that do not vary."""

import importlib.util
import os
import random
from contextlib import contextmanager
from numbers import Integral


def seed(n: int):
    """Seed Python, NumPy and torch (all devices), and give a JAX key; None where JAX is not installed.

    Raises TypeError or ValueError unless 0 <= n < 2**32, what NumPy takes.
    """
    if not isinstance(n, Integral) or isinstance(n, bool):
        raise TypeError(f"seed is {n!r}; allowed is an integer >= 0 and < 2**32")
    if not 0 <= n < 2**32:
        raise ValueError(f"seed is {n}; allowed is an integer >= 0 and < 2**32")
    import numpy as np
    import torch

    random.seed(int(n))
    np.random.seed(int(n))  # noqa: NPY002 - other people's code draws from it
    torch.manual_seed(int(n))
    if importlib.util.find_spec("jax") is None:
        return None
    import jax

    return jax.random.key(int(n))


@contextmanager
def deterministic():
    """Inside, torch takes algorithms that give the same bits every time, and refuses operations that have none.

    Slower. Seeds are apart: `seed`.
    """
    import torch

    cudnn, name = torch.backends.cudnn, "CUBLAS_WORKSPACE_CONFIG"
    strict, warn = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    before = cudnn.benchmark, cudnn.deterministic, os.environ.get(name)
    try:
        os.environ.setdefault(name, ":4096:8")  # cuBLAS demands it
        cudnn.benchmark, cudnn.deterministic = False, True
        torch.use_deterministic_algorithms(True)
        yield
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=warn)
        cudnn.benchmark, cudnn.deterministic, workspace = before
        if workspace is None:
            os.environ.pop(name, None)
