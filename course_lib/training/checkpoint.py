"""Checkpoints of a run: written whole or not at all, read back only where they belong to the same run.

A file is written beside its place, brought to the disk and then renamed, so that one cut short, by a power failure
too, never stands where a good one stood. What cannot be read, or is another run's, is refused in one sentence and
left as it is.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import numpy as np

from course_lib.arrays import to_numpy
from course_lib.trace import Trace

COLUMNS = ("loss", "lr", "grad_norm", "clipped", "seconds")


@contextmanager
def atomically(path: Path) -> Iterator[BinaryIO]:
    """A file to write; it becomes `path` at the end of the block, and is thrown away if the block raises."""
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def orders(batches: list) -> list[int]:
    """Checksums of the first 0, 1, 2, ... batches: of which examples they hold, in which order."""

    def add(before: int, index) -> int:
        return crc32(np.append(len(index), to_numpy(index)).astype(np.int64).tobytes(), before)

    return list(accumulate(batches, add, initial=0))


class Checkpoint:
    """One run's file. A subclass says how its library's numbers get there and back."""

    form = ""  # the mark of its files
    writes = True  # whether this process is the one that does

    def __init__(self, path, every: int):
        self.path, self.every = Path(path), every
        if self.path.is_dir() or not self.path.parent.is_dir():
            raise ValueError(f"checkpoint is {str(path)!r}; allowed is a file in a folder that exists")

    def describe(self) -> dict[str, str]:
        """What must be the same for a file to be this run's: its parts, in words."""
        raise NotImplementedError

    def read(self) -> dict:
        """The file's contents; may raise anything."""
        raise NotImplementedError

    def write(self, file: BinaryIO, contents: dict) -> None:
        raise NotImplementedError

    def take(self):
        """The run's state as it is now."""
        raise NotImplementedError

    def put(self, state) -> None:
        """Go on from that state."""
        raise NotImplementedError

    def save(self, trace: Trace, consumed: int, order: int) -> None:
        """Write everything, after `consumed` batches, whose checksum is `order`."""
        columns = {column: trace[column] for column in COLUMNS if column in trace}
        contents = {"form": self.form, "parts": self.describe(), "consumed": consumed, "order": order}
        contents |= {"trace": columns, "state": self.take()}
        if self.writes:
            with atomically(self.path) as file:
                self.write(file, contents)

    def resume(self, trace: Trace, order: list[int]) -> int:
        """Go on from the file if there is one: fill `trace`, give the number of batches that it has consumed.

        `order` are the checksums of the batches that are given now. Raises ValueError, with everything still as it
        was, for a damaged or foreign file, too few batches or others.
        """
        if not self.path.exists():
            return 0
        contents = self._read()
        self._compare(contents["parts"])
        self._compare_batches(contents["consumed"], contents["order"], order)
        self.put(contents["state"])
        for values in zip(*contents["trace"].values(), strict=True):
            trace.record(**dict(zip(contents["trace"], map(np.asarray, values), strict=True)))
        return contents["consumed"]

    def _read(self) -> dict:
        try:
            contents = self.read()
            if contents["form"] == self.form:
                return contents
            why = "no mark of ours"
        except Exception as error:  # whatever the library makes of such a file
            why = type(error).__name__
        raise ValueError(
            f"checkpoint {self.path} is damaged or no checkpoint of {self.form} ({why}); it is left as it is: "
            "move it away to start anew"
        )

    def _compare_batches(self, consumed: int, theirs: int, order: list[int]) -> None:
        if consumed >= len(order):
            raise ValueError(
                f"batches holds {len(order) - 1}, but checkpoint {self.path} has consumed {consumed}; "
                "give all batches of the run, from its first on"
            )
        if order[consumed] != theirs:
            raise ValueError(
                f"checkpoint {self.path} is another run's: its {consumed} batches held other examples, or the same in "
                "another order; give the batches of that run again, or move the file away to start anew"
            )

    def _compare(self, theirs: dict[str, str]) -> None:
        ours = self.describe()
        for part in [*ours, *theirs]:
            here, there = ours.get(part, "not there"), theirs.get(part, "not there")
            if here != there:
                raise ValueError(
                    f"checkpoint {self.path} is another run's: {part} is {there} in it, {here} here; "
                    "move it away to start anew, or give the same"
                )
