"""Lesson 15: rare classes under gradient and sign descent, turned matrices, and what Muon's iteration makes of them."""

from typing import NamedTuple

import numpy as np

from course_lib.experiments import char_ladder, char_muon
from course_lib.experiments.char_ladder import lines
from course_lib.experiments.sgd import torch_and_jax
from course_lib.experiments.widths import best, transfer, twice
from course_lib.experiments.word_table import learn, untrained
from course_lib.rule import Rule
from course_lib.rules import adam, adamw, muon, sgd

__all__ = [  # noqa: RUF022
    "shares", "by_gradient", "by_sign", "law", "words", "spectrum", "gaussian", "classical", "growth", "rotation",
    "shampoo", "mixed", "state_size", "compute", "char_muon", "learn", "lines", "live", "torch_and_jax", "transfer",
    "best", "twice",
]  # fmt: skip


def shares(classes: int, tail: float = 1.0) -> np.ndarray:
    """Zipf's law: the share of class k = 1, 2, ... is proportional to k^-tail; they sum to one."""
    weights = np.arange(1.0, classes + 1) ** -tail
    return weights / weights.sum()


def _train(share: np.ndarray, move, steps: int) -> np.ndarray:
    """Loss of each class after `steps` from scores of zero, inputs one-hot, labels the same: row k is class k's."""
    w, right = np.zeros((len(share), len(share))), np.eye(len(share))
    for _ in range(steps):
        odds = np.exp(w - w.max(axis=1, keepdims=True))
        w -= move(share[:, None] * (odds / odds.sum(axis=1, keepdims=True) - right))
    wrong = np.where(right, 0.0, np.exp(w - np.diag(w)[:, None])).sum(axis=1)
    return np.log1p(wrong)


def by_gradient(share: np.ndarray, lr: float, steps: int) -> np.ndarray:
    """Loss of each class by gradient descent on all examples."""
    return _train(share, lambda g: lr * g, steps)


def by_sign(share: np.ndarray, lr: float, steps: int) -> np.ndarray:
    """The same by sign descent."""
    return _train(share, lambda g: lr * np.sign(g), steps)


def law(classes: int = 64, steps: int = 10_000) -> tuple[np.ndarray, np.ndarray]:
    """(shares, loss·share·steps of each class) for gradient descent at lr 1."""
    share = shares(classes)
    return share, by_gradient(share, 1.0, steps) * share * steps


def words(parts: int = 10) -> dict[str, np.ndarray]:
    """Excess of lesson 04's words by rank, mean over each tenth: untrained, and after 200 steps of either method."""
    runs = {"untrained": untrained(), "sgd": learn(sgd, 100).rows, "adam": learn(adam, 0.1).rows}
    return {name: rows.reshape(parts, -1).mean(axis=1) for name, rows in runs.items()}


def spectrum(orthogonalise, values) -> np.ndarray:
    """What becomes of these singular values, the largest at most 1: each beside one that makes the norm 1.

    A diagonal matrix of norm one holds them, and stays diagonal.
    """
    pairs = [np.diag([value, np.sqrt(1 - value**2)]) for value in values]
    return np.array([orthogonalise(pair)[0, 0] for pair in pairs])


def gaussian(orthogonalise, size: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Singular values of a random square matrix over its norm, before and after."""
    x = np.random.default_rng(0).standard_normal((size, size))
    before, after = (np.linalg.svd(y, compute_uv=False) for y in (x / np.linalg.norm(x), orthogonalise(x)))
    return before, after


def growth(scaled, sizes=(2, 4, 8, 16, 32, 64)) -> dict[int, np.ndarray]:
    """Largest singular value before each iteration and after the last, of noise of size 1 around 3 on the diagonal."""
    found = {}
    for size in sizes:
        x = 3 * np.eye(size) + np.random.default_rng(size).standard_normal((size, size))
        x, seen = scaled(x), []
        for i in range(6):
            seen.append(float(np.linalg.norm(x, 2)) if np.isfinite(x).all() else np.inf)
            if i < 5:
                x = _once(x)
        found[size] = np.array(seen)
    return found


def classical(x: np.ndarray, iterations: int = 5) -> np.ndarray:
    """Newton and Schulz's own iteration, which converges to 1."""
    return muon.newton_schulz(x, coefficients=(1.5, -0.5, 0.0), iterations=iterations)


def _once(x: np.ndarray) -> np.ndarray:
    a, b, c = muon.COEFFICIENTS
    with np.errstate(all="ignore"):
        gram = x @ x.T
        return a * x + (b * gram + c * gram @ gram) @ x


def _power(gram: np.ndarray, exponent: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(gram)
    return (vectors * np.maximum(values, 1e-12) ** exponent) @ vectors.T


def _shampoo(p, g, s, *, lr=0.1):
    left, right = s[0] + g @ g.T, s[1] + g.T @ g
    return p - lr * _power(left, -0.25) @ g @ _power(right, -0.25), (left, right)


shampoo = Rule("shampoo", lambda p: (np.zeros((len(p), len(p))), np.zeros((p.shape[1], p.shape[1]))), _shampoo)


def rotation(rules: dict, *, steps: int = 300, size: int = 32, seed: int = 0) -> dict[str, tuple[float, float]]:
    """f/f0 at the end at the best rate, as it is and turned, for f(W) = ½|AWB − C|² with diagonal A and B.

    `rules` is {name: (rule, rates, hypers)}; lr falls linearly to zero. Turned, W = Q V Rᵀ is written in V.
    """
    rng = np.random.default_rng(seed)
    scale = np.geomspace(1.0, 30.0, size)
    best = rng.standard_normal((size, size))
    q, r = (np.linalg.qr(rng.standard_normal((size, size)))[0] for _ in range(2))
    still = np.eye(size)

    def end(rule, lr, hypers, q, r):
        p, target = np.zeros((size, size)), scale[:, None] * best * scale
        s = rule.init(p)
        for t in range(steps):
            miss = scale[:, None] * (q @ p @ r.T) * scale - target
            g = q.T @ (scale[:, None] * miss * scale) @ r
            p, s = rule.step(p, g, s, lr=lr * (1 - t / steps), **hypers)
        miss = scale[:, None] * (q @ p @ r.T) * scale - target
        return float((miss**2).sum() / (target**2).sum())

    def tuned(rule, rates, hypers, *turn):
        with np.errstate(all="ignore"):
            return np.nanmin([end(rule, lr, hypers, *turn) for lr in rates])

    return {name: (tuned(*way, still, still), tuned(*way, q, r)) for name, way in rules.items()}


def mixed(rule) -> Rule:
    """A rule for matrices on them, AdamW on all else, as a rule for a whole net.

    Matrices go in lying: a layer of torch is the transpose of one in JAX, and the factor for tall ones would differ.
    """

    def init(p):
        return rule.init(_lying(p)) if len(p.shape) == 2 else adamw.init(p)

    def step(p, g, s, *, lr=0.02):
        if len(p.shape) != 2:
            return adamw.step(p, g, s, lr=0.003)
        q, s = rule.step(_lying(p), _lying(g), s, lr=lr, weight_decay=0.0)
        return q if q.shape == p.shape else q.T, s

    return Rule("muon", init, step)


def _lying(x):
    return x if x.shape[0] <= x.shape[1] else x.T


def live(step, *, steps: int = char_ladder.STEPS, device="cpu") -> dict[str, tuple]:
    """{method: (Trace, validation loss)} of the transformer under SGD, AdamW and Muon's `step`, seed 0, recorded rates.

    The whole takes about 35 seconds of a processor.
    """
    best = char_ladder.ladder().best
    runs = {
        name: char_ladder.train(char_ladder.RULES[name], best[name].lr, steps=steps, device=device, label=name)
        for name in ("SGD", "AdamW")
    }
    return runs | {"Muon": char_muon.train(char_muon.best_rate(), rule=step, steps=steps, device=device)}


def state_size() -> dict[str, float]:
    """Numbers that each optimiser keeps for each weight of a 64 × 256 matrix, counted after two steps."""
    import torch

    from course_lib import torch_optim

    makers = {
        "SGD": lambda p: torch.optim.SGD(p, lr=0.1),
        "Adafactor": lambda p: torch.optim.Adafactor(p),
        "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        "AdaGrad": lambda p: torch.optim.Adagrad(p),
        "Lion": lambda p: torch_optim.Lion(p),
        "Muon": lambda p: torch_optim.Muon(p),
        "Adam": lambda p: torch.optim.Adam(p),
        "Schedule-Free AdamW": lambda p: torch_optim.ScheduleFreeAdamW(p),
        "AMSGrad": lambda p: torch.optim.Adam(p, amsgrad=True),
    }
    return {name: _kept(make) for name, make in makers.items()}


def _kept(make) -> float:
    import torch

    p = torch.nn.Parameter(torch.ones(64, 256))
    optimizer = make([p])
    for _ in range(2):
        p.grad = torch.ones_like(p)
        optimizer.step()
    kept = [v.numel() for v in optimizer.state[p].values() if isinstance(v, torch.Tensor) and v.numel() > 1]
    return sum(kept) / p.numel()


class Classes(NamedTuple):
    """What the explorer shows: losses by class after 1000 steps, and their mean by share at the steps `t`."""

    share: np.ndarray
    gradient: np.ndarray
    sign: np.ndarray
    t: np.ndarray
    mean_gradient: np.ndarray
    mean_sign: np.ndarray


def flow(share, lr: float, t, classes: int) -> np.ndarray:
    """Loss of a class under gradient flow for the time lr·t: u + log u grows at a constant rate, loss = log(1 + 1/u).

    u is the odds of the right class; its inverse function is Wright's omega.
    """
    from scipy.special import wrightomega

    rest = classes - 1
    return np.log1p(1 / wrightomega(lr * share * t * classes / rest + 1 / rest - np.log(rest)))


def compute(tail: float, classes: int, lr: float, sign_lr: float) -> Classes:
    """Both closed forms for Zipf shares."""
    share, t = shares(classes, tail), np.geomspace(1, 1000, 60)
    every = flow(share[:, None], lr, t, classes)
    sign = np.log1p((classes - 1) * np.exp(-2 * sign_lr * t))
    return Classes(share, every[:, -1], np.full(classes, sign[-1]), t, share @ every, sign)
