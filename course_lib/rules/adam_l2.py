"""Adam with L2: the penalty's gradient weight_decay * p joins the gradient, and is scaled like it.

    g <- g + weight_decay * p, then Adam

Where the loss gradient is zero, Adam divides weight_decay * p by its own size, and weight_decay cancels.

Convention: `torch.optim.Adam(weight_decay=...)`.

References: Loshchilov & Hutter 2019, algorithm 2, without the decoupled line.
"""

from course_lib.arrays import Array
from course_lib.rules import adam
from course_lib.rules.adam import State, init

__all__ = ["State", "elementwise", "init", "step"]
elementwise = True


def step(
    p: Array, g: Array, s: State, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0
) -> tuple[Array, State]:
    return adam.step(p, g + weight_decay * p, s, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
