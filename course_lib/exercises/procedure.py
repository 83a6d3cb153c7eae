"""Exercises of lesson 16: random settings, trials for a chance, successive halving, a grid too short; a log."""

import math

import numpy as np

from course_lib.exercises.base import Exercise, Mistake, calls
from course_lib.exercises.verdict import Verdict
from course_lib.experiments import capstone, tuning_log


def _sample(u, low, high):
    return low * (high / low) ** u


def _one_draw(u):
    return np.broadcast_to(u[:, :1], u.shape)


_u = np.array([[0.1, 0.8], [0.55, 0.3], [0.0, 0.97], [0.42, 0.61]])

sample = Exercise(
    name="sample",
    reference=_sample,
    cases=calls(
        (_u, np.array([1e-4, 1e-3]), np.array([1.0, 0.5])),
        (_u[:, ::-1].copy(), np.array([1e-5, 2.0]), np.array([1e-1, 64.0])),
    ),
    mistakes=[
        Mistake(
            "that is even in the rate itself: nine draws of ten are in the highest decade. Be even in its logarithm.",
            lambda u, low, high: low + (high - low) * u,
        ),
        Mistake(
            "all settings of a trial share one draw, so you search a line, not the space. Each column of u is its own.",
            lambda u, low, high: _sample(_one_draw(u), low, high),
        ),
        Mistake(
            "you return logarithms; the settings themselves are wanted.",
            lambda u, low, high: np.log(_sample(u, low, high)),
        ),
        Mistake(
            "you return logarithms to base ten; the settings themselves are wanted.",
            lambda u, low, high: np.log10(_sample(u, low, high)),
        ),
        Mistake("the ends are swapped: u = 0 is to give `low`.", lambda u, low, high: _sample(1 - u, low, high)),
        Mistake(
            "two logarithms are mixed: log is the natural one, and its way back is exp, not 10**.",
            lambda u, low, high: 10 ** np.log(_sample(u, low, high)),
        ),
        Mistake(
            "you multiply by a power of `high`. It is the ratio high/low that u goes through.",
            lambda u, low, high: low * high**u,
        ),
        Mistake(
            "you round to whole powers of ten: that is a grid again, and it hits the same few rates many times.",
            lambda u, low, high: 10 ** np.round(np.log10(_sample(u, low, high))),
        ),
        Mistake(
            "that is even in one over the rate, which crowds the draws at the low end. Be even in the logarithm.",
            lambda u, low, high: 1 / (1 / low + (1 / high - 1 / low) * u),
        ),
    ],
    hints=(
        "At u = ½ you should be as many factors above `low` as below `high`.",
        "Go straight from log low to log high, then take the exponential.",
        "u is the exponent of the ratio high/low, and `low` stands before it.",
    ),
)


def _trials_for(chance, width, important):
    return math.ceil(math.log(1 - chance) / math.log(1 - width**important))


trials_for = Exercise(
    name="trials_for",
    reference=_trials_for,
    cases=calls((0.95, 0.05, 1), (0.9, 0.2, 2), (0.5, 0.3, 3), (0.99, 0.4, 1), (0.9, 0.1, 1)),
    mistakes=[
        Mistake(
            "you round down, and stay just below the chance asked for. Round up.",
            lambda c, w, k: math.floor(math.log(1 - c) / math.log(1 - w**k)),
        ),
        Mistake(
            "`round` goes to the nearest whole number; here it goes up, or the chance may be missed.",
            lambda c, w, k: round(math.log(1 - c) / math.log(1 - w**k)),
        ),
        Mistake(
            "a number of trials is whole: round up.",
            lambda c, w, k: math.log(1 - c) / math.log(1 - w**k),
        ),
        Mistake(
            "you begin with the chance of a hit. All misses: that has the chance 1 − chance.",
            lambda c, w, k: math.ceil(math.log(c) / math.log(1 - w**k)),
        ),
        Mistake(
            "the sides add up in your formula. A region `width` wide in each of k settings has a share of widthᵏ.",
            lambda c, w, k: math.ceil(math.log(1 - c) / math.log(abs(1 - w * k))),
        ),
        Mistake(
            "`important` does not count in your answer; a region in two settings is smaller than in one.",
            lambda c, w, k: _trials_for(c, w, 1),
        ),
        Mistake(
            "chances do not add up: two trials with a tenth each hit with 0.19. Multiply the misses.",
            lambda c, w, k: math.ceil(c / w**k),
        ),
        Mistake(
            "you divide by the logarithm of a hit. A trial misses with the chance 1 − widthᵏ.",
            lambda c, w, k: math.ceil(math.log(1 - c) / math.log(w**k)),
        ),
        Mistake(
            "(1 − width)ᵏ is the chance that every setting is off. One of them is enough for a miss: 1 − widthᵏ.",
            lambda c, w, k: math.ceil(math.log(1 - c) / (k * math.log(1 - w))),
        ),
    ],
    hints=(
        "When does the whole search fail? Every single trial must miss.",
        "One trial misses with 1 − widthᵏ, n of them with its n-th power. Solve for n.",
        "The logarithm of 1 − chance over that of 1 − widthᵏ, rounded up with `math.ceil`.",
    ),
)


def _halving(run, trials, steps, eta=3):
    alive, spent = list(range(trials)), 0
    while True:
        losses = np.array([run(trial, steps) for trial in alive])
        spent += steps * len(alive)
        if len(alive) == 1:
            return alive[0], spent
        best = np.argsort(losses)[: max(1, len(alive) // eta)]
        alive, steps = [alive[i] for i in best], steps * eta


def _halve(order=np.argsort, count=lambda n, eta: max(1, n // eta), grow=lambda s, eta, first: s * eta, places=False):
    """A wrong halving: which come first, how many are kept, how the budget grows, places taken for trials."""

    def halving(run, trials, steps, eta=3):
        alive, spent, first = list(range(trials)), 0, steps
        while True:
            losses = np.array([run(trial, steps) for trial in alive])
            spent += steps * len(alive)
            if len(alive) == 1:
                return alive[0], spent
            best = order(losses)[: count(len(alive), eta)]
            alive = list(best) if places else [alive[i] for i in best]
            steps = grow(steps, eta, first)

    return halving


def _last(trials, steps, eta):
    """The steps of the last round."""
    while trials > 1:
        trials, steps = max(1, trials // eta), steps * eta
    return steps


def _unfinished(run, trials, steps, eta=3):
    winner, spent = _halving(run, trials, steps, eta)
    return winner, spent - _last(trials, steps, eta)


def _its_loss(run, trials, steps, eta=3):
    winner, spent = _halving(run, trials, steps, eta)
    return run(winner, _last(trials, steps, eta)), spent


def _once_a_round(run, trials, steps, eta=3):
    winner, spent = _halving(run, trials, steps, eta)[0], steps
    while trials > 1:
        trials, steps = max(1, trials // eta), steps * eta
        spent += steps
    return winner, spent


def _only_kept(run, trials, steps, eta=3):
    winner, spent = _halving(run, trials, steps, eta)[0], 0
    while trials > 1:
        trials = max(1, trials // eta)
        spent, steps = spent + steps * trials, steps * eta
    return winner, spent


def _crossing(trial, steps):
    """Losses whose order changes with the steps, no two alike; trial 4 diverges."""
    start, floor = (7 * trial) % 11, (5 * trial + 3) % 12
    return float("nan") if trial == 4 else floor + 10 * start / steps + trial / 100


def _steady(trial, steps):
    return (trial - 5.3) ** 2 + 1 / steps


def _first_nan(trial, steps):
    return float("nan") if trial == 0 else 20.0 - trial


halving = Exercise(
    name="halving",
    reference=_halving,
    cases=[
        *calls((_crossing, 12, 2), (_steady, 9, 1), (_crossing, 7, 5), (_first_nan, 8, 1)),
        *calls((_crossing, 10, 1), eta=2),
    ],
    mistakes=[
        Mistake(
            "places among the survivors are taken for trials: `argsort` counts inside the list that you gave it.",
            _halve(places=True),
        ),
        Mistake("you keep the worst: the lowest losses stay.", _halve(order=lambda x: np.argsort(-x))),
        Mistake(
            "all rounds have the same steps: who is left must get eta times as many.", _halve(grow=lambda s, e, f: s)
        ),
        Mistake(
            "the steps grow by addition. Multiply by eta, so that each round costs about the same.",
            _halve(grow=lambda s, e, f: s + f),
        ),
        Mistake(
            "half of the trials stay, whatever eta is: keep one in eta.",
            lambda run, trials, steps, eta=3: _halve(count=lambda n, e: max(1, n // 2))(run, trials, steps, eta),
        ),
        Mistake("the steps double, whatever eta is.", _halve(grow=lambda s, e, f: 2 * s)),
        Mistake("you round up how many stay; the stub says down.", _halve(count=lambda n, e: -(-n // e))),
        Mistake(
            "`round` goes to the nearest whole number; how many stay is rounded down, `//`.",
            _halve(count=lambda n, e: max(1, round(n / e))),
        ),
        Mistake(
            "a run that diverged, nan, counts as zero or as best. It is the worst of all.",
            _halve(order=lambda x: np.argsort(np.nan_to_num(x))),
        ),
        Mistake(
            "nothing is below nan, so `sorted` leaves a run that diverged where it stands. `np.argsort` puts it last.",
            _halve(order=lambda x: sorted(range(len(x)), key=x.__getitem__)),
        ),
        Mistake("the last one left is not run any more; its steps count too.", _unfinished),
        Mistake("you count only the steps of those that stay. Losers have been run as well.", _only_kept),
        Mistake("a round costs its steps times the trials that run in it; you count them once.", _once_a_round),
        Mistake("the two are swapped: the winner first, then the steps.", lambda *x, **e: _halving(*x, **e)[::-1]),
        Mistake("you return the winner's loss; which trial it is, is wanted.", _its_loss),
    ],
    hints=(
        "Keep a list of trials that are alive. What do you need to know about each before you can cut it?",
        "`np.argsort(losses)` gives places in `alive`, the best first and nan last. Turn the places into trials.",
        "Run all in `alive`, add steps · len(alive), return if it was one; else keep max(1, len(alive) // eta).",
    ),
)


def _tune(score, lrs):
    lrs, losses = list(lrs), [score(lr) for lr in lrs]
    while (best := int(np.argmin(losses))) in (0, len(lrs) - 1):
        at, new = (0, lrs[0] ** 2 / lrs[1]) if best == 0 else (len(lrs), lrs[-1] ** 2 / lrs[-2])
        lrs.insert(at, new)
        losses.insert(at, score(new))
    return lrs[best]


def _edge(lrs, losses):
    return 0 if np.argmin(losses) == 0 else len(lrs) if np.argmin(losses) == len(lrs) - 1 else None


def _extend(steps=99, down=True, up=True, factor=None, add=False):
    """A wrong tune: it extends at most so often, one way only, by another factor, or by equal differences."""

    def tune(score, lrs):
        lrs, losses = list(lrs), [score(lr) for lr in lrs]
        for _ in range(steps):
            at = _edge(lrs, losses)
            if at is None or (at == 0 and not down) or (at and not up):
                break
            f = factor or lrs[1] / lrs[0]
            above = 2 * lrs[-1] - lrs[-2] if add else lrs[-1] * f
            lrs.insert(at, above if at else lrs[0] / f)
            losses.insert(at, score(lrs[at]))
        return lrs[int(np.argmin(losses))]

    return tune


def _bowl(best):
    def score(lr):
        return (np.log(lr) - np.log(best)) ** 2 if lr < 30 * best else np.inf

    score.__name__ = f"best_at_{best:g}"
    return score


tune = Exercise(
    name="tune",
    reference=_tune,
    cases=calls(
        (_bowl(0.05), [0.001, 0.003, 0.009]),
        (_bowl(0.0002), [0.01, 0.02, 0.04]),
        (_bowl(0.02), [0.01, 0.02, 0.04]),
        (_bowl(0.3), [0.01, 0.05]),
    ),
    mistakes=[
        Mistake(
            "the best rate may still be the first or the last: nobody has looked beyond it.",
            lambda score, lrs: min(lrs, key=score),
        ),
        Mistake("you look further up only; the best may be the lowest.", _extend(down=False)),
        Mistake("you look further down only; the best may be the highest.", _extend(up=False)),
        Mistake("one more rate is not enough: go on while the best one is at an end.", _extend(steps=1)),
        Mistake("you go on in factors of ten; keep the factor of the grid.", _extend(factor=10.0)),
        Mistake("upwards you go on by equal differences; a grid of rates has equal factors.", _extend(add=True)),
        Mistake("you return the loss; the rate is wanted.", lambda score, lrs: score(_tune(score, lrs))),
        Mistake(
            "you return the first rate that is worse, not the one before it.",
            lambda score, lrs: _tune(score, lrs) * lrs[1] / lrs[0],
        ),
    ],
    hints=(
        "What would you have to see, to know that the best rate is not further out?",
        "While the best one is the first or the last of the list, put one more rate before or behind it.",
        "The next rate up is lrs[-1]**2 / lrs[-2]; the next down lrs[0]**2 / lrs[1].",
    ),
)


class Log:
    """The capstone's check: reads a log, as `experiments.tuning_log` describes it, and says what is wrong first."""

    name = "log"
    hints = (
        "Begin with a run that changes nothing, three seeds. What would you try first, by the order of work above?",
        "Change one setting of the last entry kept; a new rule or schedule may bring its own rate. Write down all.",
        "The recorded log in the Goal's picture found a better rule and a better schedule. Run the rule first.",
    )
    hint = Exercise.hint

    def check(self, written, target: float | None = None) -> Verdict:
        """The verdict on a log, or on that which `written()` gives; it should end below `target`, else AdamW's median.

        Never raises because of what `written` does.
        """
        target = capstone.adamw_median() if target is None else target
        return self._verdict(_made(written), target)

    def _verdict(self, log, target: float) -> Verdict:
        if isinstance(log, Exception):
            return Verdict(self.name, "wrong", f"your function stops with {type(log).__name__}: {log}")
        if not isinstance(log, list) or not all(isinstance(entry, dict) for entry in log):
            return Verdict(self.name, "wrong", "a log is a list of dicts, one for each entry.")
        if not log:
            return Verdict(self.name, "unwritten", "nothing written yet.", next="The lesson shows a recorded one.")
        if sentence := tuning_log.fault(log, target):
            return Verdict(self.name, "wrong", sentence)
        last = log[tuning_log.kept(log)[-1]]
        median = float(np.median(last["scores"]))
        return Verdict(
            self.name,
            "right",
            f"an honest log; its last kept entry ends at {median:.4f}, {target - median:.4f} below {target:.4f}.",
        )

    def use(self, written, target: float | None = None) -> list:
        """Check a log or what `written()` gives, say what came of it, and go on with it or with the recorded one."""
        from IPython.display import display

        log = _made(written)
        verdict = self.check(log, target)
        display(verdict)
        return log if verdict.right else capstone.load()


def _made(written):
    """The log, or what stopped its function; [] where none is written."""
    try:
        return written() if callable(written) else written
    except NotImplementedError:
        return []
    except Exception as error:
        return error


log = Log()
