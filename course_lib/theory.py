"""What theory says of the rules on a quadratic 1/2 * h * p^2: where they are stable, how fast, how noisy.

References: Polyak 1964; Goh, Why Momentum Really Works, Distill 2017; Bottou, Curtis & Nocedal 2018, section 4.
"""

import numpy as np


def largest_lr(H) -> float:
    """The learning rate below which gradient descent is stable on the symmetric matrix `H`, (d, d): 2 / λmax."""
    return 2 / np.linalg.eigvalsh(H)[-1]


def noise_floor(lr, h, c):
    """E p^2 that SGD settles at on curvature `h` with gradient noise of variance `c`; for 0 < lr * h < 2."""
    return lr * c / (h * (2 - lr * h))


def shrink(x, momentum):
    """The factor by which the heavy ball's error shrinks a step, in the long run, at lr * h = `x`; broadcasts.

    The larger modulus of the two roots of z^2 - (1 + momentum - x) z + momentum; stable below 1.
    """
    a = 1 + np.asarray(momentum) - np.asarray(x)
    root = np.sqrt(a.astype(complex) ** 2 - 4 * np.asarray(momentum))
    return np.maximum(np.abs(a + root), np.abs(a - root)) / 2


def best_pair(h_min, h_max):
    """(lr, momentum) of the fastest heavy ball on curvatures from `h_min` to `h_max`; it shrinks by sqrt(momentum)."""
    low, high = np.sqrt(h_min), np.sqrt(h_max)
    return (2 / (high + low)) ** 2, ((high - low) / (high + low)) ** 2
