"""Two processes under torchrun do what one does with the same, twice as large batches."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = str(Path(__file__).with_name("together.py"))
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", "2"]
SAME = ("plain", "clipped", "accumulated", "resumed")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="torch on Windows comes without gloo's launcher")


def ends(folder, *launcher):
    """What the processes said, by rank."""
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, *launcher, PROGRAM, str(folder)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return ends(tmp_path_factory.mktemp("alone"))[0]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    both = ends(tmp_path_factory.mktemp("two"), *TORCHRUN)
    assert len(both) == 2
    return both


@pytest.mark.parametrize("name", [*SAME, "wrapped by hand"])
def test_two_processes_equal_one_with_the_doubled_batch(name, alone, two):
    one = alone["plain" if name == "wrapped by hand" else name]
    for rank in range(2):
        other = two[rank][name]
        np.testing.assert_allclose(other["weights"], one["weights"], rtol=0, atol=1e-10)
        for column, values in one["columns"].items():
            np.testing.assert_allclose(other["columns"][column], values, rtol=0, atol=1e-10)
    assert len(one["columns"]["loss"]) == (4 if name == "accumulated" else 12)
    assert two[0][name]["weights"] == two[1][name]["weights"]


def test_a_nan_in_one_share_stops_both_with_the_same_step_and_names(alone, two):
    assert alone["spoilt"]["stopped"].startswith("stopped at step 4: the gradient is not finite in 0.weight (NaN)")
    assert two[0]["spoilt"]["stopped"] == two[1]["spoilt"]["stopped"] == alone["spoilt"]["stopped"]
    assert two[0]["spoilt"]["weights"] == two[1]["spoilt"]["weights"]


def test_a_loss_that_is_infinite_in_one_process_stops_both(two):
    for said in two:
        assert said["infinite"]["stopped"] == "stopped at step 4: the loss is inf; the step was not taken"


def test_only_the_first_process_speaks(two):
    first, second = (said["spoilt"]["said"] for said in two)
    assert "run stopped at step 4" in first
    assert "0/12" in first
    assert second == ""


def test_each_process_goes_on_from_its_own_random_numbers(two):
    for said in two:
        assert said["with noise, resumed"]["weights"] == said["with noise"]["weights"]


def test_what_differs_between_the_processes_is_one_sentence_in_both(two):
    for said in two:
        assert said["other batches"]["refused"].startswith(
            "the order of the examples in batches differs between the processes"
        )
        assert said["too few"]["refused"] == "batches has one of 1 examples for 2 processes; each needs one at least"
        assert "what was found in checkpoint 'checkpoint" in said["seen by one"]["refused"]
