"""Pictures of lesson 05."""

import numpy as np

from course_lib.plots import axes, colour, dress, label_end
from course_lib.plots.style import INK

GREY = "#777777"  # Adam with a part left out
PINK = "#f3d9dc"


def _panels(size=(8, 3.3), **kwargs):
    import matplotlib.pyplot as plt

    return plt.subplots(1, 2, figsize=size, layout="constrained", **kwargs)[1]


def nets(published, without, ax=None, smooth: int = 10):
    """Two sweeps at one rate side by side, one line a seed."""
    ax = _panels(sharey=True) if ax is None else ax
    titles = ("Adam as published", "two divisions left out")
    for one, sweep, shade, title in zip(ax, (published, without), (colour("adam"), GREY), titles, strict=True):
        for loss in sweep.loss[0]:
            values = np.convolve(loss, np.ones(smooth) / smooth, mode="valid")
            one.plot(np.arange(smooth, len(loss) + 1), values, color=shade, linewidth=1, alpha=0.8)
        one.set(yscale="log", ylim=(0.005, 4))
        dress(one, title=title, x="step", y="training loss" if one is ax[0] else "")
    return ax


def lengths(published, without, ax=None):
    """Length of each step in units of lr where the slope is 1 everywhere, steps on a logarithmic axis."""
    ax = axes(ax, (6.4, 3.4))
    steps, peak = np.arange(1, len(without) + 1), int(np.argmax(without))
    ax.plot(steps, without, color=GREY, linewidth=1.8)
    ax.plot(steps, published, color=colour("adam"), linewidth=2.2)
    ax.plot(peak + 1, without[peak], "o", color=GREY)
    ax.annotate(
        f"{without[peak]:.2f} lr at step {peak + 1}", (peak + 1, without[peak]), xytext=(8, 4),
        textcoords="offset points", color=GREY, fontsize=9,
    )  # fmt: skip
    ax.text(70, 4.0, "without the corrections", color=GREY, fontsize=9)
    ax.text(1.15, 1.18, "Adam", color=colour("adam"), fontsize=9)
    ax.set(xscale="log", xlim=(1, len(without)), ylim=(0, 7.4))
    return dress(ax, title="How long a step is where the slope is always 1", x="step", y="length in units of lr")


def turns(traces: dict, ax=None, lowest: float = 1e-30):
    """f over f at the start; dashed where the valley has been turned."""
    ax = axes(ax, (6.4, 3.6))
    for label, trace in traces.items():
        look = {"linestyle": "--", "linewidth": 1.6} if "turned" in label else {"linewidth": 2.4, "alpha": 0.5}
        ax.plot(np.maximum(trace["loss"], lowest / 10), color=colour(trace.name), label=label, **look)
    ax.set(yscale="log", xlim=(0, 2000), ylim=(lowest, 1e8))
    ax.legend(frameon=False, fontsize=9, loc="upper right", ncols=2)
    return dress(
        ax, title="One valley of 20 dimensions, κ = 10,000, and its turned copy", x="step", y="f / f at the start"
    )


def counterexample(traces, ends: dict, ax=None, period: int = 101):
    """x_t of each run on the left; on the right where Adam ends, over the memory 1/(1 − β2)."""
    ax = _panels() if ax is None else ax
    for trace in traces:
        steps = np.arange(1, len(trace) + 1)
        ax[0].plot(steps, trace["p"], color=colour(trace.name), linewidth=1)
        label_end(ax[0], steps[-1], trace["p"][-1] * 0.93, trace.label, colour(trace.name))
    ax[0].set(xscale="log", xlim=(1, len(traces[0]) * 12), ylim=(-1.08, 1.08))
    dress(ax[0], title="10, −1, −1, 10, …; β₁ = 0, β₂ = 1/101", x="step t", y="x (best: −1)")
    memory, end = 1 / (1 - np.array(list(ends))), np.array(list(ends.values()))
    ax[1].plot(memory, end, "o-", color=colour("adam"), linewidth=1.8)
    ax[1].axvline(period, color=INK, linestyle="--", linewidth=1)
    ax[1].text(period * 1.15, -0.95, "period", color=INK, fontsize=9)
    ax[1].axhline(0, color=INK, linewidth=0.6)
    ax[1].set(xscale="log", ylim=(-1.08, 1.08))
    dress(ax[1], title="1010 every 101st step, else −10", x="memory of v, 1/(1 − β₂) steps", y="x at the end")
    return ax


def first_weights(trace, ax=None, digit: int = 3):
    """The weights of one digit, pixel by pixel, as they stand at the end of the run."""
    ax = axes(ax, (4.0, 3.4))
    weights = trace["weights"][-1][:, digit].reshape(8, 8)
    size = np.nanmax(np.abs(weights))
    ax.set_facecolor("black")
    picture = ax.imshow(weights, cmap="RdBu_r", vmin=-1.6 * size, vmax=1.6 * size)
    for row, column in np.argwhere(np.isnan(weights)):
        ax.text(column, row, "NaN", color="white", fontsize=8, ha="center", va="center")
    ax.figure.colorbar(picture, ax=ax, ticks=[-size, 0, size], shrink=0.8)
    dress(ax, title=f"The weights of digit {digit} after one step", grid=False)
    ax.set(xticks=[], yticks=[])
    return ax


def frame(ax) -> None:
    """The explorer: constant slope on the left, one impulse on the right."""
    ax[0].set(xscale="log", yscale="log", xlim=(1, 5000), ylim=(0.02, 200))
    ax[0].text(1.3, 0.03, "grey: without the corrections", color=GREY, fontsize=9)
    dress(ax[0], title="slope 1 everywhere", x="step", y="length in units of lr")
    ax[1].set(yscale="log", xlim=(0, 99), ylim=(1e-4, 1e4))
    dress(ax[1], title="a slope of 1 once, after a long silence", x="steps since then")


def draw(envelope, ax) -> str:
    """One setting of the explorer, and what it makes of the first step and of the impulse."""
    ax[0].plot(envelope.steps, envelope.without, color=GREY, linewidth=1.8)
    ax[0].plot(envelope.steps, envelope.corrected, color=colour("adam"), linewidth=2.2)
    ax[1].plot(np.maximum(envelope.impulse, 1e-12), color=colour("adam"), linewidth=1.8)
    first, longest, total = envelope.without[0], envelope.without.max(), envelope.impulse.sum()
    return (
        f"Without the corrections the first step is {first:.3g} lr, the longest {longest:.3g} lr. "
        f"In 100 steps the impulse moves the weight by {total:.3g} lr."
    )
