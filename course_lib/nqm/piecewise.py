"""The expected loss along a piecewise-constant learning rate, with momentum too.

What a method needs to go on is the covariance of its point y and the point before; k steps of y <- a y - b y_before +
noise are the k-th power of one linear map of it. Powers are taken by repeated squaring, in twice float64's precision:
the map's powers and the noise they gather are then right to sixteen digits wherever the roots lie.

Reference: Zhang et al. 2019, section 3.4 (piecewise-constant schedules).
"""

from typing import NamedTuple

import numpy as np

from course_lib.nqm import double
from course_lib.nqm.arguments import positive, second_number, single, step_counts
from course_lib.nqm.double import add, multiply, subtract, whole
from course_lib.nqm.spectrum import Spectrum, check_problem


class Power(NamedTuple):
    """k steps: the map ((m00, m01), (m10, m11)) of (y, y_before), and the covariance of one unit of noise a step."""

    m: tuple
    noise: tuple  # variance of y, covariance, variance of y_before


def scheduled_loss(
    problem: Spectrum, pieces, *, method: str = "sgd", momentum=0.0, decay=0.0, batch_size=1
) -> np.ndarray:
    """E loss at the end of each piece, shape (pieces,), of a schedule [(steps, lr), ...]; the velocity carries over.

    `method`, `momentum`, `decay` and `batch_size` are those of `expected_loss`, one number each. Raises ValueError for
    no pieces, or steps that are no whole number >= 0, or lr < 0.
    """
    check_problem(problem)
    second, batch_size = second_number(method, momentum=momentum, decay=decay), positive("batch_size", batch_size)
    second = single("momentum or decay", second)
    start = problem.variance + problem.mean**2
    state, losses = (whole(start), whole(start), whole(start)), []
    with np.errstate(over="ignore", invalid="ignore"):
        for steps, lr in _checked(pieces):
            coefficients = _recurrence(method, double.two_product(problem.h, np.full_like(problem.h, lr)), second)
            gain = lr * (1 - second) if method == "ema" else lr
            state = _advance(state, coefficients, int(steps), np.square(gain) * problem.c / batch_size)
            losses.append(_loss(problem, state, second if method == "nesterov_lookahead" else 0.0))
    return np.array(losses)


def _checked(pieces) -> list[tuple[float, float]]:
    try:
        pairs = [(steps, lr) for steps, lr in pieces]
    except (TypeError, ValueError):
        raise ValueError(f"pieces is {pieces!r}; allowed is a list of pairs (steps, lr)") from None
    if not pairs:
        raise ValueError("pieces is empty; allowed is a list of one pair (steps, lr) or more")
    return [(single("steps", step_counts("steps", steps)), single("lr", lr)) for steps, lr in pairs]


def _recurrence(method: str, x, second: float):
    """(a, b) of twice the precision; b = 0 for SGD."""
    one, number = whole(np.ones_like(x[0])), whole(np.full_like(x[0], second))
    left = subtract(one, x)
    if method == "heavy_ball":
        return add(left, number), number
    both = multiply(left, number)
    return (add(left, number) if method == "ema" else add(left, both)), both


def _advance(state, coefficients, steps: int, variance):
    """The covariance (yy, y y_before, before^2) after `steps` steps with noise of `variance` in each."""
    power = _power(coefficients, steps)
    moved = _sandwich(power.m, state)
    return tuple(add(old, multiply(new, whole(variance))) for old, new in zip(moved, power.noise, strict=True))


def _power(coefficients, steps: int) -> Power:
    a, b = coefficients
    zero, one = whole(np.zeros_like(a[0])), whole(np.ones_like(a[0]))
    step = ((a, (-b[0], -b[1])), (one, zero))
    power = Power(((one, zero), (zero, one)), (zero, zero, zero))
    for bit in f"{steps:b}":
        power = Power(_product(power.m, power.m), _sum(power.noise, _sandwich(power.m, power.noise)))
        if bit == "1":
            power = Power(_product(step, power.m), _sum((one, zero, zero), _sandwich(step, power.noise)))
    return power


def _sum(x, y):
    return tuple(add(*pair) for pair in zip(x, y, strict=True))


def _product(x, y):
    return tuple(tuple(_dot(row, column) for column in zip(*y, strict=True)) for row in x)


def _dot(x, y):
    return add(multiply(x[0], y[0]), multiply(x[1], y[1]))


def _sandwich(m, covariance):
    """m C m^T of a symmetric C = (c00, c01, c11)."""
    c00, c01, c11 = covariance
    half = _product(m, ((c00, c01), (c01, c11)))
    return _dot(half[0], m[0]), _dot(half[0], m[1]), _dot(half[1], m[1])


def _loss(problem: Spectrum, state, momentum: float) -> float:
    """The loss at y + momentum * (y - y_before)."""
    ahead = whole(np.full_like(problem.h, 1 + momentum)), whole(np.full_like(problem.h, -momentum))
    square = _dot(ahead, (_dot(ahead, state[:2]), _dot(ahead, state[1:])))[0]
    square = np.where(np.isnan(square), np.inf, square)  # a product of twice the precision overflowed
    return float(np.sum(problem.weight * problem.h * square) / 2)
