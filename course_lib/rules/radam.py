"""RAdam: Adam that waits until its average of squares can be trusted.

    m <- beta1 * m + (1 - beta1) * g
    v <- beta2 * v + (1 - beta2) * g^2
    rho_inf = 2 / (1 - beta2) - 1,  rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t)
    r_t = sqrt((rho_t - 4)(rho_t - 2) rho_inf / ((rho_inf - 4)(rho_inf - 2) rho_t))
    p <- p - lr * m / (1 - beta1^t) * (r_t * sqrt(1 - beta2^t) / (sqrt(v) + eps)  if rho_t > 5,  else 1)

At beta2 = 0.999 the first five steps are plain momentum steps, in the units of the gradient.

Convention: PyTorch's and optax's threshold of 5; the paper says 4. PyTorch adds eps to sqrt(v), before the correction;
optax to sqrt(v / (1 - beta2^t)), and `corrected_eps=True` is that.

References: Liu et al. 2020, algorithm 2; Ma & Yarats 2021, who get the same from a linear warm-up of 2 / (1 - beta2).
"""

from typing import NamedTuple

from course_lib.arrays import Array, maximum, one_minus_power, sqrt, where, zeros_like

elementwise = True


class State(NamedTuple):
    m: Array  # average of gradients, shape and dtype of p
    v: Array  # average of squared gradients
    t: Array  # steps taken, one integer


def init(p: Array) -> State:
    return State(m=zeros_like(p), v=zeros_like(p), t=0)


def rectification(t, beta2) -> tuple[Array, Array]:
    """(rho_t, r_t), of which r_t counts where rho_t > 5."""
    rho_inf = 2 / (1 - beta2) - 1
    correction = one_minus_power(beta2, t)
    rho = rho_inf - 2 * t * (1 - correction) / correction
    square = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
    return rho, sqrt(maximum(square, 0 * square))


def step(
    p: Array, g: Array, s: State, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, corrected_eps=False
) -> tuple[Array, State]:
    t = s.t + 1
    m = beta1 * s.m + (1 - beta1) * g
    v = beta2 * s.v + (1 - beta2) * g * g
    rho, r = rectification(t, beta2)
    root = sqrt(one_minus_power(beta2, t))
    adaptive = r * root / (sqrt(v) + (eps * root if corrected_eps else eps))
    m_hat = m / one_minus_power(beta1, t)
    return p - lr * m_hat * where(rho > 5, adaptive, 1.0), State(m, v, t)
