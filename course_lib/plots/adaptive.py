"""Pictures of lesson 04."""

from itertools import pairwise

import numpy as np

from course_lib.plots import axes, colour, dress, label_end
from course_lib.plots.style import SHADES

NAMES = {"sgd": "gradient descent", "adagrad": "AdaGrad", "rmsprop": "RMSProp", "untrained": "before training"}
RULES = {"gradient descent": "sgd", "AdaGrad": "adagrad", "RMSProp": "rmsprop", "Adam": "adam"}


def rows(runs: dict, untrained, ax=None):
    """Excess of each of the 499 words over its rank, both logarithmic: a faint dot a word, a line through medians."""
    ax = axes(ax, (7.6, 4))
    for name, excess in {"untrained": untrained, **{name: run.rows for name, run in runs.items()}}.items():
        shade = "#aaaaaa" if name == "untrained" else colour(name)
        _cloud(ax, excess[:-1], shade, NAMES[name])
    ax.set(xscale="log", yscale="log", xlim=(0.9, 600), ylim=(1e-7, 20))
    ax.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
    return dress(ax, title="Who has learnt: 200 steps on the word pairs", x="rank of the word", y="excess, nats")


def _cloud(ax, excess, shade, label):
    rank = np.arange(1, len(excess) + 1)
    ax.plot(rank, np.maximum(excess, 1e-9), ".", color=shade, markersize=3, alpha=0.35)
    bins = np.unique(np.geomspace(1, len(excess) + 1, 16).astype(int))
    parts = [slice(low - 1, high - 1) for low, high in pairwise(bins)]
    x, y = np.array([(np.exp(np.log(rank[part]).mean()), np.median(excess[part])) for part in parts]).T
    ax.plot(x, y, color=shade, linewidth=2.2, label=label)


def excesses(runs: dict, ax=None):
    """Loss above the floor over the steps."""
    ax = axes(ax)
    for name, run in runs.items():
        values = run.trace["excess"]
        ax.semilogy(values, color=colour(name), linewidth=1.8)
        label_end(ax, len(values) - 1, values[-1], f"{NAMES[name]}, lr {run.lr:g}", colour(name))
    ax.set_xlim(0, 330)
    ax.set_xticks(range(0, 201, 50))
    return dress(ax, title="Word pairs: loss above the floor", x="step", y="nats")


def distances(traces, ax=None):
    """How far p has moved under a constant gradient, both logarithmic."""
    ax = axes(ax)
    for trace in traces:
        values = trace["moved"][1:]
        ax.loglog(np.arange(1, len(values) + 1), values, color=colour(trace.name), linewidth=1.8, label=trace.label)
    ax.legend(frameon=False, fontsize=9)
    return dress(ax, title="Distance under a slope of 1, in units of lr", x="step", y="distance / lr")


def race(excess: dict[str, float], ax=None):
    """Loss above the minimum, one dot a method, logarithmic; `excess` by "method, units"."""
    ax = axes(ax, (6.4, 2.6))
    for name, value in excess.items():
        ax.semilogx(value, name, "o", color=colour(RULES[name.split(",")[0]]), markersize=9)
    ax.set(xlim=(1e-15, 2))
    ax.invert_yaxis()
    return dress(ax, title="Tumours: best of 28 rates, 1000 steps", x="loss above the minimum")


def arriving(curves: dict[str, dict[int, float]], ax=None):
    """Share of right answers over the size of the groups that the patients come in."""
    ax = axes(ax)
    for (label, right), shade, style in zip(curves.items(), (SHADES[0], SHADES[3]), ("o-", "s--"), strict=False):
        ax.semilogx(list(right), list(right.values()), style, color=shade, linewidth=1.8, markersize=4, label=label)
    ax.set_xticks(list(right), list(map(str, right)), minor=False)
    ax.minorticks_off()
    ax.set(ylim=(0.3, 1.02))
    ax.legend(frameon=False, fontsize=9, loc="lower right")
    return dress(ax, title="The same 143 patients each time", x="patients judged together", y="judged rightly")


def frame(ax) -> None:
    """The explorer: the frequent weight on the left, the rare one on the right."""
    for one, title in zip(ax, ("the frequent weight", "the rare weight"), strict=True):
        one.set(xlim=(0, 120), ylim=(0.03, 30), yscale="log")
        for place, name in zip((0.93, 0.85, 0.77), ("sgd", "adagrad", "rmsprop"), strict=True):
            one.text(0.97, place, NAMES[name], transform=one.transAxes, color=colour(name), ha="right", fontsize=9)
        dress(one, title=title, x="step", y="distance from its goal")


def draw(errors, ax) -> str:
    """One setting of the explorer, and how far each method is from both goals at the end."""
    styles = {"sgd": "-", "adagrad": "-", "rmsprop": "--"}
    for name, values in errors.items():
        for one, line in zip(ax, values.T, strict=True):
            one.plot(line, styles[name], color=colour(name), linewidth=1.8)
    ends = [f"{NAMES[name]} {_short(values[-1, 0])} and {_short(values[-1, 1])}" for name, values in errors.items()]
    return f"After 120 steps, frequent and rare: {', '.join(ends)}."


def _short(x: float) -> str:
    return "far away" if x > 100 else f"{x:.2f}"
