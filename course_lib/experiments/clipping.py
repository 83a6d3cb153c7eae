"""Lesson 11: the cliff, what a clip does to a direction and to an average, and what it cannot cure."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from course_lib.experiments import half_precision, pixel_rnn
from course_lib.trace import Trace

__all__ = [  # noqa: RUF022
    "cliff", "surface", "walk", "paths", "turn", "reach", "settle", "longest", "adam_with_and_without", "two_layers",
    "with_inf", "broken_net", "compute", "half_precision", "pixel_rnn",
]  # fmt: skip

START, LR, LIMIT = (5.5, -2.6), 0.5, 0.1  # one clipped step is at most 0.05 long
VIEW = (4.0, 7.0, -3.5, -1.5)  # w and b
STEPS, FIRST, TARGET = 50, 0.5, 0.7


def cliff(w, b):
    """(error, its slope along w, along b) of one unit, x <- w sigmoid(x) + b, asked for 0.7 after 50 steps.

    Pascanu, Mikolov & Bengio 2013, figure 6; w and b are floats or arrays of one shape.
    """
    x, x_w, x_b = FIRST, 0.0, 0.0
    s = 1 / (1 + np.exp(-x))
    for _ in range(STEPS):
        back = w * s * (1 - s)  # how much of a change of x survives this step
        x_w, x_b = back * x_w + s, back * x_b + 1
        x = w * s + b
        s = 1 / (1 + np.exp(-x))
    slope = 2 * (s - TARGET) * s * (1 - s)
    return (s - TARGET) ** 2, slope * x_w, slope * x_b


class Surface(NamedTuple):
    """The cliff on a grid."""

    w: np.ndarray
    b: np.ndarray
    error: np.ndarray
    norm: np.ndarray  # of the gradient


@cache
def surface(points: int = 301) -> Surface:
    w, b = np.meshgrid(np.linspace(*VIEW[:2], points), np.linspace(*VIEW[2:], points))
    error, *slopes = cliff(w, b)
    return Surface(w, b, error, np.hypot(*slopes))


def walk(clip: Callable | None = None, *, lr: float = LR, steps: int = 100, label: str | None = None) -> Trace:
    """Gradient descent from the top of the cliff; `clip(gradients)` takes and gives a list of arrays.

    The trace has `p`, of shape (steps + 1, 2), `norm` and `loss`.
    """
    p, trace = np.array(START), Trace("sgd", label)
    with np.errstate(over="ignore"):
        for _ in range(steps + 1):
            error, *slopes = cliff(*p)
            g = np.array(slopes)
            trace.record(p=p, loss=error, norm=np.hypot(*g))
            g = clip([g])[0] if clip else g
            p = p - lr * g
    return trace


def paths(clip: Callable) -> list[Trace]:
    """The cliff without a clip and with `clip(gradients, max_norm)`."""
    return [walk(label="without"), walk(lambda gradients: clip(gradients, LIMIT), label="clipped by norm")]


def longest(trace: Trace) -> float:
    """The longest step of a walk."""
    return float(np.linalg.norm(np.diff(trace["p"], axis=0), axis=1).max())


def turn(before: Sequence, after: Sequence) -> float:
    """The angle between two vectors in degrees."""
    a, b = (np.ravel(v).astype(float) for v in (before, after))
    cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def two_layers() -> list[np.ndarray]:
    """The gradients of a large layer and of a small one."""
    rng = np.random.default_rng(0)
    return [rng.standard_normal((20, 20)), 0.02 * rng.standard_normal(20)]


def reach(clip: Callable | None = None, *, lr: float = 0.1, steps: int = 200) -> float:
    """The furthest start from which gradient descent on x^4/4 stays, by bisection up to 1000."""
    low, high = 0.0, 1000.0
    while high - low > 1e-6:
        x = middle = (low + high) / 2
        for _ in range(steps):
            g = np.array([x**3])
            x = float(x - lr * (clip([g])[0] if clip else g)[0])
            if abs(x) > middle:
                break
        low, high = (middle, high) if abs(x) <= middle else (low, middle)
    return low


def settle(
    clip: Callable, limit: float, *, rare: float = 0.1, size: float = 9.0, lr: float = 0.02, steps: int = 3000
) -> float:
    """Mean of 2000 runs of SGD on x^2/2 over their last 500 steps, each gradient clipped by `clip(g, limit)`.

    The noise is `size` with probability `rare`, and else what makes its mean 0.
    """
    rng, x, kept = np.random.default_rng(0), np.zeros(2000), []
    for t in range(steps):
        noise = np.where(rng.random(2000) < rare, size, -size * rare / (1 - rare))
        x = x - lr * clip(x + noise, limit)
        if t >= steps - 500:
            kept.append(x.mean())
    return float(np.mean(kept))


def adam_with_and_without(clip: Callable, *, outlier: float = 1.0, steps: int = 200) -> tuple[float, float]:
    """How far Adam comes at lr 0.01 without and with a clip at 1: each gradient is 50, one `outlier` times that.

    The odd one comes half way.
    """
    from course_lib.rules import adam

    ways = []
    for clipped in (False, True):
        p = np.zeros(1)
        s = adam.init(p)
        for t in range(steps):
            g = np.array([50.0 * (outlier if t == steps // 2 else 1.0)])
            p, s = adam.step(p, clip([g], 1.0)[0] if clipped else g, s, lr=0.01)
        ways.append(-float(p[0]))
    return ways[0], ways[1]


def with_inf(entry: float = np.inf) -> dict[str, list[float]]:
    """What PyTorch's two clips at 1 make of the gradient (entry, 1)."""
    import torch

    clipped = {}
    for name, clip in (
        ("clip_grad_norm_", torch.nn.utils.clip_grad_norm_),
        ("clip_grad_value_", torch.nn.utils.clip_grad_value_),
    ):
        p = torch.nn.Parameter(torch.zeros(2))
        p.grad = torch.tensor([entry, 1.0])
        clip([p], 1.0)
        clipped[name] = p.grad.tolist()
    return clipped


def broken_net():
    """(loss, torch net after backward): distances between pictures, one of them from itself, where a root has no slope.

    `shift`, 0 at the start, is added under the root; `unused` takes no part.
    """
    import torch

    torch.manual_seed(0)
    layers = {"first": (4, 4), "second": (4, 4), "unused": (4, 4), "last": (1, 1)}
    net = torch.nn.ModuleDict({name: torch.nn.Linear(*size, bias=False) for name, size in layers.items()})
    net.register_parameter("shift", torch.nn.Parameter(torch.zeros(1)))
    h = net["second"](torch.tanh(net["first"](torch.randn(3, 4))))
    apart = (h[[0, 0, 1]] - h[[0, 1, 2]]).square().sum(1)
    loss = net["last"](torch.sqrt(apart + net.shift)[:, None]).mean()
    loss.backward()
    return loss.item(), net


class Setting(NamedTuple):
    """What the explorer shows: a path on the cliff, and the gradients in float16."""

    limit: float
    scale: float
    path: np.ndarray  # (61, 2)
    error: float  # at its end
    sizes: np.ndarray  # of the scaled gradients
    zero: float  # share that float16 makes 0
    infinite: int  # how many it makes infinite


def compute(limit: float, scale: float) -> Setting:
    """60 clipped steps from the cliff's top, and a real net's gradients times `scale` in half precision."""
    p = np.array(START)
    path = [p]
    with np.errstate(over="ignore"):
        for _ in range(60):
            g = np.array(_slopes(*p))
            p = p - LR * g * min(1.0, limit / max(float(np.hypot(*g)), 1e-300))
            path.append(p)
        sizes = half_precision.late_gradients() * scale
        halves = sizes.astype(np.float16)
    zero, infinite = float(np.mean(halves == 0)), int(np.isinf(halves).sum())
    return Setting(limit, scale, np.array(path), float(cliff(*p)[0]), sizes, zero, infinite)


def _slopes(w, b):
    return cliff(float(w), float(b))[1:]
