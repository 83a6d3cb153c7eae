"""A run in torch as one file, which `torch.load(weights_only=True)` reads."""

import random
import zipfile

import numpy as np
import torch
from torch.utils._pytree import tree_map

from course_lib.training.checkpoint import Checkpoint
from course_lib.training.distributed import Team

MOVING = {"last_epoch", "T_cur", "T_i"}  # in the state of a scheduler, beside what begins with _


class TorchCheckpoint(Checkpoint):
    """Net, optimiser, and the parts that may be None: scheduler, average, scaler."""

    form = "train_torch"

    def __init__(self, path, every: int, net, optimizer, team: Team, options: dict, **parts):
        super().__init__(path, every)
        self.team, self.options, self.writes = team, options, team.leads
        self.parts = {"net": net, "optimizer": optimizer, **parts}
        self._proven = False

    def describe(self) -> dict[str, str]:
        net, optimizer = self.parts["net"], self.parts["optimizer"]
        words = {key: f"a {type(part).__name__}" for key, part in self.parts.items()}
        words["optimizer"] += f" ({_numbers(optimizer.defaults)})"
        words["number of parameters by group"] = str([len(group["params"]) for group in optimizer.param_groups])
        words["scheduler"] += _arguments(self.parts["scheduler"])
        words["number of processes"] = str(self.team.size)
        words |= {key: _in_words(value) for key, value in self.options.items()}
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
        return {
            "net": self.parts["net"].state_dict(),
            **tree_map(_plain, others),
            "random": self.team.gather(random_states()),
        }

    def put(self, state: dict) -> None:
        for key, part in self.parts.items():
            if part is not None:
                part.load_state_dict(state[key])
        set_random_states(state["random"][self.team.rank])

    def resume(self, trace, order: list[int]) -> int:
        """As in any checkpoint, with the same end in all processes: none may wait for one that has left."""
        refused = None
        try:
            done = super().resume(trace, order)
        except ValueError as error:
            done, refused = str(error), error
        self.team.agree(f"what was found in checkpoint {self.path.name!r}", done)
        if refused:
            raise refused
        return done


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
    plain = {key: _plain(value) for key, value in defaults.items() if key != "differentiable"}  # which loading adds
    shown = {k: v for k, v in plain.items() if v is None or isinstance(v, bool | int | float | str | tuple)}
    return ", ".join(f"{key}={value!r}" for key, value in shown.items())


def _in_words(option) -> str:
    """What an argument is, where it can be told from outside."""
    if torch.is_tensor(option) and option.dim():
        return f"{tuple(option.shape)}, {option.dtype}"
    return f"a {type(option).__name__}" if callable(option) else str(_plain(option))


def _arguments(scheduler) -> str:
    """What a scheduler of torch or of the course was made with; nobody knows what another one keeps."""
    if not type(scheduler).__module__.startswith(("torch.", "course_lib.")):
        return ""
    state = scheduler.state_dict().items()
    kept = {key: _plain(value) for key, value in state if key == "_milestones" or not (key in MOVING or key[0] == "_")}
    kept |= {"schedules": scheduler.schedules} if hasattr(scheduler, "schedules") else {}
    words = [f"{key}={value!r}" for key, value in kept.items() if " at 0x" not in repr(value)]
    parts = (type(part).__name__ + _arguments(part) for part in getattr(scheduler, "_schedulers", []))
    return f" ({', '.join([*words, *parts])})"
