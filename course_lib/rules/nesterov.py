"""Nesterov momentum: the heavy ball whose gradient is taken where the velocity is about to carry it.

    v <- momentum * v + g
    p <- p - lr * (g + momentum * v)

On a quadratic of curvature h it is stable for 0 < lr * h < 2 * (1 + momentum) / (1 + 2 * momentum).

Convention: PyTorch's and optax's. The stored p is the look-ahead point; the paper's is p + lr * momentum * v
(`course_lib.conventions`).

References: Nesterov 1983; Sutskever et al. 2013, equations (3) and (4).
"""

from typing import NamedTuple

from course_lib.arrays import Array, zeros_like

elementwise = True


class State(NamedTuple):
    v: Array  # velocity, shape and dtype of p


def init(p: Array) -> State:
    return State(v=zeros_like(p))


def step(p: Array, g: Array, s: State, *, lr, momentum=0.9) -> tuple[Array, State]:
    v = momentum * s.v + g
    return p - lr * (g + momentum * v), State(v)
