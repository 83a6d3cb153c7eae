"""What is minimised: quadratics, two-dimensional landscapes, and a small net on scikit-learn's digits."""

from course_lib.problems.landscapes import Problem, himmelblau, quadratic, rosenbrock

__all__ = ["Problem", "himmelblau", "quadratic", "rosenbrock"]
