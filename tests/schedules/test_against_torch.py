"""Every schedule is torch's, step by step and past the end; and a schedule with one mistake in it is not."""

import inspect
from types import ModuleType

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from course_lib import schedules
from course_lib.schedules import by_cycle, by_formula, by_step, joined, plateau

STEPS = 70
CASES = {  # the schedule, from the names of the room; torch's scheduler on an optimiser whose lr is 0.3
    "constant": (lambda s: s.Constant(0.3), lambda o: lr_scheduler.ConstantLR(o, 1.0)),
    "linear": (lambda s: s.Linear(0.03, 20, 0.3), lambda o: lr_scheduler.LinearLR(o, 0.1, 1.0, 20)),
    "linear decay": (lambda s: s.Linear(0.3, 9, 0.06), lambda o: lr_scheduler.LinearLR(o, 1.0, 0.2, 9)),
    "polynomial": (lambda s: s.Polynomial(0.3, 25, 2.0), lambda o: lr_scheduler.PolynomialLR(o, 25, 2.0)),
    "root": (lambda s: s.Polynomial(0.3, 25, 0.5), lambda o: lr_scheduler.PolynomialLR(o, 25, 0.5)),
    "step": (lambda s: s.Step(0.3, 7, 0.5), lambda o: lr_scheduler.StepLR(o, 7, 0.5)),
    "multi-step": (
        lambda s: s.MultiStep(0.3, (5, 12, 40), 0.5),
        lambda o: lr_scheduler.MultiStepLR(o, [5, 12, 40], 0.5),
    ),
    "exponential": (lambda s: s.Exponential(0.3, 0.9), lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
    "lambda": (lambda s: s.Lambda(0.3, lambda t: 0.5**t), lambda o: lr_scheduler.LambdaLR(o, lambda t: 0.5**t)),
    "multiplicative": (
        lambda s: s.Multiplicative(0.3, lambda t: 1 - 0.01 * t),
        lambda o: lr_scheduler.MultiplicativeLR(o, lambda t: 1 - 0.01 * t),
    ),
    "cosine": (lambda s: s.Cosine(0.3, 17, 0.02), lambda o: lr_scheduler.CosineAnnealingLR(o, 17, 0.02)),
    "restarts": (
        lambda s: s.CosineRestarts(0.3, 7, end_lr=0.02),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 7, eta_min=0.02),
    ),
    "longer restarts": (
        lambda s: s.CosineRestarts(0.3, 5, 3),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 5, 3),
    ),
    "triangular": (lambda s: s.Cyclic(0.01, 0.3, 6, 9), lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.3, 6, 9)),
    "triangular2": (
        lambda s: s.Cyclic(0.01, 0.3, 6, mode="triangular2"),
        lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.3, 6, mode="triangular2"),
    ),
    "exp_range": (
        lambda s: s.Cyclic(0.01, 0.3, 6, mode="exp_range", gamma=0.97, base_momentum=0.7, max_momentum=0.99),
        lambda o: lr_scheduler.CyclicLR(
            o, 0.01, 0.3, 6, mode="exp_range", gamma=0.97, base_momentum=0.7, max_momentum=0.99
        ),
    ),
    "own scale of the cycle": (
        lambda s: s.Cyclic(0.01, 0.3, 6, scale_fn=lambda x: 1 / x),
        lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.3, 6, scale_fn=lambda x: 1 / x),
    ),
    "own scale of the step": (
        lambda s: s.Cyclic(0.01, 0.3, 6, scale_fn=lambda x: 1 / (1 + x), scale_mode="iterations"),
        lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.3, 6, scale_fn=lambda x: 1 / (1 + x), scale_mode="iterations"),
    ),
    "warm-up": (
        lambda s: s.WarmUp(s.Exponential(0.3, 0.9), 8, 0.25),
        lambda o: _sequence(o, [lr_scheduler.LinearLR(o, 0.25, 1.0, 8), lr_scheduler.ExponentialLR(o, 0.9)], [8]),
    ),
    "sequential": (
        lambda s: s.Sequential((s.Constant(0.03), s.Step(0.3, 7), s.Exponential(0.3, 0.9)), (4, 30)),
        lambda o: _sequence(
            o,
            [lr_scheduler.ConstantLR(o, 0.1, 99), lr_scheduler.StepLR(o, 7), lr_scheduler.ExponentialLR(o, 0.9)],
            [4, 30],
        ),
    ),
    "chained": (
        lambda s: s.Chained((s.Step(0.3, 7), s.Linear(0.1, 20, 1.0), s.Exponential(1.0, 0.9))),
        lambda o: lr_scheduler.ChainedScheduler(
            [lr_scheduler.StepLR(o, 7), lr_scheduler.LinearLR(o, 0.1, 1.0, 20), lr_scheduler.ExponentialLR(o, 0.9)]
        ),
    ),
    "trapezoid": (
        lambda s: s.Trapezoid(0.3, 50, 0, 20, end_lr=0.03),
        lambda o: _sequence(o, [lr_scheduler.ConstantLR(o, 1.0), lr_scheduler.LinearLR(o, 1.0, 0.1, 20)], [30]),
    ),
}
for three_phase in (False, True):
    for strategy in ("cos", "linear"):
        for pct in (0.3, 0.5, 0.07):
            words = {"three_phase": three_phase, "anneal_strategy": strategy, "pct_start": pct}
            CASES[f"one-cycle {words}"] = (
                lambda s, words=words: s.OneCycle(0.3, STEPS - 1, **words),
                lambda o, words=words: lr_scheduler.OneCycleLR(o, 0.3, STEPS - 1, **words),
            )


def _sequence(optimizer, parts, milestones):
    return lr_scheduler.SequentialLR(optimizer, parts, milestones)


def torchs_curve(make):
    """(lr, momentum) that torch's scheduler gives from step 0 to STEPS - 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.3, momentum=0.5)
    scheduler, rows = make(optimizer), []
    for _ in range(STEPS):
        rows.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]))
        optimizer.step()
        if len(rows) < STEPS:
            scheduler.step()
    return np.array(rows).T


WANTED = {case: torchs_curve(make) for case, (_, make) in CASES.items()}


def furthest(case, room) -> float:
    """How far the schedule, made from the classes of `room`, ever is from torch's lr or momentum."""
    lr, momentum = WANTED[case]
    schedule = CASES[case][0](room)
    off = np.abs(np.array([schedule(t) for t in range(STEPS)]) - lr)
    if hasattr(schedule, "momentum"):
        off = np.maximum(off, np.abs(np.array([schedule.momentum(t) for t in range(STEPS)]) - momentum))
    return off.max()


@pytest.mark.parametrize("case", CASES)
def test_a_schedule_is_torchs_past_the_end_too(case):
    assert furthest(case, schedules) < 1e-12


MUTANTS = [  # a schedule that meets it, its module, the text, what stands there by mistake
    ("cosine", by_formula, "t / self.total_steps)) / 2.0", "t / (self.total_steps - 1))) / 2.0"),  # T_max off by one
    ("cosine", by_formula, "if self.hold else t", "if True else t"),  # optax's end
    ("linear", by_formula, "minimum(t, self.total_steps) / ", "t / "),
    ("polynomial", by_formula, "left**self.power", "left"),
    ("exponential", by_formula, "self.gamma**t", "self.gamma**(t + 1)"),
    ("step", by_step, "(t // self.step_size)", "((t + 1) // self.step_size)"),
    ("step", by_step, "(t // self.step_size)", "(t / self.step_size)"),
    ("multi-step", by_step, "(t >= m)", "(t > m)"),
    ("multiplicative", by_step, "range(1, steps + 1)", "range(0, steps)"),
    ("multiplicative", by_step, "self._table(int(t))[-1]", "self.lr * self.factor(t)"),  # lambda
    ("lambda", by_step, "self.lr * each(self.factor, t)", "Multiplicative(self.lr, self.factor)(t)"),
    ("restarts", by_cycle, "t % self.first_steps,", "t % (self.first_steps + 1),"),
    ("longer restarts", by_cycle, "(t >= start) * size\n", "(t > start) * size\n"),
    ("longer restarts", by_cycle, "(self.multiplier - 1)", "self.multiplier"),
    ("triangular", by_cycle, "(up + down - age) / down", "(up + down - age) / up"),
    ("triangular", by_cycle, "self.max_momentum - (", "self.base_momentum + ("),
    ("triangular2", by_cycle, "0.5**cycle", "0.5**(cycle + 1)"),
    ("exp_range", by_cycle, "self.gamma**t", "self.gamma**cycle"),
    ("own scale of the cycle", by_cycle, "cycle + 1 if", "cycle + 2 if"),
    (
        "one-cycle {'three_phase': False, 'anneal_strategy': 'cos', 'pct_start': 0.3}",
        by_cycle,
        "total_steps - 1\n",
        "total_steps\n",
    ),
    (
        "one-cycle {'three_phase': False, 'anneal_strategy': 'linear', 'pct_start': 0.3}",
        by_cycle,
        "steps - 1)\n        phases",
        "steps)\n        phases",
    ),
    (
        "one-cycle {'three_phase': True, 'anneal_strategy': 'cos', 'pct_start': 0.3}",
        by_cycle,
        "(2 * peak,)",
        "(2 * peak + 2,)",
    ),
    (
        "one-cycle {'three_phase': True, 'anneal_strategy': 'cos', 'pct_start': 0.3}",
        by_cycle,
        "(high, low, high, high)",
        "(high, low, low, high)",
    ),
    ("warm-up", joined, "schedule(maximum(t - self.warmup_steps, 0))", "schedule(t)"),
    ("warm-up", joined, "where(t < self.warmup_steps", "where(t <= self.warmup_steps + 1"),
    ("sequential", joined, "bisect_right(milestones, t)", "bisect_right(milestones, t - 1)"),
    ("chained", joined, "value * factor(t)", "factor(t)"),
    ("trapezoid", joined, "down = self.total_steps - self.cooldown_steps", "down = self.total_steps"),
]


def mutant(module: ModuleType, old: str, new: str) -> ModuleType:
    """The room's classes, those of `module` read from a text in which `new` stands for `old`."""
    source = inspect.getsource(module)
    assert old in source
    room = ModuleType(module.__name__)
    vars(room).update({name: getattr(schedules, name) for name in schedules.__all__})
    exec(compile(source.replace(old, new), "mutant", "exec"), vars(room))
    return room


@pytest.mark.parametrize(("case", "module", "old", "new"), MUTANTS)
def test_a_mistake_is_seen(case, module, old, new):
    assert furthest(case, mutant(module, old, new)) > 1e-6


METRICS = [
    1.0,
    0.9,
    0.8,
    0.8,
    0.8,
    0.8,
    0.79999,
    0.5,
    0.6,
    0.6,
    0.7,
    0.6,
    0.6,
    float("nan"),
    0.6,
    0.6,
    0.1,
    *[0.2] * 9,
    *[1.0] * 3,
]
PLATEAUS = [
    {"patience": 2},
    {"patience": 0, "cooldown": 2},
    {"patience": 1, "factor": 0.5, "min_lr": 0.05},
    {"patience": 1, "threshold": 0.15, "threshold_mode": "abs"},
    {"patience": 2, "threshold": 0.15},
    {"mode": "max", "patience": 1},
    {"mode": "max", "patience": 1, "threshold": 0.05, "threshold_mode": "abs"},
    {"patience": 0, "eps": 0.02},
    {"patience": 0, "threshold": 0, "factor": 0.9},
    {"patience": 0, "threshold": 0, "factor": 0.9, "mode": "max"},
]


def torchs_plateau(words):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.3)
    scheduler, lrs = lr_scheduler.ReduceLROnPlateau(optimizer, **words), []
    for metric in METRICS:
        scheduler.step(metric)
        lrs.append(optimizer.param_groups[0]["lr"])
    return lrs


def our_plateau(words, module=plateau):
    lr, s, lrs = 0.3, module.init(words.get("mode", "min")), []
    for metric in METRICS:
        lr, s = module.step(lr, metric, s, **words)
        lrs.append(lr)
    return lrs


@pytest.mark.parametrize("words", PLATEAUS, ids=str)
def test_a_plateau_is_torchs(words):
    assert our_plateau(words) == torchs_plateau(words)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bad > patience", "bad >= patience"),
        ("1 + sign * threshold", "1 - sign * threshold"),
        ("metric > bar", "metric >= bar"),
        ("else metric < bar", "else metric <= bar"),
        ("where(cut, 0, bad)", "bad"),
        ("where(cut, cooldown, rest)", "rest"),
        ("where(s.cooldown > 0, 0, bad)", "bad"),
        ("lr - lower > eps", "lr - lower > 0"),
        ("maximum(lr * factor, min_lr)", "lr * factor"),
        ("best + sign * threshold", "best + sign * best * threshold"),
    ],
)
def test_a_mistake_in_the_plateau_is_seen(old, new):
    module = mutant(plateau, old, new)
    assert any(our_plateau(words, module) != torchs_plateau(words) for words in PLATEAUS)


def test_the_third_bad_epoch_cuts_at_patience_two():
    lr, s, lrs = 1.0, plateau.init(), []
    for metric in [1, 0.9, 0.8, 0.8, 0.8, 0.8]:
        lr, s = plateau.step(lr, metric, s, patience=2)
        lrs.append(lr)
    assert lrs == [1, 1, 1, 1, 1, 0.1]
