"""A small transformer on Shakespeare under several optimisers, each tuned: a ladder of validation losses.

One run of 600 steps takes about ten seconds of a processor, all of them ten minutes. So the ladder is a record that
ships with the package, `records/char_ladder.json`; `save(char_ladder())` makes it again.
"""

import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import numpy as np

from course_lib.problems import shakespeare
from course_lib.rules import adamw, lion, momentum, nesterov, radam, sgd
from course_lib.sweeps import Comparison, Sweep
from course_lib.sweeps.comparison import choose

BATCH_SIZE, CONTEXT, STEPS, CLIP = 16, 64, 600, 1.0
RULES = {
    "SGD": sgd, "momentum": momentum, "Nesterov": nesterov, "Lion": lion, "AdamW": adamw, "RAdam": radam,
}  # fmt: skip
RATES = {  # factors of two, as many for each, the best one inside
    "SGD": (0.25, 0.5, 1.0, 2.0),
    "momentum": (0.1, 0.2, 0.4, 0.8),
    "Nesterov": (0.1, 0.2, 0.4, 0.8),
    "Lion": (0.0005, 0.001, 0.002, 0.004),
    "AdamW": (0.002, 0.004, 0.008, 0.016),
    "RAdam": (0.005, 0.01, 0.02, 0.04),
}
RECORD = files(__package__) / "records" / "char_ladder.json"


def train(rule, lr: float, *, seed: int = 0, steps: int = STEPS, device="cpu", label: str | None = None) -> tuple:
    """(Trace, validation loss) of a transformer of 114,125 parameters, gradients clipped at a global norm of 1.

    Both losses are in nats a character; the seed draws the initial weights and the batches.
    """
    from course_lib.torch_optim import TorchOptimizer

    def optimizer_of(net):
        return TorchOptimizer(net.parameters(), rule, lr=lr)

    name = rule.__name__.rpartition(".")[2]
    return run(optimizer_of, seed=seed, steps=steps, device=device, name=name, label=label)


def run(optimizer_of, *, seed: int = 0, steps: int = STEPS, device="cpu", factor=None, **named) -> tuple:
    """The same with `optimizer_of(net)`, its rates times `factor(t)` at step t where that is given."""
    from torch.optim.lr_scheduler import LambdaLR

    from course_lib.problems.char_transformer import CharTransformer, next_symbol_loss
    from course_lib.training import train_torch

    ids, alphabet = shakespeare.characters()
    training, held_out = (part.astype(np.int64) for part in shakespeare.split(ids))
    net = CharTransformer(len(alphabet), seed=seed).to(device)
    optimizer = optimizer_of(net)
    batches = shakespeare.batches(len(training), BATCH_SIZE, CONTEXT, steps, seed)
    how = {"loss": next_symbol_loss, "clip": CLIP, "scheduler": factor and LambdaLR(optimizer, factor)}
    trace = train_torch(net, optimizer, batches, training[:-1], training[1:], **how, **named)
    return trace, validation_loss(net, held_out)


def validation_loss(net, held_out: np.ndarray) -> float:
    """Mean loss over the held-out characters, cut into windows of 64."""
    import torch

    from course_lib.problems.char_transformer import next_symbol_loss

    device, rows = next(net.parameters()).device, (len(held_out) - 1) // CONTEXT
    x, y = (torch.as_tensor(held_out[i : i + rows * CONTEXT].reshape(rows, -1), device=device) for i in (0, 1))
    net.eval()
    with torch.no_grad():
        parts = [next_symbol_loss(net(a), b) * len(a) for a, b in zip(x.split(128), y.split(128), strict=True)]
    return float(sum(parts)) / rows


def char_ladder(rules: Sequence[str] = tuple(RULES), seeds: Sequence[int] = (0, 1, 2)) -> dict:
    """The record: validation loss of each of `rules` at all its RATES and seeds, on one thread, and what ran it."""
    import torch

    torch.set_num_threads(1)
    return record({name: [[_end(name, lr, seed) for seed in seeds] for lr in RATES[name]] for name in rules}, seeds)


def record(runs: Mapping[str, list], seeds: Sequence[int]) -> dict:
    """`runs`, a row a rate and a column a seed for each name, with what is needed to make them again."""
    return {
        "made by": "course_lib.experiments.char_ladder: save(char_ladder())",
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, 1 thread, no GPU",
        "versions": {"python": platform.python_version()}
        | {package: importlib.metadata.version(package) for package in ("numpy", "torch")},
        "steps": STEPS,
        "seeds": list(seeds),
        "rates": {name: list(RATES[name]) for name in runs},
        "validation loss": dict(runs),  # null where it diverged
    }


def _end(name: str, lr: float, seed: int) -> float | None:
    trace, loss = train(RULES[name], lr, seed=seed, label=f"{name}, lr {lr:g}, seed {seed}")
    return None if trace.stopped else round(loss, 4)


def save(made: dict) -> None:
    """Write a record to its place in the package."""
    RECORD.write_text(json.dumps(made, indent=1) + "\n", "utf-8")


def load() -> dict:
    """The record that ships with the package."""
    return json.loads(RECORD.read_text("utf-8"))


def ladder(of: Mapping | None = None) -> Comparison:
    """The record, the one of the package where left out, as a comparison: each rule at the rate with the best median.

    A sweep's losses are one number a run, the validation loss at its end.
    """
    of = load() if of is None else of
    sweeps = {name: _sweep(name, rows, of) for name, rows in of["validation loss"].items()}
    return Comparison("loss", {name: choose(name, sweep) for name, sweep in sweeps.items()}, sweeps)


def _sweep(name: str, rows: list, of: Mapping) -> Sweep:
    loss = np.array(rows, dtype=float)
    rule = RULES[name].__name__.rpartition(".")[2]
    rates = np.array(of["rates"][name])
    return Sweep(rule, rates, np.array(of["seeds"]), loss[..., None], ~np.isfinite(loss))


@cache
def lines() -> dict[str, float]:
    """What counting alone gives, in nats a character: the best guess from one character, and from two."""
    return {"one character": shakespeare.bigram_entropy(), "two characters": shakespeare.trigram_entropy()}
