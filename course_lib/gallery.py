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


def weight_decay():
    from course_lib.experiments import weight_decay as lab
    from course_lib.plots import weight_decay as show
    from course_lib.rules import adam_l2, adamw

    measured = {"adam_l2": lab.noise(adam_l2), "adamw": lab.noise(adamw)}
    return show.sizes(measured, lab.SIGMAS, lambda sigma: ((0.025 * sigma) ** 0.5, 0.025**0.5))


def schedules():
    from course_lib.experiments import schedules as lab
    from course_lib.plots import schedules as show

    return show.bars(lab.table())[0]


def averaging():
    from course_lib.experiments import averaging as lab
    from course_lib.plots import averaging as show

    return show.cloud(lab.cloud(), lab.BOWL)[0]


def fair_comparison():
    from course_lib.experiments import fair_comparison as lab
    from course_lib.plots import fair_comparison as show

    best = sorted(lab.ladder().best.values(), key=lambda tuned: -tuned.median)
    runs = {tuned.name: tuned.values for tuned in best}
    title = "A transformer on Shakespeare, each method at its best rate"
    return show.ranges(runs, title=title, x="validation loss, nats", lines=lab.lines())


def lr_finder():
    from course_lib.experiments import lr_finder as lab
    from course_lib.plots import lr_finder as show
    from course_lib.schedules import OneCycle

    def one_cycle(t, steps, peak):
        plan = OneCycle(peak, steps)
        return plan(t), plan.momentum(t)

    return show.cycles(lab.cycles(one_cycle))[0]


def clipping():
    from course_lib.clipping import by_global_norm
    from course_lib.experiments import clipping as lab
    from course_lib.plots import clipping as show

    return show.cliff(lab.paths(lambda gradients, limit: by_global_norm(gradients, limit)[0]), lab.surface())[0]


def landscape():
    from course_lib.experiments import landscape as lab
    from course_lib.plots import landscape as show

    return show.edges(lab.edges(), [2 / lr for lr in lab.RATES])


def batch_size():
    from course_lib.experiments import batch_size as lab
    from course_lib.plots import batch_size as show

    return show.methods(lab.methods())


def after_adam():
    from course_lib.experiments import after_adam as lab
    from course_lib.plots import after_adam as show

    return show.words(lab.words())


def procedure():
    from course_lib.experiments import procedure as lab
    from course_lib.plots import procedure as show

    log = lab.capstone.load()
    return show.log(log, lab.tuning_log.kept(log), lab.capstone.adamw_median())


def race():
    from course_lib.experiments import race as lab
    from course_lib.plots import race as show

    return show.race(lab.run(), lab.SURFACE)


def noisy_model():
    from course_lib.experiments import noisy_model as lab
    from course_lib.plots import noisy_model as show

    return show.methods(lab.methods())


PICTURES: dict[str, Callable] = {
    "sgd.png": sgd,
    "momentum.png": momentum,
    "nesterov.png": nesterov,
    "adam.png": adam,
    "adaptive.png": adaptive,
    "weight_decay.png": weight_decay,
    "schedules.png": schedules,
    "averaging.png": averaging,
    "fair_comparison.png": fair_comparison,
    "lr_finder.png": lr_finder,
    "clipping.png": clipping,
    "landscape.png": landscape,
    "batch_size.png": batch_size,
    "after_adam.png": after_adam,
    "procedure.png": procedure,
    "race.webp": race,
    "noisy_model.png": noisy_model,
}


def write(folder: Path) -> list[Path]:
    """Draw every picture into `folder`; the same bytes each time on one version of matplotlib."""
    folder.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        save(draw(), folder / name)
    return [folder / name for name in PICTURES]


def save(drawn, path: Path) -> None:
    """Write Axes as a picture, or a matplotlib animation as a GIF or WebP, and close all figures."""
    import matplotlib.pyplot as plt
    from matplotlib.animation import Animation, PillowWriter

    if isinstance(drawn, Animation):
        drawn.save(path, writer=PillowWriter(fps=9), dpi=90)
    else:
        drawn.figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close("all")
