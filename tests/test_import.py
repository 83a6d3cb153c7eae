"""`import course_lib` is light."""

import json
import subprocess
import sys

PROGRAM = """
import json, sys, time
start = time.process_time()
import course_lib
print(json.dumps([time.process_time() - start, "torch" in sys.modules, "jax" in sys.modules]))
"""
GOAL, MARGIN = 0.05, 2  # seconds of the processor; a busy machine counts more


def test_the_package_starts_in_50_ms_and_imports_neither_torch_nor_jax():
    said = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    seconds, torch, jax = json.loads(said.stdout)
    assert seconds <= MARGIN * GOAL
    assert not torch
    assert not jax
