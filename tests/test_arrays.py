"""The words that rules ask of an array library mean the same on a float, NumPy, torch and JAX."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from course_lib.arrays import maximum, namespace, one_minus_power, sign, sqrt, to_numpy, where, zeros_like

DTYPES = ["float16", "bfloat16", "float32", "float64"]


@pytest.mark.parametrize("p", [3.0, 3, np.float64(3.0)])
def test_a_number_is_computed_by_numpy(p):
    assert namespace(p) is np
    assert zeros_like(p) == 0.0


@pytest.mark.parametrize("word", ["sqrt", "abs", "sign"])
def test_a_word_of_the_namespace_gives_an_array_of_the_same_library(library, word):
    p = library.asarray([4.0, 9.0])
    answer = getattr(namespace(p), word)(p)
    assert type(answer) is type(p)
    np.testing.assert_allclose(to_numpy(answer), getattr(np, word)([4.0, 9.0]))


def test_maximum_and_where_are_words_of_every_library(library):
    p, q = library.asarray([1.0, 5.0]), library.asarray([2.0, 3.0])
    assert to_numpy(namespace(p).maximum(p, q)).tolist() == [2.0, 5.0]
    assert to_numpy(namespace(p).where(p > q, p, q)).tolist() == [2.0, 5.0]


@pytest.mark.parametrize(
    ("word", "wanted"),
    [(lambda x: sqrt(abs(x)), [1.5, 0, 2]), (sign, [-1, 0, 1]), (lambda x: maximum(x, -x), [2.25, 0, 4])],
)
def test_a_word_means_the_same_on_numbers_and_on_arrays(library, word, wanted):
    numbers = [-2.25, 0.0, 4.0]
    assert [word(x) for x in numbers] == wanted
    assert to_numpy(word(library.asarray(numbers))).tolist() == wanted
    assert {type(word(x)) for x in numbers} <= {int, float}


def test_where_chooses_whole_by_a_bool_and_by_entry_by_an_array(library):
    x, y = library.asarray([1.0, 5.0]), library.asarray([2.0, 3.0])
    assert where(True, x, y) is x
    assert where(False, x, 0.0) == 0.0
    assert to_numpy(where(x > y, x, y)).tolist() == [2.0, 5.0]
    assert to_numpy(where(x > y, x, 0.0)).tolist() == [0.0, 5.0]


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.999, 1 - 1e-9])
@pytest.mark.parametrize("t", [1, 2, 1000])
def test_one_minus_a_power_keeps_its_digits(beta, t, library, x64):
    exact = -math.expm1(t * math.log(beta)) if beta else 1.0
    assert one_minus_power(beta, t) == pytest.approx(exact, rel=1e-15)
    assert one_minus_power(beta, t) == pytest.approx(1 - beta**t, rel=1e-6)
    forms = [(beta, library.asarray(t)), (beta, library.asarray(float(t), dtype=library.float64))]
    forms += [(library.asarray(beta, dtype=library.float64), t)] * (beta > 0)
    for b, n in forms:
        assert float(one_minus_power(b, n)) == pytest.approx(exact, rel=1e-6)


def test_one_minus_a_power_is_exact_to_single_precision_where_the_difference_is_not():
    exact = -math.expm1(math.log(0.999))
    assert float(one_minus_power(0.999, jnp.asarray(1))) == pytest.approx(exact, rel=2e-7)
    assert float(1 - jnp.asarray(0.999) ** jnp.asarray(1)) != pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_zeros_have_the_shape_and_the_dtype(library, dtype, x64):
    if not hasattr(library, dtype):
        pytest.skip("NumPy has no bfloat16")
    p = library.ones((2, 3), dtype=getattr(library, dtype))
    zeros = zeros_like(p)
    assert (type(zeros), zeros.dtype, zeros.shape) == (type(p), p.dtype, p.shape)
    assert not to_numpy(zeros).any()


def test_zeros_are_made_under_jit():
    assert jax.jit(zeros_like)(jnp.ones(3)).tolist() == [0.0] * 3


def test_zeros_of_a_parameter_are_no_parameter():
    assert not zeros_like(torch.ones(2, requires_grad=True)).requires_grad


def test_an_array_arrives_in_numpy_as_it_is(library):
    answer = to_numpy(library.asarray([[1.5, -2.0]], dtype=library.float32))
    assert type(answer) is np.ndarray
    assert answer.dtype == np.float32
    assert answer.tolist() == [[1.5, -2.0]]


@pytest.mark.parametrize("p", [torch.tensor([1.5], dtype=torch.bfloat16), jnp.asarray([1.5], dtype="bfloat16")])
def test_bfloat16_arrives_in_numpy_as_float32(p):
    answer = to_numpy(p)
    assert answer.dtype == np.float32
    assert answer.tolist() == [1.5]


def test_a_tensor_is_cut_from_its_graph():
    p = torch.tensor([2.0], requires_grad=True)
    assert to_numpy(p * p).tolist() == [4.0]


def test_a_number_arrives_in_numpy_without_dimensions():
    assert to_numpy(2.5).shape == ()
