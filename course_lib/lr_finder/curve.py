"""What a sweep saw, and the learning rates that it suggests."""

from dataclasses import dataclass

import numpy as np

FALL = 1e-3  # of the first value; a curve that falls less is flat


@dataclass(frozen=True, eq=False)
class LrCurve:
    """What a sweep saw: `lrs`, `losses` and `smoothed`, each of shape (steps taken,).

    `stopped` is empty, or the sentence that says why the sweep ended before `lr_max`. The first `settled` values are
    averages of few losses, too noisy for a slope. `name` is the optimiser's, `label` what a legend says. `lowest`,
    `steepest` and `tenth` are learning rates, None where the curve never falls.
    """

    lrs: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    stopped: str = ""
    settled: int = 0
    name: str = "sgd"
    label: str | None = None

    @property
    def lowest(self) -> float | None:
        """The rate at the minimum of the smoothed curve: too large to train with."""
        lrs, _, low = self._descent()
        return None if low is None else float(lrs[low])

    @property
    def steepest(self) -> float | None:
        """The rate, before the minimum, at which the smoothed curve falls fastest over log lr."""
        lrs, smoothed, low = self._descent()
        if low is None:
            return None
        first = self.settled if self.settled < low else 0
        return float(lrs[first + np.argmin(np.gradient(smoothed, np.log(lrs))[first : low + 1])])

    @property
    def tenth(self) -> float | None:
        """A tenth of `lowest`."""
        return None if self.lowest is None else self.lowest / 10

    def explain(self) -> str:
        """One sentence for each suggestion: what it means and how far to trust it."""
        lrs, smoothed, low = self._descent()
        if low is None:
            return _nothing(smoothed)
        sentences = [
            f"steepest = {self.steepest:.2g} is where the smoothed loss fell fastest per factor of lr; smoothing comes "
            "late and other batches move it, so trust its order of magnitude only.",
            f"tenth = {self.tenth:.2g} is a tenth of {self.lowest:.2g}, where the smoothed loss is lowest: that rate "
            "itself is mostly unstable, since divergence takes time to show; trust the tenth as a start, rather too "
            "small (on the digits 2 to 8 times) than too large.",
        ]
        if low == len(lrs) - 1:
            sentences.append(f"The loss was still falling at the end of the sweep, so raise lr_max from {lrs[-1]:.2g}.")
        return "\n".join(sentences)

    def _descent(self) -> tuple[np.ndarray, np.ndarray, int | None]:
        """Rates and smoothed losses where those are finite, and the index of the minimum, None where nothing falls."""
        finite = np.isfinite(self.smoothed)
        lrs, smoothed = self.lrs[finite], self.smoothed[finite]
        low = int(np.argmin(smoothed)) if len(smoothed) else 0
        falls = low > 0 and smoothed[0] - smoothed[low] > FALL * abs(smoothed[0])
        return lrs, smoothed, low if falls else None


def _nothing(smoothed: np.ndarray) -> str:
    if not len(smoothed):
        return "No suggestion: no loss is finite, so look at the data and the net before the learning rate."
    return (
        f"No suggestion: the smoothed loss never falls below its first value, {smoothed[0]:.3g}; lower lr_min, and see "
        "whether the optimiser moves the parameters that the loss depends on."
    )
