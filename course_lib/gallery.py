"""The pictures in `images/`, each drawn by the library: `course images` writes them."""

from collections.abc import Callable
from pathlib import Path


def sgd():
    from course_lib.experiments import sgd as lab
    from course_lib.plots import sgd as show
    from course_lib.rules import sgd

    return show.floors(lab.floors(sgd))


def momentum():
    from course_lib.experiments import momentum as lab
    from course_lib.plots import momentum as show
    from course_lib.rules import momentum

    return show.race(lab.race(momentum), lab.VALLEY)


def nesterov():
    from course_lib.experiments import nesterov as lab
    from course_lib.plots import nesterov as show

    return show.looks(lab.looks())


def adam():
    from course_lib.experiments import adam as lab
    from course_lib.plots import adam as show
    from course_lib.rules import adam

    return show.lengths(lab.lengths(adam), lab.lengths(lab.uncorrected))


def adaptive():
    from course_lib.experiments import adaptive as lab
    from course_lib.plots import adaptive as show
    from course_lib.rules import adagrad, sgd

    return show.rows({"sgd": lab.learn(sgd, lr=100), "adagrad": lab.learn(adagrad, lr=8)}, lab.untrained())


PICTURES: dict[str, Callable] = {
    "sgd.png": sgd,
    "momentum.png": momentum,
    "nesterov.png": nesterov,
    "adam.png": adam,
    "adaptive.png": adaptive,
}


def write(folder: Path) -> list[Path]:
    """Draw every picture into `folder`; the same bytes each time on one version of matplotlib."""
    import matplotlib.pyplot as plt

    folder.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        figure = draw().figure
        figure.savefig(folder / name, dpi=110, metadata={"Software": None})
        plt.close(figure)
    return [folder / name for name in PICTURES]
