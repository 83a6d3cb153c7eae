"""The expected loss at one step for many pairs of hyperparameters at once, to eight digits: what a search needs.

The formulas are those of `sgd` and `response` in plain float64. An oscillation can be replaced by its mean: with
`taper` at every coordinate that has turned further than a few radians, which leaves a landscape without ripples, on
which Newton's method can walk; always at the nodes of a compressed spectrum that have turned too far for the others of
their block to be told from them, since over so many coordinates it cancels.
"""

import numpy as np

from course_lib.nqm.dynamics import loss_weights
from course_lib.nqm.spectrum import Spectrum

TAPER = 8.0, 4  # radians, and the power that makes the damping flat at 0, where roots turn real
RESOLVED = 110.0, 16  # the same for a node that stands for many coordinates
np.empty(1 << 20)  # freed at once: from now on glibc keeps that much memory at hand, not asking for every array anew


def losses(problem: Spectrum, method: str, t, lr, rest, batch_size: float, *, taper: bool = False) -> np.ndarray:
    """E loss, shape (k,), at steps `t` >= 1 (real numbers will do) for `lr` and `rest`, each a number or (k,).

    `rest` is 1 - momentum or 1 - decay, which may be smaller than what float64 can tell from 1; 1 for SGD. Infinite
    where the method diverges. Digits are lost where both roots lie close together near -1, just below the edge.
    """
    t, lr, rest = (column(v) for v in (t, lr, rest))
    x = lr * problem.h
    with np.errstate(all="ignore"):
        if method == "sgd":
            square, noise = _sgd(x, t)
        elif method == "ema":
            square, noise = _real(x + rest, x * rest, np.abs(x - rest), t, x + rest * (1 - x), (1 - x) * (1 - rest))
        else:
            square, noise = _one_buffer(x, rest, t, method == "nesterov", calming(problem, taper))
        gain = (lr * rest if method == "ema" else lr)[:, 0]
        of_start, of_noise = loss_weights(problem)
        total = square @ of_start + gain**2 / batch_size * (noise @ of_noise)
    return np.where(np.isfinite(total) & (total >= 0), total, np.inf)


def column(values) -> np.ndarray:
    return np.atleast_1d(np.asarray(values, dtype=float))[:, None]


def _sgd(x, t):
    left = 2 - x
    power = 2 * t * np.log1p(-np.minimum(x, left))
    return np.exp(power), np.where(left == 0, t, -np.expm1(power) / (x * left))


def calming(problem: Spectrum, taper: bool) -> tuple[np.ndarray, int]:
    """(radians, (n,), power): oscillations are damped by exp(-(phase / radians)^power)."""
    if taper:
        return np.full(len(problem.h), TAPER[0]), TAPER[1]
    return np.where(problem.weight == 1, np.inf, RESOLVED[0]), RESOLVED[1]


def _one_buffer(x, rest, t, nesterov: bool, calm):
    """The heavy ball's or Nesterov's (d^2, N), (k, n)."""
    total = rest + ((2 - rest) * x if nesterov else x)
    total = np.broadcast_to(total, np.broadcast_shapes(total.shape, t.shape))
    product = np.broadcast_to(x, total.shape)
    square = total * total - 4 * product
    gap, curled = np.sqrt(np.abs(square)), square < 0
    loss = rest + (1 - rest) * x if nesterov else rest  # 1 - b
    b = (1 - rest) * (1 - x) if nesterov else 1 - rest
    out = np.empty((2, *total.shape))
    for own, kind, more in ((curled, _complex, calm), (~curled, _real, (b,))):
        columns = np.flatnonzero(own.any(axis=0))
        if len(columns):
            at = np.s_[columns[0] : columns[-1] + 1]  # a slice, with some of the other kind: gathering costs more
            given = (total, product, gap, t, loss, *more)
            parts = [v if np.ndim(v) == 0 or v.shape[-1] == 1 else v[..., at] for v in given]
            np.copyto(out[..., at], kind(*parts), where=own[:, at])
    return out


def _complex(total, product, gap, t, loss, radians, power):
    half = gap / 2
    angle = t * np.arctan2(half, 1 - total / 2)
    power_of_b = t * np.log1p(-loss)
    decayed, gone = np.exp(power_of_b), -np.expm1(power_of_b)
    tangent = np.tan(angle)  # five times faster than a sine and a cosine
    square = 1 / (1 + tangent * tangent)  # of the cosine
    wave, even, odd = tangent * square, square, tangent * tangent * square  # products of the sine and cosine
    if power == TAPER[1] or (angle > radians / 3).any():
        turned = angle / radians
        for _ in range(power.bit_length() - 1):  # a power of two; numpy's ** is many times slower
            turned = turned * turned
        calm = np.exp(-turned)
        lost = -np.expm1(-turned) / 2
        wave, even, odd = wave * calm, even * calm + lost, odd * calm + lost  # both squares' mean is a half
    cc = decayed * even  # middle(t)^2
    cs = decayed * wave / half  # middle(t) * psi_(t-1)
    ss = decayed * odd / half**2  # psi_(t-1)^2
    kept = loss - total / 2
    change_before = cs - total / 2 * ss
    return cc + 2 * kept * cs + kept**2 * ss, _energy(total, product, loss, gone / loss, ss, change_before)


def _real(total, product, gap, t, loss, b):
    fast = (total + gap) / 2
    slow = product / fast
    gap = np.maximum(gap, 1e-9 * total)
    log1, log2 = (np.log1p(-np.minimum(near, 2 - near)) for near in (slow, fast))
    power1, power2 = np.exp(t * log1), np.exp(t * log2)
    same = fast < 1
    odd = t % 2 == 1
    power1 = np.where((slow > 1) & odd, -power1, power1)
    power2 = np.where((fast > 1) & odd, -power2, power2)
    before = np.where(same, -power1 * np.expm1(t * np.log1p(-gap / (1 - slow))), power1 - power2) / gap
    change = power2 - slow * before
    d = change + loss * before
    series1 = np.where(slow < 0.5, -np.expm1(2 * t * log1), 1 - power1**2) / (slow * (2 - slow))
    series2 = (1 - power2**2) / (fast * (2 - fast))
    series_b = np.where(t * loss < 0.5, -np.expm1(t * (log1 + log2)), 1 - power1 * power2) / loss
    apart = ((1 - slow) ** 2 * series1 - 2 * b * series_b + (1 - fast) ** 2 * series2) / gap**2
    energy = _energy(total, product, loss, series_b, before**2, before * change)
    return d * d, np.where(same & ((t * slow >= 1) | (t * gap < 2)), energy, apart)


def _energy(total, product, loss, series_b, before_square, before_change):
    rest = (product - loss * (2 - loss)) * before_square - (2 - total) * before_change
    return ((2 - loss) * series_b + rest) / (product * (4 - 2 * total + product))
