"""The style is ruff's, so that nobody argues about it."""

import subprocess
import sys

import pytest

from course_lib.cli import ROOT


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_has_nothing_to_say(command):
    ruff = [sys.executable, "-m", "ruff", *command, "course_lib", "tests"]
    said = subprocess.run(ruff, cwd=ROOT, capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
