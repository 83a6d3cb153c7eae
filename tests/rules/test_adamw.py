"""AdamW: weights that decay by themselves, and where that leads."""

import numpy as np
import pytest

from course_lib.rules import adam_l2, adamw


def walk(rule, gradient, steps, p, **hypers):
    s = rule.init(p)
    for _ in range(steps):
        p, s = rule.step(p, gradient(p), s, **hypers)
    return p


@pytest.mark.parametrize(("weight_decay", "wanted"), [(1e-4, 0.99999), (1e-2, 0.99900), (1.0, 0.90479)])
def test_with_a_zero_gradient_p_shrinks_by_one_minus_lr_times_weight_decay(weight_decay, wanted):
    p = walk(adamw, lambda p: 0.0, 100, 1.0, lr=1e-3, weight_decay=weight_decay)
    assert p == pytest.approx((1 - 1e-3 * weight_decay) ** 100, rel=1e-12)
    assert p == pytest.approx(wanted, abs=5e-6)


def test_it_shrinks_so_whatever_adams_averages_hold():
    s = adamw.init(1.0)._replace(m=0.0, v=7.0, t=9)
    assert adamw.step(2.0, 0.0, s, lr=0.1, weight_decay=0.5)[0] == 2.0 * 0.95


@pytest.mark.parametrize(("weight_decay", "wanted"), [(0.5, 2.0), (1.0, 1.0)])
def test_it_minimises_inside_a_box_of_one_over_weight_decay(weight_decay, wanted):
    """On (p - 5)^2 / 2, where L2 goes to 5 / (1 + weight_decay)."""
    p = walk(adamw, lambda p: p - 5, 8000, 0.0, lr=1e-2, weight_decay=weight_decay)
    assert p == pytest.approx(wanted, abs=0.01)
    p = walk(adam_l2, lambda p: p - 5, 8000, 0.0, lr=1e-2, weight_decay=weight_decay)
    assert p == pytest.approx(5 / (1 + weight_decay), abs=0.01)


@pytest.mark.parametrize("sigma", [0.1, 10.0])
def test_noise_of_any_size_leaves_weights_of_one_size(sigma):
    rng = np.random.default_rng(0)
    p = walk(adamw, lambda p: sigma * rng.standard_normal(p.size), 2000, np.zeros(1000), lr=0.01, weight_decay=0.5)
    assert np.sqrt(np.mean(p**2)) == pytest.approx((0.01 / (2 * 0.5)) ** 0.5, rel=0.05)
