"""AMSGrad: Adam that divides by the largest average so far, so that a large v is not forgotten.

    m <- beta1 * m + (1 - beta1) * g
    v <- beta2 * v + (1 - beta2) * g^2
    w <- max(w, v)
    p <- p - lr * (m / (1 - beta1^t)) / (sqrt(w / (1 - beta2^t)) + eps)

After one large gradient, the steps that follow stay short for ever.

Convention: PyTorch's, the maximum of the uncorrected v, as in the paper, which has no correction at all. optax takes
the maximum of v / (1 - beta2^t): `corrected` is that rule.

References: Reddi, Kale & Kumar 2018, algorithm 2.
"""

from typing import NamedTuple

from course_lib.arrays import Array, maximum, one_minus_power, sqrt, zeros_like
from course_lib.rule import Rule

elementwise = True


class State(NamedTuple):
    m: Array  # average of gradients, shape and dtype of p
    v: Array  # average of squared gradients
    w: Array  # its largest value so far
    t: Array  # steps taken, one integer


def init(p: Array) -> State:
    return State(m=zeros_like(p), v=zeros_like(p), w=zeros_like(p), t=0)


def step(p: Array, g: Array, s: State, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8) -> tuple[Array, State]:
    t = s.t + 1
    m = beta1 * s.m + (1 - beta1) * g
    v = beta2 * s.v + (1 - beta2) * g * g
    w = maximum(s.w, v)
    m_hat = m / one_minus_power(beta1, t)
    return p - lr * m_hat / (sqrt(w / one_minus_power(beta2, t)) + eps), State(m, v, w, t)


def _step_corrected(p, g, s, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    t = s.t + 1
    m = beta1 * s.m + (1 - beta1) * g
    v = beta2 * s.v + (1 - beta2) * g * g
    w = maximum(s.w, v / one_minus_power(beta2, t))
    return p - lr * m / one_minus_power(beta1, t) / (sqrt(w) + eps), State(m, v, w, t)


corrected = Rule("amsgrad_corrected", init, _step_corrected, State, elementwise=True)
