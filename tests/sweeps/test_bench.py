"""The benchmark's ways train the same nets; its times are not asserted."""

import numpy as np

from course_lib.bench import sweep
from course_lib.problems import digits
from course_lib.rules import adam
from course_lib.sweeps import sweep_torch


def test_all_ways_give_the_same_losses():
    data, lrs, seeds = digits.load(), [0.001, 0.01], [0, 1, 2]
    batched = sweep_torch(adam, lrs, seeds, x=data.x_train, y=data.y_train, steps=10, batch_size=64).loss
    for way in (sweep.with_train_torch, sweep.with_a_plain_loop):
        np.testing.assert_allclose(sweep.one_by_one(way, data, lrs, seeds, 10), batched, rtol=0, atol=1e-4)


def test_every_batched_way_stands_beside_every_single_one():
    rows = list(sweep.run(lrs=[0.01], seeds=[0, 1], steps=3, seconds=0))
    assert {(row.ours, row.peer) for row in rows} == {
        (ours, peer) for ours in ("sweep_torch", "sweep_jax") for peer in ("train_torch", "a plain loop")
    }
    assert {row.shapes for row in rows} == {"2 × 3"}
    assert all(row.ratio > 0 for row in rows)
