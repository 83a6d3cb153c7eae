"""Lesson 03: where Nesterov looks, what torch stores of it, what it damps, and a valley that traps the heavy ball."""

from typing import NamedTuple

import numpy as np

from course_lib.experiments.momentum import kappas as kappas_heavy
from course_lib.experiments.quadratics import slope, spectrum, steps_to
from course_lib.experiments.sgd import torch_and_jax
from course_lib.problems import digits, quadratic
from course_lib.rules import momentum as heavy_ball
from course_lib.rules import nesterov, sgd
from course_lib.trace import Trace
from course_lib.training import descend

__all__ = [  # noqa: RUF022
    "looks", "race", "beside_torch", "measured_shrink", "edge", "kappas", "kappas_heavy", "lessard", "height", "walk",
    "cycle", "moving", "starts", "basins", "compute", "digits_seeds", "by_hand", "slope", "torch_and_jax",
]  # fmt: skip

VALLEY = quadratic([1.0, 50.0])
SHALLOW = quadratic([1.0, 10.0])
CYCLE = np.array([792.0, -2208.0, 2592.0]) / 1225
SETTINGS = {  # for curvatures from 1 to 25: the best heavy ball on a quadratic, and what is safe for the other two
    heavy_ball: {"lr": 1 / 9, "momentum": 4 / 9},
    nesterov: {"lr": 1 / 25, "momentum": 2 / 3},
    sgd: {"lr": 1 / 25},
}


class Look(NamedTuple):
    """One step as points of shape (2,): from `start`, `carried` by the velocity alone, to `end`.

    The gradient was taken at `asked`.
    """

    start: np.ndarray
    carried: np.ndarray
    asked: np.ndarray
    end: np.ndarray


def look_ahead(p, u, grad, lr, momentum=0.9):
    """Nesterov's step as the paper has it; `u` is the move, lr and sign inside (the paper calls it v)."""
    u = momentum * u - lr * grad(p + momentum * u)
    return p + u, u


def look_here(p, u, grad, lr, momentum=0.9):
    """The heavy ball in the same letters."""
    u = momentum * u - lr * grad(p)
    return p + u, u


def looks(step=look_ahead, *, lr=0.08, momentum=0.9) -> dict[str, Look]:
    """One step of the heavy ball and one of `step`, from the same point at the same velocity."""
    steps = {"momentum": look_here, "nesterov": step}
    return {
        name: _look(step, np.array([-1.0, 0.4]), np.array([0.5, -0.6]), lr, momentum) for name, step in steps.items()
    }


def _look(step, p, u, lr, momentum) -> Look:
    asked = []

    def grad(q):
        asked.append(np.array(q))
        return SHALLOW.grad(q)

    end, _ = step(p.copy(), u.copy(), grad, lr, momentum)
    return Look(p, p + momentum * u, asked[-1], np.asarray(end))


def race(rule, steps: int = 60) -> list[Trace]:
    """The heavy ball and the rule in one valley, both with lr 0.02 and momentum 0.9."""
    setting = {"steps": steps, "lr": 0.02, "momentum": 0.9}
    return [
        descend(heavy_ball, VALLEY, [-1.0, 0.5], label="heavy ball", **setting),
        descend(rule, VALLEY, [-1.0, 0.5], label="Nesterov", **setting),
    ]


def beside_torch(nag_step, steps: int = 50, lr: float = 0.015, momentum: float = 0.9) -> Trace:
    """`nag_step` beside `torch.optim.SGD(nesterov=True)` in the valley, both in float64.

    The trace has `theta`, the paper's point, `ahead`, its look-ahead point, and `stored`, torch's parameter.
    """
    import torch

    theta, u = np.array([-1.0, 0.5]), np.zeros(2)
    stored = torch.nn.Parameter(torch.tensor(theta))
    optimizer = torch.optim.SGD([stored], lr=lr, momentum=momentum, nesterov=True)
    trace = Trace("nesterov")
    for _ in range(steps):
        trace.record(theta=theta, ahead=theta + momentum * u, stored=stored.detach().numpy())
        theta, u = nag_step(theta, u, VALLEY.grad, lr, momentum)
        stored.grad = torch.as_tensor(VALLEY.grad(stored.detach().numpy()))
        optimizer.step()
    return trace


def measured_shrink(rule, x: float, momentum: float) -> float:
    """The factor by which the rule's error shrinks a step in the long run at lr * h = `x`, read off four positions.

    They obey p[t+2] = a p[t+1] + b p[t]; the larger modulus of the roots of z^2 - a z - b is the factor.
    """
    p, path = 1.0, [1.0]
    s = rule.init(p)
    for _ in range(3):
        p, s = rule.step(p, p, s, lr=x, momentum=momentum)
        path.append(float(p))
    a, b = np.linalg.solve([[path[1], path[0]], [path[2], path[1]]], path[2:])
    return float(np.max(np.abs(np.roots([1, -a, -b]))))


def edge(rule, momentum: float) -> float:
    """The largest stable lr * h, where the measured factor reaches 1, by bisection."""
    low, high = 0.01, 8.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if measured_shrink(rule, middle, momentum) < 1 else (low, middle)
    return low


def kappas(rule, kappas=(10, 100, 1000, 10_000), *, tuned: bool = False) -> dict[int, int]:
    """Steps of Nesterov's rule to 1e-6 for each condition number, at the usual setting or the one best on quadratics.

    The usual one is lr 1/L with momentum (√κ − 1)/(√κ + 1); the other is Lessard, Recht & Packard's.
    """
    settings = {k: _tuned(k) if tuned else (1 / k, (k**0.5 - 1) / (k**0.5 + 1)) for k in kappas}
    return {k: steps_to(rule, spectrum(k), lr=lr, momentum=mu) for k, (lr, mu) in settings.items()}


def _tuned(kappa: float) -> tuple[float, float]:
    root = np.sqrt(3 * kappa + 1)
    return 4 / (3 * kappa + 1), (root - 2) / (root + 2)


def lessard(x):
    """The slope of a convex function of curvature 25, but 1 between x = 1 and x = 2; any shape."""
    return 25 * x - 24 * np.clip(x - 1, 0, 1)


def height(x):
    """The function whose slope is `lessard`, 0 at x = 0; any shape."""
    inner, beyond = np.clip(x - 1, 0, 1), np.maximum(x - 2, 0)
    return 12.5 * x**2 - 12 * inner**2 - 24 * beyond


def walk(rule, x0, gradient=lessard, steps: int = 60, **hypers) -> np.ndarray:
    """Positions of the rule from `x0`, any shape, at rows 0 to `steps`; its own setting of SETTINGS unless given."""
    hypers = SETTINGS.get(rule, {}) | hypers
    x = np.array(x0, dtype=float)
    s, path = rule.init(x), [x]
    for _ in range(steps):
        x, s = rule.step(x, gradient(x), s, **hypers)
        path.append(x)
    return np.stack(path)


def cycle(gradient=lessard, x0: float = 3.3) -> np.ndarray:
    """The last three positions of 600 steps of the heavy ball, shape (3,), in the order of CYCLE."""
    last = walk(heavy_ball, x0, gradient, steps=600)[-3:]
    return np.roll(last, -int(np.argmin(np.abs(last - CYCLE[0]))))


def starts(number: int = 2001) -> np.ndarray:
    """Evenly spaced starts from -5 to 5."""
    return np.linspace(-5, 5, number)


def moving(rule, gradient=lessard, x0=None, steps: int = 600, **hypers) -> np.ndarray:
    """Whether each start, the usual ones where left out, still moves by more than 0.1 after `steps`."""
    last = walk(rule, starts() if x0 is None else x0, gradient, steps, **hypers)[-6:]
    return np.ptp(last, axis=0) > 0.1


class Basins(NamedTuple):
    """From which starts, and at which momenta, the heavy ball never comes to rest: `caught`, shape (rows, columns)."""

    x0: np.ndarray
    momentum: np.ndarray
    caught: np.ndarray


def basins(columns: int = 201, rows: int = 111, steps: int = 400) -> Basins:
    """The heavy ball on Lessard's function at lr 1/9, over starts and momenta."""
    x0, mu = starts(columns), np.linspace(0.4, 0.95, rows)
    grid = np.broadcast_to(x0, (rows, columns))
    return Basins(x0, mu, moving(heavy_ball, x0=grid, steps=steps, momentum=mu[:, None]))


class Balls(NamedTuple):
    """What the explorer shows: one start, one momentum, and the positions of both methods."""

    x0: float
    momentum: float
    heavy: np.ndarray
    ahead: np.ndarray


def compute(x0: float, momentum: float) -> Balls:
    """60 steps of the heavy ball at lr 1/9 and of Nesterov at lr 1/25 from `x0`, with the same momentum."""
    return Balls(x0, momentum, walk(heavy_ball, x0, momentum=momentum), walk(nesterov, x0, momentum=momentum))


def digits_seeds(rule, lr: float, *, seeds: int = 5, steps: int = 300, device="cpu", **hypers) -> np.ndarray:
    """Training losses of the digits net from several starts, each with its own batches, shape (seeds, steps)."""
    return np.stack([_digits_loss(rule, lr, seed, steps, device, hypers) for seed in range(seeds)])


def _digits_loss(rule, lr, seed, steps, device, hypers):
    from course_lib import training
    from course_lib.torch_optim import TorchOptimizer

    data = digits.load()
    net = digits.torch_mlp(seed).to(device)
    order = digits.batches(len(data.y_train), 64, steps, seed)
    optimizer = TorchOptimizer(net.parameters(), rule, lr=lr, **hypers)
    return training.train_torch(net, optimizer, list(order), data.x_train, data.y_train)["loss"]


def by_hand(step, label: str, *, steps: int = 60, lr: float = 0.02) -> Trace:
    """A training loop around `step(p, g, u, lr, momentum)` -> (p, u), u the move, in the valley of `race`."""
    p, u, trace = np.array([-1.0, 0.5]), np.zeros(2), Trace("nesterov", label)
    trace.record(p=p, loss=VALLEY.f(p))
    for _ in range(steps):
        p, u = step(p, VALLEY.grad(p), u, lr, 0.9)
        trace.record(p=p, loss=VALLEY.f(p))
    return trace
