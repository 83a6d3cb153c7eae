"""Adam: a running mean of the gradient, divided by the root of a running mean of its square.

    m <- beta1 * m + (1 - beta1) * g
    v <- beta2 * v + (1 - beta2) * g^2
    p <- p - lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)

Both means begin at zero; dividing by 1 - beta^t corrects that, so that the first step is lr * sign(g).

Convention: Algorithm 1 of the paper, PyTorch and optax: eps outside the root, after the correction. The paper's second
form, in the text of section 2, corrects lr in place of m and v and means another eps; TensorFlow has that one.

References: Kingma & Ba 2015, algorithm 1.
"""

from typing import NamedTuple

from course_lib.arrays import Array, one_minus_power, sqrt, zeros_like

elementwise = True


class State(NamedTuple):
    m: Array  # average of gradients, shape and dtype of p
    v: Array  # average of squared gradients
    t: Array  # steps taken, one integer


def init(p: Array) -> State:
    return State(m=zeros_like(p), v=zeros_like(p), t=0)


def step(p: Array, g: Array, s: State, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8) -> tuple[Array, State]:
    t = s.t + 1
    m = beta1 * s.m + (1 - beta1) * g
    v = beta2 * s.v + (1 - beta2) * g * g
    m_hat = m / one_minus_power(beta1, t)
    v_hat = v / one_minus_power(beta2, t)
    return p - lr * m_hat / (sqrt(v_hat) + eps), State(m, v, t)
