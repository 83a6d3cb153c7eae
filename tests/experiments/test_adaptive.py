"""Lesson 04: what its experiments measure is what theory and the libraries say."""

import numpy as np
import optax
import pytest
from scipy.special import zeta

from course_lib.experiments import adaptive as lab
from course_lib.experiments import word_table
from course_lib.problems import bigrams
from course_lib.rules import adadelta, adagrad, rmsprop, sgd


def test_adagrads_way_is_a_sum_of_inverse_roots():
    moved = lab.distance(adagrad, steps=1000)["moved"]
    t = np.arange(1, 1001)
    np.testing.assert_allclose(np.diff(moved), t**-0.5, rtol=1e-9)
    assert moved[-1] == pytest.approx(2 * np.sqrt(1000) + zeta(0.5) + 0.5 / np.sqrt(1000), abs=1e-5)


def test_rmsprops_step_tends_to_lr_from_above():
    steps = np.diff(lab.distance(rmsprop, steps=2000, lr=0.1)["moved"])
    t = np.arange(1, 2001)
    np.testing.assert_allclose(steps, 0.1 / np.sqrt(1 - 0.99**t), rtol=1e-6)


@pytest.mark.parametrize("eps", [1e-8, 1e-6, 1e-2])
def test_adadeltas_first_step_is_set_by_eps(eps):
    assert lab.distance(adadelta, steps=1, eps=eps)["moved"][-1] == pytest.approx(np.sqrt(eps / (0.1 + eps)))


def test_the_scale_of_the_loss_matters_to_gradient_descent_alone():
    assert lab.scale_ratio(sgd) == pytest.approx(1000)
    assert lab.scale_ratio(adagrad) == pytest.approx(1, abs=1e-9)
    assert lab.scale_ratio(adadelta) == pytest.approx(1, abs=1e-3)


OPTAX = {"AdaGrad": optax.adagrad, "RMSProp": optax.rmsprop, "AdaDelta": optax.adadelta}


@pytest.mark.parametrize("name", OPTAX)
def test_the_optax_column_is_optaxs(name):
    shown = lab.first_steps(5)[name]["optax"]
    assert shown == pytest.approx(lab._jax_steps(OPTAX[name](1.0), 5), rel=1e-5)


def test_the_columns_of_the_two_libraries_differ_but_for_adadelta():
    first = {name: (columns["torch"][0], columns["optax"][0]) for name, columns in lab.first_steps(1).items()}
    assert first["RMSProp"] == pytest.approx((10, np.sqrt(10)), rel=1e-5)
    assert first["AdaGrad"] == pytest.approx((1, 1 / np.sqrt(1.1)), rel=1e-5)
    assert first["AdaDelta"][0] == pytest.approx(first["AdaDelta"][1], rel=1e-5)


def test_one_step_of_gradient_descent_on_the_word_table():
    run = word_table.learn(sgd, 10.0, steps=1)
    w = -10.0 * bigrams.loss_and_grad(np.zeros(word_table.SHAPE))[1]
    assert run.trace["excess"].shape == (2,)
    assert run.trace["excess"][0] == pytest.approx(np.log(500) - bigrams.floor(), rel=1e-5)
    assert run.excess == pytest.approx(bigrams.loss_and_grad(w)[0] - bigrams.floor(), rel=1e-4)
    np.testing.assert_allclose(run.rows, bigrams.row_excess(w), rtol=1e-3)


def test_tuning_takes_the_lowest_and_survives_a_rate_that_blows_up():
    best, tried = word_table.tune(sgd, [1.0, 20.0, 1e45], steps=3)
    assert best.lr == 20.0
    assert tried[1e45] == np.inf
    assert best.excess == tried[20.0] < tried[1.0]


def test_the_pairs_are_those_that_were_counted():
    x, y = word_table.pairs()
    again = np.zeros(word_table.SHAPE, int)
    np.add.at(again, (x, y), 1)
    assert np.array_equal(again, bigrams.load().counts)


def test_standardising_by_the_training_set_does_not_care_who_comes_together():
    right = lab.arriving(lambda train, x: (x - train.mean(axis=0)) / train.std(axis=0))
    assert set(right) == {1, 2, 4, 8, 16, 32, 64, 143}
    assert len(set(right.values())) == 1


def test_a_patient_measured_by_himself_gets_the_verdict_of_everybody():
    right = lab.arriving(lambda train, x: (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-8), sizes=(1,))
    assert right[1] == pytest.approx(53 / 143)  # all are called malignant, and 53 are


@pytest.mark.parametrize("name", ["adagrad", "rmsprop"])
def test_rare_and_frequent_weights_of_the_explorer_go_alike_where_each_has_its_rate(name):
    errors = lab.compute(0.1, 1.0, 1e-3, 0.9)[name]
    np.testing.assert_allclose(*errors[60:].T, rtol=0.6)
    assert lab.compute(0.1, 1.0, 1e-3, 0.9)["sgd"][-1, 1] > 0.95


def test_the_explorer_stays_finite_where_gradient_descent_flies_off():
    errors = lab.compute(1.0, 100.0, 1.0, 0.5)
    assert all(np.all(np.isfinite(values)) for values in errors.values())
    assert errors["sgd"][-1, 0] > 1e5
