"""The loops record what happened, agree with one another, and stop before a NaN spreads."""

import copy
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from course_lib import jax_optim, torch_optim
from course_lib.problems import digits, quadratic, rosenbrock
from course_lib.rule import Rule
from course_lib.rules import momentum, nesterov, sgd
from course_lib.training import descend, train_jax, train_torch

DATA = digits.load()
HYPERS = {"sgd": {}, "momentum": {"momentum": 0.9}, "nesterov": {"momentum": 0.9, "nesterov": True}}


# On a function


def test_a_descent_by_hand():
    trace = descend(sgd, quadratic([1.0, 4.0]), [1.0, 1.0], steps=2, lr=0.5)
    np.testing.assert_allclose(trace["p"], [[1, 1], [0.5, -1], [0.25, 1]])
    np.testing.assert_allclose(trace["loss"], [2.5, 2.125, 2.03125])
    assert (trace.name, trace.stopped) == ("sgd", "")


def test_a_descent_starts_where_the_problem_does():
    assert descend(momentum, rosenbrock(), steps=0, lr=1e-3)["p"].tolist() == [[-1.2, 1.0]]


def test_the_given_start_is_not_changed_even_by_a_step_in_place():
    def step(p, g, s, *, lr):
        p -= lr * g
        return p, s

    p = np.ones(2)
    trace = descend(Rule("in place", lambda p: (), step), quadratic([1.0, 2.0]), p, steps=2, lr=0.5)
    assert p.tolist() == [1, 1]
    assert trace["p"].tolist() == [[1, 1], [0.5, 0], [0.25, 0]]


@pytest.mark.parametrize("rule", [momentum, nesterov])
def test_a_descent_remembers_the_state(rule):
    p, s = np.ones(1), rule.init(np.ones(1))
    for _ in range(10):
        p, s = rule.step(p, 3 * p, s, lr=0.1, momentum=0.8)
    trace = descend(rule, quadratic([3.0]), steps=10, lr=0.1, momentum=0.8)
    assert trace["p"][-1] == p


def test_a_seed_switches_the_noise_on_and_decides_it():
    still, one, same, other = (
        descend(sgd, quadratic([1.0], sigma=1.0), steps=5, lr=0.1, seed=seed)["loss"] for seed in (None, 0, 0, 1)
    )
    assert np.array_equal(still, descend(sgd, quadratic([1.0]), steps=5, lr=0.1)["loss"])
    assert np.array_equal(one, same)
    assert not np.array_equal(one, still)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("problem", [quadratic([50.0]), rosenbrock()], ids=lambda problem: problem.name)
def test_a_descent_that_explodes_stops_and_keeps_its_finite_rows(problem):
    trace = descend(sgd, problem, steps=10_000, lr=1.0)
    assert trace.stopped.startswith(f"stopped at step {len(trace)}: p is no longer finite; the learning rate")
    assert 1 < len(trace) < 1000
    assert np.all(np.isfinite(trace["p"]))
    assert np.all(np.isfinite(trace["loss"]))


@pytest.mark.parametrize(
    ("hypers", "kind", "words"),
    [
        ({"lr": -1}, ValueError, "Invalid learning rate: -1"),
        ({}, TypeError, "sgd needs a value for 'lr'"),
        ({"lr": 0.1, "momentum": 0.9}, TypeError, "sgd has no hyperparameter 'momentum'"),
    ],
)
def test_a_descent_refuses_bad_hyperparameters(hypers, kind, words):
    with pytest.raises(kind, match=words):
        descend(sgd, quadratic([1.0]), steps=1, **hypers)


# On a net


def index_arrays(steps=60, batch_size=64):
    return digits.batches(len(DATA.x_train), batch_size, steps)


def in_torch(name="sgd", *, x=DATA.x_train, lr=0.05, steps=60, net=None, **options):
    """(weights before, weights after, trace) of a run in torch."""
    net = net or digits.torch_mlp()
    before = copy.deepcopy(dict(net.named_parameters()))
    optimizer = torch_optim.SGD(net.parameters(), lr, **HYPERS[name])
    trace = train_torch(net, optimizer, index_arrays(steps), x, DATA.y_train, name=name, **options)
    return before, dict(net.named_parameters()), trace


def in_jax(name="sgd", *, x=DATA.x_train, lr=0.05, steps=60, loss=digits.jax_loss):
    """(weights before, weights after, trace) of a run in JAX."""
    params = digits.jax_mlp()
    transform = jax_optim.sgd(lr, **HYPERS[name])
    return params, *train_jax(params, transform, index_arrays(steps), x, DATA.y_train, loss=loss, name=name)


def equal(params, others):
    return all(np.array_equal(p, q) for p, q in zip(jax.tree.leaves(params), jax.tree.leaves(others), strict=True))


def detached(parameters):
    return {name: p.detach().numpy() for name, p in parameters.items()}


@pytest.mark.parametrize("name", HYPERS)
def test_torch_and_jax_draw_the_same_loss_curve(name):
    _, _, torchs = in_torch(name)
    _, _, jaxs = in_jax(name)
    np.testing.assert_allclose(torchs["loss"], jaxs["loss"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(torchs["grad_norm"], jaxs["grad_norm"], rtol=1e-4)
    assert len(torchs) == 60
    assert torchs["loss"][-10:].mean() < torchs["loss"][0] / 2
    assert torchs.stopped == jaxs.stopped == ""


@pytest.mark.parametrize("run", [in_torch, in_jax])
def test_loss_and_gradient_norm_are_those_before_the_step(run):
    net, index = digits.torch_mlp(), next(index_arrays())
    loss = torch.nn.functional.cross_entropy(
        net(torch.from_numpy(DATA.x_train[index])), torch.from_numpy(DATA.y_train[index])
    )
    loss.backward()
    norm = math.sqrt(sum((p.grad**2).sum().item() for p in net.parameters()))
    _, _, trace = run(steps=1)
    assert trace["loss"].tolist() == pytest.approx([loss.item()], rel=1e-5)
    assert trace["grad_norm"].tolist() == pytest.approx([norm], rel=1e-5)


def test_another_loss_may_be_given():
    _, _, trace = in_torch(steps=1, loss=lambda scores, y: (scores - 1).square().mean())
    scores = digits.torch_mlp()(torch.from_numpy(DATA.x_train[next(index_arrays())]))
    assert trace["loss"][0] == pytest.approx((scores - 1).square().mean().item(), rel=1e-6)


def test_a_net_is_trained_in_train_mode():
    net = digits.torch_mlp().eval()
    in_torch(steps=1, net=net)
    assert net.training


def test_parameters_without_gradient_are_left_alone():
    net = digits.torch_mlp()
    net[0].requires_grad_(False)
    before, after, trace = in_torch(steps=5, net=net)
    assert trace.stopped == ""
    assert torch.equal(before["0.weight"], after["0.weight"])
    assert not torch.equal(before["2.weight"], after["2.weight"])


# What is not finite


def spoilt(step, value=np.nan):
    """The training images with one pixel spoilt that batch number `step` is the first to show."""
    x, indices = DATA.x_train.copy(), list(index_arrays(20))
    x[indices[step - 1][0], 20] = value
    return x


@pytest.mark.parametrize("run", [in_torch, in_jax])
def test_a_nan_in_the_data_stops_with_step_and_parameter_and_keeps_the_weights_of_the_step_before(run, capsys):
    _, after, trace = run("momentum", x=spoilt(7), steps=20)
    assert trace.stopped.startswith("stopped at step 7: the gradient is not finite in 0.")
    assert " 0.weight (NaN)" in trace.stopped
    assert trace.stopped.endswith("; the step was not taken")
    assert capsys.readouterr().out == f"momentum {trace.stopped}\n"
    assert len(trace) == 7
    assert np.all(np.isfinite(trace["loss"][:6]))
    assert np.isnan(trace["loss"][6])
    _, six, _ = run("momentum", steps=6)
    assert equal(*(detached(x) if run is in_torch else x for x in (after, six)))


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_a_gradient_that_is_nan_under_a_finite_loss_stops_too(framework):
    """A bias of zero under a square root and a factor of zero: the value is 0, the slope 0 * infinity."""
    if framework == "torch":
        net = digits.torch_mlp()
        before, after, trace = in_torch(
            net=net, loss=lambda scores, y: scores.square().mean() + (0 * net[2].bias).sqrt().sum()
        )
        before, after = detached(before), detached(after)
        name = "2.bias"
    else:
        before, after, trace = in_jax(
            loss=lambda params, x, y: (
                jnp.mean(digits.jax_logits(params, x) ** 2) + jnp.sum(jnp.sqrt(0 * params[1]["bias"]))
            )
        )
        name = "1.bias"
    assert trace.stopped == f"stopped at step 1: the gradient is not finite in {name} (NaN); the step was not taken"
    assert np.isfinite(trace["loss"]).all()
    assert equal(before, after)


@pytest.mark.parametrize("run", [in_torch, in_jax])
def test_a_learning_rate_too_large_stops_while_the_weights_are_finite(run):
    _, after, trace = run("momentum", lr=1e15, steps=20)
    assert trace.stopped.startswith(f"stopped at step {len(trace)}: ")
    assert len(trace) < 20
    leaves = jax.tree.leaves(detached(after) if run is in_torch else after)
    assert all(np.all(np.isfinite(p)) for p in leaves)


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_a_norm_that_overflows_under_finite_gradients_is_named(framework):
    if framework == "torch":
        _, _, trace = in_torch(loss=lambda scores, y: 1e30 * scores.mean())
    else:
        _, _, trace = in_jax(loss=lambda params, x, y: 1e30 * jnp.mean(digits.jax_logits(params, x)))
    assert trace.stopped == "stopped at step 1: the norm of the gradient overflows; the step was not taken"


def test_an_infinite_gradient_is_told_from_a_nan():
    net = digits.torch_mlp()
    _, _, trace = in_torch(net=net, loss=lambda scores, y: scores.square().mean() + net[2].bias.sqrt().sum())
    assert "not finite in 2.bias (Inf);" in trace.stopped


def test_an_infinite_loss_without_gradient_is_named():
    net = digits.torch_mlp()
    _, _, trace = in_torch(net=net, loss=lambda scores, y: scores.mean() + torch.tensor(math.inf))
    assert trace.stopped == "stopped at step 1: the loss is inf; the step was not taken"


def test_too_large_a_batch_is_refused_before_any_step():
    net = digits.torch_mlp()
    optimizer = torch_optim.SGD(net.parameters(), 0.1)
    with pytest.raises(ValueError, match="batch_size is 2000; allowed are 1 to 1437"):
        train_torch(net, optimizer, index_arrays(batch_size=2000), DATA.x_train, DATA.y_train)
