"""Pictures of lesson 02."""

import numpy as np

from course_lib.plots import axes, colour, dress, label_end, path
from course_lib.plots.style import INK, SHADES
from course_lib.theory import shrink

PALE = "#9db4c0"


def race(traces, valley, ax=None):
    """Two paths in the long valley."""
    ax = path(traces, valley, axes(ax, (6.4, 3.6)), view=(-1.1, 0.6, -0.55, 0.7))
    return dress(ax, title="The same valley, the same number of steps", x="flat: h = 1", y="steep: h = 50", grid=False)


def kappas(plain: dict, heavy: dict, ax=None):
    """Steps over the condition number for gradient descent and momentum, both logarithmic."""
    ax = axes(ax)
    for steps, name, label in ((plain, "sgd", "gradient descent"), (heavy, "momentum", "momentum")):
        x, y = np.array(list(steps)), np.array(list(steps.values()))
        ax.loglog(x, y, "o-", color=colour(name), linewidth=1.8)
        label_end(ax, x[-1], y[-1], label, colour(name))
    ax.set_xlim(x[0] * 0.7, x[-1] * 14)
    return dress(ax, title="Steps to a millionth of the error", x="condition number κ", y="steps")


def drops(traces, ax=None, at: int = 50):
    """Length of each step around a drop of lr, one line a convention."""
    ax = axes(ax)
    for trace, shade, style in zip(traces, (colour("momentum"), SHADES[0], SHADES[2]), ("-", "--", ":"), strict=True):
        ax.plot(np.arange(1, len(trace) + 1), trace["move"], style, color=shade, linewidth=2, label=trace.label)
    ax.axvline(at + 0.5, color=INK, linewidth=0.8)
    ax.legend(frameon=False, fontsize=9)
    ax.set(ylim=(0, 1.08))
    return dress(ax, title=f"lr falls to a tenth after step {at}", x="step", y="length of the step")


def bug(traces, ax=None, at: int = 100):
    """E p² around a drop of lr: the broken loop and the mended one."""
    ax = axes(ax)
    for trace, shade, style in zip(traces, (SHADES[0], colour("momentum")), ("-", "--"), strict=True):
        ax.plot(trace["mean_square"], style, color=shade, linewidth=1.8, label=trace.label)
    ax.axvline(at, color=INK, linewidth=0.8)
    ax.set(yscale="log")
    ax.legend(frameon=False, fontsize=9)
    return dress(ax, title=f"lr falls to a tenth at step {at}", x="step", y="E p²")


def frame(ax) -> None:
    """The explorer: the phase diagram on the left, the error on the right."""
    x, mu = np.meshgrid(np.linspace(0, 4, 161), np.linspace(0, 0.999, 121))
    ax[0].contourf(x, mu, shrink(x, mu), levels=np.linspace(0, 1, 11), cmap="Blues_r", alpha=0.8)
    ax[0].fill([2, 4, 4], [0, 0, 1], color="#f3d9dc")
    edge = np.linspace(0, 0.999, 100)
    ax[0].plot((1 - np.sqrt(edge)) ** 2, edge, color="black", linewidth=1)
    ax[0].plot((1 + np.sqrt(edge)) ** 2, edge, color="black", linewidth=1)
    ax[0].text(3.1, 0.2, "blows up", color="#882255", fontsize=9)
    ax[0].text(1.0, 0.5, "swings", color="black", fontsize=9)
    ax[0].set(xlim=(0, 4), ylim=(0, 1))
    dress(ax[0], title="dark: fast, pale: slow", x="lr·h", y="momentum μ", grid=False)
    ax[1].set(xlim=(0, 80), ylim=(1e-8, 1e3), yscale="log")
    dress(ax[1], title="the error, and its long-run rate", x="step")


def draw(setting, ax) -> str:
    """One setting of the explorer, and in which region it lies."""
    ax[0].plot(setting.x, setting.momentum, "o", color=INK, markersize=10, markeredgecolor="white")
    steps = np.arange(len(setting.error))
    ax[1].plot(steps, np.maximum(setting.error, 1e-30), color=colour("momentum"), linewidth=1.8)
    with np.errstate(over="ignore"):
        ax[1].plot(steps, setting.shrink**steps, color=INK, linestyle="--", linewidth=1)
    region = "blows up" if setting.shrink > 1 else "swings" if _swings(setting) else _real(setting)
    if np.isclose(setting.shrink, 1):
        region = "neither grows nor shrinks"
    return f"Times {setting.shrink:.3f} a step in the long run: the error {region}."


def _real(setting) -> str:
    """What the error does where both roots are real: they are positive left of the black lines, negative right."""
    return "creeps" if setting.x < 1 else "changes sides at every step"


def _swings(setting) -> bool:
    """Whether the two roots are complex."""
    return (1 + setting.momentum - setting.x) ** 2 < 4 * setting.momentum
