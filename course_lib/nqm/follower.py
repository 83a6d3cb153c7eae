"""Minima of the loss over the hyperparameters, followed from one whole number of steps to the next."""

import math

import numpy as np

from course_lib.nqm.landscape import Landscape, lowest

RESOLVED = 1e-5  # finer ripples are more than a spectrum's nodes can tell
GRAIN = 1e-6, 1e-4  # to which part of themselves steps are searched for in ripples that are resolved, and in others
SETTLED = 1e-5, 1e-4  # what may be left of the log loss there; one step in 1000 changes it by 1e-3


class Follower:
    """Local minima followed over whole numbers of steps; ripples are short, `eps` is a fiftieth of one."""

    def __init__(self, land: Landscape, thetas: np.ndarray, eps: float | None = None):
        self.land, self.thetas = land, thetas
        wild = eps is not None and eps < RESOLVED
        self.options = {"settled": 1e-11} if eps is None else {"eps": eps, "settled": SETTLED[wild]}
        self.grain = 1e-11 if eps is None else GRAIN[wild]
        self.known: dict[int, tuple[float, np.ndarray]] = {}
        self.at = self.before = None  # the steps that `thetas` belong to; (steps, height) seen last

    def height(self, t: int) -> float:
        if t not in self.known:
            heights, thetas = lowest(self.land, t, self._moved(t), **self.options)
            order = np.argsort(heights)
            self.known[t] = float(heights[order[0]]), thetas[order[0]]
            self.at, self.thetas = t, thetas[order[: max(2, len(order) // 2)]]
        return self.known[t][0]

    def _moved(self, t: int) -> np.ndarray:
        """A ripple keeps its phase, t * sqrt(lr), when lr falls as 1 / t^2."""
        if self.at is None or "eps" not in self.options or self.land.lr is not None:
            return self.thetas
        return self.thetas - 2 * math.log(t / self.at) * np.eye(self.land.axes)[0]

    def least(self, t: int, most: int = 100) -> tuple[int, np.ndarray]:
        """The whole t at which the lowest of the minima is at the target, t - 1 being above it; from a guess."""
        above, below, slope = 0, None, -0.9  # heights > 0 and <= 0
        for _ in range(most):
            height = self.height(t)
            above, below = (max(above, t), below) if height > 0 else (above, t)
            if below is not None and below - above <= max(1, self.grain * below):
                break
            if self.before and self.before[0] != t and math.isfinite(height - self.before[1]):
                slope = (height - self.before[1]) / math.log(t / self.before[0])
            self.before = t, height
            t = self._next(t, height / max(-slope, 0.05), above, below)
        return (below, self.known[below][1]) if below is not None else (t, self.known[t][1])

    def _next(self, t: int, move: float, above: int, below: int | None) -> int:
        """The whole number above t * exp(move), kept inside the bracket."""
        guess = math.ceil(t * math.exp(min(max(move, -0.5), 0.5)))
        guess = guess - 1 if guess == below else guess
        return max(guess, above + 1) if below is None else min(max(guess, above + 1), below - 1)
