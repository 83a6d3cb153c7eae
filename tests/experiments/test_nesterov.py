"""Lesson 03 against theory: the look-ahead point, the two edges, the shrink factors, and the heavy ball's cycle."""

from fractions import Fraction

import numpy as np
import pytest

from course_lib import conventions, theory
from course_lib.exercises import nesterov as ex
from course_lib.experiments import nesterov as lab
from course_lib.rules import momentum, nesterov, sgd


def slope(p):
    return p * np.array([1.0, 4.0]) + p**3


def test_the_paper_and_the_rule_walk_one_path_seen_from_two_points():
    theta, u = np.array([1.0, -0.5]), np.zeros(2)
    p, s = theta, nesterov.init(theta)
    for _ in range(20):
        np.testing.assert_allclose(theta + 0.9 * u, p, rtol=0, atol=1e-14)
        np.testing.assert_allclose(conventions.nesterov_paper_point(p, s.v, 0.1, 0.9), theta, rtol=0, atol=1e-14)
        theta, u = lab.look_ahead(theta, u, slope, 0.1)
        p, s = nesterov.step(p, slope(p), s, lr=0.1)


def test_torch_stores_the_look_ahead_point_and_not_the_papers():
    run = lab.beside_torch(lab.look_ahead)
    assert np.abs(run["ahead"] - run["stored"]).max() < 1e-14
    assert np.abs(run["theta"] - run["stored"]).max() > 0.1


def test_a_look_says_where_the_gradient_was_taken():
    looks = lab.looks()
    np.testing.assert_array_equal(looks["momentum"].asked, looks["momentum"].start)
    np.testing.assert_array_equal(looks["nesterov"].asked, looks["nesterov"].carried)
    assert abs(looks["nesterov"].end[1]) < abs(looks["momentum"].end[1])


@pytest.mark.parametrize("mu", [0.4, 0.9])
@pytest.mark.parametrize("x", [0.05, 0.5, 1.0, 1.3, 3.0])
def test_on_a_quadratic_nesterov_is_the_heavy_ball_with_momentum_mu_times_one_minus_x(x, mu):
    assert lab.measured_shrink(momentum, x, mu) == pytest.approx(theory.shrink(x, mu), abs=1e-7)
    assert lab.measured_shrink(nesterov, x, mu) == pytest.approx(theory.shrink(x, mu * (1 - x)), abs=1e-7)


@pytest.mark.parametrize("mu", [0.5, 0.9, 0.99])
def test_the_edges_found_by_bisection_are_those_of_the_formulas(mu):
    assert lab.edge(momentum, mu) == pytest.approx(2 * (1 + mu), abs=1e-6)
    assert lab.edge(nesterov, mu) == pytest.approx(2 * (1 + mu) / (1 + 2 * mu), abs=1e-6)


def test_the_tuned_setting_needs_fewer_steps_than_the_usual_and_more_than_a_heavy_ball():
    usual, tuned, heavy = lab.kappas(nesterov), lab.kappas(nesterov, tuned=True), lab.kappas_heavy(momentum)
    assert all(heavy[kappa] < tuned[kappa] < usual[kappa] for kappa in usual)


def test_lessards_slope_is_the_derivative_of_its_height_with_the_three_pieces_of_the_paper():
    x = np.array([-3.0, -0.5, 0.5, 1.25, 1.75, 2.5, 4.0])
    np.testing.assert_allclose((lab.height(x + 1e-5) - lab.height(x - 1e-5)) / 2e-5, lab.lessard(x), rtol=1e-8)
    pieces = [25 * x, x + 24, 25 * x - 24]
    np.testing.assert_allclose(lab.lessard(x), np.select([x < 1, x < 2], pieces[:2], pieces[2]), rtol=1e-12)


def test_the_cycle_is_exact_in_fractions():
    a, b, c = (Fraction(n, 1225) for n in (792, -2208, 2592))
    for before, here, after in ((c, a, b), (a, b, c), (b, c, a)):
        slope = 25 * here if here < 1 else here + 24 if here < 2 else 25 * here - 24
        assert here + Fraction(4, 9) * (here - before) - slope / 9 == after


def test_the_heavy_ball_settles_on_the_cycle():
    np.testing.assert_allclose(lab.cycle(), lab.CYCLE, rtol=0, atol=1e-12)


def test_its_setting_is_the_best_pair_for_curvatures_one_to_twenty_five():
    assert tuple(lab.SETTINGS[momentum].values()) == pytest.approx(theory.best_pair(1, 25), rel=1e-15)


def test_an_eighth_of_the_starts_traps_the_heavy_ball_and_none_the_others():
    assert lab.moving(momentum).mean() == pytest.approx(0.123, abs=0.01)
    assert not lab.moving(nesterov).any()
    assert not lab.moving(sgd).any()


def test_the_map_of_the_explorer_agrees_with_longer_runs_and_with_its_own_path():
    basins = lab.basins(columns=41, rows=12)
    for i, mu in enumerate(basins.momentum):
        np.testing.assert_array_equal(basins.caught[i], lab.moving(momentum, x0=basins.x0, momentum=mu, steps=2000))
    balls = lab.compute(3.3, 4 / 9)
    assert np.ptp(balls.heavy[-3:]) > 3
    assert np.ptp(balls.ahead[-3:]) < 1e-6


@pytest.mark.parametrize(("x0", "mu"), [(5.0, 0.4), (-5.0, 0.95), (0.0, 0.7)])
def test_the_explorers_paths_stay_inside_its_picture(x0, mu):
    balls = lab.compute(x0, mu)
    assert np.max(np.abs([balls.heavy, balls.ahead])) <= 9


def test_a_loop_by_hand_walks_the_librarys_path():
    def stored(p, g, u, lr, mu):
        before, u = u, mu * u - lr * g
        return p - mu * before + (1 + mu) * u, u

    np.testing.assert_allclose(lab.by_hand(stored, "mine")["p"], lab.race(nesterov)[1]["p"], rtol=0, atol=1e-14)


def test_the_exercises_references_are_what_the_experiments_measure():
    x = np.linspace(-3, 4, 29)
    np.testing.assert_allclose(ex.kinked_slope.reference(x), lab.lessard(x), rtol=0, atol=1e-12)
    assert ex.edges.reference(0.9) == pytest.approx((lab.edge(momentum, 0.9), lab.edge(nesterov, 0.9)), abs=1e-6)


def backed_up_by_name(p, g, u, lr, momentum=0.9):
    u_prev = u
    u *= momentum
    u -= lr * g
    return p - momentum * u_prev + (1 + momentum) * u, u


def backed_up_by_copy(p, g, u, lr, momentum=0.9):
    u_prev = u.copy()
    u *= momentum
    u -= lr * g
    return p - momentum * u_prev + (1 + momentum) * u, u


def test_a_backup_that_is_a_second_name_walks_the_heavy_balls_path_and_is_told_so():
    walked = lab.by_hand(backed_up_by_name, "broken")["p"]
    np.testing.assert_allclose(walked, lab.race(nesterov)[0]["p"], rtol=0, atol=1e-14)
    assert "one array under two names" in ex.backup_step.check(backed_up_by_name).says
    assert ex.backup_step.check(backed_up_by_copy).right
