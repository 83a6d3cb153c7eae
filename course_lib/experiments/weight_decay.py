"""Lesson 06: what L2 and decoupled decay leave of a weight, alone, under noise, against a pull, and on a net."""

from typing import NamedTuple

import numpy as np

from course_lib.experiments.sgd import torch_and_jax
from course_lib.problems import digits
from course_lib.rule import Rule
from course_lib.rules import adam, decay, momentum, sgd
from course_lib.trace import Trace

__all__ = [  # noqa: RUF022
    "DECAYS", "SIGMAS", "left_alone", "noise", "rest", "three_rules", "Grid", "noisy_labels", "normed_net",
    "norm_scales", "algorithm_2", "scheduled", "falling_lr", "Sizes", "compute", "torch_and_jax",
]  # fmt: skip

DECAYS = (1e-4, 1e-2, 1.0)
SIGMAS = (0.1, 0.3, 1.0, 3.0, 10.0)


def left_alone(rule, decays=DECAYS, *, steps: int = 1000, lr: float = 1e-3) -> np.ndarray:
    """Weights that start at 1 and never have a gradient, one for each weight decay, shape (steps + 1, n)."""
    p = np.ones(len(decays))
    s, path = rule.init(p), [p]
    for _ in range(steps):
        p, s = rule.step(p, np.zeros(len(decays)), s, lr=lr, weight_decay=np.array(decays))
        path.append(p)
    return np.array(path)


def noise(rule, sigmas=SIGMAS, *, lr=0.01, weight_decay=0.2, steps=15_000, weights=400, seed=0) -> np.ndarray:
    """Root mean square of weights whose gradient is noise alone, one for each size of it, shape (n,).

    They start at zero; the mean is over the weights and the last third of the steps.
    """
    rng = np.random.default_rng(seed)
    sigma = np.array(sigmas, np.float32)[:, None]
    p, total, first = np.zeros((len(sigmas), weights), np.float32), 0.0, steps * 2 // 3
    s = rule.init(p)
    for t in range(steps):
        g = sigma * rng.standard_normal(p.shape, np.float32)
        p, s = rule.step(p, g, s, lr=lr, weight_decay=weight_decay)
        total = total + (p * p).mean(axis=1) * (t >= first)
    return np.sqrt(total / (steps - first))


def rest(rule, decays, *, goal: float = 5.0, lr: float = 0.01, steps: int = 16_000, **hypers) -> np.ndarray:
    """Where a weight comes to rest on f = (p - goal)^2 / 2, for each weight decay, from 0."""
    p = np.zeros(len(decays))
    s = rule.init(p)
    for _ in range(steps):
        p, s = rule.step(p, p - goal, s, lr=lr, weight_decay=np.array(decays), **hypers)
    return p


def three_rules(weight_decay: float = 1.0) -> dict[str, tuple[float, float]]:
    """Where three rules come to rest on (p - 5)^2 / 2: (by L2, decoupled)."""
    return {
        name: tuple(float(rest(way(rule), [weight_decay])[0]) for way in (decay.l2, decay.decoupled))
        for name, rule in {"gradient descent": sgd, "momentum 0.9": momentum, "Adam": adam}.items()
    }


class Grid(NamedTuple):
    """Test accuracy at every pair of a learning rate and a weight decay."""

    rule: str
    lrs: tuple[float, ...]  # L of them
    decays: tuple[float, ...]  # W
    accuracy: np.ndarray  # (L, W, seeds)

    @property
    def median(self) -> np.ndarray:
        """Over the seeds, shape (L, W)."""
        return np.median(self.accuracy, axis=2)

    @property
    def best(self) -> np.ndarray:
        """The seeds' accuracies at the best pair, shape (seeds,)."""
        return self.accuracy[np.unravel_index(self.median.argmax(), self.median.shape)]

    @property
    def near_best(self) -> np.ndarray:
        """Which medians are within two hundredths of the best, shape (L, W)."""
        return self.median >= self.median.max() - 0.02

    @property
    def best_decays(self) -> list[float]:
        """The best weight decay at each learning rate."""
        return [self.decays[i] for i in self.median.argmax(axis=1)]


def noisy_labels(rule, lrs, decays, *, steps=300, seeds=3, share=0.2, device="cpu") -> Grid:
    """The digits net at all pairs at once, with a `share` of the training labels drawn anew."""
    import torch

    from course_lib.sweeps import sweep_torch

    data, rng = digits.load(), np.random.default_rng(0)
    y = np.where(rng.random(len(data.y_train)) < share, rng.integers(0, 10, len(data.y_train)), data.y_train)
    each = torch.tensor(decays, device=device).repeat(len(lrs)).repeat_interleave(seeds)[:, None, None]
    name = rule.__name__.rpartition(".")[2]

    def step(p, g, s, *, lr):
        return rule.step(p, g, s, lr=lr, weight_decay=each)

    test = (data.x_test, data.y_test)
    sweep = sweep_torch(
        Rule(name, rule.init, step, elementwise=True), np.repeat(lrs, len(decays)), range(seeds),
        x=data.x_train, y=y, steps=steps, batch_size=64, test=test, device=device,
    )  # fmt: skip
    return Grid(name, tuple(lrs), tuple(decays), sweep.test_accuracy.reshape(len(lrs), len(decays), seeds))


def normed_net():
    """The digits net with a layer norm before its ReLU."""
    import torch

    first, relu, last = digits.torch_mlp()
    return torch.nn.Sequential(first, torch.nn.LayerNorm(first.out_features), relu, last)


def norm_scales(groups, rule, *, steps: int = 300, lr: float = 0.01) -> tuple[float, float]:
    """(mean scale of the layer norm, test accuracy) after training `normed_net` in groups(named parameters, λ = 1)."""
    import torch

    from course_lib import training
    from course_lib.torch_optim import TorchOptimizer

    data, net = digits.load(), normed_net()
    optimizer = TorchOptimizer(groups(dict(net.named_parameters()), 1.0), rule, lr=lr)
    order = list(digits.batches(len(data.y_train), 64, steps))
    training.train_torch(net, optimizer, order, data.x_train, data.y_train, name="adamw")
    with torch.no_grad():
        right = net(torch.as_tensor(data.x_test)).argmax(dim=1).numpy() == data.y_test
    return float(net[1].weight.detach().mean()), float(right.mean())


def algorithm_2(p, g, s, *, schedule, lr=1e-3, weight_decay=1e-5, **hypers):
    """AdamW as its paper has it: the decay follows the schedule's multiplier, but not lr."""
    step, s = adam.step(0.0, g, s, lr=lr, **hypers)
    return p + schedule * (step - weight_decay * p), s


def scheduled(rule, lr: float, weight_decay: float, *, steps: int = 1000) -> tuple[float, float]:
    """What is left of a weight of 1 without a gradient while lr falls linearly to 0: (in torch's way, in the paper's).

    The paper's gets 0.001 * weight_decay, which at lr = 0.001 is the same.
    """
    ours, papers = 1.0, 1.0
    s, s_papers = rule.init(1.0), adam.init(1.0)
    for t in range(steps):
        part = 1 - t / steps
        ours, s = rule.step(ours, 0.0, s, lr=part * lr, weight_decay=weight_decay)
        papers, s_papers = algorithm_2(papers, 0.0, s_papers, schedule=part, lr=lr, weight_decay=1e-3 * weight_decay)
    return float(ours), float(papers)


def falling_lr(shrink, label: str, *, lr=0.01, weight_decay=0.01, steps=600, batch_size=64) -> Trace:
    """Softmax regression on the digits by Adam; before each step p = shrink(p, lr, weight_decay), and lr falls to 0.

    The trace has `loss`, on the whole training set, and `size`, the root mean square of the weights.
    """
    data, trace = digits.load(), Trace("adamw", label)
    x, wanted = data.x_train.astype(float), np.eye(10)[data.y_train]
    p = np.zeros((64, 10))
    s = adam.init(p)
    for t, batch in enumerate(digits.batches(len(x), batch_size, steps)):
        rate = lr * (1 - t / steps)
        chance = _softmax(x @ p)
        trace.record(loss=-np.mean(np.log((chance * wanted).sum(axis=1))), size=np.sqrt(np.mean(p * p)))
        g = x[batch].T @ (chance - wanted)[batch] / batch_size
        p, s = adam.step(shrink(p, rate, weight_decay), g, s, lr=rate)
    return trace


def _softmax(scores: np.ndarray) -> np.ndarray:
    exp = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exp / exp.sum(axis=1, keepdims=True)


class Sizes(NamedTuple):
    """What the explorer shows: root mean square of a weight that begins at 1 and has a noisy gradient around zero."""

    decoupled: np.ndarray  # (STEPS + 1,)
    l2: np.ndarray
    settled: tuple[float, float]  # where theory has the two, in the same order
    sigma: float
    share: float  # lr * weight_decay


STEPS = 1000


def compute(lr: float, weight_decay: float, sigma: float) -> Sizes:
    """Exact but for v, which is at its mean."""
    settled = (lr / (2 * weight_decay)) ** 0.5, (lr * sigma / (2 * weight_decay)) ** 0.5
    sizes = _sizes(lr, sigma, 1 - lr * weight_decay, 0.0), _sizes(lr, sigma, 1.0, weight_decay)
    return Sizes(*sizes, settled, sigma, lr * weight_decay)


def _sizes(lr: float, sigma: float, keep: float, penalty: float, beta1=0.9, beta2=0.999) -> np.ndarray:
    """Root of the mean of p^2 after each step: p keeps the share `keep` of itself, and penalty * p joins g."""
    pp, pm, mm, v, sizes = 1.0, 0.0, 0.0, 0.0, [1.0]  # the means of p*p, p*m and m*m
    new1, new2, noise_square, joins = 1 - beta1, 1 - beta2, sigma**2, penalty**2
    for t in range(1, STEPS + 1):
        square = noise_square + joins * pp
        v = beta2 * v + new2 * square
        unit = lr / ((1 - beta1**t) * (v / (1 - beta2**t)) ** 0.5)
        mm = beta1 * beta1 * mm + new1 * new1 * square + 2 * beta1 * new1 * penalty * pm
        pm = beta1 * pm + new1 * penalty * pp  # m has moved and p has not
        pp, pm = keep * keep * pp - 2 * keep * unit * pm + unit * unit * mm, keep * pm - unit * mm
        sizes.append(pp**0.5)
    return np.array(sizes)
