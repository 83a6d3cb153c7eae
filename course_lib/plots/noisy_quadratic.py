"""Pictures of the noisy quadratic model: steps and rates over the batch size, both logarithmic."""

import matplotlib as mpl
import numpy as np

from course_lib.plots.style import INK, SHADES, axes, colour, dress

BATCH = "batch size B"
GAP = 12  # points between the middles of two labels
WIDE = (6.4, 3.8)


def curves(runs, ax=None):
    """1: the expected loss at constant rates; dashed the floor of each."""
    ax, ends = axes(ax, WIDE), []
    for run, shade in zip(runs, SHADES, strict=True):
        ax.plot(run.steps[1:], run.loss[1:], color=shade, linewidth=1.8)
        ax.hlines(run.floor, 1, run.steps[-1], color=shade, linestyle="--", linewidth=0.9)
        ends.append((run.steps[-1], run.loss[-1], f"lr = {run.lr:g}", shade))
    ax.set(xscale="log", yscale="log", xlim=(1, 20 * runs[0].steps[-1]))
    dress(ax, title="A large rate is fast and stops early (dashed: its floor)", x="step", y="expected loss")
    return label_apart(ax, ends)


def targets(found: dict, ax=None):
    """2: steps over the batch size, one line a target; the dot is the critical batch size."""
    ax, ends = axes(ax, WIDE), []
    shades = mpl.colormaps["viridis"](np.linspace(0.0, 0.85, len(found)))
    for (target, (curve, critical)), shade in zip(found.items(), shades, strict=True):
        ax.loglog(curve.batch_sizes, curve.steps, color=shade, linewidth=1.8)
        at = np.exp(np.interp(np.log(critical), np.log(curve.batch_sizes), np.log(curve.steps)))
        ax.plot(critical, at, "o", color=shade, markersize=7, markeredgecolor="white")
        ends.append((curve.batch_sizes[-1], curve.steps[-1], f"loss {target:g}", shade))
    _room(ax)
    dress(ax, title="A tighter target has a larger critical batch size (dots)", x=BATCH, y="steps to the target")
    return label_apart(ax, ends)


def powers(found: dict, ax=None):
    """3: the best lr over the batch size, one line a power of the preconditioner."""
    lines = {f"{power:g}": (curve.batch_sizes, curve.lr) for power, curve in found.items()}
    words = {"title": "The best lr is linear in B, then flat near 2 (by p of the preconditioner Hᵖ)", "y": "best lr"}
    ax = _lines(lines, SHADES, axes(ax, WIDE), named_at=6, **words)  # at the end they are one
    ax.axhline(2, color=INK, linestyle="--", linewidth=0.9)
    return ax


def schedules(found: dict, ax=None):
    """4: the best schedule of 50 pieces for each batch size, over its own length."""
    ax, ends = axes(ax, WIDE), []
    for (batch_size, best), shade in zip(found.items(), SHADES, strict=True):
        part = np.concatenate([[0], best.ends]) / best.steps
        ax.stairs(best.lr, part, color=shade, linewidth=1.8, baseline=None)
        ends.append((1.0, best.lr[-1], f"B = {batch_size:g}, {best.steps:,} steps", shade))
    ax.set(yscale="log", xlim=(0, 1.42), xticks=np.linspace(0, 1, 5))
    dress(ax, title="The best schedule: wait at the edge, then decay", x="part of the run", y="lr")
    return label_apart(ax, ends)


def momenta(found: dict, ax=None):
    """5: steps over the batch size with and without momentum."""
    lines = {name: (curve.batch_sizes, curve.steps) for name, curve in found.items()}
    words = {"title": "Momentum extends perfect scaling", "y": "steps to loss 0.01"}
    return _momenta(lines, axes(ax, WIDE), **words)


def effective(found: dict, ax=None):
    """6: lr / (1 - momentum) over the batch size."""
    lines = {name: (curve.batch_sizes, curve.effective_lr) for name, curve in found.items()}
    words = {"title": "The effective lr is one line while noise rules", "y": "lr / (1 − μ)"}
    return _momenta(lines, axes(ax, WIDE), **words)


def _momenta(lines, ax, **words):
    shades = colour("sgd"), colour("momentum"), colour("momentum")
    return _lines(lines, shades, ax, dashed="momentum 0.9", **words)


def averaging(found, ax=None):
    """7: steps over the batch size at the last point and at an average; the dots are critical batch sizes."""
    ax, ends = axes(ax, WIDE), []
    for name, curve, critical, shade, place in (
        ("last point", found.sgd, found.sgd_critical, colour("sgd"), {"xytext": (5, 6)}),
        ("average (EMA)", found.ema, found.ema_critical, SHADES[2], {"xytext": (-6, -11), "ha": "right"}),
    ):
        ax.loglog(curve.batch_sizes, curve.steps, color=shade, linewidth=1.8)
        at = np.exp(np.interp(np.log(critical), np.log(curve.batch_sizes), np.log(curve.steps)))
        ax.plot(critical, at, "o", color=shade, markersize=7, markeredgecolor="white")
        ax.annotate(f"B = {critical:.0f}", (critical, at), textcoords="offset points", color=shade, fontsize=9, **place)
        ends.append((curve.batch_sizes[-1], curve.steps[-1], name, shade))
    _room(ax)
    dress(ax, title="An average saves steps where noise rules (dots: B_crit)", x=BATCH, y="steps to loss 0.01")
    return label_apart(ax, ends)


def gap(found, ax=None):
    """8: steps over the batch size at a constant rate, by the best schedule, and the bound for any method."""
    lines = {"constant lr": found.constant, "best schedule": found.scheduled, "Bayes bound": found.bound}
    lines = {name: (found.batch_sizes, steps) for name, steps in lines.items()}
    words = {"title": "A schedule closes most of the gap at small B", "y": "steps to loss 0.01"}
    return _lines(lines, (colour("sgd"), SHADES[0], INK), axes(ax, WIDE), dashed="Bayes bound", **words)


def adaptive(found, ax=None):
    """9: the best lr of Adam and of the fixed preconditioner that it resembles; dotted the slopes 1/2 and 1."""
    ax, ends = axes(ax, WIDE), []
    for name, curve, power, shade in (
        ("Adam: lr ∝ √B", found.adam, 0.5, colour("adam")),
        ("fixed $H^{1/2}$: lr ∝ B", found.fixed, 1.0, colour("sgd")),
    ):
        ax.loglog(curve.batch_sizes, curve.lr, "o-", color=shade, linewidth=1.8, markersize=5)
        ax.loglog(curve.batch_sizes, curve.lr[0] * curve.batch_sizes**power, ":", color=shade, linewidth=1.2)
        ends.append((curve.batch_sizes[-1], curve.lr[-1], name, shade))
    ax.set_xlim(0.8, 6 * curve.batch_sizes[-1])
    ax.set_xscale("log", base=2)
    dress(ax, title="The preconditioner that resembles Adam scales otherwise", x=BATCH, y="best lr")
    return label_apart(ax, ends)


def _lines(curves: dict, shades, ax, *, dashed: str = "", named_at: int = -1, title: str, y: str):
    """Lines by name over the batch size, both axes logarithmic, each named at its end, or at another of its points."""
    ends = []
    for (name, (at, values)), shade in zip(curves.items(), shades, strict=True):
        ax.loglog(at, values, "--" if name == dashed else "-", color=shade, linewidth=1.8)
        ends.append((at[named_at], values[named_at], name, shade))
    _room(ax)
    dress(ax, title=title, x=BATCH, y=y)
    return label_apart(ax, ends, below=5 if named_at != -1 else 0)


def _room(ax) -> None:
    """Space at the right for names."""
    low, high = ax.dataLim.intervalx
    ax.set_xlim(low * 0.8, high * (high / low) ** 0.32)
    ax.set_xscale("log", base=2)
    ax.set_xticks(4.0 ** np.arange(0, np.log(high) / np.log(4) + 0.1, 2))


def label_apart(ax, ends, below: float = 0):
    """Names right of points, (x, y, text, colour) each, moved up where they would lie on each other; all lowered by
    `below` points."""
    ax.figure.draw_without_rendering()  # the layout decides how far apart they are
    points, last = 72 / ax.figure.dpi, -np.inf
    for x, y, text, shade in sorted(ends, key=lambda end: end[1]):
        at = ax.transData.transform((x, y))[1] * points
        last = max(at, last + GAP)
        place = {"xytext": (5, last - at - below), "textcoords": "offset points", "va": "center"}
        ax.annotate(text, (x, y), color=shade, fontsize=9, annotation_clip=False, **place)
    return ax
