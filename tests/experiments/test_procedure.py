"""Lesson 16: the experiments against closed forms and published figures, and a log that must be honest."""

import copy
import itertools
import logging
import sys

import numpy as np
import pytest

from course_lib.cli import ROOT
from course_lib.exercises.procedure import halving, log, sample
from course_lib.experiments import capstone, deepobs, optuna_race, tuning_log
from course_lib.experiments import procedure as lab
from course_lib.lessons.source import read

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


@pytest.mark.parametrize("seed", [0, 2, 6])
def test_optuna_lets_on_the_best_third_of_those_that_have_come_as_far(seed):
    run = optuna_race.race(seed)
    rounds = list(run.rounds.values())
    assert list(rounds[0]) == list(range(27))
    for seen, following in itertools.pairwise(rounds):
        let_on, so_far = [], []
        for trial, loss in seen.items():
            so_far = sorted(so_far + [loss] * bool(np.isfinite(loss)))
            if loss in so_far[: max(1, len(so_far) // 3)]:
                let_on.append(trial)
        assert let_on == list(following)
    assert run.winner == min(rounds[-1], key=rounds[-1].get)
    assert run.spent == sum(n * len(seen) for n, seen in run.rounds.items())


def test_in_optunas_race_the_first_that_does_not_diverge_goes_all_the_way():
    for seed in range(3):
        run = optuna_race.race(seed)
        first = np.flatnonzero(np.isfinite(list(run.rounds[4].values())))[0]
        assert first in run.rounds[run.last]


def test_optunas_race_is_the_same_each_time_and_says_nothing(monkeypatch, caplog):
    monkeypatch.setattr(logging.getLogger("optuna"), "handlers", [caplog.handler])
    one, again = optuna_race.race(1), optuna_race.race(1)
    np.testing.assert_equal(one.rounds, again.rounds)
    np.testing.assert_equal(one.full, again.full)
    assert caplog.records == []


def test_without_optuna_the_lesson_says_how_to_get_it_and_goes_on(monkeypatch, capsys):
    name = "solutions/16_procedure.md"
    code = [cell.source for cell in read(ROOT / name, name).cells if cell.cell_type == "code"]
    (cell,) = (source for source in code if "optuna_race.race" in source)
    monkeypatch.setitem(sys.modules, "optuna", None)
    exec(cell, {"optuna_race": optuna_race})
    assert capsys.readouterr().out == optuna_race.MISSING + "\n"
    assert "`%pip install optuna`" in optuna_race.MISSING


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
        (lambda made: made[1].update(scores=1.9), "`scores` of entry 1 are 1.9; a list of 3 numbers is wanted."),
        (lambda made: made[1].update(scores=["1.9", "1.9", "2.0"]), "a list of 3 numbers is wanted"),
        (lambda made: made[2].update(settings=None), "`settings` of entry 2 are None; a dict"),
        (lambda made: made[2].update(settings={1: "Muon"}), "by name is wanted"),
        (
            lambda made: made[2].update(change=["rule"]),
            "`change` of entry 2 is ['rule']; it is the name of one setting.",
        ),
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


def test_a_log_may_be_given_without_its_function(honest):
    assert log.check(honest, TARGET).right
    assert log.use(honest, TARGET) == honest


def test_a_function_that_writes_a_log_is_called_once_and_may_fail(honest):
    calls = []
    assert log.use(lambda: calls.append(1) or honest, TARGET) is honest
    assert calls == [1]
    assert "stops with ZeroDivisionError" in log.check(lambda: 1 / 0, TARGET).says
    assert log.use(lambda: 1 / 0, TARGET) == capstone.load()


def test_the_log_has_three_hints(capsys):
    for stage in (1, 2, 3):
        log.hint(stage)
    assert capsys.readouterr().out.count("of 3: ") == 3
    with pytest.raises(ValueError, match="allowed are 1, 2 and 3"):
        log.hint(4)


def test_an_answer_that_lengthens_the_grid_in_place_gets_a_list_each_time():
    grids = []

    def lengthening(score, lrs):
        grids.append(list(lrs))
        lrs.insert(0, lrs[0] / 10)
        return lrs[1]

    lab.reported(lengthening)
    assert grids == [list(lab.SHORT_GRID)] * 3


def test_a_halving_that_drops_the_worst_one_at_a_time_is_right():
    def dropping(run, trials, steps, eta=3):
        alive, spent = list(range(trials)), 0
        while True:
            losses = {trial: run(trial, steps) for trial in alive}
            spent += steps * len(alive)
            if len(alive) == 1:
                return alive[0], spent
            keep, steps = max(1, len(alive) // eta), steps * eta
            while len(alive) > keep:
                alive.remove(max(alive, key=lambda trial: np.nan_to_num(losses[trial], nan=np.inf)))

    assert halving.check(dropping).right


def test_a_run_with_settings_that_there_are_not_is_one_sentence():
    with pytest.raises(ValueError, match="schedule is 'cosine'; allowed are constant, falling"):
        capstone.train({"rule": "AdamW", "lr": 0.004, "schedule": "cosine"})
    with pytest.raises(ValueError, match="settings are"):
        capstone.train({"rule": "AdamW", "lr": 0.004})


def test_a_falling_rate_begins_and_ends_at_nothing():
    factor = capstone.factor("falling", 100)
    assert [factor(t) for t in (0, 10, 100)] == pytest.approx([0, 1, 0])
