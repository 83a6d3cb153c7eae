"""A table of measurements as a page that says what was run, and on what."""

import importlib.metadata
import os
import platform


def page(name: str, about: str, table: str) -> str:
    """Markdown: what was measured, the command, the machine and versions, the table."""
    versions = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in ("torch", "jax", "optax"))
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {device()}"
    machine = f"{system}; Python {platform.python_version()}, {versions}"
    return f"# `course bench {name}`\n\n{about.strip()}\n\nMeasured on {machine}.\n\n{table}\n"


def device() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
