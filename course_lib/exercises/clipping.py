"""Exercises of lesson 11: clipping by value and by global norm, its bias, gradients that are not finite, and the order
of one step under a loss scale."""

import numpy as np

from course_lib.exercises import toy_scaler
from course_lib.exercises.base import Exercise, Mistake, calls
from course_lib.exercises.recorder import Wrong, number


def _clip_value(g, limit):
    return np.clip(g, -limit, limit)


clip_value = Exercise(
    name="clip_value",
    reference=_clip_value,
    cases=calls(
        (np.array([3.0, 4.0]), 1.0),
        (np.array([-5.0, 0.0, 0.5, 3.0, 20.0]), 2.0),
        (np.array([0.1, -0.2]), 1.0),
        (np.array([[0.3, -0.7], [-9.0, 0.05]]), 0.5),
    ),
    mistakes=[
        Mistake(
            "you clip into [0, limit], and lose every entry that is negative. The range lies on both sides of zero.",
            lambda g, limit: np.clip(g, 0, limit),
        ),
        Mistake(
            "your lower end is +limit, not −limit: small and negative entries are raised, and their signs turn.",
            lambda g, limit: np.clip(g, limit, max(limit, np.max(g))),
        ),
        Mistake(
            "every entry becomes +limit: both ends of your range are the same.",
            lambda g, limit: np.clip(g, limit, limit),
        ),
        Mistake(
            "you limit the large positive entries alone. −5 is as large as 5.", lambda g, limit: np.minimum(g, limit)
        ),
        Mistake("you limit the large negative entries alone.", lambda g, limit: np.maximum(g, -limit)),
        Mistake(
            "you scale the whole gradient until its largest entry fits. By value, each entry is on its own: 0.5 stays "
            "0.5 beside a 20.",
            lambda g, limit: g * np.minimum(1, limit / np.max(np.abs(g))),
        ),
        Mistake(
            "that is clipping by norm: all entries shrink by one factor. By value, each entry is on its own.",
            lambda g, limit: g * np.minimum(1, limit / np.sqrt(np.sum(g**2))),
        ),
        Mistake(
            "every entry that is too large becomes 0. It becomes ±limit.", lambda g, limit: g * (np.abs(g) <= limit)
        ),
        Mistake(
            "every entry becomes ±limit, small ones too. What fits stays as it is.", lambda g, limit: limit * np.sign(g)
        ),
        Mistake("the sign is lost: you clip the absolute values.", lambda g, limit: np.minimum(np.abs(g), limit)),
    ],
    hints=(
        "Each entry by itself: what is larger than the limit becomes the limit, on either side of zero.",
        "NumPy has a function that moves every entry into a range. Which range?",
        "np.clip, with −limit as the lower end and limit as the upper one.",
    ),
)


def _total(gradients):
    return np.sqrt(sum((g**2).sum() for g in gradients))


def _clip_global_norm(gradients, max_norm):
    factor = min(1.0, max_norm / _total(gradients))
    return [g * factor for g in gradients]


def _all_by(factor):
    """A wrong clip from its wrong factor(gradients, max_norm)."""
    return lambda gradients, max_norm: [g * factor(gradients, max_norm) for g in gradients]


def _arrays(answer):
    """The list of arrays as one vector; Wrong where it is no list of two."""
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        raise Wrong("your function returns something else than a list of as many arrays as it was given")
    return np.concatenate([number(g).ravel() for g in answer])


_one = np.array([3.0, 4.0]), np.array([[12.0, 0.0], [0.0, 84.0]])  # norms 5 and √7200; together 85

clip_global_norm = Exercise(
    name="clip_global_norm",
    reference=_clip_global_norm,
    cases=calls(
        (list(_one), 1.0),
        ([np.array([0.3]), np.array([0.4, 0.0])], 1.0),
        ([np.array([2.0, -1.0]), np.array([[0.1, -0.2]])], 2.0),
        ([np.array([0.9, 0.0]), np.array([0.0, -0.9])], 1.0),
    ),
    read=_arrays,
    mistakes=[
        Mistake(
            "you clip each array by its own norm. Then the small arrays count for more than they should, and the whole "
            "gradient turns: take one norm over all of them, and one factor.",
            lambda gradients, max_norm: [g * min(1.0, max_norm / _total([g])) for g in gradients],
        ),
        Mistake(
            "you add up the norms of the arrays. Lengths add in squares: the root of the sum of all squares.",
            _all_by(lambda gs, c: min(1.0, c / sum(_total([g]) for g in gs))),
        ),
        Mistake(
            "you take the largest of the norms. All arrays together are one vector, longer than each of them.",
            _all_by(lambda gs, c: min(1.0, c / max(_total([g]) for g in gs))),
        ),
        Mistake(
            "the root is missing: you divide by the squared norm.", _all_by(lambda gs, c: min(1.0, c / _total(gs) ** 2))
        ),
        Mistake(
            "you scale every gradient to length max_norm, short ones too. Clipping only shortens.",
            _all_by(lambda gs, c: c / _total(gs)),
        ),
        Mistake(
            "your factor is the larger of 1 and max_norm/norm: long gradients stay, and short ones grow.",
            _all_by(lambda gs, c: max(1.0, c / _total(gs))),
        ),
        Mistake(
            "your factor is upside down: norm over max_norm makes a long gradient longer.",
            _all_by(lambda gs, c: max(1.0, _total(gs) / c)),
        ),
        Mistake(
            "a long gradient is divided by its norm, so it has length 1 whatever max_norm is.",
            _all_by(lambda gs, c: 1 / _total(gs) if _total(gs) > c else 1.0),
        ),
        Mistake(
            "a long gradient becomes 0, and its step is lost. Keep its direction, at length max_norm.",
            _all_by(lambda gs, c: float(_total(gs) <= c)),
        ),
        Mistake(
            "you sum absolute values. The length of a vector is the root of the sum of squares.",
            _all_by(lambda gs, c: min(1.0, c / sum(np.abs(g).sum() for g in gs))),
        ),
        Mistake(
            "that is clipping by value. By norm, all entries shrink by one factor.",
            lambda gradients, max_norm: [np.clip(g, -max_norm, max_norm) for g in gradients],
        ),
        Mistake("nothing is clipped: what you return is what you were given.", _all_by(lambda gs, c: 1.0)),
    ],
    hints=(
        "First one number, the length of all arrays laid end to end; then one factor for all of them.",
        "The length is the root of the sum of `(g**2).sum()` over the arrays. The factor is never above 1.",
        "factor = min(1, max_norm / norm), and a list with g · factor for each g.",
    ),
)


def _rest_point(rare, size, limit):
    return max(0.0, rare * (size - limit) / (1 - rare))


rest_point = Exercise(
    name="rest_point",
    reference=_rest_point,
    cases=calls((0.1, 9.0, 1.0), (0.25, 6.0, 2.5), (0.1, 9.0, 20.0), (0.4, 3.0, 1.2)),
    mistakes=[
        Mistake(
            "a limit above the rare noise clips nothing, and then x rests at 0. Your formula goes on below it.",
            lambda rare, size, limit: rare * (size - limit) / (1 - rare),
        ),
        Mistake(
            "you drop the rare noise altogether. Clipped, it still pulls with `limit`.",
            lambda rare, size, limit: max(0.0, rare * size / (1 - rare)) if limit < size else 0.0,
        ),
        Mistake(
            "you forget how seldom the rare noise is: divide by 1 − rare, the share of the common one.",
            lambda rare, size, limit: max(0.0, rare * (size - limit)),
        ),
        Mistake(
            "rare and common are swapped: the factor is rare/(1 − rare), small when the noise is rare.",
            lambda rare, size, limit: max(0.0, (1 - rare) * (size - limit) / rare),
        ),
        Mistake(
            "the clipped noise pulls towards smaller x: its `limit` is subtracted from size, not added.",
            lambda rare, size, limit: max(0.0, rare * (size + limit) / (1 - rare)),
        ),
        Mistake(
            "the noise has mean 0, but the clipped noise has not. Only without a limit does x rest at 0.",
            lambda rare, size, limit: 0.0,
        ),
        Mistake(
            "that is how much the mean of the gradient changes at x = 0, with the sign turned; x has to move until the "
            "mean is 0, and only the common part moves with it.",
            lambda rare, size, limit: max(0.0, rare * (size - limit)) / (1 - rare) ** 2,
        ),
        Mistake(
            "your sign is turned: cutting the rare large gradients, which push x down, lets x rest above 0.",
            lambda rare, size, limit: min(0.0, -rare * (size - limit) / (1 - rare)),
        ),
    ],
    hints=(
        "At rest the clipped gradient is 0 on average. It has two values; write both down for an x between 0 and 1.",
        "The common one is x − rare·size/(1 − rare), with weight 1 − rare; the rare one is cut to `limit`.",
        "Solve (1 − rare)·x − rare·size + rare·limit = 0 for x. If limit > size nothing is cut, and x is 0.",
    ),
)


def _find_nonfinite(gradients):
    found = {}
    for name, g in gradients.items():
        if g is None:
            continue
        labels = [label for label, test in (("NaN", np.isnan), ("Inf", np.isinf)) if test(g).any()]
        if labels:
            found[name] = " and ".join(labels)
    return found


def _finder(nan="NaN", inf="Inf", both=" and ", keep_finite=None, none=None, test_inf=np.isinf, test_nan=np.isnan):
    """A wrong finder from its wrong parts; `both` is None where the second test is an elif."""

    def find(gradients):
        found = {}
        for name, g in gradients.items():
            if g is None:
                labels = [none] if none else []
            else:
                labels = [nan] * bool(test_nan(g).any()) + [inf] * bool(test_inf(g).any())
            if both is None:
                labels = labels[:1]
            if labels or (keep_finite is not None and g is not None):
                found[name] = (both or "").join(labels) or keep_finite
        return found

    return find


_BITS = {"": 0, "nan": 1, "inf": 2, "none": 4}


def _table(answer):
    """A number for each layer, -1 where it is not reported."""
    if not isinstance(answer, dict):
        raise Wrong("your function returns no dict; return one from name to label")
    return np.array([_code(str(answer[name])) if name in answer else -1 for name in _NAMES], dtype=float)


def _code(label):
    words = set(label.lower().split(" and "))
    if not words <= set(_BITS):
        raise Wrong(f'you report {label!r}; the labels are "NaN", "Inf" and "NaN and Inf"')
    return sum(_BITS[word] for word in words)


_NAMES = ("first", "second", "third", "fourth", "fifth", "sixth")
_nan, _inf = np.nan, np.inf


def _layers(*gradients):
    return (dict(zip(_NAMES, [None if g is None else np.array(g) for g in gradients], strict=False)),)


find_nonfinite = Exercise(
    name="find_nonfinite",
    reference=_find_nonfinite,
    cases=calls(
        _layers([1.0, _nan], [_inf, 2.0], None, [[_nan, 1.0], [0.0, _inf]], [0.0, 1e300], [-_inf]),
        _layers([1.0, 2.0], None),
    ),
    read=_table,
    mistakes=[
        Mistake(
            'the two labels are swapped: np.isnan finds "NaN", np.isinf finds "Inf".', _finder(nan="Inf", inf="NaN")
        ),
        Mistake(
            "where a layer has both, you report the NaN alone: your second test hangs on an `elif`. Make both tests.",
            _finder(both=None),
        ),
        Mistake(
            "where a layer has both, you report the Inf alone: your second test hangs on an `elif`. Make both tests.",
            lambda gradients: {n: "Inf" if s.endswith("Inf") else s for n, s in _find_nonfinite(gradients).items()},
        ),
        Mistake(
            "you miss −inf. `g == np.inf` is true for +inf alone; np.isinf finds both.",
            _finder(test_inf=lambda g: g == np.inf),
        ),
        Mistake(
            "you find no NaN. `g == np.nan` is never true, since NaN equals nothing; use np.isnan.",
            _finder(test_nan=lambda g: g == np.nan),
        ),
        Mistake(
            "you report only layers of which every entry is bad. One is enough: `.any()`.",
            _finder(test_nan=lambda g: np.array(np.isnan(g).all()), test_inf=lambda g: np.array(np.isinf(g).all())),
        ),
        Mistake(
            "you report finite layers too, with an empty label. Leave them out: the list is read when all is lost.",
            _finder(keep_finite=""),
        ),
        Mistake(
            "a gradient that is None is not broken: that layer took no part in the loss. Skip it.", _finder(none="None")
        ),
        Mistake(
            'you call everything that is not finite "NaN". An Inf is another disease: something overflowed.',
            lambda gradients: dict.fromkeys(_find_nonfinite(gradients), "NaN"),
        ),
        Mistake(
            "a very large number is not infinite. 1e300 is finite; ask np.isinf.",
            _finder(test_inf=lambda g: np.abs(g) > 1e38),
        ),
        Mistake("you report nothing at all, whatever the gradients are.", lambda gradients: {}),
    ],
    hints=(
        "One loop over the names. Two questions to each array, and the first must not hide the second.",
        "`np.isnan(g).any()` and `np.isinf(g).any()`. Before both: skip g if it is None.",
        'Collect the labels in a list; where it is not empty, found[name] = " and ".join(labels).',
    ),
)


def _amp_step(loss, scaler, optimizer, clip):
    optimizer.zero_grad()
    scaled = scaler.scale(loss)
    scaled.backward()
    scaler.unscale_(optimizer)
    clip()
    scaler.step(optimizer)
    scaler.update()
    return loss


def _order(*names):
    """A step that makes these calls in this order: letters of _CALLS."""

    def step(loss, scaler, optimizer, clip):
        for name in names:
            _CALLS[name](loss, scaler, optimizer, clip)
        return loss

    return step


_CALLS = {
    "zero": lambda loss, scaler, optimizer, clip: optimizer.zero_grad(),
    "backward": lambda loss, scaler, optimizer, clip: scaler.scale(loss).backward(),
    "bare": lambda loss, scaler, optimizer, clip: loss.backward(),
    "unscale": lambda loss, scaler, optimizer, clip: scaler.unscale_(optimizer),
    "clip": lambda loss, scaler, optimizer, clip: clip(),
    "step": lambda loss, scaler, optimizer, clip: scaler.step(optimizer),
    "own step": lambda loss, scaler, optimizer, clip: optimizer.step(),
    "update": lambda loss, scaler, optimizer, clip: scaler.update(),
}


def _train(call):
    """Four steps, the second with an infinite gradient."""
    world = toy_scaler.World(scale=1024.0)
    scaler, optimizer = toy_scaler.Scaler(world), toy_scaler.Optimizer(world)
    for gradient in ((30.0, 40.0), (np.inf, 1.0), (0.03, 0.04), (-3.0, 4.0)):
        call(toy_scaler.Loss(world, gradient), scaler, optimizer, world.clip)


def _world(answer):
    if not isinstance(answer, toy_scaler.Loss):
        raise Wrong("return the loss that you were given, for the record of the run: `return loss`")
    return answer.world.reading()


def _message(calls, i, wanted):
    """What PyTorch says to an order in which no known mistake is."""
    fault = int(calls[i].value[3])
    return f"PyTorch stops here: {toy_scaler.FAULTS[fault]}" if fault else ""


amp_step = Exercise(
    name="amp_step",
    reference=_amp_step,
    cases=[_train],
    read=_world,
    clue=_message,
    mistakes=[
        Mistake(
            "your clip sees gradients that are still multiplied by the scale, and cuts them to the limit; `step` then "
            "divides by the scale, and nothing is left. First `unscale_`, then clip.",
            _order("zero", "backward", "clip", "unscale", "step", "update"),
        ),
        Mistake(
            "you unscale twice. PyTorch refuses: the gradients would be divided by the scale twice.",
            _order("zero", "backward", "unscale", "clip", "unscale", "step", "update"),
        ),
        Mistake(
            "your `update` comes before `step`. It forgets that you have unscaled, so `step` divides a second time, "
            "and what moves is a scale too short.",
            _order("zero", "backward", "unscale", "clip", "update", "step"),
        ),
        Mistake(
            "there is no `update`. The scaler believes that it is still in the first step, and refuses the second.",
            _order("zero", "backward", "unscale", "clip", "step"),
        ),
        Mistake(
            "you call `optimizer.step()` yourself. Only `scaler.step(optimizer)` leaves a step out when a gradient is "
            "infinite; yours takes it, and the weights are NaN.",
            _order("zero", "backward", "unscale", "clip", "own step", "update"),
        ),
        Mistake(
            "you call `loss.backward()`, and PyTorch stops: nothing was scaled that `unscale_` could undo. Call it on "
            "what `scaler.scale(loss)` gives you.",
            _order("zero", "bare", "unscale", "clip", "step", "update"),
        ),
        Mistake(
            "the gradients are never cleared: `backward` adds to the old ones. One Inf then stays for ever.",
            _order("backward", "unscale", "clip", "step", "update"),
        ),
        Mistake(
            "you clear the gradients right after `backward` has made them.",
            _order("backward", "zero", "unscale", "clip", "step", "update"),
        ),
        Mistake(
            "the clip comes too late, or not at all: it has to stand before `step`.",
            _order("zero", "backward", "unscale", "step", "update"),
        ),
        Mistake(
            "`unscale_` comes after `step`, which has done it already. PyTorch refuses.",
            _order("zero", "backward", "clip", "step", "unscale", "update"),
        ),
        Mistake(
            "your `update` comes before `unscale_`, when nothing has been looked at that it could go by.",
            _order("zero", "backward", "update", "unscale", "clip", "step"),
        ),
        Mistake("there is no `step`: the weights never move.", _order("zero", "backward", "unscale", "clip", "update")),
    ],
    hints=(
        "Follow a gradient: it is cleared, made too large on purpose, made right again, shortened, and used.",
        "The clip must see the true gradients, and `step` must know whether one of them was infinite.",
        "Clear; scale and backward; unscale_; clip; scaler.step; update. Then return the loss.",
    ),
)
