"""Lesson 12's experiments against closed forms, and the nets of both frameworks against each other."""

import numpy as np
import pytest

from course_lib.exercises import landscape as ex
from course_lib.experiments import landscape as lab
from course_lib.experiments import race
from course_lib.problems import quadratic
from course_lib.rules import adam, momentum, nesterov, sgd
from course_lib.training import descend


@pytest.mark.parametrize(("n", "share"), [(1, 0.5), (2, (2 - 2**0.5) / 4), (3, (np.pi - 2 * 2**0.5) / (4 * np.pi))])
def test_random_matrices_are_minima_as_rarely_as_theory_says(n, share):
    assert lab.share_of_minima(n) == pytest.approx(share, abs=0.003)


@pytest.mark.parametrize("lr", [0.1, 1.0])
def test_gradient_descent_leaves_a_saddle_after_the_steps_of_the_closed_form(lr):
    assert lab.escape(sgd, lr=lr) == np.ceil(np.log(1e6) / np.log(1 + lr * 0.01))


def test_the_ball_leaves_it_at_the_rate_of_the_larger_root():
    assert lab.escape(momentum, lr=0.1, momentum=0.9) == pytest.approx(lab.ball_steps(), rel=0.01)


def test_only_along_the_axes_does_adam_ignore_the_curvature():
    assert set(lab.escapes().values()) <= {77, 78}
    assert lab.turned(adam, lr=0.01) > 40 * 78
    assert lab.turned(sgd, lr=1.0) == lab.escape(sgd, lr=1.0)


def test_a_deep_linear_net_follows_the_closed_form_from_plateau_to_plateau():
    trace = lab.modes()
    t = 0.001 * np.arange(len(trace))[:, None]
    assert np.abs(trace["modes"] - lab.closed_form(t, np.array([3, 1.5, 0.75]))).max() < 0.01


@pytest.mark.parametrize(("rule", "form"), [(momentum, "heavy ball"), (nesterov, "nesterov")])
def test_a_rule_is_stable_below_its_edge_and_not_above(rule, form):
    h = lab.edge(0.1, 0.9, form)
    ends = [
        abs(descend(rule, quadratic([h * near]), steps=2000, lr=0.1, momentum=0.9)["p"][-1, 0]) for near in (0.99, 1.01)
    ]
    assert ends[0] < 1e-3
    assert ends[1] > 1e3


def test_both_frameworks_give_one_loss_one_gradient_and_one_product():
    torch_net, jax_net, p = lab.TorchNet(), lab.JaxNet(), lab.start()
    (a, g), (b, k) = torch_net.slope(torch_net.array(p)), jax_net.slope(jax_net.array(p))
    assert a == pytest.approx(b, rel=1e-5)
    np.testing.assert_allclose(g.numpy(), k, atol=1e-6)
    v = np.random.default_rng(0).standard_normal(len(p))
    np.testing.assert_allclose(
        torch_net.product(torch_net.array(p))(v), jax_net.product(jax_net.array(p))(v), atol=1e-4
    )


def test_power_iteration_finds_the_largest_eigenvalue_of_a_nets_whole_hessian():
    sizes = (64, 6, 10)
    net = lab.TorchNet(sizes=sizes)
    hvp, n = net.product(net.array(lab.start(0, sizes))), len(lab.start(0, sizes))
    whole = np.linalg.eigvalsh(np.stack([hvp(e) for e in np.eye(n)]).astype(float))
    found, _ = lab.top_curvature(hvp, np.random.default_rng(1).standard_normal(n), 60)
    assert found == pytest.approx(whole[-1], rel=0.01)


def test_a_vector_left_in_the_graph_is_right_on_a_bowl_and_wrong_on_a_net():
    sizes = (64, 6, 10)
    net, bowl = lab.TorchNet(sizes=sizes), lambda p: (p**4).sum() * 0 + (p**2).sum()
    kept, cut = (lab.attached(bowl, np.ones(3, np.float32), detach=detach) for detach in (False, True))
    assert kept == pytest.approx(cut)
    kept, cut = (lab.attached(net.loss, lab.start(0, sizes), detach=detach) for detach in (False, True))
    assert kept > 1.3 * cut


@pytest.mark.parametrize("last", [lambda start, v: start, lambda start, v: 3 * v])
def test_a_right_curvature_with_a_wrong_direction_is_refused(last):
    def top_curvature(hvp, v, iterations):
        curvature, found = lab.top_curvature(hvp, v, iterations)
        return curvature, last(v, found)

    assert "the v beside it is not" in ex.top_curvature.check(top_curvature).says
    assert ex.top_curvature.check(lambda hvp, v, n: lab.top_curvature(hvp, -v, n)).right


def test_with_cross_entropy_the_sharpness_falls_away_once_the_digits_are_learnt():
    sharpness = lab.train(lab.ClassNet(), sgd, 0.3, steps=700)["sharpness"]
    assert sharpness.max() < 2
    assert sharpness[-1] < sharpness[0] / 4


def test_training_sharpens_until_the_edge():
    trace = lab.train(lab.TorchNet(), sgd, 0.4, steps=700)
    assert trace["sharpness"][0] < 4
    assert lab.ratio(trace, 5.0) == pytest.approx(1, abs=0.06)
    assert 0.2 < lab.rises(trace) < 0.8


def test_a_dead_net_is_stuck():
    loss, gradient, guessing = lab.all_dead(steps=200)
    assert gradient == 0
    assert loss == pytest.approx(guessing, abs=1e-3)


@pytest.mark.parametrize(("mu", "form", "rule"), [(0.5, "nesterov", nesterov), (0.5, "heavy ball", momentum)])
def test_the_explorer_walks_as_the_rules_do(mu, form, rule):
    shown, p = lab.compute(0.1, 2.0, mu, form), np.array([2.0, 0.1])
    s = rule.init(p)
    for _ in range(20):
        p, s = rule.step(p, (p.prod() - 1) * p[::-1], s, lr=0.1, momentum=mu)
    np.testing.assert_allclose(shown.path[20], p, rtol=1e-12)
    assert shown.sharpness[-1] == pytest.approx((shown.path[-1] ** 2).sum(), rel=1e-6)


def test_every_racer_ends_lower_than_it_began_and_has_a_colour_of_its_own():
    from course_lib.plots.style import COLOURS

    runs = race.run(steps=60)
    assert all(run["loss"][-1] < run["loss"][0] for run in runs)
    assert {run.name for run in runs} <= set(COLOURS)
    assert len({run.name for run in runs}) == len(race.RACERS)
