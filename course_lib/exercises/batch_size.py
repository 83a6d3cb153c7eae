"""Exercises of lesson 14: ends of a curve, the Bayes bound, noise from two batches, a rate for a new batch."""

import numpy as np

from course_lib.exercises.base import Exercise, Mistake, calls


def _fit_ends(batch_sizes, steps):
    B, T = np.asarray(batch_sizes), np.asarray(steps)
    columns = np.stack([np.ones(len(B)), 1 / B], axis=1)
    return np.linalg.lstsq(columns / T[:, None], np.ones(len(B)), rcond=None)[0]


def _solve(columns, right):
    return np.linalg.lstsq(np.stack(columns, axis=1), right, rcond=None)[0]


fit_ends = Exercise(
    name="fit_ends",
    reference=_fit_ends,
    tolerance=1e-6,  # a search by steps, scipy's curve_fit for one, ends some 1e-9 off
    cases=calls(
        (np.array([1.0, 4, 16, 64]), np.array([1010.0, 262, 71, 26])),
        (np.array([2.0, 8, 50, 300, 5000]), np.array([40_100.0, 11_500, 2500, 1190, 985])),
    ),
    mistakes=[
        Mistake(
            "every row counts by its absolute error, so that the longest run decides alone. Divide each row by its T.",
            lambda B, T: _solve([np.ones(len(B)), 1 / B], T),
        ),
        Mistake("the two are swapped: return S_min first, then E_min.", lambda B, T: _fit_ends(B, T)[::-1]),
        Mistake(
            "you fit a line in B. Steps fall with the batch size: the second column is 1/B.",
            lambda B, T: _solve([1 / T, B / T], np.ones(len(B))),
        ),
        Mistake(
            "you take the fewest steps and the fewest examples seen. Both ends lie beyond the data; fit the line.",
            lambda B, T: np.array([np.min(T), np.min(B * T)]),
        ),
        Mistake(
            "you multiply each row by T, which makes the longest run count even more. Divide by it.",
            lambda B, T: _solve([T, T / B], T * T),
        ),
        Mistake(
            "you return the critical batch size E_min/S_min in place of E_min.",
            lambda B, T: _fit_ends(B, T) / np.array([1.0, _fit_ends(B, T)[0]]),
        ),
        Mistake(
            "the weights are 1/√T. A relative error is an error divided by T itself.",
            lambda B, T: _solve([1 / np.sqrt(T), 1 / (B * np.sqrt(T))], np.sqrt(T)),
        ),
    ],
    hints=(
        "The curve is a straight line in one variable. Which one? Then it is a matter of least squares.",
        "Two columns, all ones and 1/B. Divide each row, and what it should give, by its T: what it should give is 1.",
        "`np.linalg.lstsq(columns / T[:, None], np.ones(len(B)), rcond=None)[0]` has S_min and E_min in this order.",
    ),
)


def _bayes_loss(steps, batch_size, h, c):
    precision = 1 + steps * batch_size * h**2 / c
    return np.sum(h / precision) / 2


_h, _c = np.array([1.0, 0.5, 0.1]), np.array([1.0, 2.0, 0.05])

bayes_loss = Exercise(
    name="bayes_loss",
    reference=_bayes_loss,
    cases=calls((0, 1, _h, _c), (10, 4, _h, _c), (1000, 2, _h, _c), (3, 1, np.array([0.7]), np.array([0.3]))),
    mistakes=[
        Mistake(
            "the ½ of the loss ½·Σ h·p² is missing.",
            lambda steps, batch_size, h, c: 2 * _bayes_loss(steps, batch_size, h, c),
        ),
        Mistake(
            "the start knows something too: variance 1 is a precision of 1, to which the batches add.",
            lambda steps, batch_size, h, c: np.sum(h / np.maximum(steps * batch_size * h**2 / c, 1e-300)) / 2,
        ),
        Mistake(
            "h counts squared in the precision: g/h tells p, and its variance is c/(B·h²).",
            lambda steps, batch_size, h, c: np.sum(h / (1 + steps * batch_size * h / c)) / 2,
        ),
        Mistake(
            "c is missing: with more noise a gradient tells less.",
            lambda steps, batch_size, h, c: _bayes_loss(steps, batch_size, h, 1.0),
        ),
        Mistake(
            "c multiplies the precision. Noise takes knowledge away: divide by it.",
            lambda steps, batch_size, h, c: np.sum(h / (1 + steps * batch_size * h**2 * c)) / 2,
        ),
        Mistake(
            "B is missing: a batch of B tells as much as B batches of one.",
            lambda steps, batch_size, h, c: _bayes_loss(steps, 1, h, c),
        ),
        Mistake(
            "that is the mean of the variances; in the loss each counts by its curvature h.",
            lambda steps, batch_size, h, c: np.sum(1 / (1 + steps * batch_size * h**2 / c)) / 2,
        ),
    ],
    hints=(
        "What does one gradient say about p, and with which variance? Precisions, one over the variances, add.",
        "g/h is p plus noise of variance c/(B·h²). Start with precision 1, add T times the precision of one batch.",
        "The loss is half the sum of h over (1 + T·B·h²/c).",
    ),
)


def _noise_parts(small_sq, big_sq, small, big):
    norm_sq = (big * big_sq - small * small_sq) / (big - small)
    return norm_sq, (small_sq - big_sq) / (1 / small - 1 / big)


noise_parts = Exercise(
    name="noise_parts",
    reference=_noise_parts,
    cases=calls((3.0, 1.2, 16, 256), (0.5, 0.45, 1, 4), (7.0, 2.0, 8, 64)),
    mistakes=[
        Mistake(
            "you take the big batch's norm for |G|². It too holds noise, tr Σ/big; solve the two equations.",
            lambda a, b, small, big: (b, _noise_parts(a, b, small, big)[1]),
        ),
        Mistake("the two are swapped: return |G|² first, then tr Σ.", lambda *x: _noise_parts(*x)[::-1]),
        Mistake(
            "the batch sizes are swapped: it is the small batch whose norm counts less for |G|².",
            lambda a, b, small, big: ((small * b - big * a) / (small - big), _noise_parts(a, b, small, big)[1]),
        ),
        Mistake(
            "the difference of the norms is tr Σ·(1/small − 1/big). You leave the bracket out.",
            lambda a, b, small, big: (_noise_parts(a, b, small, big)[0], a - b),
        ),
        Mistake(
            "you multiply by the bracket 1/small − 1/big. Divide by it.",
            lambda a, b, small, big: (_noise_parts(a, b, small, big)[0], (a - b) * (1 / small - 1 / big)),
        ),
        Mistake(
            "you take the big batch for the exact gradient: tr Σ is then only small·(small_sq − big_sq).",
            lambda a, b, small, big: (_noise_parts(a, b, small, big)[0], small * (a - b)),
        ),
        Mistake(
            "the trace has the wrong sign: noise makes the small batch's norm the larger one.",
            lambda a, b, small, big: (_noise_parts(a, b, small, big)[0], -_noise_parts(a, b, small, big)[1]),
        ),
        Mistake(
            "you return the noise scale, the ratio of the two, in place of tr Σ.",
            lambda *x: (_noise_parts(*x)[0], _noise_parts(*x)[1] / _noise_parts(*x)[0]),
        ),
    ],
    hints=(
        "E|G_B|² = |G|² + tr Σ/B, once for each batch size: two equations, two unknowns.",
        "Subtract the equations, and |G|² goes. Multiply each by its B before you subtract, and tr Σ goes.",
        "|G|² is (big·big_sq − small·small_sq)/(big − small).",
    ),
)


def _scaled_lr(lr, batch_size, new, critical, adaptive=False):
    growth = min(new, critical) / min(batch_size, critical)
    return lr * growth**0.5 if adaptive else lr * growth


scaled_lr = Exercise(
    name="scaled_lr",
    reference=_scaled_lr,
    cases=[
        *calls((0.1, 4, 16, 100), (0.1, 4, 1024, 100), (0.2, 512, 2048, 100), (0.2, 512, 25, 100)),
        *calls((0.01, 1, 16, 100), (0.01, 4, 1600, 100), adaptive=True),
    ],
    mistakes=[
        Mistake(
            "nothing stops the rate. Beyond the critical batch the edge of stability decides, and it knows no B.",
            lambda lr, b, new, critical, adaptive=False: lr * (new / b) ** (0.5 if adaptive else 1),
        ),
        Mistake(
            "Adam has divided the noise out already: its step is about lr long at any B. Its rate grows like √B.",
            lambda lr, b, new, critical, adaptive=False: _scaled_lr(lr, b, new, critical),
        ),
        Mistake(
            "the root is Adam's rule. SGD's rate grows like B itself, for its floor is lr·c/B.",
            lambda lr, b, new, critical, adaptive=False: _scaled_lr(lr, b, new, critical, True),
        ),
        Mistake(
            "only the new batch size is held at the critical one. Where the old one lies beyond it, the rate was at "
            "the edge already.",
            lambda lr, b, new, critical, adaptive=False: lr * (min(new, critical) / b) ** (0.5 if adaptive else 1),
        ),
        Mistake(
            "the ratio is upside down: a larger batch has less noise and bears a larger rate.",
            lambda lr, b, new, critical, adaptive=False: lr * lr / _scaled_lr(lr, b, new, critical, adaptive),
        ),
        Mistake(
            "you hold the rate where you should hold the batch size: the growth is never to pass `critical`, but it is "
            "B that must not.",
            lambda lr, b, new, critical, adaptive=False: lr * min(new / b, critical) ** (0.5 if adaptive else 1),
        ),
        Mistake(
            "the two rules are swapped: it is Adam, `adaptive`, that takes the root.",
            lambda lr, b, new, critical, adaptive=False: _scaled_lr(lr, b, new, critical, not adaptive),
        ),
        Mistake(
            "Adam's rate is not held. Beyond the critical batch it grows no more than SGD's.",
            lambda lr, b, new, critical, adaptive=False: (
                lr * (new / b) ** 0.5 if adaptive else _scaled_lr(lr, b, new, critical)
            ),
        ),
    ],
    hints=(
        "Two questions: with which power of B does the best rate grow, and from where on does it not?",
        "A batch beyond the critical one counts as if it were the critical one; this holds for the old and the new.",
        "Growth is min(new, critical)/min(batch_size, critical); SGD takes it as it is, Adam its root.",
    ),
)
