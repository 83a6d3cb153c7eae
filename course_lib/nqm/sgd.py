"""Plain SGD on one coordinate: y <- (1 - x) y + noise, x = lr * h.

    start    d_t = (1 - x)^t
    noise    N_t = (1 - (1 - x)^(2t)) / (x (2 - x))

Reference: Zhang et al. 2019, section 3.1.
"""

import numpy as np

from course_lib.nqm import double


def start_and_noise(x, t):
    """(d_t, N_t), each of shape (k, n), for x = lr * h of twice the precision, (n,), and steps `t`, (k,)."""
    t = np.asarray(t, dtype=float)[:, None]
    left = double.subtract(double.whole(2.0), x)[0]  # the edge of stability is at 0
    near = np.minimum(x[0], left)
    with np.errstate(all="ignore"):
        log = np.log1p(-near)  # of |1 - x|
        size = np.where(t == 0, 1.0, np.exp(t * log))
        noise = np.where(left == 0, t, -np.expm1(2 * t * log) / (x[0] * left))
        noise = np.where(t == 0, 0.0, noise)
    return np.where((x[0] > 1) & (t % 2 == 1), -size, size), noise
