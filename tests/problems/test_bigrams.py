"""The word pairs: counted from the plays that ship, an exact floor, and a gradient that is the loss's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from course_lib.problems import bigrams, shakespeare
from course_lib.problems.bigrams import count, floor, load, loss_and_grad, row_excess


def test_the_shipped_counts_are_those_of_the_shipped_text():
    again = count(shakespeare.text())
    assert again.words == load().words
    assert np.array_equal(again.counts, load().counts)


def test_words_are_ordered_by_frequency_and_ties_by_the_alphabet():
    words, counts = count("b a b c, a d e", size=5)
    assert words == ("a", "b", ",", "c", "(other)")
    assert counts.tolist() == [
        [0, 1, 0, 0, 1],  # a: b, d
        [1, 0, 0, 1, 0],  # b: a, c
        [1, 0, 0, 0, 0],  # the comma: a
        [0, 0, 1, 0, 0],  # c: the comma
        [0, 0, 0, 0, 1],  # d: e
    ]


def test_a_capital_letter_makes_no_new_word():
    assert count("The the THE don't", size=3).words == ("the", "don't", "(other)")


def best_table():
    """Scores whose softmax is what was counted; a pair never seen gets almost nothing."""
    return np.log(np.maximum(load().counts, 1e-30))


def test_the_table_of_the_counts_reaches_the_floor_and_has_no_gradient():
    loss, grad = loss_and_grad(best_table())
    assert loss == pytest.approx(floor(), abs=1e-12)
    assert np.abs(grad).max() < 1e-15


@pytest.mark.parametrize("seed", [0, 1])
def test_no_other_table_is_below_the_floor(seed):
    noise = np.random.default_rng(seed).standard_normal((500, 500))
    assert loss_and_grad(best_table() + 0.01 * noise)[0] > floor()


def test_a_table_of_zeros_guesses_among_all_words():
    assert loss_and_grad(np.zeros((500, 500)))[0] == pytest.approx(np.log(500))


def test_loss_and_gradient_are_those_of_automatic_differentiation():
    w = np.random.default_rng(0).standard_normal((500, 500)).astype(np.float32)
    counts = load().counts
    share = jnp.asarray(counts / counts.sum(), dtype=jnp.float32)
    wanted, slope = jax.value_and_grad(lambda w: -jnp.sum(share * jax.nn.log_softmax(w)))(w)
    loss, grad = loss_and_grad(w)
    assert grad.dtype == np.float32
    assert loss == pytest.approx(float(wanted), rel=1e-5)
    np.testing.assert_allclose(grad, slope, rtol=1e-4, atol=1e-8)


def test_large_scores_do_no_harm():
    loss, grad = loss_and_grad(np.full((500, 500), 1e5))
    assert loss == pytest.approx(np.log(500))
    assert np.all(np.isfinite(grad))


def test_the_excess_of_the_rows_adds_up_to_the_loss_above_the_floor():
    w = np.random.default_rng(0).standard_normal((500, 500))
    share = load().counts.sum(axis=1) / load().counts.sum()
    assert share @ row_excess(w) == pytest.approx(loss_and_grad(w)[0] - floor(), rel=1e-9)
    assert row_excess(w).min() > 0
    assert np.abs(row_excess(best_table())).max() < 1e-12


def test_words_follow_zipfs_law_roughly():
    frequency = np.sort(load().counts.sum(axis=1))[::-1][1:]  # without what stands for many
    slope = np.polyfit(np.log(np.arange(10, 300)), np.log(frequency[10:300]), 1)[0]
    assert slope == pytest.approx(-1, abs=0.15)
    assert load().words[-1] == bigrams.OTHER
