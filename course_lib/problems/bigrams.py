"""Which word follows which in twelve plays of Shakespeare: a real task with rare words and an exactly known optimum.

The model is one table of scores w, shape (500, 500): row i, through a softmax, is the distribution of the word after
word i. The full-batch loss is the mean cross-entropy in nats over all pairs of neighbours. No table has less than
`floor()`, the conditional entropy of the counts; what a table has above it is its excess. At w = 0 that is 2.80.

Word k = 0, 1, ... is the k-th most frequent word or mark; words that are equally frequent stand in alphabetical order.
The last one, `OTHER`, stands for all that are not among the first 499.
"""

import re
from collections import Counter
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from course_lib.problems import shakespeare

WORD = re.compile(r"[a-z']+|[.,;:!?]")  # in lower case
OTHER = "(other)"
SIZE = 500


class Bigrams(NamedTuple):
    words: tuple[str, ...]
    counts: np.ndarray  # (words, words), int64: how often the column's word came right after the row's


def count(text: str, size: int = SIZE) -> Bigrams:
    """Count the pairs of neighbours in `text` over its `size` - 1 most frequent words, ties in alphabetical order."""
    tokens = WORD.findall(text.lower())
    frequency = Counter(tokens)
    words = (*sorted(frequency, key=lambda word: (-frequency[word], word))[: size - 1], OTHER)
    place = {word: i for i, word in enumerate(words)}
    ids = np.array([place.get(token, len(words) - 1) for token in tokens])
    pairs = np.bincount(ids[:-1] * len(words) + ids[1:], minlength=len(words) ** 2)
    return Bigrams(words, pairs.reshape(len(words), len(words)))


@cache
def load() -> Bigrams:
    """The counts that ship with the package: `count(shakespeare.text())`, 370,246 pairs."""
    with (files(__package__) / "data" / "bigrams.npz").open("rb") as file, np.load(file) as stored:
        counts = stored["counts"].astype(np.int64)
        counts.flags.writeable = False  # kept for the next caller
        return Bigrams(tuple(stored["words"].tolist()), counts)


@cache
def floor() -> float:
    """The least possible loss, in nats."""
    return shakespeare.conditional_entropy(load().counts)


def loss_and_grad(w: np.ndarray) -> tuple[float, np.ndarray]:
    """The loss of the table `w`, shape (500, 500), and its gradient, in the shape and dtype of `w`."""
    joint, share = _shares(np.dtype(w.dtype))
    top = w.max(axis=1, keepdims=True)
    odds = np.exp(w - top)
    total = odds.sum(axis=1, keepdims=True)
    odds *= share / total
    odds -= joint
    loss = np.vdot(share, top + np.log(total)) - np.vdot(joint, w)
    return float(loss), odds


def row_excess(w: np.ndarray) -> np.ndarray:
    """For each word, how many nats the prediction of its successor is above the best possible one, shape (500,).

    Weighted by the words' shares, these add up to the loss above the floor.
    """
    joint, share = _shares(np.dtype(np.float64))
    given = joint / share
    shifted = w - w.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return np.sum(given * (np.log(np.where(given > 0, given, 1)) - log_p), axis=1)


@cache
def _shares(dtype) -> tuple[np.ndarray, np.ndarray]:
    """Share of each pair, shape (500, 500), and of each first word, shape (500, 1), among all pairs."""
    joint = load().counts / load().counts.sum()
    return joint.astype(dtype), joint.sum(axis=1, keepdims=True).astype(dtype)
