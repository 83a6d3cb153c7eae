"""The noisy quadratic model's nine figures as numbers: which choice matters at which batch size.

Reference: Zhang et al. 2019; each function names the claim that its numbers carry.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from course_lib.nqm.bounds import bayes_bound
from course_lib.nqm.dynamics import expected_loss
from course_lib.nqm.schedule import Schedule, optimal_schedule
from course_lib.nqm.search import steps_to_target
from course_lib.nqm.simulate import simulate
from course_lib.nqm.spectrum import Spectrum, harmonic, precondition
from course_lib.rules import adam
from course_lib.theory import noise_floor

PAPER = harmonic(10_000)
BATCH_SIZES = 2.0 ** np.arange(20)
TARGET = 0.01
TINY, HUGE = 2.0**-10, 2.0**40  # batch sizes at which steps are all noise, and all curvature


class Tuned(NamedTuple):
    """What the best settings reach, one entry a batch size."""

    batch_sizes: np.ndarray
    steps: np.ndarray
    lr: np.ndarray
    momentum: np.ndarray  # 0 where the method has none

    @property
    def effective_lr(self) -> np.ndarray:
        return self.lr / (1 - self.momentum)


def tuned(problem: Spectrum = PAPER, target: float = TARGET, *, batch_sizes=BATCH_SIZES, **method) -> Tuned:
    """Fewest steps to `target` at every batch size; `method` is what `nqm.steps_to_target` takes."""
    found = [steps_to_target(problem, target, batch_size=float(b), **method) for b in batch_sizes]
    numbers = [(answer.steps, answer.lr, answer.momentum) for answer in found]
    return Tuned(np.array(batch_sizes, dtype=float), *np.array(numbers, dtype=float).T)


def critical(problem: Spectrum = PAPER, target: float = TARGET, **method) -> float:
    """B_crit = E_min / S_min from the ends of the curve: examples at a tiny batch over steps at a huge one."""
    steps = tuned(problem, target, batch_sizes=(TINY, HUGE), **method).steps
    return float(TINY * steps[0] / steps[1])


def slope(curve: Tuned, most: float = np.inf) -> float:
    """The exponent of lr over the batch size, by least squares, up to the batch size `most`."""
    few = curve.batch_sizes <= most
    return float(np.polyfit(np.log(curve.batch_sizes[few]), np.log(curve.lr[few]), 1)[0])


class Curve(NamedTuple):
    lr: float
    steps: np.ndarray
    loss: np.ndarray
    floor: float


def curves(lrs: Sequence[float] = (1.0, 0.1, 0.01, 0.001), batch_size: float = 16.0) -> list[Curve]:
    """1: a large rate is fast and ends at a high floor."""
    steps = np.append(0, np.unique(np.geomspace(1, 1e7, 240).round()))
    return [
        Curve(lr, steps, expected_loss(PAPER, steps, lr=lr, batch_size=batch_size), _floor(lr, batch_size))
        for lr in lrs
    ]


def _floor(lr: float, batch_size: float) -> float:
    return float(np.sum(PAPER.weight * PAPER.h * noise_floor(lr, PAPER.h, PAPER.c / batch_size)) / 2)


def targets(values: Sequence[float] = (0.1, 0.03, 0.01, 0.003, 0.001)) -> dict[float, tuple[Tuned, float]]:
    """2: the same shape for every target, with a critical batch size that grows as the target tightens."""
    return {target: (tuned(target=target), critical(target=target)) for target in values}


def powers(values: Sequence[float] = (0.0, 0.25, 0.5, 0.75)) -> dict[float, Tuned]:
    """3: the best lr of SGD preconditioned by H^p is linear in the batch size, then flat."""
    return {power: tuned(precondition(PAPER, power)) for power in values}


def schedules(batch_sizes: Sequence[float] = (1, 16, 256, 4096)) -> dict[float, Schedule]:
    """4: the best schedule stays at the cap, the longer the larger the batch, then decays."""
    return {batch_size: optimal_schedule(PAPER, target=TARGET, batch_size=batch_size) for batch_size in batch_sizes}


def momenta() -> dict[str, Tuned]:
    """5 and 6: momentum 0.9 is SGD at small batches and extends perfect scaling; tuned, it helps at every batch."""
    fixed, free = tuned(method="heavy_ball", momentum=0.9), tuned(method="heavy_ball")
    return {"SGD": tuned(), "momentum 0.9": fixed, "momentum tuned": free}


class Averaging(NamedTuple):
    sgd: Tuned
    ema: Tuned
    sgd_critical: float
    ema_critical: float


def averaging() -> Averaging:
    """7: an average of the iterates needs far fewer steps at small batches, and none fewer at large ones."""
    return Averaging(tuned(), tuned(method="ema"), critical(), critical(method="ema"))


class Gap(NamedTuple):
    batch_sizes: np.ndarray
    constant: np.ndarray  # steps at the best constant rate
    scheduled: np.ndarray  # of the best 50-piece schedule
    bound: np.ndarray  # of the Bayes estimate


def gap(batch_sizes: Sequence[float] = BATCH_SIZES) -> Gap:
    """8: a schedule closes most of the gap to the bound at small batches, and none of it at large ones."""
    best = [optimal_schedule(PAPER, target=TARGET, batch_size=float(b)).steps for b in batch_sizes]
    bound = [max(1.0, bayes_bound(PAPER, TARGET, float(b))) for b in batch_sizes]
    return Gap(np.array(batch_sizes), tuned(batch_sizes=batch_sizes).steps, np.array(best), np.array(bound))


class Adaptive(NamedTuple):
    adam: Tuned  # the library's own rule, by Monte Carlo
    fixed: Tuned  # SGD preconditioned by H^(1/2), exact


def adaptive(
    batch_sizes: Sequence[float] = (1, 2, 4, 8, 16, 32, 64), *, dimension=100, target=0.05, replicas=100, seed=0
) -> Adaptive:
    """9: the best lr of real Adam grows like the root of the batch size, that of the fixed preconditioner like itself.

    Adam's v is about c / B while noise rules, so that its steps are those of H^(1/2) times the root of B.
    """
    problem = harmonic(dimension)
    fixed = tuned(precondition(problem, 0.5), target, batch_sizes=batch_sizes)
    found = [
        best_adam(problem, target, b, lr / np.sqrt(b), int(1.5 * steps), replicas, seed)
        for b, steps, lr in zip(batch_sizes, fixed.steps, fixed.lr, strict=True)
    ]
    return Adaptive(Tuned(fixed.batch_sizes, *np.array(found).T, np.zeros(len(found))), fixed)


def best_adam(problem: Spectrum, target, batch_size, middle, most, replicas=100, seed=0) -> tuple[float, float]:
    """(steps, lr) of Adam at its best rate on a grid around `middle`, by a parabola through the five best.

    Every rate meets the same noise. Raises RuntimeError where none of them reaches the target in `most` steps.
    """
    lrs = middle * 2.0 ** (np.arange(-3, 4) / 6)
    steps = np.array([_hit(problem, target, lr, batch_size, most, replicas, seed) for lr in lrs])
    best = int(np.argmin(steps))
    if not np.isfinite(steps[best]):
        raise RuntimeError(f"no lr from {lrs[0]:.3g} to {lrs[-1]:.3g} reaches {target} in {most} steps")
    near = np.isfinite(steps) & (np.abs(np.arange(len(lrs)) - best) <= 2)
    a, b, _ = np.polyfit(np.log(lrs[near]), np.log(steps[near]), 2)
    lr = np.exp(np.clip(-b / (2 * a), *np.log(lrs[near][[0, -1]]))) if a > 0 else lrs[best]
    return float(steps[best]), float(lr)


def _hit(problem, target, lr, batch_size, most, replicas, seed) -> float:
    run = simulate(problem, adam, lr=lr, steps=most, batch_size=batch_size, replicas=replicas, seed=seed)
    reached = np.flatnonzero(run.loss <= target)
    return float(reached[0]) if len(reached) else np.inf
