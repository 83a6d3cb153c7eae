"""Pictures of lesson 07."""

import numpy as np

from course_lib.plots import axes, colour, dress, label_end
from course_lib.plots.style import INK, SHADES

RULES = {
    "SGD": "sgd", "momentum": "momentum", "Nesterov": "nesterov", "Adam": "adam", "Lion": "lion", "AdamW": "adamw",
    "RAdam": "radam",
}  # fmt: skip
GREY = "#777777"


def shade(name: str) -> str:
    """The colour of a method by the name that tables give it; what follows a comma does not count."""
    return colour(RULES.get(name.split(",")[0], ""))


def bowls(comparison, line: float, ax=None):
    """Final loss over the learning rate: the median of each method's seeds in a band from least to largest."""
    ax = axes(ax, (7.6, 3.8))
    for name, sweep in comparison.sweeps.items():
        kept = ~sweep.diverged.any(axis=1)
        lrs, loss = sweep.lrs[kept], sweep.final_loss[kept]
        ax.fill_between(lrs, loss.min(axis=1), loss.max(axis=1), color=shade(name), alpha=0.2, linewidth=0)
        ax.plot(lrs, np.median(loss, axis=1), "o-", color=shade(name), linewidth=1.8, markersize=4, label=name)
        for lr in sweep.lrs[~kept]:
            ax.plot(lr, 0.97, "x", color=shade(name), transform=ax.get_xaxis_transform())
    ax.text(0.007, 0.43, "×: a seed diverged", color=INK, fontsize=9)
    ax.axhline(line, color=INK, linestyle="--", linewidth=1)
    ax.text(0.007, line - 0.006, "best linear squeeze", color=INK, fontsize=9, va="top")
    ax.set(xscale="log", xlim=(0.006, 9), ylim=(0.18, 0.44))
    ax.legend(frameon=False, fontsize=9, loc="lower left", ncols=2)
    return dress(ax, title="Autoencoder on digits: the error at every rate", x="learning rate", y="variance lost")


def ranges(scores: dict, ax=None, *, title="", x="", lines: dict | None = None, log=False):
    """A row for each method: a dot a seed, a bar over their range, a tick at the median; `lines` are dashed."""
    ax = axes(ax, (6.8, 0.9 + 0.36 * len(scores)))
    for row, (name, values) in enumerate(scores.items()):
        ax.plot([np.min(values), np.max(values)], [row, row], color=shade(name), linewidth=7, alpha=0.25)
        ax.plot(values, np.full(len(values), row), "o", color=shade(name), markersize=4)
        ax.plot(np.median(values), row, "|", color=shade(name), markersize=16, markeredgewidth=2)
    for name, value in (lines or {}).items():
        ax.axvline(value, color=INK, linestyle="--", linewidth=1)
        ax.annotate(
            name, (value, 1), xycoords=ax.get_xaxis_transform(), xytext=(-3, -2), textcoords="offset points",
            rotation=90, ha="right", va="top", fontsize=8, color=INK,
        )  # fmt: skip
    if log:
        ax.set_xscale("log")
    ax.set(ylim=(len(scores) - 0.5, -0.5))
    ax.set_yticks(range(len(scores)), list(scores))
    return dress(ax, title=title, x=x)


def warmups(factor, line, ax=None):
    """RAdam's factor after each step, and the straight line of a warm-up, both arrays from t = 1."""
    ax = axes(ax, (6.4, 3.2))
    t = np.arange(1, len(factor) + 1)
    ax.plot(t, line, color=GREY, linewidth=1.8)
    ax.plot(t, factor, color=colour("radam"), linewidth=2.2)
    ax.text(1250, 0.55, "linear warm-up over 2/(1 − β₂) steps", color=GREY, fontsize=9)
    ax.text(2300, 0.78, "RAdam: r", color=colour("radam"), fontsize=9)
    ax.set(xlim=(0, len(factor)), ylim=(0, 1.05))
    return dress(ax, title="What multiplies the learning rate, β₂ = 0.999", x="step", y="factor")


def tried(curves: dict[str, dict[int, float]], ax=None, truth: float = 0.1):
    """Reported accuracy over the number of rates that were tried, a curve for each way to report."""
    ax = axes(ax)
    for (label, curve), tone, style in zip(curves.items(), (SHADES[0], SHADES[3]), ("o-", "s--"), strict=False):
        ax.plot(list(curve), list(curve.values()), style, color=tone, linewidth=1.8, markersize=5, label=label)
    ax.axhline(truth, color=INK, linestyle="--", linewidth=1)
    ax.text(32, truth - 0.0005, "all there is to know", color=INK, fontsize=9, va="top", ha="right")
    ax.set_xscale("log", base=2)
    ax.set_xticks(list(curve), list(map(str, curve)))
    ax.set(ylim=(0.085, 0.135))
    ax.legend(frameon=False, fontsize=9, loc="upper left")
    return dress(ax, title="Digits with shuffled labels", x="learning rates tried", y="reported accuracy")


def live(trace, lines: dict, ax=None, smooth: int = 5):
    """Training loss of a short run, smoothed, above what counting alone would give."""
    ax = axes(ax, (6.4, 3.2))
    values = np.convolve(trace["loss"], np.ones(smooth) / smooth, mode="valid")
    ax.plot(np.arange(smooth, len(trace) + 1), values, color=colour(trace.name), linewidth=1.8)
    label_end(ax, len(trace), values[-1], trace.label, colour(trace.name))
    for name, value in lines.items():
        ax.axhline(value, color=INK, linestyle="--", linewidth=1)
        ax.text(1, value + 0.02, f"counting after {name}", color=INK, fontsize=9)
    ax.set(xlim=(0, 1.25 * len(trace)))
    return dress(ax, title="Characters of Shakespeare", x="step", y="training loss, nats")


def frame(ax) -> None:
    """The explorer: one walk on the left, mean squares on the right."""
    ax[0].set(xlim=(0, 60), ylim=(-2.5, 3.2))
    ax[0].text(0.97, 0.93, "fast", transform=ax[0].transAxes, color=colour("sgd"), ha="right", fontsize=9)
    ax[0].text(0.97, 0.85, "slow", transform=ax[0].transAxes, color=colour("lookahead"), ha="right", fontsize=9)
    dress(ax[0], title="one walk towards 0", x="step", y="p")
    ax[1].set(xlim=(0, 120), ylim=(0.008, 12), yscale="log")
    names = {"SGD": colour("sgd"), "Lookahead, slow": colour("lookahead"), "SGD, smaller rate": SHADES[3]}
    for place, (name, tone) in zip((0.93, 0.85, 0.77), names.items(), strict=True):
        ax[1].text(0.97, place, name, transform=ax[1].transAxes, color=tone, ha="right", fontsize=9)
    dress(ax[1], title="mean square of p", x="step")


def draw(ahead, ax) -> str:
    """One setting of the explorer: the ratio of the floors, and the smaller rate."""
    ax[0].plot(ahead.fast, color=colour("sgd"), linewidth=1)
    ax[0].plot(ahead.meetings, ahead.slow, "o-", color=colour("lookahead"), linewidth=1.8, markersize=4)
    k = ahead.meetings[1] if len(ahead.meetings) > 1 else 1
    ax[1].plot(ahead.squares["SGD"], color=colour("sgd"), linewidth=1.6)
    ax[1].plot(np.arange(len(ahead.slow_square)) * k, ahead.slow_square, "o-", color=colour("lookahead"), markersize=3)
    ax[1].plot(ahead.squares["smaller"], "--", color=SHADES[3], linewidth=1.8)
    return (
        f"Floor of the slow weights over that of SGD: {ahead.ratio:.3f}. "
        f"SGD has the same floor at the rate {ahead.smaller:.3g}, dashed."
    )
