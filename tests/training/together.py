"""Runs of `train_torch` that torchrun starts in several processes, or that one does alone; says how each ended.

Writes to the folder that it is given a file `<rank>.json`: {name of the run: weights, columns, last sentence, output}.
"""

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path

import numpy as np
import torch

from course_lib import averaging, torch_optim, torch_schedulers
from course_lib.problems import digits
from course_lib.torch_averaging import TorchAverage
from course_lib.training import train_torch

DATA = digits.load()
X, Y = DATA.x_train.astype(float), DATA.y_train
BATCHES = list(digits.batches(len(X), 33, 12))  # odd: the shares differ by one


def run(batches=BATCHES, x=X, *, noise=False, wrap=False, **options) -> dict:
    net = digits.torch_mlp().double()
    if noise:
        torch.manual_seed(int(os.environ.get("RANK", 0)))
        net.insert(2, torch.nn.Dropout())
    optimizer = torch_optim.AdamW(net.parameters(), lr=0.01)
    average = TorchAverage(net, averaging.ema(0.9))
    scheduler = torch_schedulers.CosineAnnealingLR(optimizer, T_max=12)
    model = torch.nn.parallel.DistributedDataParallel(net) if wrap else net
    said = io.StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            trace = train_torch(
                model, optimizer, batches, x, Y, label="run", scheduler=scheduler, average=average, **options
            )
    except ValueError as error:
        return {"refused": str(error)}
    tensors = [*net.parameters(), *average.values().values()]
    columns = {column: trace[column].tolist() for column in ("loss", "grad_norm", "lr", "clipped")}
    weights = torch.cat([tensor.detach().flatten() for tensor in tensors]).tolist()
    return {"weights": weights, "columns": columns, "stopped": trace.stopped, "said": said.getvalue()}


def spoilt(value=np.nan) -> np.ndarray:
    """The images with one pixel spoilt that the second process is the first to see, in step 4."""
    x = X.copy()
    x[BATCHES[3][1], 20] = value
    return x


def infinite_for(labels):
    """A loss that is infinite, its gradient finite, in the process whose share has these labels."""

    def loss(scores, y):
        return torch.nn.functional.cross_entropy(scores, y) + (torch.inf if y.tolist() == labels.tolist() else 0.0)

    return loss


def in_two_parts(folder: Path, rank: int, noise: bool) -> dict:
    path = folder / f"checkpoint {noise}"
    run(BATCHES[:7], noise=noise, checkpoint=path, every=3)
    return run(noise=noise, checkpoint=path, every=3)


def main(folder: Path) -> None:
    os.environ.pop("TQDM_DISABLE", None)
    rank, together = int(os.environ.get("RANK", 0)), "RANK" in os.environ
    ends = {"plain": run(), "clipped": run(clip=0.5), "accumulated": run(accumulate=3, clip=0.5)}
    ends |= {"spoilt": run(x=spoilt()), "resumed": in_two_parts(folder, rank, noise=False)}
    if together:
        ends["infinite"] = run(loss=infinite_for(Y[BATCHES[3][1::2]]))
        ends["wrapped by hand"] = run(wrap=True)
        ends["with noise"] = run(noise=True)
        ends["with noise, resumed"] = in_two_parts(folder, rank, noise=True)
        ends["other batches"] = run(BATCHES[rank:])
        ends["too few"] = run([*BATCHES, BATCHES[0][:1]])
        away = partial(run, checkpoint=folder / ("checkpoint False" if rank == 0 else "checkpoint nowhere"))
        ends["seen by one"] = away()
    (folder / f"{rank}.json").write_text(json.dumps(ends))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
