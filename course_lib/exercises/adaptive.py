"""Exercises of lesson 04: AdaGrad, RMSProp and AdaDelta, the length of a first step, and a scale that is not kept."""

import numpy as np

from course_lib.exercises.base import Exercise, Mistake, calls
from course_lib.exercises.recorder import number
from course_lib.exercises.steps import along, step_exercise
from course_lib.rules import adadelta, adagrad, rmsprop

_gradients = [[0.5, 4.0], [3.0, -1.0], [-2.0, 0.5], [1.0, 1.0], [0.25, -3.0]]
_tiny = [[1e-6, -2e-6], [3e-6, 1e-6], [-2e-6, 1e-6]]  # where eps matters


def _adagrad_step(p, g, v, lr, eps=1e-10):
    v = v + g * g
    return p - lr * g / (np.sqrt(v) + eps), v


def _adagrad(update):
    """A wrong step from update(g, v, lr, eps) -> (move, v)."""

    def step(p, g, v, lr, eps=1e-10):
        move, v = update(g, v, lr, eps)
        return p - move, v

    return step


adagrad_step = step_exercise(
    adagrad,
    remembers=True,
    name="adagrad_step",
    reference=_adagrad_step,
    cases=[
        along([1.0, -2.0], _gradients, 0.1, library=adagrad),
        along([1.0, -2.0], _gradients, [0.1, 0.1, 0.01, 0.5, 0.5], library=adagrad),
        along([0.0, 0.0], _tiny, 0.1, library=adagrad, eps=1e-6),
    ],
    mistakes=[
        Mistake(
            "nothing adds up: v holds the last g² alone, so every step is lr long. Add to the old v, or return the "
            "new one.",
            _adagrad(lambda g, v, lr, eps: (lr * g / (np.sqrt(g * g) + eps), g * g)),
        ),
        Mistake(
            "the root is missing. Divided by v itself, a gradient ten times as large makes a step ten times shorter.",
            _adagrad(lambda g, v, lr, eps: (lr * g / (v + g * g + eps), v + g * g)),
        ),
        Mistake(
            "your ε is inside the root. There it counts as √ε, and hides every gradient that is smaller.",
            _adagrad(lambda g, v, lr, eps: (lr * g / np.sqrt(v + g * g + eps), v + g * g)),
        ),
        Mistake(
            "you divide by the root of the old v, before this gradient is in it. Its first step divides by ε alone.",
            _adagrad(lambda g, v, lr, eps: (lr * g / (np.sqrt(v) + eps), v + g * g)),
        ),
        Mistake(
            "you add up g, not g². Opposite gradients then cancel, and a negative sum has no root.",
            _adagrad(lambda g, v, lr, eps: (lr * g / (np.sqrt(v + g) + eps), v + g)),
        ),
        Mistake(
            "you add up |g| where the squares belong.",
            _adagrad(lambda g, v, lr, eps: (lr * g / (np.sqrt(v + abs(g)) + eps), v + abs(g))),
        ),
        Mistake(
            "you sum over the coordinates: one length for all of them, and a rare one is as slow as before. Every "
            "coordinate has its own v.",
            _adagrad(lambda g, v, lr, eps: (lr * g / (np.sqrt(v + np.sum(g * g)) + eps), v + np.sum(g * g))),
        ),
        Mistake(
            "the brackets are missing: `lr * g / sqrt(v) + eps` adds ε to the step itself.",
            _adagrad(lambda g, v, lr, eps: (lr * g / np.sqrt(v + g * g) - eps, v + g * g)),
        ),
        Mistake(
            "you average, so old gradients are forgotten: that is RMSProp, the next exercise. AdaGrad adds.",
            _adagrad(
                lambda g, v, lr, eps: (lr * g / (np.sqrt(0.99 * v + 0.01 * g * g) + eps), 0.99 * v + 0.01 * g * g)
            ),
        ),
        Mistake(
            "v begins at zero, as in PyTorch; yours has 0.1 in it, as optax's.",
            _adagrad(lambda g, v, lr, eps: (lr * g / (np.sqrt(0.1 + v + g * g) + eps), v + g * g)),
        ),
        Mistake(
            "you keep the root in place of the sum, and add the next square to it.",
            _adagrad(lambda g, v, lr, eps: (lr * g / (np.sqrt(v + g * g) + eps), np.sqrt(v + g * g))),
        ),
        Mistake(
            "you climb: the step is subtracted from p.",
            _adagrad(lambda g, v, lr, eps: (-lr * g / (np.sqrt(v + g * g) + eps), v + g * g)),
        ),
        Mistake(
            "lr is missing: at lr 0.1 your step is ten times too long.",
            _adagrad(lambda g, v, lr, eps: (g / (np.sqrt(v + g * g) + eps), v + g * g)),
        ),
        Mistake(
            "you divide by √v alone; where a gradient is zero from the start that is 0/0. Add ε to the root.",
            _adagrad(lambda g, v, lr, eps: (lr * g / np.sqrt(v + g * g), v + g * g)),
        ),
    ],
    hints=(
        "Two lines, as with momentum: first v takes the gradient in, then p moves.",
        "What goes into v is the square, and nothing is forgotten. What the gradient is divided by is v's root plus ε.",
        "`v**0.5 + eps` is the divisor, with the new v. Return p first, then v.",
    ),
)


def _rmsprop_step(p, g, v, lr, alpha=0.99, eps=1e-8):
    v = alpha * v + (1 - alpha) * g * g
    return p - lr * g / (np.sqrt(v) + eps), v


def _rmsprop(update):
    """A wrong step from update(g, v, lr, a, eps) -> (move, v)."""

    def step(p, g, v, lr, alpha=0.99, eps=1e-8):
        move, v = update(g, v, lr, alpha, eps)
        return p - move, v

    return step


def _mean(g, v, a):
    return a * v + (1 - a) * g * g


def _corrected(p, g, v, lr, alpha=0.99, eps=1e-8):
    """As far as it goes without a count of steps: v is kept corrected for the first step."""
    v = np.where(v == 0, g * g, _mean(g, v, alpha))
    return p - lr * g / (np.sqrt(v) + eps), v


rmsprop_step = step_exercise(
    rmsprop,
    remembers=True,
    name="rmsprop_step",
    reference=_rmsprop_step,
    cases=[
        along([1.0, -2.0], _gradients, 0.1, library=rmsprop),
        along([1.0, -2.0], _gradients, 0.1, library=rmsprop, alpha=0.5),
        along([0.0, 0.0], _tiny, 0.1, library=rmsprop, alpha=0.9, eps=1e-6),
    ],
    mistakes=[
        Mistake(
            "the factor 1 − alpha is missing, so v is a sum ever fading and not an average.",
            _rmsprop(lambda g, v, lr, a, eps: (lr * g / (np.sqrt(a * v + g * g) + eps), a * v + g * g)),
        ),
        Mistake(
            "alpha and 1 − alpha are swapped: yours forgets nearly all of the past at each step.",
            _rmsprop(lambda g, v, lr, a, eps: (lr * g / (np.sqrt(_mean(g, v, 1 - a)) + eps), _mean(g, v, 1 - a))),
        ),
        Mistake(
            "your ε is inside the root, where optax has it by default. PyTorch adds it outside, √v + ε.",
            _rmsprop(lambda g, v, lr, a, eps: (lr * g / np.sqrt(_mean(g, v, a) + eps), _mean(g, v, a))),
        ),
        Mistake(
            "the root is missing: divide by √v, so that a gradient and what it is divided by have the same units.",
            _rmsprop(lambda g, v, lr, a, eps: (lr * g / (_mean(g, v, a) + eps), _mean(g, v, a))),
        ),
        Mistake(
            "you begin the average with the first g², so the first step is lr long. That corrects the bias; RMSProp "
            "does not, and its first step is lr/√(1 − alpha).",
            _corrected,
        ),
        Mistake(
            "that is AdaGrad: your v never forgets. Let the old v fade by alpha.",
            _rmsprop(lambda g, v, lr, a, eps: (lr * g / (np.sqrt(v + g * g) + eps), v + g * g)),
        ),
        Mistake(
            "you average g, not g². The average of a gradient that changes sign is near zero, and its root may not "
            "exist.",
            _rmsprop(
                lambda g, v, lr, a, eps: (lr * g / (np.sqrt(a * v + (1 - a) * g) + eps), a * v + (1 - a) * g),
            ),
        ),
        Mistake(
            "you divide by the root of the old v, before this gradient is in it.",
            _rmsprop(lambda g, v, lr, a, eps: (lr * g / (np.sqrt(v) + eps), _mean(g, v, a))),
        ),
        Mistake(
            "the brackets are missing: `lr * g / sqrt(v) + eps` adds ε to the step itself.",
            _rmsprop(lambda g, v, lr, a, eps: (lr * g / np.sqrt(_mean(g, v, a)) - eps, _mean(g, v, a))),
        ),
        Mistake(
            "ε is left out; where a gradient is zero from the start that is 0/0.",
            _rmsprop(lambda g, v, lr, a, eps: (lr * g / np.sqrt(_mean(g, v, a)), _mean(g, v, a))),
        ),
        Mistake(
            "you take `alpha` for the α of the formula. That α is `lr`; `alpha` is ρ.",
            _rmsprop(lambda g, v, lr, a, eps: (a * g / (np.sqrt(_mean(g, v, a)) + eps), _mean(g, v, a))),
        ),
        Mistake(
            "you climb: the step is subtracted from p.",
            _rmsprop(lambda g, v, lr, a, eps: (-lr * g / (np.sqrt(_mean(g, v, a)) + eps), _mean(g, v, a))),
        ),
        Mistake(
            "lr is missing: at lr 0.1 your step is ten times too long.",
            _rmsprop(lambda g, v, lr, a, eps: (g / (np.sqrt(_mean(g, v, a)) + eps), _mean(g, v, a))),
        ),
        Mistake(
            "you average over the coordinates. Each has its own v.",
            _rmsprop(
                lambda g, v, lr, a, eps: (
                    lr * g / (np.sqrt(a * v + (1 - a) * np.mean(g * g)) + eps),
                    a * v + (1 - a) * np.mean(g * g),
                )
            ),
        ),
        Mistake(
            "your alpha is always 0.99; the argument `alpha` is not used.",
            _rmsprop(lambda g, v, lr, a, eps: (lr * g / (np.sqrt(_mean(g, v, 0.99)) + eps), _mean(g, v, 0.99))),
        ),
        Mistake(
            "1 − alpha is squared along with g: write (1 − alpha)·g², not ((1 − alpha)·g)².",
            _rmsprop(
                lambda g, v, lr, a, eps: (
                    lr * g / (np.sqrt(a * v + ((1 - a) * g) ** 2) + eps),
                    a * v + ((1 - a) * g) ** 2,
                )
            ),
        ),
    ],
    hints=(
        "It is AdaGrad with another first line: the sum becomes an average that forgets.",
        "An average keeps the share alpha of its old value and takes the share 1 − alpha of the new one, here of g².",
        "v = alpha * v + (1 - alpha) * (the square of g); then AdaGrad's second line.",
    ),
)


def _adadelta_step(p, g, s, lr=1.0, rho=0.9, eps=1e-6):
    v = rho * s.v + (1 - rho) * g * g
    d = np.sqrt(s.u + eps) / np.sqrt(v + eps) * g
    u = rho * s.u + (1 - rho) * d * d
    return p - lr * d, adadelta.State(v, u)


def _adadelta(update):
    """A wrong step from update(g, v, u, rho, eps) -> (d, v, u), with the old averages v and u."""

    def step(p, g, s, lr=1.0, rho=0.9, eps=1e-6):
        d, v, u = update(g, s.v, s.u, rho, eps)
        return p - lr * d, adadelta.State(v, u)

    return step


def _with_scale(scale, remember=lambda g, d: d):
    """Both averages right, the step d = scale(u, v, eps) * g, and the square of `remember(g, d)` kept in u."""

    def update(g, v, u, rho, eps):
        v = _mean(g, v, rho)
        d = scale(u, v, eps) * g
        return d, v, _mean(remember(g, d), u, rho)

    return _adadelta(update)


def _old_v(g, v, u, rho, eps):
    d = np.sqrt(u + eps) / np.sqrt(v + eps) * g
    return d, _mean(g, v, rho), _mean(d, u, rho)


def _sums(g, v, u, rho, eps):
    v = v + g * g
    d = np.sqrt(u + eps) / np.sqrt(v + eps) * g
    return d, v, u + d * d


def _ratio(u, v, eps):
    return np.sqrt(u + eps) / np.sqrt(v + eps)


adadelta_step = step_exercise(
    adadelta,
    remembers=True,
    name="adadelta_step",
    reference=_adadelta_step,
    cases=[
        along([1.0, -2.0], _gradients, 1.0, library=adadelta),
        along([1.0, -2.0], _gradients, 0.5, library=adadelta, rho=0.5, eps=1e-2),
        along([0.0, 0.0], _tiny, 1.0, library=adadelta, eps=1e-12),
    ],
    mistakes=[
        Mistake(
            "your ε stands outside the roots, where it starts p off with steps of about ε. AdaDelta has √(u + ε) and "
            "√(v + ε).",
            _with_scale(lambda u, v, eps: (np.sqrt(u) + eps) / (np.sqrt(v) + eps)),
        ),
        Mistake(
            "u remembers the gradients, as v does, so the two roots cancel. It has to remember the steps d.",
            _with_scale(_ratio, remember=lambda g, d: g),
        ),
        Mistake(
            "your two roots are always equal, so p moves by all of g: you divide by the old v, or u is fed with g. "
            "The new gradient goes into v first, and the step d into u.",
            _adadelta(_old_v),
        ),
        Mistake("both are sums in your version; they are averages that forget, with ρ and 1 − ρ.", _adadelta(_sums)),
        Mistake(
            "the roots are missing: u and v are squares, and so is their ratio.",
            _with_scale(lambda u, v, eps: (u + eps) / (v + eps)),
        ),
        Mistake(
            "the ratio is upside down: u, of the steps, belongs above, and v, of the gradients, below.",
            _with_scale(lambda u, v, eps: np.sqrt(v + eps) / np.sqrt(u + eps)),
        ),
        Mistake(
            "without ε above, u is zero at the start and stays zero: p never moves.",
            _with_scale(lambda u, v, eps: np.sqrt(u) / np.sqrt(v + eps)),
        ),
        Mistake(
            "that is RMSProp with ε inside: the past steps, √(u + ε), are not in it.",
            _with_scale(lambda u, v, eps: 1 / np.sqrt(v + eps)),
        ),
        Mistake(
            "lr is not used: the step is lr·d, while u remembers d alone.",
            lambda p, g, s, lr=1.0, rho=0.9, eps=1e-6: _adadelta_step(p, g, s, 1.0, rho, eps),
        ),
        Mistake(
            "u remembers lr·d. It is d that goes in, before lr scales it.",
            lambda p, g, s, lr=1.0, rho=0.9, eps=1e-6: (
                lambda v, d: (p - lr * d, adadelta.State(v, _mean(lr * d, s.u, rho)))
            )(_mean(g, s.v, rho), _ratio(s.u, _mean(g, s.v, rho), eps) * g),
        ),
    ],
    hints=(
        "Four lines: v takes the gradient in, then the step d, then u takes d in, then p moves.",
        "d is the gradient times a ratio of two roots: the typical step so far over the typical gradient.",
        "The ratio is `((s.u + eps) / (v + eps))**0.5`, with the old u and the new v. p moves by lr * d.",
    ),
)


def _first_length(g, lr, alpha, eps, inside):
    v = (1 - alpha) * g**2
    return lr * abs(g) / (np.sqrt(v + eps) if inside else np.sqrt(v) + eps)


def _length(divisor):
    """A wrong length lr * |g| / divisor(|g|, share, eps, inside), where share is 1 - alpha."""
    return lambda g, lr, alpha, eps, inside: lr * abs(g) / divisor(abs(g), 1 - alpha, eps, inside)


def _place(root, eps, inside):
    return np.sqrt(root**2 + eps) if inside else root + eps


first_length = Exercise(
    name="first_length",
    reference=_first_length,
    cases=calls(
        (1.0, 1.0, 0.99, 1e-8, False),
        (1.0, 1.0, 0.9, 1e-8, True),
        (-3.0, 0.1, 0.5, 1e-8, False),
        (1e-6, 1e-3, 0.99, 1e-8, False),
        (1e-6, 1e-3, 0.99, 1e-8, True),
        (-2e-4, 0.01, 0.9, 1e-8, True),
    ),
    mistakes=[
        Mistake(
            "you correct the bias, and neither library's RMSProp does by default: v is (1 − alpha)·g², not g².",
            _length(lambda g, share, eps, inside: _place(g, eps, inside)),
        ),
        Mistake(
            "the root is missing over 1 − alpha: the step is divided by the root of all of (1 − alpha)·g².",
            _length(lambda g, share, eps, inside: _place(share * g, eps, inside)),
        ),
        Mistake(
            "alpha and 1 − alpha are swapped: alpha multiplies the old v, which is zero.",
            _length(lambda g, share, eps, inside: _place(np.sqrt(1 - share) * g, eps, inside)),
        ),
        Mistake(
            "your ε is always outside the root; `inside` says where it stands.",
            _length(lambda g, share, eps, inside: _place(np.sqrt(share) * g, eps, False)),
        ),
        Mistake(
            "your ε is always inside the root; `inside` says where it stands.",
            _length(lambda g, share, eps, inside: _place(np.sqrt(share) * g, eps, True)),
        ),
        Mistake(
            "your two cases are swapped: `inside` means √(v + ε).",
            _length(lambda g, share, eps, inside: _place(np.sqrt(share) * g, eps, not inside)),
        ),
        Mistake(
            "ε is left out. It decides as soon as the gradient is small.",
            _length(lambda g, share, eps, inside: np.sqrt(share) * g),
        ),
        Mistake(
            "a length is not negative: take |g| above.",
            lambda g, lr, alpha, eps, inside: np.sign(g) * _first_length(g, lr, alpha, eps, inside),
        ),
        Mistake(
            "lr is missing: the length is a multiple of it.",
            lambda g, lr, alpha, eps, inside: _first_length(g, 1.0, alpha, eps, inside),
        ),
        Mistake(
            "the gradient itself is missing above: the step is lr·g over the root.",
            lambda g, lr, alpha, eps, inside: _first_length(g, lr, alpha, eps, inside) / abs(g),
        ),
    ],
    hints=(
        "v was zero. What is in it after one gradient?",
        "The step is lr·|g| over a root, and ε is added before or after the root is taken.",
        "`np.sqrt(v + eps)` where inside is true, else `np.sqrt(v) + eps`, with v = (1 − alpha) times the square of g.",
    ),
)


def _standardise(train, x):
    return (x - train.mean(axis=0)) / train.std(axis=0)


_train = np.array([[1.0, 200.0, 0.1], [3.0, 500.0, 0.4], [2.0, 800.0, 0.1], [6.0, 100.0, 0.2]])
_new = np.array([[2.0, 300.0, 0.3], [5.0, 900.0, 0.1]])


def _over(center, spread):
    """A wrong scaling from center(train, x) and spread(train, x)."""
    return lambda train, x: (x - center(train, x)) / spread(train, x)


def _column_mean(train, x):
    return train.mean(axis=0)


def _column_std(train, x):
    return train.std(axis=0)


def _all(train, x):
    return np.concatenate([train, x])


standardise = Exercise(
    name="standardise",
    reference=_standardise,
    cases=calls((_train, _train), (_train, _new), (_train, _new[:1])),
    read=lambda answer: number(answer).astype(np.float32),  # a tiny number may stay beside the deviation
    mistakes=[
        Mistake(
            "nothing has changed: x is still measured by its own mean and deviation. The model knows only one scale, "
            "that of the training set.",
            _over(lambda train, x: x.mean(axis=0), lambda train, x: x.std(axis=0) + 1e-8),
        ),
        Mistake(
            "without the 1e-8 it is still x's own mean and deviation; a single patient now gives 0/0.",
            _over(lambda train, x: x.mean(axis=0), lambda train, x: x.std(axis=0)),
        ),
        Mistake(
            "the mean is the training set's, the deviation still x's own. Both belong to the scale.",
            _over(_column_mean, lambda train, x: x.std(axis=0) + 1e-8),
        ),
        Mistake(
            "the deviation is the training set's, the mean still x's own. Both belong to the scale.",
            _over(lambda train, x: x.mean(axis=0), _column_std),
        ),
        Mistake(
            "you mix x into the scale. Then it depends on who arrives, and the test set has a say in the model.",
            _over(lambda train, x: _all(train, x).mean(axis=0), lambda train, x: _all(train, x).std(axis=0)),
        ),
        Mistake(
            "one mean and one deviation for all columns: the measurements keep their different sizes. Use axis=0.",
            _over(lambda train, x: train.mean(), lambda train, x: train.std()),
        ),
        Mistake(
            "you divide by the variance; the deviation is its root, and has the units of x.",
            _over(_column_mean, lambda train, x: train.var(axis=0)),
        ),
        Mistake(
            "your deviation divides by n − 1; the model's, np.std, by n.",
            _over(_column_mean, lambda train, x: train.std(axis=0, ddof=1)),
        ),
        Mistake("you subtract the mean and leave the sizes as they are.", _over(_column_mean, lambda train, x: 1.0)),
        Mistake("you divide by the deviation, but the mean stays in.", _over(lambda train, x: 0.0, _column_std)),
        Mistake(
            "you scale the training set and forget x.",
            lambda train, x: (train - train.mean(axis=0)) / train.std(axis=0),
        ),
        Mistake(
            "that squeezes each column between its least and its largest value. The model was fitted to mean 0 and "
            "deviation 1.",
            _over(lambda train, x: train.min(axis=0), lambda train, x: np.ptp(train, axis=0)),
        ),
    ],
    hints=(
        "A scale is part of the model. When is it fixed?",
        "Both numbers of each column, mean and deviation, come from `train`, whatever x is.",
        "Subtract `train.mean(axis=0)` from x and divide by the deviation of the same rows.",
    ),
)
