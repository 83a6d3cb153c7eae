"""Pictures of lesson 11."""

import numpy as np

from course_lib.plots import axes, dress
from course_lib.plots.style import INK, SHADES

BARE, CLIPPED = SHADES[0], SHADES[3]  # without a clip and with one, in every picture of the lesson
PINK = "#f3d9dc"
SMALLEST, LARGEST = 2.0**-24, 65504.0


def _panels(size=(8.4, 3.6), **kwargs):
    import matplotlib.pyplot as plt

    return plt.subplots(1, 2, figsize=size, layout="constrained", **kwargs)[1]


def _map(surface, ax):
    ax.contourf(surface.w, surface.b, surface.error, levels=np.linspace(0, 0.46, 24), cmap="Blues")
    ax.set(xlim=(surface.w.min(), surface.w.max()), ylim=(surface.b.min(), surface.b.max()))
    return dress(ax, x="w", y="b", grid=False)


def cliff(traces, surface, ax=None):
    """The walk without a clip and the one with it: on the map on the left, the gradients they met on the right."""
    ax = _panels() if ax is None else ax
    _map(surface, ax[0])
    for trace, shade, mark in zip(traces, (BARE, CLIPPED), ("s--", "o-"), strict=True):
        ax[0].plot(*trace["p"].T, mark, color=shade, markersize=3, linewidth=1.4, label=trace.label)
        ax[1].plot(np.maximum(trace["norm"], 1e-9), mark, color=shade, markersize=3, linewidth=1.4)
    ax[0].plot(*traces[0]["p"][0], "o", color="white", markeredgecolor="black", markersize=8, zorder=4)
    ax[0].text(4.1, -3.35, "high error", color="white", fontsize=9)
    ax[0].text(5.9, -2.95, "low", color=INK, fontsize=9)
    ax[0].legend(loc="lower right", fontsize=9, framealpha=0.9)
    ax[1].text(15, 3e-9, "thrown onto the flat: no slope left", color=BARE, fontsize=9)
    ax[1].set(yscale="log", xlim=(0, 100), ylim=(5e-10, 1e5))
    dress(ax[0], title="Two weights of one recurrent unit", x="w", y="b", grid=False)
    dress(ax[1], title="Length of the gradient on the way", x="step")
    return ax


def seeds(without, clipped, limit: float, ax=None, smooth: int = 10):
    """The pixel net: the loss of each seed on the left, how long the gradients were on the right."""
    ax = _panels() if ax is None else ax
    window = np.ones(smooth) / smooth
    for runs, shade, style, label in ((without, BARE, "--", "without"), (clipped, CLIPPED, "-", "clipped")):
        for i, loss in enumerate(runs.loss.T):
            values = np.convolve(loss, window, mode="valid")
            ax[0].plot(values, style, color=shade, linewidth=1.1, label=label if not i else None)
    ax[0].axhline(np.log(10), color=INK, linewidth=0.8)
    ax[0].text(len(clipped.loss) + 2, np.log(10) + 0.04, "guessing", color=INK, fontsize=9)
    ax[0].set(xlim=(0, 1.22 * len(clipped.loss)), ylim=(0, 4))
    ax[0].legend(frameon=False, fontsize=9, loc="upper right")
    dress(ax[0], title="Training loss, one line a seed", x="step")
    ax[1].hist(clipped.norm.ravel(), bins=np.geomspace(0.03, 100, 50), color=CLIPPED, alpha=0.8)
    ax[1].axvline(limit, color=INK, linestyle="--", linewidth=1)
    ax[1].text(limit * 0.9, ax[1].get_ylim()[1] * 0.95, "limit", color=INK, fontsize=9, ha="right", va="top")
    ax[1].set(xscale="log")
    return dress(ax[1], title="Gradients of the clipped runs", x="norm before clipping", y="steps")


def bug(traces, ax=None):
    """Training loss under float16: the loop that does not move, and others."""
    ax = axes(ax)
    for trace, shade, style in zip(traces, (BARE, CLIPPED), ("--", "-"), strict=False):
        ax.plot(trace["loss"], style, color=shade, linewidth=1.6, label=trace.label)
    ax.set(yscale="log", ylim=(0.02, 6))
    ax.legend(frameon=False, fontsize=9, loc="lower left")
    return dress(ax, title="Digits in half precision", x="step", y="training loss")


def frame(ax, surface) -> None:
    """The explorer: the cliff on the left, the range of float16 on the right."""
    _map(surface, ax[0])
    dress(ax[0], title="60 steps from the top of the cliff", x="w", y="b", grid=False)
    ax[1].axvspan(1e-14, SMALLEST / 2, color=PINK)
    ax[1].axvspan(LARGEST, 1e12, color=PINK)
    ax[1].set(xscale="log", xlim=(1e-14, 1e12), ylim=(0, 440))
    ax[1].text(3e-14, 405, "become 0", color=BARE, fontsize=9)
    ax[1].text(3e11, 405, "infinite", color=BARE, fontsize=9, ha="right")
    dress(ax[1], title="a trained net's gradients in float16", x="gradient · loss scale", y="weights")


def draw(setting, ax) -> str:
    """One setting of the explorer: where the path ends, and what half precision loses."""
    ax[0].plot(*setting.path.T, "o-", color=CLIPPED, markersize=3, linewidth=1.2)
    ax[0].plot(*setting.path[-1], "o", color=CLIPPED, markersize=8, markeredgecolor="white")
    counts, edges = np.histogram(setting.sizes, bins=np.geomspace(1e-14, 1e12, 105))
    ax[1].stairs(counts, edges, fill=True, color="#4477AA")
    far = np.linalg.norm(np.diff(setting.path, axis=0), axis=1).max()
    return (
        f"Longest step {far:.3g}, error at the end {setting.error:.4f}. "
        f"Of {len(setting.sizes)} gradients float16 makes {setting.zero:.2%} zero and {setting.infinite} infinite."
    )
