"""What a second-order recurrence remembers after t steps: of its start, and of one unit of noise at every step.

    y <- a y - b y_before + noise,  y_before = y = 1 at the start
    kick     psi_t, the answer to one unit of noise t steps ago: psi_0 = 1, psi_1 = a
    start    d_t = psi_t - b psi_(t-1), what is left of the start without noise
    noise    N_t = sum of psi_j^2, j < t: E[y^2] = d_t^2 + variance * N_t

N_t has three closed forms, and each loses digits somewhere, so each coordinate takes the one that does not: the
balance of energy where the memory is shorter than t; the sum of three geometric series where the roots lie apart;
and where both roots are so near one that t steps hardly move, a Gauss sum over j, exact there (no term is negative).
"""

from copy import copy

import numpy as np

from course_lib.nqm import double
from course_lib.nqm.roots import RADIX, Roots
from course_lib.nqm.spectrum import gram

SLOW_NODES = 12  # Gauss nodes where psi_j^2 is almost a polynomial of j
OVERFLOW = 700.0


def start_and_noise(roots: Roots, t):
    """(d_t, N_t), each of shape (k, n), for steps `t`, shape (k,); inf where the method diverges beyond float64."""
    t = np.asarray(t, dtype=float)[:, None]
    d, noise = np.empty((2, len(t), len(roots.gap)))
    with np.errstate(all="ignore"):
        for part, fill in ((roots.real, _real), (roots.curled, _curled)):
            if len(part):
                d[:, part], noise[:, part] = fill(roots, part, t)
    return np.where(t == 0, 1.0, d), np.where(t == 0, 0.0, noise)


def kicks(roots: Roots, t):
    """psi_t, shape (k, n); zero for t = -1."""
    t = np.asarray(t, dtype=float)[:, None]
    psi = np.empty((len(t), len(roots.gap)))
    with np.errstate(all="ignore"):
        if len(roots.real):
            psi[:, roots.real] = _Line(roots, roots.real).kick(t)
        if len(roots.curled):
            psi[:, roots.curled] = _Circle(roots, roots.curled).kick(t)
    sign = np.where(roots.flipped & (t % 2 == 1), -1.0, 1.0)
    return np.where(t < 0, 0.0, sign * psi)


def look_ahead(roots: Roots, t, x, momentum: float):
    """(d_t, N_t) of Nesterov's p_t = y_t + momentum * (y_t - y_(t-1)), each of shape (k, n).

    y_(t+1) = (1 - x) p_t + noise gives them from the next step of y; where 1 - x is small, from the steps before.
    """
    t = np.asarray(t, dtype=float)
    rest = double.subtract(double.whole(1.0), x)[0]
    d, noise = start_and_noise(roots, t + 1)
    with np.errstate(all="ignore"):
        d, noise = d / rest, (noise - 1) / rest**2
    small = np.abs(rest) < 0.3  # never beyond the edge of stability
    if small.any():
        near_d, near_noise = _combined(roots, t, rest, momentum)
        d, noise = np.where(small, near_d, d), np.where(small, near_noise, noise)
    start = t[:, None] == 0
    return np.where(start, 1.0, d), np.where(start, 0.0, noise)


def _combined(roots: Roots, t, rest, momentum: float):
    """(1 + momentum) y_t - momentum * y_(t-1), term by term, for roots far from one."""
    earlier = np.maximum(t - 1, 0)
    (d, noise), (d_before, _) = start_and_noise(roots, t), start_and_noise(roots, earlier)
    psi, before = kicks(roots, t - 1), kicks(roots, t - 2)
    a, b = (1 + momentum) * rest, momentum * rest
    with np.errstate(all="ignore"):
        noise_before = noise - psi**2
        cross = (a * noise_before + b * psi * before) / (1 + b)  # sum of psi_j psi_(j-1)
        noise = (1 + momentum) ** 2 * noise + momentum**2 * noise_before - 2 * momentum * (1 + momentum) * cross
        return (1 + momentum) * d - momentum * d_before, noise


class _Branch:
    """Roots of one kind; every field has the coordinates last."""

    def take(self, at):
        taken = copy(self)
        vars(taken).update({name: values[..., at] for name, values in vars(self).items()})
        return taken


class _Line(_Branch):
    """Real roots z1 >= |z2|."""

    def __init__(self, roots: Roots, part):
        self.gap, self.slow, self.fast, self.above, self.first, self.second = (
            values[part] for values in (roots.gap, roots.slow, roots.fast, roots.above, roots.first, roots.second)
        )
        self.apart = np.where(self.first > 0, np.minimum(self.gap / self.first, 1.0), 0.0)  # relative
        self.log1 = np.where(self.first < 0.5, np.log(self.first), np.log1p(-self.slow))
        self.ratio = np.where(
            self.second < 0.1 * self.first, np.log(np.abs(self.second) / self.first), np.log1p(-self.apart)
        )
        self.log2 = np.where(self.second > -0.5, self.log1 + self.ratio, np.log1p(-self.above))

    def power2(self, n):
        """z2^n."""
        power = np.where(self.second == 0, 0.0, np.exp(n * self.log2))
        return np.where((self.second < 0) & (n % 2 == 1), -power, power)

    def kick(self, t):
        """psi_t = (z1^(t+1) - z2^(t+1)) / (z1 - z2)."""
        n = t + 1
        near = np.where(self.apart > 0, -np.expm1(n * self.ratio) / self.apart, n)
        near = np.where(self.first > 0, np.exp(t * self.log1) * near, t == 0)
        opposite = (np.exp(n * self.log1) - self.power2(n)) / self.gap
        return np.where(self.second < 0, opposite, near)

    def middle(self, n):
        return (np.exp(n * self.log1) + self.power2(n)) / 2


class _Circle(_Branch):
    """Complex roots, of modulus rho."""

    def __init__(self, roots: Roots, part):
        b, loss = roots.b[part], roots.loss_of_b[part]
        self.log = np.where(b < 0.5, np.log(np.abs(b)), np.log1p(-loss)) / 2
        self.half_gap, self.angle, self.levels = roots.gap[part] / 2, roots.angle[part], roots.levels

    def phase(self, n):
        """n * angle, up to whole turns."""
        if not len(self.levels):
            return n * self.angle
        phase, rest = 0.0, n
        for angle in self.levels[:-1]:
            rest, digit = np.divmod(rest, RADIX)
            phase = phase + digit * angle
        return phase + rest * self.levels[-1]

    def kick(self, t):
        """psi_t = rho^(t+1) sin((t+1) angle) / (rho sin(angle))."""
        return np.exp((t + 1) * self.log) * np.sin(self.phase(t + 1)) / self.half_gap

    def middle(self, n):
        return np.exp(n * self.log) * np.cos(self.phase(n))


def _real(roots: Roots, part, t):
    line = _Line(roots, part)
    before, loss = line.kick(t - 1), roots.loss_of_b[part]
    change = line.power2(t) - line.slow * before  # psi_t - psi_(t-1)
    d = _start(roots, part, t, line.middle(t + 1), before + change, before)
    apart = (line.above * np.exp((t + 1) * line.log1) - (2 - line.slow) * line.power2(t + 1)) / line.gap
    d = np.where(roots.flipped[part] & (line.second < 0), np.where(t % 2 == 1, -apart, apart), d)
    series1 = np.where(line.slow == 0, t, -np.expm1(2 * t * line.log1) / (line.slow * (2 - line.slow)))
    rest2 = line.fast * line.above  # 1 - z2^2
    series2 = np.where(rest2 == 0, t, -np.expm1(2 * t * line.log2) / rest2)
    b, log_b = line.first * line.second, line.log1 + line.log2
    decayed = np.where((b < 0) & (t % 2 == 1), 1 + np.exp(t * log_b), -np.expm1(t * log_b))
    series_b = np.where(loss == 0, t, decayed / loss)
    noise = (line.first**2 * series1 - 2 * b * series_b + line.second**2 * series2) / line.gap**2
    noise = np.where(line.first == 0, 1.0, noise)  # no memory at all
    same, settled = line.second > 0, t * line.slow >= 1
    noise = np.where(same & settled, _energy(roots, part, series_b, before, change), noise)
    noise = _slow_sums(noise, same & ~settled & (t * line.gap < 2), t, line)
    beyond = 2 * t * line.log1 > OVERFLOW
    return np.where(beyond, np.inf, d), np.where(beyond, np.inf, noise)


def _curled(roots: Roots, part, t):
    circle = _Circle(roots, part)
    before = circle.kick(t - 1)
    change = circle.middle(t) - roots.near_total[part] / 2 * before
    d = _start(roots, part, t, circle.middle(t + 1), before + change, before)
    series_b = -np.expm1(2 * t * circle.log) / roots.loss_of_b[part]
    noise = _energy(roots, part, series_b, before, change)
    return d, _slow_sums(noise, t * roots.slow[part] < 1, t, circle)


def _start(roots: Roots, part, t, middle, psi, before):
    """d_t = (z1^(t+1) + z2^(t+1)) / 2 + psi_t * ((1 - z1) + (1 - z2)) / 2; its definition where roots are flipped."""
    d = middle + roots.total[part] / 2 * psi
    opposite = psi + roots.b[part] * before
    return np.where(roots.flipped[part], np.where(t % 2 == 1, -opposite, opposite), d)


def _energy(roots: Roots, part, series_b, before, change):
    """N_t from psi_t^2 - a psi_t psi_(t-1) + b psi_(t-1)^2 = b^t and the stationary variance.

    `before` and `change` are psi_(t-1) and psi_t - psi_(t-1).
    """
    loss = roots.loss_of_b[part]
    square = roots.near_product[part] - loss * (2 - loss)
    rest = square * before**2 - (2 - roots.near_total[part]) * before * change
    return ((2 - loss) * series_b + rest) / roots.product[part]


def _slow_sums(noise, still, t, branch: _Branch):
    """`noise` with the entries `still` replaced by Gauss sums of psi_j^2 over j < t."""
    for row in np.flatnonzero(still.any(axis=1)):
        at, count = np.flatnonzero(still[row]), int(t[row, 0])
        few = count <= SLOW_NODES
        index, weight = (np.arange(float(count)), np.ones(count)) if few else gram(count, SLOW_NODES)
        noise[row, at] = weight @ branch.take(at).kick(index[:, None]) ** 2
    return noise
