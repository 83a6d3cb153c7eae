"""The classes of the torch shell: those that torch has too, each with its words, and all that keep the contract."""

from typing import NamedTuple

import pytest
import torch

from course_lib import torch_optim
from course_lib.rules import adam, lookahead, momentum, nesterov, sgd
from course_lib.torch_optim import TorchOptimizer


class Kind(NamedTuple):
    """A class that torch has too, with arguments that change what it does."""

    name: str
    words: dict

    @property
    def ours(self):
        return getattr(torch_optim, self.name)

    @property
    def theirs(self):
        return getattr(torch.optim, self.name)


TORCHS = {
    "SGD": [
        {}, {"weight_decay": 0.1}, {"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.3},
        {"momentum": 0.9, "nesterov": True}, {"momentum": 0.5, "dampening": 0.5, "weight_decay": 0.01},
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "maximize": True},
    ],
    "Adagrad": [{}, {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "maximize": True}],
    "Adadelta": [{}, {"rho": 0.5, "weight_decay": 0.1, "maximize": True}],
    "RMSprop": [
        {}, {"alpha": 0.5, "weight_decay": 0.1}, {"centered": True}, {"momentum": 0.9},
        {"centered": True, "momentum": 0.5, "weight_decay": 0.1, "maximize": True},
    ],
    "Adam": [
        {}, {"betas": (0.5, 0.9), "weight_decay": 0.1, "maximize": True}, {"amsgrad": True},
        {"amsgrad": True, "weight_decay": 0.1}, {"decoupled_weight_decay": True, "weight_decay": 0.1},
    ],
    "AdamW": [{}, {"weight_decay": 0.0}, {"weight_decay": 0.3, "maximize": True}, {"amsgrad": True}],
    "NAdam": [
        {}, {"weight_decay": 0.1, "momentum_decay": 0.5},
        {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True},
    ],
    "Adamax": [{}, {"betas": (0.5, 0.9), "weight_decay": 0.1, "maximize": True}],
    "RAdam": [
        {}, {"betas": (0.8, 0.9), "weight_decay": 0.1},
        {"betas": (0.8, 0.9), "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True},
    ],
}  # fmt: skip
KINDS = {
    f"{name} {', '.join(f'{k}={v}' for k, v in words.items())}".strip(): Kind(name, words)
    for name, lines in TORCHS.items()
    for words in lines
}


def rule(chosen, **hypers):
    return lambda params, lr=0.05, **more: TorchOptimizer(params, chosen, lr=lr, **hypers, **more)


def named(kind):
    return lambda params, **more: kind.ours(params, **kind.words | more)


MAKERS = {
    **{name: named(kind) for name, kind in KINDS.items()},
    "Muon": torch_optim.Muon,
    "Lion": torch_optim.Lion,
    "ScheduleFreeSGD": torch_optim.ScheduleFreeSGD,
    "ScheduleFreeAdamW": torch_optim.ScheduleFreeAdamW,
    "rule sgd": rule(sgd),
    "rule momentum": rule(momentum, dampening=0.3),
    "rule nesterov": rule(nesterov),
    "rule lookahead": rule(lookahead.lookahead(adam), k=3),
}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def kind(request):
    """Every class that torch has too, in its variants."""
    return request.param


@pytest.fixture(params=[Kind(name, {}) for name in TORCHS], ids=TORCHS)
def plain(request):
    """Every class that torch has too, as it comes."""
    return request.param


@pytest.fixture(params=MAKERS.values(), ids=MAKERS)
def make(request):
    """Every class in its variants, and rules in the shell: (params, **hypers) -> optimizer."""
    return request.param


def parameters(dtype=torch.float64):
    """Two matrices, the same every time."""
    rng = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, generator=rng, dtype=dtype)) for shape in [(4, 3), (2, 5)]]


def values(optimizer):
    return [p for group in optimizer.param_groups for p in group["params"]]


def run(optimizer, steps=10, seed=1, before=lambda t: None):
    """`steps` steps along random gradients."""
    rng = torch.Generator().manual_seed(seed)
    for t in range(steps):
        for p in values(optimizer):
            p.grad = torch.randn(p.shape, generator=rng, dtype=p.dtype)
        before(t)
        optimizer.step()


@pytest.fixture(name="parameters")
def _parameters():
    return parameters


@pytest.fixture(name="values")
def _values():
    return values


@pytest.fixture(name="run")
def _run():
    return run
