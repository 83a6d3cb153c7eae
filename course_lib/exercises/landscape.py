"""Exercises of lesson 12: an index, a way out of a saddle, power iteration, the edge, and Adam's own Hessian."""

from collections.abc import Callable

import numpy as np

from course_lib.exercises.base import Exercise, Mistake, calls
from course_lib.exercises.recorder import Wrong, close, number
from course_lib.experiments import landscape as lab


def _turned(*h) -> np.ndarray:
    """A symmetric matrix with these eigenvalues along no axis."""
    turn = np.linalg.qr(np.random.default_rng(len(h)).standard_normal((len(h), len(h))))[0]
    return (turn * h) @ turn.T


def _index(H):
    return np.sum(np.linalg.eigvalsh(H) < 0)


index = Exercise(
    name="index",
    reference=_index,
    cases=calls(
        (np.array([[1.0, 3.0], [3.0, 1.0]]),),
        (_turned(2.0, 5.0, 1.0),),
        (_turned(-1.0, -2.0, -0.5, -3.0),),
        (_turned(4.0, -0.1, 2.0, -3.0, 1.0),),
    ),
    mistakes=[
        Mistake("you count the ways up. The index counts the ways down.", lambda H: np.sum(np.linalg.eigvalsh(H) > 0)),
        Mistake(
            "you look at the diagonal alone. [[1, 3], [3, 1]] has none below zero there, and still leads down.",
            lambda H: np.sum(np.diag(H) < 0),
        ),
        Mistake("you count negative entries. Curvatures are the eigenvalues.", lambda H: np.sum(H < 0)),
        Mistake(
            "the sign of the determinant tells only whether the number of ways down is odd.",
            lambda H: np.linalg.det(H) < 0,
        ),
        Mistake("you say whether there is a way down. Say how many there are.", lambda H: np.linalg.eigvalsh(H)[0] < 0),
        Mistake("that is a share; the index is a number of directions.", lambda H: np.mean(np.linalg.eigvalsh(H) < 0)),
    ],
    hints=(
        "Along an eigenvector the function curves by the eigenvalue.",
        "`np.linalg.eigvalsh` gives the eigenvalues of a symmetric matrix.",
        "Count those below zero: a comparison gives True and False, and their sum is the number.",
    ),
)


def _escape_steps(lr, h, y):
    return np.ceil(np.log(1 / y) / np.log(1 + lr * h))


escape_steps = Exercise(
    name="escape_steps",
    reference=_escape_steps,
    cases=calls((0.1, 0.01, 1e-6), (1.0, 0.01, 1e-6), (0.5, 1.0, 1e-3), (0.1, 0.001, 1e-9), (0.3, 1.0, 1e-2)),
    mistakes=[
        Mistake(
            "that is continuous time, log(1/y)/(lr·h). A step multiplies by 1 + lr·h, not by its exponential.",
            lambda lr, h, y: np.ceil(np.log(1 / y) / (lr * h)),
        ),
        Mistake(
            "1 − lr·h is the factor in a valley. On the way down of a saddle the slope is −h·y, and y grows.",
            lambda lr, h, y: np.ceil(np.log(y) / np.log(1 - lr * h)),
        ),
        Mistake(
            "steps come whole, and |y| has reached 1 only after the last of them: round up.",
            lambda lr, h, y: np.log(1 / y) / np.log(1 + lr * h),
        ),
        Mistake("you round down, one step too early.", lambda lr, h, y: np.floor(np.log(1 / y) / np.log(1 + lr * h))),
        Mistake(
            "`round` goes to the nearest whole number; here it goes up, always.",
            lambda lr, h, y: np.round(np.log(1 / y) / np.log(1 + lr * h)),
        ),
        Mistake(
            "y grows by a factor a step, not by a sum: the steps go with log(1/y), not with 1/y.",
            lambda lr, h, y: np.ceil((1 - y) / (lr * h * y)),
        ),
        Mistake("lr is missing in the factor.", lambda lr, h, y: np.ceil(np.log(1 / y) / np.log(1 + h))),
        Mistake(
            "you have log10 above and the natural logarithm below.",
            lambda lr, h, y: np.ceil(np.log10(1 / y) / np.log(1 + lr * h)),
        ),
    ],
    hints=(
        "Write one step of gradient descent on −h/2·y². What is y multiplied by?",
        "By 1 + lr·h. For which t does y·(1 + lr·h)ᵗ reach 1?",
        "Take logarithms, and round up with `np.ceil`.",
    ),
)


def _along(H, v, iterations) -> Callable:
    return lambda call: call(lambda x: H @ x, np.array(v), iterations)


def _value(answer) -> np.ndarray:
    """The curvature and the sizes of v's entries; v's sign is free."""
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Wrong("return two things, the curvature and its direction: `return curvature, v`")
    return np.append(number(answer[0]), np.abs(number(answer[1])))


def _direction(calls, i, wanted) -> str:
    """A sentence where the curvature is right and v is not."""
    if not close(calls[i].value[:1], wanted[i].value[:1]):
        return ""
    return "the curvature is right, but the v beside it is not: return the last H v, brought to length 1."


def _iterated(last, each=lambda w: w / np.linalg.norm(w), most=None):
    """A wrong power iteration: how it ends, how it scales, how often it goes."""

    def top_curvature(hvp, v, iterations):
        for _ in range(most or iterations):
            v = each(hvp(v))
        return last(hvp, v), v

    return top_curvature


top_curvature = Exercise(
    name="top_curvature",
    reference=lab.top_curvature,
    cases=[
        _along(_turned(1.0, 10.0, -2.0), [1.0, 1.0, 1.0], 60),
        _along(_turned(1.0, -10.0, 2.0), [1.0, 1.0, 1.0], 60),
        _along(_turned(0.1, 50.0, 20.0, 3.0), [1.0, 0.0, 0.0, 1.0], 300),
        _along(_turned(5.0, 4.0), [3.0, 1.0], 2),
    ],
    read=_value,
    clue=_direction,
    owned=(1,),
    mistakes=[
        Mistake(
            "v is never brought back to length 1. After 300 products with a curvature of 50 it is past the largest "
            "number.",
            _iterated(lambda hvp, v: v @ hvp(v) / (v @ v), each=lambda w: w),
        ),
        Mistake(
            "the length of H v has no sign: −10 comes out as 10. The curvature along v is v · H v.",
            _iterated(lambda hvp, v: np.linalg.norm(hvp(v))),
        ),
        Mistake(
            "you divide by the squared length of H v. A vector gets length 1 when divided by its length.",
            _iterated(lambda hvp, v: v @ hvp(v), each=lambda w: w / (w @ w)),
        ),
        Mistake(
            "you divide by the largest entry, so v has not length 1, and v · H v is too large.",
            _iterated(lambda hvp, v: v @ hvp(v), each=lambda w: w / np.abs(w).max()),
        ),
        Mistake("you make one product, whatever `iterations` says.", _iterated(lambda hvp, v: v @ hvp(v), most=1)),
        Mistake("that is the slope's share v · v, always 1: H is missing.", _iterated(lambda hvp, v: v @ v)),
    ],
    hints=(
        "A product with H lengthens the steepest direction most. Do it again and again.",
        "After each product divide v by its length, or it grows without end.",
        "In the end v has length 1 and points along the steepest direction; the curvature there is v @ hvp(v).",
    ),
)


def _other_edge(heavy, nesterov, average):
    """A wrong table of edges in units of 1/lr."""
    forms = {"heavy ball": heavy, "nesterov": nesterov, "average": average}
    return lambda lr, momentum, form: forms[form](momentum) / lr


def _heavy(m):
    return 2 * (1 + m)


def _ahead(m):
    return 2 * (1 + m) / (1 + 2 * m)


def _average(m):
    return 2 * (1 + m) / (1 - m)


edge = Exercise(
    name="edge",
    reference=lab.edge,
    cases=[
        lambda call, form=form, mu=mu, lr=lr: call(lr, mu, form)
        for form in ("heavy ball", "nesterov", "average")
        for lr, mu in ((0.2, 0.0), (0.3, 0.9), (0.005, 0.5))
    ],
    mistakes=[
        Mistake("momentum is not in it: 2/lr is gradient descent's edge.", _other_edge(*[lambda m: 2.0] * 3)),
        Mistake(
            "you reckon that momentum lengthens the step to lr/(1 − μ), and shrink the edge. At the edge the gradient "
            "changes its sign each step, and the velocity's terms cancel: the edge moves out.",
            _other_edge(lambda m: 2 * (1 - m), lambda m: 2 * (1 - m), lambda m: 2.0),
        ),
        Mistake("Nesterov's edge is not the heavy ball's: it is nearer.", _other_edge(_heavy, _heavy, _average)),
        Mistake(
            "an average takes 1 − μ of each gradient, so its edge is 1/(1 − μ) times the heavy ball's.",
            _other_edge(_heavy, _ahead, _heavy),
        ),
        Mistake(
            "in the average you multiply by 1 − μ. The step is shorter, so the edge lies further out.",
            _other_edge(_heavy, _ahead, lambda m: 2 * (1 + m) * (1 - m)),
        ),
        Mistake(
            "that is where the swings stop being damped for the best setting, (1 + √μ)². The edge is at 2(1 + μ).",
            _other_edge(lambda m: (1 + m**0.5) ** 2, _ahead, _average),
        ),
        Mistake("that is x = lr·h at the edge; the curvature is h = x/lr.", lambda lr, m, form: lab.edge(1, m, form)),
    ],
    hints=(
        "At the edge p changes its sign each step and keeps its size: p(t+1) = −p(t) = p(t−1).",
        "Put that into the recursion of each form. For the heavy ball: −1 = (1 + μ − x) + μ with x = lr·h.",
        "Heavy ball x = 2(1 + μ); Nesterov x·(1 + 2μ) = 2(1 + μ); average x·(1 − μ) = 2(1 + μ). Then h = x/lr.",
    ),
)


def _own_product(hvp, x, v_hat, eps=1e-8):
    d = 1 / np.sqrt(np.sqrt(v_hat) + eps)
    return d * hvp(d * x)


def _scaled(H, x, v_hat) -> Callable:
    return lambda call: call(lambda y: H @ y, np.array(x), np.array(v_hat))


own_product = Exercise(
    name="own_product",
    reference=_own_product,
    cases=[
        _scaled(_turned(3.0, 0.5), [1.0, -1.0], [1e-12, 9.0]),
        _scaled(_turned(1.0, 10.0, -2.0), [1.0, 0.0, 2.0], [4.0, 1e-4, 0.25]),
    ],
    mistakes=[
        Mistake(
            "nothing has changed: this is still the Hessian that Adam does not see.", lambda hvp, x, v, eps=0: hvp(x)
        ),
        Mistake(
            "you divide on one side alone. That matrix has the right eigenvalues, but is not symmetric, and v · H v is "
            "no curvature of it. Put one root of the divisor on each side.",
            lambda hvp, x, v, eps=1e-8: hvp(x) / (np.sqrt(v) + eps),
        ),
        Mistake(
            "you divide on one side alone, before the product. Put one root of the divisor on each side.",
            lambda hvp, x, v, eps=1e-8: hvp(x / (np.sqrt(v) + eps)),
        ),
        Mistake(
            "you divide by the whole √v̂ + ε on both sides, so twice. Half of it, its root, belongs on each side.",
            lambda hvp, x, v, eps=1e-8: hvp(x / (np.sqrt(v) + eps)) / (np.sqrt(v) + eps),
        ),
        Mistake(
            "you multiply by the divisor. Where Adam divides the gradient, the curvature shrinks as well.",
            lambda hvp, x, v, eps=1e-8: (np.sqrt(v) + eps) ** 0.5 * hvp((np.sqrt(v) + eps) ** 0.5 * x),
        ),
        Mistake(
            "Adam divides by √v̂ + ε, not by v̂ + ε.",
            lambda hvp, x, v, eps=1e-8: hvp(x / (v + eps) ** 0.5) / (v + eps) ** 0.5,
        ),
        Mistake(
            "your ε is inside the root of v̂. Adam's stands outside.",
            lambda hvp, x, v, eps=1e-8: hvp(x / (v + eps) ** 0.25) / (v + eps) ** 0.25,
        ),
        Mistake(
            "ε is missing. Where a gradient is almost nothing, the divisor is ε.",
            lambda hvp, x, v, eps=1e-8: hvp(x / v**0.25) / v**0.25,
        ),
        Mistake(
            "ε belongs beside √v̂, inside the outer root.",
            lambda hvp, x, v, eps=1e-8: hvp(x / (v**0.25 + eps)) / (v**0.25 + eps),
        ),
    ],
    hints=(
        "In stretched coordinates, in which Adam is the averaged ball, what is the Hessian?",
        "With z = √P·p the function's curvatures are those of P^(−½) H P^(−½), P = √v̂ + ε on the diagonal.",
        "Make d = 1/√(√v̂ + ε); multiply x by it, take the product, multiply by it again.",
    ),
)
