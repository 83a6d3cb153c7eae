"""The noisy quadratic model: the exact expected loss of optimisers, their fewest steps to a target, best schedules.

    L(p) = 1/2 sum(h * p^2),   g = h * p + noise,   Var noise = c / batch_size,   p begins with a mean and variance

Coordinates do not meet, so every second moment has a closed form, and a tuned run of a million steps is found in
milliseconds. Curvature and noise are h = c = 1/i, i = 1..d, in the paper; `harmonic(d)` takes d up to 10^15.

    problem = harmonic(10_000)
    expected_loss(problem, [100, 1000], lr=0.5, batch_size=16)            two losses
    steps_to_target(problem, 0.01, method="heavy_ball", batch_size=16)    steps, lr and momentum that are best together
    precondition(problem, 0.5)                                            the problem that H^-1/2 makes of it

References: Zhang et al. 2019, Which Algorithmic Choices Matter at Which Batch Sizes?; McCandlish et al. 2018.
"""

from course_lib.nqm.bounds import bayes_bound, paper_bound
from course_lib.nqm.dynamics import METHODS, expected_loss
from course_lib.nqm.noise_scale import (
    critical_batch_size,
    measured_noise_scale,
    noise_scales,
    sgd_second_moment,
    two_batch_noise_scale,
)
from course_lib.nqm.piecewise import scheduled_loss
from course_lib.nqm.schedule import Schedule, optimal_schedule
from course_lib.nqm.search import StepsToTarget, steps_to_target
from course_lib.nqm.simulate import Simulation, simulate
from course_lib.nqm.spectrum import Spectrum, compress, harmonic, power_law, precondition, spectrum

__all__ = [
    "METHODS",
    "Schedule",
    "Simulation",
    "Spectrum",
    "StepsToTarget",
    "bayes_bound",
    "compress",
    "critical_batch_size",
    "expected_loss",
    "harmonic",
    "measured_noise_scale",
    "noise_scales",
    "optimal_schedule",
    "paper_bound",
    "power_law",
    "precondition",
    "scheduled_loss",
    "sgd_second_moment",
    "simulate",
    "spectrum",
    "steps_to_target",
    "two_batch_noise_scale",
]
