"""The benchmark's plain program is right, and every claim has its row."""

import numpy as np
import pytest

from course_lib.bench import nqm
from course_lib.nqm import expected_loss, harmonic, steps_to_target


@pytest.mark.parametrize(("method", "second"), [("sgd", 0.0), ("heavy_ball", 0.8), ("ema", 0.9)])
def test_the_plain_loss_is_the_loss(method, second):
    own = {} if method == "sgd" else {"decay" if method == "ema" else "momentum": second}
    want = expected_loss(harmonic(20), 37, method=method, lr=0.3, batch_size=4, **own)
    assert nqm.plain_loss(harmonic(20), 37, method, 0.3, second, 4) == pytest.approx(want, rel=1e-10)


def test_the_plain_program_comes_near_the_search_and_never_below():
    problem = harmonic(20)
    for method in ("sgd", "heavy_ball", "ema"):
        found = steps_to_target(problem, 0.2, method=method, batch_size=16).steps
        assert found <= nqm.grid_and_bisection(problem, 0.2, method, 16, (16, 8)) <= 2 * found


def test_bisection_finds_the_first_step_and_gives_up_in_time():
    assert [nqm.bisected(lambda t, n=n: n - t, 0) for n in (1, 2, 7, 1000)] == [1, 2, 7, 1000]
    assert nqm.bisected(lambda t: 1.0, 0) == np.inf


def test_every_claim_has_its_row(monkeypatch):
    monkeypatch.setattr(nqm, "TARGET", 0.3)
    monkeypatch.setattr(nqm, "PLAIN_BATCH", 64.0)
    monkeypatch.setattr(nqm, "fresh", lambda dimension, batch_sizes: 1.0)
    rows = list(nqm.run(50, np.array([16.0, 64.0]), 10**6, (3, 2)))
    assert [row.ours.split()[0] for row in rows] == ["8", "8", "100", "100", "100", "100", "beaten", "with", "not"]
    assert [row.ratio for row in rows if row.goal == 0] == [0, 0]


def test_a_fresh_process_reports_its_time():
    assert nqm.fresh(10, [2.0**19]) > 0
