"""Exercises of lesson 09: the range test, what its curve says, warm-up, one-cycle, and a loop by epochs."""

from collections.abc import Callable

import numpy as np

from course_lib.exercises.base import Exercise, Mistake, calls
from course_lib.exercises.recorder import Wrong, number


def _range_test(step, lr_min, lr_max, n, beta=0.9, stop=4.0):
    lrs, smoothed, m = np.geomspace(lr_min, lr_max, n), [], 0.0
    for t, lr in enumerate(lrs, start=1):
        m = beta * m + (1 - beta) * step(lr)
        smoothed.append(m / (1 - beta**t))
        if not smoothed[-1] <= stop * min(smoothed):
            break
    return lrs[:t], np.array(smoothed)


def _tested(rates: Callable = np.geomspace, average: Callable | None = None, ends: Callable | None = None):
    """A wrong range test from its wrong part: rates(lr_min, lr_max, n), average(m, loss, beta, t) -> (m, value), or
    ends(losses, smoothed, stop)."""
    average = average or (lambda m, loss, b, t: (b * m + (1 - b) * loss, (b * m + (1 - b) * loss) / (1 - b**t)))
    ends = ends or (lambda losses, smoothed, stop: not smoothed[-1] <= stop * min(smoothed))

    def test(step, lr_min, lr_max, n, beta=0.9, stop=4.0):
        lrs, losses, smoothed, m = rates(lr_min, lr_max, n), [], [], 0.0
        for t, lr in enumerate(lrs, start=1):
            losses.append(step(lr))
            m, value = average(m, losses[-1], beta, t)
            smoothed.append(value)
            if ends(losses, smoothed, stop):
                break
        return lrs[:t], np.array(smoothed)

    return test


def _kept_corrected(m, loss, beta, t):
    value = (beta * m + (1 - beta) * loss) / (1 - beta**t)
    return value, value


def _one_short(step, lr_min, lr_max, n, beta=0.9, stop=4.0):
    """The step that ends the test is left out."""
    lrs, smoothed = _range_test(step, lr_min, lr_max, n, beta, stop)
    over = not smoothed[-1] <= stop * min(smoothed)
    return lrs[: len(lrs) - over], smoothed[: len(lrs) - over]


def _net(limit: float, noise: float) -> Callable:
    """A case: a loss that falls with every step, faster at larger rates, and grows above `limit`; seeded noise."""

    def play(call: Callable) -> None:
        rng, height = np.random.default_rng(1), [3.0]

        def step(lr):
            loss = height[0] * float(np.exp(noise * rng.standard_normal()))
            height[0] *= float(np.exp(-0.3 * lr / limit)) if lr < limit else 1 + lr / limit
            return loss

        call(step, 1e-3, 10.0, 40, beta=0.8)

    return play


def _given(losses, **settings) -> Callable:
    """A case: these losses, one after the other, whatever the rate is."""

    def play(call: Callable) -> None:
        left = iter(losses)
        call(lambda lr: next(left), 1e-4, 1.0, len(losses), **settings)

    return play


def _curve(answer) -> np.ndarray:
    """The rates and the averages as one array, shape (2, steps)."""
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Wrong("your function must return two arrays, the rates and the averages: `return lrs, smoothed`")
    lrs, smoothed = (number(part) for part in answer)
    if lrs.shape != smoothed.shape:
        raise Wrong(
            f"you return {lrs.size} rates and {smoothed.size} averages; where the test ends early, the rates that were "
            "not tried have to go: `lrs[:t]`"
        )
    return np.stack([lrs, smoothed])


range_test = Exercise(
    name="range_test",
    reference=_range_test,
    cases=[
        _net(0.3, 0.0),
        _net(2.0, 0.3),
        _given([2.0, 8.5, 2.0, 1.0, 1.0, 9.0, 9.0, 9.0, 9.0, 30.0, 30.0, 30.0], beta=0.5, stop=3.0),
        _given([2.0, 1.5, 1.2, 1.0, 0.9], beta=0.9),
        _given([2.0, 1.0, float("nan"), 1.0, 1.0], beta=0.5),
    ],
    read=_curve,
    mistakes=[
        Mistake(
            "your rates are evenly spaced, so nearly all of them are near lr_max. From 1e-4 to 10 every factor of ten "
            "deserves as many steps as the others: `np.geomspace`.",
            _tested(rates=np.linspace),
        ),
        Mistake(
            "nothing is corrected: the average begins at zero and says of the first losses that they are tiny. The "
            "minimum is then the first step.",
            _tested(average=lambda m, loss, b, t: (b * m + (1 - b) * loss,) * 2),
        ),
        Mistake(
            "the corrected value goes back into the average and is corrected again. Divide a copy; m stays as it is.",
            _tested(average=_kept_corrected),
        ),
        Mistake(
            "β and 1 − β are swapped: the old average keeps β of itself.",
            _tested(average=lambda m, x, b, t: ((1 - b) * m + b * x, ((1 - b) * m + b * x) / (1 - (1 - b) ** t))),
        ),
        Mistake(
            "you do not smooth at all: these are the losses themselves, and one unlucky batch ends the test.",
            _tested(average=lambda m, loss, b, t: (loss, loss)),
        ),
        Mistake(
            "you stop by the raw loss. One hard batch is enough for that; compare the average with its own best.",
            _tested(ends=lambda losses, smoothed, stop: not losses[-1] <= stop * min(smoothed)),
        ),
        Mistake(
            "you compare with the first value in place of the best one. By then the loss has come back all the way.",
            _tested(ends=lambda losses, smoothed, stop: not smoothed[-1] <= stop * smoothed[0]),
        ),
        Mistake(
            "you stop as soon as the loss rises at all: noise does that at nearly every step. Wait for `stop` times "
            "the best.",
            _tested(ends=lambda losses, smoothed, stop: not smoothed[-1] <= min(smoothed)),
        ),
        Mistake(
            "the test never stops early. Above the best rates the loss explodes, and there is nothing more to learn.",
            _tested(ends=lambda losses, smoothed, stop: False),
        ),
        Mistake(
            "a NaN does not stop you: `nan > 4 * best` is False. Write it so that NaN stops: `not value <= limit`.",
            _tested(ends=lambda losses, smoothed, stop: smoothed[-1] > stop * np.nanmin(smoothed)),
        ),
        Mistake(
            "the step that ends the test is missing. Its loss was measured: keep it, then stop.",
            _one_short,
        ),
    ],
    hints=(
        "Three parts: rates in equal factors, the corrected average of lesson 05, and a comparison after every step.",
        "`np.geomspace` makes the rates. Append the corrected average first, compare it with the smallest so far, and "
        "leave the loop if it is not within `stop` times that.",
        "m = beta * m + (1 - beta) * step(lr), append m / (1 - beta**t), `if not smoothed[-1] <= stop * min(smoothed): "
        "break`, and return `lrs[:t]` with the averages.",
    ),
)


def _log_error(lrs, h):
    return np.cumsum(np.log(np.abs(1 - lrs * h)))


log_error = Exercise(
    name="log_error",
    reference=_log_error,
    cases=calls(
        (np.geomspace(1e-3, 10, 12), 1.0), (np.geomspace(0.01, 0.5, 7), 30.0), (np.array([0.3, 0.3, 0.9]), 2.0)
    ),
    mistakes=[
        Mistake(
            "that is what each step does by itself. The error is the product of all steps so far, so add the "
            "logarithms up.",
            lambda lrs, h: np.log(np.abs(1 - lrs * h)),
        ),
        Mistake(
            "you give the error itself. Asked for is its logarithm: over a whole test the error spans too many powers.",
            lambda lrs, h: np.cumprod(np.abs(1 - lrs * h)),
        ),
        Mistake(
            "above lr·h = 1 the factor 1 − lr·h is negative and its logarithm NaN. The size counts: `np.abs`.",
            lambda lrs, h: np.cumsum(np.log(1 - lrs * h)),
        ),
        Mistake(
            "you treat every step as if lr had been the present one from the beginning.",
            lambda lrs, h: np.arange(1, len(lrs) + 1) * np.log(np.abs(1 - lrs * h)),
        ),
        Mistake(
            "that is the logarithm of the squared error, twice as much. The loss has it; the error does not.",
            lambda lrs, h: 2 * _log_error(lrs, h),
        ),
        Mistake(
            "e^(−lr·h) in place of 1 − lr·h: that is the limit of tiny steps, and never diverges.",
            lambda lrs, h: -np.cumsum(lrs * h),
        ),
        Mistake("you use base 10; the natural logarithm is meant.", lambda lrs, h: _log_error(lrs, h) / np.log(10)),
    ],
    hints=(
        "One step multiplies the error by 1 − lr·h. What do t steps do, when each has its own lr?",
        "The logarithm of a product is the sum of the logarithms. The sign of a factor does not matter.",
        "`np.cumsum` over the logarithms of |1 − lr·h|.",
    ),
)


def _suggest(lrs, smoothed):
    low = np.argmin(smoothed)
    slope = np.gradient(smoothed, np.log(lrs))
    return lrs[np.argmin(slope[: low + 1])], lrs[low] / 10


def _suggested(steepest: Callable | None = None, factor: float = 0.1, low: Callable = np.argmin):
    """A wrong pair from its wrong part."""

    def suggest(lrs, smoothed):
        at = low(smoothed)
        slope = np.gradient(smoothed, np.log(lrs))[: at + 1]
        first = steepest(lrs, smoothed, at) if steepest else lrs[np.argmin(slope)]
        return first, lrs[at] * factor

    return suggest


_tried = np.geomspace(1e-4, 10, 24)
_fallen = 2.3 - 1.9 / (1 + np.exp(-3 * (np.log10(_tried) + 1.5)))
_curves = [
    (_tried, _fallen + np.where(_tried > 1, 3 * np.log(_tried) ** 2, 0)),
    (_tried, 2.3 - 0.4 / (1 + (0.001 / _tried) ** 4) - 1.5 * np.minimum(_tried, 0.6) + np.where(_tried > 2, _tried, 0)),
    (_tried[:20], np.append(_fallen[:16], [30.0, 25.0, 3.0, 50.0])),
]

suggest = Exercise(
    name="suggest",
    reference=_suggest,
    cases=calls(*_curves),
    read=lambda answer: number(answer),
    mistakes=[
        Mistake(
            "you return the minimum itself. It is unstable: the loss is still falling there only because divergence "
            "takes time to show. Take a tenth of it.",
            _suggested(factor=1.0),
        ),
        Mistake(
            "your slope is over lr, not over log lr. On the linear axis the small rates are crowded together and look "
            "steepest.",
            _suggested(lambda lrs, y, at: lrs[np.argmin(np.gradient(y, lrs)[: at + 1])]),
        ),
        Mistake(
            "you look for the steepest fall after the minimum too, where the loss leaps up and down.",
            _suggested(lambda lrs, y, at: lrs[np.argmin(np.gradient(y, np.log(lrs)))]),
        ),
        Mistake(
            "you take the largest slope: that is the steepest rise. Falling slopes are negative.",
            _suggested(lambda lrs, y, at: lrs[np.argmax(np.gradient(y, np.log(lrs))[: at + 1])]),
        ),
        Mistake(
            "you take the place where the curve is flattest; steepest is the most negative slope.",
            _suggested(lambda lrs, y, at: lrs[np.argmin(np.abs(np.gradient(y, np.log(lrs))[: at + 1]))]),
        ),
        Mistake(
            "you return places in the array. Asked for are the rates there.",
            lambda lrs, y: (np.argmin(np.gradient(y, np.log(lrs))[: np.argmin(y) + 1]), np.argmin(y) / 10),
        ),
        Mistake("the two are swapped: steepest first, then the tenth.", lambda lrs, y: _suggest(lrs, y)[::-1]),
    ],
    hints=(
        "First find where the curve is lowest. Both answers need that place.",
        "`np.gradient` of the curve over `np.log(lrs)` is its slope per factor of lr; what comes after the minimum "
        "must not count.",
        "Cut the slope off after the place of the minimum, and take `np.argmin` of what is left.",
    ),
)


def _warmed(t, n, schedule):
    return schedule(0) * t / n if t < n else schedule(t - n)


def _falls(t):
    return 0.5 / (1 + 0.25 * t)


warmed = Exercise(
    name="warmed",
    reference=_warmed,
    cases=calls(*((t, n, _falls) for n in (4, 10) for t in (0, 1, 3, 4, 5, 9, 10, 25))),
    mistakes=[
        Mistake(
            "after the warm-up your schedule is already n steps old: the peak it begins with is never used. Hand it "
            "t − n.",
            lambda t, n, schedule: schedule(0) * t / n if t < n else schedule(t),
        ),
        Mistake(
            "you are one step ahead: the rise begins at 0 and meets schedule(0) at t = n.",
            lambda t, n, schedule: schedule(0) * (t + 1) / n if t < n else schedule(t - n),
        ),
        Mistake(
            "the schedule runs during the warm-up, and you rise on a curve that falls. The straight rise goes to "
            "schedule(0).",
            lambda t, n, schedule: schedule(t) * t / n if t < n else schedule(t - n),
        ),
        Mistake(
            "you multiply the two all the way: the schedule has lost n steps by the time the rise is over.",
            lambda t, n, schedule: schedule(t) * min(1, t / n),
        ),
        Mistake(
            "your warm-up is upside down: it begins at the full rate and ends at zero.",
            lambda t, n, schedule: schedule(0) * (1 - t / n) if t < n else schedule(t - n),
        ),
        Mistake(
            "your rise goes to 1 whatever the schedule's first rate is.",
            lambda t, n, schedule: t / n if t < n else schedule(t - n),
        ),
        Mistake(
            "this is the warm-up that comes after the step: the first step runs at the full rate, the second at 0, and "
            "all others one late. Set the rate before the step.",
            lambda t, n, schedule: _warmed(t - 1, n, schedule) if t else schedule(0),
        ),
    ],
    hints=(
        "Two cases, before and after step n. At t = n both must give the same rate.",
        "The rise is a straight line from 0 at t = 0 to schedule(0) at t = n. After that the schedule counts from 0.",
        "schedule(0) times t / n, and then schedule at t − n.",
    ),
)


def _one_cycle(t, T, max_lr, pct=0.3, low=0.85, high=0.95):
    peak, first = pct * T - 1, max_lr / 25
    if t <= peak:
        done, (a, b), (m, k) = t / peak, (first, max_lr), (high, low)
    else:
        done, (a, b), (m, k) = (t - peak) / (T - 1 - peak), (max_lr, first / 1e4), (low, high)
    part = (1 - np.cos(np.pi * done)) / 2
    return a + (b - a) * part, m + (k - m) * part


def _cycle(
    peak: Callable = lambda pct, T: pct * T - 1,
    last: Callable = lambda T: T - 1,
    part: Callable = lambda done: (1 - np.cos(np.pi * done)) / 2,
    first: float = 25,
    final: float = 25e4,
    momenta: Callable = lambda low, high: (high, low, high),
):
    """A wrong cycle from its wrong part."""

    def cycle(t, T, max_lr, pct=0.3, low=0.85, high=0.95):
        top, end = peak(pct, T), last(T)
        lrs, ms = (max_lr / first, max_lr, max_lr / final), momenta(low, high)
        done, i = (t / top, 0) if t <= top else ((t - top) / (end - top), 1)
        return tuple(x[i] + (x[i + 1] - x[i]) * part(done) for x in (lrs, ms))

    return cycle


one_cycle = Exercise(
    name="one_cycle",
    reference=_one_cycle,
    cases=calls(
        *((t, 100, 1.0) for t in (0, 1, 15, 28, 29, 30, 31, 60, 98, 99)),
        *((t, 40, 0.2, 0.25, 0.8, 0.9) for t in (0, 4, 9, 10, 39)),
    ),
    read=lambda answer: number(answer),
    mistakes=[
        Mistake(
            "your peak is one step late. Steps are counted from 0, so the 30th of 100 is t = 29: pct·T − 1.",
            _cycle(peak=lambda pct, T: pct * T),
        ),
        Mistake(
            "your cycle ends one step after the last one. The last of T steps is t = T − 1.",
            _cycle(last=lambda T: T),
        ),
        Mistake(
            "your momentum rises with the rate. It goes the other way: where the rate is high, less is remembered.",
            _cycle(momenta=lambda low, high: (low, high, low)),
        ),
        Mistake(
            "your momentum never moves. It falls from high to low on the way up, and comes back on the way down.",
            _cycle(momenta=lambda low, high: (high, high, high)),
        ),
        Mistake(
            "your momentum stays low after the peak. It comes back to high while the rate falls.",
            _cycle(momenta=lambda low, high: (high, low, low)),
        ),
        Mistake(
            "you go in straight lines. Here the way is half a cosine, (1 − cos(π·done))/2, flat at both ends.",
            _cycle(part=lambda done: done),
        ),
        Mistake(
            "your last rate is max_lr / 10,000; it is the first rate that is divided by 10,000.", _cycle(final=1e4)
        ),
        Mistake("you come down to where you began. The last rate is far below it, max_lr / 250,000.", _cycle(final=25)),
        Mistake("you begin at a tenth of the peak; the first rate is max_lr / 25.", _cycle(first=10, final=25e4)),
        Mistake("you return momentum first; the order is (lr, momentum).", lambda *a: _one_cycle(*a)[::-1]),
    ],
    hints=(
        "Two stretches, each from one pair (lr, momentum) to another. How much of a stretch is done at step t, from 0 "
        "to 1?",
        "Up: t / peak. Down: (t − peak) / (T − 1 − peak). Half a cosine turns that into the part of the way.",
        "The value is a + (b − a) · part with part = (1 − cos(π · done)) / 2, for the rate and for the momentum alike.",
    ),
)


class _Toy:
    """Stands for a net with its optimiser and scheduler: a step's "loss" is the number of the rate that it used."""

    def __init__(self):
        self.rate, self.steps = 0.0, 0

    def train_step(self, batch) -> float:
        self.steps += 1
        return self.rate + 1000.0 * batch

    def step(self) -> None:
        self.rate += 1.0


def _loop(epochs, train_step, scheduler):
    losses = []
    for batches in epochs:
        for batch in batches:
            losses.append(train_step(batch))
            scheduler.step()
    return losses


def _looped(before="", batch="t", epoch="", end=""):
    """A wrong loop: where it trains (t) and where it steps the scheduler (s)."""

    def loop(epochs, train_step, scheduler):
        losses = []

        def do(what, batch=None):
            for action in what:
                losses.append(train_step(batch)) if action == "t" else scheduler.step()

        for batches in epochs:
            do(before)
            for one in batches:
                do(batch, one)
            do(epoch)
        do(end)
        return losses

    return loop


def _three_epochs(call: Callable) -> None:
    toy = _Toy()
    call([[0, 1, 2], [3, 4, 5], [6, 7, 8]], toy.train_step, toy)


def _uneven(call: Callable) -> None:
    toy = _Toy()
    call([[0, 1], [2]], toy.train_step, toy)


mended_loop = Exercise(
    name="mended_loop",
    reference=_loop,
    cases=[_three_epochs, _uneven],
    mistakes=[
        Mistake("the scheduler still moves once an epoch. Its length is counted in batches.", _looped(epoch="s")),
        Mistake(
            "the scheduler moves before the step, so the first rate is never used. Train first, then move on.",
            _looped(batch="st"),
        ),
        Mistake(
            "the scheduler moves after every batch and after every epoch once more: it runs ahead of the training.",
            _looped(batch="ts", epoch="s"),
        ),
        Mistake("the scheduler is never stepped: every batch runs at the first rate.", _looped()),
        Mistake("the scheduler moves at the beginning of an epoch. It counts batches.", _looped(before="s")),
        Mistake("you train twice on every batch.", _looped(batch="tts")),
        Mistake("the scheduler moves by two for one step of training.", _looped(batch="tss")),
    ],
    hints=(
        "What does the scheduler count? It was made for epochs × batches steps.",
        "One line is indented too little.",
        "`scheduler.step()` belongs into the inner loop, after train_step.",
    ),
)
