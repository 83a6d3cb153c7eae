"""RMSProp: divide by the root of a running average of squared gradients.

    v <- alpha * v + (1 - alpha) * g^2
    p <- p - lr * g / (sqrt(v) + eps)

Multiplying all gradients by a constant changes nothing but eps. There is no bias correction: under a constant gradient
the first step is lr / sqrt(1 - alpha), ten times lr at alpha = 0.99.

Convention: PyTorch's. optax has decay 0.9 and adds eps inside the root; `alpha=0.9, eps=0, eps_root=1e-8` reproduces
it. `centered` subtracts the square of the mean gradient under the root (Graves 2013); `with_momentum` sends the scaled
gradient through a heavy ball, as both libraries do.

References: Tieleman & Hinton 2012, lecture 6e; Graves 2013, equations (38) to (40).
"""

from typing import NamedTuple

from course_lib.arrays import Array, sqrt, zeros_like
from course_lib.rule import Rule

elementwise = True


class State(NamedTuple):
    v: Array  # average of squared gradients, shape and dtype of p


def init(p: Array) -> State:
    return State(v=zeros_like(p))


def scale(g: Array, s: State, *, alpha, eps, eps_root) -> tuple[Array, State]:
    v = alpha * s.v + (1 - alpha) * g * g
    return g / (sqrt(v + eps_root) + eps), State(v)


def step(p: Array, g: Array, s: State, *, lr=1e-2, alpha=0.99, eps=1e-8, eps_root=0.0) -> tuple[Array, State]:
    scaled, s = scale(g, s, alpha=alpha, eps=eps, eps_root=eps_root)
    return p - lr * scaled, s


class CenteredState(NamedTuple):
    v: Array  # average of squared gradients
    m: Array  # average of gradients


def scale_centered(g: Array, s: CenteredState, *, alpha, eps, eps_root) -> tuple[Array, CenteredState]:
    v = alpha * s.v + (1 - alpha) * g * g
    m = alpha * s.m + (1 - alpha) * g
    return g / (sqrt(abs(v - m * m) + eps_root) + eps), CenteredState(v, m)  # rounding may leave v < m * m


def _init_centered(p):
    return CenteredState(zeros_like(p), zeros_like(p))


def _step_centered(p, g, s, *, lr=1e-2, alpha=0.99, eps=1e-8, eps_root=0.0):
    scaled, s = scale_centered(g, s, alpha=alpha, eps=eps, eps_root=eps_root)
    return p - lr * scaled, s


class MomentumState(NamedTuple):
    v: Array  # average of squared gradients
    b: Array  # decaying sum of scaled gradients


def _init_momentum(p):
    return MomentumState(zeros_like(p), zeros_like(p))


def _step_momentum(p, g, s, *, lr=1e-2, alpha=0.99, eps=1e-8, momentum=0.9, eps_root=0.0):
    scaled, (v,) = scale(g, s, alpha=alpha, eps=eps, eps_root=eps_root)
    b = momentum * s.b + scaled
    return p - lr * b, MomentumState(v, b)


class CenteredMomentumState(NamedTuple):
    v: Array
    m: Array
    b: Array


def _init_centered_momentum(p):
    return CenteredMomentumState(zeros_like(p), zeros_like(p), zeros_like(p))


def _step_centered_momentum(p, g, s, *, lr=1e-2, alpha=0.99, eps=1e-8, momentum=0.9, eps_root=0.0):
    scaled, (v, m) = scale_centered(g, s, alpha=alpha, eps=eps, eps_root=eps_root)
    b = momentum * s.b + scaled
    return p - lr * b, CenteredMomentumState(v, m, b)


centered = Rule("rmsprop_centered", _init_centered, _step_centered, CenteredState, True)
with_momentum = Rule("rmsprop_momentum", _init_momentum, _step_momentum, MomentumState, True)
centered_with_momentum = Rule(
    "rmsprop_centered_momentum", _init_centered_momentum, _step_centered_momentum, CenteredMomentumState, True
)
