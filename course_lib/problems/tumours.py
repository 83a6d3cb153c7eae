"""Real data in all units at once: 30 measurements of 569 breast tumours, from a few thousandths to some thousands.

They come with scikit-learn, no download. The model is logistic regression with a small ridge, so that there is one
minimum, and Newton's method finds it to rounding.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

RIDGE = 1e-3


@cache
def measured() -> tuple[np.ndarray, np.ndarray]:
    """The measurements as they come, shape (569, 30), and 1 for benign, 0 for malignant, shape (569,)."""
    from sklearn.datasets import load_breast_cancer

    return load_breast_cancer(return_X_y=True)


class Logistic(NamedTuple):
    """f(p) = mean log(1 + exp(-margin)) + RIDGE/2 * |p|^2 with margin = sign * (x @ p); p has shape (..., columns)."""

    x: np.ndarray  # (rows, columns), a column of 1 among them
    sign: np.ndarray  # (rows,), 1 for benign and -1 for malignant

    def loss(self, p: np.ndarray) -> np.ndarray:
        return np.logaddexp(0, -(p @ self.x.T) * self.sign).mean(axis=-1) + RIDGE / 2 * np.sum(p * p, axis=-1)

    def grad(self, p: np.ndarray) -> np.ndarray:
        return RIDGE * p - (_pull((p @ self.x.T) * self.sign) * self.sign) @ self.x / len(self.x)

    def curvature(self, p: np.ndarray) -> np.ndarray:
        """The Hessian at `p`, shape (columns, columns)."""
        pull = _pull((self.x @ p) * self.sign)
        return (self.x.T * (pull * (1 - pull))) @ self.x / len(self.x) + RIDGE * np.eye(len(p))


def logistic(x: np.ndarray, benign: np.ndarray) -> Logistic:
    """The problem for measurements `x`, (rows, 30), and labels 0 or 1; a column of 1 is added."""
    return Logistic(with_one(x), 2.0 * benign - 1)


def with_one(x: np.ndarray) -> np.ndarray:
    return np.column_stack([x, np.ones(len(x))])


def newton(problem: Logistic, steps: int = 60) -> np.ndarray:
    """The weights of least loss, shape (columns,): Newton's steps, each halved until it lowers the loss."""
    p = np.zeros(problem.x.shape[1])
    for _ in range(steps):
        step, share = np.linalg.solve(problem.curvature(p), problem.grad(p)), 1.0
        while share > 1e-9 and problem.loss(p - share * step) > problem.loss(p):
            share /= 2
        p = p - share * step
    return p


def _pull(margin: np.ndarray) -> np.ndarray:
    return 0.5 - 0.5 * np.tanh(margin / 2)  # 1 / (1 + exp(margin)), which never overflows
