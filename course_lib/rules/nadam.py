"""NAdam: Adam whose mean looks one step ahead, as Nesterov's momentum does, with a momentum that warms up.

    mu_t = beta1 * (1 - 0.96^(t * momentum_decay) / 2),  P_t = mu_1 * ... * mu_t
    m <- beta1 * m + (1 - beta1) * g
    v <- beta2 * v + (1 - beta2) * g^2
    p <- p - lr * ((1 - mu_t) / (1 - P_t) * g + mu_(t+1) / (1 - P_(t+1)) * m) / (sqrt(v / (1 - beta2^t)) + eps)

Convention: PyTorch's, after Dozat. optax has the constant mu = beta1; `momentum_decay=math.inf` is that. Note that
momentum_decay = 0 is not: it halves beta1.

References: Dozat 2016, algorithm 2, and section 5 of its longer report for the schedule of mu.
"""

from typing import NamedTuple

from course_lib.arrays import Array, one_minus_power, sqrt, zeros_like

elementwise = True


class State(NamedTuple):
    m: Array  # average of gradients, shape and dtype of p
    v: Array  # average of squared gradients
    product: Array  # mu_1 * ... * mu_t, one number
    t: Array  # steps taken, one integer


def init(p: Array) -> State:
    return State(m=zeros_like(p), v=zeros_like(p), product=1.0, t=0)


def step(
    p: Array, g: Array, s: State, *, lr=2e-3, beta1=0.9, beta2=0.999, eps=1e-8, momentum_decay=4e-3
) -> tuple[Array, State]:
    t = s.t + 1
    mu = beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))
    mu_next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentum_decay))
    product = s.product * mu
    m = beta1 * s.m + (1 - beta1) * g
    v = beta2 * s.v + (1 - beta2) * g * g
    ahead = (1 - mu) / (1 - product) * g + mu_next / (1 - product * mu_next) * m
    return p - lr * ahead / (sqrt(v / one_minus_power(beta2, t)) + eps), State(m, v, product, t)
