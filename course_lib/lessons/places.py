"""Where lessons live and what they are called."""

import re
from importlib.resources import files
from pathlib import Path

from course_lib.lessons.error import LessonError

STEM = re.compile(r"[0-9]{2}(_[a-z0-9]+)+")


def find_root(root=None):
    """`root`, else the nearest folder upwards with pyproject.toml and solutions/, else the one with course_lib."""
    if root is not None:
        return _checked(Path(root).resolve())
    here = Path.cwd()
    package = Path(__file__).resolve().parents[2]
    for folder in (here, *here.parents, package):
        if (folder / "pyproject.toml").is_file() and (folder / "solutions").is_dir():
            return folder
    raise LessonError("No folder from here upwards has pyproject.toml and solutions/: go to the course's folder.")


def _checked(root):
    if not (root / "solutions").is_dir():
        raise LessonError(f"root is {root}, which has no folder solutions/.")
    return root


def lessons(root=None):
    """The stems of all lessons, in order. Raises LessonError for a bad file name or a number used twice."""
    found = {}
    for path in sorted((find_root(root) / "solutions").glob("*.md")):
        _check_stem(path.stem, f"solutions/{path.name}")
        number = path.stem[:2]
        if number in found:
            raise LessonError(f"solutions/{found[number]}.md and solutions/{path.name} have one number, {number}.")
        found[number] = path.stem
    return list(found.values())


def _check_stem(stem, shown):
    if not STEM.fullmatch(stem):
        raise LessonError(f"{shown} is no name of a lesson: two digits and a lower-case topic, such as 02_momentum.")


def resolve(name, root=None):
    """The stem that `name` means: '2', '02' and '02_momentum' are one lesson. Raises LessonError for any other."""
    stems = lessons(root)
    text = str(name)
    number = text.zfill(2) if re.fullmatch("[0-9]{1,2}", text) else None
    for stem in stems:
        if text == stem or number == stem[:2]:
            return stem
    raise LessonError(f"There is no lesson {text!r}; there are: {', '.join(stems) or 'none yet'}.")


def new(stem, root=None):
    """Write `solutions/<stem>.md` with every heading of a lesson, ready to build. Returns its path."""
    root = find_root(root)
    _check_stem(stem, repr(stem))
    taken = [known for known in lessons(root) if known[:2] == stem[:2]]
    if taken:
        raise LessonError(f"{stem!r} cannot be new: {taken[0]} has the number {stem[:2]}.")
    template = files("course_lib.lessons").joinpath("template.md").read_text(encoding="utf-8")
    path = root / "solutions" / f"{stem}.md"
    path.write_bytes(template.replace("TOPIC", stem[3:].replace("_", " ").capitalize()).encode())
    return path
