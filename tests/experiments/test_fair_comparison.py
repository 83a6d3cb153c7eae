"""Lesson 07's experiments against closed forms, and the record of the transformers."""

import numpy as np
import pytest

from course_lib.experiments import autoencoder, char_ladder
from course_lib.experiments import fair_comparison as lab
from course_lib.problems import digits
from course_lib.rules import adam, adamax, lion, lookahead, nesterov, radam, sgd


def meet(slow, fast, t, k=5, alpha=0.5):
    together = slow + alpha * (fast - slow)
    return (together, together) if t % k == 0 else (slow, fast)


def test_lookahead_around_a_meeting_is_the_rule_of_the_library():
    p, g = np.array([1.0, -2.0]), np.array([0.3, 0.7])
    mine, theirs = lab.around(meet, nesterov), lookahead.lookahead(nesterov)
    q, s, r = p, mine.init(p), theirs.init(p)
    for t in range(12):
        p, s = mine.step(p, g + t, s, lr=0.1, k=3, alpha=0.8)
        q, r = theirs.step(q, g + t, r, lr=0.1, k=3, alpha=0.8)
        np.testing.assert_allclose(p, q, rtol=1e-12)


@pytest.mark.parametrize(("lr", "k", "alpha"), [(0.2, 5, 0.5), (0.1, 10, 0.5), (1.3, 3, 0.9)])
def test_the_variance_of_the_slow_weights_is_that_of_proposition_two(lr, k, alpha):
    assert lab.simulated_ratio(meet, lr, k, alpha) == pytest.approx(lab.ratio(lr, k, alpha), rel=0.02)


def test_at_alpha_one_lookahead_is_the_rule_itself():
    assert lab.ratio(0.3, 7, 1.0) == pytest.approx(1)
    shown = lab.compute(0.3, 7, 1.0)
    assert shown.smaller == pytest.approx(0.3)
    np.testing.assert_allclose(shown.slow_square, shown.squares["SGD"][::7], rtol=1e-12)


def test_the_explorers_slow_weights_and_the_smaller_rate_end_on_one_floor():
    shown = lab.compute(0.2, 5, 0.5)
    assert shown.slow_square[-1] == pytest.approx(shown.squares["smaller"][-1], rel=0.01)
    assert shown.slow_square[-1] == pytest.approx(shown.ratio * shown.squares["SGD"][-1], rel=0.01)


def test_a_smaller_rate_of_sgd_reaches_lookaheads_floor_as_fast():
    for lr in np.linspace(0.05, 1.5, 12):
        for k in (1, 2, 3, 8, 20):
            for alpha in (0.1, 0.5, 0.9, 1.0):
                ahead, other, _ = lab.equal_floor(lr, k, alpha)
                assert abs(other) <= ahead + 1e-12


def test_the_warmed_up_adam_is_adam_once_the_rate_has_risen():
    g, p, q = np.array([0.5, -2.0]), np.zeros(2), np.zeros(2)
    s, r = lab.warmed_adam.init(p), adam.init(q)
    for t in range(1, 25):
        before, old = p, q
        p, s = lab.warmed_adam.step(p, g, s, lr=0.1, beta2=0.9)
        q, r = adam.step(q, g, r, lr=0.1, beta2=0.9)
        np.testing.assert_allclose(p - before, (q - old) * min(1, t / 20), rtol=1e-6)


def test_only_where_slopes_shrink_does_adamax_exceed_its_bound():
    assert lab.longest(adamax, steps=500) <= 1
    assert lab.longest(adamax, shrink=0.999) == pytest.approx(0.1 / (1 - 0.9 / 0.999), rel=1e-5)


def test_the_first_five_steps_of_radam_have_the_units_of_the_gradient():
    small, large = lab.lengths(radam, 8, g=1.0), lab.lengths(radam, 8, g=1000.0)
    np.testing.assert_allclose(large[:5] / small[:5], 1000)
    np.testing.assert_allclose(large[5:] / small[5:], 1, rtol=1e-6)


def test_every_step_of_lion_has_one_length():
    assert lab.move(lion, 30, steps=50) == pytest.approx((1, 1))
    assert min(lab.move(adam, 30, steps=50)) < 0.99


def test_ranges_of_equal_methods_lie_apart_as_often_as_counting_says():
    for seeds in (2, 3, 5):
        measured, exact = lab.luck(seeds)
        assert measured == pytest.approx(exact, abs=0.01)


def test_more_tries_flatter_a_report_that_the_test_set_chose_and_no_other():
    tables = np.random.default_rng(0).normal(0.1, 0.02, (2, 32, 5))
    unfair = lab.reported(lambda validation, test: test.max(axis=0), tables, draws=50)
    honest = lab.reported(lab.fair, tables, draws=50)
    assert unfair[32] > unfair[4] > unfair[1] + 0.01
    assert honest[32] == pytest.approx(0.1, abs=0.02)


def test_shuffled_labels_leave_one_guess_in_ten():
    validation, test = lab.nothing_to_learn(rates=3, seeds=3, steps=20)
    assert np.mean([validation, test]) == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize(("lr", "winner"), [(0.02, "Adam"), (0.8, "Nesterov")])
def test_one_rate_for_all_chooses_the_winner(lr, winner):
    sweeps = {name: autoencoder.sweep(rule, [lr], range(2), steps=150) for name, (rule, _) in lab.METHODS.items()}
    assert min(sweeps, key=lambda name: np.median(sweeps[name].final_loss)) == winner


def test_a_linear_net_loses_what_principal_components_lose():
    from sklearn.decomposition import PCA

    kept = PCA(6).fit(digits.load().x_train.astype(float)).explained_variance_ratio_.sum()
    assert autoencoder.linear_floor() == pytest.approx(1 - kept, abs=1e-6)


def test_a_replica_of_the_autoencoder_does_not_know_of_the_others():
    alone = autoencoder.sweep(sgd, [0.5], [1], steps=10).loss[0, 0]
    beside = autoencoder.sweep(sgd, [0.1, 0.5, 1e20], [0, 1], steps=10)
    np.testing.assert_allclose(beside.loss[1, 1], alone, rtol=1e-4)
    assert beside.diverged[2].all()
    assert not beside.diverged[:2].any()


def test_the_record_has_every_run_and_every_best_rate_lies_inside_its_grid():
    record, found = char_ladder.load(), char_ladder.ladder()
    assert record["rates"] == {name: list(rates) for name, rates in char_ladder.RATES.items()}
    assert all(np.shape(runs) == (4, len(record["seeds"])) for runs in record["validation loss"].values())
    assert not [tuned.warning for tuned in found.best.values() if tuned.warning]
    assert found.ranking().order == ()


def test_the_ladder_takes_the_rate_with_the_best_median_and_a_lost_run_counts_as_the_worst():
    runs = {"SGD": [[3.0, 3.0, 3.0], [2.0, 2.5, None], [2.6, 2.6, 2.6], [4.0, 4.0, 4.0]]}
    best = char_ladder.ladder(char_ladder.record(runs, (0, 1, 2))).best["SGD"]
    assert best.lr == char_ladder.RATES["SGD"][1]
    assert (best.median, best.high) == (2.5, np.inf)


def test_a_few_steps_of_the_transformer_lower_its_loss_on_held_out_text():
    trace, held_out = char_ladder.train(adam, 0.004, steps=12)
    assert trace["loss"][0] == pytest.approx(np.log(77), abs=0.1)
    assert held_out < 3.7
