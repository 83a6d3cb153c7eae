"""What a sweep leaves behind: the losses of every learning rate and seed."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Sweep:
    """One rule at L learning rates and S seeds for T steps.

    `loss` is taken before each step, on its batch, in nats, in the dtype of the run; it is NaN or infinite from where a
    replica left the numbers. `diverged` marks those with a loss, or in the end a parameter, that is not finite.
    """

    rule: str
    lrs: np.ndarray  # (L,)
    seeds: np.ndarray  # (S,)
    loss: np.ndarray  # (L, S, T)
    diverged: np.ndarray  # (L, S), bool
    test_accuracy: np.ndarray | None = None  # (L, S), between 0 and 1, NaN where diverged; None without test data

    @cached_property
    def final_loss(self) -> np.ndarray:
        """The smoothed training loss at the end, shape (L, S): the mean of the last tenth of the steps, and of one step
        at least; infinite where diverged."""
        last = max(1, self.loss.shape[-1] // 10)
        return np.where(self.diverged, np.inf, self.loss[..., -last:].mean(axis=-1))
