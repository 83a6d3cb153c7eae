"""Pictures of lesson 12."""

import numpy as np

from course_lib.plots import axes, colour, dress, label_end
from course_lib.plots.style import INK, SHADES


def _panels(size=(8, 3.4), **kwargs):
    import matplotlib.pyplot as plt

    return plt.subplots(1, 2, figsize=size, layout="constrained", **kwargs)[1]


def jumps(traces, ax=None):
    """The losses alone."""
    ax = axes(ax, (6.4, 3.2))
    for trace, shade in zip(traces, SHADES, strict=False):
        ax.semilogy(trace["loss"], color=shade, linewidth=1.2, label=trace.label)
    ax.legend(frameon=False, fontsize=9)
    return dress(ax, title="Gradient descent on the whole batch", x="step", y="training loss")


def edges(traces, lines, ax=None):
    """Loss on the left, sharpness and the line it meets on the right, one shade a learning rate."""
    ax = _panels() if ax is None else ax
    for trace, line, shade in zip(traces, lines, SHADES, strict=False):
        ax[0].plot(trace["loss"], color=shade, linewidth=1.2)
        ax[1].plot(trace["measured"], trace["sharpness"], color=shade, linewidth=1.8)
        ax[1].axhline(line, color=shade, linestyle="--", linewidth=1)
        label_end(ax[1], trace["measured"][-1], line, f"{trace.label}\n2/lr = {line:.3g}", shade)
    ax[0].set(yscale="log")
    ax[1].set(xlim=(0, len(traces[0]) * 1.35), ylim=(0, max(lines) * 1.25))
    dress(ax[0], title="The loss falls, in jumps", x="step", y="training loss")
    dress(ax[1], title="The sharpness rises to its line", x="step", y="largest curvature")
    return ax[1]


def ratios(traces, lines, ax=None):
    """Sharpness over the edge of each run's own rule."""
    ax = axes(ax, (6.6, 3.4))
    for trace, line in zip(traces, lines, strict=True):
        ax.plot(
            trace["measured"], trace["sharpness"] / line, color=colour(trace.name), linewidth=1.8, label=trace.label
        )
    ax.axhline(1, color=INK, linestyle="--", linewidth=1)
    ax.set(ylim=(0, 1.5))
    ax.legend(frameon=False, fontsize=9, loc="lower right")
    return dress(ax, title="Each rule meets its own edge", x="step", y="sharpness / edge")


def minima(shares: dict, ax=None):
    """The share of random matrices that are minima over their size, and halving as a ruler."""
    ax = axes(ax, (5.6, 3.2))
    n = np.array(list(shares))
    ax.semilogy(n, 0.5**n, "--", color="#777777", linewidth=1.4)
    ax.semilogy(n, list(shares.values()), "o-", color="#0072B2", linewidth=1.8)
    label_end(ax, n[-1], 0.5 ** n[-1], "one half each", "#777777")
    label_end(ax, n[-1], shares[n[-1]], "measured", "#0072B2")
    ax.set(xticks=n, xlim=(0.8, n[-1] + 1.3))
    return dress(ax, title="Share of random matrices with no way down", x="dimensions", y="share")


def modes(trace, closed, lr, ax=None):
    """How much of each direction is learnt, and the loss, whose steps are the saddles left behind."""
    ax = _panels() if ax is None else ax
    t = np.arange(len(trace)) * lr
    ax[0].plot(t, trace["loss"], color=colour("sgd"), linewidth=1.8)
    for k, shade in enumerate(SHADES[: trace["modes"].shape[1]]):
        ax[1].plot(t, trace["modes"][:, k], color=shade, linewidth=3, alpha=0.5)
        ax[1].plot(t, closed[:, k], "--", color="black", linewidth=1)
    dress(ax[0], title="The loss of a deep linear net", x="time = lr · step", y="loss")
    dress(ax[1], title="Its three directions; dashed: closed form", x="time = lr · step", y="learnt")
    return ax


def wrong_matrix(trace, line, ax=None):
    """A sharpness far below the line it should meet."""
    ax = axes(ax, (5.6, 3.0))
    ax.semilogy(trace["measured"], trace["sharpness"], color=colour(trace.name), linewidth=1.8)
    ax.axhline(line, color=INK, linestyle="--", linewidth=1)
    ax.text(0, line * 0.45, f"38/lr = {line:,.0f}", color=INK, fontsize=9)
    ax.set(ylim=(1, line * 4))
    return dress(ax, title="Adam, lr 0.005", x="step", y="measured sharpness")


def frame(ax) -> None:
    """The explorer: the plane of two weights, and curvature over steps."""
    a = np.linspace(0.02, 5, 300)
    ax[0].plot(a, 1 / a, color="#777777", linewidth=3, alpha=0.4)
    ax[0].plot(-a, -1 / a, color="#777777", linewidth=3, alpha=0.4)
    ax[0].set(xlim=(-4.5, 4.5), ylim=(-4.5, 4.5))
    dress(ax[0], title="grey: all minima, ab = 1", x="a", y="b")
    ax[1].set(xlim=(0, 100), ylim=(0.5, 200), yscale="log")
    dress(ax[1], title="largest curvature; dashed: the edge", x="step")


def draw(settling, ax) -> str:
    """One walk, and where it settled."""
    ax[0].plot(*settling.path.T, "o-", color="#0072B2", markersize=2.5, linewidth=0.8)
    ax[0].plot(*settling.path[-1], "o", color=INK, markersize=8, markeredgecolor="white")
    ax[1].plot(settling.sharpness, color="#0072B2", linewidth=1.8)
    ax[1].axhline(settling.edge, color=INK, linestyle="--", linewidth=1)
    last = settling.sharpness[-1]
    if len(settling.path) < 301:
        return f"It flies off after {len(settling.path)} steps; the edge is at {settling.edge:.3g}."
    rests = "rests" if settling.loss[-1] < 1e-6 else "has not come to rest"
    return f"After 300 steps it {rests} where the curvature is {last:.3f}; the edge is at {settling.edge:.3g}."
