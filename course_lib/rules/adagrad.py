"""AdaGrad: divide by the root of the sum of all squared gradients, one sum for each coordinate.

    v <- v + g^2
    p <- p - lr * g / (sqrt(v) + eps)

Under a constant gradient the step falls like lr / sqrt(t): after t steps p has moved 2 * sqrt(t) * lr, nearly.

Convention: PyTorch's: v begins at 0, and lr may decay as lr / (1 + lr_decay * (t - 1)). optax begins v at 0.1 and adds
its eps of 1e-7 inside the root; `initial_accumulator=0.1, eps=0, eps_root=1e-7` reproduces that.

References: Duchi, Hazan & Singer 2011, section 1.1 (diagonal version).
"""

from typing import NamedTuple

from course_lib.arrays import Array, sqrt, zeros_like

elementwise = True


class State(NamedTuple):
    v: Array  # sum of squared gradients, shape and dtype of p
    t: Array  # steps taken, one integer


def init(p: Array, initial_accumulator=0.0) -> State:
    return State(v=zeros_like(p) + initial_accumulator, t=0)


def step(p: Array, g: Array, s: State, *, lr=1e-2, lr_decay=0.0, eps=1e-10, eps_root=0.0) -> tuple[Array, State]:
    v = s.v + g * g
    rate = lr / (1 + s.t * lr_decay)
    return p - rate * g / (sqrt(v + eps_root) + eps), State(v, s.t + 1)
