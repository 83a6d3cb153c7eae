"""RAdam: when it trusts its average of squares, and by how much."""

import numpy as np
import pytest
from scipy.special import beta as beta_function

from course_lib.rules import radam


def test_rho_grows_by_one_a_step_at_first_and_passes_five_at_the_sixth():
    rho = [radam.rectification(t, 0.999)[0] for t in range(1, 7)]
    assert rho == pytest.approx([1.000, 1.9995, 2.9987, 3.9975, 4.996, 5.994], abs=6e-4)
    assert radam.rectification(10**6, 0.999)[0] == pytest.approx(1999)


@pytest.mark.parametrize(("t", "wanted"), [(6, 0.0258), (100, 0.215), (1000, 0.645), (2000, 0.828)])
def test_r_warms_up_over_two_thousand_steps(t, wanted):
    assert radam.rectification(t, 0.999)[1] == pytest.approx(wanted, abs=6e-4)


def test_the_first_five_steps_are_plain_and_the_sixth_is_not():
    moves = {}
    for scale in (1.0, 1000.0):
        p, s, moves[scale] = 0.0, radam.init(0.0), []
        for _ in range(6):
            q, s = radam.step(p, scale, s, lr=1.0)
            moves[scale].append(p - q)
            p = q
    assert moves[1.0][:5] == pytest.approx([1.0] * 5)
    assert moves[1000.0][:5] == pytest.approx([1000.0] * 5)  # in the units of the gradient
    assert moves[1.0][5] == pytest.approx(radam.rectification(6, 0.999)[1], rel=1e-5)
    assert moves[1000.0][5] == pytest.approx(moves[1.0][5], rel=1e-5)


def variance(rho):
    """Of the adaptive rate 1 / sqrt(v), if v is a scaled inverse chi-squared variable: equation (9)."""
    return rho / (rho - 2) - rho * 2 ** (2 * rho - 5) / np.pi * beta_function((rho - 1) / 2, (rho - 1) / 2) ** 2


@pytest.mark.parametrize(("t", "wanted"), [(6, 0.1750), (10, 0.0757), (50, 0.01089)])
def test_the_variance_of_the_adaptive_rate_is_that_of_the_paper(t, wanted):
    """Averages of squares of t gradients, nearly uniform in weight at beta2 = 0.999."""
    rng = np.random.default_rng(0)
    v = np.zeros(200_000)
    for i in range(1, t + 1):
        v = 0.999 * v + 0.001 * rng.standard_normal(v.size) ** 2
        corrected = v / (1 - 0.999**i)
    rho = radam.rectification(t, 0.999)[0]
    assert variance(rho) == pytest.approx(wanted, rel=2e-3)
    assert np.var(corrected**-0.5) == pytest.approx(variance(rho), rel=0.05)


def test_eps_stands_before_the_correction_in_torch_and_after_it_in_optax():
    g, late = 1e-9, radam.init(0.0)._replace(t=9)
    first, last = (radam.step(0.0, g, late, lr=1.0, corrected_eps=choice)[0] for choice in (False, True))
    correction, (_, r) = 1 - 0.999**10, radam.rectification(10, 0.999)
    m_hat, root = 0.1 * g / (1 - 0.9**10), (0.001 * g * g) ** 0.5
    assert first == pytest.approx(-r * m_hat * correction**0.5 / (root + 1e-8), rel=1e-9)
    assert last == pytest.approx(-r * m_hat / (root / correction**0.5 + 1e-8), rel=1e-9)
