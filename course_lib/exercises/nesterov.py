"""Exercises of lesson 03: the look-ahead, torch's form of it, two edges, a kinked slope, and a backup that is none."""

import numpy as np

from course_lib.exercises.base import Exercise, Mistake, calls
from course_lib.exercises.recorder import number
from course_lib.exercises.steps import along, clue, split, step_exercise
from course_lib.rules import nesterov


def _nag_step(p, u, grad, lr, momentum=0.9):
    u = momentum * u - lr * grad(p + momentum * u)
    return p + u, u


def _moved(new_u):
    """A wrong step from its wrong velocity: new_u(p, u, grad, lr, momentum) -> u."""

    def step(p, u, grad, lr, momentum=0.9):
        u = new_u(p, u, grad, lr, momentum)
        return p + u, u

    return step


def slope(p):
    """The gradient that the check hands over: a bowl that is no quadratic."""
    return p * np.array([1.0, 4.0]) + p**3


def _walk(lr, momentum):
    def play(call):
        p, u = np.array([1.0, -0.5]), np.zeros(2)
        for _ in range(5):
            p, u = split(call(p, u, slope, lr=lr, momentum=momentum))

    return play


def _position(answer):
    return number(split(answer)[0])


def _from_look_ahead(p, u, grad, lr, momentum=0.9):
    ahead = p + momentum * u
    u = momentum * u - lr * grad(ahead)
    return ahead + u, u


def _lr_outside(p, u, grad, lr, momentum=0.9):
    u = momentum * u - grad(p + momentum * u)
    return p + lr * u, u


def _torch_meaning(p, u, grad, lr, momentum=0.9):
    g = grad(p)
    u = momentum * u - lr * g
    return p + momentum * u - lr * g, u


nag_step = Exercise(
    name="nag_step",
    reference=_nag_step,
    cases=[_walk(0.1, 0.9), _walk(0.05, 0.5)],
    read=_position,
    owned=(0, 1),
    clue=clue,
    mistakes=[
        Mistake(
            "you take the gradient where the ball stands: that is the heavy ball. Take it at p + μ·u.",
            _moved(lambda p, u, grad, lr, m: m * u - lr * grad(p)),
        ),
        Mistake(
            "you look a whole u ahead. The velocity carries the ball by μ·u; look there.",
            _moved(lambda p, u, grad, lr, m: m * u - lr * grad(p + u)),
        ),
        Mistake(
            "you look back, to p − μ·u. Here u is the move itself, so ahead is p + μ·u.",
            _moved(lambda p, u, grad, lr, m: m * u - lr * grad(p - m * u)),
        ),
        Mistake(
            "your step starts at the look-ahead point, so μ·u is walked twice. Look from there, but walk from p.",
            _from_look_ahead,
        ),
        Mistake(
            "you walk along the old velocity, before this gradient has entered it. Update u first.",
            lambda p, u, grad, lr, momentum=0.9: (p + u, _nag_step(p, u, grad, lr, momentum)[1]),
        ),
        Mistake(
            "the velocity never builds up: you return the old u.",
            lambda p, u, grad, lr, momentum=0.9: (_nag_step(p, u, grad, lr, momentum)[0], u),
        ),
        Mistake(
            "you climb: the gradient enters the velocity with a minus.",
            _moved(lambda p, u, grad, lr, m: m * u + lr * grad(p + m * u)),
        ),
        Mistake(
            "you subtract u. In this form u is the move itself, so it is added.",
            lambda p, u, grad, lr, momentum=0.9: (lambda new: (p - new, new))(_nag_step(p, u, grad, lr, momentum)[1]),
        ),
        Mistake(
            "lr is missing: the gradient enters the velocity at its full length.",
            _moved(lambda p, u, grad, lr, m: m * u - grad(p + m * u)),
        ),
        Mistake(
            "you keep lr outside u, as torch does. Then u is no move yet, and μ·u does not lead ahead. Put lr inside.",
            _lr_outside,
        ),
        Mistake(
            "that is torch's form, where p is already the look-ahead point. Here p is the ball itself.",
            _torch_meaning,
        ),
        Mistake(
            "you look ahead, then forget the velocity: μ·u is missing in the new u.",
            _moved(lambda p, u, grad, lr, m: -lr * grad(p + m * u)),
        ),
        Mistake(
            "nothing is forgotten: the old u must be multiplied by μ in the new one too.",
            _moved(lambda p, u, grad, lr, m: u - lr * grad(p + m * u)),
        ),
        Mistake(
            "the two results are swapped: return p first, then u.",
            lambda p, u, grad, lr, momentum=0.9: _nag_step(p, u, grad, lr, momentum)[::-1],
        ),
        Mistake(
            "your momentum is always 0.9; the argument `momentum` is not used.",
            lambda p, u, grad, lr, momentum=0.9: _nag_step(p, u, grad, lr, 0.9),
        ),
    ],
    hints=(
        "Three lines of the derivation, in their order: where to look, the new velocity, the new point.",
        "`grad` is a function: call it at the look-ahead point, not at p.",
        "Look at p + momentum·u. The new u is momentum·u minus lr times the gradient found there; add it to p.",
    ),
)


def _nesterov_step(p, g, v, lr, momentum=0.9):
    v = momentum * v + g
    return p - lr * (g + momentum * v), v


def _both(move):
    """A wrong step with the right velocity: move(g, v, old, momentum) is what lr multiplies."""

    def step(p, g, v, lr, momentum=0.9):
        old, v = v, momentum * v + g
        return p - lr * move(g, v, old, momentum), v

    return step


_gradients = [[0.5, 4.0], [3.0, -1.0], [-2.0, 0.5], [1.0, 1.0], [0.25, -3.0]]

nesterov_step = step_exercise(
    nesterov,
    remembers=True,
    name="nesterov_step",
    reference=_nesterov_step,
    cases=[
        along([1.0, -2.0], _gradients, 0.1, library=nesterov),
        along([1.0, -2.0], _gradients, 0.1, library=nesterov, momentum=0.5),
        along([0.0, 5.0], _gradients, [0.1, 0.1, 0.01, 0.01, 0.01], library=nesterov),
    ],
    mistakes=[
        Mistake(
            "that is the heavy ball's step: lr·v, or g and μ times the old v, which is the same. The stored point "
            "looks ahead: to g add μ times the new v.",
            _both(lambda g, v, old, m: v),
        ),
        Mistake(
            "the velocity is built and never used, or cancels out: your step is lr·g, plain gradient descent.",
            _both(lambda g, v, old, m: g),
        ),
        Mistake(
            "you forget μ in the step: it is g + μ·v, with the new v.",
            _both(lambda g, v, old, m: g + v),
        ),
        Mistake(
            "g is missing in the step: μ·v is where the velocity carries it, and the gradient comes on top.",
            _both(lambda g, v, old, m: m * v),
        ),
        Mistake(
            "your step is v + μ·v. What was looked ahead last time has been walked already: take μ times the old v "
            "off, which leaves g + μ·v.",
            _both(lambda g, v, old, m: v + m * v),
        ),
        Mistake(
            "your lr is inside the velocity, v ← μ·v + lr·g. Both agree until lr changes; torch keeps lr outside.",
            lambda p, g, v, lr, momentum=0.9: (lambda new: (p - lr * g - momentum * new, new))(momentum * v + lr * g),
        ),
        Mistake(
            "you average: (1 − μ)·g. The velocity is a plain sum, as in lesson 02.",
            lambda p, g, v, lr, momentum=0.9: (lambda new: (p - lr * (g + momentum * new), new))(
                momentum * v + (1 - momentum) * g
            ),
        ),
        Mistake(
            "the velocity never builds up: return the new v, not the old.",
            lambda p, g, v, lr, momentum=0.9: (p - lr * (g + momentum * (momentum * v + g)), v),
        ),
        Mistake(
            "you climb: torch's velocity sums up gradients, so the step is subtracted.",
            lambda p, g, v, lr, momentum=0.9: (lambda new: (p + lr * (g + momentum * new), new))(momentum * v + g),
        ),
        Mistake(
            "the signs are mixed: with v a plain sum of gradients, both g and μ·v are subtracted.",
            _both(lambda g, v, old, m: g - m * v),
        ),
        Mistake(
            "you keep the step as the velocity. What is kept is v ← μ·v + g; the sum g + μ·v is only walked.",
            lambda p, g, v, lr, momentum=0.9: (lambda move: (p - lr * move, move))(g + momentum * (momentum * v + g)),
        ),
        Mistake(
            "the two results are swapped: return p first, then v.",
            lambda p, g, v, lr, momentum=0.9: _nesterov_step(p, g, v, lr, momentum)[::-1],
        ),
        Mistake(
            "your momentum is always 0.9; the argument `momentum` is not used.",
            lambda p, g, v, lr, momentum=0.9: _nesterov_step(p, g, v, lr, 0.9),
        ),
    ],
    hints=(
        "The velocity is lesson 02's. Only the step is new: it leads from one look-ahead point to the next.",
        "From a look-ahead point the ball makes good its own step, α·g, and then looks ahead along the new velocity.",
        "With the new v in hand, lr multiplies a sum of two terms: the gradient, and momentum times v.",
    ),
)


def _edges(momentum):
    return 2 * (1 + momentum), 2 * (1 + momentum) / (1 + 2 * momentum)


edges = Exercise(
    name="edges",
    reference=_edges,
    cases=calls((0.9,), (0.4,), (0.99,), (0.2,)),
    mistakes=[
        Mistake(
            "the two are swapped: the heavy ball first. Its range is the longer one.",
            lambda momentum: _edges(momentum)[::-1],
        ),
        Mistake(
            "you give both the heavy ball's edge. Nesterov's momentum is not μ but μ·(1 − x); put that in for μ.",
            lambda momentum: (2 * (1 + momentum), 2 * (1 + momentum)),
        ),
        Mistake(
            "you multiply by 1 + 2μ: the belief that looking ahead allows longer steps. Solve for x once more.",
            lambda momentum: (2 * (1 + momentum), 2 * (1 + momentum) * (1 + 2 * momentum)),
        ),
        Mistake(
            "a factor 2 is lost below the line: the x-terms are x + 2μ·x.",
            lambda momentum: (2 * (1 + momentum), 2 * (1 + momentum) / (1 + momentum)),
        ),
        Mistake(
            "a sign is turned round: 2μ·x comes to the left side as plus.",
            lambda momentum: (2 * (1 + momentum), 2 * (1 + momentum) / (1 - 2 * momentum)),
        ),
        Mistake(
            "you lost μ above the line: 2·(1 + μ·(1 − x)) = 2 + 2μ − 2μ·x.",
            lambda momentum: (2 * (1 + momentum), 2 / (1 + 2 * momentum)),
        ),
        Mistake(
            "you ask where μ·(1 − x) reaches −1. The swing grows before that, as soon as one of the roots passes −1.",
            lambda momentum: (2 * (1 + momentum), 1 + 1 / momentum),
        ),
        Mistake(
            "you give the heavy ball gradient descent's edge, 2. With momentum it is 2·(1 + μ), as lesson 02 found.",
            lambda momentum: (2.0, 2 * (1 + momentum) / (1 + 2 * momentum)),
        ),
        Mistake(
            "those are the edges of an averaged gradient, 1/(1 − μ) times too long. Torch sums.",
            lambda momentum: tuple(edge / (1 - momentum) for edge in _edges(momentum)),
        ),
        Mistake(
            "those are where the two roots just meet and the swinging begins. The edge is where the error stops "
            "shrinking.",
            lambda momentum: ((1 - momentum**0.5) ** 2, ((1 - momentum) / (1 + momentum)) ** 2),
        ),
    ],
    hints=(
        "Lesson 02: the heavy ball with momentum m is stable up to x = 2·(1 + m). Which m has Nesterov?",
        "Nesterov's m depends on x itself, so x stands on both sides. Put m = μ·(1 − x) in and collect the x.",
        "x = 2 + 2μ − 2μ·x. Bring 2μ·x over and divide.",
    ),
)


def _kinked_slope(x):
    return np.where(x < 1, 25 * x, np.where(x < 2, x + 24, 25 * x - 24))


def _pieces(low, middle, high, first=1, second=2):
    """A wrong slope from its three pieces and the places where they meet."""
    return lambda x: np.where(x < first, low(x), np.where(x < second, middle(x), high(x)))


kinked_slope = Exercise(
    name="kinked_slope",
    reference=_kinked_slope,
    cases=calls(
        (np.linspace(-3.0, 4.0, 29),),
        (np.array([[-1.0, 0.5], [1.25, 1.75], [2.5, 9.0]]),),
        (np.array([0.0, 1.0, 2.0]),),
    ),
    mistakes=[
        Mistake(
            "your slope jumps at 2: beyond it the slope goes on from where it was, 26, and not from 50.",
            _pieces(lambda x: 25 * x, lambda x: x + 24, lambda x: 25 * x),
        ),
        Mistake(
            "your slope jumps at 1: between 1 and 2 it goes on from 25. You gave x, a slope that starts anew.",
            _pieces(lambda x: 25 * x, lambda x: x, lambda x: 25 * x - 24),
        ),
        Mistake(
            "your slope jumps at both places: each piece has the right curvature and the wrong height. Add to each "
            "what makes it meet the one before.",
            _pieces(lambda x: 25 * x, lambda x: x, lambda x: 25 * x),
        ),
        Mistake(
            "the middle piece is 1 too high: it is 25 at x = 1, so 25 + (x − 1).",
            _pieces(lambda x: 25 * x, lambda x: x + 25, lambda x: 25 * x - 24),
        ),
        Mistake(
            "the last piece is 1 too low: at x = 2 the middle one has reached 26.",
            _pieces(lambda x: 25 * x, lambda x: x + 24, lambda x: 25 * x - 25),
        ),
        Mistake(
            "beyond 2 you stay on the gentle piece. From there on the curvature is 25 again.",
            _pieces(lambda x: 25 * x, lambda x: x + 24, lambda x: x + 24),
        ),
        Mistake(
            "beyond 2 your constant has the wrong sign: 25·x is 50 at x = 2, and 26 is wanted.",
            _pieces(lambda x: 25 * x, lambda x: x + 24, lambda x: 25 * x + 24),
        ),
        Mistake(
            "curvatures 1 and 25 are swapped: it is 25 outside and 1 between 1 and 2.",
            _pieces(lambda x: x, lambda x: 25 * x - 24, lambda x: x + 24),
        ),
        Mistake(
            "you give the curvature. The slope is what it adds up to, from 0 at x = 0.",
            lambda x: np.where((x >= 1) & (x < 2), 1.0, 25.0),
        ),
        Mistake(
            "you give the height of the valley. The slope is wanted, its derivative.",
            lambda x: 12.5 * x**2 - 12 * np.clip(x - 1, 0, 1) ** 2 - 24 * np.maximum(x - 2, 0),
        ),
        Mistake(
            "your valley has a gentle piece on the left as well: between −2 and −1 the curvature is still 25.",
            lambda x: np.sign(x) * _kinked_slope(np.abs(x)),
        ),
    ],
    hints=(
        "Walk to the right from x = 0, where the slope is 0. How large has it become at x = 1, and then at x = 2?",
        "It is 25 at x = 1. From there it rises by 1 for each 1 of x, then by 25 again.",
        "Three pieces in `np.where`: 25·x, then 25 + (x − 1), then 26 + 25·(x − 2).",
    ),
)


def _backup_step(p, g, u, lr, momentum=0.9):
    u_prev, u = u, momentum * u - lr * g
    return p - momentum * u_prev + (1 + momentum) * u, u


def _mixed(move):
    """A wrong step with the right velocities: move(new u, old u, momentum, lr * g) is added to p."""

    def step(p, g, u, lr, momentum=0.9):
        u_prev, u = u, momentum * u - lr * g
        return p + move(u, u_prev, momentum, lr * g), u

    return step


def _loop(lr, momentum):
    """Six steps of a training loop, each with the velocity of the step before."""

    def play(call):
        p, u = np.array([1.0, -2.0]), np.zeros(2)
        for g in [*_gradients, [1.0, 2.0]]:
            p, u = split(call(p, np.array(g), u, lr=lr, momentum=momentum))

    return play


backup_step = Exercise(
    name="backup_step",
    reference=_backup_step,
    cases=[_loop(0.1, 0.9), _loop(0.05, 0.5)],
    read=_position,
    owned=(0, 2),
    mistakes=[
        Mistake(
            "it is still the heavy ball, p + u: your two velocities are one array under two names, or equal for "
            "another reason. The old one needs an array of its own.",
            _mixed(lambda u, old, m, a: u),
        ),
        Mistake(
            "the two velocities have changed places: (1 + μ) belongs to the new one, −μ to the old.",
            _mixed(lambda u, old, m, a: (1 + m) * old - m * u),
        ),
        Mistake(
            "you no longer take the old look-ahead back: −μ·u_prev is missing, and every step is too long.",
            _mixed(lambda u, old, m, a: (1 + m) * u),
        ),
        Mistake(
            "you add μ·u_prev. It was walked ahead last time, so it is taken back.",
            _mixed(lambda u, old, m, a: m * old + (1 + m) * u),
        ),
        Mistake(
            "you take the whole u_prev back; only μ·u_prev was walked ahead.",
            _mixed(lambda u, old, m, a: -old + (1 + m) * u),
        ),
        Mistake(
            "1 is missing at the new velocity: the ball walks u and looks μ·u ahead, (1 + μ)·u together.",
            _mixed(lambda u, old, m, a: -m * old + m * u),
        ),
        Mistake(
            "you return the old velocity, so nothing builds up.",
            lambda p, g, u, lr, momentum=0.9: (_backup_step(p, g, u, lr, momentum)[0], u),
        ),
        Mistake(
            "u here is the move, with lr and sign inside: μ·u − lr·g. You climb.",
            lambda p, g, u, lr, momentum=0.9: _backup_step(p, -g, u, lr, momentum),
        ),
        Mistake(
            "lr is missing at the gradient.",
            lambda p, g, u, lr, momentum=0.9: _backup_step(p, g, u, 1.0, momentum),
        ),
    ],
    hints=(
        "After the first line, how many arrays are there, and how many names?",
        "`u_prev = u` copies nothing, and `u *= ...` writes into the array that both names mean.",
        "Either `u_prev = u.copy()`, or let the new velocity be a new array by `u = ...` in place of `*=` and `-=`.",
    ),
)
