"""Every optimiser of the course on one surface, each at the best of its rates."""

import numpy as np

from course_lib.problems import rosenbrock
from course_lib.rule import Rule
from course_lib.rules import (
    adadelta,
    adagrad,
    adam,
    adamax,
    adamw,
    amsgrad,
    lion,
    lookahead,
    momentum,
    muon,
    nadam,
    nesterov,
    radam,
    rmsprop,
    schedule_free,
    sgd,
)
from course_lib.trace import Trace
from course_lib.training import descend

SURFACE = rosenbrock()
RATES = tuple(10 ** (k / 4) for k in range(-16, 7))


def _as_column(rule) -> Rule:
    """A rule for matrices on a point of the plane, as a matrix of one column."""

    def step(p, g, s, *, lr):
        p, s = rule.step(p[:, None], g[:, None], s, lr=lr, weight_decay=0.0)
        return p[:, 0], s

    return Rule("muon", lambda p: rule.init(p[:, None]), step)


def _named(rule, name: str) -> Rule:
    return Rule(name, rule.init, rule.step)


RACERS = {
    "SGD": sgd,
    "momentum": momentum,
    "Nesterov": nesterov,
    "AdaGrad": adagrad,
    "AdaDelta": adadelta,
    "RMSProp": rmsprop,
    "Adam": adam,
    "AdamW": adamw,
    "AMSGrad": amsgrad,
    "NAdam": nadam,
    "AdaMax": adamax,
    "RAdam": radam,
    "Lookahead": _named(lookahead.lookahead(momentum), "lookahead"),
    "Lion": lion,
    "Muon": _as_column(muon),
    "Schedule-Free": _named(schedule_free.sgd, "schedule_free"),
}


def run(steps: int = 240) -> list[Trace]:
    """Each at the rate of RATES whose height is lowest in the end, the other settings at their defaults.

    The mean logarithm of the last fifty heights decides, so that no lucky last step does.
    """
    return [_best(rule, label, steps) for label, rule in RACERS.items()]


def _best(rule, label: str, steps: int) -> Trace:
    runs = (descend(rule, SURFACE, steps=steps, lr=lr, label=label) for lr in RATES)
    return min((trace for trace in runs if not trace.stopped), key=_end)


def _end(trace: Trace) -> float:
    return float(np.mean(np.log(trace["loss"][-50:] + 1e-12)))
