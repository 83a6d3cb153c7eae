"""Schedule-Free: no decay of the learning rate; an average does its work, and gradients are taken between both.

    p = (1 - beta) * z + beta * x            where the gradient g is taken; this is the parameter
    z <- z - lr * u                          u = g for SGD, g / (sqrt(v / (1 - beta2^t)) + eps) for AdamW
    x <- (1 - c) * x + c * z                 c = lr^2 / (sum of all lr^2 so far), 1/t at a constant lr

Evaluate the network at x, which `evaluation_point` gives: p is where it trains, not where it is best.

Convention: the authors' code, which takes the largest lr so far in c: the same while lr does not fall. weight_decay is
decoupled from v but taken at p: u = ... + weight_decay * p.

References: Defazio et al. 2024, equations (2) to (4), and algorithm 1.
"""

from typing import NamedTuple

from course_lib.arrays import Array, maximum, one_minus_power, sqrt, zeros_like
from course_lib.rule import Rule


class State(NamedTuple):
    z: Array  # the point that takes the steps, shape and dtype of p
    weight: Array  # sum of squared learning rates, one number


class AdamWState(NamedTuple):
    z: Array
    weight: Array
    v: Array  # average of squared gradients
    t: Array  # steps taken, one integer


def evaluation_point(p: Array, s: State, *, beta=0.9) -> Array:
    """x, the average, from the training point `p` and the state; 0 < beta <= 1."""
    return (p - (1 - beta) * s.z) / beta


def _advance(p, u, s, lr, beta):
    """(p, z, weight) after a step of length lr along -u."""
    x = evaluation_point(p, s, beta=beta)
    z = s.z - lr * u
    weight = s.weight + lr * lr
    c = lr * lr / maximum(weight, 0 * weight + 1e-30)
    x = (1 - c) * x + c * z
    return (1 - beta) * z + beta * x, z, weight


def _init_sgd(p):
    return State(z=p + 0.0, weight=0.0)


def _step_sgd(p, g, s, *, lr=1.0, beta=0.9, weight_decay=0.0):
    p, z, weight = _advance(p, g + weight_decay * p, s, lr, beta)
    return p, State(z, weight)


def _init_adamw(p):
    return AdamWState(z=p + 0.0, weight=0.0, v=zeros_like(p), t=0)


def _step_adamw(p, g, s, *, lr=2.5e-3, beta=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    t = s.t + 1
    v = beta2 * s.v + (1 - beta2) * g * g
    u = g / (sqrt(v / one_minus_power(beta2, t)) + eps) + weight_decay * p
    p, z, weight = _advance(p, u, s, lr, beta)
    return p, AdamWState(z, weight, v, t)


sgd = Rule("schedule_free_sgd", _init_sgd, _step_sgd, State, elementwise=True)
adamw = Rule("schedule_free_adamw", _init_adamw, _step_adamw, AdamWState, elementwise=True)
