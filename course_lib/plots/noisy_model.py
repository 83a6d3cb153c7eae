"""Pictures of lesson 13."""

import numpy as np

from course_lib.plots.noisy_quadratic import label_apart
from course_lib.plots.style import INK, SHADES, axes, colour, dress, label_end

WIDE = (6.4, 3.6)
EMA = SHADES[2]
LOOKS = {
    "sgd": (colour("sgd"), "SGD"),
    "momentum": (colour("momentum"), "heavy ball"),
    "nesterov": (colour("nesterov"), "Nesterov"),
    "ema": (EMA, "EMA of SGD"),
    "half": (SHADES[3], "SGD with $H^{1/2}$"),
}


def _panels(size=(8.2, 3.3), **kwargs):
    import matplotlib.pyplot as plt

    return plt.subplots(1, 2, figsize=size, layout="constrained", **kwargs)[1]


def beside(found, ax=None, shades=SHADES, title="Dots: the mean of 300 runs. Lines: a formula"):
    """The mean loss of many runs as dots, a formula's as lines, one colour a rate."""
    ax, ends = axes(ax, WIDE), []
    for one, shade in zip(found, shades, strict=False):
        ax.errorbar(one.steps, one.loss, 2 * one.error, fmt="o", color=shade, markersize=3.5, linewidth=1)
        ax.plot(one.steps, one.formula, color=shade, linewidth=1.6)
        ends.append((one.steps[-1], one.formula[-1], f"lr = {one.lr:g}", shade))
    ax.set(xscale="log", yscale="log", xlim=(0.9, 4 * found[0].steps[-1]))
    ax.set_yticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
    ax.minorticks_off()
    dress(ax, title=title, x="step", y="mean loss")
    return label_apart(ax, ends)


def clouds(found, ax=None):
    """Mean and variance over many runs, for two starts; two Axes."""
    ax = _panels() if ax is None else ax
    for one, shade, style in zip(found, (SHADES[0], SHADES[2]), ("-", "--"), strict=True):
        t = np.arange(len(one.mean))
        label = f"from N({one.start:g}, 1)"
        for panel, values in zip(ax, (one.mean, one.variance), strict=True):
            panel.plot(t, values, style, color=shade, linewidth=2, label=label)
    ax[1].set(ylim=(0, 1.1))
    for panel in ax:
        panel.legend(frameon=False, fontsize=9)
    dress(ax[0], title="the mean over 4000 runs", x="step", y="mean of p")
    dress(ax[1], title="the variance over the same runs", x="step", y="variance of p")
    return ax


def search(found, best, ax=None):
    """Steps to the target over the rate, and the best (steps, lr); a rate whose floor is too high has none."""
    ax = axes(ax, WIDE)
    there = np.isfinite(found.steps)
    ax.loglog(found.lr[there], found.steps[there], "o-", color=colour("sgd"), markersize=4, linewidth=1.5)
    first = found.lr[~there].min()
    ax.axvspan(first, 2, color="#f3d9dc", linewidth=0)
    ax.text(first * 1.06, found.steps[there].max() / 2, "never", color="#882255", fontsize=9)
    steps, lr = best
    ax.plot(lr, steps, "o", color=SHADES[0], markersize=9, markeredgecolor="white", zorder=4)
    ax.annotate(
        f"{steps:,.0f} steps",
        (lr, steps),
        xytext=(-10, -3),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=9,
    )
    ax.set(xlim=(found.lr[0] * 0.9, 2), ylim=(steps / 2, None))
    return dress(ax, title="SGD to loss 0.1, 1000 dimensions, B = 16", x="lr", y="steps to the target")


def methods(found, target=0.1, ax=None):
    """The loss of each method at its best setting; the dot is where it reaches the target."""
    ax = axes(ax, (6.8, 3.8))
    for name, one in found.items():
        shade, label = LOOKS[name]
        steps = one.answer.steps
        style = "--" if name == "nesterov" else "-"
        ax.plot(one.steps, one.loss, style, color=shade, linewidth=1.8, label=f"{label}: {steps:,} steps")
        under = name == "ema"  # 505 steps, beside the 500 of H^(1/2)
        size = {"markersize": 12, "zorder": 3.5} if under else {"markersize": 7, "zorder": 4}
        ax.plot(steps, target, "o", color=shade, markeredgecolor="white", **size)
    ax.axhline(target, color=INK, linestyle=":", linewidth=1)
    ax.set(xscale="log", yscale="log", xlim=(1, found["sgd"].steps[-1]), ylim=(0.07, 5))
    ax.set_yticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
    ax.minorticks_off()
    ax.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 0.08))
    return dress(ax, title="Each tuned to reach 0.1 in the fewest steps, B = 16", x="step", y="expected loss")


def bug(found: dict, ax=None):
    """Best rate and steps over the batch size, one line a search; two Axes."""
    ax = _panels() if ax is None else ax
    for (name, best), shade, style in zip(found.items(), (SHADES[1], colour("sgd")), ("o-", "s--"), strict=False):
        for panel, values in zip(ax, (best.lr, best.steps), strict=True):
            panel.loglog(best.batch_sizes, values, style, color=shade, linewidth=1.8, markersize=5, label=name)
    for panel in ax:
        panel.set_xscale("log", base=4)
        panel.set_xlabel("batch size B")
    ax[0].set_ylim(5e-4, 3)
    ax[1].set_ylim(1e2, 1e6)
    ax[1].legend(frameon=False, fontsize=9)
    dress(ax[0], title="the best rate found", x="batch size B", y="best lr")
    dress(ax[1], title="its steps to loss 0.1", x="batch size B", y="steps")
    return ax


def wave(found, ax=None):
    """A loss that passes its target several times, the first passage and the one that a bisection gives."""
    ax = axes(ax, WIDE)
    ax.plot(found.steps, found.loss, color=colour("momentum"), linewidth=1.8)
    ax.axhline(found.target, color=INK, linestyle=":", linewidth=1)
    passages = ((found.first, "first", SHADES[3], -22), (found.found, "by bisection", SHADES[0], 34))
    for step, name, shade, up in passages:
        ax.plot(step, found.loss[step - 1], "o", color=shade, markersize=8, markeredgecolor="white", zorder=4)
        place = {"xytext": (0, up), "textcoords": "offset points"}
        ax.annotate(f"{name}: {step}", (step, found.target), color=shade, fontsize=9, **place)
    ax.set(xlim=(0, found.steps[-1]), ylim=(0.5, 3))
    return dress(ax, title="Heavy ball, momentum 0.99: down, up, and down again", x="step", y="expected loss")


def frame(ax, plain) -> None:
    """The explorer: the loss over the steps, and SGD's steps over the batch size, `plain` of each target."""
    ax[0].set(xscale="log", yscale="log", xlim=(1, 1e6), ylim=(0.02, 6))
    dress(ax[0], title="grey: SGD, blue: yours", x="step", y="expected loss")
    for target, (batch_sizes, steps) in plain.items():
        ax[1].loglog(batch_sizes, steps, color="#9a9a9a", linewidth=1.2)
        label_end(ax[1], batch_sizes[-1], steps[-1], f"{target:g}", "#777777")
    ax[1].set(xlim=(0.8, 12_000), ylim=(1, 2e6))
    ax[1].set_xscale("log", base=4)
    dress(ax[1], title="lines: SGD to each target, dot: yours", x="batch size B", y="steps")


def draw(setting, ax) -> str:
    """One setting of the explorer, its steps beside plain SGD's and the bound."""
    ax[0].plot(setting.steps, setting.plain_loss, color="#9a9a9a", linewidth=1.8)
    ax[0].plot(setting.steps, setting.loss, color=colour("momentum"), linewidth=1.8)
    ax[0].axhline(setting.target, color=INK, linestyle=":", linewidth=1)
    ax[0].plot(setting.answer.steps, setting.target, "o", color=SHADES[1], markersize=8, markeredgecolor="white")
    ax[1].plot(setting.batch_size, setting.answer.steps, "o", color=SHADES[1], markersize=9, markeredgecolor="white")
    return (
        f"{setting.answer.steps:,} steps at lr {setting.answer.lr:.3g}; plain SGD {setting.plain.steps:,} at lr "
        f"{setting.plain.lr:.3g}; no method below {setting.bound:,.0f}."
    )
