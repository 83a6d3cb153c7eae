"""The command `course`: lab, test, build, new, exercises, images, nqm, bench, doctor.

It imports the standard library alone until a command is chosen.
"""

import argparse
import importlib
import importlib.util
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LABCONFIG = Path(__file__).resolve().parent / "labconfig"
TESTED = ("tests", "solutions", "notebooks")
NBVAL = ("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120")
BENCHMARKS = ("optim", "sweep", "train", "nqm")  # modules of course_lib.bench
METHODS = ("sgd", "heavy_ball", "nesterov", "ema")  # of nqm.steps_to_target
BUDGET = ("-p", "course_lib.experiments.pytest_budget")  # CPU time of each lesson
WORKERS = ("-n", "2", "--dist", "loadscope")  # nbval's cells must stay together: one worker a notebook


def main(argv=None) -> int:
    """Run the command line `argv` (default: the program's); return the exit code."""
    args = parse(sys.argv[1:] if argv is None else argv)
    return args.run(args) or 0


def parse(argv):
    """The arguments, with `.extra` what goes on to JupyterLab or pytest; exits 2 with one sentence on a wrong one."""
    own, extra = split(argv)
    args, unknown = parser().parse_known_args(own)
    if unknown and args.command != "test":
        parser().error(f"unknown argument {unknown[0]!r}; see `course {args.command} --help`")
    args.extra = [*unknown, *extra]
    return args


def split(argv):
    at = argv.index("--") if "--" in argv else len(argv)
    return argv[:at], argv[at + 1 :]


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"{self.prog}: {message}\n")


def parser() -> Parser:
    top = Parser(prog="course", description="How deep networks are optimised: the course's own command.")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name, run, **words):
        command = commands.add_parser(name, allow_abbrev=False, description=words["help"], **words)
        command.set_defaults(run=run)
        return command

    sub = add("lab", lab, help="open the lessons in JupyterLab", usage="course lab [LESSON] [-- jupyter arguments]")
    sub.add_argument("lesson", nargs="?", metavar="LESSON", help="a number (02) or a name (02_momentum)")
    add("test", test, help="run every test, or those that you name", usage="course test [pytest arguments]")
    sub = add("build", build, help="write notebooks/ from solutions/")
    sub.add_argument("--check", action="store_true", help="write nothing, only say what is not up to date")
    sub.add_argument("--execute", action="store_true", help="run the solutions again, changed or not")
    sub.add_argument("lessons", nargs="*", metavar="LESSON", help="only these")
    sub = add("new", new, help="start a lesson in solutions/")
    sub.add_argument("stem", metavar="NN_topic", help="such as 17_sharpness")
    sub = add("exercises", exercises, help="list the exercises, lesson by lesson")
    sub.add_argument("--matrix", action="store_true", help="try every known mistake: is it caught by its own sentence?")
    add("images", images, help="draw the pictures in images/ again")
    nqm_commands(add("nqm", nqm, help="the noisy quadratic model: its figures, and steps to a target"))
    sub = add("bench", bench, help="measure speed beside its peers, as ratios in one run")
    sub.add_argument("what", choices=BENCHMARKS, metavar="WHAT", help=" or ".join(BENCHMARKS))
    sub.add_argument("--record", action="store_true", help="keep the table in course_lib/bench/")
    add("doctor", doctor, help="say what this machine has and lacks")
    return top


def nqm_commands(command):
    parts = command.add_subparsers(dest="part", metavar="PART", required=True)
    words = {"allow_abbrev": False}
    parts.add_parser("figures", help="draw its figures into images/", **words)
    sub = parts.add_parser("steps", help="the fewest steps to a target loss, all settings tuned", **words)
    sub.add_argument("--optimiser", choices=METHODS, required=True, help="what takes the steps")
    sub.add_argument("--batch-size", type=float, nargs="+", required=True, metavar="B", help="one batch size or more")
    sub.add_argument("--target", type=float, required=True, metavar="LOSS", help="the expected loss to reach")
    sub.add_argument("--dimension", type=whole, default=10_000, metavar="D", help="coordinates, h = c = 1/i (10000)")
    sub.add_argument("--momentum", type=float, metavar="MU", help="held fixed; tuned where left out")
    sub.add_argument("--decay", type=float, metavar="GAMMA", help="the same of an EMA")
    sub.add_argument("--power", type=float, default=0.0, metavar="P", help="steps multiplied by H^-P (0)")
    sub.add_argument("--json", action="store_true", help="JSON in place of a table")


def whole(text: str) -> int:
    """A whole number, also as 1e12."""
    number = float(text)
    if not number.is_integer():
        raise ValueError(text)
    return int(number)


@contextmanager
def lesson_errors():
    """The package `lessons`, imported late; its LessonError becomes one sentence and exit code 2."""
    from course_lib import lessons

    try:
        yield lessons
    except lessons.LessonError as error:
        sys.exit(complain(str(error)))


def complain(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2


def hand_over(command: list[str], environ: dict[str, str]) -> int:
    """Become that program; Windows cannot, so there wait for it and return its exit code."""
    sys.stdout.flush()
    if os.name != "nt":
        os.execve(command[0], command, environ)
    process = subprocess.Popen(command, env=environ)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the program heard it too and answers in its own way
            continue


def lab(args) -> int:
    if not (ROOT / "notebooks").is_dir():
        return complain(f"There are no lessons at {ROOT}: `course lab` works in a clone of the course's repository.")
    stem = "00_start"
    if args.lesson:
        with lesson_errors() as lessons:
            stem = lessons.resolve(args.lesson, ROOT)
    return hand_over([*lab_command(ROOT, stem), *args.extra], lab_environment(os.environ))


def lab_command(root: Path, stem: str) -> list[str]:
    """What starts JupyterLab on the repository `root`, at lesson `stem` if it exists."""
    path = f"/notebooks/{stem}.md"
    url = f"/lab/tree{path}" if (root / path[1:]).exists() else "/lab/tree/notebooks"
    return [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root}", f"--LabApp.default_url={url}"]


def lab_environment(environ) -> dict[str, str]:
    """`environ` with our settings for JupyterLab: a double click on .md opens a notebook, sliders answer at once."""
    paths = [str(LABCONFIG), *filter(None, [environ.get("JUPYTER_CONFIG_PATH")])]
    return {**environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}


def test(args) -> int:
    lacking = [name for name in ("pytest", "nbval", "xdist") if importlib.util.find_spec(name) is None]
    if lacking:
        return complain(f"The tests need {', '.join(lacking)}: `python -m course_lib test` installs what they need.")
    os.chdir(ROOT)
    return hand_over(test_command(args.extra), test_environment(os.environ))


def test_command(extra: list[str]) -> list[str]:
    """pytest on everything, or on what `extra` names by path or -k."""
    chosen = any(word.startswith("-k") or (ROOT / word.partition("::")[0]).exists() for word in extra)
    paths = [] if chosen else [name for name in TESTED if (ROOT / name).is_dir()]
    return [sys.executable, "-m", "pytest", *NBVAL, *BUDGET, *WORKERS, *paths, *extra]


def test_environment(environ) -> dict[str, str]:
    """`environ` with one thread a process, no progress bars, and no plotting backend chosen from outside."""
    kept = {name: value for name, value in environ.items() if name != "MPLBACKEND"}
    return {**kept, "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}


def build(args) -> int:
    with lesson_errors() as lessons:
        lines = lessons.check() if args.check else lessons.build(args.lessons, execute=args.execute)
    print(*lines, sep="\n", end="\n" if lines else "")
    return 1 if args.check and lines else 0


def new(args) -> int:
    with lesson_errors() as lessons:
        print(lessons.new(args.stem))
    return 0


def exercises(args) -> int:
    from course_lib.exercises import matrix

    with lesson_errors() as lessons:
        topics = {stem[3:]: stem for stem in lessons.lessons(ROOT)}
    found = {topics.get(topic, topic): inside for topic, inside in matrix.by_topic().items()}
    if not args.matrix:
        print(*(matrix.listing(lesson, found[lesson]) for lesson in sorted(found)), sep="\n\n")
        return 0
    rows = {lesson: matrix.rows(found[lesson]) for lesson in sorted(found)}
    print(*(matrix.table(lesson, inside) for lesson, inside in rows.items()), matrix.LEGEND, sep="\n\n")
    return 1 if any(row.faults for inside in rows.values() for row in inside) else 0


def images(args) -> int:
    os.environ["MPLBACKEND"] = "agg"
    from course_lib import gallery

    print(*gallery.write(ROOT / "images"), sep="\n")
    return 0


def nqm(args) -> int:
    os.environ["MPLBACKEND"] = "agg"
    from course_lib import noisy_quadratic as model

    if args.part == "figures":
        print(*model.write(ROOT / "images"), sep="\n")
        return 0
    words = {"dimension": args.dimension, "power": args.power, "momentum": args.momentum, "decay": args.decay}
    try:
        rows = model.steps(args.optimiser, args.batch_size, args.target, **words)
    except ValueError as error:
        return complain(str(error))
    print(model.as_json(rows) if args.json else model.table(rows))
    return 0


def bench(args) -> int:
    from course_lib.bench import optim, record

    what = importlib.import_module(f"course_lib.bench.{args.what}")
    rows = []
    for row in what.run():
        print(f"{row.shapes:12} {row.ours:18} {row.milliseconds:9.2f} ms   {row.ratio:5.2f} of {row.peer}", flush=True)
        rows.append(row)
    text = record.page(args.what, what.__doc__, optim.table(rows))
    if args.record:
        (ROOT / "course_lib" / "bench" / f"{args.what}.md").write_text(text, encoding="utf-8")
    else:
        print("", optim.table(rows), sep="\n")
    return 0


def doctor(args) -> int:
    from course_lib import doctor

    found = doctor.examine()
    print(doctor.report(found))
    return 1 if doctor.ill(found) else 0


if __name__ == "__main__":
    sys.exit(main())
