"""Lesson 05: what Adam's two corrections are worth, what it does not notice, and where it goes wrong."""

from typing import NamedTuple

import numpy as np

from course_lib import conventions
from course_lib.arrays import sign, sqrt
from course_lib.experiments.sgd import torch_and_jax
from course_lib.problems import digits, quadratic
from course_lib.rule import Rule
from course_lib.rules import adam, momentum, rmsprop
from course_lib.theory import best_pair
from course_lib.trace import Trace
from course_lib.training import descend

__all__ = [  # noqa: RUF022
    "uncorrected", "stuck", "deep_nets", "learnt", "lengths", "scaled", "first_step", "impulse", "turns",
    "counterexample", "memory", "inside", "blank_pixels", "correction_error", "compute", "torch_and_jax",
]  # fmt: skip

DEEP = (64,) + (64,) * 8 + (10,)  # the digits net with eight hidden layers


def _without(p, g, s, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * s.m + (1 - beta1) * g
    v = beta2 * s.v + (1 - beta2) * g * g
    return p - lr * m / (sqrt(v) + eps), adam.State(m, v, s.t + 1)


def _stuck(p, g, s, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    p, s = adam.step(p, g, s, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    return p, s._replace(t=0)


uncorrected = Rule("adam without corrections", adam.init, _without, adam.State, elementwise=True)
stuck = Rule("adam whose t stays 1", adam.init, _stuck, adam.State, elementwise=True)


def deep_nets(rule, lr: float = 0.01, steps: int = 200, seeds: int = 10):
    """The Sweep of ten-layer ReLU nets on the digits by an elementwise rule, batches of 64, at one rate."""
    from course_lib.sweeps import sweep_torch

    data = digits.load()
    own = Rule(rule.__name__.rpartition(".")[2], rule.init, rule.step, elementwise=True)
    return sweep_torch(own, [lr], range(seeds), x=data.x_train, y=data.y_train, steps=steps, batch_size=64, sizes=DEEP)


def learnt(sweep, loss: float = 0.3) -> int:
    """How many seeds end below this training loss."""
    return int((sweep.final_loss < loss).sum())


def lengths(rule, steps: int = 2000, g: float = 1.0, **hypers) -> np.ndarray:
    """Length of each step in units of lr under a constant gradient, shape (steps,)."""
    s, moves = rule.init(0.0), []
    for _ in range(steps):
        p, s = rule.step(0.0, g, s, lr=1.0, **hypers)
        moves.append(-p)
    return np.array(moves)


def first_step(rule, g: float, **hypers) -> float:
    """The first step in units of lr."""
    return float(lengths(rule, 1, g, **hypers)[0])


def scaled(rule, factor: float = 1000.0, **hypers) -> float:
    """How far a walk in a valley has come when the loss is multiplied by `factor`, over the same without."""
    one, other = (
        descend(rule, quadratic(scale * np.array([1.0, 50.0])), steps=20, **hypers)["p"][:, 0]
        for scale in (1.0, factor)
    )
    return float((other[0] - other[-1]) / (one[0] - one[-1]))


def impulse(rule, silence: int = 9999, after: int = 500) -> tuple[float, float]:
    """(longest step, way in all) in units of lr that one gradient of 1 causes after a long time without any."""
    p, s, moves = 0.0, rule.init(0.0), []
    for t in range(silence + 1 + after):
        q, s = rule.step(p, 1.0 if t == silence else 0.0, s, lr=1.0)
        moves.append(p - q)
        p = q
    return float(max(moves)), float(sum(moves))


def turned(rule, lrs, *, angle: bool, falls: bool, steps: int = 2000, label=None, **hypers) -> Trace:
    """f over f at the start on curvatures 1 to 10,000 in 20 dimensions, at the best of `lrs`.

    With `angle` the valley and the start are turned together, by one random rotation. Where it `falls`, lr does so
    linearly, to 0 at the last step.
    """
    h = np.geomspace(1.0, 1e4, 20)
    rng = np.random.default_rng(0)
    start, turn = rng.standard_normal(20), np.linalg.qr(rng.standard_normal((20, 20)))[0] if angle else np.eye(20)
    hessian, runs = (turn * h) @ turn.T, []
    for lr in lrs:
        p, trace = turn @ start, Trace(rule.__name__.rpartition(".")[2], label)
        s, first = rule.init(p), start @ (h * start)
        for t in range(steps):
            trace.record(loss=p @ hessian @ p / first)
            p, s = rule.step(p, hessian @ p, s, lr=lr * (1 - t / steps) if falls else lr, **hypers)
        runs.append(trace)
    return min(runs, key=lambda run: run["loss"][-1])


def turns(rule) -> dict[str, Trace]:
    """Adam, its lr falling, and the heavy ball at its best constant setting, in the valley as it is and turned."""
    lr, mu = best_pair(1.0, 1e4)
    return {
        f"{name}, {'turned' if angle else 'on the axes'}": turned(
            run, lrs, angle=angle, label=f"{name}, {'turned' if angle else 'on the axes'}", **hypers
        )
        for name, run, lrs, hypers in (
            ("Adam", rule, (0.1, 0.3, 1.0, 3.0), {"falls": True}),
            ("momentum", momentum, (lr,), {"falls": False, "momentum": mu}),
        )
        for angle in (False, True)
    }


def counterexample(rule, *, steps: int = 10_000, c: float = 10.0, beta1=0.0, beta2=None, label=None) -> Trace:
    """x_t on [-1, 1] from 0, where the slope is c in every third step and -1 in the others: the best point is -1.

    Without a `beta2` it is the paper's, 1 / (1 + c^2).
    """
    beta2 = 1 / (1 + c**2) if beta2 is None else beta2
    p, trace = 0.0, Trace(rule.__name__.rpartition(".")[2], label)
    s = rule.init(p)
    for t in range(1, steps + 1):
        g = c if t % 3 == 1 else -1.0
        p, s = rule.step(p, g, s, lr=0.5 / t**0.5, beta1=beta1, beta2=beta2)
        p = min(1.0, max(-1.0, float(p)))
        trace.record(p=p)
    return trace


def memory(rule, beta2s, *, steps: int = 30_000, period: int = 101) -> np.ndarray:
    """Where the rule stands after `steps` for each beta2, when the slope is 1010 once in a period and else -10."""
    beta2 = np.array(beta2s)
    p = np.zeros(len(beta2))
    s = rule.init(p)
    for t in range(1, steps + 1):
        g = np.full(len(beta2), 1010.0 if t % period == 1 else -10.0)
        p, s = rule.step(p, g, s, lr=0.5 / t**0.5, beta1=0.0, beta2=beta2)
        p = np.clip(p, -1.0, 1.0)
    return p


def _downhill(p, g, s, *, lr):
    return p - lr * sign(g), s


_sign = Rule("sign", lambda p: (), _downhill)


def inside(rule, steps: int = 2000) -> dict[str, tuple[float, float]]:
    """Adam's step over another method's, the first and the last of `steps` on random slopes, at settings that imitate
    the method."""
    pairs = {  # name: (Adam's settings, the other rule, its settings)
        "sign descent: β1 = β2 = ε = 0": ({"lr": 1.0, "beta1": 0.0, "beta2": 0.0, "eps": 0.0}, _sign, {}),
        "RMSProp, ρ = 0.99: β1 = 0, β2 = 0.99": ({"lr": 1.0, "beta1": 0.0, "beta2": 0.99}, rmsprop, {"alpha": 0.99}),
        "averaged momentum: ε and lr times 1e8": ({"lr": 1e8, "eps": 1e8}, conventions.ema, {"momentum": 0.9}),
    }
    slopes = np.random.default_rng(0).standard_normal(steps).tolist()
    ratios = {
        name: _moves(rule, slopes, **settings) / _moves(other, slopes, lr=1.0, **hypers)
        for name, (settings, other, hypers) in pairs.items()
    }
    return {name: (float(ratio[0]), float(ratio[-1])) for name, ratio in ratios.items()}


def _moves(rule, slopes, **hypers) -> np.ndarray:
    s, moves = rule.init(0.0), []
    for g in slopes:
        p, s = rule.step(0.0, g, s, **hypers)
        moves.append(p)
    return np.array(moves)


def blank_pixels(update, label: str, *, steps: int = 60, lr: float = 0.01, eps: float = 1e-8) -> Trace:
    """Softmax regression on the digits, whole batch, with Adam's averages and p = update(p, m_hat, v_hat, lr, eps).

    The trace has `loss` and `weights`, shape (64, 10), and stops where the loss is no number.
    """
    data, trace = digits.load(), Trace("adam", label)
    x, wanted = data.x_train.astype(float), np.eye(10)[data.y_train]
    p, (m, v) = np.zeros((64, 10)), np.zeros((2, 64, 10))
    for t in range(1, steps + 1):
        with np.errstate(all="ignore"):
            scores = np.exp(x @ p)
            chance = scores / scores.sum(axis=1, keepdims=True)
            trace.record(loss=-np.mean(np.log((chance * wanted).sum(axis=1))), weights=p)
            if np.isnan(trace["loss"][-1]):
                trace.stopped = f"the loss is NaN at step {t}"
                break
            g = x.T @ (chance - wanted) / len(x)
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            p = update(p, m / (1 - 0.9**t), v / (1 - 0.999**t), lr, eps)
    return trace


def correction_error(beta: float = 0.999, most: int = 1000) -> tuple[float, float]:
    """Largest relative error of 1 - beta**t in single precision, t up to `most`: written so, and by expm1."""
    t = np.arange(1, most + 1, dtype=np.float32)
    exact = -np.expm1(t.astype(float) * np.log(beta))
    plain = np.float32(1) - np.float32(beta) ** t
    careful = -np.expm1(t * np.float32(np.log(beta)))
    return tuple(float(np.max(np.abs(x / exact - 1))) for x in (plain, careful))


class Envelope(NamedTuple):
    """What the explorer shows, in units of lr: steps under slope 1, and after one slope of 1 that follows on none."""

    steps: np.ndarray  # (n,), from 1 to 5000
    without: np.ndarray  # (n,), the step there without the corrections
    corrected: np.ndarray  # (n,)
    impulse: np.ndarray  # (100,)


def compute(beta1: float, beta2: float, eps: float) -> Envelope:
    """Adam's steps in closed form."""
    t = np.unique(np.geomspace(1, 5000, 240).astype(int))
    m, v = 1 - beta1**t, np.sqrt(1 - beta2**t)
    k = np.arange(100)
    tail = (1 - beta1) * beta1**k / (np.sqrt((1 - beta2) * beta2**k) + eps)
    return Envelope(t, m / (v + eps), np.full(len(t), 1 / (1 + eps)), tail)
