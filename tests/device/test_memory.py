"""Peak memory is in bytes and says which; a lack of it becomes advice."""

import sys

import numpy as np
import pytest
import torch

from course_lib import device


def test_the_processs_peak_is_in_bytes_and_rises_with_what_it_holds():
    before = device.peak_memory("cpu")
    held = np.ones(before.bytes // 8 + 2**24)  # as much again, touched, and 128 MiB
    assert device.peak_memory("cpu").bytes >= held.nbytes > before.bytes
    assert 2**24 < before.bytes < 2**40
    assert before.what == "resident in this process"


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_linux_counts_kibibytes_and_macos_bytes(monkeypatch, platform, unit):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(resource, "getrusage", lambda who: type("Usage", (), {"ru_maxrss": 1000}))
    assert device.peak_memory("cpu").bytes == 1000 * unit


def test_on_a_gpu_it_is_what_torch_allocated_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", {"cuda:1": 3 * 2**29}.get)
    assert str(device.peak_memory("cuda:1")) == "1.50 GiB allocated by torch on cuda:1"


def too_large_for_torch():
    torch.empty(2**60, dtype=torch.uint8)


def too_large_for_numpy():
    np.empty(2**60, dtype=np.uint8)


def too_large_for_a_gpu():
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


def too_large_for_jax():
    raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 4398046511104 bytes.")


@pytest.mark.parametrize("fail", [too_large_for_torch, too_large_for_numpy, too_large_for_a_gpu, too_large_for_jax])
def test_a_lack_of_memory_becomes_one_sentence_of_advice(fail):
    advice = r"^out of memory: halve the batch size and accumulate"
    with pytest.raises(RuntimeError, match=advice) as caught, device.out_of_memory_advice():
        fail()
    assert caught.value.__cause__ is not None
    assert "autocast" in str(caught.value)


@pytest.mark.parametrize("error", [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), ValueError("memory")])
def test_any_other_error_passes(error):
    with pytest.raises(type(error)) as caught, device.out_of_memory_advice():
        raise error
    assert caught.value is error
