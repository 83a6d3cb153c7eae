"""Pictures from Traces and problems. Every function takes data and Axes, makes its own Axes where none are given, and
gives them back. Each optimiser has one colour in the whole course."""

from collections.abc import Sequence

import numpy as np

from course_lib.plots.style import axes, colour, dress, label_end
from course_lib.problems import Problem
from course_lib.trace import Trace

__all__ = ["axes", "colour", "contours", "dress", "label_end", "losses", "path"]


def contours(problem: Problem, ax=None, view=None):
    """Level lines of a two-dimensional problem, evenly spaced in the square root of the height above its minimum."""
    ax = axes(ax, (6, 4))
    x0, x1, y0, y1 = view or problem.view
    x, y = np.meshgrid(np.linspace(x0, x1, 240), np.linspace(y0, y1, 180))
    z = problem.f(np.stack([x, y], axis=-1))
    low = float(np.min(problem.f(problem.minima)))
    height = np.sqrt(np.maximum(z - low, 0))
    ax.contourf(x, y, height, levels=16, cmap="Blues", alpha=0.55)
    ax.contour(x, y, height, levels=16, colors="white", linewidths=0.6)
    ax.plot(*problem.minima.T, "*", color="black", markersize=9, zorder=3)
    return dress(ax, x="p₁", y="p₂", grid=False)


def path(traces: Trace | Sequence[Trace], problem: Problem, ax=None, view=None):
    """Where each run walked on the problem's level lines; the dot is its last point."""
    ax = contours(problem, ax, view)
    x0, x1, y0, y1 = view or problem.view
    for trace in _several(traces):
        walk = trace["p"]
        line = {"color": colour(trace.name), "label": trace.label}
        ax.plot(*walk.T, "o-", markersize=3, linewidth=1.6, **line)
        ax.plot(*walk[-1], "o", markersize=8, markeredgecolor="white", color=line["color"], zorder=4)
    ax.set(xlim=(x0, x1), ylim=(y0, y1))
    ax.legend(frameon=True, framealpha=0.9, loc="upper right", fontsize=9)
    return ax


def losses(traces: Trace | Sequence[Trace] | dict, ax=None, *, column="loss", smooth=1, log=True, title="", y=None):
    """One column of each run over its steps; `smooth` averages over that many steps. A later run of the same optimiser
    is dashed."""
    ax, seen = axes(ax), {}
    for trace in _several(traces):
        values = trace[column]
        if smooth > 1:
            values = np.convolve(values, np.ones(smooth) / smooth, mode="valid")
        style = ("-", "--", ":", "-.")[seen.setdefault(trace.name, 0) % 4]
        seen[trace.name] += 1
        steps = np.arange(len(trace[column]))[smooth - 1 :]
        ax.plot(steps, values, style, color=colour(trace.name), linewidth=1.8, label=trace.label)
    if log:
        ax.set_yscale("log")
    ax.legend(frameon=False, fontsize=9)
    return dress(ax, title=title, x="step", y=y or column.replace("_", " "))


def _several(traces) -> list[Trace]:
    if isinstance(traces, Trace):
        return [traces]
    return list(traces.values()) if isinstance(traces, dict) else list(traces)
