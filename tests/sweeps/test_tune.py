"""The best learning rate by the median, and no ranking where ranges overlap: on numbers written by hand."""

import numpy as np
import pytest

from course_lib.problems import digits
from course_lib.rules import adam, sgd
from course_lib.sweeps import Sweep, sweep_jax, tune

LRS, SEEDS = [0.01, 0.1, 1.0], [0, 1, 2]


def by_hand(losses, accuracy=None):
    """A stand-in for a sweep: `losses[rule]`, shape (lrs, seeds), NaN where diverged."""

    def sweep(rule, lrs, seeds, *, test=None):
        loss = np.array(losses[rule], dtype=float)
        found = None if accuracy is None else np.array(accuracy[rule], dtype=float)
        return Sweep(rule, np.array(lrs), np.array(seeds), loss[..., None], ~np.isfinite(loss), found)

    return sweep


def compare(losses, lrs=LRS, seeds=SEEDS, **more):
    return tune({name: (name, {}) for name in losses}, lrs, seeds, sweep=by_hand(losses), **more)


WORSE = [9, 9, 9]


def test_the_best_learning_rate_is_that_of_the_median_not_of_the_mean_or_the_best_seed():
    found = compare({"a": [[0.1, 5, 5], [1, 2, 90], WORSE]}).best["a"]
    assert (found.lr, found.median, found.low, found.high) == (0.1, 2, 1, 90)


def test_ranges_apart_are_ranked():
    ranking = compare({"a": [WORSE, [4, 5, 6], WORSE], "b": [WORSE, [1, 2, 3], WORSE]}).ranking()
    assert ranking.order == ("b", "a")
    assert ranking.better == (("b", "a"),)
    assert ranking.refused == ()
    assert str(ranking) == "Ranking by final loss, best first: b, a."


def test_overlapping_ranges_are_refused_by_name():
    losses = {"a": [WORSE, [1, 2, 4], WORSE], "b": [WORSE, [3, 5, 6], WORSE], "c": [WORSE, [7, 8, 8.5], WORSE]}
    ranking = compare(losses).ranking()
    assert ranking.order == ()
    assert ranking.refused == (("a", "b"),)
    assert ranking.better == (("a", "c"), ("b", "c"))
    assert str(ranking) == "No ranking by final loss: the ranges over seeds overlap for a [1, 4] and b [3, 6]."


def test_ranges_that_touch_or_contain_one_another_overlap():
    assert compare({"a": [WORSE, [1, 2, 3], WORSE], "b": [WORSE, [3, 4, 5], WORSE]}).ranking().refused
    assert compare({"a": [WORSE, [1, 4, 8], WORSE], "b": [WORSE, [4.5, 5, 6], WORSE]}).ranking().refused


def test_equal_methods_are_not_ranked_even_without_any_spread():
    same = [WORSE, [2, 2, 2], WORSE]
    assert compare({"a": same, "b": same}).ranking().refused == (("a", "b"),)


def test_a_diverged_seed_counts_as_the_worst():
    comparison = compare({"a": [WORSE, [1, 2, np.nan], WORSE], "b": [WORSE, [4, 5, 6], WORSE]})
    assert comparison.best["a"].high == np.inf
    assert "At its best lr a diverged for 1 of 3 seeds." in str(comparison)
    assert comparison.ranking().refused == (("a", "b"),)


@pytest.mark.parametrize(("at", "end"), [(0, "smallest"), (2, "largest")])
def test_a_best_learning_rate_at_the_end_of_the_grid_is_told(at, end):
    losses = [WORSE, WORSE, WORSE]
    losses[at] = [1, 1, 1]
    comparison = compare({"a": losses})
    assert comparison.best["a"].warning == f"The best lr of a, {LRS[at]:g}, is the {end} of the grid: extend the grid."
    assert comparison.best["a"].warning in str(comparison)


def test_the_end_of_the_grid_is_its_largest_value_not_its_last():
    assert "largest" in compare({"a": [WORSE, [1, 1, 1], WORSE]}, lrs=[0.1, 1.0, 0.5]).best["a"].warning
    assert compare({"a": [WORSE, WORSE, [1, 1, 1]]}, lrs=[0.1, 1.0, 0.5]).best["a"].warning == ""


def test_a_rule_that_always_diverges_is_told():
    lost = 3 * [3 * [np.nan]]
    comparison = compare({"a": lost, "b": [WORSE, [1, 1, 1], WORSE]})
    assert "a diverged at every lr and seed" in str(comparison)
    assert comparison.ranking().order == ("b", "a")


def test_by_accuracy_more_is_better_and_a_diverged_seed_is_worst():
    losses = {"a": [WORSE, [1, 1, np.nan], WORSE], "b": [WORSE, [1, 1, 1], WORSE]}
    accuracy = {"a": [3 * [0.1], [0.7, 0.8, np.nan], 3 * [0.2]], "b": [3 * [0.1], [0.9, 0.91, 0.92], 3 * [0.2]]}
    rules = {name: (name, {}) for name in losses}
    comparison = tune(rules, LRS, SEEDS, criterion="accuracy", sweep=by_hand(losses, accuracy), test=())
    assert comparison.best["a"].values.tolist() == [0.7, 0.8, 0]
    assert comparison.ranking().order == ("b", "a")


def test_the_table_reads_as_a_table():
    text = str(compare({"SGD": [WORSE, [4, 5, 6], WORSE], "Adam": [WORSE, [1, 2, 3], WORSE]}))
    assert text.splitlines() == [
        "optimiser  best lr  median final loss  range over 3 seeds",
        "SGD        0.1      5                  [4, 6]",
        "Adam       0.1      2                  [1, 3]",
        "Ranking by final loss, best first: Adam, SGD.",
    ]


def test_each_rule_may_have_a_grid_of_its_own():
    losses = {"a": [WORSE, [1, 2, 3], WORSE], "b": [WORSE, [1, 2, 3], WORSE]}
    best = compare(losses, lrs={"a": LRS, "b": [1, 2, 3]}).best
    assert (best["a"].lr, best["b"].lr) == (0.1, 2)


def test_real_sweeps_are_tuned_by_either_library():
    data = digits.load()
    more = {"x": data.x_train, "y": data.y_train, "steps": 20, "batch_size": 32, "test": (data.x_test, data.y_test)}
    rules = {"SGD": (sgd, {}), "Adam": (adam, {"beta2": 0.99})}
    ours, theirs = (tune(rules, [1e-3, 1e-2, 1e-1], range(3), **more, **kind) for kind in ({}, {"sweep": sweep_jax}))
    assert ours.best["SGD"].lr == 0.1
    assert ours.best["Adam"].median < ours.sweeps["Adam"].final_loss[0].min()
    for name in rules:
        assert ours.best[name].lr == theirs.best[name].lr
        np.testing.assert_allclose(ours.best[name].values, theirs.best[name].values, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("error", "words", "change"),
    [
        (ValueError, "rules is empty", {"rules": {}}),
        (TypeError, r"rules\['SGD'\] is 'sgd'", {"rules": {"SGD": "sgd"}}),
        (ValueError, "lrs is empty", {"lrs": []}),
        (ValueError, "Invalid learning rate: -1", {"lrs": [-1]}),
        (ValueError, "lrs has grids for Adam; needed is one for each of SGD", {"lrs": {"Adam": LRS}}),
        (ValueError, "seeds .*needs 3", {"seeds": [0, 1]}),
        (ValueError, "criterion is 'luck'", {"criterion": "luck"}),
        (ValueError, "test is missing", {"criterion": "accuracy"}),
    ],
)
def test_bad_input_gets_one_sentence(error, words, change):
    with pytest.raises(error, match=words) as caught:
        tune(**{"rules": {"SGD": (sgd, {})}, "lrs": LRS, "seeds": SEEDS} | change)
    assert "\n" not in str(caught.value)


def test_grids_of_different_lengths_are_no_fair_comparison():
    with pytest.raises(ValueError, match="same number"):
        compare({"a": [], "b": []}, lrs={"a": LRS, "b": [0.1]})
