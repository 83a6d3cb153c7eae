"""The run whose learning rate grows: the same for a function, a torch net and JAX parameters."""

import copy
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from numbers import Integral, Real

import numpy as np
from tqdm.auto import tqdm

from course_lib.averaging import ema_from_zero
from course_lib.lr_finder.curve import LrCurve


@dataclass(frozen=True)
class Sweep:
    lr_min: float
    lr_max: float
    steps: int
    smoothing: float
    stop_factor: float

    def __post_init__(self) -> None:
        for name in ("lr_min", "lr_max"):
            _check(name, getattr(self, name), lambda value: 0 < value < np.inf, "a finite number > 0")
        _check("lr_max", self.lr_max, lambda value: value > self.lr_min, f"a number above lr_min, {self.lr_min:g}")
        _check("steps", self.steps, lambda n: isinstance(n, Integral) and n >= 2, "an integer >= 2")
        _check("smoothing", self.smoothing, lambda value: 0 <= value < 1, "a number >= 0 and < 1")
        _check("stop_factor", self.stop_factor, lambda value: value > 1, "a number > 1")

    @property
    def settled(self) -> int:
        """The steps after which the average has its full length; before, it follows the noise of single batches."""
        return round(self.smoothing / (1 - self.smoothing))

    def run(self, step: Callable[[float], float], name: str, label: str | None) -> LrCurve:
        """Call `step(lr) -> loss` for growing rates, with a progress bar, until the loss has grown too much."""
        average, best, stopped, losses, smoothed = ema_from_zero(self.smoothing), np.inf, "", [], []
        lrs, s = np.geomspace(self.lr_min, self.lr_max, self.steps), average.init(0.0)
        silent = "TQDM_DISABLE" in os.environ  # tqdm's notebook bar does not look
        with tqdm(lrs, desc=label or "learning rates", unit="step", leave=False, disable=silent) as bar:
            for t, lr in enumerate(bar, start=1):
                losses.append(float(step(float(lr))))
                s = average.step(losses[-1], s)
                smoothed.append(average.value(s))
                best = min(best, smoothed[-1])
                reason = self._why_stop(losses[-1], smoothed[-1], best)
                if reason:
                    stopped = f"stopped at step {t} of {self.steps}, lr {lr:.3g}: {reason}"
                    break
        return LrCurve(lrs[: len(losses)], np.array(losses), np.array(smoothed), stopped, self.settled, name, label)

    def _why_stop(self, loss: float, smoothed: float, best: float) -> str:
        if not np.isfinite(smoothed):
            return f"the loss is {loss}"
        if smoothed > best + (self.stop_factor - 1) * abs(best):
            return f"the smoothed loss, {smoothed:.3g}, is more than {self.stop_factor:g} times its best, {best:.3g}"
        return ""


def _check(name: str, value, allows: Callable, allowed: str) -> None:
    if not isinstance(value, Real) or isinstance(value, bool) or not allows(value):
        raise ValueError(f"{name} is {value!r}; allowed is {allowed}")


def endless(batches: Iterable, steps: int) -> Iterator:
    """The first `steps` batches, over and over, from a copy: the order that follows for others is not moved.

    An iterator that cannot be copied, such as a generator, gives the batches that are taken from it once and for all.
    """
    try:
        own = copy.deepcopy(batches)
    except TypeError as error:
        own = iter(batches)
        if own is batches:
            return _first(own, steps)
        raise TypeError(
            f"batches is a {type(batches).__name__}, which the sweep would use up; allowed is what can be copied, such "
            "as list(batches)"
        ) from error
    return _first(own, steps)


def _first(own: Iterable, steps: int) -> Iterator:
    found = list(islice(own, steps))
    if not found or any(hasattr(index, "__len__") and len(index) == 0 for index in found):
        raise ValueError(f"batches is empty or has an empty one among its first {len(found)}; allowed are index arrays")
    return cycle(found)
