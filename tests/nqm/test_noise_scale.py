"""Gradient noise scales: exact on the model, estimated from two batch sizes on a network; the critical batch size."""

import jax
import numpy as np
import pytest
import torch

from course_lib.nqm import noise_scale as ns
from course_lib.nqm.noise_scale import critical_batch_size, measured_noise_scale, noise_scales, two_batch_noise_scale
from course_lib.nqm.schedule import optimal_schedule
from course_lib.nqm.spectrum import compress, harmonic, precondition, spectrum


@pytest.fixture(scope="module")
def problem():
    return harmonic(10_000)


def constant(problem, target, batch_size):
    return optimal_schedule(problem, batch_size=batch_size, target=target, pieces=1)


def test_the_scales_at_the_start(problem):
    simple, noise = noise_scales(problem)
    assert simple == pytest.approx(5.9505, abs=1e-4)
    assert noise == pytest.approx(1.3683, abs=1e-4)


def test_near_the_target_the_noise_scale_is_close_to_the_critical_batch_size(problem):
    best = constant(problem, 0.01, 1)
    moment = ns.sgd_second_moment(problem, best.steps, lr=float(best.lr[0]), batch_size=1)
    assert np.sum(problem.h * moment) / 2 == pytest.approx(best.loss, rel=1e-10)
    assert noise_scales(problem, moment).noise == pytest.approx(804, abs=0.5)
    few, many = constant(problem, 0.01, 2.0**-14), constant(problem, 0.01, 2.0**50)
    assert 2.0**-14 * few.steps / many.steps == pytest.approx(903, abs=1)


def test_a_compressed_spectrum_has_the_same_scales(problem):
    np.testing.assert_allclose(noise_scales(compress(problem, head=64, nodes=14)), noise_scales(problem), rtol=1e-12)


def test_the_best_step_gains_what_the_noise_scale_says():
    problem = spectrum([2.0, 0.5], [1.0, 3.0], variance=0.0, mean=[1.0, -2.0])
    lr = np.linspace(0, 2, 200_001)[:, None]

    def gain(batch_size):
        after = (1 - lr * problem.h) ** 2 * problem.mean**2 + lr**2 * problem.c / batch_size
        return problem.initial_loss - np.min(np.sum(problem.h * after, axis=1) / 2)

    for batch_size in (1, 7, 100):
        expected = gain(np.inf) / (1 + noise_scales(problem).noise / batch_size)
        assert gain(batch_size) == pytest.approx(expected, rel=1e-6)


def test_at_rest_without_uncertainty_the_scales_are_infinite():
    assert noise_scales(spectrum([1.0], [1.0], variance=0.0)) == (np.inf, np.inf)


def test_without_steps_or_without_lr_nothing_has_moved(problem):
    np.testing.assert_array_equal(ns.sgd_second_moment(problem, 9, lr=0.0, batch_size=1), 1.0)
    np.testing.assert_array_equal(ns.sgd_second_moment(problem, 0, lr=0.1, batch_size=1), 1.0)


def test_beyond_float64_the_moment_is_infinite():
    assert (ns.sgd_second_moment(harmonic(3), 5, lr=1e200, batch_size=1) == np.inf).all()


def test_points_on_the_curve_give_the_curve_back():
    B = 2.0 ** np.arange(0, 20, 3)
    fit = critical_batch_size(B, 300 + 5000 / B)
    assert fit[:3] == pytest.approx((300, 5000, 5000 / 300), rel=1e-6)
    assert fit.error < 1e-6


def test_an_error_of_a_few_per_cent_moves_the_fit_by_a_few_per_cent():
    rng, B = np.random.default_rng(0), 2.0 ** np.arange(16)
    fit = critical_batch_size(B, (40 + 3000 / B) * np.exp(0.05 * rng.standard_normal(16)))
    assert fit[:3] == pytest.approx((40, 3000, 75), rel=0.08)
    assert 0.03 < fit.error < 0.07


@pytest.mark.parametrize(("target", "exact"), [(0.1, 121.7), (0.01, 902.6)])
def test_the_critical_batch_grows_as_the_target_tightens_and_the_fit_finds_it(problem, target, exact):
    B = 2.0 ** np.arange(20)
    fit = critical_batch_size(B, [constant(problem, target, b).steps for b in B])
    assert fit.batch_size == pytest.approx(exact, rel=0.1)
    assert fit.error < 0.08  # the model's own curve is a little sharper than the fit's


def test_two_batches_are_unbiased_on_the_model():
    problem = precondition(harmonic(30), 0.3)
    rng, G = np.random.default_rng(1), problem.h * np.linspace(1, 2, 30)

    def mean_norm(batch_size, draws=40_000):
        noise = np.sqrt(problem.c / batch_size) * rng.standard_normal((draws, 30))
        return np.mean(np.sum((G + noise) ** 2, axis=1))

    estimate = two_batch_noise_scale(mean_norm(2), mean_norm(32), 2, 32)
    assert estimate.norm_sq == pytest.approx(G @ G, rel=0.01)
    assert estimate.trace == pytest.approx(problem.c.sum(), rel=0.01)
    assert estimate.noise_scale == pytest.approx(problem.c.sum() / (G @ G), rel=0.02)


def test_exact_norms_give_the_exact_scale():
    assert two_batch_noise_scale(4.0 + 6.0 / 2, 4.0 + 6.0 / 8, 2, 8) == pytest.approx((4.0, 6.0, 1.5))


def test_a_norm_below_zero_by_chance_gives_no_scale():
    assert np.isnan(two_batch_noise_scale(9.0, 1.0, 1, 2).noise_scale)


def network():
    """A torch network, its data, and every example's own gradient, (n, parameters)."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    x, y = torch.randn(64, 6), torch.randint(3, (64,))
    return net, x, y, np.array([flat(gradient(net, x[[i]], y[[i]])) for i in range(64)])


def gradient(net, x, y):
    loss = torch.nn.functional.cross_entropy(net(x), y)
    return torch.autograd.grad(loss, list(net.parameters()))


def flat(gradients):
    return np.concatenate([g.numpy().ravel() for g in gradients]).astype(float)


def test_the_estimate_on_a_torch_network_is_the_scale_of_its_examples():
    net, x, y, own = network()
    rng, mean = np.random.default_rng(0), own.mean(axis=0)
    trace = np.sum(own.var(axis=0))  # batches are drawn with replacement

    def drawn(size, draws):
        for _ in range(draws):
            index = torch.from_numpy(rng.integers(64, size=size))
            yield gradient(net, x[index], y[index])

    estimate = measured_noise_scale(drawn(2, 1500), drawn(32, 1500), 2, 32)
    assert estimate.trace == pytest.approx(trace, rel=0.1)
    assert estimate.noise_scale == pytest.approx(trace / (mean @ mean), rel=0.15)


def test_gradients_of_jax_count_the_same():
    gradients = [np.array([[1.0, 2.0]]), np.array([2.0])]
    tree = jax.tree.map(jax.numpy.asarray, {"w": gradients[0], "b": gradients[1]})
    assert ns.squared_norm(jax.tree.leaves(tree)) == ns.squared_norm(gradients) == 9.0


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: critical_batch_size([1, 2], [10]), r"batch_sizes has shape \(2,\) and steps \(1,\)"),
        (lambda: critical_batch_size([4, 4], [10, 11]), "two different batch sizes"),
        (lambda: critical_batch_size([1, 2], [10, 0]), "steps is 0; allowed is a finite number > 0"),
        (
            lambda: critical_batch_size(["small", "big"], [2, 1]),
            r"batch_sizes is \['small', 'big'\]; allowed is a number",
        ),
        (lambda: two_batch_noise_scale(np.nan, 1.0, 1, 8), "small_norm_sq is nan; allowed is a finite number >= 0"),
        (
            lambda: measured_noise_scale([[np.ones(2)]], [[np.array([np.nan])]], 1, 2),
            "big_gradients has a squared norm",
        ),
        (lambda: noise_scales(harmonic(2), ["a", "b"]), r"second_moment is \['a', 'b'\]; allowed is a number"),
        (lambda: noise_scales([1.0]), "problem is a list; allowed is a Spectrum"),
        (lambda: ns.sgd_second_moment(harmonic(2), -1, lr=0.1, batch_size=1), "step is -1; allowed is a whole number"),
        (lambda: ns.sgd_second_moment(harmonic(2), 1, lr=np.nan, batch_size=1), "lr is nan; allowed"),
        (lambda: ns.sgd_second_moment(harmonic(2), 1, lr=0.1, batch_size=0), "batch_size is 0; allowed"),
        (lambda: two_batch_noise_scale(1.0, 1.0, 8, 8), "small is 8 and big 8; allowed is small < big"),
        (lambda: two_batch_noise_scale(1.0, 1.0, 0, 8), "small is 0"),
        (lambda: measured_noise_scale([], [[np.ones(2)]], 1, 2), "small_gradients is empty"),
        (lambda: noise_scales(harmonic(5), np.ones(4)), r"second_moment has shape \(4,\)"),
    ],
)
def test_a_wrong_argument_is_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
