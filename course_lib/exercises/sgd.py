"""Exercises of lesson 01: the step, the speed limit, the noise floor, and a decay that decays too fast."""

import numpy as np

from course_lib import theory
from course_lib.exercises.base import Exercise, Mistake, calls
from course_lib.exercises.steps import along, step_exercise
from course_lib.rules import sgd


def _sgd_step(p, g, lr):
    return p - lr * g


sgd_step = step_exercise(
    sgd,
    remembers=False,
    name="sgd_step",
    reference=_sgd_step,
    cases=[
        along([1.0, -2.0], [[0.5, 4.0], [3.0, -1.0], [0.0, 2.0]], lrs=0.1),
        along([[0.3, 2.0], [1.0, -1.0]], [[[1.0, 2.0], [-3.0, 0.25]]], lrs=2.0),
    ],
    mistakes=[
        Mistake("you climb. The gradient points uphill; subtract it.", lambda p, g, lr: p + lr * g),
        Mistake("lr is missing, so each step is as long as the gradient itself.", lambda p, g, lr: p - g),
        Mistake("you divide by lr. A larger lr must make a longer step.", lambda p, g, lr: p - g / lr),
        Mistake(
            "the gradient multiplies p: p·(1 − lr·g). It has to be subtracted from p.",
            lambda p, g, lr: p * (1 - lr * g),
        ),
        Mistake(
            "you step by the sign of the gradient. Its size counts too: gentle slopes take short steps.",
            lambda p, g, lr: p - lr * np.sign(g),
        ),
        Mistake(
            "you divide the gradient by its length. Plain SGD keeps it, and slows down by itself near a minimum.",
            lambda p, g, lr: p - lr * g / np.linalg.norm(g),
        ),
        Mistake("you return the step alone; subtract it from p.", lambda p, g, lr: lr * g),
        Mistake("you return the step alone, with its sign; add it to p.", lambda p, g, lr: -lr * g),
        Mistake("lr shrinks p itself: you compute lr·(p − g).", lambda p, g, lr: lr * (p - g)),
    ],
    hints=(
        "Which way does the gradient point, and which way do you want to go?",
        "The step is lr times the gradient. It starts at p.",
        "One line, three letters and two operators: p, lr, g, minus and times.",
    ),
)


def _eigenvalues(H):
    return np.linalg.eigvalsh(H)


largest_lr = Exercise(
    name="largest_lr",
    reference=theory.largest_lr,
    cases=calls(
        (np.diag([1.0, 50.0]),),
        (np.array([[3.0, 1.0], [1.0, 2.0]]),),
        (np.array([[4.0, -2.0, 0.5], [-2.0, 3.0, 1.0], [0.5, 1.0, 2.0]]),),
    ),
    mistakes=[
        Mistake(
            "1/λmax is where the steepest direction is solved in one step. It stays stable up to twice that.",
            lambda H: 1 / _eigenvalues(H)[-1],
        ),
        Mistake(
            "you divide by the trace, the sum of all eigenvalues. Each direction moves on its own; only the largest "
            "counts.",
            lambda H: 2 / np.trace(H),
        ),
        Mistake(
            "you use the smallest eigenvalue. The steepest direction blows up first.", lambda H: 2 / _eigenvalues(H)[0]
        ),
        Mistake(
            "you read the largest entry on the diagonal. That is the curvature along an axis; the steepest direction "
            "may lie between the axes. Take eigenvalues.",
            lambda H: 2 / np.max(np.diag(H)),
        ),
        Mistake(
            "you use the Frobenius norm, which adds up all eigenvalues' squares. Only the largest counts.",
            lambda H: 2 / np.linalg.norm(H),
        ),
        Mistake("that is the largest eigenvalue itself; the limit on lr is 2 over it.", lambda H: _eigenvalues(H)[-1]),
        Mistake("that is a quarter of it: the limit is 2/λmax.", lambda H: 0.5 / _eigenvalues(H)[-1]),
    ],
    hints=(
        "Along an eigenvector of H the step multiplies the error by 1 − lr·λ. When does that stop shrinking it?",
        "|1 − lr·λ| < 1 must hold for every eigenvalue λ. Which one is the first to break it?",
        "`np.linalg.eigvalsh(H)` gives the eigenvalues of a symmetric matrix in rising order.",
    ),
)


noise_floor = Exercise(
    name="noise_floor",
    reference=theory.noise_floor,
    cases=calls((0.1, 1.0, 1.0), (1.5, 1.0, 2.0), (0.02, 50.0, 9.0), (0.5, 0.4, 0.3)),
    mistakes=[
        Mistake(
            "that is the limit for small lr, lr·c/(2h). Near the edge of stability the floor is higher: keep the "
            "square in (1 − lr·h)².",
            lambda lr, h, c: lr * c / (2 * h),
        ),
        Mistake(
            "the factor 2 − lr·h is missing below the line. It comes from the square: the variance shrinks by "
            "(1 − lr·h)² a step, not by 1 − lr·h.",
            lambda lr, h, c: lr * c / h,
        ),
        Mistake("h is missing below the line, in front of 2 − lr·h.", lambda lr, h, c: lr * c / (2 - lr * h)),
        Mistake(
            "that is its square root, a length. The floor asked for is E p², a variance.",
            lambda lr, h, c: np.sqrt(lr * c / (h * (2 - lr * h))),
        ),
        Mistake("you square c, but c is already a variance.", lambda lr, h, c: lr * c**2 / (h * (2 - lr * h))),
        Mistake(
            "the noise enters as lr², and one lr is left after dividing by 1 − (1 − lr·h)². Yours kept both.",
            lambda lr, h, c: lr**2 * c / (h * (2 - lr * h)),
        ),
        Mistake(
            "that is lr²·c, the noise of one step. It adds up over the steps that remember it: divide by "
            "1 − (1 − lr·h)².",
            lambda lr, h, c: lr**2 * c,
        ),
        Mistake("that is the loss ½·h·E p². The question is E p².", lambda lr, h, c: 0.5 * lr * c / (2 - lr * h)),
    ],
    hints=(
        "At the floor nothing changes any more: put the same V on both sides of V = (1 − lr·h)²·V + lr²·c.",
        "1 − (1 − x)² = x·(2 − x), with x = lr·h.",
        "V = lr²·c / (x·(2 − x)) with x = lr·h; one lr cancels.",
    ),
)


def _decayed_lr(lr0, decay, epoch):
    return lr0 / (1 + decay * epoch)


def _compounded(lr0, decay, epoch):
    for k in range(epoch + 1):
        lr0 = lr0 / (1 + decay * k)
    return lr0


decayed_lr = Exercise(
    name="decayed_lr",
    reference=_decayed_lr,
    cases=calls(  # NumPy's floats: where the 1 is missing they give inf, Python's would raise
        (np.float64(0.2), 1.0, 0), (np.float64(0.2), 1.0, 5), (np.float64(1.0), 0.1, 10), (np.float64(0.5), 0.3, 3)
    ),
    mistakes=[
        Mistake(
            "the decay still compounds: each epoch divides what the epoch before had already divided. Start from lr0 "
            "every time.",
            _compounded,
        ),
        Mistake(
            "you divide by (1 + decay) once an epoch: that is exponential decay, not 1/t.",
            lambda lr0, decay, epoch: lr0 / (1 + decay) ** epoch,
        ),
        Mistake(
            "you multiply by (1 − decay) once an epoch: that is exponential decay, and zero at decay = 1.",
            lambda lr0, decay, epoch: lr0 * (1 - decay) ** epoch,
        ),
        Mistake(
            "you count one epoch too many: at epoch 0 the rate must still be lr0.",
            lambda lr0, decay, epoch: lr0 / (1 + decay * (epoch + 1)),
        ),
        Mistake(
            "the 1 is missing below the line: epoch 0 divides by zero.",
            lambda lr0, decay, epoch: lr0 / (decay * epoch),
        ),
        Mistake(
            "precedence: `lr0 / 1 + decay * epoch` adds the decay to lr0. Put brackets around 1 + decay·epoch.",
            lambda lr0, decay, epoch: lr0 / 1 + decay * epoch,
        ),
        Mistake(
            "you decay by the square root of the epoch.", lambda lr0, decay, epoch: lr0 / np.sqrt(1 + decay * epoch)
        ),
    ],
    hints=(
        "What should the rate be at epoch 10, if you are told nothing of the epochs before?",
        "A schedule is a function of the epoch and of lr0 alone; no loop, nothing carried over.",
        "lr0 divided by one number, 1 + decay·epoch.",
    ),
)
