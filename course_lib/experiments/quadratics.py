"""Rules on quadratics: how many steps they need, where they blow up, where the noise leaves them."""

from collections.abc import Callable

import numpy as np

from course_lib.trace import Trace


def spectrum(kappa: float, d: int = 50) -> np.ndarray:
    """`d` curvatures from 1 to `kappa`, evenly spaced in the logarithm, shape (d,)."""
    return np.geomspace(1.0, kappa, d)


def steps_to(rule, h: np.ndarray, tolerance: float = 1e-6, most: int = 1_000_000, **hypers) -> int:
    """Steps until |p| <= tolerance * |p at the start| on f = 1/2 sum(h p^2) from p = 1, without noise.

    Raises RuntimeError if `most` steps do not suffice.
    """
    p = np.ones_like(h)
    s, goal = rule.init(p), tolerance * np.linalg.norm(p)
    for t in range(most + 1):
        if np.linalg.norm(p) <= goal:
            return t
        p, s = rule.step(p, h * p, s, **hypers)
    raise RuntimeError(f"|p| is {np.linalg.norm(p):.3g} after most={most} steps, above {goal:.3g}; is lr too large?")


def slope(x, y) -> float:
    """The exponent k of the best fit y = a * x^k."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def stable(rule, x: float, steps: int = 4000, **hypers) -> bool:
    """Whether the rule stays bounded at lr * h = x on one coordinate of curvature 1."""
    p = np.ones(1)
    s = rule.init(p)
    for _ in range(steps):
        p, s = rule.step(p, p, s, lr=x, **hypers)
        if abs(p[0]) > 1e6:
            return False
    return True


def largest_stable(rule, low: float = 0.0, high: float = 8.0, within: float = 1e-4, **hypers) -> float:
    """The largest stable lr * h, by bisection between a stable `low` and an unstable `high`."""
    while high - low > within:
        middle = (low + high) / 2
        low, high = (middle, high) if stable(rule, middle, **hypers) else (low, middle)
    return low


def mean_square(
    rule, lr: float | Callable[[int], float], *, steps: int, h=1.0, c=1.0, start=0.0, replicas=2000, seed=0, **kwargs
) -> Trace:
    """E p^2 along a run on curvature `h` with gradient noise of variance `c`, estimated over `replicas` runs.

    `lr` is a number, or a function of the step (the first is 1). The trace has `mean_square`, rows 0 to `steps`;
    further arguments are `label` and the rule's hyperparameters.
    """
    label, rng = kwargs.pop("label", None), np.random.default_rng(seed)
    p = np.full(replicas, float(start))
    s, trace = rule.init(p), Trace(rule.__name__.rpartition(".")[2], label)
    trace.record(mean_square=np.mean(p**2))
    for t in range(1, steps + 1):
        g = h * p + np.sqrt(c) * rng.standard_normal(replicas)
        p, s = rule.step(p, g, s, lr=lr(t) if callable(lr) else lr, **kwargs)
        trace.record(mean_square=np.mean(p**2))
    return trace
