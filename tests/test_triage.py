"""A gradient that is not finite is found, counted and called by its right name."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
import torch

from course_lib.triage import find_nonfinite

NAN, INF = math.nan, math.inf


def net(*gradients):
    """A torch module with one parameter for each gradient; None is none."""
    module = torch.nn.ParameterList(torch.nn.Parameter(torch.zeros(np.shape(g or 0.0))) for g in gradients)
    for p, g in zip(module, gradients, strict=True):
        p.grad = None if g is None else torch.tensor(g)
    return module


@pytest.mark.parametrize(
    ("g", "nans", "infs", "label"),
    [
        ([NAN, 3.0, 4.0], 1, 0, "NaN"),
        ([INF, 3.0, 4.0, -INF], 0, 2, "Inf"),
        ([NAN, NAN, -INF, 3.0, 4.0], 2, 1, "NaN and Inf"),
    ],
)
@pytest.mark.parametrize(
    "make", [net, lambda g: [np.array(g)], lambda g: (jnp.asarray(g),)], ids=["torch", "np", "jax"]
)
def test_nan_is_called_nan_and_infinity_infinity(make, g, nans, infs, label):
    (row,) = find_nonfinite(make(g))
    assert row == ("0", nans, infs, len(g), 5.0)
    assert row.label == label


def test_finite_gradients_are_not_listed_and_missing_ones_are_skipped():
    rows = find_nonfinite(net([1.0], None, [NAN], [2.0], [INF]))
    assert [row.name for row in rows] == ["2", "4"]
    assert rows.looked_at == 4


def test_gradients_count_and_not_parameters():
    module = net([1.0], [2.0])
    with torch.no_grad():
        module[0].fill_(NAN)
    assert find_nonfinite(module) == []


def test_a_tree_is_named_by_its_paths():
    tree = {"layers": [{"w": np.ones(2)}, {"w": jnp.array([NAN]), "b": torch.tensor([INF])}], "none": None}
    assert [(row.name, row.label) for row in find_nonfinite(tree)] == [("layers.1.b", "Inf"), ("layers.1.w", "NaN")]


def test_one_array_is_a_tree_too():
    assert find_nonfinite(np.array([NAN]))[0].name == "gradient"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.complex64, torch.float64])
def test_every_dtype_is_looked_at_and_its_norm_does_not_overflow(dtype):
    (row,) = find_nonfinite({"p": torch.tensor([NAN, 6e4, 6e4], dtype=dtype)})
    assert (row.nans, row.infs) == (1, 0)
    assert row.norm == pytest.approx(6e4 * math.sqrt(2), rel=1e-2)


def test_a_sparse_gradient_is_looked_at():
    table = torch.nn.Embedding(4, 2, sparse=True)
    (table(torch.tensor([1])) * torch.tensor([NAN, 1.0])).sum().backward()
    assert find_nonfinite(table)[0].label == "NaN"


def test_the_table_can_be_read():
    text = str(find_nonfinite({"first.weight": np.array([NAN, INF, 3.0, 4.0]), "b": np.array([-INF]), "c": np.ones(1)}))
    assert [line.split() for line in text.splitlines()] == [
        ["parameter", "what", "NaN", "Inf", "of", "norm", "of", "the", "finite"],
        ["b", "Inf", "0", "1", "1", "0"],
        ["first.weight", "NaN", "and", "Inf", "1", "1", "4", "5"],
    ]
    assert len({len(line.rpartition("  ")[0]) for line in text.splitlines()}) == 1


def test_good_news_are_told_too():
    assert str(find_nonfinite(net([1.0], [2.0]))) == "all 2 gradients are finite"
    assert str(find_nonfinite(torch.nn.Linear(1, 1))) == "no parameter has a gradient yet"


@pytest.mark.parametrize("model", ["net", [object()], {"a": ["x"]}])
def test_what_is_no_gradient_is_refused(model):
    with pytest.raises(TypeError, match=r"^model is .*; allowed is a torch module, or a tree"):
        find_nonfinite(model)
