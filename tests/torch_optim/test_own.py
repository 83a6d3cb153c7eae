"""Classes that torch lacks or has otherwise: Lion, Muon in full precision, Schedule-Free with its two points."""

import copy

import numpy as np
import pytest
import torch

from course_lib.rules import lion, muon, schedule_free
from course_lib.torch_optim import Lion, Muon, ScheduleFreeAdamW, ScheduleFreeSGD, TorchOptimizer

CLASSES = {
    "Lion": (
        Lion,
        lion,
        {"lr": 0.01, "betas": (0.5, 0.8), "weight_decay": 0.1},
        {"lr": 0.01, "beta1": 0.5, "beta2": 0.8, "weight_decay": 0.1},
    ),
    "Muon": (
        Muon,
        muon,
        {"lr": 0.01, "momentum": 0.5, "nesterov": False, "ns_steps": 4, "ns_coefficients": (3.0, -4.0, 2.0)},
        {"lr": 0.01, "momentum": 0.5, "nesterov": False, "iterations": 4, "coefficients": (3.0, -4.0, 2.0)},
    ),
    "ScheduleFreeSGD": (
        ScheduleFreeSGD,
        schedule_free.sgd,
        {"lr": 0.1, "beta": 0.7, "weight_decay": 0.1},
        {"lr": 0.1, "beta": 0.7, "weight_decay": 0.1},
    ),
    "ScheduleFreeAdamW": (
        ScheduleFreeAdamW,
        schedule_free.adamw,
        {"lr": 0.1, "beta": 0.7, "beta2": 0.9, "eps": 0.1, "weight_decay": 0.1},
        {"lr": 0.1, "beta": 0.7, "beta2": 0.9, "eps": 0.1, "weight_decay": 0.1},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_takes_the_steps_of_its_rule(name, run, parameters, values):
    kind, rule, words, hypers = CLASSES[name]
    ours, rng = kind(parameters(), **words), torch.Generator().manual_seed(1)
    run(ours)
    ps = [p.detach().numpy().copy() for p in parameters()]
    states = [rule.init(p) for p in ps]
    for _ in range(10):
        for i, p in enumerate(ps):
            g = torch.randn(p.shape, generator=rng, dtype=torch.float64).numpy()
            ps[i], states[i] = rule.step(p, g, states[i], **hypers)
    for p, wanted in zip(values(ours), ps, strict=True):
        np.testing.assert_allclose(p.detach(), wanted, rtol=0, atol=1e-12)


def test_muon_is_torchs_up_to_its_bfloat16(run, parameters, values):
    scaled = {"adjust_lr_fn": "match_rms_adamw", "lr": 0.1, "weight_decay": 0.5}
    for words in ({}, {"nesterov": False, "weight_decay": 0.0}, {"adjust_lr_fn": "original", "lr": 0.1}, scaled):
        ours, theirs = Muon(parameters(), **words), torch.optim.Muon(parameters(), **words)
        run(ours, steps=1)
        run(theirs, steps=1)
        for p, q, start in zip(values(ours), values(theirs), parameters(), strict=True):
            assert (p - q).norm() < 0.03 * (q - start).norm()


# Schedule-Free

SCHEDULE_FREE = pytest.mark.parametrize("kind", [ScheduleFreeSGD, ScheduleFreeAdamW])


@SCHEDULE_FREE
def test_eval_moves_to_the_average_and_train_moves_back(kind, run, parameters, values):
    optimizer = kind(parameters(), lr=0.1, beta=0.7)
    zs = []
    for t in range(6):
        run(optimizer, steps=1, seed=t)
        zs.append(optimizer.state[values(optimizer)[0]]["z"].clone())
    training = [p.detach().clone() for p in values(optimizer)]
    optimizer.eval()
    np.testing.assert_allclose(values(optimizer)[0].detach(), torch.stack(zs).mean(0), rtol=0, atol=1e-12)
    optimizer.eval()
    np.testing.assert_allclose(values(optimizer)[0].detach(), torch.stack(zs).mean(0), rtol=0, atol=1e-12)
    optimizer.train()
    optimizer.train()
    for p, q in zip(values(optimizer), training, strict=True):
        np.testing.assert_allclose(p.detach(), q, rtol=0, atol=1e-13)


@SCHEDULE_FREE
def test_a_step_at_the_average_is_refused_and_changes_nothing(kind, run, parameters, values):
    optimizer = kind(parameters())
    run(optimizer, steps=2)
    optimizer.eval()
    before = copy.deepcopy([p.detach() for p in values(optimizer)])
    with pytest.raises(RuntimeError, match=r"the parameters stand at the average; call train\(\) before the next step"):
        optimizer.step()
    assert all(torch.equal(p, q) for p, q in zip(values(optimizer), before, strict=True))


@SCHEDULE_FREE
def test_before_the_first_step_both_points_are_the_start(kind, parameters, values):
    optimizer = kind(parameters())
    optimizer.eval()
    assert all(torch.equal(p, q) for p, q in zip(values(optimizer), parameters(), strict=True))
    optimizer.train()


@SCHEDULE_FREE
def test_a_checkpoint_saved_at_the_average_goes_on_from_there(kind, run, parameters, values):
    straight = kind(parameters(), lr=0.1)
    run(straight, steps=3)
    straight.eval()
    other = kind(copy.deepcopy(values(straight)), lr=0.1)
    other.load_state_dict(copy.deepcopy(straight.state_dict()))
    for optimizer in (straight, other):
        optimizer.train()
        run(optimizer, steps=3, seed=2)
    assert all(torch.equal(p, q) for p, q in zip(values(straight), values(other), strict=True))


def test_a_complex_parameter_has_its_average_too(values):
    p = torch.nn.Parameter(torch.zeros(2, dtype=torch.complex128))
    optimizer = ScheduleFreeSGD([p], lr=1.0)
    for _ in range(2):
        p.grad = torch.full_like(p, 1 + 2j)
        optimizer.step()
    optimizer.eval()
    np.testing.assert_allclose(p.detach(), [-1.5 - 3j] * 2)


def test_muon_beside_adamw_takes_any_net():
    torch.manual_seed(0)
    net, x = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 1)), torch.randn(16, 3)
    optimizer, losses = TorchOptimizer(net.parameters(), muon.with_adamw, lr=0.05, adamw_lr=0.05), []
    for _ in range(60):
        optimizer.zero_grad()
        loss = (net(x) - x.sum(1, keepdim=True) - 1).pow(2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 4
