"""The CPU time of a lesson: printed, read again, and judged where the tests run it."""

import subprocess
import sys

import nbformat
import pytest

from course_lib.experiments import budget


def test_what_is_printed_is_the_time_of_this_process_and_can_be_read_again(capsys):
    budget.spent(7)
    seconds, promised = budget.read(capsys.readouterr().out)
    assert promised == 7
    assert 0 < seconds < 3600


def test_another_text_tells_no_time():
    assert budget.read("CPU time: 3 s") is None


@pytest.mark.parametrize(("seconds", "too_much"), [(9, False), (10, False), (20, False), (21, True)])
def test_beyond_twice_the_budget_is_too_much(seconds, too_much):
    assert budget.Spent(seconds, 10).is_too_much is too_much


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    """What the tests say of three notebooks, one of them too slow and one without a budget."""
    folder = tmp_path_factory.mktemp("lessons") / "solutions"
    folder.mkdir()
    line = "CPU time of this lesson: {} s, budget 5 s"
    for stem, text in {"01_quick": line.format(9), "02_slow": line.format(11), "03_other": "done"}.items():
        cell = nbformat.v4.new_code_cell(f"print({text!r})", execution_count=1)
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / f"{stem}.ipynb")
    options = ["--nbval-lax", "--nbval-current-env", "-p", "course_lib.experiments.pytest_budget", "-n", "1"]
    command = [sys.executable, "-m", "pytest", *options, "-p", "no:cacheprovider", folder.name]
    return subprocess.run(command, cwd=folder.parent, capture_output=True, encoding="utf-8", check=False)


def test_the_tests_say_how_long_each_lesson_took(tested):
    said = tested.stdout.splitlines()
    at = said.index("solutions/01_quick.ipynb: 9 of 5 s")
    assert "CPU time of the lessons, of their budget" in said[at - 1]
    assert said[at + 1] == "solutions/02_slow.ipynb: 11 of 5 s"
    assert "03_other.ipynb: " not in "\n".join(said[at:])


def test_a_lesson_beyond_twice_its_budget_fails(tested):
    assert tested.returncode == 1
    assert "solutions/02_slow.ipynb: 11 of 5 s of CPU time; 2 times the budget is the most." in tested.stdout
    assert "1 failed, 2 passed" in tested.stdout
