"""Bad input gets one sentence with the argument, its value and what is allowed."""

import math

import pytest

from course_lib import schedules
from course_lib.schedules import Constant, Cosine, plateau

BAD = [
    (lambda: Cosine(0.1, 0), "Expected positive integer total_steps, but got 0"),
    (lambda: Cosine(0.1, -5), "Expected positive integer total_steps, but got -5"),
    (lambda: Cosine(0.1, 10.0), "Expected positive integer total_steps, but got 10.0"),
    (lambda: Cosine(0.1, True), "Expected positive integer total_steps, but got True"),
    (lambda: Cosine(-0.1, 10), "Expected non-negative number lr, but got -0.1"),
    (lambda: Cosine("0.1", 10), "Expected non-negative number lr, but got '0.1'"),
    (lambda: Cosine(0.1, 10, -1), "Expected non-negative number end_lr, but got -1"),
    (lambda: Constant(math.nan), "Expected non-negative number lr, but got nan"),
    (lambda: Constant(math.inf), "Expected non-negative number lr, but got inf"),
    (lambda: schedules.Linear(0.1, 0), "Expected positive integer total_steps, but got 0"),
    (lambda: schedules.Polynomial(0.1, 10, -1), "Expected non-negative number power, but got -1"),
    (lambda: schedules.Exponential(0.1, -0.9), "Expected non-negative number gamma, but got -0.9"),
    (lambda: schedules.InverseTime(0.1, -1), "Expected non-negative number decay_rate, but got -1"),
    (lambda: schedules.InverseTime(0.1, 1, 0), "Expected positive integer decay_steps, but got 0"),
    (lambda: schedules.Step(0.1, 0), "Expected positive integer step_size, but got 0"),
    (lambda: schedules.Step(0.1, 3, -1), "Expected non-negative number gamma, but got -1"),
    (lambda: schedules.MultiStep(0.1, (8, 3)), r"Expected increasing milestones, but got \[8, 3\]"),
    (lambda: schedules.MultiStep(0.1, (3, 3)), r"Expected increasing milestones, but got \[3, 3\]"),
    (lambda: schedules.MultiStep(0.1, (-3, 3)), "Expected non-negative integer in milestones, but got -3"),
    (lambda: schedules.CosineRestarts(0.1, 0), "Expected positive integer first_steps, but got 0"),
    (lambda: schedules.CosineRestarts(0.1, 5, 0), "Expected positive integer multiplier, but got 0"),
    (lambda: schedules.Cyclic(0.1, 1, 0), "Expected positive number step_size_up, but got 0"),
    (lambda: schedules.Cyclic(0.1, 1, 5, -1), "Expected positive number step_size_down, but got -1"),
    (lambda: schedules.Cyclic(0.1, 1, mode="square"), "mode must be one of 'triangular', .* instead got 'square'"),
    (
        lambda: schedules.Cyclic(0.1, 1, scale_fn=half, scale_mode="x"),
        "scale_mode must be one of 'cycle' or 'iterations'",
    ),
    (lambda: schedules.OneCycle(0.1, 0), "Expected positive integer total_steps, but got 0"),
    (lambda: schedules.OneCycle(0.1, 9, pct_start=2), "Expected float between 0 and 1 pct_start, but got 2"),
    (
        lambda: schedules.OneCycle(0.1, 9, anneal_strategy="exp"),
        "anneal_strategy must be one of 'cos' or 'linear', instead",
    ),
    (lambda: schedules.OneCycle(0.1, 9, div_factor=0), "Expected positive number div_factor, but got 0"),
    (lambda: schedules.WarmUp(Cosine(0.1, 10), -1), "Expected non-negative integer warmup_steps, but got -1"),
    (lambda: schedules.WarmUp(Cosine(0.1, 10), 11), r"warmup_steps no longer than .* \(10 total_steps\), but got 11"),
    (lambda: schedules.WarmUp(Cosine(0.1, 10), 5, 2), "Expected float between 0 and 1 start_factor, but got 2"),
    (
        lambda: schedules.Trapezoid(0.1, 10, 6, 5),
        r"warmup_steps \+ cooldown_steps <= total_steps \(10\), but got 6 \+ 5",
    ),
    (lambda: schedules.Trapezoid(0.1, 0), "Expected positive integer total_steps, but got 0"),
    (lambda: schedules.Sequential((), ()), r"Expected at least one schedule in schedules, but got \(\)"),
    (lambda: schedules.Sequential((Constant(1),), (5,)), "one more than the number of milestones, but got 1 and 1"),
    (lambda: schedules.Sequential([Constant(1)] * 3, (5, 5)), r"Expected increasing milestones, but got \[5, 5\]"),
    (lambda: schedules.Chained(()), "Expected at least one schedule"),
    (lambda: plateau.init("sideways"), "mode must be one of 'min' or 'max', instead got 'sideways'"),
    (lambda: cut(mode="sideways"), "mode must be one of 'min' or 'max', instead got 'sideways'"),
    (lambda: cut(threshold_mode="x"), "threshold_mode must be one of 'rel' or 'abs', instead got 'x'"),
    (lambda: cut(factor=1.0), "Factor should be < 1.0 and >= 0, but got factor 1.0"),
    (lambda: cut(patience=-1), "Expected non-negative integer patience, but got -1"),
    (lambda: cut(cooldown=-1), "Expected non-negative integer cooldown, but got -1"),
    (lambda: cut(threshold=-1), "Expected non-negative number threshold, but got -1"),
]


def half(x):
    return 0.5


def cut(**words):
    return plateau.step(0.1, 1.0, plateau.init(), **words)


@pytest.mark.parametrize(("make", "sentence"), BAD)
def test_bad_input_is_answered_in_a_sentence(make, sentence):
    with pytest.raises(ValueError, match=sentence) as error:
        make()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: schedules.Lambda(0.1, 0.5),
        lambda: schedules.Multiplicative(0.1, 0.5),
        lambda: schedules.WarmUp(0.1, 5),
        lambda: schedules.Sequential((Constant(1), 0.1), (5,)),
        lambda: schedules.Chained((Constant(1), 0.1)),
        lambda: schedules.Cyclic(0.1, 1, scale_fn=0.5),
    ],
)
def test_what_is_no_function_is_named(make):
    with pytest.raises(TypeError, match=r"should be a function of the step, but got 0\.[15]"):
        make()


def test_the_room_imports_no_framework():
    import subprocess
    import sys

    code = "import sys, course_lib.schedules; assert not {'torch', 'jax', 'optax'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
