"""What the rules ask of an array library: the same few words for a float, NumPy, torch and JAX."""

from typing import Any

import array_api_compat
import numpy as np

Array = Any  # a float, or an array of NumPy, torch or JAX


def namespace(p: Array):
    """The array-API functions (`sqrt`, `abs`, `maximum`, ...) of the library that `p` belongs to."""
    return np if isinstance(p, int | float) else array_api_compat.array_namespace(p)


def zeros_like(p: Array) -> Array:
    """Zeros of the shape, dtype and device of `p`."""
    return 0.0 if isinstance(p, int | float) else namespace(p).zeros_like(p)


def to_numpy(p: Array) -> np.ndarray:
    """`p` as a NumPy array on the CPU, cut from any autograd graph; bfloat16 comes back as float32."""
    if array_api_compat.is_torch_array(p):
        p = p.detach().cpu()
        p = p.float() if str(p.dtype) == "torch.bfloat16" else p
    elif array_api_compat.is_jax_array(p) and p.dtype.name == "bfloat16":
        p = p.astype("float32")
    return np.asarray(p)
