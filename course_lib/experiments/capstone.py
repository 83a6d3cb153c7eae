"""Runs of the capstone: the transformer of `char_ladder` under any settings, and a log of real ones.

    settings = {"rule": "AdamW", "lr": 0.004, "schedule": "constant"}

`entry` trains all seeds and gives one entry of a log; about twenty seconds of a processor. The log that ships with the
package, `records/capstone.json`, is made again by `save(log())`.
"""

import json
from importlib.resources import files

from course_lib.experiments import char_ladder, char_muon
from course_lib.rules import muon
from course_lib.schedules import Linear, WarmUp

SEEDS, WARM_UP = (0, 1, 2), 0.1
RULES, SCHEDULES = (*char_ladder.RULES, "Muon"), ("constant", "falling")
RECORD = files(__package__) / "records" / "capstone.json"


def factor(schedule: str, steps: int):
    """What multiplies the rate at step t: 1, or a warm-up over a tenth of the steps and a straight fall to zero."""
    first = round(WARM_UP * steps)
    return WarmUp(Linear(1.0, steps - first, 0.0), first) if schedule == "falling" else lambda t: 1.0


def train(settings: dict, *, seed: int = 0, steps: int = char_ladder.STEPS, device="cpu") -> tuple:
    """(Trace, validation loss in nats) of one run; data, net, batches and clipping as in `char_ladder.train`."""
    _check(settings)
    rule, lr, schedule = (settings[key] for key in ("rule", "lr", "schedule"))
    return char_ladder.run(
        lambda net: _optimizer(net, rule, lr),
        seed=seed,
        steps=steps,
        device=device,
        factor=factor(schedule, steps),
        name=rule.lower(),
        label=f"{rule}, {schedule}",
    )


def _optimizer(net, rule: str, lr: float):
    from course_lib.torch_optim import TorchOptimizer

    if rule == "Muon":
        return char_muon.optimizer(net, muon, lr)
    return TorchOptimizer(net.parameters(), char_ladder.RULES[rule], lr=lr)


def _check(settings: dict) -> None:
    """ValueError, in one sentence, for settings that no run has."""
    if set(settings) != {"rule", "lr", "schedule"}:
        raise ValueError(f"settings are {sorted(settings)}; wanted are rule, lr and schedule")
    for key, allowed in (("rule", RULES), ("schedule", SCHEDULES)):
        if settings[key] not in allowed:
            raise ValueError(f"{key} is {settings[key]!r}; allowed are {', '.join(allowed)}")


def entry(change: str, settings: dict, *, steps: int = char_ladder.STEPS, device="cpu") -> dict:
    """One entry of a log: what was changed, all settings, and the validation loss of each seed, inf if it diverged."""
    runs = [train(settings, seed=seed, steps=steps, device=device) for seed in SEEDS]
    scores = [float("inf") if trace.stopped else round(loss, 4) for trace, loss in runs]
    return {"change": change, "settings": dict(settings), "scores": scores}


def log() -> list[dict]:
    """AdamW as lesson 07 tuned it, and what was tried then, in that order. Three minutes of a processor."""
    import torch

    torch.set_num_threads(1)
    adamw = {"rule": "AdamW", "lr": 0.004, "schedule": "constant"}
    orthogonal, falling = adamw | {"rule": "Muon", "lr": 0.02}, {"schedule": "falling"}
    return [
        entry("baseline", adamw),
        entry("schedule", adamw | falling),
        entry("schedule", adamw | falling | {"lr": 0.008}),
        entry("rule", orthogonal),
        entry("schedule", orthogonal | falling),
        entry("schedule", orthogonal | falling | {"lr": 0.04}),
        entry("lr", orthogonal | falling | {"lr": 0.08}),
    ]


def save(made: list[dict]) -> None:
    """Write a log to its place in the package, with what it was run on."""
    about = {key: value for key, value in char_ladder.record({}, SEEDS).items() if key in ("machine", "versions")}
    about = {"made by": "course_lib.experiments.capstone: save(log())"} | about | {"steps": char_ladder.STEPS}
    RECORD.write_text(json.dumps(about | {"log": made}, indent=1) + "\n", "utf-8")


def load() -> list[dict]:
    """The log that ships with the package."""
    return json.loads(RECORD.read_text("utf-8"))["log"]


def adamw_median() -> float:
    """What is to be beaten: AdamW's recorded median of three seeds at its best rate, lesson 07."""
    return char_ladder.ladder().best["AdamW"].median
