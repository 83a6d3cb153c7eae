"""Muon: momentum for matrices whose step has all its singular values near one.

    m <- momentum * m + (1 - momentum) * g
    u = newton_schulz((1 - momentum) * g + momentum * m)          (m alone without Nesterov)
    p <- (1 - lr * weight_decay) * p - lr * sqrt(max(1, rows / columns)) * u

After five iterations every singular value that was between 0.02 and 1 lies between 0.68 and 1.14. Rotating the
gradient rotates the step: unlike Adam's, it does not depend on the axes.

Convention: `torch.optim.Muon`, which takes the iteration in bfloat16; here it is taken in the dtype of the gradient.
Matrices only: embeddings, heads, biases and norms go to AdamW (`with_adamw` does that for all but matrices).

References: Jordan et al. 2024, Muon: an optimizer for hidden layers in neural networks; Björck & Bowie 1971.
"""

from typing import NamedTuple

from course_lib.arrays import Array, zeros_like
from course_lib.rule import Rule
from course_lib.rules import adamw

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class State(NamedTuple):
    m: Array  # average of gradients, shape and dtype of p


def init(p: Array) -> State:
    if len(p.shape) != 2:
        raise ValueError(f"muon takes matrices; this parameter has shape {tuple(p.shape)}. Give it to AdamW")
    return State(m=zeros_like(p))


def newton_schulz(x: Array, *, coefficients=COEFFICIENTS, iterations=5, eps=1e-7) -> Array:
    """The orthogonal factor of the matrix `x`, nearly: its singular values pushed towards one."""
    a, b, c = coefficients
    wide = x if x.shape[0] <= x.shape[1] else x.T
    wide = wide / _at_least((wide * wide).sum() ** 0.5, eps)
    for _ in range(iterations):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide if x.shape[0] <= x.shape[1] else wide.T


def _at_least(x, low):
    return x + (low - x) * (x < low)


def step(
    p: Array,
    g: Array,
    s: State,
    *,
    lr=1e-3,
    momentum=0.95,
    weight_decay=0.1,
    nesterov=True,
    coefficients=COEFFICIENTS,
    iterations=5,
    eps=1e-7,
) -> tuple[Array, State]:
    m = momentum * s.m + (1 - momentum) * g
    u = newton_schulz(
        (1 - momentum) * g + momentum * m if nesterov else m, coefficients=coefficients, iterations=iterations, eps=eps
    )
    rate = lr * max(1, p.shape[0] / p.shape[1]) ** 0.5
    return (1 - lr * weight_decay) * p - rate * u, State(m)


def _init_mixed(p):
    return init(p) if len(p.shape) == 2 else adamw.init(p)


def _step_mixed(p, g, s, *, lr=1e-3, momentum=0.95, weight_decay=0.1, adamw_lr=3e-4, beta1=0.9, beta2=0.95):
    if len(p.shape) == 2:
        return step(p, g, s, lr=lr, momentum=momentum, weight_decay=weight_decay)
    return adamw.step(p, g, s, lr=adamw_lr, beta1=beta1, beta2=beta2, weight_decay=weight_decay)


with_adamw = Rule("muon_with_adamw", _init_mixed, _step_mixed)
