"""What the training loop, the clips and the import cost.

A step of `train_torch` with our AdamW, which keeps loss, lr, gradient norm and time, beside the loop that everybody
writes with `torch.optim.AdamW`, which keeps the loss, both without a progress bar, on two nets: the digits MLP in
batches of 64, and a character transformer (2 layers, width 64, context 64, batches of 16, random symbols). Clips beside
those of `torch.nn.utils`, on the gradients of these nets and of ResNet-50; by value also with the norm, beside the two
calls that torch needs for it. One thread.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from torch.nn import utils

from course_lib import torch_clipping, torch_optim
from course_lib.bench.clock import race
from course_lib.bench.optim import Row, parameters
from course_lib.problems import digits
from course_lib.problems.char_transformer import CharTransformer, next_symbol_loss
from course_lib.training import train_torch

SYMBOLS, CONTEXT, WINDOWS = 77, 64, 512
LOOP_GOAL, CLIP_GOAL, IMPORT_GOAL = 1.1, 1.05, 50  # the last in ms of the processor
CALLS = 20  # in one turn


def _norm_and_value(ps: list, limit: float) -> torch.Tensor:
    """What it takes with torch alone to clip by value and know the norm."""
    norm = utils.get_total_norm([p.grad for p in ps])
    utils.clip_grad_value_(ps, limit)
    return norm


CLIPS = {
    "clip_grad_norm_": (torch_clipping.clip_grad_norm_, utils.clip_grad_norm_),
    "clip_grad_value_": (torch_clipping.clip_grad_value_, utils.clip_grad_value_),
    "… and its norm": (partial(torch_clipping.clip_grad_value_, return_norm=True), _norm_and_value),
}
IMPORT = "import time; t = time.process_time(); import course_lib; print(time.process_time() - t)"


def run(seconds: float = 3.0) -> Iterator[Row]:
    """Measure, row by row."""
    with one_thread_and_no_bar():
        yield from loop_rows(seconds)
        yield from clip_rows(seconds / 3)
    spent = import_milliseconds()
    yield Row("import", "course_lib", f"{IMPORT_GOAL} ms", spent, spent / IMPORT_GOAL, 1.0)


@contextmanager
def one_thread_and_no_bar():
    threads, bar = torch.get_num_threads(), os.environ.get("TQDM_DISABLE")
    torch.set_num_threads(1)
    os.environ["TQDM_DISABLE"] = "1"
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        os.environ.pop("TQDM_DISABLE") if bar is None else os.environ.update(TQDM_DISABLE=bar)


def loop_rows(seconds: float) -> Iterator[Row]:
    """Ratios of whole runs, with the milliseconds of one step."""
    for name, (make, data, loss, batch_size, steps) in nets().items():
        batches = list(digits.batches(len(data[0]), batch_size, steps))
        ways = {loop.__name__: partial(with_a_new_net, loop, make, batches, *data, loss) for loop in (ours, minimal)}
        times = race(ways, seconds=seconds, least=15)
        ratio = times["ours"] / times["minimal"]
        yield Row(name, "train_torch", "a minimal loop", 1e3 * times["ours"] / steps, ratio, LOOP_GOAL)


def with_a_new_net(loop: Callable, make: Callable, *arguments) -> list[float]:
    return loop(make(), *arguments)


def nets() -> dict[str, tuple]:
    """By name: what makes the net, (x, y), the loss, the batch size, the steps of a run."""
    split = digits.load()
    rng = np.random.default_rng(0)
    text = rng.integers(SYMBOLS, size=(WINDOWS, CONTEXT + 1))
    return {
        "digits MLP": (digits.torch_mlp, (split.x_train, split.y_train), torch.nn.functional.cross_entropy, 64, 200),
        "transformer": (partial(CharTransformer, SYMBOLS), (text[:, :-1], text[:, 1:]), next_symbol_loss, 16, 20),
    }


def ours(net, batches, x, y, loss) -> list[float]:
    return train_torch(net, torch_optim.AdamW(net.parameters()), batches, x, y, loss=loss)["loss"].tolist()


def minimal(net, batches, x, y, loss) -> list[float]:
    optimizer, losses = torch.optim.AdamW(net.parameters()), []
    x, y = torch.as_tensor(x), torch.as_tensor(y)
    for index in map(torch.as_tensor, batches):
        optimizer.zero_grad()
        value = loss(net(x[index]), y[index])
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses


def clip_rows(seconds: float) -> Iterator[Row]:
    """Each clip beside torch's, on the same gradients, which both leave as they are after the first call."""
    lists = {name: with_gradients(make()) for name, (make, *_) in nets().items()}
    lists["ResNet-50"] = parameters("ResNet-50")
    for name, ps in lists.items():
        for clip, (mine, theirs) in CLIPS.items():
            times = race({"ours": repeated(mine, ps), "theirs": repeated(theirs, ps)}, seconds=seconds)
            yield Row(name, clip, "torch's", 1e3 * times["ours"] / CALLS, times["ours"] / times["theirs"], CLIP_GOAL)


def repeated(clip: Callable, ps: list) -> Callable:
    def way():
        for _ in range(CALLS):
            clip(ps, 1.0)

    return way


def with_gradients(net: torch.nn.Module) -> list[torch.Tensor]:
    """Its parameters, with gradients that no clip leaves as they are."""
    torch.manual_seed(0)
    ps = list(net.parameters())
    for p in ps:
        p.grad = torch.randn_like(p)
    return ps


def import_milliseconds(times: int = 9) -> float:
    """Median time of the processor for `import course_lib` in a fresh Python."""
    said = [subprocess.run([sys.executable, "-c", IMPORT], check=True, capture_output=True) for _ in range(times)]
    return 1e3 * statistics.median(float(done.stdout) for done in said)
