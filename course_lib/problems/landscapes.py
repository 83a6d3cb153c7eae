"""Functions small enough to draw: a quadratic of any curvature, and two landscapes with a name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Problem:
    """A function to minimise.

    `f(p)` takes points of shape (..., d) and gives values of shape (...); `exact(p)` is the gradient, shape (..., d).
    `sigma` is the standard deviation of the noise that `grad` adds to each of its entries. `start` is a point of shape
    (d,) to begin at, `minima` has shape (n, d), `view` is (x low, x high, y low, y high) for a picture of two
    dimensions.
    """

    name: str
    f: Callable[[np.ndarray], np.ndarray]
    exact: Callable[[np.ndarray], np.ndarray]
    start: np.ndarray
    minima: np.ndarray
    view: tuple[float, float, float, float]
    sigma: float = 0.0

    def grad(self, p: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """The gradient at `p`; with a generator, as a mini-batch sees it: noise of deviation `sigma` added."""
        g = self.exact(p)
        return g if rng is None or not self.sigma else g + self.sigma * rng.standard_normal(np.shape(g))


def quadratic(h: Sequence[float], sigma: float = 0.0) -> Problem:
    """f(p) = 1/2 * sum(h * p**2) with curvatures `h`, shape (d,), and gradient noise `sigma` (Goh 2017)."""
    curvature = np.asarray(h, dtype=float)
    if curvature.ndim != 1 or not np.all(np.isfinite(curvature)):
        raise ValueError(f"h is {h!r}; allowed is a list of finite curvatures, such as [1.0, 50.0]")
    return Problem(
        name="quadratic",
        f=lambda p: 0.5 * np.sum(curvature * np.asarray(p) ** 2, axis=-1),
        exact=lambda p: curvature * np.asarray(p),
        start=np.ones(len(curvature)),
        minima=np.zeros((1, len(curvature))),
        view=(-1.2, 1.2, -1.2, 1.2),
        sigma=sigma,
    )


def rosenbrock(sigma: float = 0.0) -> Problem:
    """f(x, y) = (1 - x)^2 + 100 (y - x^2)^2: a curved valley with a flat floor (Rosenbrock 1960)."""

    def f(p):
        x, y = np.moveaxis(np.asarray(p), -1, 0)
        return (1 - x) ** 2 + 100 * (y - x**2) ** 2

    def exact(p):
        x, y = np.moveaxis(np.asarray(p), -1, 0)
        return np.stack([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)], axis=-1)

    return Problem("rosenbrock", f, exact, np.array([-1.2, 1.0]), np.array([[1.0, 1.0]]), (-1.6, 1.6, -0.6, 1.8), sigma)


def himmelblau(sigma: float = 0.0) -> Problem:
    """f(x, y) = (x^2 + y - 11)^2 + (x + y^2 - 7)^2: four minima of value zero (Himmelblau 1972)."""

    def f(p):
        x, y = np.moveaxis(np.asarray(p), -1, 0)
        return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2

    def exact(p):
        x, y = np.moveaxis(np.asarray(p), -1, 0)
        a, b = x**2 + y - 11, x + y**2 - 7
        return np.stack([4 * x * a + 2 * b, 2 * a + 4 * y * b], axis=-1)

    minima = np.array([[3.0, 2.0], [-2.805118, 3.131313], [-3.779310, -3.283186], [3.584428, -1.848127]])
    return Problem("himmelblau", f, exact, np.array([0.0, -4.0]), minima, (-5.5, 5.5, -5.5, 5.5), sigma)
