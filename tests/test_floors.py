"""The floors of the house: a module imports lower floors and its own room, and nothing else of the course."""

import ast
import sys
from pathlib import Path

import pytest

from course_lib.cli import ROOT

FLOORS = (
    ("arrays", "device", "hyperparameters", "rule", "trace"),
    ("rules", "schedules", "clipping", "averaging", "conventions", "problems", "theory", "nqm"),
    (
        "torch_optim",
        "torch_schedulers",
        "torch_clipping",
        "torch_averaging",
        "jax_optim",
        "jax_clipping",
        "jax_averaging",
        "triage",
        "mixed_precision",
    ),
    ("training", "trace_lr", "lr_finder", "sweeps"),
    ("bench", "experiments", "plots"),
    ("exercises", "gallery", "noisy_quadratic", "widgets"),
    ("lessons", "doctor"),
    ("cli",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
FRAMEWORK_FREE = ("rules", "exercises")
NAMELESS = {"utils", "common", "core", "helpers"}
PACKAGE = ROOT / "course_lib"
DOORSTEP = {"__init__.py", "__main__.py"}  # start on a bare Python
MODULES = sorted(
    path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if "labconfig" not in path.parts
)  # labconfig/ is Jupyter's to read, nobody imports it


def imports(source: str, module: str = "x.py") -> set[str]:
    """The dotted names that a module imports, anywhere in its text: `from a import b` is a.b, and `a` alone is a."""
    package = ["course_lib", *Path(module).parts[:-1]]
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def faults(module: str, source: str) -> list[str]:
    """What the imports of the file `module` (its path below course_lib) break of the rules above."""
    room = Path(module).parts[0].removesuffix(".py")
    if room not in FLOOR:
        return [f"{module}: {room} is on no floor; put it in the table"]
    wrong = []
    for name in sorted(imports(source, module)):
        top, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        if top == "course_lib" and other != room and FLOOR.get(other, len(FLOORS)) >= FLOOR[room]:
            wrong.append(f"{module} (floor {FLOOR[room]}) imports {name} (floor {FLOOR.get(other, 'none')})")
        if room in FRAMEWORK_FREE and top in ("torch", "jax"):
            wrong.append(f"{module} imports {top}")
    return wrong


@pytest.mark.parametrize("module", sorted(set(MODULES) - DOORSTEP))
def test_a_module_imports_only_what_lies_below_it(module):
    assert faults(module, (PACKAGE / module).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("module", sorted(DOORSTEP))
def test_the_doorstep_imports_the_standard_library_and_the_command(module):
    names = imports((PACKAGE / module).read_text(encoding="utf-8"), module)
    assert {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names} <= {"course_lib.cli"}


@pytest.mark.parametrize("module", MODULES)
def test_every_name_says_what_is_inside(module):
    assert NAMELESS.isdisjoint(Path(module).with_suffix("").parts)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("attic.py", ""),
        ("rules/sgd.py", "import torch"),
        ("rules/sgd.py", "def step():\n    from jax import numpy"),
        ("exercises/sgd.py", "import torch.nn as nn"),
        ("rules/sgd.py", "from course_lib import torch_optim"),
        ("rules/sgd.py", "from course_lib.conventions import lr"),
        ("rules/sgd.py", "from .. import problems"),
        ("rules/sgd.py", "from ..training import train"),
        ("arrays.py", "import course_lib.cli"),
        ("arrays.py", "from course_lib import attic"),
    ],
)
def test_a_wrong_import_is_found(module, source):
    assert len(faults(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("rules/sgd.py", "from course_lib.arrays import Array\nimport numpy"),
        ("rules/sgd.py", "from . import momentum\nfrom .momentum import State\nfrom course_lib.rules import momentum"),
        ("torch_optim.py", "import torch\nfrom course_lib import rules"),
    ],
)
def test_a_right_import_is_let_through(module, source):
    assert faults(module, source) == []
