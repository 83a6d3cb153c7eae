"""Pictures of lesson 10."""

import numpy as np

from course_lib.plots import axes, colour, contours, dress, label_end
from course_lib.plots.style import INK, SHADES

MEAN, EMA, FALLING = SHADES[0], SHADES[2], "#8c8c8c"
LOOKS = {  # what stands for what in every picture of the lesson
    "sgd": (colour("sgd"), "last point"),
    "last": (colour("sgd"), "last point"),
    "falling": (FALLING, "lr falls to 0"),
    "ema": (EMA, "EMA"),
    "mean": (MEAN, "mean"),
}


def _panels(count=2, size=(8, 3.3), **kwargs):
    import matplotlib.pyplot as plt

    return plt.subplots(1, count, figsize=size, layout="constrained", **kwargs)[1]


def cloud(traces: dict, bowl, ax=None):
    """The points of a run with two averages of them, and how far each is from the minimum, shape (2,) of Axes."""
    ax = _panels(size=(8.6, 3.6)) if ax is None else ax
    contours(bowl, ax[0], view=(-2.1, 1.9, -1.2, 1.2))
    steps = len(traces["sgd"])
    ax[0].plot(*traces["sgd"]["p"].T, "o", color=colour("sgd"), markersize=3, alpha=0.45)
    for name, trace in traces.items():
        shade, label = LOOKS[name]
        p = trace["p"]
        if name != "sgd":
            ax[0].plot(*p.T, color=shade, linewidth=1.8)
            ax[0].plot(*p[-1], "o", color=shade, markersize=8, markeredgecolor="white", zorder=4)
        at = np.arange(steps - len(p) + 1, steps + 1)
        ax[1].plot(at, np.linalg.norm(p, axis=1), color=shade, linewidth=1 if name == "sgd" else 2, label=label)
    ax[0].set(xlim=(-2.1, 1.9), ylim=(-1.2, 1.2))
    ax[1].set(yscale="log", xlim=(0, steps), ylim=(0.02, 6))
    ax[1].set_yticks([0.03, 0.1, 0.3, 1, 3], ["0.03", "0.1", "0.3", "1", "3"])
    ax[1].minorticks_off()
    ax[1].legend(frameon=False, fontsize=9, loc="upper right", ncols=3)
    dress(ax[0], title="300 points of SGD at a constant lr", x="p₁", y="p₂", grid=False)
    dress(ax[1], title="their averages from step 30 on", x="step", y="distance from the minimum")
    return ax


def spread(measured, h=0.5, sigma=1.0, ax=None):
    """Steps times mean square, over σ²/h², of the last point and of the mean of all, over the learning rate."""
    ax = axes(ax, (6.2, 3.5))
    steps = 2000
    last = steps * measured.last * h**2 / sigma**2
    for values, name, text in ((last, "last", "last point"), (measured.mean, "mean", "mean of all points")):
        ax.plot(measured.lrs * h, values, "o-", color=LOOKS[name][0], linewidth=1.8, markersize=6)
        label_end(ax, measured.lrs[-1] * h, values[-1], text, LOOKS[name][0])
    ax.plot([0.04, measured.lrs[-1] * h], [1, 1], color=INK, linestyle="--", linewidth=1)
    ax.set(xscale="log", yscale="log", xlim=(0.04, 7), ylim=(0.4, 2e4))
    ax.set_xticks(measured.lrs * h, [f"{x:g}" for x in measured.lrs * h])
    ax.minorticks_off()
    return dress(ax, title="2000 steps, five constant rates", x="lr·h", y="T · E p², in units of σ²/h²")


def free(traces: dict, ax=None):
    """Loss over the steps for SGD, the mean of its points and Schedule-Free."""
    ax = axes(ax, (6.4, 3.5))
    for name in ("sgd", "mean", "schedule_free"):
        shade = LOOKS[name][0] if name in LOOKS else colour(name)
        label = "SGD" if name == "sgd" else traces[name].label
        ax.plot(np.arange(1, len(traces[name]) + 1), traces[name]["loss"], color=shade, linewidth=2, label=label)
    ax.set(xscale="log", yscale="log", xlim=(1, len(traces["sgd"])))
    ax.legend(frameon=False, fontsize=9, loc="lower left")
    return dress(ax, title="A bowl with noise, one constant rate", x="step", y="mean loss")


def watched(traces, ax=None):
    """The loss that a training loop prints, over the steps; a second trace in the colour of Schedule-Free."""
    ax = axes(ax, (6.2, 3.4))
    for trace, shade in zip(traces, (SHADES[1], colour("schedule_free")), strict=False):
        ax.plot(np.arange(1, len(trace) + 1), trace["loss"], color=shade, linewidth=2, label=trace.label)
    ax.set(xscale="log", yscale="log", xlim=(1, len(traces[0])), ylim=(0.003, 6))
    ax.legend(frameon=False, fontsize=9, loc="lower left")
    return dress(ax, title="The loss that the loop prints", x="step", y="mean loss")


def _dots(ax, columns: dict):
    """One column of dots for each end of a run, a dot a seed, with a bar at the median."""
    for i, (name, values) in enumerate(columns.items()):
        shade = LOOKS[name][0]
        ax.plot(i + np.linspace(-0.16, 0.16, len(values)), values, "o", color=shade, markersize=4.5, alpha=0.75)
        ax.plot([i - 0.3, i + 0.3], [np.median(values)] * 2, color=shade, linewidth=2.4)
    ax.set_xticks(range(len(columns)), [LOOKS[name][1].replace(" falls", "\nfalls") for name in columns], fontsize=8)
    ax.set_xlim(-0.6, len(columns) - 0.4)


def ends(noisy, clean, ax=None):
    """Test accuracy of every seed on wrong labels, its training loss, and the accuracy where all labels are right."""
    ax = _panels(3, size=(9, 3.3)) if ax is None else ax
    titles = ("test accuracy", "training loss", "test accuracy, right labels")
    for one, columns, title in zip(ax, (noisy.accuracy, noisy.loss, clean.accuracy), titles, strict=True):
        _dots(one, columns)
        dress(one, title=title)
        one.xaxis.grid(False)
    ax[2].set_ylim(*(clean.accuracy["last"].mean() + np.array([-0.5, 0.5]) * np.ptp(ax[0].get_ylim())))
    return ax


def on_the_way(runs, ax=None):
    """Test accuracy of the run and of the average of its points, over the steps: medians, and from worst to best."""
    ax = axes(ax, (6.4, 3.5))
    late = ~np.isnan(runs.mean_curve).any(axis=1)
    for name, rows, text in (("last", late | True, "the run itself"), ("mean", late, "mean from step 600 on")):
        curve = (runs.curve if name == "last" else runs.mean_curve)[rows]
        shade = LOOKS[name][0]
        ax.fill_between(runs.steps[rows], curve.min(axis=1), curve.max(axis=1), color=shade, alpha=0.18, linewidth=0)
        ax.plot(runs.steps[rows], np.median(curve, axis=1), color=shade, linewidth=2, label=text)
    ax.set(xlim=(0, runs.steps[-1]), ylim=(0.72, 0.97))
    ax.legend(frameon=False, fontsize=9, loc="lower left")
    return dress(ax, title="A quarter of the labels redrawn, eight seeds", x="step", y="test accuracy")


def line(along, ax=None):
    """Training loss and test accuracy from the last point to the mean and beyond: median, and from worst to best."""
    ax = _panels(size=(8, 3.2)) if ax is None else ax
    for one, values, title in zip(ax, (along.loss, along.accuracy), ("training loss", "test accuracy"), strict=True):
        one.fill_between(along.at, values.min(axis=1), values.max(axis=1), color=INK, alpha=0.12, linewidth=0)
        one.plot(along.at, np.median(values, axis=1), color=INK, linewidth=2)
        for at, name in ((0, "last"), (1, "mean")):
            height = np.median(values, axis=1)[np.argmin(np.abs(along.at - at))]
            one.plot(at, height, "o", color=LOOKS[name][0], markersize=9, markeredgecolor="white")
        one.set_xticks([0, 1], ["last point", "mean"])
        dress(one, title=title)
    ax[0].set_ylim(0, None)
    return ax


def frame(ax) -> None:
    """The explorer: one run on the left, root mean square errors on the right."""
    ax[0].set(xlim=(0, 400), ylim=(-3, 10))
    dress(ax[0], title="one run from p = 10, and its averages", x="step", y="p (minimum at 0)")
    ax[1].set(xlim=(0, 400), yscale="log", ylim=(0.03, 20))
    ax[1].set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
    for x, name in ((0.36, "last"), (0.66, "mean"), (0.84, "ema")):
        shade, label = LOOKS[name]
        ax[1].text(x, 0.92, label, transform=ax[1].transAxes, color=shade, fontsize=9)
    dress(ax[1], title="root mean square over all runs", x="step")


def draw(shown, ax) -> str:
    """One setting of the explorer, and the errors at its end."""
    for one, rows in zip(ax, (shown.paths, shown.errors), strict=True):
        for name, values, width in zip(("last", "mean", "ema"), rows, (0.9, 2.2, 2.2), strict=True):
            first = 0 if name == "last" else shown.start + 1
            steps = np.arange(first, len(values))
            one.plot(steps, values[first:], color=LOOKS[name][0], linewidth=width)
        one.axvline(shown.start, color=INK, linestyle=":", linewidth=1)
    last, mean, ema = shown.errors[:, -1]
    return f"At step 400: last point {last:.3g}, mean {mean:.3g}, EMA {ema:.3g}."
