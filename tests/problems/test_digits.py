"""The digits: a fair split, batches without gaps, and one net in two frameworks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from course_lib.problems import digits
from course_lib.problems.digits import batches, initial_weights, jax_logits, jax_loss, jax_mlp, torch_mlp


def test_every_image_is_in_one_part():
    data = digits.load()
    assert [(a.shape, a.dtype) for a in data] == [
        ((1437, 64), np.float32),
        ((1437,), np.int64),
        ((360, 64), np.float32),
        ((360,), np.int64),
    ]
    train, test = ({row.tobytes() for row in part} for part in (data.x_train, data.x_test))
    assert not train & test


def test_every_class_is_in_proportion_in_both_parts():
    data = digits.load()
    shares = [np.bincount(y, minlength=10) / len(y) for y in (data.y_train, data.y_test)]
    np.testing.assert_allclose(*shares, atol=0.003)


def test_pixels_are_shifted_and_scaled_by_the_training_set():
    data = digits.load()
    np.testing.assert_allclose(data.x_train.mean(axis=0), 0, atol=1e-5)
    assert 0.5 < data.x_train.std() < 1
    assert np.abs(data.x_test.mean(axis=0)).max() > 0.01  # the test set had no say


def test_an_epoch_shows_every_example_once_and_drops_the_incomplete_batch():
    epoch = list(batches(10, 3, steps=3))
    assert [len(batch) for batch in epoch] == [3, 3, 3]
    assert len(set(np.concatenate(epoch))) == 9


def test_every_epoch_is_shuffled_anew():
    first, second, third = batches(50, 50, steps=3)
    assert sorted(first) == sorted(second) == list(range(50))
    assert len({tuple(order) for order in (first, second, third)}) == 3


def test_the_seed_decides_the_order():
    runs = [np.concatenate(list(batches(50, 7, steps=20, seed=seed))) for seed in (0, 0, 1)]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


@pytest.mark.parametrize("steps", [0, 1, 5, 23])
def test_there_are_as_many_batches_as_steps(steps):
    assert len(list(batches(10, 4, steps))) == steps


@pytest.mark.parametrize("size", [0, -1, 11])
def test_a_batch_too_small_or_too_large_is_refused(size):
    with pytest.raises(ValueError, match=f"batch_size is {size}; allowed are 1 to 10, the number of examples"):
        next(batches(10, size, steps=1))


def test_weights_are_he_normal_and_biases_zero():
    (w, b), (v, c) = initial_weights(sizes=(400, 300, 10))
    assert (w.shape, b.shape, v.shape, c.shape) == ((400, 300), (300,), (300, 10), (10,))
    assert {a.dtype for a in (w, b, v, c)} == {np.dtype(np.float32)}
    assert w.std() == pytest.approx(np.sqrt(2 / 400), rel=0.01)
    assert not b.any()
    assert not c.any()


def test_the_seed_decides_the_weights():
    one, same, other = (initial_weights(seed)[0][0] for seed in (3, 3, 4))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("sizes", [(64, 32, 10), (64, 10), (64, 16, 16, 10)])
def test_both_nets_compute_the_same_scores_and_loss(sizes):
    data = digits.load()
    x, y = data.x_test[:50], data.y_test[:50]
    net, params = torch_mlp(5, sizes), jax_mlp(5, sizes)
    scores = net(torch.from_numpy(x))
    np.testing.assert_allclose(scores.detach(), jax_logits(params, x), rtol=0, atol=1e-5)
    loss = torch.nn.functional.cross_entropy(scores, torch.from_numpy(y))
    assert float(jax_loss(params, x, jnp.asarray(y))) == pytest.approx(loss.item(), abs=1e-5)


def test_the_last_layer_gives_scores_of_any_sign():
    assert digits.torch_mlp()(torch.from_numpy(digits.load().x_test)).min() < 0
    assert float(jnp.min(jax_logits(jax_mlp(), digits.load().x_test))) < 0


def test_an_untrained_net_that_sees_nothing_knows_nothing():
    assert float(jax_loss(jax_mlp(), jnp.zeros((3, 64)), jnp.arange(3))) == pytest.approx(np.log(10))


def test_the_jax_loss_survives_huge_scores():
    params = jax.tree.map(lambda p: 1e4 * p, jax_mlp())
    assert np.isfinite(jax_loss(params, digits.load().x_test, jnp.asarray(digits.load().y_test)))
