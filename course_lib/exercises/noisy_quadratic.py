"""Exercises of lesson 13: the variance after one step and after t, steps to a target, recurrences, a preconditioner."""

import math

import numpy as np

from course_lib.exercises.base import Exercise, Mistake, calls
from course_lib.exercises.recorder import Wrong


def _variance_step(v, lr, h, c, batch_size):
    return (1 - lr * h) ** 2 * v + lr**2 * c / batch_size


_several = (np.array([1.0, 0.3]), 0.4, np.array([1.0, 0.25]), np.array([2.0, 0.5]), 3)

variance_step = Exercise(
    name="variance_step",
    reference=_variance_step,
    cases=calls((1.0, 0.5, 1.0, 2.0, 4), (0.2, 1.5, 0.7, 0.3, 16), _several),
    mistakes=[
        Mistake(
            "the square is missing on 1 − lr·h. A number that shrinks by a factor has a variance that shrinks by the "
            "factor's square.",
            lambda v, lr, h, c, batch_size: (1 - lr * h) * v + lr**2 * c / batch_size,
        ),
        Mistake(
            "lr enters the noise without its square. The step adds lr times the noise, so its variance counts lr² "
            "times.",
            lambda v, lr, h, c, batch_size: (1 - lr * h) ** 2 * v + lr * c / batch_size,
        ),
        Mistake(
            "B is missing: the mean of B independent gradients has a B-th of the variance.",
            lambda v, lr, h, c, batch_size: (1 - lr * h) ** 2 * v + lr**2 * c,
        ),
        Mistake(
            "it is the standard deviation that falls like √B. The variance falls like B.",
            lambda v, lr, h, c, batch_size: (1 - lr * h) ** 2 * v + lr**2 * c / np.sqrt(batch_size),
        ),
        Mistake(
            "c is a variance already, and it is squared once more. Only its factor lr is squared.",
            lambda v, lr, h, c, batch_size: (1 - lr * h) ** 2 * v + (lr * c / batch_size) ** 2,
        ),
        Mistake(
            "the noise does not pass through h: the gradient is h·p plus noise.",
            lambda v, lr, h, c, batch_size: (1 - lr * h) ** 2 * v + (lr * h) ** 2 * c / batch_size,
        ),
        Mistake(
            "the noise is left out: so it is with the exact gradient.",
            lambda v, lr, h, c, batch_size: (1 - lr * h) ** 2 * v,
        ),
        Mistake(
            "independent noise never takes variance away, whatever the sign it enters with. Add the two.",
            lambda v, lr, h, c, batch_size: (1 - lr * h) ** 2 * v - lr**2 * c / batch_size,
        ),
        Mistake(
            "you add the sizes and square the sum. The noise is independent of p: the product of both has mean 0, and "
            "the squares alone are left.",
            lambda v, lr, h, c, batch_size: ((1 - lr * h) * np.sqrt(v) + lr * np.sqrt(c / batch_size)) ** 2,
        ),
    ],
    hints=(
        "Write the new p as a number times the old p, plus a number times the noise. What becomes of a variance when a "
        "number multiplies?",
        "A factor comes out of a variance squared; independent parts add; a mean of B has a B-th of the variance.",
        "(1 − lr·h)² times v, plus lr² times c/batch_size.",
    ),
)


def _floor(lr, h, c, batch_size):
    return lr * c / (batch_size * h * (2 - lr * h))


def _kept(t, lr, h):
    return (1 - lr * h) ** (2 * t)


def _variance_after(t, v, lr, h, c, batch_size):
    floor = lr * c / (batch_size * h * (2 - lr * h))
    return floor + (1 - lr * h) ** (2 * t) * (v - floor)


variance_after = Exercise(
    name="variance_after",
    reference=_variance_after,
    cases=calls(
        (0, 1.0, 0.5, 1.0, 2.0, 4),
        (3, 1.0, 0.5, 1.0, 2.0, 4),
        (7, 0.2, 1.5, 0.7, 0.3, 16),
        (1000, *_several),
        (math.inf, 1.0, 0.5, 1.0, 2.0, 4),
    ),
    mistakes=[
        Mistake(
            "the power is t. Each step multiplies by (1 − lr·h)², so t of them make 2t.",
            lambda t, v, lr, h, c, batch_size: (
                _floor(lr, h, c, batch_size) + (1 - lr * h) ** t * (v - _floor(lr, h, c, batch_size))
            ),
        ),
        Mistake(
            "your floor has 2 where 2 − lr·h belongs. That is its limit for a small lr.",
            lambda t, v, lr, h, c, batch_size: (
                lr * c / (2 * batch_size * h) + _kept(t, lr, h) * (v - lr * c / (2 * batch_size * h))
            ),
        ),
        Mistake(
            "all of v decays on top of the floor. At t = 0 that is too much; what decays is the distance to the floor.",
            lambda t, v, lr, h, c, batch_size: _floor(lr, h, c, batch_size) + _kept(t, lr, h) * v,
        ),
        Mistake(
            "only the start is there, and it decays to zero. With noise the variance has a floor.",
            lambda t, v, lr, h, c, batch_size: _kept(t, lr, h) * v,
        ),
        Mistake(
            "only the noise is there. At t = 0 the answer is v.",
            lambda t, v, lr, h, c, batch_size: _floor(lr, h, c, batch_size) * (1 - _kept(t, lr, h)),
        ),
        Mistake(
            "B is missing in the floor.",
            lambda t, v, lr, h, c, batch_size: _variance_after(t, v, lr, h, c, 1),
        ),
        Mistake(
            "you begin at the floor and end at the start: the two have changed places.",
            lambda t, v, lr, h, c, batch_size: v + _kept(t, lr, h) * (_floor(lr, h, c, batch_size) - v),
        ),
        Mistake(
            "that is one step too many. After 0 steps nothing has happened.",
            lambda t, v, lr, h, c, batch_size: _variance_after(t + 1, v, lr, h, c, batch_size),
        ),
        Mistake(
            "h is missing in the floor: solve v = (1 − lr·h)²·v + lr²·c/B, and divide by all that stands with v.",
            lambda t, v, lr, h, c, batch_size: (
                _floor(lr, h, c * h, batch_size) + _kept(t, lr, h) * (v - _floor(lr, h, c * h, batch_size))
            ),
        ),
    ],
    hints=(
        "Find the variance that a step leaves as it is. How does the distance to it change in a step?",
        "The floor solves v = (1 − lr·h)²·v + lr²·c/B, and 1 − (1 − x)² is x·(2 − x). The distance to it is multiplied "
        "by (1 − lr·h)² in each step.",
        "floor = lr·c/(B·h·(2 − lr·h)); then the floor plus (1 − lr·h) to the power 2t times v − floor.",
    ),
)


PATIENCE = 200  # calls of the loss in one search; doubling and bisecting take fewer than 120
STUCK = (
    "your search asks for the loss at the same place again and again. Where high − low is 1 the middle is low itself, "
    "and `low = middle` changes nothing: stop while high − low > 1 is no longer true."
)
SLOW = "more than 200 questions: you count up. Double until you have passed the target, then halve the bracket."
HOPELESS = "you double for ever: that loss never comes down to the target. Look at the floor, loss_at(math.inf), first."


class _Asked:
    """A loss that keeps count of the questions, and ends a search that does not end by itself."""

    __name__ = "loss_at"

    def __init__(self, loss):
        self.loss, self.asked = loss, []

    def __call__(self, t):
        self.asked.append(t)
        if len(self.asked) > PATIENCE:
            stuck = len(set(self.asked[-20:])) < 4
            raise Wrong(STUCK if stuck else HOPELESS if 1e18 < t < math.inf else SLOW)
        return self.loss(t)


def _search(loss, target_loss):
    return lambda call: call(_Asked(loss), target_loss)


def _first_step(loss_at, target_loss):
    if loss_at(math.inf) >= target_loss:
        return math.inf
    high = 1
    while loss_at(high) > target_loss:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if loss_at(middle) <= target_loss else (middle, high)
    return high


def _doubled(loss_at, target_loss, high=1):
    if loss_at(math.inf) >= target_loss:
        return math.inf
    while loss_at(high) > target_loss:
        high *= 2
    return high


def _wrong_half(loss_at, target_loss):
    high = _doubled(loss_at, target_loss)
    low = high // 2
    while high < math.inf and high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if loss_at(middle) > target_loss else (middle, high)
    return high


first_step = Exercise(
    name="first_step",
    reference=_first_step,
    cases=[
        _search(lambda t: 0.05 + math.exp(-t / 1000), 0.1),
        _search(lambda t: 1 / t, 2.0**-10),
        _search(lambda t: 1 / t, 2.0),
        _search(lambda t: 0.05 + math.exp(-t / 1000), 0.01),
        _search(lambda t: 1 / t, 3e-13),
    ],
    mistakes=[
        Mistake(
            "one step short: low is the last step that is still above the target. The answer is high.",
            lambda loss_at, target_loss: _first_step(loss_at, target_loss) - 1,
        ),
        Mistake(
            "one step too many: high itself is at the target.",
            lambda loss_at, target_loss: _first_step(loss_at, target_loss) + 1,
        ),
        Mistake(
            "a loss equal to the target has reached it: ask for <=, not <.",
            lambda loss_at, target_loss: _first_step(loss_at, np.nextafter(target_loss, 0)),
        ),
        Mistake(
            "you stop at the bracket: the answer lies between high/2 and high, and you give high.",
            _doubled,
        ),
        Mistake(
            "you keep the wrong half. Where the loss at the middle has reached the target, the answer is the middle or "
            "before it.",
            _wrong_half,
        ),
        Mistake(
            "a target below the floor takes math.inf steps. A 0 would win every search for the fewest.",
            lambda loss_at, target_loss: 0 if loss_at(math.inf) >= target_loss else _first_step(loss_at, target_loss),
        ),
        Mistake(
            "you never ask at t = 1: begin the doubling there.",
            lambda loss_at, target_loss: max(2, _first_step(loss_at, target_loss)),
        ),
    ],
    hints=(
        "First find some step that is late enough, without looking at every step before it. Then narrow down.",
        "Double high until its loss is at the target; then half of it is too early. Ask at the middle and keep the "
        "half in which the answer is, while high − low > 1.",
        "`middle = (low + high) // 2`; where its loss is <= target_loss it becomes high, else low. Return high. Before "
        "all that: math.inf if loss_at(math.inf) is not below the target.",
    ),
)


def _recurrence(method, x, second):
    if method == "heavy_ball":
        return 1 + second - x, second
    if method == "nesterov":
        return (1 + second) * (1 - x), second * (1 - x)
    return 1 - x + second, (1 - x) * second


def _but(method, pair):
    """The right answer, but for one method."""
    return lambda name, x, second: pair(x, second) if name == method else _recurrence(name, x, second)


recurrence = Exercise(
    name="recurrence",
    reference=_recurrence,
    cases=calls(*[(name, x, m) for name in ("heavy_ball", "nesterov", "ema") for x, m in ((0.1, 0.9), (1.5, 0.4))]),
    mistakes=[
        Mistake(
            "b has the wrong sign. The recurrence is a·y − b·y_before: the minus stands there already.",
            lambda method, x, second: (_recurrence(method, x, second)[0], -_recurrence(method, x, second)[1]),
        ),
        Mistake("a and b are swapped: return a first.", lambda method, x, second: _recurrence(method, x, second)[::-1]),
        Mistake(
            "heavy ball: p(t) counts 1 + μ − x times, once for itself and μ for the velocity. Yours is 1 − x.",
            _but("heavy_ball", lambda x, m: (1 - x, m)),
        ),
        Mistake(
            "Nesterov has the slope at the point ahead, so that x multiplies the velocity too. Yours is the heavy "
            "ball's.",
            _but("nesterov", lambda x, m: (1 + m - x, m)),
        ),
        Mistake(
            "Nesterov: a is right, but the old point comes in through the point ahead, and 1 − x multiplies it too.",
            _but("nesterov", lambda x, m: ((1 + m) * (1 - x), m)),
        ),
        Mistake(
            "Nesterov: b is right. In a too the slope at the point ahead counts: 1 − x multiplies all of q.",
            _but("nesterov", lambda x, m: (1 + m - x, m * (1 - x))),
        ),
        Mistake(
            "EMA: 1 − γ is no part of a. Solve the EMA's line for p(t), put it into p's own line, and 1 − γ cancels.",
            _but("ema", lambda x, m: (m + (1 - m) * (1 - x), (1 - x) * m)),
        ),
        Mistake(
            "EMA: b is the product of the two factors, γ and 1 − x. With γ alone it would be the heavy ball.",
            _but("ema", lambda x, m: (1 - x + m, m)),
        ),
    ],
    hints=(
        "In each method replace the second buffer: a velocity is a difference of two points, an SGD point a difference "
        "of two averages.",
        "Nesterov: q = p + μ·(p − p_before), then the new p is (1 − x)·q. EMA: (1 − γ)·p = y − γ·y_before, and p is "
        "multiplied by 1 − x in each step.",
        "Heavy ball 1 + μ − x and μ; Nesterov the same with 1 − x around both, (1 + μ)(1 − x) and μ(1 − x); EMA: sum "
        "and product of 1 − x and γ.",
    ),
)


def _preconditioned(h, c, variance, power):
    return h ** (1 - power), c * h**-power, variance * h**power


def _other(curvature=None, noise=None, spread=None):
    """The right answer with some of its three parts replaced."""

    def wrong(h, c, variance, power):
        right = _preconditioned(h, c, variance, power)
        parts = (curvature, noise, spread)
        return tuple(part(h, c, variance, power) if part else r for part, r in zip(parts, right, strict=True))

    return wrong


_spectrum = (np.array([1.0, 0.5, 0.1]), np.array([2.0, 0.5, 0.3]), np.array([1.0, 3.0, 1.0]))

preconditioned = Exercise(
    name="preconditioned",
    reference=_preconditioned,
    cases=calls((*_spectrum, 0.5), (*_spectrum, 0.25), (*_spectrum, 0.0), (*_spectrum, 1.0)),
    mistakes=[
        Mistake(
            "the noise is left as it was. The preconditioner multiplies the whole gradient, noise and all.",
            _other(noise=lambda h, c, v, p: c),
        ),
        Mistake(
            "the noise's power has the wrong sign: where h is small the step is made longer, and its noise with it.",
            _other(noise=lambda h, c, v, p: c * h**p),
        ),
        Mistake(
            "h^−2p is the noise of the step in the old coordinates. In the new ones it is multiplied by h^(−p/2), and "
            "its variance by the square of that.",
            _other(noise=lambda h, c, v, p: c * h ** (-2 * p)),
        ),
        Mistake(
            "c is a variance: the factor h^(−p/2) of the noise enters it squared.",
            _other(noise=lambda h, c, v, p: c * h ** (-p / 2)),
        ),
        Mistake(
            "the start is left as it was. The new coordinate is h^(p/2) times the old one, at the start too.",
            _other(spread=lambda h, c, v, p: v + 0.0),
        ),
        Mistake(
            "a variance takes the square of the factor h^(p/2).", _other(spread=lambda h, c, v, p: v * h ** (p / 2))
        ),
        Mistake(
            "the curvature is h^(1 − p): from h, the preconditioner takes h^p away.",
            _other(curvature=lambda h, c, v, p: h**p),
        ),
        Mistake(
            "curvature and start are as they were: you changed the noise alone.",
            _other(curvature=lambda h, c, v, p: h + 0.0, spread=lambda h, c, v, p: v + 0.0),
        ),
        Mistake(
            "the curvature takes both halves: h^(−p/2) from the step and h^(−p/2) from the coordinate.",
            _other(curvature=lambda h, c, v, p: h ** (1 - p / 2)),
        ),
    ],
    hints=(
        "Multiply the step by h^(p/2) on both sides and read off what stands before q and before the noise.",
        "q ← q − lr·(h^(1−p)·q + h^(−p/2)·noise). What multiplies a number multiplies its variance twice.",
        "h to the power 1 − p, c times h to the power −p, variance times h to the power p.",
    ),
)


def _rates(low, high, points):
    return np.geomspace(low, high, points)


rates = Exercise(
    name="rates",
    reference=_rates,
    cases=calls((0.001, 2.0, 1000), (0.01, 1.0, 5)),
    mistakes=[
        Mistake(
            "nothing has changed: the third argument of `np.arange` is the step from one value to the next.",
            lambda low, high, points: np.arange(low, high, points),
        ),
        Mistake(
            "that many points, but evenly spaced: half of them are above high/2. A rate is searched for by factors.",
            lambda low, high, points: np.linspace(low, high, points),
        ),
        Mistake(
            "`np.logspace` takes exponents: yours goes from 10^low to 10^high.",
            lambda low, high, points: np.logspace(low, high, points),
        ),
        Mistake(
            "you take exp of low and high themselves. Take their logarithms first.",
            lambda low, high, points: np.exp(np.linspace(low, high, points)),
        ),
        Mistake(
            "those are the logarithms of the rates. Take exp in the end.",
            lambda low, high, points: np.linspace(np.log(low), np.log(high), points),
        ),
        Mistake(
            "the last point is missing: both ends belong to the grid.",
            lambda low, high, points: np.geomspace(low, high, points, endpoint=False),
        ),
        Mistake(
            "one point too many: from low to high in `points` ratios are points + 1 values.",
            lambda low, high, points: np.geomspace(low, high, points + 1),
        ),
    ],
    hints=(
        "Print the grid that the broken line makes. How many values are in it?",
        "`np.arange` takes a step; what takes a number of points, and keeps the *ratio* of neighbours the same?",
        "`np.geomspace`.",
    ),
)
