"""Exercise of lesson 00: the slope of a bowl."""

import numpy as np

from course_lib.exercises.base import Exercise, Mistake, calls


def _gradient(p, h):
    return h * p


gradient = Exercise(
    name="gradient",
    reference=_gradient,
    cases=calls(
        (np.array([3.0, -2.0]), np.array([1.0, 10.0])),
        (np.array([0.5, 4.0]), np.array([2.0, 0.25])),
        (np.array([1.0, 2.0, 3.0]), np.array([5.0, 1.0, 0.1])),
    ),
    mistakes=[
        Mistake(
            "the ½ is still there. The derivative of ½·h·p² is h·p: the 2 that comes down from the square meets the ½.",
            lambda p, h: 0.5 * h * p,
        ),
        Mistake(
            "that is the height f(p) itself. The slope says how fast it changes.", lambda p, h: np.sum(h * p**2) / 2
        ),
        Mistake(
            "you have added the slopes up. A gradient keeps one entry for each coordinate.", lambda p, h: np.sum(h * p)
        ),
        Mistake(
            "you have added the slopes of two coordinates up. A gradient keeps one entry for each, and p may have any "
            "number of them.",
            lambda p, h: h[0] * p[0] + h[1] * p[1],
        ),
        Mistake(
            "you name two coordinates; p may have any number. NumPy multiplies whole arrays.",
            lambda p, h: np.array([h[0] * p[0], h[1] * p[1]]),
        ),
        Mistake(
            "the curvature h is missing: a steeper bowl has a larger slope at the same place.", lambda p, h: 1.0 * p
        ),
        Mistake(
            "that points downhill. The gradient points uphill, and the step subtracts it later.", lambda p, h: -h * p
        ),
        Mistake("that is 2·h·p, the derivative of h·p². The ½ in front of the sum halves it.", lambda p, h: 2 * h * p),
        Mistake("p is still squared. Differentiating takes one power away.", lambda p, h: h * p**2),
        Mistake(
            "p is still squared, and the ½ is still there: these are the summands of f.", lambda p, h: h * p**2 / 2
        ),
    ],
    hints=(
        "Take one coordinate alone: what is the derivative of ½·h·p² with respect to p?",
        "Each coordinate of p has its own curvature in h, and NumPy multiplies two arrays entry by entry.",
        "One line: return the product of the two arguments.",
    ),
)
