"""The noisy quadratic model: fewest steps to a loss of 0.01 by {SGD, heavy ball, EMA, heavy ball with H^½}, tuned.

h = c = 1/i, batch sizes 1 … 2^19. The whole is a fresh process on one thread, imports included, the
quickest of three; times are CPU times.
A point of each kind stands beside a plain program on the full spectrum: a coarse grid of lr and momentum or decay, at
each pair a bisection of the step, the loss from powers of 4×4 matrices. A hundred of our searches must cost no more
than one of its, and it must never find fewer steps. "Not confirmed" counts the points where the certificate finds
another number: it looks for a counterexample over the whole landscape at one step less, on the full spectrum.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from course_lib.bench.optim import Row
from course_lib.nqm import Spectrum, harmonic, precondition, steps_to_target

KINDS = (("sgd", 0.0), ("heavy_ball", 0.0), ("ema", 0.0), ("heavy_ball", 0.5))
TARGET, BATCH_SIZES = 0.01, 2.0 ** np.arange(20)
STARTS = 3  # a busy host makes a start half as long again, never shorter
PLAIN_BATCH = 2.0**14  # where the plain program ends within seconds
TASK = """
import time
from course_lib.nqm import harmonic, precondition, steps_to_target
for method, power in {kinds}:
    problem = precondition(harmonic({dimension}), power)
    for batch_size in {batch_sizes}:
        steps_to_target(problem, {target}, method=method, batch_size=batch_size)
print(time.process_time())
"""


def run(dimension: int = 10**4, batch_sizes=BATCH_SIZES, huge: int = 10**12, grid: tuple = (12, 6)) -> Iterator[Row]:
    """Measure; a row for each claim."""
    name = f"d = {dimension:.0e}"
    seconds, far = fresh(dimension, batch_sizes), fresh(huge, batch_sizes)
    searches = f"{len(KINDS) * len(batch_sizes)} searches, first call"
    yield Row(name, searches, "1.5 s", 1e3 * seconds, seconds / 1.5, 1.0)
    yield Row(f"d = {huge:.0e}", searches, f"those at {name}", 1e3 * far, far / seconds, 3.0)
    below = 0
    for method, power in KINDS:
        problem = precondition(harmonic(dimension), power)
        ours, found = cpu(lambda p=problem, m=method: steps_to_target(p, TARGET, method=m, batch_size=PLAIN_BATCH))
        plain, steps = cpu(lambda p=problem, m=method: grid_and_bisection(p, TARGET, m, PLAIN_BATCH, grid))
        below += steps < found.steps
        kind = f"{method}{', H^½' if power else ''}"
        beside = f"plain, {steps / found.steps:.3f} of our steps"
        yield Row(name, f"100 × {kind}", beside, 1e5 * ours, 1e2 * ours / plain, 1.0)
    yield Row(name, "beaten by the plain program", "points", 0.0, below, 0.0)
    yield from certificates(name, dimension, batch_sizes[::3])


def certificates(name: str, dimension: int, batch_sizes) -> Iterator[Row]:
    """What certifying every third batch size costs, and at how many points it finds another number of steps."""
    (bare, found), (sure, certain) = (cpu(lambda c=c: task(dimension, batch_sizes, certify=c)) for c in (False, True))
    others = sum(a != b for a, b in zip(found, certain, strict=True))
    yield Row(name, "with a certificate", "without", 1e3 * sure, sure / bare, 100.0)
    yield Row(name, f"not confirmed, of {len(found)}", "points", 1e3 * sure, others, 0.0)


def task(dimension: int, batch_sizes, certify: bool = False) -> list[int | None]:
    """The fewest steps of every kind at every batch size."""
    problems = {power: precondition(harmonic(dimension), power) for _, power in KINDS}
    return [
        steps_to_target(problems[power], TARGET, method=method, batch_size=float(b), certify=certify).steps
        for method, power in KINDS
        for b in batch_sizes
    ]


def fresh(dimension: int, batch_sizes) -> float:
    """CPU seconds of the task in a new process on one thread, imports included: the quickest of STARTS."""
    code = TASK.format(kinds=KINDS, dimension=dimension, target=TARGET, batch_sizes=list(map(float, batch_sizes)))
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    start = partial(subprocess.run, env=os.environ | threads, capture_output=True, text=True, check=True)
    return min(float(start([sys.executable, "-c", code]).stdout) for _ in range(STARTS))


def cpu(way: Callable) -> tuple[float, object]:
    """(CPU seconds, what it returns)."""
    started = time.process_time()
    out = way()
    return time.process_time() - started, out


def grid_and_bisection(problem: Spectrum, target: float, method: str, batch_size: float, grid: tuple = (12, 6)) -> int:
    """The plain program: the fewest steps over a grid of pairs, each found by doubling and bisection."""
    seconds = [0.0] if method == "sgd" else 1 - np.geomspace(2e-3, 0.5, grid[1])
    best = np.inf
    for lr in np.geomspace(1e-2, 3.9, grid[0]) / problem.h.max():
        for second in seconds:
            best = min(
                best, bisected(lambda t, a=lr, b=second: plain_loss(problem, t, method, a, b, batch_size), target)
            )
    return best


def bisected(loss: Callable, target: float, most: int = 1 << 20) -> float:
    """The first step at which a falling loss is at the target; infinity beyond `most`."""
    low, high = 0, 1
    while not loss(high) <= target:
        low, high = high, 2 * high
        if high > most:
            return np.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if loss(middle) <= target else (middle, high)
    return high


def plain_loss(problem: Spectrum, t: int, method: str, lr: float, second: float, batch_size: float) -> float:
    """The expected loss by the t-th power of each coordinate's map of (y², y y_before, y_before², 1)."""
    x = lr * problem.h
    if method == "heavy_ball":
        a, b, gain = 1 + second - x, second + 0 * x, lr
    else:  # EMA; SGD is an EMA that forgets at once
        a, b, gain = 1 - x + second, second * (1 - x), lr * (1 - second)
    step = np.zeros((len(x), 4, 4))
    step[:, 0] = np.stack([a * a, -2 * a * b, b * b, gain**2 * problem.c / batch_size], axis=1)
    step[:, 1, 0], step[:, 1, 1], step[:, 2, 0], step[:, 3, 3] = a, -b, 1, 1
    start = problem.variance + problem.mean**2
    with np.errstate(over="ignore", invalid="ignore"):
        row = np.linalg.matrix_power(step, t)[:, 0]
        return float(np.sum(problem.weight * problem.h * (row[:, :3].sum(axis=1) * start + row[:, 3])) / 2)
