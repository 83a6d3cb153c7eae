"""The race as an animation: where each optimiser is on the surface, and how high it still stands."""

import numpy as np

from course_lib.plots import colour, contours, dress
from course_lib.plots.style import INK

LOWEST = 1e-5


def race(traces, surface, *, frames: int = 60, tail: int = 12):
    """A matplotlib animation of all runs; each has `p`, shape (steps + 1, 2), and `loss`."""
    import matplotlib.pyplot as plt
    from matplotlib.animation import FuncAnimation

    figure, (plane, heights) = plt.subplots(
        1, 2, figsize=(8, 4.6), layout="constrained", gridspec_kw={"width_ratios": (1.15, 1)}
    )
    contours(surface, plane)
    dress(plane, title="One surface, each at its best rate", grid=False)
    plane.set(xlabel="", ylabel="", xticks=[], yticks=[])
    _lanes(heights, traces)
    shades = [colour(trace.name) for trace in traces]
    tails = [plane.plot([], [], color=shade, linewidth=2)[0] for shade in shades]
    dots = plane.scatter(*np.zeros((2, len(traces))), s=70, color=shades, edgecolor="white", zorder=4)
    bars = heights.barh(range(len(traces)), 1, left=LOWEST, color=shades, height=0.72)
    counter = plane.text(0.03, 0.05, "", transform=plane.transAxes, fontsize=12, color=INK)
    moments = _moments(len(traces[0]) - 1, frames)

    def show(t):
        for line, bar, trace in zip(tails, bars, traces, strict=True):
            line.set_data(*trace["p"][max(0, t - tail) : t + 1].T)
            bar.set_width(max(trace["loss"][t], LOWEST * 1.05) - LOWEST)
        dots.set_offsets([trace["p"][t] for trace in traces])
        counter.set_text(f"step {t}")

    return FuncAnimation(figure, show, frames=moments, interval=110)


def _lanes(ax, traces) -> None:
    ax.set(xscale="log", xlim=(LOWEST, 30), yticks=range(len(traces)), ylim=(len(traces) - 0.4, -0.6))
    ax.set_yticklabels([trace.label for trace in traces])
    dress(ax, title="Height above the minimum")
    ax.tick_params(labelsize=11, length=0)
    ax.set_xticks([1e-4, 1e-2, 1])


def _moments(last: int, frames: int) -> list[int]:
    """Steps to show, closer at the start, and the last one held for a while."""
    moments = np.unique((last * np.linspace(0, 1, frames - 10) ** 1.6).round().astype(int)).tolist()
    return [*moments, *[last] * 10]
