"""Every rule with hyperparameters and an oracle: torch.optim where it has the method, else the paper's formula here.

The papers' formulas are written on plain floats, each entry by itself and with no word of the package, so that they
share no mistake with the rules.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
import torch

from course_lib.rule import Rule
from course_lib.rules import (
    adadelta,
    adagrad,
    adam,
    adam_l2,
    adamax,
    adamw,
    amsgrad,
    decay,
    lion,
    lookahead,
    momentum,
    muon,
    nadam,
    nesterov,
    radam,
    rmsprop,
    schedule_free,
    sgd,
)


def torchs(name, **words) -> Callable:
    """The path of a class of torch.optim: (p, gradients, lrs) -> the position after every step."""

    def path(p, gradients, lrs):
        p = torch.nn.Parameter(torch.tensor(p))
        optimizer, positions = getattr(torch.optim, name)([p], **words), []
        for g, lr in zip(gradients, lrs, strict=True):
            p.grad, optimizer.param_groups[0]["lr"] = torch.tensor(g), lr
            optimizer.step()
            positions.append(p.detach().numpy().copy())
        return np.array(positions)

    return path


def by_entry(paper) -> Callable:
    """The path of a generator that takes one entry's p, gradients and lrs, and yields its positions."""

    def path(p, gradients, lrs):
        columns = [
            list(paper(float(x), [float(g) for g in gs], lrs))
            for x, gs in zip(p.flat, gradients.reshape(len(gradients), -1).T, strict=True)
        ]
        return np.array(columns).T.reshape(gradients.shape)

    return path


def paper_adagrad(initial, inside):
    def paper(p, gradients, lrs):
        for t, lr in enumerate(lrs):
            p -= lr * gradients[t] / math.sqrt(initial + sum(g**2 for g in gradients[: t + 1]) + inside)
            yield p

    return by_entry(paper)


def average(values, decay):
    """sum of (1 - decay) decay^(n - i) x_i, the running mean as a sum."""
    n = len(values)
    return sum((1 - decay) * decay ** (n - 1 - i) * x for i, x in enumerate(values))


def paper_rmsprop(alpha, inside, centered=False, mu=0.0):
    def paper(p, gradients, lrs):
        velocity = 0.0
        for t, lr in enumerate(lrs, start=1):
            v = average([g**2 for g in gradients[:t]], alpha)
            v -= average(gradients[:t], alpha) ** 2 if centered else 0
            velocity = mu * velocity + gradients[t - 1] / math.sqrt(v + inside)
            p -= lr * velocity
            yield p

    return by_entry(paper)


def paper_adam(p, t, gradients, lr, b1, b2, eps):
    m_hat = average(gradients[:t], b1) / (1 - b1**t)
    v_hat = average([g**2 for g in gradients[:t]], b2) / (1 - b2**t)
    return p - lr * m_hat / (math.sqrt(v_hat) + eps)


def paper_amsgrad_corrected(b1, b2, eps=1e-8):
    def paper(p, gradients, lrs):
        largest = 0.0
        for t, lr in enumerate(lrs, start=1):
            largest = max(largest, average([g**2 for g in gradients[:t]], b2) / (1 - b2**t))
            p -= lr * average(gradients[:t], b1) / (1 - b1**t) / (math.sqrt(largest) + eps)
            yield p

    return by_entry(paper)


def paper_nadam(b1, b2, eps, momentum_decay):
    """Dozat's longer report; with a decay of infinity mu is b1 from the first step."""

    def mu(t):
        return b1 if momentum_decay == math.inf else b1 * (1 - 0.96 ** (t * momentum_decay) / 2)

    def paper(p, gradients, lrs):
        for t, lr in enumerate(lrs, start=1):
            g_hat = gradients[t - 1] / (1 - math.prod(mu(i) for i in range(1, t + 1)))
            m_hat = average(gradients[:t], b1) / (1 - math.prod(mu(i) for i in range(1, t + 2)))
            v_hat = average([g**2 for g in gradients[:t]], b2) / (1 - b2**t)
            p -= lr * ((1 - mu(t)) * g_hat + mu(t + 1) * m_hat) / (math.sqrt(v_hat) + eps)
            yield p

    return by_entry(paper)


def paper_radam_corrected(b1, b2, eps):
    """Algorithm 2 with the threshold 5 and eps beside the corrected root, as in optax."""

    def paper(p, gradients, lrs):
        limit = 2 / (1 - b2) - 1
        for t, lr in enumerate(lrs, start=1):
            m_hat = average(gradients[:t], b1) / (1 - b1**t)
            rho = limit - 2 * t * b2**t / (1 - b2**t)
            if rho > 5:
                r = math.sqrt((rho - 4) * (rho - 2) * limit / (limit - 4) / (limit - 2) / rho)
                v_hat = average([g**2 for g in gradients[:t]], b2) / (1 - b2**t)
                p -= lr * m_hat * r / (math.sqrt(v_hat) + eps)
            else:
                p -= lr * m_hat
            yield p

    return by_entry(paper)


def paper_momentum_decoupled(mu, weight_decay):
    def paper(p, gradients, lrs):
        for t, lr in enumerate(lrs, start=1):
            p -= lr * weight_decay * p
            p -= lr * sum(mu ** (t - 1 - i) * g for i, g in enumerate(gradients[:t]))
            yield p

    return by_entry(paper)


def paper_lion(b1, b2, weight_decay):
    """Program 2 of the paper; sign(0) = 0."""

    def paper(p, gradients, lrs):
        for t, lr in enumerate(lrs):
            mixed = b1 * average(gradients[:t], b2) + (1 - b1) * gradients[t]
            p -= lr * (((mixed > 0) - (mixed < 0)) + weight_decay * p)
            yield p

    return by_entry(paper)


def paper_lookahead(k, alpha, mu):
    """Algorithm 1 around the heavy ball: an outer loop over rounds, an inner one over k fast steps."""

    def paper(p, gradients, lrs):
        slow, velocity = p, 0.0
        for first in range(0, len(lrs), k):
            fast = slow
            for i in range(first, min(first + k, len(lrs))):
                velocity = mu * velocity + gradients[i]
                fast -= lrs[i] * velocity
                if i < first + k - 1:
                    yield fast
            if len(lrs) >= first + k:
                slow += alpha * (fast - slow)
                yield slow

    return by_entry(paper)


def paper_schedule_free(beta, weight_decay=0.0, b2=None, eps=1e-8):
    """Equations (2) to (4), with x written out as the weighted mean of all z; Adam's scaling where b2 is given."""

    def paper(y, gradients, lrs):
        zs = [y]
        for t, lr in enumerate(lrs, start=1):
            scale = 1.0
            if b2 is not None:
                scale = math.sqrt(average([g**2 for g in gradients[:t]], b2) / (1 - b2**t)) + eps
            zs.append(zs[-1] - lr * (gradients[t - 1] / scale + weight_decay * y))
            squares = [rate**2 for rate in lrs[:t]]
            x = sum(w * z for w, z in zip(squares, zs[1:], strict=True)) / sum(squares)
            y = (1 - beta) * zs[-1] + beta * x
            yield y

    return by_entry(paper)


def orthogonal(x, iterations):
    """Newton-Schulz on the singular values: x = U diag(s) V', and each iteration maps s alone."""
    u, s, v = np.linalg.svd(x, full_matrices=False)
    s = s / max(math.sqrt(np.sum(s**2)), 1e-7)
    for _ in range(iterations):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return u @ np.diag(s) @ v


def paper_muon(mu=0.95, weight_decay=0.1, nesterov=True, iterations=5):
    def path(p, gradients, lrs):
        positions = []
        for t, lr in enumerate(lrs, start=1):
            m = average(list(gradients[:t]), mu)
            u = orthogonal((1 - mu) * gradients[t - 1] + mu * m if nesterov else m, iterations)
            p = p - lr * weight_decay * p - lr * math.sqrt(max(1, p.shape[0] / p.shape[1])) * u
            positions.append(p)
        return np.array(positions)

    return path


def paper_muon_adamw(rate, b2):
    """What `muon.with_adamw` does to a vector."""

    def paper(p, gradients, lrs):
        for t in range(1, len(lrs) + 1):
            p = paper_adam(p * (1 - rate * 0.1), t, gradients, rate, 0.9, b2, 1e-8)
            yield p

    return by_entry(paper)


class Variant(NamedTuple):
    """A rule of `module`, which `make` finds in it, with hyperparameters, and the oracle of its path.

    `lr` is the default that the oracle's library has, None where lr must be given.
    """

    module: object
    hypers: dict
    oracle: Callable
    lr: float | None
    make: Callable = lambda module: module
    shape: tuple = (3, 2)

    @property
    def rule(self):
        return self.make(self.module)


BETAS = {"beta1": 0.5, "beta2": 0.9, "eps": 0.1}
BETAS_ = {"betas": (0.5, 0.9), "eps": 0.1}
SHORT = {"beta1": 0.8, "beta2": 0.7}  # RAdam trusts its average from the tenth step on
GIVEN = {"weight_decay": 0.1}
ROOT = {"eps": 0.0, "eps_root": 1e-3}

VARIANTS = {
    "sgd": Variant(sgd, {}, torchs("SGD"), None),
    "momentum": Variant(momentum, {}, torchs("SGD", momentum=0.9), None),
    "momentum, dampening": Variant(
        momentum, {"momentum": 0.5, "dampening": 0.3}, torchs("SGD", momentum=0.5, dampening=0.3), None
    ),
    "nesterov": Variant(nesterov, {}, torchs("SGD", momentum=0.9, nesterov=True), None),
    "nesterov 0.5": Variant(nesterov, {"momentum": 0.5}, torchs("SGD", momentum=0.5, nesterov=True), None),
    "adagrad": Variant(adagrad, {}, torchs("Adagrad"), 1e-2),
    "adagrad, lr_decay": Variant(
        adagrad, {"lr_decay": 0.1, "eps": 0.1}, torchs("Adagrad", lr_decay=0.1, eps=0.1), 1e-2
    ),
    "adagrad, eps inside": Variant(adagrad, ROOT, paper_adagrad(0.0, 1e-3), 1e-2),
    "adagrad, initial accumulator": Variant(
        adagrad,
        {},
        torchs("Adagrad", initial_accumulator_value=0.1),
        1e-2,
        lambda module: Rule("adagrad", partial(module.init, initial_accumulator=0.1), module.step, module.State),
    ),
    "adadelta": Variant(adadelta, {}, torchs("Adadelta"), 1.0),
    "adadelta, rho": Variant(adadelta, {"rho": 0.5, "eps": 0.1}, torchs("Adadelta", rho=0.5, eps=0.1), 1.0),
    "rmsprop": Variant(rmsprop, {}, torchs("RMSprop"), 1e-2),
    "rmsprop, alpha": Variant(rmsprop, {"alpha": 0.5, "eps": 0.1}, torchs("RMSprop", alpha=0.5, eps=0.1), 1e-2),
    "rmsprop, eps inside": Variant(rmsprop, {"alpha": 0.9, **ROOT}, paper_rmsprop(0.9, 1e-3), 1e-2),
    "rmsprop centered": Variant(
        rmsprop, {"alpha": 0.7}, torchs("RMSprop", alpha=0.7, centered=True), 1e-2, lambda module: module.centered
    ),
    "rmsprop centered, defaults": Variant(
        rmsprop, {"eps": 1e-2}, torchs("RMSprop", eps=1e-2, centered=True), 1e-2, lambda module: module.centered
    ),
    "rmsprop centered, eps inside": Variant(
        rmsprop, {"alpha": 0.7, **ROOT}, paper_rmsprop(0.7, 1e-3, True), 1e-2, lambda module: module.centered
    ),
    "rmsprop momentum": Variant(
        rmsprop, {}, torchs("RMSprop", momentum=0.9), 1e-2, lambda module: module.with_momentum
    ),
    "rmsprop momentum 0.5": Variant(
        rmsprop,
        {"alpha": 0.7, "momentum": 0.5, "eps": 0.1},
        torchs("RMSprop", alpha=0.7, momentum=0.5, eps=0.1),
        1e-2,
        lambda module: module.with_momentum,
    ),
    "rmsprop momentum, eps inside": Variant(
        rmsprop, ROOT, paper_rmsprop(0.99, 1e-3, mu=0.9), 1e-2, lambda module: module.with_momentum
    ),
    "rmsprop centered momentum": Variant(
        rmsprop,
        {"eps": 1e-2},
        torchs("RMSprop", eps=1e-2, momentum=0.9, centered=True),
        1e-2,
        lambda module: module.centered_with_momentum,
    ),
    "rmsprop centered momentum 0.5": Variant(
        rmsprop,
        {"alpha": 0.7, "momentum": 0.5},
        torchs("RMSprop", alpha=0.7, momentum=0.5, centered=True),
        1e-2,
        lambda module: module.centered_with_momentum,
    ),
    "rmsprop centered momentum, eps inside": Variant(
        rmsprop, ROOT, paper_rmsprop(0.99, 1e-3, True, 0.9), 1e-2, lambda module: module.centered_with_momentum
    ),
    "adam": Variant(adam, {}, torchs("Adam"), 1e-3),
    "adam, betas": Variant(adam, BETAS, torchs("Adam", **BETAS_), 1e-3),
    "adam_l2": Variant(adam_l2, GIVEN, torchs("Adam", **GIVEN), 1e-3),
    "adam_l2, betas": Variant(adam_l2, BETAS, torchs("Adam", **BETAS_), 1e-3),
    "adamw": Variant(adamw, {}, torchs("AdamW"), 1e-3),
    "adamw, betas": Variant(adamw, BETAS | GIVEN, torchs("AdamW", **BETAS_, **GIVEN), 1e-3),
    "amsgrad": Variant(amsgrad, {}, torchs("Adam", amsgrad=True), 1e-3),
    "amsgrad, betas": Variant(amsgrad, BETAS, torchs("Adam", amsgrad=True, **BETAS_), 1e-3),
    "amsgrad corrected": Variant(
        amsgrad, {}, paper_amsgrad_corrected(0.9, 0.999), 1e-3, lambda module: module.corrected
    ),
    "amsgrad corrected, betas": Variant(
        amsgrad, BETAS, paper_amsgrad_corrected(0.5, 0.9, 0.1), 1e-3, lambda module: module.corrected
    ),
    "nadam": Variant(nadam, {}, paper_nadam(0.9, 0.999, 1e-8, 4e-3), 2e-3),
    "nadam, betas": Variant(nadam, BETAS | {"momentum_decay": 3.0}, paper_nadam(0.5, 0.9, 0.1, 3.0), 2e-3),
    "nadam, constant": Variant(nadam, {"momentum_decay": math.inf}, paper_nadam(0.9, 0.999, 1e-8, math.inf), 2e-3),
    "adamax": Variant(adamax, {}, torchs("Adamax"), 2e-3),
    "adamax, betas": Variant(adamax, BETAS, torchs("Adamax", **BETAS_), 2e-3),
    "radam": Variant(radam, {}, torchs("RAdam"), 1e-3),
    "radam, betas": Variant(radam, SHORT | {"eps": 0.1}, torchs("RAdam", betas=(0.8, 0.7), eps=0.1), 1e-3),
    "radam, corrected eps": Variant(
        radam, SHORT | {"eps": 0.1, "corrected_eps": True}, paper_radam_corrected(0.8, 0.7, 0.1), 1e-3
    ),
    "lion": Variant(lion, {}, paper_lion(0.9, 0.99, 0.0), 1e-4),
    "lion, betas": Variant(lion, {"beta1": 0.5, "beta2": 0.8, **GIVEN}, paper_lion(0.5, 0.8, 0.1), 1e-4),
    "momentum with L2": Variant(
        decay, GIVEN, torchs("SGD", momentum=0.9, **GIVEN), None, lambda module: module.l2(momentum)
    ),
    "momentum with L2 of 0": Variant(decay, {}, torchs("SGD", momentum=0.9), None, lambda module: module.l2(momentum)),
    "momentum with decay": Variant(
        decay, GIVEN, paper_momentum_decoupled(0.9, 0.1), None, lambda module: module.decoupled(momentum)
    ),
    "momentum with decay of 0": Variant(
        decay, {}, torchs("SGD", momentum=0.9), None, lambda module: module.decoupled(momentum)
    ),
    "lookahead": Variant(lookahead, {}, paper_lookahead(5, 0.5, 0.9), None, lambda module: module.lookahead(momentum)),
    "lookahead, k": Variant(
        lookahead,
        {"k": 3, "alpha": 0.8, "momentum": 0.5},
        paper_lookahead(3, 0.8, 0.5),
        None,
        lambda module: module.lookahead(momentum),
    ),
    "schedule_free sgd": Variant(schedule_free, {}, paper_schedule_free(0.9), 1.0, lambda module: module.sgd),
    "schedule_free sgd, beta": Variant(
        schedule_free, {"beta": 0.5, **GIVEN}, paper_schedule_free(0.5, 0.1), 1.0, lambda module: module.sgd
    ),
    "schedule_free adamw": Variant(
        schedule_free, {}, paper_schedule_free(0.9, b2=0.999), 2.5e-3, lambda module: module.adamw
    ),
    "schedule_free adamw, beta": Variant(
        schedule_free,
        {"beta": 0.5, "beta2": 0.9, "eps": 0.1, **GIVEN},
        paper_schedule_free(0.5, 0.1, 0.9, 0.1),
        2.5e-3,
        lambda module: module.adamw,
    ),
    "muon": Variant(muon, {}, paper_muon(), 1e-3),
    "muon, wide": Variant(muon, {}, paper_muon(), 1e-3, shape=(2, 3)),
    "muon, heavy ball": Variant(
        muon,
        {"momentum": 0.5, "nesterov": False, "weight_decay": 0.3, "iterations": 3},
        paper_muon(0.5, 0.3, False, 3),
        1e-3,
    ),
    "muon with adamw, matrix": Variant(muon, {}, paper_muon(), 1e-3, lambda module: module.with_adamw),
    "muon with adamw, matrix, momentum": Variant(
        muon,
        {"momentum": 0.5, "weight_decay": 0.3},
        paper_muon(0.5, 0.3),
        1e-3,
        lambda module: module.with_adamw,
    ),
    "muon with adamw, vector": Variant(
        muon, {}, paper_muon_adamw(3e-4, 0.95), 1e-3, lambda module: module.with_adamw, (3,)
    ),
    "muon with adamw, vector, rate": Variant(
        muon, {"adamw_lr": 0.1, "beta2": 0.5}, paper_muon_adamw(0.1, 0.5), 1e-3, lambda module: module.with_adamw, (3,)
    ),
}


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS)
def variant(request):
    """Every rule, with its defaults and off them."""
    return request.param


ONCE = {variant.rule.__name__ + str(variant.shape): variant for variant in reversed(VARIANTS.values())}


@pytest.fixture(params=ONCE.values(), ids=ONCE)
def each(request):
    """Every rule once, with its defaults."""
    return request.param


@pytest.fixture(scope="session")
def variants():
    """All of them, by name."""
    return VARIANTS
