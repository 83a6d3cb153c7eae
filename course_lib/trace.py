"""What one run left behind: named columns of numbers, one row a step. Plots take this, never a framework's array."""

import numpy as np


class Trace:
    """The record of one run.

    `name` is the optimiser's (it decides the colour in every plot), `label` what a legend says, `trace["loss"]` one
    column as an array of shape (rows,) or (rows, d). `stopped` is empty, or the sentence that says why the run ended
    before its time; what was recorded up to then is kept.
    """

    def __init__(self, name: str, label: str | None = None):
        self.name = name
        self.label = label or name
        self.stopped = ""
        self._columns: dict[str, list[np.ndarray]] = {}

    def record(self, **values) -> None:
        """Append one row of numbers or NumPy arrays, copied."""
        for column, value in values.items():
            self._columns.setdefault(column, []).append(np.array(value, dtype=float))

    def __getitem__(self, column: str) -> np.ndarray:
        if column not in self._columns:
            raise KeyError(f"this trace has no column {column!r}; it has {', '.join(self._columns) or 'none yet'}")
        return np.stack(self._columns[column])

    def __contains__(self, column: str) -> bool:
        return column in self._columns

    def __len__(self) -> int:
        return max((len(rows) for rows in self._columns.values()), default=0)

    def __repr__(self) -> str:
        ending = f", stopped: {self.stopped}" if self.stopped else ""
        return f"Trace({self.label}, {len(self)} rows of {', '.join(self._columns)}{ending})"
