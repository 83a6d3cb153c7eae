"""The judge: every right answer passes, however it is written, and every fault gets the sentence that helps."""

import contextlib
import functools
import time
from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from course_lib import jax_optim, torch_optim
from course_lib.exercises import recorder
from course_lib.exercises.base import Exercise, Mistake, calls
from course_lib.exercises.steps import along, step_exercise
from course_lib.problems import quadratic
from course_lib.rule import Rule
from course_lib.rules import momentum, sgd
from course_lib.training import descend


def heavy_ball(p, g, v, lr, momentum=0.9):
    v = momentum * v + g
    return p - lr * v, v


def climbing(p, g, v, lr, momentum=0.9):
    v = momentum * v + g
    return p + lr * v, v


GRADIENTS = [[0.5, 4.0], [3.0, -1.0], [-2.0, 0.5]]
BALL = step_exercise(
    momentum,
    remembers=True,
    name="ball",
    reference=heavy_ball,
    cases=[
        along([1.0, -2.0], GRADIENTS, library=momentum),
        along([0.0, 5.0], GRADIENTS, [0.1, 0.1, 0.01], library=momentum, momentum=0.5),
    ],
    mistakes=[Mistake("you climb.", climbing)],
    hints=("one", "two", "three"),
)
STEP = step_exercise(
    sgd,
    remembers=False,
    name="step",
    reference=lambda p, g, lr: p - lr * g,
    cases=[along([1.0, -2.0], GRADIENTS)],
    mistakes=[],
    hints=("one", "two", "three"),
)
POWER = Exercise(
    name="power",
    reference=lambda x, n=2: x**n,
    cases=calls((3.0,), (2.0,)) + calls((5.0,), n=3),
    mistakes=[Mistake("you multiply.", lambda x, n=2: x * n)],
    hints=("one", "two", "three"),
)


# Right answers


def in_place(p, g, v, lr, momentum=0.9):
    v *= momentum
    v += g
    p -= lr * v
    return p, v


def as_a_list(p, g, v, lr, momentum=0.9):
    return list(heavy_ball(p, g, v, lr, momentum))


def with_the_state(p, g, state, lr, momentum=0.9):
    v = momentum * state.v + g
    return p - lr * v, state._replace(v=v)


class Memory(NamedTuple):
    v: object


def with_a_state_of_its_own(p, g, v, lr, momentum=0.9):
    v = momentum * (v.v if isinstance(v, Memory) else v) + g
    return p - lr * v, Memory(v)


def downhill_velocity(p, g, v, lr, momentum=0.9):
    v = momentum * v - g
    return p + lr * v, v


def averaged_velocity(p, g, v, lr, momentum=0.9):
    v = momentum * v + (1 - momentum) * g
    return p - lr * v / (1 - momentum), v


def in_numpy(p, g, v, lr, momentum=0.9):
    v = np.add(np.multiply(momentum, v), g)
    return np.subtract(p, np.multiply(lr, v)), v


def in_torch(p, g, v, lr, momentum=0.9):
    p, g, v = map(torch.as_tensor, (p, g, v))
    return heavy_ball(p, g, v, lr, momentum)


def in_jax(p, g, v, lr, momentum=0.9):
    p, g, v = map(jnp.asarray, (p, g, v))
    return heavy_ball(p, g, v, lr, momentum)


def entry_by_entry(p, g, v, lr, momentum=0.9):
    v = [momentum * a + b for a, b in zip(v, g, strict=True)]
    return [a - lr * b for a, b in zip(p, v, strict=True)], v


def other_names_and_more(x, gradient, velocity, *, lr, momentum=0.9, **unused):
    return heavy_ball(x, gradient, velocity, lr, momentum)


class Callable:
    def __call__(self, p, g, v, lr, momentum=0.9):
        return heavy_ball(p, g, v, lr, momentum)


RIGHT = [
    heavy_ball, in_place, as_a_list, with_the_state, with_a_state_of_its_own, downhill_velocity, averaged_velocity,
    in_numpy, in_torch, in_jax, entry_by_entry, other_names_and_more, momentum.step, Callable(),
    functools.partial(heavy_ball),
]  # fmt: skip


@pytest.mark.parametrize("fn", RIGHT, ids=lambda fn: getattr(fn, "__name__", type(fn).__name__))
def test_a_right_answer_passes_however_it_is_written(fn):
    verdict = BALL.check(fn)
    assert verdict.right, str(verdict)
    assert verdict.says.startswith("right, in all 6 calls.")
    assert verdict.next == "The lesson goes on with your rule."
    assert verdict.first_off == ""


def test_an_answer_that_writes_into_its_arguments_is_right_with_a_remark():
    assert "It overwrites p and v in place" in BALL.check(in_place).says
    assert "overwrites" not in BALL.check(heavy_ball).says


def test_a_number_may_be_an_int_a_numpy_scalar_or_a_tensor():
    for kind in (int, np.float32, torch.tensor, jnp.asarray):
        assert POWER.check(lambda x, n=2, kind=kind: kind(x**n)).right


def test_rounding_of_the_coarser_dtype_is_forgiven_and_no_more():
    assert POWER.check(lambda x, n=2: np.float32(x**n * (1 + 1e-6))).right
    assert not POWER.check(lambda x, n=2: x**n * (1 + 1e-6)).right
    assert not POWER.check(lambda x, n=2: np.float32(x**n * (1 + 1e-3))).right


def test_a_check_changes_no_case():
    before = str(BALL.check(heavy_ball))
    BALL.check(in_place)
    BALL.check(lambda p, g, v, lr, momentum=0.9: g.fill(7))
    assert str(BALL.check(heavy_ball)) == before


# Faults, each with its sentence


def changes_g(p, g, v, lr, momentum=0.9):
    g *= 2
    return heavy_ball(p, g / 2, v, lr, momentum)


class Kept:
    v = 0.0


def keeps_v(p, g, v, lr, momentum=0.9):
    Kept.v = momentum * Kept.v + g
    return p - lr * Kept.v, v


def mutable_default(p, g, v, lr, momentum=0.9, past=[]):  # noqa: B006
    past.append(g)
    v = sum(momentum**k * old for k, old in enumerate(reversed(past)))
    return p - lr * v, v


def wrong_default(p, g, v, lr, momentum=0.99):
    return heavy_ball(p, g, v, lr, momentum)


def missing_default(p, g, v, lr, momentum):
    return heavy_ball(p, g, v, lr, momentum)


def no_return(p, g, v, lr, momentum=0.9):
    v = momentum * v + g


def one_result(p, g, v, lr, momentum=0.9):
    return p - lr * (momentum * v + g)


def three_results(p, g, v, lr, momentum=0.9):
    return (*heavy_ball(p, g, v, lr, momentum), lr)


def wrong_shape(p, g, v, lr, momentum=0.9):
    p, v = heavy_ball(p, g, v, lr, momentum)
    return p.sum(), v


def unknown_name(p, g, v, lr, momentum=0.9):
    return p - lr * velocity, v  # noqa: F821


def renamed_keyword(p, g, v, rate, momentum=0.9):
    return heavy_ball(p, g, v, rate, momentum)


def renamed_hyperparameter(p, g, v, lr, beta=0.9):
    return heavy_ball(p, g, v, lr, beta)


def too_few_arguments(p, lr):
    return p


def text(p, g, v, lr, momentum=0.9):
    return "p", v


def leaves(p, g, v, lr, momentum=0.9):
    raise SystemExit


def endless_recursion(p, g, v, lr, momentum=0.9):
    return endless_recursion(p, g, v, lr, momentum)


def rests(p, g, v, lr, momentum=0.9):
    return p, v


def too_short(p, g, v, lr, momentum=0.9):
    return heavy_ball(p, 0.5 * g, v, lr, momentum)


def too_long_uphill(p, g, v, lr, momentum=0.9):
    return heavy_ball(p, -2 * g, v, lr, momentum)


def aside(p, g, v, lr, momentum=0.9):
    return heavy_ball(p, g[::-1], v, lr, momentum)


def slower_from_the_third_step(p, g, v, lr, momentum=0.9):
    v = momentum * v + g
    return p - lr * v * (1 if abs(v[0]) < 4 or g[0] > 0 else 0.5) * (0.5 if g[0] < 0 else 1), v


def not_finite(p, g, v, lr, momentum=0.9):
    return p / 0, v


FAULTS = {
    changes_g: ["you change g in place; it belongs to the caller"],
    keeps_v: ["two runs from the same start differ", "a global, a mutable default"],
    mutable_default: ["two runs from the same start differ"],
    wrong_default: ["the formula is right", "`momentum` has the default 0.99", "the stub says 0.9"],
    missing_default: ["your function takes (p, g, v, lr, momentum)", "missing a required argument: 'momentum'"],
    no_return: ["returns None; end it with a `return`"],
    one_result: ["returns one thing; return two", "all that is remembered as one value"],
    three_results: ["returns 3 things; return two"],
    wrong_shape: ["your answer has shape (), where (2,) is wanted"],
    unknown_name: ["stops with NameError at `return p - lr * velocity, v", "'velocity' is not defined"],
    renamed_keyword: ["takes (p, g, v, rate, momentum=0.9)", "does not fit the call", "'rate'"],
    renamed_hyperparameter: ["takes (p, g, v, lr, beta=0.9)", "unexpected keyword argument 'momentum'"],
    too_few_arguments: ["your function takes (p, lr), which does not fit the call"],
    text: ["returns 'p', which is no number"],
    leaves: ["stops with SystemExit at `raise SystemExit`"],
    endless_recursion: ["stops with RecursionError at `return endless_recursion"],
    rests: ["your p does not move"],
    too_short: ["your first step is 0.5 times the right length, in the right direction"],
    too_long_uphill: ["your first step is 2 times the right length, in the opposite direction"],
    aside: ["your first step points in another direction"],
    slower_from_the_third_step: ["the first 2 steps are right; what differs at this one?"],
    not_finite: ["your answer is not finite"],
    climbing: ["you climb."],
}


@pytest.mark.parametrize("fn", FAULTS, ids=lambda fn: fn.__name__)
def test_a_fault_gets_its_sentence(fn):
    Kept.v = 0.0
    verdict = BALL.check(fn)
    assert verdict.state == "wrong"
    assert all(words in verdict.says for words in FAULTS[fn]), verdict.says
    assert verdict.next == "The lesson goes on with the library’s rule. A hint: `ex.ball.hint(1)`"


@pytest.mark.parametrize("fn", [one_result, text, unknown_name, changes_g, renamed_keyword])
def test_a_fault_is_shown_with_the_call_that_met_it(fn):
    assert BALL.check(fn).first_off.startswith("at `ball(p=[1, -2], g=[0.5, 4], v=[0, 0]")


def test_wrong_numbers_are_shown_at_the_first_call_that_is_off():
    assert BALL.check(too_short).first_off == (
        "first off at `ball(p=[1, -2], g=[0.5, 4], v=[0, 0], lr=0.1)`: got [0.975, -2.2], want [0.95, -2.4]"
    )
    assert POWER.check(lambda x, n=2: x * n if n == 2 else x**n).first_off == (
        "first off at `power(x=3)`: got 6, want 9"
    )


def test_a_known_mistake_is_known_by_its_numbers_alone():
    verdict = POWER.check(lambda x, n=2: sum(n * [x]))
    assert (verdict.state, verdict.says) == ("wrong", "you multiply.")


def test_numbers_that_print_alike_are_shown_with_what_is_between_them():
    verdict = POWER.check(lambda x, n=2: x**n + 1e-7)
    assert verdict.says == "right to four digits; what is left is an ε, a rounding or an approximation."
    assert verdict.first_off == "first off at `power(x=3)`: got 9, want 9, 1e-07 apart"


def test_an_exercise_says_how_close_is_close_enough():
    def nearly(x, n=2):
        return x**n + 1e-7

    assert replace(POWER, tolerance=1e-6).check(nearly).right
    assert not replace(POWER, tolerance=1e-8).check(nearly).right


def test_random_numbers_of_its_own_are_named_as_a_cause():
    assert "draws random numbers of its own" in POWER.check(lambda x, n=2: x**n + np.random.default_rng().random()).says


def test_a_first_step_that_is_right_but_for_a_trace_asks_for_epsilon():
    def sooner_then_wrong(p, g, v, lr, momentum=0.9):
        v = momentum * v + (1 + 1e-6) * g
        return p - lr * v - (v != (1 + 1e-6) * g) * 0.1, v

    assert BALL.check(sooner_then_wrong).says == (
        "your first step is right but for a trace as small as ε. Where does ε stand?"
    )


def test_a_wrong_step_of_a_matrix_gets_a_sentence_like_any_other():
    p, g = np.ones((2, 3)), np.arange(6.0).reshape(2, 3) + 1
    matrix = step_exercise(
        sgd,
        remembers=False,
        name="step",
        reference=lambda p, g, lr: p - lr * g,
        cases=[along(p, [g])],
        mistakes=[],
        hints=("one", "two", "three"),
    )
    assert "3 times the right length" in matrix.check(lambda p, g, lr: p - 3 * lr * g).says
    assert "has the right length, in the opposite direction" in matrix.check(lambda p, g, lr: p + lr * g).says
    assert "another direction" in matrix.check(lambda p, g, lr: p * 0.9 - lr * g).says


def test_unknown_numbers_are_called_no_more_than_that():
    assert POWER.check(lambda x, n=2: x**n + 1).says == "not the right numbers yet."


def test_two_results_where_one_is_wanted_are_no_number():
    assert "which is no number or array of numbers" in STEP.check(lambda p, g, lr: (p - lr * g, ())).says


@pytest.mark.parametrize(
    ("fn", "words"),
    [(lambda x, n: x**n, "`n` has no default in your function"), (lambda x, n=5: x**n, "`n` has the default 5")],
)
def test_a_default_that_no_case_uses_is_judged_too(fn, words):
    always = Exercise("power", POWER.reference, calls((3.0,), n=2), [], POWER.hints)
    assert words in always.check(fn).says


@pytest.mark.parametrize("thing", [None, 3, "step", np.ones(2), (heavy_ball,)])
def test_what_is_no_function_is_refused(thing):
    verdict = BALL.check(thing)
    assert verdict.state == "wrong"
    assert "give the check your function itself, `ball`, not " in verdict.says


# Not written yet


def raises_not_implemented(p, g, v, lr, momentum=0.9):
    raise NotImplementedError("write me")


def passes(p, g, v, lr, momentum=0.9):
    pass


def ellipsis(p, g, v, lr, momentum=0.9): ...  # fmt: skip


def docstring_only(p, g, v, lr, momentum=0.9):
    """One step."""


@pytest.mark.parametrize("fn", [raises_not_implemented, passes, ellipsis, docstring_only], ids=lambda fn: fn.__name__)
def test_a_stub_is_not_written_yet_and_no_error(fn):
    verdict = BALL.check(fn)
    assert (verdict.state, verdict.says) == ("unwritten", "not written yet.")
    assert verdict.next == "The lesson goes on with the library’s rule."


# What never comes back


def busy(p, g, v, lr, momentum=0.9):
    while True:
        pass


def busy_and_deaf(p, g, v, lr, momentum=0.9):
    while True:
        with contextlib.suppress(Exception):
            p = p + 0


def asleep(p, g, v, lr, momentum=0.9):
    time.sleep(1000)


def asleep_and_deaf(p, g, v, lr, momentum=0.9):
    while True:
        with contextlib.suppress(Exception):
            time.sleep(1000)


@pytest.mark.parametrize("fn", [busy, busy_and_deaf, asleep, asleep_and_deaf], ids=lambda fn: fn.__name__)
def test_an_endless_answer_is_stopped(fn, monkeypatch):
    monkeypatch.setattr(recorder, "SECONDS", 0.2)
    verdict = BALL.check(fn)
    assert verdict.says == "no answer in 0.2 s; does a loop in your function never end?"
    assert verdict.first_off.startswith("at `ball(")


# Going on with the answer


def test_a_wrong_or_missing_answer_gives_way_to_the_reference(capsys):
    for fn in (climbing, passes, None):
        assert BALL.use(fn) == Rule.of(momentum)
    assert POWER.use(lambda x, n=2: x) is POWER.reference
    assert "✗ ball: you climb." in capsys.readouterr().out


def test_a_right_answer_that_is_no_step_is_handed_back_as_it_is(capsys):
    def power(x, n=2):
        return x**n

    assert POWER.use(power) is power
    assert capsys.readouterr().out.startswith("✓ power: right")


def through_torch(rule):
    p = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    optimizer = torch_optim.TorchOptimizer([p], rule, lr=0.1)
    for g in GRADIENTS:
        p.grad = torch.tensor(g, dtype=torch.float64)
        optimizer.step()
        assert p.grad.tolist() == g
    return p.tolist()


def through_jax(rule):
    transform, p = jax_optim.from_rule(rule, 0.1), jnp.asarray([1.0, -2.0])
    state, update = transform.init(p), jax.jit(transform.update)
    for g in GRADIENTS:
        updates, state = update(jnp.asarray(g), state, p)
        p = jax_optim.apply_updates(p, updates)
    return p.tolist()


def through_numpy(rule):
    return descend(rule, quadratic([1.0, 10.0]), steps=5, lr=0.05)["p"][-1].tolist()


SHELLS = [through_torch, through_jax, through_numpy]


def follow(exercise, library, fn, shell):
    np.testing.assert_allclose(shell(exercise.use(fn)), shell(library), rtol=1e-6)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "fn",
    [in_place, as_a_list, with_the_state, downhill_velocity, averaged_velocity, other_names_and_more, momentum.step],
    ids=lambda fn: fn.__name__,
)
def test_a_students_step_is_a_rule_that_walks_the_librarys_path_in_every_shell(fn, shell, capsys):
    follow(BALL, momentum, fn, shell)
    assert "library’s" not in capsys.readouterr().out
    assert BALL.use(fn).step is not momentum.step


@pytest.mark.parametrize("shell", SHELLS)
def test_a_students_step_without_memory_is_a_rule_too(shell, capsys):
    follow(STEP, sgd, lambda p, g, lr: p - lr * g, shell)
    assert "library" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("fn", "shell", "words"),
    [
        (in_numpy, through_jax, "fails when JAX traces it (TracerArrayConversionError)"),
        (in_torch, through_jax, "fails when JAX traces it"),
        (entry_by_entry, through_jax, "turns a JAX array into something else"),
        (entry_by_entry, through_torch, "turns a torch tensor into something else"),
        (in_jax, through_torch, "torch tensor"),
    ],
)
def test_where_a_library_cannot_run_a_right_step_its_own_goes_on_and_says_so_once(fn, shell, words, capsys):
    rule = BALL.use(fn)
    np.testing.assert_allclose(shell(rule), shell(momentum), rtol=1e-6)
    shell(rule)
    said = capsys.readouterr().out
    assert said.count(words) == said.count("The library's rule goes on in its place.") == 1


def test_a_students_step_takes_the_hyperparameters_of_its_stub_and_no_others():
    rule = BALL.use(downhill_velocity)
    assert descend(rule, quadratic([1.0]), steps=2, lr=0.1, momentum=0.5)["p"][-1] == pytest.approx(0.76)
    with pytest.raises(TypeError, match="momentum has no hyperparameter 'dampening'"):
        descend(rule, quadratic([1.0]), steps=1, lr=0.1, dampening=0.5)


def test_a_students_step_in_place_leaves_the_callers_parameter_alone():
    rule, p = BALL.use(in_place), np.ones(1)
    q, _ = rule.step(p, np.ones(1), rule.init(p), lr=0.5)
    assert (p.tolist(), q.tolist()) == ([1.0], [0.5])


# Hints


def test_hints_come_one_at_a_time(capsys):
    for stage, hint in enumerate(POWER.hints, start=1):
        POWER.hint(stage)
        assert capsys.readouterr().out == f"Hint {stage} of 3: {hint}\n"


@pytest.mark.parametrize("stage", [0, 4, -1, None, "1"])
def test_another_hint_is_refused(stage):
    with pytest.raises(ValueError, match=r"stage is .*; allowed are 1, 2 and 3"):
        POWER.hint(stage)
