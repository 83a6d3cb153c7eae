"""Exercises of lesson 08: the variance of a step, four plans in closed form, a plateau, and a loop that steps too
seldom."""

import math

import numpy as np

from course_lib.exercises.base import Exercise, Mistake, calls
from course_lib.exercises.recorder import Wrong, number


def _variance(v, lr, h, noise):
    return (1 - lr * h) ** 2 * v + lr**2 * noise


variance = Exercise(
    name="variance",
    reference=_variance,
    cases=calls(
        (1.0, 0.1, 1.0, 0.5),
        (np.array([1.0, 0.5, 2.0]), 0.7, np.array([1.0, 0.5, 0.1]), np.array([1.0, 0.5, 0.1])),
        (np.array([[3.0, 4.0], [0.2, 0.1]]), np.array([[1.9], [0.3]]), np.array([1.0, 0.25]), np.array([0.2, 0.05])),
    ),
    owned=(0,),
    mistakes=[
        Mistake(
            "1 − lr·h is not squared. It shrinks p itself; v is the mean of p².",
            lambda v, lr, h, noise: (1 - lr * h) * v + lr**2 * noise,
        ),
        Mistake(
            "lr is not squared on the noise. The step adds lr times the noise to p, so lr² times its variance to v.",
            lambda v, lr, h, noise: (1 - lr * h) ** 2 * v + lr * noise,
        ),
        Mistake(
            "you square the noise. It is given as a variance, which is a square already.",
            lambda v, lr, h, noise: (1 - lr * h) ** 2 * v + (lr * noise) ** 2,
        ),
        Mistake(
            "you shrink the new noise too. It enters with this step, and only later steps can forget it.",
            lambda v, lr, h, noise: (1 - lr * h) ** 2 * (v + lr**2 * noise),
        ),
        Mistake(
            "the noise is missing: nothing holds v up, and every rate below the edge would do.",
            lambda v, lr, h, noise: (1 - lr * h) ** 2 * v,
        ),
    ],
    hints=(
        "One step is p − lr·(h·p + ξ), where ξ has mean 0 and this variance. Collect the terms with p, then square.",
        "The mixed term has mean 0. What is left are two squares, one with p² and one with ξ².",
        "The factor on v is the square of 1 − lr·h; the factor on the noise is the square of lr.",
    ),
)


def _multi_step(t, lr, milestones, gamma=0.1):
    return lr * gamma ** sum(t >= m for m in milestones)


def _cut(count, cut=lambda lr, gamma, n: lr * gamma**n):
    """A wrong version that counts otherwise, count(t, milestones), or cuts otherwise, cut(lr, gamma, n)."""
    return lambda t, lr, milestones, gamma=0.1: cut(lr, gamma, count(t, milestones))


def _reached(t, milestones):
    return sum(t >= m for m in milestones)


multi_step = Exercise(
    name="multi_step",
    reference=_multi_step,
    cases=[
        *calls((0, 0.1, (30, 60)), (29, 0.1, (30, 60)), (30, 0.1, (30, 60)), (31, 0.1, (30, 60))),
        *calls((60, 0.1, (30, 60)), (95, 0.1, (30, 60)), (150, 0.1, (30, 60))),
        *calls((40, 1.0, (10, 20, 40)), (39, 1.0, (10, 20, 40)), gamma=0.5),
    ],
    mistakes=[
        Mistake(
            "you cut one step too late. The step t = milestone is the first with the lower rate: t ≥ m, not t > m.",
            _cut(lambda t, milestones: sum(t > m for m in milestones)),
        ),
        Mistake(
            "you cut one step too early: at t = m − 1 the old rate still holds.",
            _cut(lambda t, milestones: sum(t + 1 >= m for m in milestones)),
        ),
        Mistake(
            "you cut once and never again. Each milestone that t has reached counts.",
            _cut(lambda t, milestones: int(t >= milestones[0])),
        ),
        Mistake(
            "you divide by gamma. It is below 1, so that raises the rate; multiply.",
            _cut(_reached, lambda lr, gamma, n: lr / gamma**n),
        ),
        Mistake(
            "you take gamma times the count; every cut multiplies what the one before has left, gamma to the power.",
            _cut(_reached, lambda lr, gamma, n: lr * gamma * n if n else lr),
        ),
        Mistake(
            "you read the milestones as lengths, one after the other. They are counted from the start of the run.",
            _cut(lambda t, milestones: int(sum(t >= np.cumsum(milestones)))),
        ),
    ],
    hints=(
        "How often has the rate been cut when step t begins? Count first, then cut.",
        "A comparison is 0 or 1 in a sum: add up over the milestones whether t has reached each.",
        "gamma to the power of that count, times lr. A milestone is reached when t equals it.",
    ),
)


def _cosine(t, lr, total_steps, end_lr=0.0):
    return end_lr + (lr - end_lr) * (1 + math.cos(math.pi * t / total_steps)) / 2


cosine = Exercise(
    name="cosine",
    reference=_cosine,
    cases=[
        *calls((0, 0.1, 100), (25, 0.1, 100), (50, 0.1, 100), (99, 0.1, 100), (100, 0.1, 100), (150, 0.1, 100)),
        *calls((0, 0.4, 30), (10, 0.4, 30), (30, 0.4, 30), (40, 0.4, 30), end_lr=0.1),
    ],
    mistakes=[
        Mistake(
            "you end one step early: total_steps is the step at which end_lr is reached, not the number of values.",
            lambda t, lr, total_steps, end_lr=0.0: _cosine(t, lr, total_steps - 1, end_lr),
        ),
        Mistake(
            "you stop at the end. That is wise, and optax does it; PyTorch's formula goes on, and so do we here.",
            lambda t, lr, total_steps, end_lr=0.0: _cosine(min(t, total_steps), lr, total_steps, end_lr),
        ),
        Mistake(
            "that is a whole wave: down and up again within total_steps. Half a wave is π·t/total_steps.",
            lambda t, lr, total_steps, end_lr=0.0: _cosine(2 * t, lr, total_steps, end_lr),
        ),
        Mistake(
            "that is a quarter of a wave, which leaves the top at once and hits the end at full speed.",
            lambda t, lr, total_steps, end_lr=0.0: end_lr + (lr - end_lr) * math.cos(math.pi * t / (2 * total_steps)),
        ),
        Mistake(
            "you add end_lr on top, so the run begins at lr + end_lr. The wave is only lr − end_lr high.",
            lambda t, lr, total_steps, end_lr=0.0: end_lr + _cosine(t, lr, total_steps),
        ),
        Mistake(
            "end_lr is not used: your wave always ends at 0.",
            lambda t, lr, total_steps, end_lr=0.0: _cosine(t, lr, total_steps),
        ),
        Mistake(
            "the half is missing: 1 + cos goes from 2 to 0.",
            lambda t, lr, total_steps, end_lr=0.0: end_lr + (lr - end_lr) * (1 + math.cos(math.pi * t / total_steps)),
        ),
    ],
    hints=(
        "cos goes from 1 to −1 over half a wave. Move and scale it until it goes from 1 to 0.",
        "Half of 1 + cos, at an angle that is 0 at t = 0 and π at total_steps. Then put it between the two rates.",
        "end_lr plus (lr − end_lr) times half of 1 + cos(π·t/total_steps). No `min`.",
    ),
)


def _up_and_down(t, lr, warmup_steps, total_steps):
    if t < warmup_steps:
        return lr * t / warmup_steps
    return lr * (total_steps - t) / (total_steps - warmup_steps)


def _later(down):
    """The rise as it should be, and from warmup_steps on down(t, w, T) times lr."""
    return lambda t, lr, warmup_steps, total_steps: (
        lr * t / warmup_steps if t < warmup_steps else lr * down(t, warmup_steps, total_steps)
    )


up_and_down = Exercise(
    name="up_and_down",
    reference=_up_and_down,
    cases=[
        *calls(*[(t, 0.1, 10, 100) for t in (0, 1, 9, 10, 11, 55, 90, 95, 100)]),
        *calls(*[(t, 2.0, 50, 100) for t in (0, 40, 50, 75, 100)]),
    ],
    mistakes=[
        Mistake(
            "your line down begins at t = 0, so the rate drops where the warm-up ends. It has total − warm-up steps.",
            _later(lambda t, w, T: 1 - t / T),
        ),
        Mistake(
            "you take the smaller of two lines over the whole run. They cross before the warm-up ends, below lr.",
            lambda t, lr, warmup_steps, total_steps: lr * min(t / warmup_steps, 1 - t / total_steps),
        ),
        Mistake(
            "your line down is as long as the whole run, and is not yet at 0 when the run ends.",
            _later(lambda t, w, T: 1 - (t - w) / T),
        ),
        Mistake(
            "your line down ends too early: count its steps from the end of the warm-up, t − warmup_steps.",
            _later(lambda t, w, T: max(1 - t / (T - w), 0.0)),
        ),
        Mistake("after the warm-up your rate stays at lr for ever.", _later(lambda t, w, T: 1.0)),
        Mistake("the warm-up never ends: your rate rises beyond lr.", _later(lambda t, w, T: t / w)),
        Mistake(
            "you count from 1: at t = 0 the warm-up stands at 0, and lr is reached at t = warmup_steps.",
            lambda t, lr, warmup_steps, total_steps: _up_and_down(
                t + 1 if t < warmup_steps else t, lr, warmup_steps, total_steps
            ),
        ),
    ],
    hints=(
        "Two straight lines with one corner. Where is each of them 0, and where is it lr?",
        "The first is 0 at t = 0; the second is 0 at total_steps. Both are lr at warmup_steps.",
        "Behind the corner: what is left, total_steps − t, over what there was, total_steps − warmup_steps.",
    ),
)


def _product_factor(factor, t):
    return factor(t) / factor(t - 1)


def inverse(t):
    return 1 / (1 + 0.1 * t)


def wave(t):
    return 0.5 + 0.3 * math.cos(0.3 * t)


def halving(t):
    return 0.5 ** (t**2)


product_factor = Exercise(
    name="product_factor",
    reference=_product_factor,
    cases=calls((inverse, 1), (inverse, 7), (wave, 1), (wave, 4), (wave, 5), (halving, 3)),
    mistakes=[
        Mistake(
            "you hand over the same function. MultiplicativeLR multiplies the rate that it finds, and so it compounds.",
            lambda factor, t: factor(t),
        ),
        Mistake("the ratio is upside down.", lambda factor, t: factor(t - 1) / factor(t)),
        Mistake(
            "you are one step ahead: at step t the rate goes from factor(t − 1) to factor(t).",
            lambda factor, t: factor(t + 1) / factor(t),
        ),
        Mistake("you divide by the first factor; divide by the one before.", lambda factor, t: factor(t) / factor(0)),
        Mistake("that is a difference; the rate is multiplied.", lambda factor, t: factor(t) - factor(t - 1)),
        Mistake(
            "equal factors for all t steps end at the same rate, but get there by another way.",
            lambda factor, t: factor(t) ** (1 / t),
        ),
    ],
    hints=(
        "LambdaLR had the rate lr·factor(t − 1) at the step before. By what must it be multiplied now?",
        "Multiply all answers from 1 to t: everything in between has to cancel.",
        "The factor of this step over the factor of the step before.",
    ),
)


def _plateau(lr, metric, best, bad, factor=0.1, patience=10):
    best, bad = (metric, 0) if metric < best else (best, bad + 1)
    if bad > patience:
        lr, bad = lr * factor, 0
    return lr, best, bad


def _wrong_plateau(better=lambda metric, best: metric < best, bad_after=0, cut=lambda bad, patience: bad > patience):
    """A plateau with one part exchanged; `bad_after` is what a cut leaves of the count, None for all of it."""

    def step(lr, metric, best, bad, factor=0.1, patience=10):
        best, bad = (metric, 0) if better(metric, best) else (best, bad + 1)
        if cut(bad, patience):
            lr, bad = lr * factor, bad if bad_after is None else bad_after
        return lr, best, bad

    return step


def _never_forgives(lr, metric, best, bad, factor=0.1, patience=10):
    best, bad = (metric, bad) if metric < best else (best, bad + 1)
    return (lr * factor, best, 0) if bad > patience else (lr, best, bad)


def _short_memory(lr, metric, best, bad, factor=0.1, patience=10):
    lr, _, bad = _plateau(lr, metric, best, bad, factor, patience)
    return lr, metric, bad


def _subtracts(lr, metric, best, bad, factor=0.1, patience=10):
    cut, best, bad = _plateau(lr, metric, best, bad, factor, patience)
    return lr - factor * lr if cut != lr else lr, best, bad


def _epochs(metrics, **hypers):
    """One call for each metric, each with what the one before has left."""

    def play(call):
        lr, best, bad = 0.1, math.inf, 0
        for metric in metrics:
            lr, best, bad = _three(call(lr, metric, best, bad, **hypers))

    return play


def _three(answer):
    if not isinstance(answer, tuple | list) or len(answer) != 3:
        raise Wrong("your function must return three things: the rate, the best metric so far, and the bad count")
    return answer


plateau_step = Exercise(
    name="plateau_step",
    reference=_plateau,
    cases=[
        _epochs([1.0, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8], patience=2),
        _epochs([1.0, 1.1, 0.9, 1.0, 1.0, 0.8, 0.9, 0.85, 0.95, 0.9], patience=2),
        _epochs([1.0, 1.1, 1.0, 1.05, 0.99, 1.2, 1.1, 1.15], patience=1, factor=0.25),
        _epochs([0.5, *[0.6] * 12]),
    ],
    read=lambda answer: number(_three(answer)[0]),
    mistakes=[
        Mistake(
            "you cut at bad epoch number patience. So many are forgiven; the one after them cuts: bad > patience.",
            _wrong_plateau(cut=lambda bad, patience: bad >= patience),
        ),
        Mistake(
            "after a cut your count stays, and the next bad epoch cuts again. Begin to count anew.",
            _wrong_plateau(bad_after=None),
        ),
        Mistake("a better metric must set the count back to 0: bad epochs count in a row.", _never_forgives),
        Mistake("you compare with the last metric. Compare with the best so far.", _short_memory),
        Mistake(
            "an equal metric counts as better in your version, so a flat line never ends.",
            _wrong_plateau(better=lambda metric, best: metric <= best),
        ),
        Mistake("you subtract a share of the rate; `factor` is what the rate is multiplied by.", _subtracts),
        Mistake(
            "you cut at every bad epoch; `patience` is how many of them in a row are forgiven.",
            _wrong_plateau(cut=lambda bad, patience: bad > 0),
        ),
    ],
    hints=(
        "Two questions, in this order: was this epoch better than the best, and have there been too many bad ones?",
        "Better: keep the metric, count 0. Else: count one more. Then compare the count with patience.",
        "`if bad > patience:` lr times factor, and the count back to 0. Return lr, best, bad.",
    ),
)


class Clock:
    """A scheduler that only counts."""

    def __init__(self):
        self.steps = 0

    def step(self):
        self.steps += 1

    def __repr__(self):
        return "a scheduler"


def _train(take_step, scheduler, epochs, batches):
    losses = []
    for _ in range(epochs):
        for batch in batches:
            losses.append(take_step(batch))
            scheduler.step()
    return losses


def _training(epochs, batches):
    """A loop whose losses say at which step of the schedule, and on which batch, each was taken."""

    def play(call):
        clock = Clock()

        def take_step(batch):
            return clock.steps + 0.001 * batch

        call(take_step=take_step, scheduler=clock, epochs=epochs, batches=range(batches))

    return play


def _loop(before=0, after=0, at_the_end=0, at_the_start=0):
    """A loop that steps the scheduler so often around every batch, and around every epoch."""

    def train(take_step, scheduler, epochs, batches):
        losses = []
        for _ in range(epochs):
            _times(scheduler, at_the_start)
            for batch in batches:
                _times(scheduler, before)
                losses.append(take_step(batch))
                _times(scheduler, after)
            _times(scheduler, at_the_end)
        return losses

    return train


def _times(scheduler, many):
    for _ in range(many):
        scheduler.step()


train = Exercise(
    name="train",
    reference=_train,
    cases=[_training(2, 3), _training(3, 5)],
    mistakes=[
        Mistake("nothing has changed: the scheduler is still stepped once an epoch.", _loop(at_the_end=1)),
        Mistake(
            "you step the scheduler before the batch: no batch ever gets the first rate. PyTorch warns of this.",
            _loop(before=1),
        ),
        Mistake(
            "you step it after every batch and once more at the end of each epoch. One of the two is enough.",
            _loop(after=1, at_the_end=1),
        ),
        Mistake("the scheduler is not stepped at all: every batch gets the first rate.", _loop()),
        Mistake(
            "you step it at the start of each epoch, still once an epoch, and the first rate is lost.",
            _loop(at_the_start=1),
        ),
    ],
    hints=(
        "T_max was counted in batches. Where in the loop does one batch end?",
        "Move one line, and indent it more.",
        "`scheduler.step()` belongs into the inner loop, after `take_step(batch)`.",
    ),
)
