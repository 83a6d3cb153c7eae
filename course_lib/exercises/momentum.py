"""Exercises of lesson 02: the heavy ball, its shrink factor, its best setting, and a velocity in the wrong units."""

import numpy as np

from course_lib import theory
from course_lib.exercises.base import Exercise, Mistake, calls
from course_lib.exercises.recorder import number
from course_lib.exercises.steps import along, clue, split, step_exercise
from course_lib.rules import momentum


def _momentum_step(p, g, v, lr, momentum=0.9):
    v = momentum * v + g
    return p - lr * v, v


def _sutskever(p, g, v, lr, momentum=0.9):
    v = momentum * v + lr * g
    return p - v, v


def _ema(p, g, v, lr, momentum=0.9):
    v = momentum * v + (1 - momentum) * g
    return p - lr * v, v


def _nesterov(p, g, v, lr, momentum=0.9):
    v = momentum * v + g
    return p - lr * (g + momentum * v), v


def _both(update):
    """A wrong step from its wrong update: update(g, v, lr, momentum) -> (move, v)."""

    def step(p, g, v, lr, momentum=0.9):
        move, v = update(g, v, lr, momentum)
        return p + move, v

    return step


_gradients = [[0.5, 4.0], [3.0, -1.0], [-2.0, 0.5], [1.0, 1.0], [0.25, -3.0]]

momentum_step = step_exercise(
    momentum,
    remembers=True,
    name="momentum_step",
    reference=_momentum_step,
    cases=[
        along([1.0, -2.0], _gradients, 0.1, library=momentum),
        along([1.0, -2.0], _gradients, 0.1, library=momentum, momentum=0.5),
        along([0.0, 5.0], _gradients, [0.1, 0.1, 0.01, 0.01, 0.01], library=momentum),
    ],
    mistakes=[
        Mistake(
            "your lr is inside the velocity, v ← μ·v + lr·g (Sutskever's form). Both agree until lr changes; then the "
            "old steps in v keep the old lr. PyTorch keeps lr outside.",
            _sutskever,
        ),
        Mistake(
            "you average: (1 − μ)·g makes every step 1 − μ times as long, ten times shorter at μ = 0.9. The velocity "
            "is a plain sum, v ← μ·v + g.",
            _ema,
        ),
        Mistake(
            "the velocity never builds up: your step uses g in place of v, or the old v is returned.",
            _both(lambda g, v, lr, m: (-lr * g, v)),
        ),
        Mistake(
            "you step with the old velocity, before this gradient has entered it. Update v first.",
            _both(lambda g, v, lr, m: (-lr * v, m * v + g)),
        ),
        Mistake(
            "you climb: of the two signs, v ← μ·v + g and p − lr·v, one is turned round.",
            _both(lambda g, v, lr, m: (lr * (m * v + g), m * v + g)),
        ),
        Mistake(
            "that is Nesterov's step, g + μ·v. The heavy ball steps along v alone; Nesterov is the next lesson.",
            _nesterov,
        ),
        Mistake(
            "nothing is forgotten: v ← v + g. Multiply the old velocity by μ.",
            _both(lambda g, v, lr, m: (-lr * (v + g), v + g)),
        ),
        Mistake(
            "μ multiplies the gradient; it belongs to the old velocity, v ← μ·v + g.",
            _both(lambda g, v, lr, m: (-lr * (v + m * g), v + m * g)),
        ),
        Mistake(
            "lr counts twice, in the velocity and in the step.",
            _both(lambda g, v, lr, m: (-lr * (m * v + lr * g), m * v + lr * g)),
        ),
        Mistake("lr is missing: p moves by the whole velocity.", _both(lambda g, v, lr, m: (-(m * v + g), m * v + g))),
        Mistake(
            "μ counts once too often: it multiplies the new gradient too, in v ← μ·(v + g) or in p − lr·μ·v. Only the "
            "old velocity is multiplied by μ.",
            _both(lambda g, v, lr, m: (-lr * m * (m * v + g), m * v + g)),
        ),
        Mistake(
            "the two results are swapped: return p first, then v.",
            lambda p, g, v, lr, momentum=0.9: _momentum_step(p, g, v, lr, momentum)[::-1],
        ),
        Mistake(
            "μ and 1 − μ are swapped: v ← (1 − μ)·v + μ·g.",
            _both(lambda g, v, lr, m: (-lr * ((1 - m) * v + m * g), (1 - m) * v + m * g)),
        ),
        Mistake(
            "your momentum is always 0.9; the argument `momentum` is not used.",
            lambda p, g, v, lr, momentum=0.9: _momentum_step(p, g, v, lr, 0.9),
        ),
    ],
    hints=(
        "Two lines: first the velocity takes the new gradient in, then p moves along the velocity.",
        "The velocity forgets a little, then adds: momentum times the old v, plus the whole gradient. lr is not in it.",
        "The step is lr times the *new* v, subtracted from p. Return both, p first.",
    ),
)


def _spectral_radius(matrix):
    return np.max(np.abs(np.linalg.eigvals(matrix)))


shrink = Exercise(
    name="shrink",
    reference=theory.shrink,
    cases=calls((0.1, 0.0), (0.5, 0.9), (3.7, 0.9), (0.02, 0.5), (1.9, 0.3), (4.0, 0.9)),
    mistakes=[
        Mistake(
            "you take the largest real part. A complex eigenvalue shrinks by its modulus, `np.abs`.",
            lambda x, momentum: np.max(np.real(np.linalg.eigvals([[1 + momentum - x, -momentum], [1, 0]]))),
        ),
        Mistake(
            "you take the eigenvalue with the largest real part, and it stays complex. What shrinks is its modulus: "
            "`np.abs` first, then the largest.",
            lambda x, momentum: np.max(np.linalg.eigvals([[1 + momentum - x, -momentum], [1, 0]])),
        ),
        Mistake(
            "you take the smaller eigenvalue. The slower one decides how fast the error goes.",
            lambda x, momentum: np.min(np.abs(np.linalg.eigvals([[1 + momentum - x, -momentum], [1, 0]]))),
        ),
        Mistake(
            "μ has the wrong sign in the corner: p(t−1) enters with −μ.",
            lambda x, momentum: _spectral_radius([[1 + momentum - x, momentum], [1, 0]]),
        ),
        Mistake(
            "the old position counts 1 + μ − x times, once for itself and μ for the velocity. Yours is 1 − x.",
            lambda x, momentum: _spectral_radius([[1 - x, -momentum], [1, 0]]),
        ),
        Mistake(
            "that is Nesterov's matrix, where x multiplies the velocity too.",
            lambda x, momentum: _spectral_radius([[(1 + momentum) * (1 - x), -momentum * (1 - x)], [1, 0]]),
        ),
        Mistake("that is |1 − x|, plain gradient descent: momentum is not in it.", lambda x, momentum: abs(1 - x)),
        Mistake(
            "√μ holds only while the eigenvalues are complex. For small x, or near the edge, they are real.",
            lambda x, momentum: np.sqrt(momentum),
        ),
        Mistake(
            "you average the gradient, so x counts (1 − μ) times only.",
            lambda x, momentum: _spectral_radius([[1 + momentum - (1 - momentum) * x, -momentum], [1, 0]]),
        ),
    ],
    hints=(
        "Write the velocity as v(t) = (p(t−1) − p(t))/lr and put it into the step: p(t+1) needs only p(t), p(t−1).",
        "p(t+1) = (1 + μ − x)·p(t) − μ·p(t−1). Make it a 2×2 matrix on the pair (p(t), p(t−1)).",
        "`np.abs(np.linalg.eigvals(M)).max()` with M = [[1 + μ − x, −μ], [1, 0]].",
    ),
)


best_pair = Exercise(
    name="best_pair",
    reference=theory.best_pair,
    cases=calls((1.0, 100.0), (0.5, 2.0), (0.01, 30.0)),
    mistakes=[
        Mistake(
            "the square over lr is missing.",
            lambda a, b: (np.sqrt(theory.best_pair(a, b)[0]), theory.best_pair(a, b)[1]),
        ),
        Mistake(
            "the square over the momentum is missing: you give the shrink factor, and μ is its square.",
            lambda a, b: (theory.best_pair(a, b)[0], np.sqrt(theory.best_pair(a, b)[1])),
        ),
        Mistake(
            "both squares are missing.",
            lambda a, b: (np.sqrt(theory.best_pair(a, b)[0]), np.sqrt(theory.best_pair(a, b)[1])),
        ),
        Mistake(
            "that is the best rate of plain gradient descent, 2/(h_max + h_min). With momentum a longer one is best.",
            lambda a, b: (2 / (a + b), theory.best_pair(a, b)[1]),
        ),
        Mistake(
            "κ stands where its square root belongs.",
            lambda a, b: (theory.best_pair(a, b)[0], ((b / a - 1) / (b / a + 1)) ** 2),
        ),
        Mistake("lr and momentum are swapped: return lr first.", lambda a, b: theory.best_pair(a, b)[::-1]),
        Mistake(
            "your lr is 1/h_max, which solves the steepest direction alone; it is (2/(√h_max + √h_min))².",
            lambda a, b: (1 / b, theory.best_pair(a, b)[1]),
        ),
    ],
    hints=(
        "At the best pair both ends of the spectrum sit exactly at critical damping: x = (1 − √μ)² at h_min and "
        "(1 + √μ)² at h_max.",
        "Take roots: √(lr·h_min) = 1 − √μ and √(lr·h_max) = 1 + √μ. Add them to get lr, divide them to get μ.",
        "lr = (2/(√h_max + √h_min))², and √μ = (√κ − 1)/(√κ + 1) with κ = h_max/h_min.",
    ),
)


def _rescaled_step(p, g, v, lr, lr_before, momentum=0.9):
    v = momentum * (lr / lr_before) * v + lr * g
    return p - v, v


def _momentum_outside(p, g, v, lr, lr_before, momentum=0.9):
    return _momentum_step(p, g, v, lr, momentum)


def _drop(call):
    """Five steps along changing rates, as the lesson's training loop makes them."""
    p, v, before = np.array([1.0, -2.0]), np.zeros(2), 0.1
    for g, lr in zip(_gradients, [0.1, 0.1, 0.01, 0.01, 0.05], strict=True):
        p, v = call(p, np.array(g), v, lr=lr, lr_before=before)
        before = lr


def _under_way(call):
    """One step with a velocity in old units: a step that keeps lr elsewhere shows."""
    call(np.array([1.0, -2.0]), np.array([0.5, 4.0]), np.array([0.4, -0.3]), lr=0.02, lr_before=0.1)


def _position(answer):
    return number(split(answer)[0])


rescaled_step = Exercise(
    name="rescaled_step",
    reference=_rescaled_step,
    cases=[_drop, _drop, _under_way],  # the second starts afresh: a velocity kept in a global shows
    read=_position,
    owned=(0, 2),
    clue=clue,
    mistakes=[
        Mistake(
            "nothing has changed: after a drop the old velocity still carries the old lr.",
            lambda p, g, v, lr, lr_before, momentum=0.9: _sutskever(p, g, v, lr, momentum),
        ),
        Mistake(
            "the ratio is upside down: when lr falls, the stored velocity must shrink with it.",
            lambda p, g, v, lr, lr_before, momentum=0.9: _sutskever(p, g, v * lr_before / lr, lr, momentum),
        ),
        Mistake(
            "you rescale the new gradient too. It comes in with the new lr already; only the old velocity is in old "
            "units.",
            lambda p, g, v, lr, lr_before, momentum=0.9: (lambda new: (p - new, new))(
                (momentum * v + lr * g) * lr / lr_before
            ),
        ),
        Mistake(
            "you throw the velocity away when lr changes. That is safe, but it forgets the direction: keep v, in new "
            "units.",
            lambda p, g, v, lr, lr_before, momentum=0.9: _sutskever(p, g, v * (lr == lr_before), lr, momentum),
        ),
        Mistake(
            "you give the old lr to the new gradient.",
            lambda p, g, v, lr, lr_before, momentum=0.9: _sutskever(p, g, v, lr_before, momentum),
        ),
        Mistake(
            "you mix the forms: v now holds plain gradients, but p − v still expects lr inside it.",
            lambda p, g, v, lr, lr_before, momentum=0.9: (p - (momentum * v + g), momentum * v + g),
        ),
        Mistake(
            "you moved lr out of the velocity, as torch has it. That mends the bug as well, but here v comes in with "
            "lr inside, and is to leave so.",
            _momentum_outside,
        ),
        Mistake(
            "your v points the other way: you add it to p. The loop hands over a v that is subtracted.",
            lambda p, g, v, lr, lr_before, momentum=0.9: (lambda new: (p + new, new))(
                momentum * (lr / lr_before) * v - lr * g
            ),
        ),
    ],
    hints=(
        "v holds lr_before times a sum of gradients. In which units do you want it?",
        "Divide the old lr out and multiply the new one in, before the gradient is added.",
        "The factor is lr / lr_before, on the term with the old v.",
    ),
)
