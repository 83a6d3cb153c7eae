"""One seed for every library; deterministic algorithms inside a block and the former settings after it."""

import os
import random
import sys

import jax
import numpy as np
import pytest
import torch

from course_lib import device


def draw(key):
    return random.random(), np.random.rand(), torch.rand(()).item(), jax.random.uniform(key).item()  # noqa: NPY002


def test_a_seed_repeats_every_library_and_another_does_not():
    first, again, other = draw(device.seed(1)), draw(device.seed(np.int64(1))), draw(device.seed(2))
    assert first == again
    assert all(a != b for a, b in zip(first, other, strict=True))


def test_without_jax_there_is_no_key(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert device.seed(0) is None


@pytest.mark.parametrize("n", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(n):
    with pytest.raises(ValueError, match=rf"^seed is {n}; allowed is an integer >= 0 and < 2\*\*32$"):
        device.seed(n)


@pytest.mark.parametrize("n", [1.0, "1", None, True])
def test_a_seed_that_is_no_integer_is_refused(n):
    with pytest.raises(TypeError, match=r"^seed is .*; allowed is an integer"):
        device.seed(n)


def settings():
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic,
        os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    )


def test_deterministic_algorithms_are_asked_for_inside_and_not_after_an_exception():
    before, inside = settings(), []

    def fail():
        inside.append(settings())
        raise KeyError

    with pytest.raises(KeyError), device.deterministic():
        fail()
    assert inside == [(True, False, False, True, ":4096:8")]
    assert settings() == before == (False, False, False, False, None)


def test_other_settings_are_given_back(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        before = settings()
        with device.deterministic():
            assert settings() == (True, False, False, True, ":16:8")
        assert settings() == before
    finally:
        torch.use_deterministic_algorithms(False)


def test_what_has_no_deterministic_form_is_refused_inside():
    def scatter():
        torch.zeros(3).put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]), accumulate=False)

    scatter()
    with device.deterministic(), pytest.raises(RuntimeError, match="deterministic"):
        scatter()


def test_the_machine_is_asked_without_importing_a_framework():
    assert {"torch", "jax"}.isdisjoint(vars(sys.modules["course_lib.device"]))
