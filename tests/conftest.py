"""One thread, no progress bars, and double precision in JAX where a test asks for it."""

import importlib
import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TQDM_DISABLE"] = "1"

import pytest


@pytest.fixture
def x64():
    """JAX computes in float64."""
    import jax

    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.fixture(params=["numpy", "torch", "jax.numpy"])
def library(request):
    """An array library; each has `asarray(numbers, dtype=library.float32)`."""
    return importlib.import_module(request.param)
