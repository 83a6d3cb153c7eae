"""Pictures of lesson 01."""

import numpy as np

from course_lib.plots import axes, colour, dress, label_end
from course_lib.plots.style import INK, SHADES


def floors(traces, ax=None):
    """E p² over the steps, both logarithmic; a dashed line where theory puts the floor of each constant rate."""
    ax = axes(ax, (6.4, 3.8))
    for trace, shade in zip(traces, SHADES, strict=True):
        values = trace["mean_square"][1:]
        steps = np.arange(1, len(values) + 1)
        ax.plot(steps, values, color=shade, linewidth=1.8)
        label_end(ax, steps[-1], values[-1], trace.label, shade)
        if "/t" not in trace.label:
            lr = float(trace.label.split("=")[1])
            ax.hlines(lr / (2 - lr), 1, steps[-1], color=shade, linestyle="--", linewidth=0.9)
    ax.set(xscale="log", yscale="log", xlim=(1, 4.2 * steps[-1]))
    return dress(ax, title="A constant rate stops at its floor (dashed: theory)", x="step", y="E p²")


def kappas(steps: dict, ax=None, name: str = "sgd", label: str = ""):
    """Steps to 1e-6 over the condition number, both logarithmic."""
    ax = axes(ax)
    x, y = np.array(list(steps)), np.array(list(steps.values()))
    ax.loglog(x, y, "o-", color=colour(name), linewidth=1.8)
    label_end(ax, x[-1], y[-1], label or name, colour(name))
    ax.set_xlim(x[0] * 0.7, x[-1] * 12)
    return dress(ax, title="Steps to a millionth of the error", x="condition number κ", y="steps")


def decays(curves: dict[str, np.ndarray], ax=None):
    """Learning rates over the epochs, by name."""
    ax = axes(ax)
    for (name, values), shade in zip(curves.items(), SHADES, strict=False):
        ax.plot(values, "o-", color=shade, markersize=4)
        label_end(ax, len(values) - 1, values[-1], name, shade)
    ax.set(yscale="log", xlim=(-0.3, len(values) * 1.45))
    return dress(ax, title="The rate that training used", x="epoch", y="lr")


def frame(ax) -> None:
    """The explorer: the path on the left, the loss on the right."""
    ax[0].set(xlim=(-1.25, 1.25), ylim=(-1.25, 1.25))
    ax[0].plot(0, 0, "*", color="black", markersize=9)
    dress(ax[0], title="the path", x="flat direction, h = 1", y="steep direction, h = κ", grid=False)
    ax[1].set(xlim=(0, 60), ylim=(1e-12, 1e3), yscale="log")
    dress(ax[1], title="the loss (dashed: its floor in theory)", x="step")


def draw(walk, ax) -> str:
    """One setting of the explorer, and what to make of it."""
    x, y = np.meshgrid(np.linspace(-1.25, 1.25, 50), np.linspace(-1.25, 1.25, 50))
    height = np.sqrt((x**2 + walk.kappa * y**2) / walk.kappa)
    ax[0].contour(x, y, height, levels=8, colors="#9ecae1", linewidths=0.9)
    ax[0].plot(*walk.path.T, "o-", color=colour("sgd"), markersize=3, linewidth=1.2)
    ax[1].plot(np.maximum(walk.loss, 1e-30), color=colour("sgd"), linewidth=1.8)
    if 0 < walk.floor < np.inf:
        ax[1].axhline(walk.floor, color=INK, linestyle="--", linewidth=1)
    if walk.floor == np.inf:
        return "lr·λmax is at 2 or beyond: the steep direction does not shrink."
    return f"Loss after 60 steps: {walk.loss[-1]:.3g}. Floor in theory: {walk.floor:.3g}."
