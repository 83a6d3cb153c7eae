"""The device is CUDA, else MPS, else the CPU, unless somebody says otherwise; a device that is not there is named."""

import pytest
import torch

from course_lib import device


@pytest.fixture
def has(monkeypatch):
    """Pretend that this machine has these kinds of device, and the CPU."""
    monkeypatch.delenv("COURSE_DEVICE", raising=False)

    def pretend(*kinds, gpus=1):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in kinds)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in kinds)

    pretend()
    return pretend


@pytest.mark.parametrize(
    ("kinds", "best"), [([], "cpu"), (["mps"], "mps"), (["cuda"], "cuda"), (["cuda", "mps"], "cuda")]
)
def test_the_fastest_kind_is_picked(has, kinds, best):
    has(*kinds)
    assert device.pick() == best


def test_the_environment_overrides_the_choice_and_the_argument_the_environment(has, monkeypatch):
    has("cuda", "mps")
    monkeypatch.setenv("COURSE_DEVICE", "mps")
    assert device.pick() == "mps"
    assert device.pick("cpu") == "cpu"


def test_an_empty_wish_is_none(has, monkeypatch):
    monkeypatch.setenv("COURSE_DEVICE", "")
    assert device.pick("") == "cpu"


@pytest.mark.parametrize("wanted", ["cuda", "cuda:0", "cuda:1"])
def test_a_gpu_may_be_picked_by_its_number(has, wanted):
    has("cuda", gpus=2)
    assert device.pick(wanted) == wanted


@pytest.mark.parametrize("wanted", ["gpu", "tpu", "CPU", "cuda:x", "cuda:-1", "cpu:0.5"])
def test_an_unknown_device_is_refused_with_those_allowed(has, wanted):
    with pytest.raises(ValueError, match=f"device is '{wanted}'; allowed are cuda, cuda:N, mps and cpu"):
        device.pick(wanted)


@pytest.mark.parametrize("wanted", ["mps", "cuda:2", "cpu:1"])
def test_an_absent_device_is_refused_with_those_present(has, wanted):
    has("cuda", gpus=2)
    with pytest.raises(ValueError, match=f"'{wanted}', which this machine does not have; it has cuda, cpu"):
        device.pick(wanted)


def test_an_unknown_device_in_the_environment_is_refused_too(has, monkeypatch):
    monkeypatch.setenv("COURSE_DEVICE", "cude")
    with pytest.raises(ValueError, match="'cude'"):
        device.pick()


def test_a_device_is_described_in_one_line(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda name: f"Model of {name}")
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert device.describe("cuda:1") == "cuda:1: Model of cuda:1"
    assert device.describe("cpu") == "cpu: 2 cores"
    assert device.describe("mps") == "mps"


@pytest.mark.parametrize(
    ("name", "native", "dtype"),
    [
        ("cpu", False, torch.bfloat16),
        ("mps", False, torch.float16),
        ("cuda", False, torch.float16),
        ("cuda:1", True, torch.bfloat16),
    ],
)
def test_autocast_is_in_bfloat16_where_the_device_computes_in_it(monkeypatch, name, native, dtype):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native or including_emulation)
    assert device.autocast_dtype(name) is dtype
