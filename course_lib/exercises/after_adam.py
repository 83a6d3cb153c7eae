"""Exercises of lesson 15: the loss under sign descent, Newton–Schulz, Muon's step, a scale too small, and muP."""

from collections.abc import Callable

import numpy as np

from course_lib.exercises.base import Exercise, Mistake, calls
from course_lib.exercises.steps import along, step_exercise
from course_lib.rules import muon
from course_lib.rules.muon import newton_schulz


def _sign_loss(classes, lr, t):
    return np.log1p((classes - 1) * np.exp(-2 * lr * t))


sign_loss = Exercise(
    name="sign_loss",
    reference=_sign_loss,
    cases=calls((10, 0.1, 3), (64, 0.5, 1), (500, 0.05, np.arange(0, 60, 20)), (2, 0.25, 4)),
    mistakes=[
        Mistake(
            "your gap grows by lr a step. The right score goes up by lr, and each wrong one goes down by lr.",
            lambda classes, lr, t: np.log1p((classes - 1) * np.exp(-lr * t)),
        ),
        Mistake(
            "you count all classes as wrong ones. The right class is one of them, and C − 1 are left.",
            lambda classes, lr, t: np.log1p(classes * np.exp(-2 * lr * t)),
        ),
        Mistake(
            "your exponent has the wrong sign: the wrong classes gain, and the loss grows with t.",
            lambda classes, lr, t: np.log1p((classes - 1) * np.exp(2 * lr * t)),
        ),
        Mistake(
            "the right class has gone from the sum over all classes: it is the 1 under the logarithm.",
            lambda classes, lr, t: np.log((classes - 1) * np.exp(-2 * lr * t)),
        ),
        Mistake(
            "you leave the logarithm out. For small losses that is close, at the start it is far off.",
            lambda classes, lr, t: (classes - 1) * np.exp(-2 * lr * t),
        ),
        Mistake(
            "that is the probability of the right class. The loss is its negative logarithm.",
            lambda classes, lr, t: 1 / (1 + (classes - 1) * np.exp(-2 * lr * t)),
        ),
        Mistake(
            "that is the logarithm of the right class's probability, which is negative. The loss is minus that.",
            lambda classes, lr, t: -np.log1p((classes - 1) * np.exp(-2 * lr * t)),
        ),
        Mistake(
            "only one wrong class is in your sum. There are C − 1 of them, all with the same score.",
            lambda classes, lr, t: np.log1p(np.exp(-2 * lr * t)),
        ),
    ],
    hints=(
        "After t steps of sign descent, how far is the right score above each wrong one?",
        "The gap is z = 2·lr·t. The chance of the right class is 1 over 1 plus the C − 1 wrong ones, e^(−z) each.",
        "The loss is the logarithm of that divisor: `np.log1p(...)` of all wrong ones together.",
    ),
)

A, B, C = muon.COEFFICIENTS


def _orthogonalise(x, iterations=5):
    x = x / np.linalg.norm(x)
    for _ in range(iterations):
        gram = x @ x.T
        x = A * x + (B * gram + C * gram @ gram) @ x
    return x


def _iterate(
    scale: Callable = np.linalg.norm,
    polynomial: Callable = lambda x, gram: A * x + (B * gram + C * gram @ gram) @ x,
    *,
    again: bool = False,
    shorter: int = 0,
):
    """A wrong iteration from its wrong scale or polynomial(x, gram); `again` scales before every one."""

    def orthogonalise(x, iterations=5):
        x = x / scale(x)
        for _ in range(iterations - shorter):
            x = x / scale(x) if again else x
            x = polynomial(x, x @ x.T)
        return x

    return orthogonalise


def _old_gram(x, iterations=5):
    x = x / np.linalg.norm(x)
    gram = x @ x.T
    for _ in range(iterations):
        x = A * x + (B * gram + C * gram @ gram) @ x
    return x


def _not_turned_back(x, iterations=5):
    y = _orthogonalise(x, iterations)
    return y if x.shape[0] <= x.shape[1] else y.T


def _polar(x):
    u, _, v = np.linalg.svd(x, full_matrices=False)
    return u @ v


_rng = np.random.default_rng(15)
_wide, _tall, _square = (_rng.standard_normal(shape) for shape in ((2, 4), (4, 3), (3, 3)))

orthogonalise = Exercise(
    name="orthogonalise",
    reference=_orthogonalise,
    cases=calls((_wide,), (_tall,), (_square, 1), (0.01 * _square, 3)),
    mistakes=[
        Mistake(
            "your x goes in as it is. The iteration pulls values between 0 and 1 towards 1; beyond 1.26 they explode.",
            _iterate(lambda x: 1.0),
        ),
        Mistake(
            "these are the classical coefficients, 1.5 and −0.5. They do end at 1 exactly, but a singular value of "
            "0.02 takes them more than ten iterations.",
            _iterate(polynomial=lambda x, gram: 1.5 * x - 0.5 * gram @ x),
        ),
        Mistake(
            "your second coefficient is positive. The cubic part has to hold the values down: −4.7750.",
            _iterate(polynomial=lambda x, gram: A * x + (-B * gram + C * gram @ gram) @ x),
        ),
        Mistake(
            "your second and third coefficients are swapped: −4.7750 belongs to x xᵀ, 2.0315 to its square.",
            _iterate(polynomial=lambda x, gram: A * x + (C * gram + B * gram @ gram) @ x),
        ),
        Mistake(
            "you square x xᵀ entry by entry. Its square is the matrix product of it with itself: `gram @ gram`.",
            _iterate(polynomial=lambda x, gram: A * x + (B * gram + C * gram * gram) @ x),
        ),
        Mistake(
            "the term of fifth degree is missing: x xᵀ counts once at −4.7750, and once more as its square.",
            _iterate(polynomial=lambda x, gram: A * x + B * gram @ x),
        ),
        Mistake(
            "x xᵀ is made once, before the loop. It belongs to the x of each iteration.",
            _old_gram,
        ),
        Mistake(
            "you scale before every iteration. Once at the start is enough; after that it undoes what was gained.",
            _iterate(again=True),
        ),
        Mistake(
            "you divide by the largest singular value. To know it is as dear as to know them all; the root of the sum "
            "of all squares is never smaller, and costs nothing.",
            _iterate(lambda x: np.linalg.norm(x, 2)),
        ),
        Mistake(
            "you divide by the sum of squares. Its root is wanted, or a large x comes out tiny.",
            _iterate(lambda x: np.sum(x**2)),
        ),
        Mistake("your loop stops one iteration early.", _iterate(shorter=1)),
        Mistake(
            "a tall x comes back as a wide one. If you turn it to have the smaller product, turn the answer back.",
            _not_turned_back,
        ),
        Mistake(
            "that is the exact answer, by the singular value decomposition. It is what the iteration stands in for, "
            "with nothing but matrix products.",
            lambda x, iterations=5: _polar(x),
        ),
    ],
    hints=(
        "Scale x once, then repeat one line. Every product in it is a matrix product.",
        "Divide by `np.linalg.norm(x)`. In the loop, first make the product of x with its own transpose.",
        "Each time, x becomes 3.4445 x plus (−4.7750 gram + 2.0315 gram @ gram) @ x.",
    ),
)


def _factor(p):
    return max(1, p.shape[0] / p.shape[1]) ** 0.5


def _muon_step(p, g, m, lr=1e-3, momentum=0.95, weight_decay=0.1):
    m = momentum * m + (1 - momentum) * g
    u = newton_schulz((1 - momentum) * g + momentum * m)
    return (1 - lr * weight_decay) * p - lr * max(1, p.shape[0] / p.shape[1]) ** 0.5 * u, m


def _muon(
    ahead: Callable = lambda g, m, mu: newton_schulz((1 - mu) * g + mu * m),
    factor: Callable = _factor,
    keep: Callable = lambda p, lr, decay: (1 - lr * decay) * p,
    kept: Callable = lambda g, m, mu: m,
):
    """A wrong Muon from one wrong part; `ahead` and `kept` see the gradient and the new average."""

    def step(p, g, m, lr=1e-3, momentum=0.95, weight_decay=0.1):
        m = momentum * m + (1 - momentum) * g
        u = ahead(g, m, momentum)
        return keep(p, lr, weight_decay) - lr * factor(p) * u, kept(g, m, momentum)

    return step


def _orthogonal_first(p, g, m, lr=1e-3, momentum=0.95, weight_decay=0.1):
    u = newton_schulz(g)
    m = momentum * m + (1 - momentum) * u
    return (1 - lr * weight_decay) * p - lr * _factor(p) * ((1 - momentum) * u + momentum * m), m


def _decay_in_the_gradient(p, g, m, lr=1e-3, momentum=0.95, weight_decay=0.1):
    return _muon_step(p, g + weight_decay * p, m, lr, momentum, 0.0)


muon_step = step_exercise(
    muon,
    remembers=True,
    name="muon_step",
    reference=_muon_step,
    cases=[
        along(_rng.standard_normal(shape), _rng.standard_normal((4, *shape)), library=muon, **hypers)
        for shape, hypers in (((4, 2), {}), ((2, 3), {"weight_decay": 0.5}), ((3, 3), {"momentum": 0.6}))
    ],
    mistakes=[
        Mistake(
            "you orthogonalise the average m alone. As with Nesterov, Muon mixes the new gradient in once more: "
            "(1 − μ)g + μm.",
            _muon(lambda g, m, mu: newton_schulz(m)),
        ),
        Mistake(
            "the average is kept but not used: you orthogonalise the gradient alone.",
            _muon(lambda g, m, mu: newton_schulz(g)),
        ),
        Mistake(
            "you orthogonalise each gradient, and average after that. Muon averages first: noise cancels in the "
            "gradients, and a mean of orthogonal matrices is not orthogonal.",
            _orthogonal_first,
        ),
        Mistake(
            "you step along the average as it is. Its singular values still have to be made alike.",
            _muon(lambda g, m, mu: (1 - mu) * g + mu * m),
        ),
        Mistake(
            "the factor for tall matrices is missing: the root of max(1, rows/columns).",
            _muon(factor=lambda p: 1.0),
        ),
        Mistake(
            "rows and columns are swapped in the factor: it is the tall matrix whose step is made longer.",
            _muon(factor=lambda p: max(1, p.shape[1] / p.shape[0]) ** 0.5),
        ),
        Mistake(
            "the factor is a root, √max(1, rows/columns).",
            _muon(factor=lambda p: max(1, p.shape[0] / p.shape[1])),
        ),
        Mistake(
            "without the max a wide matrix gets a shorter step. Its factor is 1.",
            _muon(factor=lambda p: (p.shape[0] / p.shape[1]) ** 0.5),
        ),
        Mistake(
            "the weight decay goes through the gradient, and the orthogonalisation makes of it what it likes. "
            "Shrink p itself by 1 − lr·weight_decay, as AdamW does.",
            _decay_in_the_gradient,
        ),
        Mistake(
            "your weights shrink by weight_decay alone. The factor is 1 − lr·weight_decay.",
            _muon(keep=lambda p, lr, decay: (1 - decay) * p),
        ),
        Mistake("you climb: the direction is to be subtracted.", _muon(factor=lambda p: -_factor(p))),
        Mistake("the weights do not decay: p is to shrink by 1 − lr·weight_decay.", _muon(keep=lambda p, lr, decay: p)),
        Mistake(
            "what you keep is the mixture with the new gradient. Keep m; the mixture is for this step alone.",
            _muon(kept=lambda g, m, mu: (1 - mu) * g + mu * m),
        ),
        Mistake(
            "your step is exactly orthogonal, by a singular value decomposition. Muon takes five iterations; its "
            "singular values lie near one, not at it.",
            _muon(lambda g, m, mu: _polar((1 - mu) * g + mu * m)),
        ),
    ],
    hints=(
        "Three things after one another: an average that forgets, a direction, a step with a length.",
        "m keeps momentum of itself and takes the rest of g. The direction is newton_schulz of the same mixture of g "
        "and the new m.",
        "p shrinks by 1 − lr·weight_decay and loses lr · √max(1, rows/columns) times the direction. Return p and m.",
    ),
)


def _scaled(x):
    return x / np.sqrt(np.sum(x**2))


scaled = Exercise(
    name="scaled",
    reference=_scaled,
    cases=calls((_wide,), (10 * _tall,), (0.01 * _square,)),
    mistakes=[
        Mistake(
            "nothing has changed: a matrix of entries below 1 may have singular values far above it.",
            lambda x: x / np.abs(x).max(),
        ),
        Mistake(
            "that bounds them all, but far too well: a hundredth of what is needed for a large matrix, and five "
            "iterations do not lift it. Take the root of the sum of squares.",
            lambda x: x / np.abs(x).sum(),
        ),
        Mistake(
            "the largest singular value is the best bound, and the one that costs a decomposition. The root of the "
            "sum of squares will do.",
            lambda x: x / np.linalg.norm(x, 2),
        ),
        Mistake(
            "you scale each row by itself. That turns the directions, and n rows alike still make √n.",
            lambda x: x / np.linalg.norm(x, axis=1, keepdims=True),
        ),
        Mistake("the root is missing: you divide by the sum of squares.", lambda x: x / np.sum(x**2)),
        Mistake(
            "you divide by the root of the mean square, which makes the entries 1 in size, not the singular values.",
            lambda x: x / np.sqrt(np.mean(x**2)),
        ),
    ],
    hints=(
        "Which other sum is the sum of squares of all singular values?",
        "The squares of all entries add up to the squares of all singular values.",
        "Divide by the root of the sum of all squared entries: `np.linalg.norm(x)`.",
    ),
)


def _mup(shape, narrow):
    growth = shape[0] / narrow[0]
    return 1 / growth, 1 if shape[1] > narrow[1] else growth**-0.5


def _parametrised(rate: Callable, start: Callable):
    """A wrong parametrisation: rate(m, n) and start(m, n), m being the growth of the inputs, n that of the outputs."""

    def mup(shape, narrow):
        m, n = shape[0] / narrow[0], shape[1] / narrow[1]
        return rate(m, n), start(m, n)

    return mup


def _of_scores(m, n):
    return m**-0.5 if n == 1 else 1


mup = Exercise(
    name="mup",
    reference=_mup,
    cases=calls(
        ((256, 256), (32, 32)),
        ((64, 256), (64, 32)),
        ((256, 10), (32, 10)),
        ((1, 256), (1, 32)),
        ((1, 10), (1, 10)),
        ((128, 128), (32, 32)),
        ((128, 10), (32, 10)),
    ),
    mistakes=[
        Mistake(
            "all your rates stay as they are. That is the ordinary parametrisation: a hidden weight has to move less, "
            "since m times as many of them add up.",
            _parametrised(lambda m, n: 1, _of_scores),
        ),
        Mistake(
            "you divide the rate by the growth of the outputs. What adds up in a sum is the inputs.",
            _parametrised(lambda m, n: 1 / n, _of_scores),
        ),
        Mistake(
            "you slow down everything that has grown. Weights from the pixels, and biases, have as many inputs as "
            "before: their rate stays.",
            _parametrised(lambda m, n: 1 / max(m, n), _of_scores),
        ),
        Mistake(
            "your rate falls as the root of the growth. A root is right for what is random, the start; the steps of "
            "Adam all agree in sign, and they add up to m.",
            _parametrised(lambda m, n: m**-0.5, _of_scores),
        ),
        Mistake(
            "your rate grows with the width. More inputs make a larger sum, so each weight has to move less.",
            _parametrised(lambda m, n: m, _of_scores),
        ),
        Mistake(
            "the scores keep their ordinary start. Theirs is to be smaller by the root of m.",
            _parametrised(lambda m, n: 1 / m, lambda m, n: 1),
        ),
        Mistake(
            "you divide the scores' start by m. It is the factor on top of the ordinary start, which has one root of m "
            "already: the variance is m times smaller, the start by its root.",
            _parametrised(lambda m, n: 1 / m, lambda m, n: 1 / m if n == 1 else 1),
        ),
        Mistake(
            "you make the start of hidden weights smaller as well. The ordinary start keeps what they put out at one "
            "size; only the scores, whose outputs do not grow, begin smaller.",
            _parametrised(lambda m, n: 1 / m, lambda m, n: m**-0.5),
        ),
        Mistake(
            "only hidden weights learn more slowly in yours. The scores add up m times as many inputs too: lr / m.",
            _parametrised(lambda m, n: 1 / m if n > 1 else 1, _of_scores),
        ),
        Mistake(
            "your two factors are swapped: the rate's first, then the start's.",
            lambda shape, narrow: _mup(shape, narrow)[::-1],
        ),
    ],
    hints=(
        "Both factors depend on m, by which the number of inputs has grown. For a bias it is 1.",
        "m is shape[0] / narrow[0], and the rate's factor is 1/m. Scores are those whose outputs have not grown.",
        "Return 1/m, and beside it 1 where shape[1] is above narrow[1], else m to the power −1/2.",
    ),
)
