"""A run that is killed at random points and goes on, in processes of its own: prints how each of them ended.

A child is killed by its own hand at its n-th call of a Python or C function, so that any point can be met, the middle
of a write too, and every run of this program meets the same ones.
"""

import json
import os
import random
import signal
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from course_lib import averaging, torch_optim, torch_schedulers
from course_lib.torch_averaging import TorchAverage
from course_lib.training import train_torch


def train(path: Path) -> str:
    """A net with every kind of memory and chance, to the end; a digest of all that it left."""
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    random.seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Dropout(), torch.nn.Linear(4, 2))
    optimizer = torch_optim.AdamW(net.parameters(), lr=0.01)
    scheduler = torch_schedulers.CosineAnnealingLR(optimizer, T_max=12)
    average, scaler = TorchAverage(net, averaging.ema(0.9)), torch.amp.GradScaler("cpu", growth_interval=5)
    x, y = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32), np.arange(40) % 2

    def loss(scores, y):
        noise = random.random() + np.random.rand()  # noqa: NPY002
        return torch.nn.functional.cross_entropy(scores, y) * noise

    trace = train_torch(
        net, optimizer, np.arange(24 * 5).reshape(24, 5) % 40, x, y, loss=loss, scheduler=scheduler, clip=0.5,
        average=average, scaler=scaler, accumulate=2, checkpoint=path, every=2,
    )  # fmt: skip
    tensors = [*net.state_dict().values(), *average.values().values(), optimizer.state[net[0].weight]["exp_avg"]]
    left = [tensor.numpy().tobytes() for tensor in tensors]
    left += [trace[column].tobytes() for column in ("loss", "lr", "grad_norm", "clipped")]
    left += [str((scheduler.state_dict(), scaler.state_dict(), random.random(), torch.rand(1), len(trace))).encode()]
    return sha256(b"".join(left)).hexdigest()


def child(path: Path, calls: int | None = None) -> tuple[str, int]:
    """(what it printed, its exit status) of a process that trains, killed at that call."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        count = 0

        def profile(frame, event, argument):
            nonlocal count
            count += 1
            if count == calls:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(profile)
        digest = train(path)
        sys.setprofile(None)
        os.write(write, f"{digest} {count}".encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    return said, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main(points: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        train(Path(folder) / "first.pt")  # what torch imports late is not imported again in each child
        said, _ = child(Path(folder) / "whole.pt")
        whole, calls = said.split()
        rng, ends = random.Random(0), []
        for i in range(points):
            path = Path(folder) / f"{i}.pt"
            _, code = child(path, rng.randrange(1, int(calls)))
            kept, half = path.exists(), path.with_name(f"{i}.pt.part").exists()
            ends.append({"killed": code == -signal.SIGKILL, "kept": kept, "half": half})
            ends[-1]["same"] = child(path)[0].split()[0] == whole
    print(json.dumps(ends))


if __name__ == "__main__":
    main(int(sys.argv[1]))
