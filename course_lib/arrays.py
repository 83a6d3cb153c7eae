"""What the rules ask of an array library: the same few words for a float, NumPy, torch and JAX."""

import math
import sys
from typing import Any

import array_api_compat
import numpy as np

Array = Any  # a float, or an array of NumPy, torch or JAX


def namespace(p: Array):
    """The array-API functions (`sqrt`, `abs`, `maximum`, ...) of the library that `p` belongs to."""
    if isinstance(p, int | float):
        return np
    torch = sys.modules.get("torch")  # its own names, which torch.compile can trace
    return torch if torch and isinstance(p, torch.Tensor) else array_api_compat.array_namespace(p)


def zeros_like(p: Array) -> Array:
    """Zeros of the shape, dtype and device of `p`."""
    return 0.0 if isinstance(p, int | float) else namespace(p).zeros_like(p)


def sqrt(x: Array) -> Array:
    return math.sqrt(x) if isinstance(x, int | float) else namespace(x).sqrt(x)


def sign(x: Array) -> Array:
    """-1, 0 or 1, entry by entry."""
    return (x > 0) - (x < 0) if isinstance(x, int | float) else namespace(x).sign(x)


def maximum(x: Array, y: Array) -> Array:
    """The larger of two, entry by entry."""
    return max(x, y) if isinstance(x, int | float) and isinstance(y, int | float) else namespace(x).maximum(x, y)


def minimum(x: Array, y: Array) -> Array:
    """The smaller of two, entry by entry."""
    return min(x, y) if isinstance(x, int | float) and isinstance(y, int | float) else namespace(x).minimum(x, y)


def cos(x: Array) -> Array:
    return math.cos(x) if isinstance(x, int | float) else namespace(x).cos(x)


def floor(x: Array) -> Array:
    return math.floor(x) if isinstance(x, int | float) else namespace(x).floor(x)


def where(condition: Array, x: Array, y: Array) -> Array:
    """`x` where `condition` holds, else `y`; a plain bool chooses one of them whole."""
    if isinstance(condition, bool):
        return x if condition else y
    return namespace(condition).where(condition, x, y)


def one_minus_power(beta: Array, t: Array) -> Array:
    """1 - beta**t, the bias correction of an average that began at zero, for 0 <= beta < 1 and t >= 1.

    Written with expm1, since the difference itself loses digits where beta**t is near 1: in float32 at beta = 0.999
    and t = 1 it is off by 2e-5, this by 2e-7.
    """
    if isinstance(beta, int | float):
        log = math.log(beta) if beta else -math.inf
        return -math.expm1(t * log) if isinstance(t, int | float) else -namespace(t).expm1(t * log)
    return -namespace(beta).expm1(t * namespace(beta).log(beta))


def to_numpy(p: Array) -> np.ndarray:
    """`p` as a NumPy array on the CPU, cut from any autograd graph; bfloat16 comes back as float32."""
    if array_api_compat.is_torch_array(p):
        p = p.detach().cpu()
        p = p.float() if str(p.dtype) == "torch.bfloat16" else p
    elif array_api_compat.is_jax_array(p) and p.dtype.name == "bfloat16":
        p = p.astype("float32")
    return np.asarray(p)
