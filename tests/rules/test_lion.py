"""Lion: steps of one length, and two means."""

import numpy as np
import pytest

from course_lib.rules import lion


def test_two_steps_by_hand():
    p, s = lion.step(np.array([1.0, 1.0]), np.array([0.5, -8.0]), lion.init(np.zeros(2)), lr=0.1, beta2=0.75)
    np.testing.assert_allclose(p, [0.9, 1.1])
    np.testing.assert_allclose(s.m, [0.125, -2.0])
    p, s = lion.step(p, np.array([-0.5, 8.0]), s, lr=0.1, beta1=0.75, beta2=0.75)
    np.testing.assert_allclose(p, [0.9 + 0.1, 1.1 - 0.1])  # 0.75 * 0.125 - 0.25 * 0.5 < 0


def test_the_step_mixes_by_beta1_and_the_mean_by_beta2():
    s = lion.State(m=1.0)
    p, s = lion.step(0.0, -8.9, s, lr=1.0)
    assert (p, s.m) == (-1.0, pytest.approx(0.99 - 0.089))
    assert lion.step(0.0, -9.1, lion.State(m=1.0), lr=1.0)[0] == 1.0


@pytest.mark.parametrize("d", [1, 100])
def test_every_step_has_the_length_lr_times_the_root_of_d(d):
    rng = np.random.default_rng(0)
    p, s = np.zeros(d), lion.init(np.zeros(d))
    for _ in range(20):
        q, s = lion.step(p, rng.standard_normal(d), s, lr=0.01)
        assert np.linalg.norm(q - p) == pytest.approx(0.01 * d**0.5, rel=1e-9)
        p = q


def test_nothing_moves_where_nothing_was_ever_seen():
    assert lion.step(1.5, 0.0, lion.init(1.5), lr=1.0)[0] == 1.5


def test_the_decay_is_decoupled():
    assert lion.step(2.0, 0.0, lion.init(2.0), lr=0.1, weight_decay=0.5)[0] == pytest.approx(2.0 * 0.95)
