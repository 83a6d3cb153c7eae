"""Stochastic gradient descent: step against the gradient.

    p <- p - lr * g

On a quadratic of curvature h it is stable for 0 < lr * h < 2; gradient noise of variance c leaves E p^2 at
lr * c / (h * (2 - lr * h)).

Convention: nobody differs.

References: Robbins & Monro 1951; Bottou, Curtis & Nocedal 2018, section 4.
"""

from typing import NamedTuple

from course_lib.arrays import Array

elementwise = True


class State(NamedTuple):
    """Nothing is remembered."""


def init(p: Array) -> State:
    return State()


def step(p: Array, g: Array, s: State, *, lr) -> tuple[Array, State]:
    return p - lr * g, s
