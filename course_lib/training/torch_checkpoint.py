"""A run in torch as one file, which `torch.load(weights_only=True)` reads."""

import random
import zipfile

import numpy as np
import torch
from torch.utils._pytree import tree_map

from course_lib.training.checkpoint import Checkpoint


class TorchCheckpoint(Checkpoint):
    """Net, optimiser, and the parts that may be None: scheduler, average, scaler."""

    form = "train_torch"

    def __init__(self, path, every: int, net, optimizer, *, accumulate: int, **parts):
        super().__init__(path, every)
        self.accumulate = accumulate
        self.parts = {"net": net, "optimizer": optimizer, **parts}
        self._proven = False

    def describe(self) -> dict[str, str]:
        net, optimizer = self.parts["net"], self.parts["optimizer"]
        words = {key: f"a {type(part).__name__}" for key, part in self.parts.items()}
        words["optimizer"] += f" ({_numbers(optimizer.defaults)})"
        words["number of parameters by group"] = str([len(group["params"]) for group in optimizer.param_groups])
        words["accumulate"] = str(self.accumulate)
        shapes = {key: f"{tuple(v.shape)}, {v.dtype}" for key, v in net.state_dict().items() if torch.is_tensor(v)}
        return words | shapes

    def read(self) -> dict:
        with zipfile.ZipFile(self.path) as archive:  # torch.load does not compare the checksums
            if archive.testzip():
                raise ValueError("wrong checksum")
        return torch.load(self.path, map_location="cpu", weights_only=True)

    def write(self, file, contents: dict) -> None:
        torch.save(contents | {"trace": tree_map(_plain, contents["trace"])}, file)
        if not self._proven:
            file.flush()
            self._prove(file.name)

    def _prove(self, name: str) -> None:
        """Raise TypeError if what was written cannot be read, the first time, when nothing is lost yet."""
        try:
            torch.load(name, map_location="cpu", weights_only=True)
        except Exception as error:
            raise TypeError(
                "checkpoint would hold what torch.load(weights_only=True) refuses; allowed in the state of optimizer, "
                "scheduler and average are tensors, numbers, texts, lists and dicts"
            ) from error
        self._proven = True

    def take(self) -> dict:
        others = {key: part.state_dict() for key, part in self.parts.items() if part is not None and key != "net"}
        return {"net": self.parts["net"].state_dict(), **tree_map(_plain, others), "random": random_states()}

    def put(self, state: dict) -> None:
        for key, part in self.parts.items():
            if part is not None:
                part.load_state_dict(state[key])
        set_random_states(state["random"])


def random_states() -> dict:
    """The global random states of Python, NumPy and torch, on the CPU and on CUDA where it is in use."""
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002 - other people's code draws from it
    states = {"python": random.getstate(), "numpy": (kind, keys.tolist(), *rest), "torch": torch.get_rng_state()}
    if torch.cuda.is_initialized():
        states["cuda"] = torch.cuda.get_rng_state_all()
    if torch.backends.mps.is_available():
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_random_states(states: dict) -> None:
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])  # noqa: NPY002
    torch.set_rng_state(states["torch"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(states["cuda"])
    if "mps" in states and torch.backends.mps.is_available():
        torch.mps.set_rng_state(states["mps"])


def _plain(value):
    """NumPy's numbers and arrays as Python's and torch's, which weights_only demands."""
    if isinstance(value, np.generic):
        return value.item()
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


def _numbers(defaults: dict) -> str:
    """The hyperparameters that an optimiser was made with."""
    plain = {key: _plain(value) for key, value in defaults.items()}
    shown = {k: v for k, v in plain.items() if v is None or isinstance(v, bool | int | float | str | tuple)}
    return ", ".join(f"{key}={value!r}" for key, value in shown.items())
