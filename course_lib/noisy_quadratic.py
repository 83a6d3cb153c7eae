"""The noisy quadratic model at the terminal: `course nqm figures` and `course nqm steps`."""

import json
import math
import os
from dataclasses import asdict
from functools import cache
from pathlib import Path

COLUMNS = ("batch_size", "steps", "lr", "momentum", "decay", "loss")
FIGURES = {  # picture: the experiment that computes it and the plot that draws it, in the order of the claims
    "nqm_curves.png": ("curves", "curves"),
    "nqm_targets.png": ("targets", "targets"),
    "nqm_preconditioner.png": ("powers", "powers"),
    "nqm_schedules.png": ("schedules", "schedules"),
    "nqm_momentum.png": ("momenta", "momenta"),
    "nqm_effective_lr.png": ("momenta", "effective"),
    "nqm_averaging.png": ("averaging", "averaging"),
    "nqm_bound.png": ("gap", "gap"),
    "nqm_adam.png": ("adaptive", "adaptive"),
}


def write(folder: Path, names=tuple(FIGURES)) -> list[Path]:
    """Compute and draw the figures into `folder`, with a progress bar; the same pictures each time."""
    import matplotlib.pyplot as plt
    from tqdm.auto import tqdm

    from course_lib.experiments import noisy_quadratic as lab
    from course_lib.plots import noisy_quadratic as show

    compute = cache(lambda name: getattr(lab, name)())
    folder.mkdir(exist_ok=True)
    silent = "TQDM_DISABLE" in os.environ
    for name in tqdm(names, desc="figures", unit="figure", leave=False, disable=silent):
        computed, drawn = FIGURES[name]
        figure = getattr(show, drawn)(compute(computed)).figure
        figure.savefig(folder / name, dpi=110, metadata={"Software": None})
        plt.close(figure)
    return [folder / name for name in names]


def steps(optimiser: str, batch_sizes, target: float, *, dimension=10_000, power=0.0, **held) -> list[dict]:
    """The fewest steps to `target`, one row a batch size; `held` is a momentum or decay that is not tuned.

    `steps` is None where the target is out of reach, and `reason` says why. Raises ValueError for an argument that is
    not allowed.
    """
    from course_lib.nqm.search import steps_to_target
    from course_lib.nqm.spectrum import harmonic, precondition

    problem = precondition(harmonic(dimension), power)
    asked = {"optimiser": optimiser, "dimension": dimension, "power": power, "target": target}
    rows = []
    for b in batch_sizes:
        answer = asdict(steps_to_target(problem, target, method=optimiser, batch_size=b, **held))
        rows.append({**asked, "batch_size": b, **{name: _finite(value) for name, value in answer.items()}})
    return rows


def _finite(value):
    """JSON has no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def table(rows: list[dict]) -> str:
    """What was asked, then a line a batch size: whole numbers in full, others to six digits, how steps are known."""
    first = rows[0]
    head = "{optimiser}, {dimension:,} coordinates, power {power:g}, target {target:g}".format(**first)
    cells = [COLUMNS, *([_text(row[name]) for name in COLUMNS] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    notes = ["", *(row["reason"] or row["certified"] for row in rows)]
    lines = ["  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)) for line in cells]
    return "\n".join([head, *(f"{line}  {note}".rstrip() for line, note in zip(lines, notes, strict=True))])


def _text(value) -> str:
    if value is None:
        return "-"
    whole = isinstance(value, int) or (value.is_integer() and value)
    return f"{value:,.0f}" if whole else f"{value:.6g}"


def as_json(rows: list[dict]) -> str:
    return json.dumps(rows, indent=1)
