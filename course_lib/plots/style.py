"""The look of the course: colours, frames and lettering, set on Axes and never on matplotlib's global state."""

from matplotlib.axes import Axes

INK, PAPER = "#333333", "#dddddd"
SHADES = ("#882255", "#CC6677", "#DDA237", "#117733")  # several runs of one method, dark to light and back

COLOURS = {  # distinguishable in the common kinds of colour blindness (Wong 2011; Tol 2021)
    "sgd": "#444444",
    "momentum": "#0072B2",
    "nesterov": "#D55E00",
    "adagrad": "#999933",
    "adadelta": "#88CCEE",
    "rmsprop": "#009E73",
    "adam": "#AA3377",
    "adam_l2": "#E08CA8",
    "adamw": "#661155",
    "amsgrad": "#332288",
    "nadam": "#CC6677",
    "adamax": "#6699CC",
    "radam": "#44AA99",
    "lookahead": "#A67C52",
    "lion": "#DDA237",
    "muon": "#117733",
    "schedule_free": "#56B4E9",
}
OTHER = "#CC79A7"  # a rule that the course does not know, a student's own for example


def colour(name: str) -> str:
    """The colour of an optimiser, the same in every picture."""
    return COLOURS.get(name, OTHER)


def axes(ax: Axes | None = None, size: tuple[float, float] = (6, 3.4)) -> Axes:
    """`ax`, or a new one on a figure of `size` inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def dress(ax: Axes, *, title: str = "", x: str = "", y: str = "", grid: bool = True) -> Axes:
    """Titles at the left, no box, a faint grid."""
    ax.set_title(title, loc="left", fontsize=11, color=INK)
    ax.set_xlabel(x, color=INK)
    ax.set_ylabel(y, color=INK)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color("#999999")
    ax.tick_params(colors=INK, labelsize=9)
    ax.set_axisbelow(True)
    if grid:
        ax.grid(True, color=PAPER, linewidth=0.7)
    return ax


def label_end(ax: Axes, x: float, y: float, text: str, color: str) -> None:
    """A line's name at its end, in its colour: no legend to look up."""
    ax.annotate(text, (x, y), xytext=(5, 0), textcoords="offset points", color=color, fontsize=9, va="center")
