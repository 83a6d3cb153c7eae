"""Exercises of lesson 10: the running mean, the EMA and what it is worth, Schedule-Free, and the point to evaluate."""

import numpy as np

from course_lib.exercises.base import Exercise, Mistake, calls
from course_lib.exercises.recorder import Wrong, number


def _along(points, **hypers):
    """A case: one average after each point, from zero; point number t comes as (mean, p, t)."""

    def play(call):
        mean = np.zeros(2)
        for t, p in enumerate(np.array(points, dtype=float), start=1):
            mean = np.asarray(call(mean, p, t, **hypers), dtype=float)

    return play


_points = [[4.0, -1.0], [1.0, 2.0], [-2.5, 0.5], [8.0, 3.0], [0.0, -6.0]]


def _running_mean(mean, p, t):
    return mean + (p - mean) / t


running_mean = Exercise(
    name="running_mean",
    reference=_running_mean,
    cases=[_along(_points), _along([[5.0, 5.0]] * 4), *calls((np.array([1.0, 2.0]), np.array([3.0, 6.0]), 4))],
    owned=(0,),
    mistakes=[
        Mistake(
            "you divide by t + 1, as if the zero before the first point were a point too. Where t is 1, the mean is p.",
            lambda mean, p, t: mean + (p - mean) / (t + 1),
        ),
        Mistake(
            "you divide by t − 1, the number of points before this one. Count the new one in.",
            lambda mean, p, t: mean + np.divide(p - mean, t - 1),
        ),
        Mistake(
            "half of the old mean and half of p: that forgets the first points. All t of them weigh the same, 1/t.",
            lambda mean, p, t: (mean + p) / 2,
        ),
        Mistake(
            "you add p/t and take nothing away. The mean moves towards p, by a share of p − mean.",
            lambda mean, p, t: mean + p / t,
        ),
        Mistake(
            "the old mean stands for t − 1 points, and you let it count as one: it has to be multiplied.",
            lambda mean, p, t: (mean + p) / t,
        ),
        Mistake("that is the sum of t points. Divide by t.", lambda mean, p, t: (t - 1) * mean + p),
        Mistake("the sign is turned round: the mean moves away from p.", lambda mean, p, t: mean - (p - mean) / t),
        Mistake("that is the last point; nothing is averaged.", lambda mean, p, t: p + 0.0),
    ],
    hints=(
        "The old mean stands for t − 1 points, the new one for t. How large is the sum of each?",
        "The new sum is t − 1 times the old mean, plus p. Divide by t; or ask by how much the mean has moved.",
        "It moves by a share 1/t of the way from the old mean to p.",
    ),
)


def _ema_step(mean, p, t, decay):
    if t == 1:
        return p
    return decay * mean + (1 - decay) * p


def _from_zero(mean, p, t, decay):
    return decay * mean + (1 - decay) * p


def _corrected_in_place(mean, p, t, decay):
    return _from_zero(mean, p, t, decay) / (1 - decay**t)


ema_step = Exercise(
    name="ema_step",
    reference=_ema_step,
    cases=[_along(_points, decay=0.9), _along(_points, decay=0.5), _along([[5.0, 5.0]] * 4, decay=0.999)],
    owned=(0,),
    mistakes=[
        Mistake(
            "yours begins at zero: after the first point it is (1 − γ)·p, a thousandth of it at γ = 0.999. Begin at "
            "the first point.",
            _from_zero,
        ),
        Mistake(
            "it begins at zero and the division goes back into the average, to be divided again. Begin at the first "
            "point, and there is nothing to correct.",
            _corrected_in_place,
        ),
        Mistake(
            "γ and 1 − γ are swapped: the old average keeps γ of itself, the new point enters with 1 − γ.",
            lambda mean, p, t, decay: _ema_step(mean, p, t, 1 - decay),
        ),
        Mistake(
            "the new point enters whole, so that this is a sum. An average takes 1 − γ of it.",
            lambda mean, p, t, decay: p + 0.0 if t == 1 else decay * mean + p,
        ),
        Mistake(
            "you return what stood there before the first point, a zero. At t = 1 the average is p.",
            lambda mean, p, t, decay: mean if t == 1 else _from_zero(mean, p, t, decay),
        ),
        Mistake(
            "you count from 0: t is 1 at the first point, and yours copies p at the second one too.",
            lambda mean, p, t, decay: p + 0.0 if t <= 2 else _from_zero(mean, p, t, decay),
        ),
        Mistake(
            "that is the running mean: every point weighs the same, and γ is not used.",
            lambda mean, p, t, decay: _running_mean(mean, p, t),
        ),
        Mistake("that is the last point; nothing is averaged.", lambda mean, p, t, decay: p + 0.0),
    ],
    hints=(
        "Two cases: the first point, and every later one.",
        "At t = 1 there is nothing to average with. Afterwards the old average keeps γ of itself.",
        "`return p` where t is 1; else decay times mean, plus one minus decay times p.",
    ),
)


def _ema_variance(decay, a):
    return (1 - decay) / (1 + decay) * (1 + a * decay) / (1 - a * decay)


ema_variance = Exercise(
    name="ema_variance",
    reference=_ema_variance,
    cases=calls((0.9, 0.9), (0.99, 0.5), (0.5, 0.0), (0.8, -0.6), (0.0, 0.7)),
    mistakes=[
        Mistake(
            "that is for points that know nothing of each other. Neighbours of a run are alike, a each step: the "
            "pairs with k ≥ 1 count too.",
            lambda decay, a: (1 - decay) / (1 + decay) + 0 * a,
        ),
        Mistake(
            "you count each pair once. A pair k apart occurs twice in the double sum, as (i, j) and as (j, i).",
            lambda decay, a: (1 - decay) / (1 + decay) / (1 - a * decay),
        ),
        Mistake(
            "the k = 0 term is counted twice: 2/(1 − aγ) contains it two times. It is 1 + 2·(aγ + (aγ)² + …).",
            lambda decay, a: (1 - decay) / (1 + decay) * 2 / (1 - a * decay),
        ),
        Mistake(
            "one factor is upside down: points that are alike average to more, not less, so (1 + aγ) stands above.",
            lambda decay, a: (1 - decay) / (1 + decay) * (1 - a * decay) / (1 + a * decay),
        ),
        Mistake(
            "one factor is upside down: a long memory makes the variance smaller, so (1 − γ) stands above.",
            lambda decay, a: (1 + decay) / np.maximum(1 - decay, 1e-300) * (1 + a * decay) / (1 - a * decay),
        ),
        Mistake(
            "that is the ratio of the standard deviations. The variance is its square.",
            lambda decay, a: _ema_variance(decay, a) ** 0.5,
        ),
        Mistake(
            "the (1 − γ)² before the sums is missing: each weight is (1 − γ)·γʲ.",
            lambda decay, a: _ema_variance(decay, a) / (1 - decay) ** 2,
        ),
        Mistake(
            "the sum of γ²ʲ is 1/(1 − γ²), and one of its squares is lost: yours has 1/(1 − γ).",
            lambda decay, a: (1 - decay) * (1 + a * decay) / (1 - a * decay),
        ),
    ],
    hints=(
        "Two geometric series: one over j, with ratio γ², and one over k, with ratio aγ.",
        "The first gives 1/(1 − γ²). Of the second, the sum from k = 1 on is aγ/(1 − aγ); put 1 + 2 times that on one "
        "fraction.",
        "(1 − γ)²/(1 − γ²) is (1 − γ)/(1 + γ), and the bracket is (1 + aγ)/(1 − aγ). Multiply.",
    ),
)


def _schedule_free_step(x, z, t, slope, lr, beta=0.9):
    y = (1 - beta) * z + beta * x
    z = z - lr * slope(y)
    return x + (z - x) / t, z


def _free(at, c=lambda t: 1 / t, ends=lambda x, y, z, new, c: (x + c * (new - x), new)):
    """A wrong step from where its slope is taken, at(x, z, beta), its share c(t), or what it returns."""

    def step(x, z, t, slope, lr, beta=0.9):
        y = at(x, z, beta)
        return ends(x, y, z, z - lr * slope(y), c(t))

    return step


def _between(x, z, beta):
    return (1 - beta) * z + beta * x


def _both(answer):
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Wrong("your function returns something else than two points; return the new x and the new z")
    return np.concatenate([number(part).ravel() for part in answer])


def _walk(**hypers):
    """Six steps in a bowl whose slope changes a little from step to step."""

    def play(call):
        x = z = np.array([1.0, -2.0])
        h = np.array([1.0, 0.25])
        for t, shift in enumerate([0.5, -1.0, 0.25, 2.0, 0.0, -0.5], start=1):
            x, z = call(x, z, t, lambda y, shift=shift: h * y + shift, **hypers)
            x, z = np.asarray(x, dtype=float), np.asarray(z, dtype=float)

    return play


schedule_free_step = Exercise(
    name="schedule_free_step",
    reference=_schedule_free_step,
    cases=[_walk(lr=0.5), _walk(lr=0.3, beta=0.5)],
    read=_both,
    owned=(0, 1),
    mistakes=[
        Mistake(
            "you take the slope at x, the average. It is taken at y, between x and z.", _free(lambda x, z, beta: x)
        ),
        Mistake(
            "you take the slope at z: that is SGD with the mean of its points beside it, the case β = 0.",
            _free(lambda x, z, beta: z),
        ),
        Mistake(
            "β and 1 − β are swapped: with β = 0.9, y lies close to x and takes a tenth of z.",
            _free(lambda x, z, beta: beta * z + (1 - beta) * x),
        ),
        Mistake(
            "you return y where x belongs. y is where the slope was taken; x is the average, which gets evaluated.",
            _free(_between, ends=lambda x, y, z, new, c: (y, new)),
        ),
        Mistake(
            "c is 1/(t + 1) in yours, and the starting point stays in the average. At t = 1 it is 1.",
            _free(_between, c=lambda t: 1 / (t + 1)),
        ),
        Mistake(
            "x takes in the old z. Move z first, then average.",
            _free(_between, ends=lambda x, y, z, new, c: (x + c * (z - x), new)),
        ),
        Mistake(
            "c and 1 − c are swapped: x keeps almost nothing of itself in the long run.",
            _free(_between, ends=lambda x, y, z, new, c: (c * x + (1 - c) * new, new)),
        ),
        Mistake(
            "z steps on from y. The slope is taken at y, but z goes on from z.",
            _free(_between, ends=lambda x, y, z, new, c: (x + c * (new + y - z - x), new + y - z)),
        ),
        Mistake(
            "the two results are swapped: return x first, then z.",
            _free(_between, ends=lambda x, y, z, new, c: (new, x + c * (new - x))),
        ),
    ],
    hints=(
        "Three lines in order: the point between, the step, the average.",
        "y takes 1 − β of z and β of x. z moves down the slope at y. x is the running mean of the new z's.",
        "The last line is your `running_mean(x, z, t)`, with the new z.",
    ),
)


def _evaluation_point(y, z, beta):
    return (y - (1 - beta) * z) / beta


_pairs = (
    (np.array([1.0, -2.0]), np.array([3.0, 0.5]), 0.9),
    (np.array([0.0, 4.0]), np.array([1.0, 4.0]), 0.5),
    (np.array([2.0]), np.array([-7.0]), 0.98),
)

evaluation_point = Exercise(
    name="evaluation_point",
    reference=_evaluation_point,
    cases=calls(*_pairs),
    mistakes=[
        Mistake("nothing has changed: that is y, the point where it trains.", lambda y, z, beta: y + 0.0),
        Mistake("z is the point that takes the steps, the noisiest of the three.", lambda y, z, beta: z + 0.0),
        Mistake(
            "you mix once more, and get a point still nearer to z. Solve y = (1 − β)·z + β·x for x.",
            lambda y, z, beta: (1 - beta) * z + beta * y,
        ),
        Mistake(
            "the two weights are swapped: x has the weight β in y, z has 1 − β.",
            lambda y, z, beta: (y - beta * z) / (1 - beta),
        ),
        Mistake("the division by β is missing.", lambda y, z, beta: y - (1 - beta) * z),
        Mistake(
            "the sign of z is turned round: its part of y has to go.", lambda y, z, beta: (y + (1 - beta) * z) / beta
        ),
        Mistake(
            "you divide y alone; put the whole difference in brackets.", lambda y, z, beta: y - (1 - beta) * z / beta
        ),
    ],
    hints=(
        "The loop keeps y and z. Which of the three points is missing, and where is it hidden?",
        "y is a mix of z and x in known shares. Take the share of z away.",
        "What is left after taking (1 - beta) * z from y is beta * x.",
    ),
)
