"""AdaDelta: RMSProp whose step is measured in the units of its own past steps.

    v <- rho * v + (1 - rho) * g^2
    d = sqrt(u + eps) / sqrt(v + eps) * g
    u <- rho * u + (1 - rho) * d^2
    p <- p - lr * d

The first step under a constant gradient of 1 is lr * sqrt(eps / (1 - rho + eps)): eps is what starts it.

Convention: PyTorch's and optax's (rho 0.9, eps 1e-6); the paper has rho 0.95 and no lr.

References: Zeiler 2012, algorithm 1.
"""

from typing import NamedTuple

from course_lib.arrays import Array, sqrt, zeros_like

elementwise = True


class State(NamedTuple):
    v: Array  # average of squared gradients, shape and dtype of p
    u: Array  # average of squared steps


def init(p: Array) -> State:
    return State(v=zeros_like(p), u=zeros_like(p))


def step(p: Array, g: Array, s: State, *, lr=1.0, rho=0.9, eps=1e-6) -> tuple[Array, State]:
    v = rho * s.v + (1 - rho) * g * g
    d = sqrt(s.u + eps) / sqrt(v + eps) * g
    u = rho * s.u + (1 - rho) * d * d
    return p - lr * d, State(v, u)
