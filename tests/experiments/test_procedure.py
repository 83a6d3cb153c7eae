"""Lesson 16: the experiments against closed forms and published figures, and a log that must be honest."""

import copy

import numpy as np
import pytest

from course_lib.exercises.procedure import halving, log, sample
from course_lib.experiments import capstone, deepobs, tuning_log
from course_lib.experiments import procedure as lab

TARGET = 2.15


def entry(change, scores, **settings):
    return {
        "change": change,
        "settings": {"rule": "AdamW", "lr": 0.004, "schedule": "constant"} | settings,
        "scores": scores,
    }


@pytest.fixture
def honest():
    return [
        entry("baseline", [2.13, 2.15, 2.18]),
        entry("schedule", [2.14, 2.16, 2.15], schedule="falling", lr=0.008),
        entry("rule", [1.93, 1.92, 1.94], rule="Muon", lr=0.02),
        entry("lr", [1.90, 1.89, 1.91], rule="Muon", lr=0.04),
    ]


def test_the_rotation_is_one():
    turn = deepobs.rotation(20, np.random.RandomState(0))
    np.testing.assert_allclose(turn @ turn.T, np.eye(20), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1)


def test_the_published_problem_has_the_published_loss_at_the_start():
    assert deepobs.start() == pytest.approx(deepobs.PUBLISHED_START, abs=1e-5)


def test_the_loss_is_the_mean_over_the_examples():
    p, some = np.linspace(-1, 1, 100), deepobs.problem().test[: deepobs.USED]
    one_by_one = [0.5 * (p - x) @ deepobs.problem().hessian @ (p - x) for x in some]
    assert deepobs.loss(p, deepobs.problem().test) == pytest.approx(np.mean(one_by_one))


def test_seven_published_runs_lie_in_our_range_and_a_reshuffled_one_does_not():
    assert [run.inside for run in deepobs.reproduced().values()] == [True] * 7
    assert not deepobs.reshuffled().inside


def test_a_draw_is_even_in_the_logarithm():
    u = np.random.default_rng(0).random((4000, 1))
    drawn = sample.reference(u, np.array([1e-4]), np.array([1.0]))
    assert np.histogram(np.log10(drawn), bins=4, range=(-4, 0))[0] == pytest.approx(1000, abs=100)


@pytest.mark.parametrize(
    ("trials", "width", "important", "settings"), [(25, 0.15, 2, 2), (16, 0.1, 1, 2), (27, 0.2, 2, 3)]
)
def test_both_chances_are_those_of_a_simulation(trials, width, important, settings):
    rng = np.random.default_rng(0)
    corner = rng.random((4000, 1, important))
    values = round(trials ** (1 / settings))
    axis = (np.arange(values) + 0.5) / values
    grid = np.stack(np.meshgrid(*[axis] * settings), axis=-1).reshape(-1, settings)[None, :, :important]
    for points, formula in (
        (rng.random((4000, trials, important)), lab.by_chance(trials, width, important)),
        (grid, lab.by_grid(trials, width, important, settings)),
    ):
        hit = ((points - corner) % 1 < width).all(axis=2).any(axis=1)
        assert hit.mean() == pytest.approx(formula, abs=0.03)


def test_halving_spends_the_same_on_each_round_but_the_last_ones_rounding():
    run = lab.race(sample.reference, halving.reference)
    assert {n: len(losses) for n, losses in run.rounds.items()} == {4: 27, 12: 9, 36: 3, 108: 1}
    assert run.spent == 4 * 108


def test_an_honest_log_passes(honest):
    assert tuning_log.kept(honest) == [0, 2, 3]
    assert log.check(lambda: honest, TARGET).right


def test_the_recorded_log_passes_and_its_baseline_is_lesson_07s():
    made = capstone.load()
    assert log.check(capstone.load).right
    assert np.median(made[0]["scores"]) == capstone.adamw_median()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda made: made.pop(0), "no baseline"),
        (lambda made: made[2]["scores"].pop(), "2 scores"),
        (lambda made: made[1].pop("settings"), "no settings"),
        (lambda made: made[2]["scores"].append(float("nan")) or made[2]["scores"].pop(0), "nan"),
        (lambda made: made[2]["settings"].update(schedule="falling"), "two changes at once"),
        (lambda made: made[3]["settings"].update(lr=0.02), "changes nothing"),
        (lambda made: made[2].update(change="schedule"), "says that it changes schedule"),
        (lambda made: made.__delitem__(slice(2, None)), "nothing was kept"),
    ],
)
def test_a_log_that_is_not_honest_hears_why(honest, spoil, words):
    made = copy.deepcopy(honest)
    spoil(made)
    verdict = log.check(lambda: made, TARGET)
    assert verdict.state == "wrong"
    assert words in verdict.says


def test_a_log_that_does_not_reach_its_target_is_told_so(honest):
    assert "to be beaten is 1.5000" in log.check(lambda: honest, 1.5).says


def test_a_log_that_is_not_written_is_no_error():
    def my_log():
        raise NotImplementedError

    assert log.check(my_log).state == "unwritten"
    assert log.check(lambda: "a diary").state == "wrong"


def test_a_run_with_settings_that_there_are_not_is_one_sentence():
    with pytest.raises(ValueError, match="schedule is 'cosine'; allowed are constant, falling"):
        capstone.train({"rule": "AdamW", "lr": 0.004, "schedule": "cosine"})
    with pytest.raises(ValueError, match="settings are"):
        capstone.train({"rule": "AdamW", "lr": 0.004})


def test_a_falling_rate_begins_and_ends_at_nothing():
    factor = capstone.factor("falling", 100)
    assert [factor(t) for t in (0, 10, 100)] == pytest.approx([0, 1, 0])
