"""Numbers of twice float64's precision, as unevaluated sums (high, low); arrays throughout.

Where x = lr * h is near the edge of stability, or a root turns round the circle a million times, the rounding of x
itself would be seen in the loss. Reference: Dekker 1971; Shewchuk 1997.
"""

import numpy as np

SPLIT = 2.0**27 + 1


def two_sum(a, b):
    """a + b and its rounding error, exactly."""
    total = a + b
    rest = total - a
    return total, (a - (total - rest)) + (b - rest)


def two_product(a, b):
    """a * b and its rounding error, exactly."""
    product = a * b
    (a1, a0), (b1, b0) = _split(a), _split(b)
    return product, ((a1 * b1 - product) + a1 * b0 + a0 * b1) + a0 * b0


def add(x, y):
    high, low = two_sum(x[0], y[0])
    return _renewed(high, low + (x[1] + y[1]))


def subtract(x, y):
    return add(x, (-y[0], -y[1]))


def multiply(x, y):
    high, low = two_product(x[0], y[0])
    return _renewed(high, low + (x[0] * y[1] + x[1] * y[0]))


def scale(x, power_of_two: float):
    return power_of_two * x[0], power_of_two * x[1]


def square_root(x):
    """For x >= 0; one Newton step from float64's root."""
    root = np.sqrt(x[0])
    rest = subtract(x, two_product(root, root))[0]
    return _renewed(root, np.divide(rest, 2 * root, out=np.zeros_like(root), where=root > 0))


def whole(a):
    """A float64 as such a number."""
    a = np.asarray(a, dtype=float)
    return a, np.zeros_like(a)


def _split(a):
    big = SPLIT * a
    high = big - (big - a)
    return high, a - high


def _renewed(high, low):
    total = high + low
    return total, low - (total - high)
