"""Lesson 00: gradient descent in a bowl."""

import numpy as np

from course_lib.problems import Problem, quadratic
from course_lib.rules import sgd
from course_lib.trace import Trace
from course_lib.training import descend

H = np.array([1.0, 10.0])
BOWL = quadratic(H)


START = np.array([-1.0, 0.6])


def bowl(gradient) -> Problem:
    """The lesson's bowl, with a gradient that the student wrote."""
    return Problem("bowl", BOWL.f, lambda p: np.asarray(gradient(p, H)), START, BOWL.minima, BOWL.view)


def walk(gradient, lr: float = 0.17, steps: int = 20) -> Trace:
    """Gradient descent down the bowl, each step against `gradient(p, h)`."""
    return descend(sgd, bowl(gradient), steps=steps, lr=lr, label=f"gradient descent, lr {lr}")


def compute(lr: float, steps: int = 20) -> np.ndarray:
    """The explorer's path, shape (steps + 1, 2)."""
    t = np.arange(steps + 1)[:, None]
    return START * (1 - lr * H) ** t
