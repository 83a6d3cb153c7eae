"""Schedules by hand: the numbers that a formula, a paper or a lesson states."""

import math
import pickle

import numpy as np
import pytest

from course_lib.schedules import (
    Chained,
    Constant,
    Cosine,
    CosineRestarts,
    Cyclic,
    Exponential,
    InverseTime,
    Lambda,
    Linear,
    Multiplicative,
    MultiStep,
    OneCycle,
    Polynomial,
    Sequential,
    Step,
    Trapezoid,
    WarmUp,
)


def half(t):
    return 0.5**t


ALL = {
    "Constant": Constant(0.1),
    "Linear": Linear(0.1, 10, 0.01),
    "Polynomial": Polynomial(0.1, 10, 2.0, 0.01),
    "Exponential": Exponential(0.1, 0.9),
    "InverseTime": InverseTime(0.1, 0.5, 3),
    "InverseTime staircase": InverseTime(0.1, 0.5, 3, staircase=True),
    "Cosine": Cosine(0.1, 10, 0.01),
    "Cosine hold": Cosine(0.1, 10, hold=True),
    "Step": Step(0.1, 4),
    "MultiStep": MultiStep(0.1, (3, 8), 0.5),
    "Lambda": Lambda(0.1, half),
    "Multiplicative": Multiplicative(0.1, half, total_steps=24),
    "CosineRestarts": CosineRestarts(0.1, 5),
    "CosineRestarts longer": CosineRestarts(0.1, 3, 2),
    "Cyclic": Cyclic(0.01, 0.1, 3, 5),
    "Cyclic triangular2": Cyclic(0.01, 0.1, 3, mode="triangular2"),
    "Cyclic exp_range": Cyclic(0.01, 0.1, 3, mode="exp_range", gamma=0.9),
    "OneCycle": OneCycle(0.1, 20, hold=True),
    "OneCycle three phases": OneCycle(0.1, 20, three_phase=True, anneal_strategy="linear", hold=True),
    "WarmUp": WarmUp(Cosine(0.1, 10), 5, 0.1),
    "WarmUp of none": WarmUp(Cosine(0.1, 10), 0),
    "Trapezoid": Trapezoid(0.1, 20, 4, 6, 0.01),
    "Trapezoid without ends": Trapezoid(0.1, 20),
    "Sequential": Sequential((Linear(0.1, 3), OneCycle(1.0, 8), Step(0.1, 2)), (4, 12)),
    "Chained": Chained((Cosine(0.1, 10), Linear(0.2, 5, 1.0))),
}
STEPS = 24


@pytest.mark.parametrize("name", ALL)
def test_a_schedule_of_a_number_is_a_float_and_of_an_array_the_same_floats(name):
    schedule = ALL[name]
    numbers = [schedule(t) for t in range(STEPS)]
    assert {type(lr) for lr in numbers} == {float}
    for steps in (np.arange(STEPS), np.arange(STEPS, dtype=float)):
        np.testing.assert_allclose(schedule(steps), numbers, rtol=1e-12, atol=1e-15)
    assert schedule(np.arange(STEPS).reshape(2, 12)).shape == (2, 12)
    assert float(schedule(np.int64(5))) == pytest.approx(numbers[5], rel=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_a_schedule_under_jit_is_the_same(name, x64):
    import jax

    schedule = ALL[name]
    traced = jax.jit(schedule)
    got = [traced(jax.numpy.int32(t)) for t in range(STEPS)]
    assert {lr.dtype.name for lr in got} == {"float64"}
    np.testing.assert_allclose(got, [schedule(t) for t in range(STEPS)], rtol=1e-12, atol=1e-15)
    over = jax.vmap(schedule)(jax.numpy.arange(STEPS))
    np.testing.assert_allclose(over, got, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", ["Cyclic", "Cyclic exp_range", "OneCycle", "OneCycle three phases"])
def test_a_momentum_under_jit_and_of_an_array_is_the_same(name, x64):
    import jax

    momentum = ALL[name].momentum
    numbers = [momentum(t) for t in range(STEPS)]
    np.testing.assert_allclose(momentum(np.arange(STEPS)), numbers, rtol=1e-12)
    np.testing.assert_allclose([jax.jit(momentum)(t) for t in range(STEPS)], numbers, rtol=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_a_schedule_is_a_value(name):
    schedule = ALL[name]
    first = [schedule(t) for t in range(STEPS)]
    assert [schedule(t) for t in range(STEPS)] == first  # asking uses nothing up
    again = pickle.loads(pickle.dumps(schedule))
    assert again == schedule
    assert hash(again) == hash(schedule)
    with pytest.raises(AttributeError):
        schedule.lr = 7.0


def test_ramps_end_where_they_say():
    assert Linear(0.1, 10, 0.01)(10) == pytest.approx(0.01, rel=1e-15)
    assert Polynomial(0.1, 10, 2.0)(5) == pytest.approx(0.1 / 4)
    assert Exponential(1.0, 0.5)(10) == 2.0**-10


def test_a_cosine_is_half_way_at_half_time_and_comes_back_to_the_top():
    cosine = Cosine(1.0, 50)
    assert [round(cosine(t), 3) for t in (0, 25, 50, 75, 99, 100)] == [1.0, 0.5, 0.0, 0.5, 0.999, 1.0]
    assert Cosine(1.0, 50, 0.2, hold=True)(75) == pytest.approx(0.2)


def test_inverse_time_starts_from_the_first_rate_each_time():
    rates = [InverseTime(0.2, 1.0)(t) for t in range(6)]
    assert rates[5] == pytest.approx(0.2 / 6)
    compounding = 0.2 * math.prod(1 / (1 + t) for t in range(1, 6))  # lr = lr / (1 + decay * t), in place
    assert compounding == pytest.approx(0.00028, rel=0.01)
    assert InverseTime(0.2, 1.0, 10, staircase=True)(19) == 0.1


def test_inverse_time_is_the_sample_mean():
    """Robbins & Monro's 1/t on the mean of a sample: the rate 1 / (1 + t) makes SGD average."""
    p, sample = 0.0, np.random.default_rng(0).standard_normal(50)
    for t, x in enumerate(sample):
        p -= InverseTime(1.0, 1.0)(t) * (p - x)
    assert p == pytest.approx(sample.mean(), abs=1e-14)


def test_lambda_scales_the_first_rate_and_multiplicative_the_current_one():
    assert Lambda(1.0, half)(4) == 0.0625
    assert Multiplicative(1.0, half)(4) == pytest.approx(0.5 ** (1 + 2 + 3 + 4))  # 0.001


def test_a_milestone_is_the_first_step_at_the_lower_rate():
    assert [MultiStep(1.0, (2, 4), 0.1)(t) for t in range(5)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    assert [Step(1.0, 2, 0.1)(t) for t in range(5)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    assert MultiStep(1.0, ())(100) == 1.0


@pytest.mark.parametrize("multiplier", [1, 2, 3, 10])
@pytest.mark.parametrize("first_steps", [1, 3, 7])
def test_a_restart_is_at_the_top_and_the_step_before_it_is_not(first_steps, multiplier):
    schedule, start = CosineRestarts(1.0, first_steps, multiplier), 0
    for cycle in range(5):
        length = first_steps * multiplier**cycle
        start += length
        assert schedule(start) == 1.0
        if length > 1:
            assert schedule(start - 1) == pytest.approx((1 + math.cos(math.pi * (length - 1) / length)) / 2)


def test_triangles_touch_both_rates_and_momentum_goes_the_other_way():
    schedule = Cyclic(0.1, 1.0, 4, 2)
    assert [schedule(t) for t in (0, 4, 6, 10, 12)] == pytest.approx([0.1, 1.0, 0.1, 1.0, 0.1])
    assert [schedule.momentum(t) for t in (0, 4, 6)] == pytest.approx([0.9, 0.8, 0.9])
    assert [Cyclic(0.0, 1.0, 2, mode="triangular2")(t) for t in (2, 6, 10)] == [1.0, 0.5, 0.25]


def test_one_cycle_peaks_at_a_third_less_one_and_momentum_is_lowest_there():
    schedule = OneCycle(1.0, 100)
    steps = np.arange(100)
    assert np.argmax(schedule(steps)) == np.argmin(schedule.momentum(steps)) == 29
    assert (schedule(0), schedule(29), schedule(99)) == pytest.approx((1 / 25, 1.0, 1 / 25e4))
    assert (schedule.momentum(0), schedule.momentum(29), schedule.momentum(99)) == pytest.approx((0.95, 0.85, 0.95))


def test_one_cycle_says_that_it_is_over_or_holds():
    for t in (12, np.arange(13)):
        with pytest.raises(ValueError, match=r"Tried to step 12 times. .* total steps is 10: the cycle is over; give"):
            OneCycle(1.0, 10)(t)
        with pytest.raises(ValueError, match="hold=True"):
            OneCycle(1.0, 10).momentum(t)
    held = OneCycle(1.0, 10, hold=True)
    assert held(12) == held(9) == 1 / 25e4


def test_one_cycle_holds_under_jit_since_a_tracer_cannot_raise(x64):
    import jax

    assert jax.jit(OneCycle(1.0, 10))(12) == pytest.approx(1 / 25e4)


def test_a_warm_up_ends_where_the_schedule_begins():
    schedule = WarmUp(Cosine(0.8, 10), 4)
    assert [schedule(t) for t in range(5)] == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8])
    assert [schedule(t) for t in range(4, 14)] == [Cosine(0.8, 10)(t) for t in range(10)]


def test_a_trapezoid_has_two_slopes_and_a_roof():
    schedule = Trapezoid(1.0, 20, warmup_steps=4, cooldown_steps=5)
    assert [schedule(t) for t in (0, 2, 4, 15, 16, 20, 99)] == pytest.approx([0, 0.5, 1, 1, 0.8, 0, 0])


def test_each_part_of_a_sequence_starts_at_its_own_zero():
    schedule = Sequential((Constant(1.0), Exponential(8.0, 0.5)), (3,))
    assert [schedule(t) for t in range(6)] == [1.0, 1.0, 1.0, 8.0, 4.0, 2.0]


def test_a_chain_is_a_product():
    schedule = Chained((Step(1.0, 2, 0.1), Constant(0.5), Exponential(1.0, 0.5)))
    assert [schedule(t) for t in range(3)] == pytest.approx([0.5, 0.25, 0.0125])


def test_a_table_under_jit_needs_its_length():
    import jax

    with pytest.raises(ValueError, match="Expected positive integer total_steps for a traced step, but got None"):
        jax.jit(Multiplicative(1.0, half))(3)


def test_the_rate_itself_may_be_traced(x64):
    """Many learning rates at once, or the derivative by one."""
    import jax

    slope = jax.grad(lambda lr: Cosine(lr, 10)(5) + WarmUp(Linear(lr, 10), 4)(2))(0.1)
    assert slope == pytest.approx(1.0)
