"""A rule on a function."""

import numpy as np

from course_lib import hyperparameters
from course_lib.problems import Problem
from course_lib.rule import Rule
from course_lib.trace import Trace


def descend(rule, problem: Problem, p=None, *, steps: int, seed: int | None = None, label=None, **hypers) -> Trace:
    """Run a rule on a function for `steps` steps from `p`, shape (d,), the problem's start where left out.

    A `seed` switches the problem's gradient noise on. The trace has rows 0 to `steps` of `p` and `loss`.
    """
    rule = Rule.of(rule)
    hypers = hyperparameters.resolve(rule, hypers)
    rng = None if seed is None else np.random.default_rng(seed)
    p = np.array(problem.start if p is None else p, dtype=float)
    s, trace = rule.init(p), Trace(rule.name, label)
    trace.record(p=p, loss=problem.f(p))
    for t in range(1, steps + 1):
        with np.errstate(over="ignore", invalid="ignore"):
            p, s = rule.step(p, problem.grad(p, rng), s, **hypers)
            loss = problem.f(p)
        if not (np.all(np.isfinite(p)) and np.isfinite(loss)):
            trace.stopped = f"stopped at step {t}: p is no longer finite; the learning rate is probably too large"
            break
        trace.record(p=p, loss=loss)
    return trace
