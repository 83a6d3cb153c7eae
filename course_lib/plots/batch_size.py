"""Pictures of lesson 14: steps over the batch size, of the model and of the digits net."""

import numpy as np

from course_lib.plots.noisy_quadratic import BATCH, WIDE, label_apart
from course_lib.plots.style import INK, SHADES, axes, colour, dress

BATCHES = 4.0 ** np.arange(10)
LINES = {
    "SGD": colour("sgd"),
    "momentum": colour("momentum"),
    "average (EMA)": SHADES[2],
    "H^½": colour("rmsprop"),
    "best schedule": SHADES[0],
    "Bayes bound": INK,
}


def _over_batches(ax, last: float) -> None:
    ax.set(xscale="log", yscale="log", xlim=(0.8, 25 * last))
    ax.set_xscale("log", base=2)
    ax.set_xticks(4.0 ** np.arange(0, np.log(last) / np.log(4) + 0.1, 2))


def methods(steps: dict, ax=None):
    """Fewest steps over the batch size, one line a method; dashed the bound."""
    ax, ends = axes(ax, WIDE), []
    for name, line in steps.items():
        ax.plot(BATCHES, line, "--" if name == "Bayes bound" else "-", color=LINES[name], linewidth=1.8)
        ends.append((BATCHES[-1], line[-1], name.replace("H^½", "$H^{1/2}$"), LINES[name]))
    _over_batches(ax, BATCHES[-1])
    dress(ax, title="Twice the batch, half the steps: up to a point", x=BATCH, y="steps to loss 0.01")
    return label_apart(ax, ends)


def digits(best, s_min: float, e_min: float, ax=None):
    """Steps of the digits net at its best rates, and the fit; dashed its two ends."""
    ax = axes(ax, WIDE)
    few = best.batch_sizes
    fine = np.geomspace(few[0], few[-1], 200)
    ax.loglog(fine, s_min + e_min / fine, color=colour("sgd"), linewidth=1.8)
    ax.loglog(few, best.steps, "o", color=colour("sgd"), markersize=7)
    ax.loglog(fine, e_min / fine, "--", color=INK, linewidth=0.9)
    ax.axhline(s_min, color=INK, linestyle="--", linewidth=0.9)
    critical = e_min / s_min
    ax.loglog(critical, 2 * s_min, "o", color=SHADES[1], markersize=9, markeredgecolor="white")
    words = {"xytext": (8, 6), "textcoords": "offset points", "color": SHADES[1], "fontsize": 9}
    ax.annotate(f"critical batch {critical:.0f}: both twice their least", (critical, 2 * s_min), **words)
    ax.set(ylim=(0.6 * s_min, 1.5 * best.steps[0]))
    ax.set_xscale("log", base=2)
    ax.set_xticks(few)
    return dress(ax, title="The digits net: steps = S_min + E_min/B", x=BATCH, y="steps to loss 0.1")


def noise(found, critical: float, ax=None):
    """The noise scale as the loss falls, estimated and exact; dashed the critical batch size."""
    ax = axes(ax, WIDE)
    ax.loglog(found.loss, found.exact, "-", color=colour("sgd"), linewidth=1.8, label="all examples (JAX)")
    ax.loglog(found.loss, found.estimated, "o", color=SHADES[1], markersize=7, label="two batch sizes (torch)")
    ax.axhline(critical, color=INK, linestyle="--", linewidth=0.9, label="critical batch size")
    ax.set(xlim=(3, 0.25), xticks=[2, 1, 0.5, 0.3], xticklabels=["2", "1", "0.5", "0.3"])
    ax.minorticks_off()
    ax.set(yticks=[30, 100, 300], yticklabels=["30", "100", "300"])
    ax.legend(frameon=False, fontsize=9)
    title = "As the loss falls, noise takes over"
    return dress(ax, title=title, x="training loss, falling to the right", y="tr Σ / |G|²")


def adam_runs(runs: dict, target: float = 0.05, ax=None):
    """The model's loss under Adam over the examples seen: (batch size, loss at every step) by name."""
    ax, ends = axes(ax, WIDE), []
    shades = (colour("sgd"), SHADES[1], colour("adam"))
    for (name, (batch_size, loss)), shade in zip(runs.items(), shades, strict=False):
        seen = np.arange(len(loss)) * batch_size
        ax.semilogy(seen, loss, color=shade, linewidth=1.6)
        ends.append((seen[-1], loss[-1], name, shade))
    ax.hlines(target, 0, seen[-1], color=INK, linestyle="--", linewidth=0.9)
    ax.set(xlim=(0, 7300), xticks=range(0, 5000, 1000), ylim=(0.025, 4))
    dress(ax, title="Adam on 100 coordinates (dashed: the target)", x="examples seen", y="expected loss")
    return label_apart(ax, ends)


def frame(ax) -> None:
    """The explorer: steps over the batch size, and examples."""
    for one, y, limits in ((ax[0], "steps", (1, 1e9)), (ax[1], "examples", (1e3, 1e12))):
        _over_batches(one, BATCHES[-1])
        one.set(xlim=(0.8, 1.3 * BATCHES[-1]), ylim=limits)
        dress(one, title=f"{y} to the target", x=BATCH, y=y)


def draw(setting, ax) -> str:
    """One setting of the explorer, and what its critical batch size is."""
    shade = LINES[setting.method]
    for one, factor in ((ax[0], 1), (ax[1], BATCHES)):
        one.plot(BATCHES, setting.steps * factor, color=shade, linewidth=1.8)
        one.plot(BATCHES, setting.bound * factor, "--", color=INK, linewidth=1.2)
        one.axvline(setting.critical, color=SHADES[1], linewidth=1)
    most, least = setting.steps[0], setting.steps[-1]
    return (
        f"{setting.method}: {most:,.0f} steps at B = 1, {least:,.0f} at the largest. "
        f"Critical batch size {setting.critical:,.0f}; dashed: the Bayes bound."
    )
