"""Pictures of lesson 16."""

import numpy as np

from course_lib.plots import axes, colour, dress
from course_lib.plots.style import INK, SHADES

GREY = "#999999"
RANDOM, GRID = SHADES[1], colour("momentum")


def log(entries, kept, target: float, ax=None):
    """A row for each entry: a dot a seed, a bar over the range, coloured where it was kept; dashed what is to beat."""
    ax = axes(ax, (7.2, 1.1 + 0.42 * len(entries)))
    for row, entry in enumerate(entries):
        scores, shade = entry["scores"], SHADES[3] if row in kept else GREY
        ax.plot([min(scores), max(scores)], [row, row], color=shade, linewidth=8, alpha=0.3)
        ax.plot(scores, [row] * len(scores), "o", color=shade, markersize=5)
    ax.axvline(target, color=INK, linestyle="--", linewidth=1)
    ax.set(ylim=(len(entries) - 0.4, -0.6))
    ax.set_yticks(range(len(entries)), [_says(entry) for entry in entries])
    return dress(ax, title="A log: green is kept, grey is not (dashed: to beat)", x="validation loss of three seeds")


def _says(entry: dict) -> str:
    settings = entry["settings"]
    now = settings["rule"] if entry["change"] in ("baseline", "rule") else settings[entry["change"]]
    says = f"{entry['change']}: {now:g}" if entry["change"] == "lr" else f"{entry['change']}: {now}"
    return says if entry["change"] == "lr" else f"{says}, lr {settings['lr']:g}"


def published(runs: dict, reshuffled=None, ax=None):
    """Published final losses as dots, our range over twenty orders of the data as bars, in per cent of the dot."""
    rows = runs | ({"the fifth, reshuffled": reshuffled} if reshuffled else {})
    ax = axes(ax, (7.2, 3.4))
    for row, run in enumerate(rows.values()):
        low, high = (100 * (x / run.published - 1) for x in (run.low, run.high))
        ax.plot([low, high], [row, row], color=SHADES[3] if run.inside else SHADES[0], linewidth=9, alpha=0.45)
        ax.plot(0, row, "o", color=INK, markersize=5)
    ax.set(ylim=(len(rows) - 0.4, -0.6))
    ax.set_yticks(range(len(rows)), list(rows))
    return dress(ax, title="Dots: published. Bars: ours, 20 orders of the data", x="test loss, % off the published")


def searches(found: dict, surface):
    """Sixteen trials as a grid and at random on the map of the loss; white is diverged, dark is good."""
    import matplotlib.pyplot as plt

    both = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained", sharey=True)[1]
    for ax, (name, one) in zip(both, found.items(), strict=True):
        height = np.log10(np.maximum(surface.loss / surface.best - 1, 1e-4))
        ax.pcolormesh(surface.lr, surface.rest, height.T, cmap="Blues_r", vmin=-4, vmax=1, shading="nearest")
        ax.plot(*one.settings.T, "o", color=RANDOM if name == "random" else GRID, markeredgecolor="white", markersize=7)
        ax.set(xscale="log", yscale="log")
        best = np.nanmin(one.loss) / surface.best
        dress(ax, title=f"{name}: {100 * (best - 1):.2f} % above the best", x="learning rate", grid=False)
    both[0].set_ylabel("1 − momentum")
    return both


def race(run, ax=None):
    """Successive halving: the loss of each trial over its epochs, thick the winner."""
    ax = axes(ax, (6.6, 3.4))
    low = np.nanmin(run.full)
    for trial in range(len(run.full)):
        seen = [(n, losses[trial] - low) for n, losses in sorted(run.rounds.items()) if trial in losses]
        style = {"color": SHADES[3], "linewidth": 2.5, "zorder": 3} if trial == run.winner else {"color": GREY}
        n, loss = np.array(seen).T
        ax.plot(n, np.maximum(loss, 1e-3), "o-", markersize=4, **style)
    ax.set(xscale="log", yscale="log")
    ax.set_xticks(sorted(run.rounds), [f"{n}" for n in sorted(run.rounds)])
    ax.minorticks_off()
    return dress(ax, title="27 trials, 9, 3, 1", x="epochs", y="loss above the best of all 27")


def reported(before: dict, after: dict | None = None, ax=None):
    """Loss that is reported for each method: on the grid as it was, and as a ring on one that was widened."""
    ax = axes(ax, (6.6, 2.6))
    for found, fill in ((before, None), (after or {}, "white")):
        for row, (name, (lr, loss)) in enumerate(found.items()):
            shade = colour(name.lower())
            ax.plot(loss, row, "o", color=shade, markerfacecolor=fill or shade, markersize=10)
            place = {"xytext": (0, -15 if fill else 9), "textcoords": "offset points", "ha": "center", "fontsize": 9}
            ax.annotate(f"lr {lr:.0e}", (loss, row), color=INK, **place)
    ax.set(xlim=(83, 107), ylim=(len(before) - 0.4, -0.6))
    ax.set_yticks(range(len(before)), list(before))
    title = "Each at its best rate" + (" (rings: mended)" if after else "")
    return dress(ax, title=title, x="training loss")


def schedules(runs: dict, ax=None):
    """Validation loss of the seeds of each live run, one row a schedule."""
    ax = axes(ax, (6.6, 1.8))
    for row, scores in enumerate(runs.values()):
        ax.plot([min(scores), max(scores)], [row, row], color=colour("adamw"), linewidth=8, alpha=0.3)
        ax.plot(scores, [row] * len(scores), "o", color=colour("adamw"), markersize=5)
    ax.set(ylim=(len(runs) - 0.4, -0.6))
    ax.set_yticks(range(len(runs)), list(runs))
    return dress(ax, title="AdamW, three seeds each", x="validation loss, nats")


def frame(ax) -> None:
    """The explorer: two of the settings on the left, the chance of a hit over the trials on the right."""
    ax[0].set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])
    dress(ax[0], title="two of the settings; shaded: good", x="first setting", y="second setting", grid=False)
    ax[1].set(xlim=(1, 400), ylim=(0, 1.03), xscale="log")
    ax[1].text(0.03, 0.93, "random", color=RANDOM, transform=ax[1].transAxes, fontsize=9)
    ax[1].text(0.03, 0.85, "grid", color=GRID, transform=ax[1].transAxes, fontsize=9)
    dress(ax[1], title="chance that at least one trial is good", x="trials")


def draw(setting, ax) -> str:
    """One setting of the explorer, and both chances at its number of trials."""
    top = 0.62 + setting.width if setting.important > 1 else 1
    low = 0.62 if setting.important > 1 else 0
    ax[0].fill_between([0.27, min(0.27 + setting.width, 1)], low, min(top, 1), color=SHADES[2], alpha=0.35, linewidth=0)
    ax[0].plot(*setting.grid.T, "s", color=GRID, markersize=4)
    ax[0].plot(*setting.random.T, "o", color=RANDOM, markersize=4)
    ax[1].plot(setting.n, setting.by_chance, color=RANDOM, linewidth=1.8)
    ax[1].plot(setting.n, setting.by_grid, color=GRID, linewidth=1.8)
    ax[1].axvline(setting.trials, color=INK, linewidth=0.8)
    i = setting.trials - 1
    return (
        f"{setting.trials} trials: random {setting.by_chance[i]:.2f}, "
        f"grid {setting.by_grid[i]:.2f} with {setting.values} values a setting."
    )
