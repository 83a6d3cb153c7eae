"""Methods with one buffer as second-order recurrences, y <- a y - b y_before + noise, and the roots of z^2 - a z + b.

    heavy ball               a = 1 + momentum - x          b = momentum              x = lr * h
    Nesterov                 a = (1 + momentum) (1 - x)    b = momentum (1 - x)
    EMA of SGD's iterates    a = (1 - x) + decay           b = (1 - x) decay

A root z is kept as 1 - z, since long runs live on roots near one. Where a < 0 the long memory is near -1 instead; the
recurrence of (-1)^t y has the roots -z, so those are taken ("flipped") and all that follows sees roots near one.
Complex roots also keep their angle after 1, 16, 256, ... steps, so that a phase of millions of turns is right.

Reference: Zhang et al. 2019, appendix on the dynamics of momentum; Goh, Why Momentum Really Works, Distill 2017.
"""

from dataclasses import dataclass

import numpy as np

from course_lib.nqm import double

ONE = double.whole(1.0)
RADIX = 16  # steps per level of the angles; 2**4


@dataclass(frozen=True, eq=False)
class Roots:
    """The roots at every coordinate, float64 arrays of shape (n,); `real` and `curled` are the two kinds' positions.

    `total` is 1 - a + 1, the sum of both 1 - z of the recurrence itself; `product` is
    (1 - a + b)(1 + a + b). All others belong to the roots after flipping, z1 the larger in modulus.
    """

    flipped: np.ndarray
    total: np.ndarray
    b: np.ndarray
    loss_of_b: np.ndarray  # 1 - b
    product: np.ndarray
    near_total: np.ndarray  # (1 - z1) + (1 - z2)
    near_product: np.ndarray  # (1 - z1)(1 - z2)
    slow: np.ndarray  # 1 - z1 where real, the square root of (1 - z1)(1 - z2) where complex
    fast: np.ndarray  # 1 - z2 where real
    gap: np.ndarray  # |z1 - z2|
    above: np.ndarray  # 1 + z2 where real
    first: np.ndarray  # z1 where real
    second: np.ndarray  # z2 where real
    angle: np.ndarray  # of z1 where complex
    levels: np.ndarray  # angles of z1^(16^j), shape (levels, complex roots); no level unless asked for
    real: np.ndarray
    curled: np.ndarray


def heavy_ball(x, momentum, most_steps: float = 0) -> Roots:
    """`x` is lr * h of twice the precision; with `most_steps` the phases are exact up to that many steps."""
    rest = double.two_sum(np.ones_like(x[0]), -momentum)
    return _from_sums(double.add(rest, x), x, most_steps)


def nesterov(x, momentum, most_steps: float = 0) -> Roots:
    rest, more = (double.two_sum(np.ones_like(x[0]), number) for number in (-momentum, momentum))
    return _from_sums(double.add(rest, double.multiply(more, x)), x, most_steps)


def ema(x, decay, most_steps: float = 0) -> Roots:
    rest = double.two_sum(np.ones_like(x[0]), -decay)
    total = double.add(x, rest)
    product = double.multiply(x, rest)
    beyond = [double.subtract(double.whole(2.0), end) for end in (x, rest)]
    flipped = total[0] > 2
    near = [np.where(flipped, over[0], under[0]) for under, over in zip((x, rest), beyond, strict=True)]
    far = [np.where(flipped, under[0], over[0]) for under, over in zip((x, rest), beyond, strict=True)]
    order = near[0] <= near[1]
    z = [double.subtract(ONE, v)[0] * np.where(flipped, -1.0, 1.0) for v in (x, rest)]
    everywhere = np.arange(len(x[0]))
    return Roots(
        flipped=flipped,
        total=total[0],
        b=double.multiply(double.subtract(ONE, x), double.subtract(ONE, rest))[0],
        loss_of_b=double.subtract(total, product)[0],
        product=product[0] * beyond[0][0] * beyond[1][0],
        near_total=near[0] + near[1],
        near_product=near[0] * near[1],
        slow=np.where(order, near[0], near[1]),
        fast=np.where(order, near[1], near[0]),
        gap=np.abs(double.subtract(x, rest)[0]),
        above=np.where(order, far[1], far[0]),
        first=np.where(order, z[0], z[1]),
        second=np.where(order, z[1], z[0]),
        angle=np.zeros_like(x[0]),
        levels=np.empty((0, len(everywhere))),
        real=everywhere,
        curled=everywhere[:0],
    )


def _from_sums(total, product, most_steps) -> Roots:
    """Roots from the sum and product of 1 - z, both of twice the precision."""
    flipped = total[0] > 2
    loss_of_b = double.subtract(total, product)
    far_total = double.subtract(double.whole(4.0), total)
    far_product = double.subtract(double.subtract(double.whole(4.0), double.scale(total, 2.0)), product)
    far_product = double.add(far_product, double.scale(product, 2.0))
    sums = [np.where(flipped, far, near) for near, far in zip(total, far_total, strict=True)]
    product_here = np.where(flipped, far_product[0], product[0])
    square = double.subtract(double.multiply(total, total), double.scale(product, 4.0))
    real = square[0] >= 0
    gap = double.square_root((np.abs(square[0]), np.where(real, square[1], -square[1])))
    large = (sums[0] + np.where(sums[0] < 0, -1.0, 1.0) * gap[0]) / 2
    other = np.divide(product_here, large, out=np.zeros_like(large), where=large != 0)
    slow = np.where(real, np.minimum(large, other), np.sqrt(np.abs(product_here)))
    fast = np.maximum(large, other)
    middle = 1 - sums[0] / 2
    first = double.add(double.subtract(double.whole(2.0), sums), gap)[0] / 2
    b = double.subtract(ONE, loss_of_b)[0]
    second = np.divide(b, first, out=np.zeros_like(b), where=first != 0)
    curled = np.flatnonzero(~real)
    return Roots(
        flipped=flipped,
        total=total[0],
        b=b,
        loss_of_b=loss_of_b[0],
        product=product[0] * far_product[0],
        near_total=sums[0],
        near_product=product_here,
        slow=slow,
        fast=fast,
        gap=gap[0],
        above=2 - fast,
        first=first,
        second=second,
        angle=np.arctan2(gap[0] / 2, middle),
        levels=_angles([part[curled] for part in sums], [part[curled] for part in gap], most_steps),
        real=np.flatnonzero(real),
        curled=curled,
    )


def _angles(sums, gap, most_steps) -> np.ndarray:
    """Angles of z1^(16^j), j = 0, 1, ... while 16^j <= most_steps, by repeated squaring in twice the precision."""
    count = int(np.log2(most_steps)) // 4 + 1 if most_steps >= 1 and len(gap[0]) else 0
    re = double.subtract(ONE, double.scale(sums, 0.5))
    im = double.scale(gap, 0.5)
    size = double.whole(1 / np.hypot(re[0], im[0]))
    re, im, levels = double.multiply(re, size), double.multiply(im, size), []
    for _ in range(count):
        levels.append(np.arctan2(im[0], re[0]))
        for _ in range(4):
            cross = double.scale(double.multiply(re, im), 2.0)
            re = double.multiply(double.add(re, im), double.subtract(re, im))
            im = cross
    return np.array(levels).reshape(count, len(gap[0]))
