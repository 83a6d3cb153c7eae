"""Expected loss of a piecewise-constant learning rate under plain SGD, with its exact derivatives.

    v <- r^k v + q (1 - r^k),    r = (1 - x)^2,  x = lr * h,  q = lr c / (B h (2 - x))

is k steps of one coordinate's E p^2 at a constant lr. One sweep forwards gives the loss after all pieces; one sweep
backwards, a <- r^k a from the loss's weights (the adjoint), its derivatives by every log lr and by the number of steps.
"""

from typing import NamedTuple

import numpy as np

from course_lib.nqm.spectrum import Spectrum, compress

HEAD, NODES = 64, 14  # of the compressed spectrum: the loss is smooth in the index, without oscillation


class Case(NamedTuple):
    h: np.ndarray
    noise: np.ndarray  # c / (B h^2)
    weight: np.ndarray  # of E p^2 in the loss
    start: np.ndarray  # E p^2
    cap: float  # of lr
    batch_size: float


def case_of(problem: Spectrum, batch_size: float) -> Case:
    """The problem on few nodes, and the largest lr that a schedule may have: 2 / (h_max + h_min)."""
    ends = problem.h if problem.law is None else problem.law(np.array([1.0, problem.dimension]))[0]
    few = compress(problem, head=HEAD, nodes=NODES)
    second = few.variance + few.mean**2
    noise = few.c / (batch_size * few.h**2)
    return Case(few.h, noise, few.weight * few.h / 2, second, float(2 / (ends.max() + ends.min())), batch_size)


class Loss(NamedTuple):
    value: float
    by_log_lr: np.ndarray  # (pieces,)
    by_log_steps: float  # all lengths scaled alike


def loss_of(case: Case, log_lr: np.ndarray, lengths: np.ndarray) -> Loss:
    """Expected loss at the end and its derivatives; `lengths` may be any positive numbers."""
    k, x = lengths[:, None], np.exp(log_lr)[:, None] * case.h
    with np.errstate(divide="ignore"):
        power = k * np.log1p(-x * (2 - x))
    keep, gone, q = np.exp(power), -np.expm1(power), case.noise * x / (2 - x)
    before, after = _forward(case.start, keep, q * gone), _backward(case.weight, keep)
    with np.errstate(divide="ignore", invalid="ignore"):
        keep_by_lr = np.where(keep > 0, -2 * k * x * keep / (1 - x), 0.0)
        keep_by_steps = np.where(keep > 0, power * keep, 0.0)
    distance, q_by_lr = before[:-1] - q, 2 * q / (2 - x)
    by_log_lr = np.sum(after * (keep_by_lr * distance + q_by_lr * gone), axis=1)
    return Loss(float(case.weight @ before[-1]), by_log_lr, float(np.sum(after * keep_by_steps * distance)))


def _forward(v: np.ndarray, keep: np.ndarray, gained: np.ndarray) -> np.ndarray:
    """E p^2 before every piece and after the last, (pieces + 1, n)."""
    rows = [v]
    for j in range(len(keep)):
        rows.append(keep[j] * rows[-1] + gained[j])
    return np.array(rows)


def _backward(a: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """The loss's derivative by E p^2 after every piece, (pieces, n)."""
    rows = [a]
    for j in range(len(keep) - 1, 0, -1):
        rows.append(keep[j] * rows[-1])
    return np.array(rows[::-1])
