"""Twelve plays of Shakespeare as characters: for language models that learn in seconds, with exact lines to beat.

The text ships with the package; `data/ORIGIN.md` says where it comes from and that it is in the public domain.
"""

import bz2
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

import numpy as np

BLOCK = 2000  # characters that are held out together


@cache
def text() -> str:
    """The plays, one right after the other: 1,658,171 characters of ASCII."""
    return bz2.decompress((files(__package__) / "data" / "plays.txt.bz2").read_bytes()).decode("ascii")


@cache
def characters() -> tuple[np.ndarray, str]:
    """(ids, alphabet): the text as uint8 places in `alphabet`, its 77 different characters in ASCII order."""
    alphabet, ids = np.unique(np.frombuffer(text().encode("ascii"), dtype=np.uint8), return_inverse=True)
    ids = ids.astype(np.uint8)
    ids.flags.writeable = False  # kept for the next caller
    return ids, alphabet.tobytes().decode("ascii")


def split(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(training, validation) characters: every twentieth block of 2000 is held out.

    Blocks from all over the text, for the last plays are unlike the first: held out by themselves, they would put a
    gap between the two losses that no model is to blame for. The pieces are joined, so that a window over a seam
    reads on in another place; of the training windows of 64 characters, one in 600 does.
    """
    held_out = np.arange(len(ids)) // BLOCK % 20 == 19
    return ids[~held_out], ids[held_out]


def batches(examples: int, batch_size: int, length: int, steps: int, seed: int = 0) -> Iterator[np.ndarray]:
    """`steps` index arrays of shape (batch_size, length): windows that begin anywhere, drawn with replacement.

    With `index` one of them, `ids[:-1][index]` is what a model reads and `ids[1:][index]` what it has to say, for ids
    of shape (examples,). Raises ValueError where batch_size or length does not fit.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; allowed is 1 or more")
    if not 1 <= length < examples:
        raise ValueError(f"length is {length}; allowed are 1 to {examples - 1}, one less than there are characters")
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        starts = rng.integers(examples - length, size=(batch_size, 1))
        yield starts + np.arange(length)


def bigram_entropy(ids: np.ndarray | None = None) -> float:
    """Nats per character of the best guess from one character, counted on all of `ids` (the plays where left out)."""
    return _entropy(ids, 1)


def trigram_entropy(ids: np.ndarray | None = None) -> float:
    """Nats per character of the best guess from two characters, counted on all of `ids`."""
    return _entropy(ids, 2)


def _entropy(ids: np.ndarray | None, before: int) -> float:
    ids = (characters()[0] if ids is None else ids).astype(np.int64)
    n, windows = int(ids.max()) + 1, np.lib.stride_tricks.sliding_window_view(ids, before + 1)
    code = np.ravel_multi_index(tuple(windows.T), (n,) * (before + 1))
    return conditional_entropy(np.bincount(code, minlength=n ** (before + 1)).reshape(-1, n))


def conditional_entropy(counts: np.ndarray) -> float:
    """Entropy in nats of the column given the row, where `counts`, shape (n, m), says how often each pair was seen."""
    rows, columns = np.nonzero(counts)
    seen = counts[rows, columns]
    return float(-np.sum(seen * np.log(seen / counts.sum(axis=1)[rows])) / counts.sum())
