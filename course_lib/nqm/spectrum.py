"""Spectra of the noisy quadratic model: what every coordinate is, and how many there are of its kind.

    loss = 1/2 * sum(weight * h * (variance + mean^2))

A spectrum given by a law, h = i^-exponent, needs no array of its dimension. Every sum over coordinates that the model
asks for is a sum of a smooth function of the index i, so the first indices are kept one by one and each block
[m, 2m) that follows is replaced by the nodes of a discrete Gauss rule: n nodes of real index, with weights, that sum
every polynomial of degree 2n - 1 over the block exactly. Its orthogonal polynomials are Gram's, whose recurrence is
known in closed form. A dimension of 10^12 is 800 nodes.

Reference: Zhang et al. 2019, section 3 (the model and its spectrum); Golub & Welsch 1969; Gautschi 2004.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from numbers import Integral, Real

import numpy as np

FULL = 100_000  # the largest dimension that is kept whole unless asked otherwise
LARGEST = 10**15  # above, indices are no exact float64
HEAD, NODES = 256, 16  # indices kept one by one (a power of two); nodes of every block


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Coordinates of one problem, float64 arrays of one shape (n,), each standing for `weight` coordinates.

    `error` bounds the relative error of a sum of h * exp(-s * h), s >= 0, as measured beside a rule of twice the nodes;
    it is 0.0 when every coordinate is there. Functions that oscillate many times inside a block, as a heavy ball's do
    after many steps, need more nodes: `compress(spectrum, head=..., nodes=...)`.
    """

    h: np.ndarray  # curvature
    c: np.ndarray  # variance of one example's gradient noise
    variance: np.ndarray  # E[(p - mean)^2] at the start
    mean: np.ndarray  # E[p] at the start
    weight: np.ndarray  # coordinates of this kind, a real number >= 0
    dimension: int
    law: Callable | None = field(default=None, repr=False)  # real index -> (h, c, variance, mean), where there is one
    blocks: tuple[int, int] | None = field(default=None, repr=False)  # (head, nodes) where it is compressed

    @property
    def initial_loss(self) -> float:
        return float(np.sum(self.weight * self.h * (self.variance + self.mean**2)) / 2)

    @cached_property
    def error(self) -> float:
        return _error(self.dimension, *self.blocks, lambda i: self.law(i)[0]) if self.blocks else 0.0

    @property
    def compressed(self) -> bool:
        return len(self.h) < self.dimension


def harmonic(dimension: int, *, variance: float = 1.0, mean: float = 0.0, compress: bool | None = None) -> Spectrum:
    """The paper's spectrum h = c = 1/i, i = 1..dimension; compressed above 100,000 unless `compress` says."""
    return power_law(dimension, 1.0, variance=variance, mean=mean, compress=compress)


def power_law(
    dimension: int, exponent: float, *, variance: float = 1.0, mean: float = 0.0, compress: bool | None = None
) -> Spectrum:
    """h = c = i^-exponent, i = 1..dimension, every coordinate with the same initial `variance` and `mean`."""
    _check_dimension(dimension, full=compress is False)
    _check_number("exponent", exponent, 0.0, 16.0)
    _check_number("variance", variance, 0.0)
    _check_number("mean", mean, -math.inf)

    def law(i):
        h = i**-exponent
        return h, h, np.full_like(h, variance), np.full_like(h, mean)

    whole = dimension <= FULL if compress is None else not compress
    return _whole(dimension, law) if whole else _sampled(dimension, law, HEAD, NODES)


def spectrum(h, c, variance=1.0, mean=0.0) -> Spectrum:
    """Any curvatures `h`, shape (d,), and noise variances `c`, with initial variance and mean; these broadcast to (d,).

    Raises ValueError for no coordinate, another length, a NaN or infinity, h <= 0, c < 0 or variance < 0.
    """
    h = _numbers("h", h)
    if h.ndim != 1 or not h.size:
        raise ValueError(f"h has shape {h.shape}; allowed is one axis with one entry or more")
    given = {"c": c, "variance": variance, "mean": mean}
    arrays = {"h": h} | {name: _broadcast(name, value, h.shape) for name, value in given.items()}
    for name, values in arrays.items():
        _check_entries(name, values)
    return Spectrum(**arrays, weight=np.ones_like(h), dimension=len(h))


def precondition(problem: Spectrum, power: float) -> Spectrum:
    """The problem that plain descent sees when steps are multiplied by H^-power (P = H^power).

    In the coordinates H^(power/2) p the curvature is h^(1 - power), the noise c * h^-power, the initial variance
    variance * h^power and the initial mean mean * h^(power/2); the loss is the same (section 3.2). power = 0 is the
    problem itself, power = 1 Newton's step.
    """
    check_problem(problem)
    _check_number("power", power, -math.inf)

    def changed(h, c, variance, mean):
        return h ** (1 - power), c * h**-power, variance * h**power, mean * h ** (power / 2)

    law = problem.law and (lambda i: changed(*problem.law(i)))
    with np.errstate(all="ignore"):
        h, c, variance, mean = changed(problem.h, problem.c, problem.variance, problem.mean)
    if not (np.isfinite([h, c, variance, mean]).all() and h.min() >= np.finfo(float).tiny):
        raise ValueError(f"power is {power!r}; allowed is one that keeps every curvature a float64 > 0, such as 0.5")
    return replace(problem, h=h, c=c, variance=variance, mean=mean, law=law)


def compress(problem: Spectrum, *, head: int = HEAD, nodes: int = NODES) -> Spectrum:
    """The same problem on fewer nodes: `head` indices (a power of two) one by one, `nodes` for each block after them.

    A problem without a law, from `spectrum(h, c)`, comes back as it is.
    """
    check_problem(problem)
    if problem.law is None:
        return problem
    if not isinstance(head, Integral) or head < 1 or head & (head - 1):
        raise ValueError(f"head is {head!r}; allowed is a power of two")
    if not isinstance(nodes, Integral) or not 2 <= nodes <= 512:
        raise ValueError(f"nodes is {nodes!r}; allowed is an integer from 2 to 512")
    return _sampled(problem.dimension, problem.law, head, nodes)


def _whole(dimension: int, law: Callable) -> Spectrum:
    i = np.arange(1.0, dimension + 1)
    return Spectrum(*law(i), weight=np.ones_like(i), dimension=dimension, law=law)


def _sampled(dimension: int, law: Callable, head: int, nodes: int) -> Spectrum:
    index, weight = gauss_indices(dimension, head, nodes)
    if len(index) >= dimension:
        return _whole(dimension, law)
    return Spectrum(*law(index), weight=weight, dimension=dimension, law=law, blocks=(head, nodes))


@lru_cache
def gauss_indices(dimension: int, head: int, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Real indices and their weights: 1..head - 1 one by one, then `nodes` for each [m, 2m), m = head, 2 head, ...

    A block of `nodes` indices or fewer stays as it is.
    """
    first = np.arange(1.0, min(head, dimension + 1))
    index, weight, low = [first], [np.ones_like(first)], head
    while low <= dimension:
        count = min(low, dimension + 1 - low)
        at, share = gram(count, nodes) if count > nodes else (np.arange(count), np.ones(count))
        index.append(low + at)
        weight.append(share)
        low *= 2
    rule = np.concatenate(index), np.concatenate(weight)
    for array in rule:
        array.setflags(write=False)  # it is kept and shared
    return rule


def gram(count: int, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """The Gauss rule of sum(f(i) for i in range(count)): `nodes` < `count` points and weights."""
    k = np.arange(1.0, nodes)
    off = np.sqrt(k**2 * (1 - (k / count) ** 2) / (4 * (4 * k**2 - 1)))  # in units of count, about the middle
    at, vectors = np.linalg.eigh(np.diag(off, 1) + np.diag(off, -1))
    weight = vectors[0] ** 2
    at, weight = (at - at[::-1]) / 2, (weight + weight[::-1]) / 2  # the rule is symmetric
    return (count - 1) / 2 + count * at, count * weight / weight.sum()


def _error(dimension: int, head: int, nodes: int, h: Callable) -> float:
    """The largest relative difference to twice the nodes in sums of h * exp(-s * h), over s; rounding at the least."""
    ends = h(np.array([1.0, dimension]))
    s = np.concatenate([[0.0], np.geomspace(1e-2 / ends.max(), 1e2 / ends.min(), 60)])[:, None]
    rules = (gauss_indices(dimension, head, n) for n in (nodes, 2 * nodes))
    coarse, fine = ((w * h(i) * np.exp(-s * h(i))).sum(axis=1) for i, w in rules)
    kept = fine > 1e-30 * fine[0]
    return float(max(4 * np.finfo(float).eps, np.max(np.abs(coarse[kept] / fine[kept] - 1))))


def check_problem(problem) -> None:
    if not isinstance(problem, Spectrum):
        raise ValueError(f"problem is a {type(problem).__name__}; allowed is a Spectrum, such as harmonic(100)")


def _check_dimension(dimension, full: bool) -> None:
    most = 10**8 if full else LARGEST
    whole = isinstance(dimension, Integral) and not isinstance(dimension, bool)
    if not whole or not 1 <= dimension <= most:
        hint = " without compression" if full else ""
        raise ValueError(f"dimension is {dimension!r}; allowed is an integer from 1 to {most:.0e}{hint}")


def _check_number(name: str, value, low: float, high: float = math.inf) -> None:
    if not isinstance(value, Real) or not math.isfinite(value) or not low <= value <= high:
        allowed = "a finite number" + (f" from {low:g} to {high:g}" if high < math.inf else f" >= {low:g}")
        raise ValueError(f"{name} is {value!r}; allowed is {allowed if low > -math.inf else 'a finite number'}")


def _numbers(name: str, value) -> np.ndarray:
    try:
        return np.array(value, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {value!r}; allowed is an array of numbers") from None


def _broadcast(name: str, value, shape: tuple) -> np.ndarray:
    values = _numbers(name, value)
    if values.shape not in (shape, ()):
        raise ValueError(f"{name} has shape {values.shape}; allowed is that of h, {shape}, or one number")
    return np.broadcast_to(values, shape).copy()


def _check_entries(name: str, values: np.ndarray) -> None:
    low = {"h": np.finfo(float).tiny, "mean": -np.inf}.get(name, 0.0)
    wrong = ~(np.isfinite(values) & (values >= low))
    if wrong.any():
        at = int(np.argmax(wrong))
        allowed = {"h": "a finite number > 0", "mean": "a finite number"}.get(name, "a finite number >= 0")
        raise ValueError(f"{name}[{at}] is {values[at]}; allowed is {allowed}")
