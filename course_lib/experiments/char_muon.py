"""Muon on the small transformer of `char_ladder`: its hidden matrices by Muon, all else by AdamW at one rate.

A record ships with the package, `records/char_muon.json`; `save(runs())` makes it again in two minutes of a processor.
"""

import json
from collections.abc import Sequence
from importlib.resources import files

import numpy as np

from course_lib.experiments import char_ladder
from course_lib.rule import Rule
from course_lib.rules import adamw, muon

RATES, ADAMW_LR = (0.005, 0.01, 0.02, 0.04), 0.008
RECORD = files(__package__) / "records" / "char_muon.json"


def train(lr: float, *, rule=muon, seed: int = 0, steps: int = char_ladder.STEPS, device="cpu") -> tuple:
    """(Trace, validation loss) as in `char_ladder.train`; `rule` takes the attention's and the MLPs' matrices."""
    named = {"name": "muon", "label": f"Muon, lr {lr:g}, seed {seed}"}
    return char_ladder.run(lambda net: optimizer(net, rule, lr), seed=seed, steps=steps, device=device, **named)


def optimizer(net, rule, lr: float):
    """Two groups, without weight decay: the matrices inside the layers by `rule`, embeddings and the rest by AdamW."""
    from course_lib.torch_optim import TorchOptimizer

    def hidden(p, g, s, *, lr=0.02):
        return rule.step(p, g, s, lr=lr, weight_decay=0.0)

    def others(p, g, s, *, lr=ADAMW_LR):
        return adamw.step(p, g, s, lr=lr, weight_decay=0.0)

    rules = {True: Rule("muon", rule.init, hidden), False: Rule("adamw", adamw.init, others, adamw.State)}

    class Both(TorchOptimizer):
        def _rule(self, group):
            return rules[group["hidden"]]

    parts: dict[bool, list] = {True: [], False: []}
    for name, p in net.named_parameters():
        parts[name.startswith("layers.") and p.dim() == 2].append(p)
    groups = [{"params": parts[key], "hidden": key, "lr": rate} for key, rate in ((True, lr), (False, ADAMW_LR))]
    return Both(groups, rules[True])


def runs(seeds: Sequence[int] = (0, 1, 2)) -> dict:
    """The record: validation losses at all RATES and seeds, on one thread, and what ran them."""
    import torch

    torch.set_num_threads(1)
    losses = [[round(train(lr, seed=seed)[1], 4) for seed in seeds] for lr in RATES]
    about = {key: value for key, value in char_ladder.record({}, seeds).items() if isinstance(value, str | int | list)}
    own = {"made by": "course_lib.experiments.char_muon: save(runs())", "adamw lr": ADAMW_LR, "rates": list(RATES)}
    return about | own | {"versions": char_ladder.record({}, seeds)["versions"], "validation loss": losses}


def save(made: dict) -> None:
    """Write a record to its place in the package."""
    RECORD.write_text(json.dumps(made, indent=1) + "\n", "utf-8")


def recorded() -> dict[float, np.ndarray]:
    """{rate: validation losses of the seeds} of the record that ships with the package."""
    record = json.loads(RECORD.read_text("utf-8"))
    return dict(zip(record["rates"], map(np.array, record["validation loss"]), strict=True))


def best_rate() -> float:
    """The rate with the lowest median of the record."""
    losses = recorded()
    return min(losses, key=lambda lr: np.median(losses[lr]))


def ladder() -> dict[str, np.ndarray]:
    """Validation losses of the seeds at each method's best rate, worst method first: lesson 07's record, and Muon."""
    best = {name: tuned.values for name, tuned in char_ladder.ladder().best.items()}
    best["Muon"] = recorded()[best_rate()]
    return dict(sorted(best.items(), key=lambda pair: -np.median(pair[1])))
