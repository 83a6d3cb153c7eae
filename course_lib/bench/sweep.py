"""A sweep of 40 configurations (8 learning rates × 5 seeds) of the digits MLP for 200 steps of Adam, batches of 64.

All at once as one batched product, against one net after the other: by `train_torch` with our Adam, and by a plain
PyTorch loop with `torch.optim.Adam` that only keeps the loss. JAX's time contains its compiling. Milliseconds are those
of the whole sweep; the goal is the seventeenth part.
"""

from collections.abc import Iterator

import numpy as np
import torch

from course_lib.bench.clock import race
from course_lib.bench.optim import Row
from course_lib.problems import digits
from course_lib.rules import adam
from course_lib.sweeps import sweep_jax, sweep_torch
from course_lib.torch_optim import TorchOptimizer
from course_lib.training import train_torch

LRS, SEEDS = np.logspace(-4, -1, 8), range(5)
GOAL = 0.06  # 17 times as fast


def run(lrs=LRS, seeds=SEEDS, steps: int = 200, seconds: float = 2.0) -> Iterator[Row]:
    """Measure; a row for each batched way beside each way one by one."""
    data = digits.load()
    sweep = {"x": data.x_train, "y": data.y_train, "steps": steps, "batch_size": 64}
    batched = {
        "sweep_torch": lambda: sweep_torch(adam, lrs, seeds, **sweep),
        "sweep_jax": lambda: sweep_jax(adam, lrs, seeds, **sweep),
    }
    single = {"train_torch": with_train_torch, "a plain loop": with_a_plain_loop}
    by_one = {name: lambda train=train: one_by_one(train, data, lrs, seeds, steps) for name, train in single.items()}
    times = race(batched | by_one, seconds=seconds, least=1)
    for ours in batched:
        for peer in by_one:
            yield Row(
                f"{len(lrs) * len(seeds)} × {steps}", ours, peer, 1e3 * times[ours], times[ours] / times[peer], GOAL
            )


def one_by_one(train, data: digits.Split, lrs, seeds, steps: int) -> np.ndarray:
    """The losses, shape (lrs, seeds, steps), one net after the other."""
    n = len(data.x_train)
    runs = [[train(data, digits.batches(n, 64, steps, seed), lr, seed) for seed in seeds] for lr in lrs]
    return np.array(runs)


def with_train_torch(data, batches, lr, seed) -> np.ndarray:
    net = digits.torch_mlp(seed)
    optimizer = TorchOptimizer(net.parameters(), adam, lr=lr)
    return train_torch(net, optimizer, batches, data.x_train, data.y_train)["loss"]


def with_a_plain_loop(data, batches, lr, seed) -> list[float]:
    net, x, y = digits.torch_mlp(seed), torch.as_tensor(data.x_train), torch.as_tensor(data.y_train)
    optimizer, losses = torch.optim.Adam(net.parameters(), lr=lr), []
    for index in batches:
        index = torch.as_tensor(index)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x[index]), y[index])
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses).tolist()
