"""AdaMax: Adam with the largest recent gradient in place of the root mean square.

    m <- beta1 * m + (1 - beta1) * g
    u <- max(beta2 * u, |g| + eps)
    p <- p - lr / (1 - beta1^t) * m / u

For beta1 < beta2 no step moves an entry by more than lr * (1 - beta1) / (1 - beta1 / beta2), 1.009 * lr by default;
gradients that shrink by beta2 from step to step come as close to it as one likes. The paper says lr. u begins at 0 and
needs no correction.

Convention: PyTorch's and optax's, eps inside the maximum; the paper has none.

References: Kingma & Ba 2015, section 7.1, algorithm 2.
"""

from typing import NamedTuple

from course_lib.arrays import Array, maximum, one_minus_power, zeros_like

elementwise = True


class State(NamedTuple):
    m: Array  # average of gradients, shape and dtype of p
    u: Array  # decaying maximum of |g|
    t: Array  # steps taken, one integer


def init(p: Array) -> State:
    return State(m=zeros_like(p), u=zeros_like(p), t=0)


def step(p: Array, g: Array, s: State, *, lr=2e-3, beta1=0.9, beta2=0.999, eps=1e-8) -> tuple[Array, State]:
    t = s.t + 1
    m = beta1 * s.m + (1 - beta1) * g
    u = maximum(beta2 * s.u, abs(g) + eps)
    return p - lr / one_minus_power(beta1, t) * m / u, State(m, u, t)
