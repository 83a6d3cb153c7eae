"""Lion: step by the sign of a mean of the gradient, and keep a slower mean.

    p <- p - lr * sign(beta1 * m + (1 - beta1) * g)
    m <- beta2 * m + (1 - beta2) * g

Every step has the length lr * sqrt(d) in d dimensions, as long as no entry of the mean is zero.

Convention: the authors' and optax's. Decay is decoupled, and weight_decay is best three to ten times AdamW's, since
lr is that much smaller.

References: Chen et al. 2023, algorithm 2.
"""

from typing import NamedTuple

from course_lib.arrays import Array, sign, zeros_like

elementwise = True


class State(NamedTuple):
    m: Array  # average of gradients, shape and dtype of p


def init(p: Array) -> State:
    return State(m=zeros_like(p))


def step(p: Array, g: Array, s: State, *, lr=1e-4, beta1=0.9, beta2=0.99, weight_decay=0.0) -> tuple[Array, State]:
    u = sign(beta1 * s.m + (1 - beta1) * g)
    m = beta2 * s.m + (1 - beta2) * g
    return p - lr * (u + weight_decay * p), State(m)
