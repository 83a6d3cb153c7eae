"""Clipping by hand, against a long way of writing it, and where it does not help."""

import math

import numpy as np
import pytest

from course_lib import clipping
from course_lib.arrays import to_numpy
from course_lib.clipping import adaptive, by_global_norm, by_norm, by_value, outputs_first, outputs_last


def degrees(g, h):
    return math.degrees(math.acos(np.dot(g, h) / np.linalg.norm(g) / np.linalg.norm(h)))


def test_by_value_is_symmetric():
    (clipped,), norm = by_value([np.array([-5, 0, 0.5, 3, 20])], 8)
    assert clipped.tolist() == [-5, 0, 0.5, 3, 8]
    (clipped,), norm = by_value([np.array([-5, 0, 0.5, 3, 20])], 1)
    assert clipped.tolist() == [-1, 0, 0.5, 1, 1]
    assert norm == pytest.approx(math.sqrt(434.25), rel=1e-15)


@pytest.mark.parametrize(("g", "turned"), [((3.0, 4.0), 8.130), ((100.0, 1.0), 44.43)])
def test_by_value_turns_the_gradient_and_by_norm_does_not(g, turned):
    (by_entry,), _ = by_value([np.array(g)], 1.0)
    assert by_entry.tolist() == [1, 1]
    assert degrees(g, by_entry) == pytest.approx(turned, abs=0.005)
    assert degrees(g, by_norm(np.array(g), 1.0)[0]) < 1e-5


def test_three_and_four_by_norm(library):
    clipped, norm = by_norm(library.asarray([3.0, 4.0]), 1.0)
    assert to_numpy(clipped) == pytest.approx([0.6, 0.8], rel=1e-6)
    assert float(norm) == 5


def test_integers_become_floats():
    assert by_norm(np.array([3, 4]), 1.0)[0] == pytest.approx([0.6, 0.8], rel=1e-15)


def test_the_global_norm_is_that_of_all_arrays_as_one_vector(library):
    (a, b), norm = by_global_norm([library.asarray([3.0]), library.asarray([[4.0]])], 1.0)
    assert float(norm) == 5  # and not the sum of norms, 7
    assert [float(a[0]), float(b[0, 0])] == pytest.approx([0.6, 0.8], rel=1e-6)  # and not one by one, (1, 1)


def test_floats_are_arrays_too():
    assert by_global_norm([3.0, 4.0], 1.0)[0] == pytest.approx([0.6, 0.8], rel=1e-15)


@pytest.mark.parametrize("max_norm", [5.0, 5.1, math.inf])
def test_what_is_short_enough_stays_as_it_is(max_norm):
    g = np.array([3.0, 4.0])
    assert by_norm(g, max_norm)[0].tolist() == [3, 4]


def test_nothing_is_changed_in_place():
    g, p = np.array([3.0, 4.0]), np.array([1.0, 1.0])
    by_value([g], 1), by_norm(g, 1), by_global_norm([g], 1), adaptive([g], [p])
    assert g.tolist() == [3, 4]


def test_a_zero_gradient_stays_zero():
    assert by_norm(np.zeros(2), 1.0)[0].tolist() == [0, 0]
    assert adaptive([np.zeros((2, 2))], [np.zeros((2, 2))])[0][0].tolist() == [[0, 0], [0, 0]]


def test_clipping_by_norm_makes_nan_of_infinity_and_by_value_does_not():
    with np.errstate(invalid="ignore"):
        clipped, norm = by_norm(np.array([np.inf, 1.0]), 1.0)
    assert norm == np.inf
    assert np.array_equal(clipped, [np.nan, 0], equal_nan=True)
    assert np.array_equal(by_value([np.array([np.inf, np.nan])], 1.0)[0][0], [1, np.nan], equal_nan=True)
    assert np.isnan(by_norm(np.array([np.nan, 1.0]), 1.0)[0]).all()


def test_every_array_keeps_its_dtype(library):
    gs = [library.asarray([3.0], dtype=library.float16), library.asarray([4.0], dtype=library.float32)]
    for clipped, _ in (by_value(gs, 1.0), by_global_norm(gs, 1.0), adaptive(gs, gs)):
        assert [g.dtype for g in clipped] == [library.float16, library.float32]


def test_complex_numbers_are_as_long_as_they_are():
    clipped, norm = by_norm(np.array([3j, 4.0]), 1.0)
    assert norm == 5
    assert clipped == pytest.approx(np.array([0.6j, 0.8]), rel=1e-15)


def test_adaptive_clipping_by_hand(library):
    p = library.asarray([[3.0, 4.0], [0.0, 0.0], [30.0, 40.0]])
    g = library.asarray([[0.6, 0.8], [0.6, 0.8], [0.3, 0.4]])
    (clipped,), norm = adaptive([g], [p], clipping=0.1, eps=0.01)
    wanted = [[0.3, 0.4], [0.0006, 0.0008], [0.3, 0.4]]  # limits .5, .001 (of eps) and 5
    assert np.allclose(to_numpy(clipped), wanted, rtol=1e-6)
    assert float(norm) == pytest.approx(1.5, rel=1e-6)


def test_a_bias_is_one_unit():
    (clipped,), _ = adaptive([np.array([3.0, 4.0])], [np.array([30.0, 40.0])])
    assert clipped == pytest.approx([0.3, 0.4], rel=1e-15)


def test_the_layouts_of_both_frameworks_name_the_same_units():
    rng = np.random.default_rng(0)
    for order in [(1, 0), (2, 3, 1, 0)]:
        g, p = rng.normal(size=(2, 3, 4, 5)[-len(order) :]), rng.normal(size=(2, 3, 4, 5)[-len(order) :])
        (torch_way,), _ = adaptive([g], [p], clipping=0.5)
        (jax_way,), _ = adaptive([g.transpose(order)], [p.transpose(order)], clipping=0.5, unit_axes=outputs_last)
        assert not np.allclose(torch_way, g)
        assert torch_way.transpose(order) == pytest.approx(jax_way, rel=1e-12)


@pytest.mark.parametrize(
    ("shape", "first", "last"),
    [
        ((), None, None),
        ((5,), None, None),
        ((5, 1), None, None),
        ((2, 3), (1,), (0,)),
        ((2, 3, 4), (1, 2), (0,)),
        ((2, 3, 4, 5), (1, 2, 3), (0, 1, 2)),
    ],
)
def test_the_axes_of_a_unit(shape, first, last):
    assert (outputs_first(shape), outputs_last(shape)) == (first, last)


def test_clipping_biases_noise_that_is_not_symmetric():
    """Noise of mean zero, -1 nine times out of ten and +9 else: clipped descent on x²/2 ends at 8/9 and not at 0."""
    rng, x, lr, path = np.random.default_rng(0), np.zeros(2000), 0.05, []
    for _ in range(400):
        noise = np.where(rng.random(x.shape) < 0.9, -1.0, 9.0)
        x = x - lr * by_value([x + noise], 1.0)[0][0]
        path.append(x.mean())
    assert np.mean(path[200:]) == pytest.approx(8 / 9, abs=0.01)


CALLS = {
    "clip_value": lambda value: by_value([np.ones(1)], value),
    "max_norm": lambda value: by_global_norm([np.ones(1)], value),
    "clipping": lambda value: adaptive([np.ones(1)], [np.ones(1)], clipping=value),
    "eps": lambda value: adaptive([np.ones(1)], [np.ones(1)], eps=value),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("value", [0, -1, -1e-300, math.nan, -math.inf, np.float32(-1)])
def test_a_limit_that_is_not_positive_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"^{name} is {value}; allowed is a number > 0$"):
        CALLS[name](value)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("value", ["1", None, True, [1.0], 1j])
def test_a_limit_that_is_no_number_is_refused(name, value):
    with pytest.raises(TypeError, match=rf"^{name} is .*; allowed is a number > 0$"):
        CALLS[name](value)


@pytest.mark.parametrize("clip", [by_value, by_global_norm])
def test_no_gradients_at_all_are_refused(clip):
    with pytest.raises(ValueError, match=r"^gradients is empty; it must hold at least one array$"):
        clip([], 1.0)


def test_an_array_as_a_limit_is_not_looked_at():
    clipping.check_limit("max_norm", np.array(-1.0))
