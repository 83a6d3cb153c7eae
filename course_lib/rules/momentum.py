"""Heavy-ball momentum: step along a decaying sum of past gradients.

    v <- momentum * v + (1 - dampening) * g        (the first v is g, undamped)
    p <- p - lr * v

On a quadratic of curvature h it is stable for 0 < lr * h < 2 * (1 + momentum).

Convention: PyTorch's, lr outside the velocity; optax's is the same without dampening. Sutskever et al. put lr inside,
v <- momentum * v + lr * g; the two agree while lr is constant (`course_lib.conventions`).

References: Polyak 1964; Sutskever et al. 2013, equations (1) and (2).
"""

from typing import NamedTuple

from course_lib.arrays import Array, zeros_like

elementwise = True


class State(NamedTuple):
    v: Array  # velocity, shape and dtype of p
    t: Array  # steps taken, one integer


def init(p: Array) -> State:
    return State(v=zeros_like(p), t=0)


def step(p: Array, g: Array, s: State, *, lr, momentum=0.9, dampening=0.0) -> tuple[Array, State]:
    v = momentum * s.v + (1 - dampening * (s.t > 0)) * g
    return p - lr * v, State(v, s.t + 1)
