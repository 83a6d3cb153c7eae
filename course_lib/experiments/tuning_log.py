"""A log of tuning: what makes it honest.

A log is a list of dicts, `change` (the name of the setting that was changed, "baseline" in the first), `settings` (all
of them, by name) and `scores` (losses of three seeds, lower is better). An entry is kept where all its seeds are better
than all those of the entry kept before it; the next change starts from what was kept. Beside the one
setting the learning rate may change too: a new rule or schedule brings its own.
"""

from collections.abc import Sequence
from numbers import Real

import numpy as np

SEEDS = 3
KEYS = {"change", "settings", "scores"}


def apart(scores: Sequence[float], than: Sequence[float]) -> bool:
    """Whether every one of `scores` is lower than every one of `than`."""
    return max(scores) < min(than)


def kept(log: Sequence[dict]) -> list[int]:
    """Places of the entries that were kept, the baseline first."""
    places = [0]
    for i, entry in enumerate(log[1:], start=1):
        if apart(entry["scores"], log[places[-1]]["scores"]):
            places.append(i)
    return places


def fault(log: Sequence[dict], target: float) -> str:
    """The first thing that is wrong with a log that should end below `target`, as a sentence; "" if nothing is."""
    return next((f for f in (_form(log), *_changes(log)) if f), "") or _end(log, target)


def _form(log) -> str:
    if log[0].get("change") != "baseline":
        return "the first entry is no baseline: before you change anything, run what there is."
    for i, entry in enumerate(log):
        if missing := KEYS - set(entry):
            return f"entry {i} has no {' and no '.join(sorted(missing))}."
        if sentence := _kinds(i, **{key: entry[key] for key in KEYS}):
            return sentence
        if len(entry["scores"]) != SEEDS:
            return f"entry {i} has {len(entry['scores'])} scores; {SEEDS} seeds each, or luck decides."
        if np.isnan(np.array(entry["scores"], dtype=float)).any():
            return f"a score of entry {i} is nan; write down a run that diverged as inf."
    return ""


def _kinds(i: int, change, settings, scores) -> str:
    if not isinstance(change, str):
        return f"`change` of entry {i} is {change!r}; it is the name of one setting."
    if not isinstance(settings, dict) or not all(isinstance(name, str) for name in settings):
        return f"`settings` of entry {i} are {settings!r}; a dict of all settings by name is wanted."
    if not isinstance(scores, list | tuple | np.ndarray) or not all(isinstance(x, Real) for x in scores):
        return f"`scores` of entry {i} are {scores!r}; a list of {SEEDS} numbers is wanted."
    return ""


def _changes(log):
    """Sentences on the changes; made only where the form is right."""
    if _form(log):
        return
    for i, entry in enumerate(log[1:], start=1):
        base = kept(log[:i])[-1]
        changed = _differences(log[base]["settings"], entry["settings"])
        if len(changed) > 1:
            changed -= {"lr"}  # a new rule or schedule brings its own rate
        if not changed:
            yield f"entry {i} changes nothing against entry {base}, the last one kept."
        elif len(changed) > 1:
            yield (
                f"entry {i} differs from entry {base}, the last one kept, in {' and '.join(sorted(changed))}: "
                "with two changes at once nobody knows which one helped."
            )
        elif entry["change"] not in changed:
            yield f"entry {i} says that it changes {entry['change']}; what differs is {' and '.join(sorted(changed))}."


def _differences(a: dict, b: dict) -> set[str]:
    return {key for key in a.keys() | b.keys() if a.get(key) != b.get(key)}


def _end(log, target: float) -> str:
    last = kept(log)[-1]
    median = float(np.median(log[last]["scores"]))
    if last == 0:
        return "nothing was kept: the range of every change overlaps the baseline's. That is no claim yet."
    if not median < target:
        return f"the last entry kept ends at {median:.4f}; to be beaten is {target:.4f}."
    return ""
