"""Exercises of lesson 05: an average that starts at zero, Adam, its first steps without corrections, AMSGrad, a bug."""

from collections.abc import Callable

import numpy as np

from course_lib.exercises.base import Exercise, Mistake, calls
from course_lib.exercises.steps import along, step_exercise
from course_lib.rules import adam, amsgrad


def _corrected_average(x, beta):
    m, averages = 0.0, []
    for t, value in enumerate(x, start=1):
        m = beta * m + (1 - beta) * value
        averages.append(m / (1 - beta**t))
    return np.array(averages)


def _average(divide: Callable = lambda beta, t: 1 - beta**t, enter: Callable = lambda beta: 1 - beta, keep=False):
    """A wrong average from its wrong divisor, or its wrong weight of a new value; `keep` stores what is divided."""

    def average(x, beta):
        m, averages = 0.0, []
        for t, value in enumerate(x, start=1):
            m = beta * m + enter(beta) * value
            averages.append(m / divide(beta, t))
            m = averages[-1] if keep else m
        return np.array(averages)

    return average


def _from_the_first_value(x, beta):
    m, averages = x[0], []
    for value in x:
        m = beta * m + (1 - beta) * value
        averages.append(m)
    return np.array(averages)


corrected_average = Exercise(
    name="corrected_average",
    reference=_corrected_average,
    cases=calls(
        (np.full(6, 5.0), 0.9),
        (np.array([4.0, -1.0, 2.5, 8.0, 0.0]), 0.5),
        (np.array([1.0, 10.0, -3.0, 7.0]), 0.999),
    ),
    mistakes=[
        Mistake(
            "nothing is corrected: your average still pulls towards the zero it began with.", _average(lambda b, t: 1)
        ),
        Mistake(
            "the corrected value goes back into the average, and is corrected again at the next step. Divide a copy; "
            "m itself stays as it is.",
            _average(keep=True),
        ),
        Mistake(
            "your t starts at 0, so the first division is by 1 − β⁰ = 0. After the first value t is 1.",
            _average(lambda b, t: 1 - b ** (t - 1)),
        ),
        Mistake(
            "your t is one too high: after the first value β counts once, not twice.",
            _average(lambda b, t: 1 - b ** (t + 1)),
        ),
        Mistake(
            "you divide by 1 − β at every step. That is the weight after one value; after t of them it is 1 − βᵗ.",
            _average(lambda b, t: 1 - b),
        ),
        Mistake(
            "you divide by 1 − β·t. The zero at the start is multiplied by β each time: a power, not a product.",
            _average(lambda b, t: 1 - b * t),
        ),
        Mistake(
            "you multiply by 1 − βᵗ, and make a small average smaller. Divide.", _average(lambda b, t: 1 / (1 - b**t))
        ),
        Mistake(
            "β and 1 − β are swapped: the old average keeps β of itself, a new value enters with 1 − β.",
            lambda x, beta: _average(lambda b, t: 1 - (1 - b) ** t)(x, 1 - beta),
        ),
        Mistake(
            "the new value enters whole. Then m is a sum, as in momentum; an average takes 1 − β of it.",
            _average(enter=lambda b: 1),
        ),
        Mistake(
            "you start at the first value in place of zero. Then nothing is missing, but that first value keeps a "
            "weight of βᵗ, more than any other has.",
            _from_the_first_value,
        ),
        Mistake(
            "that is the plain mean of all values so far: nothing is ever forgotten.",
            lambda x, beta: np.cumsum(x) / np.arange(1, len(x) + 1),
        ),
    ],
    hints=(
        "Keep one running number m, and a list of what it says after each value. What stands in the list is not m.",
        "`for t, value in enumerate(x, start=1)`: m keeps β of itself and takes 1 − β of the value.",
        "Into the list goes m / (1 - beta**t). m goes on undivided.",
    ),
)


def _adam_step(p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v, t = s
    t = t + 1
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return p - lr * m_hat / (v_hat**0.5 + eps), (m, v, t)


def _means(g, m, v, b1, b2):
    return b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g


def _unit(m, v, t, b1, b2, eps):
    """The step divided by lr."""
    return m / (1 - b1**t) / ((v / (1 - b2**t)) ** 0.5 + eps)


def _adam(unit: Callable = _unit, means: Callable = _means, shift=0):
    """A wrong Adam from its wrong part: unit(m, v, t, b1, b2, eps) or means(g, m, v, b1, b2).

    `shift` is how far t is off where it corrects.
    """

    def step(p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        m, v, t = s
        t, (m, v) = t + 1, means(g, m, v, beta1, beta2)
        return p - lr * unit(m, v, t + shift, beta1, beta2, eps), (m, v, t)

    return step


def _in_place(p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v, t = s
    m, v = _means(g, m, v, beta1, beta2)
    m, v = m / (1 - beta1 ** (t + 1)), v / (1 - beta2 ** (t + 1))
    return p - lr * m / (v**0.5 + eps), (m, v, t + 1)


def _along_the_gradient(p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v, t = s
    m, v = _means(g, m, v, beta1, beta2)
    return p - lr * _unit(g * (1 - beta1 ** (t + 1)), v, t + 1, beta1, beta2, eps), (m, v, t + 1)


def _v_from_m(g, m, v, b1, b2):
    m = b1 * m + (1 - b1) * g
    return m, b2 * v + (1 - b2) * m * m


def _outside_all(p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    q, s = _adam_step(p, g, s, lr, beta1, beta2, 0.0)
    return q + eps, s


def _maximum(g, m, v, b1, b2):
    m, new = _means(g, m, v, b1, b2)
    return m, np.maximum(v, new)


_wild = np.random.default_rng(5).standard_normal((10, 2)) * [1.0, 100.0]
_PROBES = [  # which wrong program shows on which of them: see the mutation table in tests/rules
    ([1.0, -2.0], np.ones((6, 2))),
    ([0.0, 0.0], np.full((6, 2), 1e-9)),  # where eps counts
    ([1.0, -2.0], _wild),  # coordinates of different size
    ([0.5, 1.0], [[0.0, 0.0], [0.0, 0.0], [1.0, -3.0], *[[0.0, 0.0]] * 6]),  # an impulse
]

adam_step = step_exercise(
    adam,
    remembers=True,
    name="adam_step",
    reference=_adam_step,
    cases=[
        *(along(start, gradients, 0.1, library=adam) for start, gradients in _PROBES),
        along([1.0, -2.0], _wild[:6], [0.1, 0.1, 0.01, 0.3, 0.3, 0.3], library=adam, beta1=0.5, beta2=0.7, eps=0.1),
    ],
    mistakes=[
        Mistake(
            "neither average is corrected. Both begin at zero, v stays small for longer, and your first step is "
            "(1 − β1)/√(1 − β2) = 3.16 times lr.",
            _adam(lambda m, v, t, b1, b2, eps: m / (v**0.5 + eps)),
        ),
        Mistake(
            "you correct m but not v: at first √v is far too small, and the step far too long.",
            _adam(lambda m, v, t, b1, b2, eps: m / (1 - b1**t) / (v**0.5 + eps)),
        ),
        Mistake(
            "you correct v but not m: your first step is a tenth of lr, and the next ones are short too.",
            _adam(lambda m, v, t, b1, b2, eps: m / ((v / (1 - b2**t)) ** 0.5 + eps)),
        ),
        Mistake(
            "β1 and β2 are swapped. β1, the short memory, belongs to m, and β2 to v.",
            lambda p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8: _adam_step(p, g, s, lr, beta2, beta1, eps),
        ),
        Mistake(
            "you correct with the old t, which is 0 at the first step: 1 − β⁰ = 0, and 0/0. Count first, then correct.",
            _adam(shift=-1),
        ),
        Mistake(
            "your t is one too high where you correct: at the first step it is 1. Perhaps it is counted twice.",
            _adam(shift=1),
        ),
        Mistake(
            "every step is corrected as if it were the first: the power t is missing, or you return the old t. In the "
            "long run your steps are 0.32 times lr.",
            lambda p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8: (lambda q, new: (q, (new[0], new[1], s[2])))(
                *_adam_step(p, g, (s[0], s[1], 0), lr, beta1, beta2, eps)
            ),
        ),
        Mistake(
            "the corrected averages are stored, and corrected again at the next step. Divide copies, m_hat and v_hat; "
            "return m and v as they were.",
            _in_place,
        ),
        Mistake(
            "your ε is inside the root, √(v̂ + ε). There 1e-8 counts as much as a gradient of 1e-4; Adam has √v̂ + ε.",
            _adam(lambda m, v, t, b1, b2, eps: m / (1 - b1**t) / (v / (1 - b2**t) + eps) ** 0.5),
        ),
        Mistake(
            "ε joins √v before the correction, as in the paper's second form (TensorFlow has that one). In Algorithm 1 "
            "it joins the root of the corrected v̂.",
            _adam(lambda m, v, t, b1, b2, eps: m / (1 - b1**t) * (1 - b2**t) ** 0.5 / (v**0.5 + eps)),
        ),
        Mistake(
            "ε is left out; where a gradient is zero from the start that is 0/0.",
            _adam(lambda m, v, t, b1, b2, eps: m / (1 - b1**t) / (v / (1 - b2**t)) ** 0.5),
        ),
        Mistake(
            "ε is added to p: in `p - lr * m_hat / v_hat**0.5 + eps` the division comes first. Put √v̂ + ε in brackets.",
            _outside_all,
        ),
        Mistake(
            "the root is missing: you divide by v̂ itself. Then a gradient ten times as large makes a step ten times "
            "as short.",
            _adam(lambda m, v, t, b1, b2, eps: m / (1 - b1**t) / (v / (1 - b2**t) + eps)),
        ),
        Mistake(
            "one v for all coordinates: you sum or average g² over p. Each coordinate has a v of its own, `g * g`.",
            _adam(means=lambda g, m, v, b1, b2: (b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * np.mean(g * g))),
        ),
        Mistake(
            "one v for all coordinates: you take |g|², the whole norm. Each coordinate has a v of its own, `g * g`.",
            _adam(means=lambda g, m, v, b1, b2: (b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * np.sum(g * g))),
        ),
        Mistake(
            "v averages m², the square of the average. It is the average of the squares, g².", _adam(means=_v_from_m)
        ),
        Mistake(
            "m takes the whole gradient, as momentum does. In Adam it is an average: 1 − β1 of it.",
            _adam(means=lambda g, m, v, b1, b2: (b1 * m + g, b2 * v + (1 - b2) * g * g)),
        ),
        Mistake(
            "v takes the whole of g²: it is an average, 1 − β2 of g² and β2 of the old v.",
            _adam(means=lambda g, m, v, b1, b2: (b1 * m + (1 - b1) * g, b2 * v + g * g)),
        ),
        Mistake(
            "v averages |g|, and you take a root of that. It averages g * g.",
            _adam(means=lambda g, m, v, b1, b2: (b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * abs(g))),
        ),
        Mistake(
            "your v never falls: you keep the larger of old and new. That is an early form of AMSGrad, further below.",
            _adam(means=_maximum),
        ),
        Mistake(
            "you step along g, and m is never used: RMSProp with a correction. The step goes along m_hat.",
            _along_the_gradient,
        ),
        Mistake(
            "you climb: subtract the step from p.",
            _adam(lambda m, v, t, b1, b2, eps: -_unit(m, v, t, b1, b2, eps)),
        ),
        Mistake(
            "lr is missing: every step is 1 long.",
            lambda p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8: _adam_step(p, g, s, 1.0, beta1, beta2, eps),
        ),
        Mistake(
            "your β1, β2 and ε are always 0.9, 0.999 and 1e-8; use the arguments.",
            lambda p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8: _adam_step(p, g, s, lr),
        ),
    ],
    hints=(
        "Five things in order: count t, let m and v take the gradient in, make a corrected copy of each, move.",
        "m is an average of g with β1, v an average of g * g with β2. The copies are divided by one minus β to the t.",
        "p moves by lr times m_hat over (the root of v_hat, plus eps). Return p, and (m, v, t), not the copies.",
    ),
)


def _length(t, beta1=0.9, beta2=0.999):
    return (1 - beta1**t) / np.sqrt(1 - beta2**t)


length = Exercise(
    name="length",
    reference=_length,
    cases=calls((1,), (np.arange(1, 30),), (np.array([1, 2, 100]), 0.5, 0.9), (4, 0.0, 0.99)),
    mistakes=[
        Mistake(
            "the root is missing: the step divides by √v, not by v.",
            lambda t, beta1=0.9, beta2=0.999: (1 - beta1**t) / (1 - beta2**t),
        ),
        Mistake(
            "upside down: m stands above, with β1, and √v below.",
            lambda t, beta1=0.9, beta2=0.999: np.sqrt(1 - beta2**t) / (1 - beta1**t),
        ),
        Mistake("β1 and β2 are swapped.", lambda t, beta1=0.9, beta2=0.999: _length(t, beta2, beta1)),
        Mistake(
            "that is the first step, whatever t is. After t steps an average of ones has reached 1 − βᵗ.",
            lambda t, beta1=0.9, beta2=0.999: 0 * t + _length(1, beta1, beta2),
        ),
        Mistake(
            "the root is over both: only v is a square.",
            lambda t, beta1=0.9, beta2=0.999: np.sqrt((1 - beta1**t) / (1 - beta2**t)),
        ),
        Mistake(
            "those are the parts still missing, βᵗ. What the averages have reached is 1 − βᵗ.",
            lambda t, beta1=0.9, beta2=0.999: beta1**t / np.sqrt(beta2**t),
        ),
        Mistake(
            "you leave √v out: with slope 1 it tends to 1, but it starts near zero as well.",
            lambda t, beta1=0.9, beta2=0.999: 1 - beta1**t,
        ),
        Mistake(
            "β·t where βᵗ belongs: each step multiplies by β once more.",
            lambda t, beta1=0.9, beta2=0.999: (1 - beta1 * t) / np.sqrt(1 - beta2 * t),
        ),
        Mistake(
            "t is one behind: after the first step the average of m holds 1 − β1 already.",
            lambda t, beta1=0.9, beta2=0.999: _length(t - 1, beta1, beta2),
        ),
        Mistake(
            "that is 1, the step with both corrections. The question is how long it is without.",
            lambda t, beta1=0.9, beta2=0.999: 0 * t + 1.0,
        ),
    ],
    hints=(
        "Slope 1 everywhere: m and v both average ones, and g² is one as well. How far has each got after t steps?",
        "An average of ones that began at zero lacks βᵗ, what is left of the zero. That gives m and v.",
        "The step is lr·m/√v: put 1 - beta1**t above and the root of 1 - beta2**t below.",
    ),
)


def _amsgrad_step(p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v, w, t = s
    t = t + 1
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    w = np.maximum(w, v)
    m_hat = m / (1 - beta1**t)
    w_hat = w / (1 - beta2**t)
    return p - lr * m_hat / (w_hat**0.5 + eps), (m, v, w, t)


def _amsgrad(largest: Callable, unit: Callable = _unit, keep: Callable = lambda v, w: (v, w)):
    """A wrong AMSGrad: largest(w, v, g, t, b2) is what the step divides by, keep(v, w) is stored."""

    def step(p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        m, v, w, t = s
        t, (m, v) = t + 1, _means(g, m, v, beta1, beta2)
        w = largest(w, v, g, t, beta2)
        return p - lr * unit(m, w, t, beta1, beta2, eps), (m, *keep(v, w), t)

    return step


_falling = [[1.0, 100.0], [0.1, -1.0], [0.5, 1.0], [-0.2, 50.0], [0.1, 300.0], [2.0, 1.0], [0.1, 1.0], [-0.3, -2.0]]

amsgrad_step = step_exercise(
    amsgrad,
    remembers=True,
    name="amsgrad_step",
    reference=_amsgrad_step,
    cases=[
        along([1.0, -2.0], _falling, 0.1, library=amsgrad),
        along([1.0, -2.0], _falling, 0.1, library=amsgrad, beta1=0.0, beta2=0.3, eps=1e-3),
        along([0.0, 0.0], [[1e-9, 1e-8], [1e-10, 1e-9]] * 4, 0.1, library=amsgrad),
    ],
    mistakes=[
        Mistake(
            "that is plain Adam: the step divides by v, or you return the old w and forget how large v was. Divide by "
            "the largest v so far, and hand it on.",
            _amsgrad(lambda w, v, g, t, b2: v),
        ),
        Mistake(
            "you take the maximum of the corrected v̂. At the first step v̂ is g² itself, and one large first gradient "
            "would stay for ever; PyTorch keeps the largest v and corrects afterwards. optax does what you did.",
            _amsgrad(
                lambda w, v, g, t, b2: np.maximum(w, v / (1 - b2**t)),
                lambda m, w, t, b1, b2, eps: m / (1 - b1**t) / (w**0.5 + eps),
            ),
        ),
        Mistake(
            "the maximum goes back into v, so the average itself can never fall. Keep two: v forgets, w remembers.",
            _amsgrad(lambda w, v, g, t, b2: np.maximum(w, v), keep=lambda v, w: (w, w)),
        ),
        Mistake(
            "you take the smaller of the two. AMSGrad keeps the larger, so that a large v is not forgotten.",
            _amsgrad(lambda w, v, g, t, b2: np.minimum(np.where(t == 1, v, w), v)),
        ),
        Mistake(
            "w is not corrected. The paper has no correction at all; PyTorch divides w by 1 − β2ᵗ, as Adam does v.",
            _amsgrad(
                lambda w, v, g, t, b2: np.maximum(w, v), lambda m, w, t, b1, b2, eps: m / (1 - b1**t) / (w**0.5 + eps)
            ),
        ),
        Mistake(
            "nothing is corrected, as in the paper. PyTorch corrects both, m and w; do the same here.",
            _amsgrad(lambda w, v, g, t, b2: np.maximum(w, v), lambda m, w, t, b1, b2, eps: m / (w**0.5 + eps)),
        ),
        Mistake(
            "you keep the largest g², one single gradient. It is the average v whose largest value counts.",
            _amsgrad(lambda w, v, g, t, b2: np.maximum(w, g * g)),
        ),
        Mistake(
            "one maximum over all coordinates. Each coordinate keeps its own: `np.maximum`, not `np.max`.",
            _amsgrad(lambda w, v, g, t, b2: np.max(np.maximum(w, v)) + 0 * v),
        ),
        Mistake(
            "your ε is inside the root; it stays outside, as in Adam.",
            _amsgrad(
                lambda w, v, g, t, b2: np.maximum(w, v),
                lambda m, w, t, b1, b2, eps: m / (1 - b1**t) / (w / (1 - b2**t) + eps) ** 0.5,
            ),
        ),
    ],
    hints=(
        "Your Adam, with one more thing to remember: how large v has ever been.",
        "After v has taken g * g in, w becomes the larger of w and v, each coordinate by itself: `np.maximum(w, v)`.",
        "Divide by the root of w / (1 - beta2**t), plus eps. Return p and (m, v, w, t).",
    ),
)


def _mended_update(p, m_hat, v_hat, lr, eps):
    return p - lr * m_hat / (np.sqrt(v_hat) + eps)


def _root(v_hat):
    return np.sqrt(v_hat)


_p, _m, _v = np.array([1.0, -2.0, 0.5]), np.array([0.0, 3.0, -1e-3]), np.array([0.0, 16.0, 1e-4])

mended_update = Exercise(
    name="mended_update",
    reference=_mended_update,
    cases=calls((_p, _m, _v, 0.1, 1e-8), (_p, _m, _v, 0.01, 0.1), (_p[1:], _m[1:], _v[1:], 0.1, 1e-3)),
    owned=(0,),
    mistakes=[
        Mistake(
            "nothing has changed: the division still comes before the sum, and ε is added to p.",
            lambda p, m_hat, v_hat, lr, eps: p - lr * m_hat / _root(v_hat) + eps,
        ),
        Mistake(
            "ε is inside the root now. There is no 0/0 any more, but √(v̂ + ε) is another method wherever gradients "
            "are smaller than √ε.",
            lambda p, m_hat, v_hat, lr, eps: p - lr * m_hat / np.sqrt(v_hat + eps),
        ),
        Mistake(
            "your brackets hold the fraction and ε together: still 0/0, and p now loses ε at every step.",
            lambda p, m_hat, v_hat, lr, eps: p - (lr * m_hat / _root(v_hat) + eps),
        ),
        Mistake(
            "your brackets hold m̂/√v̂ and ε: still 0/0, and p loses lr·ε at every step. ε belongs to the root alone.",
            lambda p, m_hat, v_hat, lr, eps: p - lr * (m_hat / _root(v_hat) + eps),
        ),
        Mistake(
            "ε joins m̂, above the line. It is the divisor that must not be zero.",
            lambda p, m_hat, v_hat, lr, eps: p - lr * (m_hat + eps) / _root(v_hat),
        ),
        Mistake(
            "without ε nothing drifts, but 0/0 is still there.",
            lambda p, m_hat, v_hat, lr, eps: p - lr * m_hat / _root(v_hat),
        ),
        Mistake(
            "you take the larger of √v̂ and ε. That cures 0/0 too, but it is not Adam, which adds them.",
            lambda p, m_hat, v_hat, lr, eps: p - lr * m_hat / np.maximum(_root(v_hat), eps),
        ),
        Mistake(
            "the root has gone: you divide by v̂ + ε.", lambda p, m_hat, v_hat, lr, eps: p - lr * m_hat / (v_hat + eps)
        ),
    ],
    hints=(
        "Where the gradient has always been zero, what does Python divide by what?",
        "In a / b + c, Python divides first. What do you want it to add first?",
        "One pair of brackets, around the root and ε.",
    ),
)
