"""Averages by hand, by their variance, and against TensorFlow's and optax's formulas."""

import copy
import math
import pickle

import numpy as np
import optax
import pytest
from scipy.signal import lfilter

from course_lib import averaging
from course_lib.arrays import to_numpy

EVERY = {
    "mean": averaging.running_mean(),
    "ema": averaging.ema(0.9),
    "warm": averaging.ema(0.9, warmup=True),
    "from zero": averaging.ema_from_zero(0.9),
}
every_average = pytest.mark.parametrize("average", EVERY.values(), ids=EVERY)


def means(average, points):
    s, path = average.init(points[0]), []
    for p in points:
        s = average.step(p, s)
        path.append(average.value(s))
    return path


def test_the_running_mean_of_one_to_five():
    assert means(averaging.running_mean(), [1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx([1, 1.5, 2, 2.5, 3], rel=1e-15)


def test_an_ema_by_hand_begins_at_the_first_point():
    assert means(averaging.ema(0.5), [8.0, 4.0, 2.0]) == pytest.approx([8, 6, 4], rel=1e-15)


def test_an_ema_from_zero_by_hand():
    raw = [4, 4, 3]  # 0 -> 4 -> 4 -> 3, too small by 1/2, 3/4, 7/8
    wanted = [m / (1 - 0.5**t) for t, m in enumerate(raw, start=1)]
    assert means(averaging.ema_from_zero(0.5), [8.0, 4.0, 2.0]) == pytest.approx(wanted, rel=1e-15)


def test_the_warm_up_is_tensorflows():
    mean, wanted = 1.0, [1.0]
    points = [float(n % 7) + 1 for n in range(200)]
    for n, p in enumerate(points[1:], start=1):
        decay = min(0.95, (1 + n) / (10 + n))
        mean = decay * mean + (1 - decay) * p
        wanted.append(mean)
    assert means(averaging.ema(0.95, warmup=True), points) == pytest.approx(wanted, rel=1e-13)


def test_optax_corrects_an_ema_from_zero_in_the_same_way(x64):
    points = [np.array([1.0, -2.0]) * n for n in range(1, 30)]
    transform = optax.ema(0.9, debias=True)
    state, wanted = transform.init(points[0]), []
    for p in points:
        mean, state = transform.update(p, state)
        wanted.append(np.asarray(mean))
    assert np.allclose(means(EVERY["from zero"], points), wanted, rtol=1e-12)


@every_average
def test_a_constant_is_its_own_average_from_the_first_step_on(average):
    assert means(average, [3.0] * 50) == pytest.approx([3.0] * 50, rel=1e-12)


@pytest.mark.parametrize(("decay", "ratio"), [(0.9, 0.3233), (0.99, 0.0433)])
def test_an_ema_has_a_known_share_of_the_variance(decay, ratio):
    """Descent with noise at lr * h = 0.2 is x <- 0.8 x + noise."""
    a, rng = 0.8, np.random.default_rng(0)
    formula = (1 - decay) / (1 + decay) * (1 + a * decay) / (1 - a * decay)
    assert formula == pytest.approx(ratio, abs=1e-4)
    x = lfilter([1], [1, -a], rng.standard_normal((1500, 4000)), axis=0)
    path = np.array(means(averaging.ema(decay), list(x)))
    assert path[1000:].var() / x[1000:].var() == pytest.approx(formula, rel=0.03)


@every_average
def test_the_state_is_a_mean_and_a_count(average, library):
    p = library.asarray([[1.0, 2.0]], dtype=library.float32)
    s = average.step(p, average.step(p, average.init(p)))
    assert s.t == 2
    assert (s.mean.shape, s.mean.dtype) == (p.shape, p.dtype)
    assert np.allclose(to_numpy(average.value(s)), [[1, 2]], rtol=1e-6)


@every_average
def test_the_point_is_not_touched(average):
    p = np.array([1.0, 2.0])
    s = average.step(p, average.init(p))
    average.step(p + 1, s)
    assert p.tolist() == [1, 2]
    assert not np.shares_memory(s.mean, p)


@every_average
def test_an_average_can_be_copied_and_pickled(average):
    for twin in (copy.deepcopy(average), pickle.loads(pickle.dumps(average))):
        assert means(twin, [1.0, 5.0]) == means(average, [1.0, 5.0])


@pytest.mark.parametrize("make", [averaging.ema, averaging.ema_from_zero])
@pytest.mark.parametrize("decay", [-0.1, 1, 1.5, math.nan, math.inf])
def test_a_decay_out_of_range_is_refused(make, decay):
    with pytest.raises(ValueError, match=rf"^decay is {decay}; allowed is a number >= 0 and < 1$"):
        make(decay)


@pytest.mark.parametrize("decay", ["0.9", None, True])
def test_a_decay_that_is_no_number_is_refused(decay):
    with pytest.raises(TypeError, match=rf"^decay is {decay!r}; allowed is a number >= 0 and < 1$"):
        averaging.ema(decay)
