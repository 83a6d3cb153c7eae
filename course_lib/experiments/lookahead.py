"""Lookahead around SGD in a noisy bowl: its floor, measured and in closed form, and a smaller rate that shares it."""

from typing import NamedTuple

import numpy as np

from course_lib.rule import Rule
from course_lib.rules import sgd


def around(meet, rule) -> Rule:
    """`rule` with slow weights that `meet(slow, fast, t, k, alpha)` moves: Lookahead on NumPy arrays."""

    def init(p):
        return rule.init(p), p.copy(), 0

    def step(p, g, s, *, k=5, alpha=0.5, **hypers):
        inner, slow, t = s
        fast, inner = rule.step(p, g, inner, **hypers)
        slow, fast = meet(slow, fast, t + 1, k=k, alpha=alpha)
        return fast, (inner, slow, t + 1)

    return Rule("lookahead", init, step)


def ratio(lr, k: int, alpha: float, h: float = 1.0) -> float:
    """Variance of Lookahead's slow weights over SGD's, both steady on curvature h (Zhang et al. 2019, prop. 2)."""
    q = 1 - lr * h
    a, b = alpha**2 * (1 - q ** (2 * k)), 2 * alpha * (1 - alpha) * (1 - q**k)
    return float(a / (a + b))


def simulated_ratio(meet, lr: float, k: int, alpha: float, replicas: int = 4000, meetings: int = 200) -> float:
    """The same, measured: mean square of the slow weights right after they have met, over lr / (2 - lr)."""
    rule, rng, p = around(meet, sgd), np.random.default_rng(0), np.zeros(replicas)
    s, squares = rule.init(p), []
    for t in range(1, k * meetings + 1):
        p, s = rule.step(p, p + rng.standard_normal(replicas), s, lr=lr, k=k, alpha=alpha)
        if t % k == 0 and t > k * meetings // 4:
            squares.append(np.mean(s[1] ** 2))
    return float(np.mean(squares) / (lr / (2 - lr)))


def equal_floor(lr: float, k: int, alpha: float) -> tuple[float, float, float]:
    """(Lookahead's factor a step, that of SGD at a smaller rate with the same floor, that rate); curvature 1.

    Beyond a rate of 1, where nothing is left after one step, a larger rate has only a higher floor: 1 it is then.
    """
    floor = ratio(lr, k, alpha) * lr / (2 - lr)
    smaller = min(1.0, 2 * floor / (1 + floor))
    return abs(1 - alpha + alpha * (1 - lr) ** k) ** (1 / k), 1 - smaller, smaller


class Ahead(NamedTuple):
    """What the explorer shows, on curvature 1 with unit noise, from 3."""

    fast: np.ndarray  # (61,), one walk
    meetings: np.ndarray  # (n,), steps at which the weights met
    slow: np.ndarray  # (n,), the slow weights there
    squares: dict[str, np.ndarray]  # E p^2, (121,): of SGD, and of SGD at the smaller rate
    slow_square: np.ndarray  # (m,), E of the slow weights' square after each meeting
    smaller: float  # the rate at which SGD has Lookahead's floor
    ratio: float


def compute(lr: float, k: int, alpha: float, start: float = 3.0, steps: int = 120) -> Ahead:
    """One walk of Lookahead around SGD, and the mean squares in closed form."""
    noise, p, slow = np.random.default_rng(3).standard_normal(60), start, start
    walk, slows = [p], [slow]
    for t, z in enumerate(noise, start=1):
        p = p - lr * (p + z)
        walk.append(p)
        if t % k == 0:
            p = slow = slow + alpha * (p - slow)
            slows.append(slow)
    smaller = equal_floor(lr, k, alpha)[2]
    squares = {"SGD": _square(lr, start, steps), "smaller": _square(smaller, start, steps)}
    mean, variance, met = start, 0.0, [start**2]
    q, fresh = (1 - lr) ** k, lr / (2 - lr) * (1 - (1 - lr) ** (2 * k))
    for _ in range(steps // k):
        keep = 1 - alpha + alpha * q
        mean, variance = keep * mean, keep**2 * variance + alpha**2 * fresh
        met.append(mean**2 + variance)
    meetings = np.arange(len(slows)) * k
    return Ahead(np.array(walk), meetings, np.array(slows), squares, np.array(met), smaller, ratio(lr, k, alpha))


def _square(lr: float, start: float, steps: int) -> np.ndarray:
    shrunk = (1 - lr) ** (2 * np.arange(steps + 1))
    return shrunk * start**2 + (1 - shrunk) * lr / (2 - lr)
