"""How large a batch is worth its examples: the critical batch size and the gradient noise scale.

    T = S_min + E_min / B                    steps to a target at the best lr; E = B T examples
    B_crit = E_min / S_min                   there both are twice their least
    B_simple = tr(Sigma) / |G|^2             Sigma: covariance of one example's gradient, G: the mean gradient
    B_noise = tr(H Sigma) / (G^T H G)        best decrease in one step: e_max / (1 + B_noise / B)

On the noisy quadratic model both scales are exact. On a network the two-batch estimator needs no more than the squared
norms of gradients at two batch sizes, E|G_B|^2 = |G|^2 + tr(Sigma) / B.

Reference: McCandlish et al. 2018, section 2 and appendix A.1 (two batches).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from course_lib.arrays import Array, to_numpy
from course_lib.nqm import double, sgd
from course_lib.nqm.arguments import numbers, positive, single, step_counts
from course_lib.nqm.spectrum import Spectrum, check_problem


class CriticalBatch(NamedTuple):
    fewest_steps: float  # S_min
    fewest_examples: float  # E_min
    batch_size: float  # B_crit
    error: float  # root mean square of log(T / fit)


def critical_batch_size(batch_sizes: Sequence[float], steps: Sequence[float]) -> CriticalBatch:
    """S_min, E_min and B_crit of steps measured at several batch sizes, by least squares in log T.

    In the logarithm every point counts by its relative error, at small batches and at large ones. Raises ValueError
    for fewer than two different batch sizes, for lengths that differ, for numbers that are not > 0.
    """
    from scipy.optimize import least_squares  # late: it costs half a second of CPU

    B, T = numbers("batch_sizes", batch_sizes, above=True), numbers("steps", steps, above=True)
    if B.ndim != 1 or B.shape != T.shape or len(np.unique(B)) < 2:
        raise ValueError(
            f"batch_sizes has shape {B.shape} and steps {T.shape}; allowed are two different batch sizes or more, "
            "and steps for each"
        )
    start = np.log([T.min(), (B * T).min()])
    fit = least_squares(lambda z: np.log((np.exp(z[0]) + np.exp(z[1]) / B) / T), start, xtol=1e-14, ftol=1e-14)
    s_min, e_min = np.exp(fit.x)
    return CriticalBatch(float(s_min), float(e_min), float(e_min / s_min), float(np.sqrt(np.mean(fit.fun**2))))


class NoiseScales(NamedTuple):
    simple: float  # B_simple
    noise: float  # B_noise


def noise_scales(problem: Spectrum, second_moment=None) -> NoiseScales:
    """Both scales of the model where E p^2 is `second_moment`, shape of h (default: at the start).

    G is random with p, so that |G|^2 and G^T H G are their expectations there; infinite where these are zero.
    """
    check_problem(problem)
    v = problem.variance + problem.mean**2 if second_moment is None else numbers("second_moment", second_moment)
    if v.shape != problem.h.shape:
        raise ValueError(f"second_moment has shape {v.shape}; allowed is E p^2 >= 0 of shape {problem.h.shape}")
    w, h, c = problem.weight, problem.h, problem.c
    with np.errstate(divide="ignore"):
        simple = np.sum(w * c) / np.sum(w * h**2 * v)
        noise = np.sum(w * h * c) / np.sum(w * h**3 * v)
    return NoiseScales(float(simple), float(noise))


def sgd_second_moment(problem: Spectrum, step: int, *, lr: float, batch_size: float) -> np.ndarray:
    """E p^2 of every coordinate after `step` steps of SGD, shape of h; infinite where it grows beyond float64."""
    check_problem(problem)
    step = single("step", step_counts("step", step))
    lr, batch_size = single("lr", lr), positive("batch_size", batch_size)
    start = problem.variance + problem.mean**2
    if lr == 0:
        return start
    x = double.two_product(problem.h, np.full_like(problem.h, lr))
    (d,), (noise,) = sgd.start_and_noise(x, [step])
    with np.errstate(over="ignore", invalid="ignore"):
        moment = start * d**2 + np.square(lr) * problem.c / batch_size * noise
    return np.where(np.isnan(moment), np.inf, moment)


class Estimate(NamedTuple):
    norm_sq: float  # |G|^2, may be below zero by chance
    trace: float  # tr(Sigma)
    noise_scale: float  # their ratio, B_simple; NaN where norm_sq is not above zero


def two_batch_noise_scale(small_norm_sq: float, big_norm_sq: float, small: float, big: float) -> Estimate:
    """B_simple from the mean squared norms of gradients at batch sizes `small` < `big`.

    |G|^2 and tr(Sigma) are unbiased; their ratio is not, so average the norms of many batches before.
    """
    small, big = positive("small", small), positive("big", big)
    small_norm_sq, big_norm_sq = single("small_norm_sq", small_norm_sq), single("big_norm_sq", big_norm_sq)
    if not small < big:
        raise ValueError(f"small is {small:g} and big {big:g}; allowed is small < big")
    norm_sq = (big * big_norm_sq - small * small_norm_sq) / (big - small)
    trace = (small_norm_sq - big_norm_sq) / (1 / small - 1 / big)
    return Estimate(float(norm_sq), float(trace), float(trace / norm_sq) if norm_sq > 0 else float("nan"))


def squared_norm(gradients: Iterable[Array]) -> float:
    """The squared length of one gradient, given as its arrays of NumPy, torch or JAX, all as one vector."""
    return float(sum(np.sum(np.square(to_numpy(g), dtype=float)) for g in gradients))


def measured_noise_scale(
    small_gradients: Iterable[Sequence[Array]], big_gradients: Iterable[Sequence[Array]], small: float, big: float
) -> Estimate:
    """B_simple of a model from its gradients on batches of `small` and of `big` examples.

    Each gradient is the list of a model's arrays, `[p.grad for p in net.parameters()]` or `jax.tree.leaves(grads)`,
    of the *mean* loss of its batch, drawn by itself. A generator keeps one gradient at a time.
    """
    means = []
    for name, gradients in (("small_gradients", small_gradients), ("big_gradients", big_gradients)):
        norms = [squared_norm(gradient) for gradient in gradients]
        if not norms:
            raise ValueError(f"{name} is empty; allowed is one gradient or more, each a list of arrays")
        if not np.isfinite(norms).all():
            raise ValueError(f"{name} has a squared norm of {max(norms)}; allowed are gradients of finite numbers")
        means.append(np.mean(norms))
    return two_batch_noise_scale(*means, small, big)
