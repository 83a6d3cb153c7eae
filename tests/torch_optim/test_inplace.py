"""The second, in-place texts are their rules, at every step; and blocks change no number."""

import shutil

import numpy as np
import pytest
import torch

from course_lib.rule import Rule
from course_lib.rules import adam, lookahead, radam
from course_lib.torch_optim import SGD, TorchOptimizer, blocks, shell

NO_COMPILER = pytest.mark.skipif(not shutil.which("g++"), reason="no compiler")
HYPERS = {
    "sgd": [{"lr": 0.1}],
    "sgd_l2": [{"lr": 0.1, "weight_decay": 0.3}, {"lr": 0.1, "weight_decay": 0.0}],
    "momentum": [{"lr": 0.1, "momentum": 0.9, "dampening": 0.0}, {"lr": 0.1, "momentum": 0.5, "dampening": 0.7}],
    "momentum_l2": [{"lr": 0.1, "momentum": 0.5, "dampening": 0.7, "weight_decay": 0.3}],
    "adam": [
        {"lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
        {"lr": 0.1, "beta1": 0.5, "beta2": 0.8, "eps": 0.1},
    ],
    "adam_l2": [{"lr": 0.1, "beta1": 0.5, "beta2": 0.8, "eps": 0.1, "weight_decay": 0.3}],
    "adamw": [{"lr": 0.1, "beta1": 0.5, "beta2": 0.8, "eps": 0.1, "weight_decay": 0.3}],
}
RULES = {"sgd_l2": shell.SGD_L2, "momentum_l2": shell.MOMENTUM_L2}


def rule(name):
    import course_lib.rules

    return RULES.get(name) or getattr(course_lib.rules, name)


def test_every_second_text_is_tried():
    assert {rule(name).step for name in HYPERS} == set(shell.IN_PLACE)


@pytest.mark.parametrize(("name", "hypers"), [(name, hypers) for name, lines in HYPERS.items() for hypers in lines])
@pytest.mark.parametrize("scale", [1.0, 1e-9])
def test_a_second_text_takes_the_rules_steps(name, hypers, scale):
    """At every step, from the rule's own state: what differs is rounding alone."""
    chosen, rng = rule(name), torch.Generator().manual_seed(0)
    p = torch.randn(50, generator=rng, dtype=torch.float64)
    s = chosen.init(p)
    for t in range(1, 30):
        g = scale * torch.randn(50, generator=rng, dtype=torch.float64)
        mine = p.clone()
        arrays = [x.clone() for x in s if isinstance(x, torch.Tensor)]
        kept = g.clone()
        assert shell.IN_PLACE[chosen.step](mine, g, *arrays, t, **hypers) is None
        assert torch.equal(g, kept)
        p, s = chosen.step(p, g, s, **hypers)
        for x, wanted in zip([mine, *arrays], [p, *(x for x in s if isinstance(x, torch.Tensor))], strict=True):
            np.testing.assert_allclose(x, wanted, rtol=1e-14, atol=1e-15 * scale if x is not mine else 1e-15)


@pytest.mark.parametrize("size", [1, 7, 8, 1000])
def test_blocks_are_views_that_cover_all_entries_once(size, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 8)
    x, y = torch.zeros(size), torch.zeros(size)
    for part, other in blocks.blocks(x, y):
        assert part.shape == other.shape
        assert part.numel() <= 8
        part += 1
        other += 2
    assert (x == 1).all()
    assert (y == 2).all()


def test_a_strided_tensor_stays_whole(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 8)
    x, y = torch.zeros(20, 2)[:, 0], torch.zeros(20)
    assert [part.shape for part, _ in blocks.blocks(x, y)] == [(20,)]


@pytest.mark.parametrize("chosen", [adam, radam, lookahead.lookahead(radam)], ids=["adam", "radam", "lookahead"])
def test_blocks_change_no_number(chosen, run, monkeypatch):
    def walk():
        rng = torch.Generator().manual_seed(0)
        p = torch.nn.Parameter(torch.randn(100, generator=rng))
        optimizer = TorchOptimizer([p], chosen, lr=0.1)
        run(optimizer, steps=12)
        return p.detach(), optimizer.state_dict()["state"][0]

    whole, state = walk()
    monkeypatch.setattr(blocks, "BLOCK", 7)
    parts, other = walk()
    assert torch.equal(whole, parts)
    assert all(torch.equal(torch.as_tensor(x), torch.as_tensor(other[name])) for name, x in state.items())


def _remembering_init(p):
    return p.clone(), torch.zeros_like(p), torch.zeros_like(p)


def _remembering_step(p, g, s, *, lr):
    before, last, older = s
    return p - lr * g + 0.5 * (p - before) + 0.1 * (last - older), (p, g, last)


@pytest.mark.parametrize("compile", [False, pytest.param(True, marks=NO_COMPILER)])
@pytest.mark.parametrize("size", [5, 20])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in torch's own compiler
def test_a_rule_may_keep_what_it_was_given(size, compile, monkeypatch):
    """The parameter and the gradient as they were before the step, or another of its arrays."""
    monkeypatch.setattr(blocks, "BLOCK", 8)
    chosen, rng = Rule("remembering", _remembering_init, _remembering_step, elementwise=True), torch.Generator()
    p = torch.nn.Parameter(torch.randn(size, generator=rng, dtype=torch.float64))
    q, s = p.detach().clone(), _remembering_init(p.detach())
    optimizer, p.grad = TorchOptimizer([p], chosen, lr=0.1, compile=compile), torch.zeros_like(p)
    for _ in range(6):
        g = torch.randn(size, generator=rng, dtype=torch.float64)
        p.grad.copy_(g)  # in place, as zero_grad(set_to_none=False) and accumulation do it
        optimizer.step()
        q, s = _remembering_step(q, g, s, lr=0.1)
        np.testing.assert_allclose(p.detach(), q, rtol=0, atol=1e-14)


def test_a_first_state_may_be_smaller_than_the_later_ones():
    """It grows outside inference mode: what the optimiser keeps can go through autograd."""
    grown = Rule("grown", lambda p: (torch.zeros(()),), lambda p, g, s, *, lr: (p - lr * (s[0] + g), (s[0] + g,)))
    p = torch.nn.Parameter(torch.zeros(3))
    optimizer, p.grad = TorchOptimizer([p], grown, lr=1.0), torch.ones(3)
    for _ in range(3):
        optimizer.step()
    assert p.tolist() == [-6.0, -6.0, -6.0]
    assert not any(x.is_inference() for x in optimizer.state[p].values())


def test_a_learning_rate_that_falls_is_the_in_place_texts_too(run, parameters, values):
    ours, theirs = (make(parameters(), 0.1, momentum=0.9) for make in (SGD, torch.optim.SGD))
    for optimizer in (ours, theirs):
        run(optimizer, steps=5)
        optimizer.param_groups[0]["lr"] = 0.01
        run(optimizer, steps=5, seed=2)
    np.testing.assert_allclose(values(ours)[0].detach(), values(theirs)[0].detach(), rtol=0, atol=1e-14)
