"""Exercises of lesson 07: RAdam's factor, Lookahead's meeting, Lion, a verdict, a fair choice of the rate."""

from collections.abc import Callable

import numpy as np

from course_lib.exercises.base import Exercise, Mistake, calls
from course_lib.exercises.recorder import Wrong, number
from course_lib.exercises.steps import along, step_exercise
from course_lib.rules import lion


def _rectified(t, beta2=0.999):
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
    if rho <= 5:
        return 0.0
    return np.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))


def _factor(rho, rho_inf):
    return np.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))


def _wrong_rectified(
    infinite: Callable = lambda b: 2 / (1 - b) - 1,
    length: Callable = lambda inf, t, b: inf - 2 * t * b**t / (1 - b**t),
    factor: Callable = _factor,
    threshold: float = 5,
    before: float = 0.0,
):
    """A wrong rectification from its wrong part."""

    def rectified(t, beta2=0.999):
        rho_inf = infinite(beta2)
        rho = length(rho_inf, t, beta2)
        return factor(rho, rho_inf) if rho > threshold else before

    return rectified


rectified = Exercise(
    name="rectified",
    reference=_rectified,
    cases=calls((1,), (4,), (5,), (6,), (100,), (2000,), (3, 0.9), (7, 0.9), (5, 0.99), (6, 0.99), (50, 0.5)),
    mistakes=[
        Mistake(
            "your threshold is the paper's 4, which begins one step earlier. PyTorch, optax and the authors' own code "
            "wait until ρ is above 5.",
            _wrong_rectified(threshold=4),
        ),
        Mistake(
            "there is no threshold. Below 4 the factor is the root of a negative number or of nonsense: give 0 while ρ "
            "is at most 5.",
            _wrong_rectified(threshold=-np.inf),
        ),
        Mistake(
            "before the threshold you give 1. That would trust v fully when it is known least; give 0.",
            _wrong_rectified(before=1.0),
        ),
        Mistake("the root is missing: that is r².", _wrong_rectified(factor=lambda r, i: _factor(r, i) ** 2)),
        Mistake(
            "upside down: r starts near 0 and grows to 1. ρ belongs above the line in the first two brackets.",
            _wrong_rectified(factor=lambda r, i: 1 / _factor(r, i)),
        ),
        Mistake(
            "your ρ∞ lacks the −1: it is 2/(1 − β2) − 1, 1999 at the default.",
            _wrong_rectified(infinite=lambda b: 2 / (1 - b)),
        ),
        Mistake(
            "your ρ∞ is the memory 1/(1 − β2). It is about twice as much: 2/(1 − β2) − 1.",
            _wrong_rectified(infinite=lambda b: 1 / (1 - b)),
        ),
        Mistake(
            "a factor of 2 is missing in ρ: what is taken off is 2·t·β2ᵗ/(1 − β2ᵗ).",
            _wrong_rectified(length=lambda i, t, b: i - t * b**t / (1 - b**t)),
        ),
        Mistake(
            "your t is one behind. The first step has t = 1, and ρ is 1 there.",
            lambda t, beta2=0.999: 0.0 if t == 1 else _rectified(t - 1, beta2),
        ),
        Mistake(
            "your β2 is always 0.999; use the argument.",
            lambda t, beta2=0.999: _rectified(t),
        ),
    ],
    hints=(
        "Three lines: how far the memory can reach, how far it reaches at step t, and the factor if that is enough.",
        "ρ∞ = 2/(1 − β2) − 1, and 2·t·β2ᵗ/(1 − β2ᵗ) is taken off it. At t = 6 and β2 = 0.999, ρ is 5.994.",
        "`if rho <= 5: return 0.0`, then the root of (ρ−4)(ρ−2)ρ∞ over (ρ∞−4)(ρ∞−2)ρ.",
    ),
)


def _meet(slow, fast, t, k=5, alpha=0.5):
    if t % k == 0:
        slow = slow + alpha * (fast - slow)
        fast = slow
    return slow, fast


def _wrong_meet(slow_goes: Callable = lambda s, f, a: s + a * (f - s), fast_goes: Callable = lambda old, new, f: new):
    """A wrong meeting: slow_goes(slow, fast, alpha), then fast_goes(old slow, new slow, fast)."""

    def meet(slow, fast, t, k=5, alpha=0.5):
        if t % k:
            return slow, fast
        new = slow_goes(slow, fast, alpha)
        return new, fast_goes(slow, new, fast)

    return meet


def _at(when: Callable):
    """A meeting at the wrong time: when(t, k)."""
    return lambda slow, fast, t, k=5, alpha=0.5: _meet(slow, fast, 0 if when(t, k) else 1, 2, alpha)


def _pair(answer) -> np.ndarray:
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Wrong("return two things, the slow weights and the fast ones: `return slow, fast`")
    return np.stack([number(part) for part in answer])


def _ahead(k: int, alpha: float, lr: float = 0.3):
    """A case: gradient descent in a narrow bowl, with a meeting after every step that may do something."""

    def play(call: Callable) -> None:
        slow = fast = np.array([1.0, -2.0])
        for t in range(1, 3 * k + 2):
            fast = fast - lr * np.array([1.0, 4.0]) * fast
            slow, fast = map(np.array, call(slow, fast, t, k=k, alpha=alpha))

    return play


meet = Exercise(
    name="meet",
    reference=_meet,
    cases=[_ahead(5, 0.5), _ahead(3, 0.8), _ahead(1, 0.25), _ahead(4, 1.0)],
    owned=(0, 1),
    read=_pair,
    mistakes=[
        Mistake(
            "you take the mean of the two. That is right at α = 0.5 alone; the slow weights go α of the way.",
            _wrong_meet(lambda s, f, a: (s + f) / 2),
        ),
        Mistake(
            "the fast weights go on from where they are. They begin anew at the slow ones; else the two drift apart, "
            "and the slow ones are nothing but an average on the side.",
            _wrong_meet(fast_goes=lambda old, new, f: f),
        ),
        Mistake("they meet after every step. They meet only where t is a multiple of k.", _at(lambda t, k: True)),
        Mistake(
            "α and 1 − α are swapped: at α = 1 the slow weights come all the way, and at 0 they stay.",
            _wrong_meet(lambda s, f, a: a * s + (1 - a) * f),
        ),
        Mistake(
            "the slow weights jump all the way to the fast ones, whatever α is: then nothing is slow.",
            _wrong_meet(lambda s, f, a: f),
        ),
        Mistake(
            "the fast weights go back to where the slow ones were before they moved, and those k steps are lost.",
            _wrong_meet(fast_goes=lambda old, new, f: old),
        ),
        Mistake("the slow weights never move: k steps ahead, then all the way back.", _wrong_meet(lambda s, f, a: s)),
        Mistake(
            "they meet one step early, at k − 1. t counts the steps taken, so the first meeting is at t = k.",
            _at(lambda t, k: (t + 1) % k == 0),
        ),
        Mistake(
            "the two results are swapped: return the slow weights first.",
            lambda slow, fast, t, k=5, alpha=0.5: _meet(slow, fast, t, k, alpha)[::-1],
        ),
    ],
    hints=(
        "Most of the time nothing happens, and both come back as they are. When does something happen?",
        "Where t is a multiple of k, slow goes α of the way to fast, and fast starts over there.",
        "`if t % k == 0:` slow takes alpha * (fast - slow) in, and then fast becomes slow. Return both.",
    ),
)


def _lion_step(p, g, m, lr=1e-4, beta1=0.9, beta2=0.99):
    u = np.sign(beta1 * m + (1 - beta1) * g)
    return p - lr * u, beta2 * m + (1 - beta2) * g


def _lion(direction: Callable, keep: Callable = lambda m, g, b1, b2: b2 * m + (1 - b2) * g):
    """A wrong Lion: direction(m, g, b1, b2) is what p moves against, keep(m, g, b1, b2) the new m."""

    def step(p, g, m, lr=1e-4, beta1=0.9, beta2=0.99):
        return p - lr * direction(m, g, beta1, beta2), keep(m, g, beta1, beta2)

    return step


def _mix(m, g, b1, b2):
    return np.sign(b1 * m + (1 - b1) * g)


_gradients = np.random.default_rng(2).standard_normal((40, 3)) * [1.0, 30.0, 0.01] + [0.3, -3.0, 0.0]

lion_step = step_exercise(
    lion,
    remembers=True,
    name="lion_step",
    reference=_lion_step,
    cases=[
        along([1.0, -2.0, 0.0], _gradients, 0.1, library=lion),
        along([1.0, -2.0, 0.0], _gradients[::-1], 0.1, library=lion, beta1=0.5, beta2=0.8),
        along([0.0, 5.0, 1.0], _gradients[:20], [0.1] * 10 + [0.03] * 10, library=lion, beta1=0.8, beta2=0.6),
    ],
    mistakes=[
        Mistake(
            "β1 and β2 are swapped: the short mix, β1, decides the step, and the longer one, β2, is kept.",
            lambda p, g, m, lr=1e-4, beta1=0.9, beta2=0.99: _lion_step(p, g, m, lr, beta2, beta1),
        ),
        Mistake(
            "m takes the gradient in before you use it, so the gradient counts twice. Mix with the old m; renew it "
            "afterwards.",
            _lion(lambda m, g, b1, b2: _mix(b2 * m + (1 - b2) * g, g, b1, b2)),
        ),
        Mistake(
            "you step by the sign of the m that you keep. Lion mixes a second time, with β1, for the step.",
            _lion(lambda m, g, b1, b2: np.sign(b2 * m + (1 - b2) * g)),
        ),
        Mistake(
            "you keep the mix that decided the step, with β1: one average in place of two. m is renewed with β2.",
            _lion(_mix, lambda m, g, b1, b2: b1 * m + (1 - b1) * g),
        ),
        Mistake(
            "you keep the sign. What is kept is the average of gradients itself.",
            _lion(_mix, lambda m, g, b1, b2: b2 * m + (1 - b2) * np.sign(g)),
        ),
        Mistake(
            "each part has its own sign. The sign is taken once, of the whole mix.",
            _lion(lambda m, g, b1, b2: b1 * np.sign(m) + (1 - b1) * np.sign(g)),
        ),
        Mistake(
            "the sign is missing: that is a step along an average.", _lion(lambda m, g, b1, b2: b1 * m + (1 - b1) * g)
        ),
        Mistake("the sign is of g alone; m is kept and never used.", _lion(lambda m, g, b1, b2: np.sign(g))),
        Mistake(
            "β1 and 1 − β1 are swapped: the old m counts β1, the new gradient 1 − β1.",
            _lion(lambda m, g, b1, b2: np.sign((1 - b1) * m + b1 * g)),
        ),
        Mistake("you climb: subtract the step from p.", _lion(lambda m, g, b1, b2: -_mix(m, g, b1, b2))),
    ],
    hints=(
        "Two different averages of the same things: one is only for the step, the other is only to be kept.",
        "The step goes by the sign of a mix of the old m and g with β1. Then m takes g in with β2.",
        "`np.sign(beta1 * m + (1 - beta1) * g)` times lr is subtracted; the new m is beta2 * m + (1 - beta2) * g.",
    ),
)


def _verdict(losses):
    order = np.argsort(np.median(losses, axis=1))
    low, high = losses.min(axis=1)[order], losses.max(axis=1)[order]
    return order if np.all(high[:-1] < low[1:]) else order[:0]


def _judge(apart: Callable, by: Callable = lambda x: np.median(x, axis=1), give: Callable = lambda order: order):
    """A wrong verdict: apart(losses in order) decides, by(losses) orders, give(order) is what is given."""

    def verdict(losses):
        order = np.argsort(by(losses))
        return give(order) if apart(losses[order]) else order[:0]

    return verdict


def _lie_apart(x) -> bool:
    return bool(np.all(x.max(axis=1)[:-1] < x.min(axis=1)[1:]))


def _spread_apart(x) -> bool:
    mean, spread = x.mean(axis=1), x.std(axis=1)
    return bool(np.all((mean + spread)[:-1] < (mean - spread)[1:]))


_apart = np.array([[3.0, 3.2, 3.1], [1.0, 1.3, 1.1], [2.0, 2.5, 2.2]])
_last_two = np.array([[3.0, 3.2, 2.6], [1.0, 1.1, 1.2], [2.0, 2.9, 2.2]])
_first_two = np.array([[1.0, 1.2, 1.1], [3.0, 3.1, 3.2], [1.15, 1.3, 1.4]])
_touch = np.array([[1.0, 1.5, 1.2], [1.5, 2.0, 1.7]])
_outlier = np.array([[1.0, 1.1, 1.2, 1.1, 1.9], [1.6, 1.7, 1.8, 1.7, 1.75]])
_two_slow = np.array([[2.0, 2.1, 2.2, 5.0, 5.1], [4.0, 4.1, 4.2, 4.3, 4.4]])
_lost = np.array([[2.0, 2.1, np.inf], [0.5, 0.6, 0.7], [1.0, 1.2, 1.1]])
_slight = np.array([[1.0, 1.4, 1.5, 1.5, 1.6], [1.58, 1.7, 1.8, 1.8, 2.2]])
_crossed = np.array([[1.0, 1.9, 2.0, 2.1, 2.2], [1.4, 1.5, 1.6, 1.7, 3.0]])

verdict = Exercise(
    name="verdict",
    reference=_verdict,
    cases=calls(
        *((x,) for x in (_apart, _last_two, _first_two, _touch, _outlier, _two_slow, _lost, _slight, _crossed)),
        (np.array([[1.0, 1.2, 1.1], [2.0, 2.2, 2.1], [3.0, 3.3, 3.1]]),),
        (np.array([[1.0, 2.0, 3.0], [1.1, 2.1, 3.1], [1.2, 2.2, 3.2]]),),
        (np.array([[2.0, 2.2, 2.1], [3.0, 3.1, 3.2], [1.0, 1.1, 1.2], [0.1, 0.2, 0.3]]),),
    ),
    mistakes=[
        Mistake("you never refuse. Where two ranges overlap, give back an empty list.", _judge(lambda x: True)),
        Mistake(
            "you compare the best with the worst only. Every method must lie apart from its neighbour in the order.",
            _judge(lambda x: x[0].max() < x[-1].min()),
        ),
        Mistake(
            "you look at the two best only; further down ranges may overlap, and the order there would be luck.",
            _judge(lambda x: _lie_apart(x[:2])),
        ),
        Mistake(
            "largest first: these are losses, the smallest median is the best.",
            _judge(_lie_apart, give=lambda order: order[::-1]),
        ),
        Mistake(
            "you give each method's place. What is asked for is the row that comes first, then the second, and so on.",
            _judge(_lie_apart, give=np.argsort),
        ),
        Mistake(
            "you go by mean ± standard deviation. With few seeds that is narrower than the range, and a single bad "
            "seed vanishes in it.",
            _judge(_spread_apart),
        ),
        Mistake(
            "you compare the rows as they were given. Bring them into the order of their medians first.",
            lambda losses: np.argsort(np.median(losses, axis=1)) if _lie_apart(losses) else np.arange(0),
        ),
        Mistake(
            "ranges that touch count as overlapping: a tie is no order. Compare with <, not <=.",
            _judge(lambda x: bool(np.all(x.max(axis=1)[:-1] <= x.min(axis=1)[1:]))),
        ),
        Mistake(
            "you go by the best seed of each. A method is not its luckiest run: order by the median, and look at all "
            "of the range.",
            _judge(lambda x: True, by=lambda x: x.min(axis=1)),
        ),
        Mistake("you go along the wrong axis: a row is a method, a column a seed.", lambda losses: _verdict(losses.T)),
        Mistake(
            "you refuse always. Where all ranges lie apart there is an order: the rows, smallest median first.",
            lambda losses: np.arange(0),
        ),
    ],
    hints=(
        "First an order, then a question to each pair of neighbours in it: does one end before the other begins?",
        "`np.argsort` of the medians gives the order. Take each row's least and largest value in that order.",
        "If every `high[:-1]` is below its `low[1:]`, give the order back, else an empty list.",
    ),
)


def _fair_scores(validation, test):
    return test[np.argmax(np.median(validation, axis=1))]


def _by(rows: Callable):
    """A wrong choice: test[rows(validation, test)]."""
    return lambda validation, test: test[rows(validation, test)]


_rng = np.random.default_rng(4)
_tables = [_rng.uniform(0.8, 0.99, (2, rates, seeds)).round(3) for rates, seeds in ((3, 3), (5, 3), (4, 5), (6, 5))]

fair_scores = Exercise(
    name="fair_scores",
    reference=_fair_scores,
    cases=calls(*((validation, test) for validation, test in _tables)),
    mistakes=[
        Mistake(
            "nothing has changed: each seed still takes the rate at which it did best on the test set.",
            lambda validation, test: test.max(axis=0),
        ),
        Mistake(
            "one rate for all seeds now, but the test set still chooses it. Choose by the validation set.",
            _by(lambda v, t: np.argmax(np.median(t, axis=1))),
        ),
        Mistake(
            "you choose a rate for each seed. The rate is part of the method: one for all its seeds.",
            lambda validation, test: test[np.argmax(validation, axis=0), np.arange(test.shape[1])],
        ),
        Mistake(
            "you report the validation scores. They chose the rate, so they are flattered as well; give the test's.",
            lambda validation, test: validation[np.argmax(np.median(validation, axis=1))],
        ),
        Mistake(
            "you choose by the best single seed. The median over seeds is what a rate is worth.",
            _by(lambda v, t: np.argmax(v.max(axis=1))),
        ),
        Mistake(
            "you choose by the mean. One diverged seed would decide; take the median.",
            _by(lambda v, t: np.argmax(v.mean(axis=1))),
        ),
        Mistake(
            "you take the worst rate: these are accuracies, larger is better.",
            _by(lambda v, t: np.argmin(np.median(v, axis=1))),
        ),
        Mistake(
            "you give one number. Keep the scores of all seeds: without a range there is no verdict.",
            lambda validation, test: np.median(test[np.argmax(np.median(validation, axis=1))]),
        ),
    ],
    hints=(
        "Which of the two tables may take part in the choice, and how many choices are there to make?",
        "One number for each rate: its median over seeds, on the validation set. The best of them names a row.",
        "`np.median(validation, axis=1)`, then `np.argmax` of it, then that row of `test`, whole.",
    ),
)
