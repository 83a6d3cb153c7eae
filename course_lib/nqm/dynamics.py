"""The expected loss of the noisy quadratic model at any step, without running it.

    loss_t = 1/2 * sum(weight * h * ((variance + mean^2) * d_t^2 + gain^2 * c / batch_size * N_t))

d_t is what is left of the start after t steps, N_t what as many units of noise add up to (`sgd`, `response`); gain is
lr, and (1 - decay) * lr for an EMA. Methods and their points:

    sgd                   p <- p - lr * g
    heavy_ball            v <- momentum * v - lr * g,  p <- p + v
    nesterov              the same with g at p + momentum * v; the loss is at p, as in the paper
    nesterov_lookahead    the loss is at p + momentum * v, the parameters that PyTorch's SGD(nesterov=True) holds
    ema                   mean <- decay * mean + (1 - decay) * p along SGD, from the same start

Velocities start at zero. With lr inside the velocity a schedule differs from PyTorch's; at constant lr they agree. An
lr beyond the edge of stability has a loss like any other: it grows, to infinity where float64 ends.

References: Zhang et al. 2019, section 3; Sutskever et al. 2013.
"""

import math

import numpy as np

from course_lib.nqm import double, response, roots, sgd
from course_lib.nqm.arguments import WORDS, numbers, second_number, step_counts
from course_lib.nqm.spectrum import Spectrum, check_problem

METHODS = tuple(WORDS)
ROOTS = {
    "heavy_ball": roots.heavy_ball,
    "nesterov": roots.nesterov,
    "nesterov_lookahead": roots.nesterov,
    "ema": roots.ema,
}
FAR = 4.0  # no method is stable at an lr * h above
BLOCK = 1 << 20  # entries of a (steps, coordinates) array held at one time


def expected_loss(problem: Spectrum, steps, *, method: str = "sgd", lr, momentum=0.0, decay=0.0, batch_size=1):
    """E loss after `steps` steps, to 12 digits; the numbers broadcast, and the result has their shape.

    `steps` are whole, from 0 to 10^15; 0 <= momentum < 1 is of the heavy ball and Nesterov's, 0 <= decay < 1 of the
    EMA; lr >= 0; batch_size > 0. Raises ValueError for others, and for a `momentum` or `decay` that `method` has not.
    """
    check_problem(problem)
    second = second_number(method, momentum=momentum, decay=decay)
    batch_size = numbers("batch_size", batch_size, above=True)
    t, lr, second, batch = np.broadcast_arrays(step_counts("steps", steps), numbers("lr", lr), second, batch_size)
    loss = np.empty(t.shape)
    for pair in np.unique(np.stack([lr.ravel(), second.ravel()]), axis=1).T:
        here = (lr == pair[0]) & (second == pair[1])
        at, which = np.unique(t[here], return_inverse=True)
        start, noise = start_and_noise_loss(problem, at, method, *map(float, pair))
        loss[here] = start[which] + noise[which] / batch[here]
    return loss[()]


def start_and_noise_loss(problem: Spectrum, t, method: str, lr: float, second: float, *, exact: bool = True):
    """The two parts of the loss at steps `t`, shape (k,): loss = start + noise / batch_size; the second number is the
    momentum or decay.

    Without `exact` it is quicker and a phase of complex roots is right to t * 1e-16 only.
    """
    parts = []
    for some in np.array_split(t, math.ceil(len(t) * len(problem.h) / BLOCK) or 1):
        of_start, of_noise = loss_weights(problem)
        gain = lr * (1 - second) if method == "ema" else lr
        with np.errstate(over="ignore", invalid="ignore"):
            d, noise = memory(problem, some, method, lr, second, exact)
            parts.append((_summed(d * d, of_start), _summed(noise, np.square(gain) * of_noise)))
    losses = (np.concatenate(part) for part in zip(*parts, strict=True))
    return tuple(_grown(loss) if lr * problem.h.max() > FAR else loss for loss in losses)


def _grown(losses):
    """Where a run so far beyond the edge overflows, its loss is infinite."""
    return np.where(np.isnan(losses), np.inf, losses)


def loss_weights(problem: Spectrum) -> tuple[np.ndarray, np.ndarray]:
    """What one unit of d_t^2 and of N_t adds to the loss at each coordinate, (n,) both; N_t's is for one example."""
    half = problem.weight * problem.h / 2
    return half * (problem.variance + problem.mean**2), half * problem.c


def memory(problem: Spectrum, t, method: str, lr: float, second: float, exact: bool = True):
    """(d_t, N_t), each of shape (k, n), at steps `t`, shape (k,)."""
    if lr == 0:
        return np.ones((len(t), len(problem.h))), np.zeros((len(t), len(problem.h)))
    x = double.two_product(problem.h, np.full_like(problem.h, lr))
    if second == 0:
        return sgd.start_and_noise(x, t)
    found = ROOTS[method](x, second, float(np.max(t, initial=0)) + 2 if exact else 0)
    if method == "nesterov_lookahead":
        return response.look_ahead(found, t, x, second)
    return response.start_and_noise(found, t)


def _summed(values, weights):
    """Sums over coordinates; one without weight may be infinite."""
    return (np.where(weights == 0, 0.0, values) if (weights == 0).any() else values) @ weights
