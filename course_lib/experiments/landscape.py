"""Lesson 12: how rare minima are, how long a saddle holds, what a plateau is, and where large rates settle."""

from math import log
from typing import NamedTuple

import numpy as np

from course_lib.experiments.sharpness import (
    ClassNet,
    JaxNet,
    TorchNet,
    index_in_training,
    ratio,
    rises,
    scores,
    start,
    top_curvature,
    train,
)
from course_lib.problems import digits
from course_lib.rules import adam, momentum, nesterov, sgd
from course_lib.trace import Trace

__all__ = [  # noqa: RUF022
    "share_of_minima", "escape", "escapes", "modes", "closed_form", "all_dead", "attached", "edge", "compute",
    "edges", "others", "turned", "ball_steps", "ClassNet", "JaxNet", "TorchNet", "index_in_training", "ratio",
    "rises", "scores", "start", "top_curvature", "train",
]  # fmt: skip

RATES = (0.2, 0.3, 0.4)


def share_of_minima(n: int, samples: int = 200_000) -> float:
    """The share of random symmetric Gaussian matrices of n rows whose eigenvalues are all positive."""
    rng, hits = np.random.default_rng(n), 0
    for _ in range(10):
        a = rng.standard_normal((samples // 10, n, n))
        hits += (np.linalg.eigvalsh(a + a.swapaxes(1, 2))[:, 0] > 0).sum()
    return float(hits / (samples // 10 * 10))


def escape(rule, *, h: float = 0.01, y: float = 1e-6, sigma: float = 0.0, most: int = 200_000, **hypers) -> int:
    """Steps until |y| reaches 1 on the way down of a saddle, -h/2 y^2; `sigma` is the gradient's noise."""
    rng, s = np.random.default_rng(0), rule.init(y)
    noise = sigma * rng.standard_normal(most) if sigma else np.zeros(most)
    for t, c in enumerate(noise.tolist(), start=1):
        y, s = rule.step(y, -h * y + c, s, **hypers)
        if abs(y) >= 1:
            return t
    return most


def turned(rule, *, h: float = 0.01, y: float = 1e-6, most: int = 200_000, **hypers) -> int:
    """The same where the saddle x^2/2 - h/2 y^2 lies across the axes, by 45 degrees, from x = 1."""
    turn = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)
    hessian, p = (turn * [1.0, -h]) @ turn.T, turn @ [1.0, y]
    s = rule.init(p)
    for t in range(1, most + 1):
        p, s = rule.step(p, hessian @ p, s, **hypers)
        if abs(p @ turn[:, 1]) >= 1:
            return t
    return most


def escapes(curvatures=(1.0, 0.1, 0.01, 0.001, 0.0001)) -> dict[float, int]:
    """Adam's steps out of saddles of these downward curvatures, lr 0.01."""
    return {h: escape(adam, h=h, lr=0.01) for h in curvatures}


def modes(strengths=(3.0, 1.5, 0.75), *, first: float = 1e-4, lr: float = 1e-3, steps: int = 8000) -> Trace:
    """A linear net of two layers learns the matrix diag(strengths) turned at random, from small aligned weights.

    The trace has `loss` and `modes`, shape (steps, n): how much of each singular direction is there. Whole-batch
    gradient descent on half the squared error, with white inputs (Saxe et al. 2014).
    """
    n, rng, trace = len(strengths), np.random.default_rng(0), Trace("sgd", "linear net of two layers")
    left, right = (np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(2))
    target, inner = (left * strengths) @ right.T, np.linalg.qr(rng.standard_normal((n, n)))[0]
    outer_layer, inner_layer = first**0.5 * left @ inner.T, first**0.5 * inner @ right.T
    for _ in range(steps):
        error = outer_layer @ inner_layer - target
        trace.record(loss=np.sum(error**2) / 2, modes=np.diag(left.T @ outer_layer @ inner_layer @ right))
        outer_layer, inner_layer = (
            outer_layer - lr * error @ inner_layer.T,
            inner_layer - lr * outer_layer.T @ error,
        )
    return trace


def closed_form(t, s, first: float = 1e-4):
    """How much of a direction of strength `s` is learnt at time t = steps * lr; broadcasts (Saxe et al. 2014)."""
    return s / (1 + (s / first - 1) * np.exp(-2 * np.asarray(s) * t))


def all_dead(steps: int = 500, lr: float = 0.5) -> tuple[float, float, float]:
    """(loss in the end, largest gradient of the hidden layer, loss of guessing by frequency) of a dead ReLU net."""
    import torch

    data, net = digits.load(), digits.torch_mlp()
    x, y = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train)
    torch.nn.init.constant_(net[0].bias, -100.0)
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(net(x), y)
        gradients = torch.autograd.grad(loss, list(net.parameters()))
        with torch.no_grad():
            for p, g in zip(net.parameters(), gradients, strict=True):
                p -= lr * g
    share = np.bincount(data.y_train) / len(data.y_train)
    return loss.item(), gradients[0].abs().max().item(), float(-np.sum(share * np.log(share)))


def attached(loss, p, iterations: int = 3, detach: bool = False) -> float:
    """Power iteration in torch with create_graph, as it is often written: v stays in the graph unless detached.

    The graph grows by a factor each iteration: three are plenty.
    """
    import torch

    p = torch.as_tensor(p).requires_grad_()
    v = torch.ones_like(p) / len(p) ** 0.5
    for _ in range(iterations):
        g = torch.autograd.grad(loss(p), p, create_graph=True)[0]
        product = torch.autograd.grad(g @ v, p, create_graph=True)[0]
        curvature, v = (v @ product).item(), product / product.norm()
        v = v.detach() if detach else v
    return curvature


def edge(lr, momentum, form):
    """The curvature at which a rule with this rate begins to swing for ever: a root of its recursion is -1.

    `form` is "heavy ball" (gradient descent at momentum 0), "nesterov" or "average" (Adam without its divisor).
    """
    limit = 2 * (1 + momentum) / lr
    return limit / {"heavy ball": 1, "nesterov": 1 + 2 * momentum, "average": 1 - momentum}[form]


def edges(top=top_curvature, steps: int = 1500) -> list[Trace]:
    """Gradient descent at three rates, by torch."""
    return [train(TorchNet(), sgd, lr, steps=steps, top=top, label=f"lr = {lr}") for lr in RATES]


def others(scaled, top=top_curvature, device="cpu", steps: int = 1500) -> list[Trace]:
    """Heavy ball, Nesterov and Adam at the rates of the lesson; Adam's sharpness is that of its own Hessian."""
    net = TorchNet(device)
    return [
        train(net, momentum, 0.3, steps=steps, top=top, label="heavy ball, lr 0.3", momentum=0.9),
        train(net, nesterov, 0.15, steps=steps, top=top, label="Nesterov, lr 0.15", momentum=0.9),
        train(net, adam, 0.005, steps=steps, top=top, scaled=scaled, label="Adam, lr 0.005"),
    ]


class Settling(NamedTuple):
    """What the explorer shows: the walk of (a, b) on (ab - 1)^2 / 2, its curvatures, and the edge."""

    path: np.ndarray  # (n, 2)
    sharpness: np.ndarray  # (n,)
    loss: np.ndarray  # (n,)
    edge: float


def compute(lr: float, a: float, momentum: float, form: str, steps: int = 300) -> Settling:
    """A net of two weights: from (a, 0.1), `steps` steps or until it flies off."""
    b, va, vb, path = 0.1, 0.0, 0.0, [(a, 0.1)]
    ahead = momentum if form == "nesterov" else 0.0
    for _ in range(steps):
        ga, gb = (a * b - 1) * b, (a * b - 1) * a
        va, vb = momentum * va + ga, momentum * vb + gb
        a, b = a - lr * (ahead * va + (ga if ahead else va)), b - lr * (ahead * vb + (gb if ahead else vb))
        if a * a + b * b > 1e4:
            break
        path.append((a, b))
    a, b = np.array(path).T
    spread = np.hypot((a * a - b * b) / 2, 2 * a * b - 1)
    return Settling(np.array(path), (a * a + b * b) / 2 + spread, (a * b - 1) ** 2 / 2, edge(lr, momentum, form))


def ball_growth(h: float, lr: float, momentum: float) -> float:
    """Factor by which the heavy ball's y grows a step on -h/2 y^2, in the long run."""
    middle = 1 + momentum + lr * h
    return (middle + (middle**2 - 4 * momentum) ** 0.5) / 2


def ball_steps(h: float = 0.01, y: float = 1e-6, lr: float = 0.1, momentum: float = 0.9) -> float:
    """log(1/y) over the logarithm of that factor: the steps but for the first few, in which the ball gathers way."""
    return log(1 / y) / log(ball_growth(h, lr, momentum))
