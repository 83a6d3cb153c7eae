"""The search's losses against the exact ones, where rounding would show first."""

import numpy as np
import pytest

from course_lib.nqm import expected_loss, harmonic, spectrum
from course_lib.nqm.landscape import Landscape, lowest
from course_lib.nqm.quick import losses

ONE = spectrum([1.0], [1.0])
CRITICAL = [  # the lr at which both roots are equal, by 1 - momentum or 1 - decay
    ("heavy_ball", lambda rest: (1 - (1 - rest) ** 0.5) ** 2),
    ("nesterov", lambda rest: (rest / (2 - rest)) ** 2),
    ("ema", lambda rest: rest),
]


def exact(problem, method, t, lr, rest, batch_size):
    own = {} if method == "sgd" else {"decay" if method == "ema" else "momentum": 1 - rest}
    return expected_loss(problem, t, method=method, lr=lr, batch_size=batch_size, **own)


@pytest.mark.parametrize(("method", "critical"), CRITICAL)
@pytest.mark.parametrize("rest", [2.0**-k for k in (1, 3, 6, 10, 17)])
def test_eight_digits_at_critical_damping_and_next_to_it(method, critical, rest):
    for beside in (0, -1e-15, 1e-15, -1e-9, 1e-9, 1e-4, -1e-4):
        lr = critical(rest) * (1 + beside)
        for t in (1, 10, 1000, 10**5):
            want = exact(ONE, method, t, lr, rest, 1)
            assert losses(ONE, method, t, lr, rest, 1)[0] == pytest.approx(want, rel=1e-8)


@pytest.mark.parametrize("method", ["sgd", "heavy_ball", "nesterov", "ema"])
def test_a_loss_without_noise_keeps_its_digits_far_below_one(method):
    still, rest = spectrum([1.0], [0.0]), 1.0 if method == "sgd" else 0.125
    want = exact(still, method, 400, 0.3, rest, 1)
    assert want < 1e-18
    assert losses(still, method, 400, 0.3, rest, 1)[0] == pytest.approx(want, rel=1e-8)


def test_a_loss_of_zero_has_a_height():
    land = Landscape(spectrum([1.0], [0.0]), "sgd", 1.0, 0.05, None, 1.0)
    assert -700 < land.heights(1.0, land.point(1.0, 1.0))[0] < -600


def test_one_point_without_derivatives_leaves_the_others_their_bottom():
    land = Landscape(harmonic(10), "sgd", 1e6, 0.05, None, 1.0)
    alone, _ = lowest(land, 30, np.array([[2.0]]))
    both, _ = lowest(land, 30, np.array([[2.0], [np.nan]]))
    assert both[0] == pytest.approx(alone[0], abs=1e-9)
    assert both[1] == np.inf
