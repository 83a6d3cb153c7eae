"""What can be off with the rates that a loop used, each a function of the facts that gives a sentence or None."""

from dataclasses import dataclass

import numpy as np

PER_BATCH = ("CyclicLR", "OneCycleLR")


@dataclass(frozen=True)
class Facts:
    """One run of n steps, of the first parameter group."""

    lr: np.ndarray  # shape (n,), used
    curve: np.ndarray | None  # intended, from the first step on; shape (n + 1,) or less
    momentum: np.ndarray | None  # shape (n,), used
    momentum_before: float | None  # what the optimiser was made with
    cycles_momentum: bool
    warmup_steps: int | None
    scheduler: str  # its class, or ""
    position: np.ndarray | None  # shape (n,): the scheduler's, at each step
    entry: int | None  # and before the first
    final: int | None  # and after the last
    start: int  # where it should have been
    horizon: int | None  # steps it is made for


def diagnose(facts: Facts) -> list[str]:
    """One sentence for each thing that is off."""
    causes = (used_up, too_early, never_moved, once_an_epoch, ran_over, full_at_first)
    found = [sentence for cause in causes if (sentence := cause(facts))]
    return [s for s in (*(found or [another_curve(facts)]), momentum_on(facts)) if s]


def used_up(f: Facts) -> str | None:
    before = f.entry - f.start if f.entry is not None else 0
    if before > 0:
        return (
            f"The scheduler was used up before the run: it stood at step {f.entry} where {f.start} was meant, at lr "
            f"{f.lr[0]:.3g}. Stepping it to plot its curve does that; use preview(scheduler, steps)."
        )
    if f.curve is not None and np.ptp(f.curve) > 0 and len(f.lr) > 1 and _same(f.lr, f.curve[-1]):
        return (
            f"Every step ran at the last rate of the intended curve, {f.lr[0]:.3g}: the scheduler was used up before."
        )
    return None


def too_early(f: Facts) -> str | None:
    by_position = f.position is not None and f.position[0] == f.entry + 1
    shifted = f.curve is not None and len(f.curve) > len(f.lr) > 1 and not _same(f.lr, f.curve[:-1])
    if by_position or (shifted and not _same(f.lr, f.lr[0]) and _same(f.lr, f.curve[1:])):
        return (
            "scheduler.step() ran before the first optimizer.step(): every step used the rate of the step after it, "
            "and the first rate was never used. Call optimizer.step() first."
        )
    return None


def never_moved(f: Facts) -> str | None:
    if f.position is None or len(f.lr) < 2 or f.final != f.entry or f.scheduler == "ReduceLROnPlateau":
        return None
    return f"scheduler.step() was not called in these {len(f.lr)} steps: lr stayed at {f.lr[0]:.3g}."


def once_an_epoch(f: Facts) -> str | None:
    every = _steps_between_moves(f)
    if every < 2:
        return None
    moves = f.final - f.entry if f.position is not None else int(np.ceil(len(f.lr) / every))
    return (
        f"The schedule was stepped once in about {every} steps, {moves} times in {len(f.lr)}, and went from lr "
        f"{f.lr[0]:.3g} to {f.lr[-1]:.3g}: it counts batches. Call scheduler.step() after every batch."
    )


def _steps_between_moves(f: Facts) -> int:
    """Steps from one move of a schedule that counts batches to the next; 1 where all is well."""
    steps = len(f.lr)
    if f.position is not None and 0 < 2 * (f.final - f.entry) <= steps:
        every = round(steps / (f.final - f.entry))
        meant_for_all = f.horizon is not None and abs(f.horizon - steps) < every / 2
        return every if f.scheduler in PER_BATCH or meant_for_all else 1
    changes = np.flatnonzero(np.diff(f.lr))
    if f.curve is None or not len(changes) or changes[0] == 0 or len(f.curve) < steps:
        return 1
    every = int(changes[0]) + 1
    slow = _same(f.lr, f.curve[np.arange(steps) // every]) and not _same(f.lr, f.curve[:steps])
    return every if slow else 1


def ran_over(f: Facts) -> str | None:
    if f.position is None or f.horizon is None or f.scheduler == "CyclicLR" or f.entry > f.start:
        return None
    past, inside = f.lr[f.position > f.horizon], f.lr[f.position <= f.horizon]
    if not len(past) or not len(inside) or past.max() <= inside[-1]:
        return None
    return (
        f"The scheduler is made for {f.horizon} steps and came to {f.position[-1]}: past the end lr rose again, to "
        f"{past.max():.3g}. Is its length counted in epochs, and step() called for every batch?"
    )


def full_at_first(f: Facts) -> str | None:
    full = f.lr >= 0.99 * (f.lr if f.curve is None else f.curve).max()
    meant = f.warmup_steps or (int(np.argmax(f.curve)) if f.curve is not None else 0)
    if len(f.lr) < 2 or not full[0] or not (meant > 1 or _falls_then_rises(f.lr, full)):
        return None
    many = len(full) if full.all() else int(np.argmin(full))
    words = f"a warm-up of {meant} steps was meant" if meant > 1 else "a warm-up follows"
    return (
        f"The first {many} steps ran at the full lr {f.lr[0]:.3g}, though {words}. Set the rate before the step, "
        "not after it."
    )


def _falls_then_rises(lr: np.ndarray, full: np.ndarray) -> bool:
    """The mark of a warm-up that was applied too late: full, then at once less than half, then full again."""
    low = int(np.argmin(full))
    return lr[low] < 0.5 * lr[0] and bool(full[low:].any()) and bool(np.all(np.diff(lr[low : _top(full, low)]) >= 0))


def _top(full: np.ndarray, low: int) -> int:
    return low + int(np.argmax(full[low:])) + 1


def another_curve(f: Facts) -> str | None:
    if f.curve is None:
        return None
    steps = min(len(f.lr), len(f.curve))
    off = np.flatnonzero(~np.isclose(f.lr[:steps], f.curve[:steps], rtol=1e-5, atol=1e-15))
    if not len(off):
        return None
    t = off[0]
    return f"From step {f.start + t} on the rate is not the intended one: {f.lr[t]:.3g} in place of {f.curve[t]:.3g}."


def momentum_on(f: Facts) -> str | None:
    if f.momentum is None or f.momentum_before != 0 or not f.momentum.any():
        return None
    if not f.cycles_momentum and np.ptp(f.momentum) == 0:  # a group's own momentum, constant: the user's wish
        return None
    return (
        f"The optimiser was made with momentum 0, and its steps used {f.momentum.min():.3g} to {f.momentum.max():.3g}: "
        f"{f.scheduler or 'a schedule'} switched it on. Pass cycle_momentum=False, or choose a momentum."
    )


def _same(x: np.ndarray, y: np.ndarray) -> bool:
    return bool(np.allclose(x, y, rtol=1e-5, atol=1e-15))
