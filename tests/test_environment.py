"""One list of dependencies: environment.yml and constraints.txt only repeat what pyproject.toml says."""

import ast
import re
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from course_lib import __main__ as bootstrap
from course_lib.cli import ROOT
from course_lib.lessons import lessons
from course_lib.lessons.source import read

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIREMENTS = [Requirement(line) for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]]
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
PINS = {canonicalize_name(name): Version(pin) for name, _, pin in (line.partition("==") for line in CONSTRAINTS)}


def test_conda_brings_python_and_pip_and_pyproject_the_rest():
    *conda, pip = ENVIRONMENT["dependencies"]
    names = [re.match(r"[a-z]+", line)[0] for line in conda]
    assert names == ["python", "pip"]
    assert pip == {"pip": ["-c constraints.txt", "-e .[test]"]}


def test_every_python_that_the_project_names_is_the_same():
    (line,) = [line for line in ENVIRONMENT["dependencies"] if str(line).startswith("python")]
    assert SpecifierSet(line.removeprefix("python")) == SpecifierSet(PROJECT["requires-python"])
    assert SpecifierSet(PROJECT["requires-python"]) == SpecifierSet(">={}.{}".format(*bootstrap.OLDEST))


@pytest.mark.parametrize("line", CONSTRAINTS)
def test_a_constraint_is_a_name_and_an_exact_public_version(line):
    assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9a-z.]+", line)  # no +cpu: each machine takes its own build of torch


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda r: r.name)
def test_a_dependency_has_a_pin_inside_its_range(requirement):
    assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)])


def test_what_an_extra_brings_the_tests_have_too():
    extras = PROJECT["optional-dependencies"]
    assert all(set(extra) <= set(extras["test"]) for extra in extras.values())


IMPORTED_AS = {"scikit-learn": "sklearn", "pillow": "PIL"}
STUDENTS = {
    IMPORTED_AS.get(name, name.replace("-", "_"))
    for name in (Requirement(line).name for line in PROJECT["dependencies"])
}
BROUGHT_ALONG = {"IPython", "jupyter_client", "jupyter_server", "packaging", "psutil"}  # by ipykernel and jupyterlab
OURS = sorted({path.parent for path in (ROOT / "course_lib").rglob("*.py")})
WITH_MORE = {  # by whose own wish it is
    "optim.py": {"optax"},
    "pytest_budget.py": {"pytest"},
    "mapped.py": {"distributed", "ray"},
    "optuna_race.py": {"optuna"},
}


def imported(source: str) -> set[str]:
    """The top-level names that a text imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def lacking(source: str, extra=frozenset()) -> set[str]:
    """What a text imports that the first command of the README does not install."""
    return imported(source) - set(sys.stdlib_module_names) - STUDENTS - BROUGHT_ALONG - {"course_lib"} - extra


@pytest.mark.parametrize("stem", lessons(ROOT))
def test_a_lesson_needs_no_more_than_students_have(stem):
    name = f"solutions/{stem}.md"
    code = "\n".join(cell.source for cell in read(ROOT / name, name).cells if cell.cell_type == "code")
    assert lacking(code) == set()


@pytest.mark.parametrize("folder", OURS, ids=lambda folder: folder.name)
def test_the_package_needs_no_more_than_students_have(folder):
    assert {
        (path.name, name)
        for path in folder.glob("*.py")
        for name in lacking(path.read_text(encoding="utf-8"), WITH_MORE.get(path.name, set()))
    } == set()


def test_an_import_of_what_only_the_tests_have_is_seen():
    assert lacking("import optax\nfrom jax import numpy\ndef f():\n    from hypothesis import given") == {
        "optax",
        "hypothesis",
    }


@pytest.mark.parametrize("path", [".github/workflows/test.yml", ".pre-commit-config.yaml"])
def test_the_workflow_and_the_hooks_are_yaml(path):
    assert yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_ci_runs_the_command_that_students_have():
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))
    assert {"run": "python -m course_lib test"} in workflow["jobs"]["test"]["steps"]
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"][0] == "{}.{}".format(*bootstrap.OLDEST)
