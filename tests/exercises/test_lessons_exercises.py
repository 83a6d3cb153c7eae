"""Every exercise: its reference passes, its mistakes are told apart, its hints do not begin with the answer."""

import ast
import importlib
import inspect
import itertools
import re
import textwrap
import time

import numpy as np
import pytest

from course_lib import exercises
from course_lib.exercises import adam as lesson_05
from course_lib.exercises import adaptive as lesson_04
from course_lib.exercises import matrix
from course_lib.exercises import momentum as lesson_02
from course_lib.exercises import nesterov as lesson_03
from course_lib.exercises import sgd as lesson_01
from course_lib.exercises import start as lesson_00
from course_lib.exercises.base import Exercise, _equal
from course_lib.problems import quadratic
from course_lib.rules import momentum

MODULES = [importlib.import_module(f"{exercises.__name__}.{topic}") for topic in matrix.by_topic()]
EXERCISES = {name: thing for module in MODULES for name, thing in vars(module).items() if isinstance(thing, Exercise)}
STEPS = {name: exercise for name, exercise in EXERCISES.items() if exercise.thing == "rule"}
MISTAKES = [(name, i) for name, exercise in EXERCISES.items() for i in range(len(exercise.mistakes))]
exercise_names = pytest.mark.parametrize("name", EXERCISES)


def test_the_exercises_are_found():
    assert {"gradient", "sgd_step", "largest_lr", "noise_floor", "decayed_lr"} <= set(EXERCISES)
    assert {"momentum_step", "shrink", "best_pair", "rescaled_step"} <= set(EXERCISES)
    assert {"sgd_step", "momentum_step"} <= set(STEPS)


@exercise_names
def test_an_exercise_is_called_what_the_lesson_calls_it(name):
    assert EXERCISES[name].name == name


@exercise_names
def test_the_reference_passes(name):
    verdict = EXERCISES[name].check(EXERCISES[name].reference)
    assert verdict.right, str(verdict)
    assert "in place" not in verdict.says


@pytest.mark.parametrize(("name", "i"), MISTAKES, ids=lambda x: str(x))
def test_a_mistake_is_caught_by_its_own_sentence(name, i):
    exercise = EXERCISES[name]
    assert matrix.kill(exercise, i) == "caught", exercise.mistakes[i].says
    assert exercise.check(exercise.mistakes[i].fn).first_off.startswith("first off at `")


@exercise_names
def test_no_two_mistakes_share_their_numbers_or_their_sentence(name):
    exercise = EXERCISES[name]
    assert len(exercise.mistakes) >= 5
    for (a, known_a), (b, known_b) in itertools.combinations(zip(exercise.mistakes, exercise._known, strict=True), 2):
        assert a.says != b.says
        assert known_a
        assert not _equal(known_a, known_b), f"{a.says}\n{b.says}"


@exercise_names
def test_a_mistake_has_a_tutors_sentence(name):
    for mistake in EXERCISES[name].mistakes:
        assert len(mistake.says.split()) >= 4
        assert mistake.says.endswith(".")


@exercise_names
def test_there_are_three_hints(name, capsys):
    assert len(set(EXERCISES[name].hints)) == 3
    for stage in (1, 2, 3):
        EXERCISES[name].hint(stage)
    assert capsys.readouterr().out.count("Hint ") == 3


SIGNS = str.maketrans({"·": "*", "−": "-", "μ": "momentum", "²": "**2", "←": "=", "`": ""})


def plain(text):
    """A hint's formulas as code, without spaces around operators."""
    return re.sub(r"\s*([-+*/=(),\[\]])\s*", r"\1", text.translate(SIGNS))


def expressions(fn):
    """What a reference computes with at least one operator, as text."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(fn)))
    values = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign | ast.Return)]
    values = [part for value in values for part in (value.elts if isinstance(value, ast.Tuple) else [value])]
    return [plain(ast.unparse(value)) for value in values if not isinstance(value, ast.Name | ast.Constant)]


def gives_away(hint, expression):
    return re.search(rf"(?<![\w*]){re.escape(expression)}(?![\w*])", plain(hint)) is not None


@exercise_names
def test_the_first_hint_does_not_contain_the_answer(name):
    answers = expressions(EXERCISES[name].reference)
    assert answers
    assert not [answer for answer in answers if gives_away(EXERCISES[name].hints[0], answer)]


def test_a_first_hint_that_contained_the_answer_would_be_seen():
    assert gives_away("Return `h · p`.", *expressions(lesson_00.gradient.reference))
    assert any(gives_away("v ← μ·v + g", e) for e in expressions(lesson_02.momentum_step.reference))


@exercise_names
def test_a_check_takes_less_than_half_a_second_of_processor_time(name):
    exercise = EXERCISES[name]
    before = time.process_time()
    exercise.check(exercise.reference)
    exercise.check(exercise.mistakes[0].fn)
    assert time.process_time() - before < 0.5


@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_is_wrong_gives_way_to_the_rule_of_the_library(name):
    rule = STEPS[name].use(None)
    assert inspect.getmodule(rule.step).__name__.startswith("course_lib.rules.")


def test_a_velocity_kept_in_a_global_is_seen():
    kept = {}

    def rescaled_step(p, g, v, lr, lr_before, momentum=0.9):
        kept["v"] = momentum * lr / lr_before * kept.get("v", 0) + lr * g
        return p - kept["v"], v

    assert "two runs from the same start differ" in lesson_02.rescaled_step.check(rescaled_step).says


# The references that are no theory of the package


def test_gradient_is_the_slope_of_the_bowl():
    p, h = np.array([3.0, -2.0]), np.array([1.0, 10.0])
    np.testing.assert_allclose(lesson_00.gradient.reference(p, h), quadratic(h).exact(p))


def test_the_decay_halves_the_rate_once_decay_times_epoch_is_one():
    assert [lesson_01.decayed_lr.reference(0.2, 0.5, epoch) for epoch in (0, 2, 6)] == pytest.approx([0.2, 0.1, 0.05])


def test_a_rescaled_velocity_walks_torchs_path_through_a_drop_of_lr():
    p, v, before = 1.0, 0.0, 0.1
    q, s = 1.0, momentum.init(1.0)
    for lr in [0.1] * 5 + [0.01] * 5 + [0.05] * 5:
        p, v = lesson_02.rescaled_step.reference(p, 1.0, v, lr, before)
        q, s = momentum.step(q, 1.0, s, lr=lr)
        before = lr
        assert p == pytest.approx(q, rel=1e-12)


# Programs that students wrote, and what they should hear


def _sees(exercise, fn, words):
    verdict = exercise.check(fn)
    assert verdict.state == "wrong"
    assert words in verdict.says, verdict.says


@pytest.mark.parametrize("eps", [0.0, 1e-8])
def test_a_scale_is_kept_with_or_without_the_tiny_number_beside_it(eps):
    assert lesson_04.standardise.check(lambda train, x: (x - train.mean(axis=0)) / (train.std(axis=0) + eps)).right


def test_missing_brackets_are_seen_in_both_adaptive_steps():
    def adagrad_step(p, g, v, lr, eps=1e-10):
        v = v + g * g
        return p - lr * g / np.sqrt(v) + eps, v

    def rmsprop_step(p, g, v, lr, alpha=0.99, eps=1e-8):
        v = alpha * v + (1 - alpha) * g * g
        return p - lr * g / np.sqrt(v) + eps, v

    _sees(lesson_04.adagrad_step, adagrad_step, "the brackets are missing")
    _sees(lesson_04.rmsprop_step, rmsprop_step, "the brackets are missing")


def test_a_correction_without_its_power_hears_of_the_power():
    def adam_step(p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        m, v, t = s
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        return p - lr * m / (1 - beta1) / ((v / (1 - beta2)) ** 0.5 + eps), (m, v, t + 1)

    _sees(lesson_05.adam_step, adam_step, "the power t is missing")


def test_a_decay_without_its_1_hears_that_epoch_0_divides_by_zero():
    _sees(lesson_01.decayed_lr, lambda lr0, decay, epoch: lr0 / (decay * epoch), "epoch 0 divides by zero")


def test_a_complex_shrink_factor_hears_of_the_modulus():
    def shrink(x, momentum):
        return np.linalg.eigvals(np.array([[1 + momentum - x, -momentum], [1, 0]])).max()

    _sees(lesson_02.shrink, shrink, "it stays complex")


def test_a_velocity_with_lr_outside_is_not_the_rescaled_one():
    def rescaled_step(p, g, v, lr, lr_before, momentum=0.9):
        v = momentum * v + g
        return p - lr * v, v

    _sees(lesson_02.rescaled_step, rescaled_step, "you moved lr out of the velocity")


def test_a_wrong_step_that_nobody_foresaw_still_hears_something():
    def rescaled_step(p, g, v, lr, lr_before, momentum=0.9):
        v = (lr / lr_before) * v + lr * g
        return p - v, v

    def nag_step(p, u, grad, lr, momentum=0.9):
        u = momentum * u - 2 * lr * grad(p + momentum * u)
        return p + u, u

    _sees(lesson_02.rescaled_step, rescaled_step, "the first step is right")
    _sees(lesson_03.nag_step, nag_step, "2 times the right length")
