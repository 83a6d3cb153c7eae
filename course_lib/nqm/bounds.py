"""What no optimiser of the noisy quadratic model can beat: bounds on the steps to a target.

    Bayes    1/2 * sum(h / (1/variance + T * B * h^2 / c)) <= target
    paper    T >= d / (2 * target * B)

After T batches of B gradients the posterior of a coordinate that began as a Gaussian has the precision in brackets,
whatever points the gradients were taken at; no estimate from them has a smaller expected loss. The paper's bound is
what is left of it, for h = c, where T * B * h is large against 1 at every coordinate.

References: Kalman 1960; Zhang et al. 2019, section 3.
"""

import numpy as np

from course_lib.nqm.arguments import LONGEST, positive
from course_lib.nqm.spectrum import Spectrum, check_problem


def bayes_loss(problem: Spectrum, steps, batch_size: float) -> float:
    """Expected loss of the Bayes estimate after `steps` > 0 batches, the mean and variance of the start known."""
    with np.errstate(divide="ignore", over="ignore"):
        precision = 1 / problem.variance + steps * batch_size * (problem.h * (problem.h / problem.c))
    return float(np.sum(problem.weight * problem.h / precision) / 2)


def bayes_bound(problem: Spectrum, target: float, batch_size: float) -> float:
    """The steps, a real number, at which the Bayes estimate's expected loss is `target`; no method needs fewer.

    Raises ValueError where it takes more than 10^15.
    """
    from scipy.optimize import brentq  # late: it costs half a second of CPU

    check_problem(problem)
    target, batch_size = positive("target", target), positive("batch_size", batch_size)
    if np.sum(problem.weight * problem.h * problem.variance) / 2 <= target:
        return 0.0
    low, high = np.finfo(float).tiny, 1.0
    if bayes_loss(problem, low, batch_size) <= target:  # there is no noise
        return 0.0
    while bayes_loss(problem, high, batch_size) > target:
        if high > LONGEST:
            raise ValueError(f"target is {target!r}; no method reaches it in {LONGEST:.0e} steps of {batch_size!r}")
        low, high = high, 2 * high
    return brentq(lambda t: bayes_loss(problem, t, batch_size) - target, low, high, xtol=1e-12, rtol=1e-15)


def paper_bound(problem: Spectrum, target: float, batch_size: float) -> float:
    """d / (2 * target * batch_size) steps; for h = c only, and close to `bayes_bound` where targets are small."""
    check_problem(problem)
    target, batch_size = positive("target", target), positive("batch_size", batch_size)
    return problem.dimension / (2 * target * batch_size)
