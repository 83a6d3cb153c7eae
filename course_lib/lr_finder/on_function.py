"""The sweep of a rule on a function."""

import numpy as np

from course_lib import hyperparameters
from course_lib.lr_finder.curve import LrCurve
from course_lib.lr_finder.sweep import Sweep
from course_lib.problems import Problem
from course_lib.rule import Rule


def find_lr(
    rule, problem: Problem, p=None, *, lr_min=1e-7, lr_max=10.0, steps=200, smoothing=0.9, stop_factor=4.0, **options
) -> LrCurve:
    """Sweep a rule on a function from `p`, shape (d,), the problem's start where left out.

    A `seed` among the options switches the problem's gradient noise on, `label` is for legends; the others are the
    rule's hyperparameters. Raises ValueError for a sweep that cannot be.
    """
    sweep, rule = Sweep(lr_min, lr_max, steps, smoothing, stop_factor), Rule.of(rule)
    seed, label = options.pop("seed", None), options.pop("label", None)
    if "lr" in options:
        raise TypeError(f"lr is {options['lr']!r}; the sweep varies it, so give lr_min and lr_max")
    hypers = hyperparameters.resolve(rule, {"lr": lr_min, **options})
    rng = None if seed is None else np.random.default_rng(seed)
    p = np.array(problem.start if p is None else p, dtype=float)
    s = rule.init(p)

    def step(lr: float) -> float:
        nonlocal p, s
        with np.errstate(over="ignore", invalid="ignore"):
            loss = float(problem.f(p))
            p, s = rule.step(p, problem.grad(p, rng), s, **hypers | {"lr": lr})
        return loss

    return sweep.run(step, rule.name, label)
