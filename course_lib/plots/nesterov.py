"""Pictures of lesson 03."""

import numpy as np

from course_lib.plots import axes, colour, dress, label_end
from course_lib.plots.style import INK
from course_lib.theory import shrink

NAMES = {"momentum": "heavy ball", "nesterov": "Nesterov", "sgd": "gradient descent"}
CARRY, CAUGHT = "#888888", "#f3d9dc"


def looks(looks: dict):
    """One step of each method side by side: where the velocity carries it, where it takes the slope, where it ends."""
    ax = _pair((8.6, 3.5), sharey=True)
    for name, axis in zip(looks, ax, strict=True):
        _look(looks[name], colour(name), axis)
        place = "where it stands" if name == "momentum" else "where the velocity takes it"
        dress(axis, title=f"{NAMES[name]}: looks {place}", x="flat: h = 1", grid=False)
    ax[0].set_ylabel("steep: h = 10", color=INK)
    return ax[0]


def _look(look, shade, ax):
    x, y = np.meshgrid(np.linspace(-1.4, 0.1, 80), np.linspace(-0.62, 0.6, 80))
    ax.contour(x, y, np.sqrt(x**2 + 10 * y**2), levels=10, colors="#c6dbef", linewidths=0.9)
    ax.plot(0, 0, "*", color="black", markersize=9)
    for tail, head, line in ((look.start, look.carried, CARRY), (look.carried, look.end, shade)):
        ax.annotate(
            "", head, tail, arrowprops={"arrowstyle": "-|>", "color": line, "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
        )
    ax.plot(*look.asked, "o", markersize=15, markerfacecolor="none", markeredgecolor=shade, markeredgewidth=2)
    for point, fill in ((look.start, INK), (look.end, shade)):
        ax.plot(*point, "o", color=fill, markersize=7, markeredgecolor="white", zorder=4)
    middle = (look.start + look.carried) / 2
    ax.text(middle[0] + 0.03, middle[1] + 0.02, "μ·u", color=CARRY, fontsize=10)
    ax.text(look.end[0] + 0.04, look.end[1] - 0.02, "end of the step", color=shade, fontsize=9, va="center")
    ax.text(
        look.asked[0] - 0.05, look.asked[1] - 0.04, "slope\ntaken here", color=shade, fontsize=9, va="top", ha="right"
    )
    ax.set(xlim=(-1.4, 0.1), ylim=(-0.62, 0.6))


def damping(measured: dict, momentum: float = 0.9):
    """Left: the shrink factor over lr·h at one momentum, lines by theory, dots measured. Right: where each is stable.

    `measured` maps a name to {lr·h: factor}.
    """
    ax = _pair((8.6, 3.5))
    x, mu = np.linspace(0, 4, 801), np.linspace(0, 1, 101)
    factors = {"momentum": shrink(x, momentum), "nesterov": shrink(x, momentum * (1 - x))}
    edges = {"momentum": 2 * (1 + mu), "nesterov": 2 * (1 + mu) / (1 + 2 * mu)}
    for name, line in factors.items():
        ax[0].plot(x, line, color=colour(name), linewidth=1.8, label=NAMES[name])
        ax[0].plot(list(measured[name]), list(measured[name].values()), "o", color=colour(name), markersize=5)
        ax[1].plot(edges[name], mu, color=colour(name), linewidth=2)
        ax[1].fill_betweenx(mu, 0, edges[name], color=colour(name), alpha=0.15, linewidth=0)
    ax[0].axhline(1, color=INK, linewidth=0.8)
    ax[0].legend(frameon=False, fontsize=9, loc="lower right")
    ax[0].set(xlim=(0, 4), ylim=(0, 1.12))
    dress(ax[0], title=f"Damping at momentum {momentum} (dots: measured)", x="lr·h", y="factor of the error per step")
    ax[1].text(0.35, 0.15, "both stable", color=INK, fontsize=9)
    ax[1].text(1.62, 0.6, "the heavy ball alone", color=colour("momentum"), fontsize=9)
    ax[1].set(xlim=(0, 4), ylim=(0, 1))
    dress(ax[1], title="Where each is stable", x="lr·h", y="momentum μ", grid=False)
    return ax[0]


def caught(paths: dict, height):
    """Left: the function of values `height(x)` and where the heavy ball goes round on it. Right: all paths by step."""
    ax = _pair((8.6, 3.4))
    x = np.linspace(-2.6, 3.5, 300)
    ax[0].plot(x, height(x), color=CARRY, linewidth=1.5)
    ax[0].axvspan(1, 2, color="#eeeeee", zorder=0)
    ax[0].text(1.5, 95, "curvature\n1, not 25", color=INK, fontsize=9, ha="center")
    last = paths["momentum"][-4:]
    ax[0].plot(last, height(last), "o-", color=colour("momentum"), linewidth=1.2)
    ax[0].set(ylim=(-4, 120))
    dress(ax[0], title="The heavy ball's last steps", x="x", y="f(x)", grid=False)
    for name in ("momentum", "sgd", "nesterov"):
        ax[1].plot(paths[name], "o-", color=colour(name), linewidth=1.2, markersize=2.5, label=NAMES[name])
    ax[1].legend(frameon=False, fontsize=8, ncols=3, loc="lower right", columnspacing=1, handlelength=1.5)
    ax[1].set(ylim=(-4.4, 3.8))
    dress(ax[1], title="From one start", x="step", y="x")
    return ax[0]


def frame(basins):
    """What stands still in the explorer, as a function of its Axes: the map of starts that never come to rest."""

    def still(ax) -> None:
        ax[0].contourf(basins.x0, basins.momentum, basins.caught, levels=[0.5, 1.5], colors=[CAUGHT])
        ax[0].set(xlim=(-5, 5), ylim=(0.4, 0.95))
        dress(ax[0], title="pink: the heavy ball never rests", x="start x₀", y="momentum μ", grid=False)
        ax[1].axhline(0, color=CARRY, linewidth=0.8)
        ax[1].set(xlim=(0, 60), ylim=(-9.2, 9.2))
        dress(ax[1], title="blue: heavy ball · orange: Nesterov", x="step", y="x")

    return still


def draw(balls, ax) -> str:
    """One start and one momentum, and how the heavy ball fares."""
    ax[0].plot(balls.x0, balls.momentum, "o", color=INK, markersize=9, markeredgecolor="white")
    for name, path in (("momentum", balls.heavy), ("nesterov", balls.ahead)):
        ax[1].plot(path, "o-", color=colour(name), linewidth=1.2, markersize=2.5)
    heavy, ahead = (np.ptp(path[-6:]) for path in (balls.heavy, balls.ahead))
    return f"From step 55 to step 60 the heavy ball still moves by {heavy:.2g}, Nesterov by {ahead:.2g}."


def seeds(losses: dict, ax=None, smooth: int = 20):
    """Median loss over several starts and, pale, their range; `losses` maps a name to an array (seeds, steps)."""
    ax = axes(ax)
    kernel = np.ones(smooth) / smooth
    for name, rows in losses.items():
        lines = np.stack([np.convolve(row, kernel, mode="valid") for row in rows])
        step, middle = np.arange(smooth - 1, rows.shape[1]), np.median(lines, axis=0)
        ax.fill_between(step, lines.min(axis=0), lines.max(axis=0), color=colour(name), alpha=0.18, linewidth=0)
        ax.plot(step, middle, color=colour(name), linewidth=1.8)
        label_end(ax, step[-1], middle[-1], NAMES[name], colour(name))
    ax.set(yscale="log", xlim=(0, 1.22 * step[-1]))
    return dress(ax, title=f"A large rate: median and range of {len(rows)} starts", x="step", y="loss")


def bug(loop, others, ax=None):
    """The loss of the loop under suspicion, dashed, over those of the library's heavy ball and Nesterov."""
    ax = axes(ax)
    for trace in others:
        ax.plot(trace["loss"], color=colour(trace.name), linewidth=3, alpha=0.5, label=f"{trace.label}, library")
    ax.plot(loop["loss"], color=INK, linestyle="--", linewidth=1.4, label=loop.label)
    ax.set(yscale="log")
    ax.legend(frameon=False, fontsize=9)
    return dress(ax, title="The valley of lesson 02, momentum 0.9", x="step", y="loss")


def _pair(size, **shared):
    import matplotlib.pyplot as plt

    return plt.subplots(1, 2, figsize=size, layout="constrained", **shared)[1]
