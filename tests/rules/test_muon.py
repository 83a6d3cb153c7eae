"""Muon: what its iteration does to singular values, whatever the axes."""

import numpy as np
import pytest
import torch

from course_lib.rules import adamw, muon
from course_lib.rules.muon import newton_schulz

RNG = np.random.default_rng(0)
SEED = RNG.bit_generator.state


@pytest.fixture(autouse=True)
def seeded():
    """Every test sees the same numbers, whatever ran before."""
    RNG.bit_generator.state = SEED


def rotation(n):
    return np.linalg.qr(RNG.standard_normal((n, n)))[0]


def with_singular_values(values, rows):
    """A matrix of unit Frobenius norm with singular values in the ratio of `values`."""
    return rotation(rows)[:, : len(values)] @ np.diag(values / np.linalg.norm(values)) @ rotation(len(values))


def polynomial(s):
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return s


def test_singular_values_between_a_fiftieth_and_one_land_near_one():
    seen = polynomial(np.geomspace(0.02, 1, 10_001))
    assert (seen.min(), seen.max()) == (pytest.approx(0.6818, abs=1e-3), pytest.approx(1.1344, abs=1e-3))


@pytest.mark.parametrize("rows", [8, 20])
def test_the_iteration_acts_on_singular_values_alone(rows):
    values = np.geomspace(0.02, 0.9, 8)
    x = with_singular_values(values, rows)
    inside = np.linalg.svd(x, compute_uv=False)
    outside = np.linalg.svd(newton_schulz(x), compute_uv=False)
    np.testing.assert_allclose(np.sort(outside), np.sort(polynomial(inside)), rtol=0, atol=1e-12)
    assert 0.68 < outside.min() < outside.max() < 1.14


def test_the_scale_of_the_matrix_does_not_count():
    x = RNG.standard_normal((4, 6))
    np.testing.assert_allclose(newton_schulz(1e3 * x), newton_schulz(x), rtol=1e-9)


def test_the_transposed_matrix_has_the_transposed_factor():
    x = RNG.standard_normal((4, 7))
    np.testing.assert_allclose(newton_schulz(x.T), newton_schulz(x).T, rtol=0, atol=1e-14)


def test_a_zero_gradient_gives_no_step():
    assert not newton_schulz(np.zeros((3, 2))).any()


def test_its_arguments_are_those_of_the_rule():
    x = RNG.standard_normal((3, 3))
    np.testing.assert_array_equal(newton_schulz(x), newton_schulz(x, iterations=5, eps=1e-7))
    assert not np.allclose(newton_schulz(x, iterations=4), newton_schulz(x))
    np.testing.assert_allclose(newton_schulz(x, coefficients=(1.5, -0.5, 0.0), iterations=60), polar(x), atol=1e-9)
    tiny = 1e-9 * x  # whose norm eps exceeds
    np.testing.assert_allclose(newton_schulz(tiny, iterations=0), tiny / 1e-7)


def polar(x):
    u, _, v = np.linalg.svd(x)
    return u @ v


def test_torchs_iteration_is_the_same_in_bfloat16():
    from torch.optim._muon import _zeropower_via_newtonschulz

    x = torch.from_numpy(RNG.standard_normal((6, 4)))
    theirs = _zeropower_via_newtonschulz(x, muon.COEFFICIENTS, 5, 1e-7).double()
    assert (newton_schulz(x) - theirs).norm() / theirs.norm() < 3e-2  # of eight bits, over five iterations


@pytest.mark.parametrize("shape", [(6, 6), (6, 3)])
def test_rotating_the_gradient_rotates_the_step(shape):
    """Unlike Adam's, whose steps depend on the axes."""
    p, g = np.zeros(shape), RNG.standard_normal((3, *shape))
    left, right = rotation(shape[0]), rotation(shape[1])

    def walk(gradients, rule):
        p, s = np.zeros(shape), rule.init(np.zeros(shape))
        for g in gradients:
            p, s = rule.step(p, g, s, lr=0.1)
        return p

    rotated = [left @ x @ right for x in g]
    np.testing.assert_allclose(walk(rotated, muon), left @ walk(g, muon) @ right, rtol=0, atol=1e-12)
    assert not np.allclose(walk(rotated, adamw), left @ walk(g, adamw) @ right, atol=1e-2)
    assert p.shape == shape


def test_a_tall_matrix_takes_longer_steps():
    def size(*shape):
        g = with_singular_values(np.ones(min(shape)), max(shape))
        g = g if shape[0] >= shape[1] else g.T
        p, _ = muon.step(np.zeros(shape), g, muon.init(g), lr=1.0, weight_decay=0.0)
        return np.linalg.norm(p, 2)

    assert size(12, 3) == pytest.approx(2 * size(3, 12), rel=1e-9)
    assert size(3, 12) == pytest.approx(size(3, 3), rel=1e-9)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4)])
def test_what_is_no_matrix_is_refused(shape):
    with pytest.raises(ValueError, match=rf"^muon takes matrices; this parameter has shape \({str(shape)[1:-1]}\)"):
        muon.init(np.zeros(shape))


def test_beside_it_adamw_takes_what_is_no_matrix():
    for shape, rule, hypers in [((3, 2), muon, {"lr": 0.1}), ((3,), adamw, {"lr": 0.2, "beta2": 0.95})]:
        p, g = RNG.standard_normal((2, *shape))
        ours, s = muon.with_adamw.step(p, g, muon.with_adamw.init(p), lr=0.1, adamw_lr=0.2, weight_decay=0.3)
        wanted, state = rule.step(p, g, rule.init(p), weight_decay=0.3, **hypers)
        np.testing.assert_array_equal(ours, wanted)
        assert type(s) is type(state)
