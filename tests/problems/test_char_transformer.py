"""The transformer sees the past alone, starts where its seed says, and learns."""

import math

import numpy as np
import pytest
import torch

from course_lib import torch_optim
from course_lib.problems.char_transformer import CharTransformer, next_symbol_loss
from course_lib.training import train_torch


def small(**options):
    return CharTransformer(7, **{"layers": 2, "width": 16, "heads": 2, "context": 12} | options)


def symbols(rows=3, length=12):
    return torch.randint(7, (rows, length), generator=torch.Generator().manual_seed(1))


def test_a_symbol_changes_the_scores_from_its_own_place_on():
    net, x = small(), symbols()
    other = x.clone()
    other[:, 5] = (x[:, 5] + 1) % 7
    same = torch.isclose(net(x), net(other), rtol=0, atol=1e-7).all(dim=-1)
    assert same[:, :5].all()
    assert not same[:, 5:].any()


def test_the_same_symbol_at_another_place_has_other_scores():
    scores = small()(torch.full((1, 12), 3))
    assert not torch.allclose(scores[0, 0], scores[0, 1], atol=1e-4)


def test_a_shorter_text_has_the_scores_of_the_longer_ones_beginning():
    net, x = small(), symbols()
    torch.testing.assert_close(net(x[:, :4]), net(x)[:, :4])


def test_a_seed_decides_the_start_and_nothing_else_does():
    one, same, other = small(), small(seed=0), small(seed=1)
    assert all(torch.equal(p, q) for p, q in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.scores.weight, other.scores.weight)
    assert not one.scores.bias.any()
    assert one.norm.weight.eq(1).all()


def test_the_start_guesses_evenly_and_every_matrix_has_its_width():
    net = CharTransformer(77)
    x = torch.randint(77, (4, 64), generator=torch.Generator().manual_seed(1))
    assert next_symbol_loss(net(x), x).item() == pytest.approx(math.log(77), abs=0.1)
    assert net.layers[0].attention.qkv.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert net.layers[0].attention.out.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert net.layers[1].mlp[2].weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert sum(p.numel() for p in net.parameters()) == 114_125


def test_the_loss_is_the_mean_over_all_symbols():
    scores, y = torch.randn(2, 3, 7, generator=torch.Generator().manual_seed(0)), symbols(2, 3)
    by_hand = -scores.log_softmax(-1).gather(-1, y[..., None]).mean()
    torch.testing.assert_close(next_symbol_loss(scores, y), by_hand)


def test_it_learns_to_say_what_came_before():
    """The next symbol is the last but one: no single symbol tells it, attention must."""
    rows = np.random.default_rng(0).integers(7, size=(64, 2))
    text = np.tile(rows, (1, 7))
    net = small()
    optimizer = torch_optim.AdamW(net.parameters(), lr=0.01)
    trace = train_torch(net, optimizer, 150 * [np.arange(64)], text[:, :12], text[:, 1:13], loss=next_symbol_loss)
    assert trace["loss"][0] > 1.8
    assert trace["loss"][-1] < 0.5


def test_what_does_not_fit_is_one_sentence():
    with pytest.raises(ValueError, match=r"^width is 10; allowed is a multiple of heads, 4$"):
        CharTransformer(7, width=10)
    with pytest.raises(ValueError, match=r"^x holds 13 symbols a row; allowed is the context, 12$"):
        small()(symbols(length=13))
