"""The three rules that everybody runs, once more and in place: no memory is asked for beside one buffer in Adam.

Each is equal to its rule, up to rounding, at every step; a test holds them together. Adam's two corrections are folded
into the numbers that multiply: with c1 = 1 - beta1^t and r = sqrt(1 - beta2^t),

    (m / c1) / (sqrt(v) / r + eps) = (r / c1) * m / (sqrt(v) + eps * r)
"""

from functools import lru_cache

import torch

from course_lib.arrays import one_minus_power


def sgd(p, g, t, *, lr, weight_decay=0.0):
    p.add_(_with_l2(g, p, weight_decay), alpha=-lr)


def momentum(p, g, v, t, *, lr, momentum, dampening, weight_decay=0.0):
    g = _with_l2(g, p, weight_decay)
    torch.add(g * (1 - dampening) if dampening and t > 1 else g, v, alpha=momentum, out=v)
    p.add_(v, alpha=-lr)


def adam(p, g, m, v, t, *, lr, beta1, beta2, eps):
    c1, r = corrections(beta1, beta2, t)
    m.lerp_(g, 1 - beta1)
    v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
    p.addcdiv_(m, v.sqrt().add_(eps * r), value=-lr * r / c1)


@lru_cache(maxsize=8)  # the same for all tensors of a step
def corrections(beta1: float, beta2: float, t: int) -> tuple[float, float]:
    """c1 and r."""
    return one_minus_power(beta1, t), one_minus_power(beta2, t) ** 0.5


def adam_l2(p, g, m, v, t, *, lr, beta1, beta2, eps, weight_decay):
    adam(p, _with_l2(g, p, weight_decay), m, v, t, lr=lr, beta1=beta1, beta2=beta2, eps=eps)


def adamw(p, g, m, v, t, *, lr, beta1, beta2, eps, weight_decay):
    p.mul_(1 - lr * weight_decay)
    adam(p, g, m, v, t, lr=lr, beta1=beta1, beta2=beta2, eps=eps)


def _with_l2(g, p, weight_decay):
    return g.add(p, alpha=weight_decay) if weight_decay else g
