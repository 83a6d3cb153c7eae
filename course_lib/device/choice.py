"""Which device runs the nets: CUDA, else Apple's MPS, else the CPU."""

import os

KINDS = ("cuda", "mps", "cpu")


def available(kind: str) -> bool:
    """Whether torch can compute on a device of this kind ("cuda", "mps", "cpu") now."""
    import torch

    return {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available, "cpu": lambda: True}[kind]()


def pick(prefer: str | None = None) -> str:
    """The device to use, such as "cuda", "cuda:1", "mps" or "cpu".

    `prefer`, else the environment variable COURSE_DEVICE, overrides the choice. Raises ValueError where that
    device is unknown or absent.
    """
    wanted = prefer or os.environ.get("COURSE_DEVICE")
    if not wanted:
        return next(kind for kind in KINDS if available(kind))
    kind, _, number = wanted.partition(":")
    if kind not in KINDS or (number and not number.isdecimal()):
        raise ValueError(f"device is {wanted!r}; allowed are cuda, cuda:N, mps and cpu")
    if not available(kind) or (number and not _present(kind, int(number))):
        raise ValueError(f"device is {wanted!r}, which this machine does not have; it has {_list_available()}")
    return wanted


def _present(kind: str, number: int) -> bool:
    import torch

    return number < (torch.cuda.device_count() if kind == "cuda" else 1)


def _list_available() -> str:
    return ", ".join(kind for kind in KINDS if available(kind))


def describe(device: str) -> str:
    """One line for people: "cuda: NVIDIA H100", "cpu: 2 cores"."""
    import torch

    if device.startswith("cuda"):
        return f"{device}: {torch.cuda.get_device_name(device)}"
    return f"{device}: {os.cpu_count()} cores" if device == "cpu" else device


def autocast_dtype(device: str):
    """The half precision for `torch.autocast`: bfloat16 where the device computes in it, else float16.

    float16 needs a GradScaler (`mixed_precision.scaled_step`), bfloat16 does not.
    """
    import torch

    if device.startswith("cuda") and not torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.float16
    return torch.float16 if device.startswith("mps") else torch.bfloat16
