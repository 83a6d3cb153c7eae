"""AdamW: the weights decay by themselves, beside Adam's step and not through it.

    p <- (1 - lr * weight_decay) * p, then Adam

With a zero gradient p shrinks by 1 - lr * weight_decay a step, whatever Adam's averages hold.

Convention: PyTorch's and optax's, where the decay is multiplied by lr. The paper multiplies it by the schedule alone,
so its weight_decay is lr times ours. Defaults: 1e-2 in PyTorch, 1e-4 in optax.

References: Loshchilov & Hutter 2019, algorithm 2.
"""

from course_lib.arrays import Array
from course_lib.rules import adam
from course_lib.rules.adam import State, init

__all__ = ["State", "elementwise", "init", "step"]
elementwise = True


def step(
    p: Array, g: Array, s: State, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
) -> tuple[Array, State]:
    return adam.step((1 - lr * weight_decay) * p, g, s, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
