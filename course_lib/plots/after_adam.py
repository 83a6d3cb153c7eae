"""Pictures of lesson 15."""

import numpy as np

from course_lib.plots import axes, colour, dress, label_end
from course_lib.plots.fair_comparison import RULES
from course_lib.plots.style import INK, SHADES

__all__ = ["classes", "draw", "frame", "growth", "ladder", "live", "rotation", "spectrum", "widths", "words"]

GREY = "#777777"
SIGN = colour("lion")  # sign descent is Lion without a memory


def _panels(size=(8, 3.3), **kwargs):
    import matplotlib.pyplot as plt

    return plt.subplots(1, 2, figsize=size, layout="constrained", **kwargs)[1]


def words(rows: dict, ax=None):
    """Mean excess of each tenth of the words, the frequent ones on the left."""
    ax = axes(ax, (6.6, 3.4))
    names = {
        "untrained": (GREY, "untrained"),
        "sgd": (colour("sgd"), "gradient descent"),
        "adam": (colour("adam"), "Adam"),
    }
    tenths = np.arange(1, 11)
    for key, values in rows.items():
        shade, text = names[key]
        ax.plot(tenths, values, "o-", color=shade, linewidth=1.8, markersize=4)
        label_end(ax, tenths[-1], values[-1], text, shade)
    ax.set(ylim=(-0.1, 4.3), xlim=(0.7, 12.6))
    ax.set_xticks(tenths)
    return dress(
        ax, title="Which word comes next: after 200 steps", x="tenth of the words, frequent to rare", y="excess, nats"
    )


def classes(share, gradient, sign, ax=None):
    """Losses by class of both methods: over the class on the left, times share and steps on the right."""
    ax = _panels() if ax is None else ax
    k, (steps, losses) = np.arange(1, len(share) + 1), gradient
    ax[0].plot(k, losses, ".", color=colour("sgd"))
    ax[0].plot(k, sign[1], ".", color=SIGN)
    ax[0].text(1.1, losses[-1] * 0.35, f"gradient descent, {steps:,} steps", color=colour("sgd"), fontsize=9)
    ax[0].text(1.1, sign[1][0] * 2, f"sign descent, {sign[0]} steps", color=SIGN, fontsize=9)
    ax[0].set(xscale="log", yscale="log")
    dress(ax[0], title="Loss of each class", x="class, frequent to rare", y="loss, nats")
    ax[1].axhline(1, color=INK, linestyle="--", linewidth=1)
    ax[1].plot(k, losses * share * steps, ".", color=colour("sgd"))
    ax[1].set(xscale="log", ylim=(0, 1.5))
    dress(ax[1], title="Gradient descent: loss · share · steps", x="class, frequent to rare")
    return ax


def spectrum(values, after, exact, ax=None):
    """Singular values after five iterations over those before; `exact` by the classical coefficients."""
    ax = axes(ax, (6.4, 3.4))
    inside = values >= 0.02
    ax.axhspan(after[inside].min(), after[inside].max(), color=colour("muon"), alpha=0.12, linewidth=0)
    ax.axvline(0.02, color=INK, linestyle="--", linewidth=1)
    ax.plot(values, exact, color=GREY, linewidth=1.6)
    ax.plot(values, after, color=colour("muon"), linewidth=2)
    ax.text(0.0012, 0.2, "Muon's\ncoefficients", color=colour("muon"), fontsize=9, ha="left", va="bottom")
    ax.text(0.03, 0.12, "1.5 and −0.5", color=GREY, fontsize=9, ha="left")
    ax.set(xscale="log", xlim=(values[0], 1), ylim=(0, 1.3))
    return dress(ax, title="Five iterations", x="singular value before", y="after")


def ladder(scores: dict, lines: dict, ax=None):
    """A dot for each seed of each method, the worst on top; `lines` are what counting alone would give."""
    ax = axes(ax, (6.8, 3.6))
    for row, (name, values) in enumerate(scores.items()):
        shade = colour(RULES.get(name, name.lower()))
        ax.plot([np.min(values), np.max(values)], [row, row], color=shade, linewidth=7, alpha=0.25)
        ax.plot(values, np.full(len(values), row), "o", color=shade, markersize=4)
    for name, value in lines.items():
        ax.axvline(value, color=INK, linestyle="--", linewidth=1)
        ax.text(value + 0.006, len(scores) - 2.6, f"counting after\n{name}", fontsize=8, color=INK, va="bottom")
    ax.set(ylim=(len(scores) - 0.5, -0.5), xlim=(1.85, 2.66))
    ax.set_yticks(range(len(scores)), list(scores))
    return dress(ax, title="Shakespeare by character: 600 steps, three seeds", x="validation loss, nats")


def live(runs: dict, lines: dict, ax=None, smooth: int = 20):
    """Training loss of each run, smoothed, with its validation loss at the end as a dot."""
    ax = axes(ax, (6.8, 3.6))
    for name, (trace, held_out) in runs.items():
        shade, steps = colour(name.lower()), len(trace)
        values = np.convolve(trace["loss"], np.ones(smooth) / smooth, mode="valid")
        ax.plot(np.arange(smooth, steps + 1), values, color=shade, linewidth=1.6)
        ax.plot(steps, held_out, "o", color=shade, markersize=6, clip_on=False, zorder=5)
        ax.text(1.025 * steps, held_out, f"{name} {held_out:.3f}", color=shade, va="center", fontsize=9)
    for name, value in lines.items():
        ax.hlines(value, 0, steps, color=INK, linestyles="--", linewidth=1)
        ax.text(0.6 * steps, value - 0.02, f"counting after {name}", color=INK, fontsize=8, va="top")
    ax.set(xlim=(0, 1.2 * steps), ylim=(1.7, 3.6), xticks=np.linspace(0, steps, 7))
    return dress(ax, title="Shakespeare by character. Dot: validation loss", x="step", y="training loss, nats")


def rotation(ends: dict, ax=None):
    """f/f0 of each method in the problem as it is (filled) and turned (ring)."""
    ax = axes(ax, (6.8, 0.9 + 0.4 * len(ends)))
    for row, (name, (still, turned)) in enumerate(ends.items()):
        shade = colour(name.lower()) if name != "gradient descent" else colour("sgd")
        ax.plot([still, turned], [row, row], color=shade, linewidth=2, alpha=0.4)
        ax.plot(still, row, "o", color=shade, markersize=6)
        ax.plot(turned, row, "o", color=shade, markersize=11, fillstyle="none", markeredgewidth=1.6)
    ax.set(xscale="log", ylim=(len(ends) - 0.5, -0.5))
    ax.set_yticks(range(len(ends)), list(ends))
    return dress(ax, title="Dot: along the axes. Ring: turned.", x="f / f at the start")


def growth(broken: dict, mended: dict, ax=None):
    """Largest singular value at each iteration, a line a size: as it was, and mended."""
    ax = _panels(sharey=True) if ax is None else ax
    for one, runs, title in zip(ax, (broken, mended), ("largest entry 1", "mended"), strict=True):
        for (size, values), shade in zip(runs.items(), SHADES, strict=False):
            one.plot(np.minimum(values, 1e9), "o-", color=shade, linewidth=1.6, markersize=4, label=f"{size} × {size}")
        one.set(yscale="log", ylim=(0.05, 1e6))
        dress(one, title=title, x="iterations", y="largest singular value" if one is ax[0] else "")
    ax[0].legend(frameon=False, fontsize=9, loc="upper left")
    return ax


def widths(curves: dict, ax=None):
    """Loss over the learning rate for each width, in both parametrisations; the best rate of each is marked."""
    ax = _panels(sharey=True) if ax is None else ax
    for one, (name, by_width) in zip(ax, curves.items(), strict=True):
        for (width, (lrs, losses)), shade in zip(by_width.items(), (SHADES[1], SHADES[0]), strict=False):
            one.plot(lrs, losses, "o-", color=shade, linewidth=1.8, markersize=4, label=f"width {width}")
            best = np.argmin(losses)
            one.plot(lrs[best], losses[best], "*", color=shade, markersize=14)
        one.set_xscale("log", base=2)
        one.set(yscale="log")
        dress(one, title=name, x="lr", y="training loss" if one is ax[0] else "")
    ax[0].legend(frameon=False, fontsize=9)
    return ax


def frame(ax) -> None:
    """The explorer: loss by class on the left, their mean over the steps on the right."""
    ax[0].set(xscale="log", yscale="log", xlim=(0.9, 1100), ylim=(1e-6, 20))
    dress(ax[0], title="loss of each class after 1000 steps", x="class, frequent to rare", y="nats")
    ax[1].set(xscale="log", yscale="log", xlim=(1, 1000), ylim=(1e-6, 20))
    ax[1].text(1.2, 3e-6, "gradient descent", color=colour("sgd"), fontsize=9)
    ax[1].text(1.2, 1e-5, "sign descent", color=SIGN, fontsize=9)
    dress(ax[1], title="mean loss", x="step")


def draw(found, ax) -> str:
    """One setting of the explorer."""
    k = np.arange(1, len(found.share) + 1)
    for y, shade in ((found.gradient, colour("sgd")), (found.sign, SIGN)):
        ax[0].plot(k, np.maximum(y, 1e-30), ".", color=shade, markersize=4)
    ax[1].plot(found.t, found.mean_gradient, color=colour("sgd"), linewidth=2)
    ax[1].plot(found.t, np.maximum(found.mean_sign, 1e-30), color=SIGN, linewidth=2)
    return (
        f"After 1000 steps: gradient descent {found.mean_gradient[-1]:.3g} nats, of which the rarer half "
        f"{found.share[len(k) // 2 :] @ found.gradient[len(k) // 2 :]:.3g}; sign descent {found.mean_sign[-1]:.3g}."
    )
