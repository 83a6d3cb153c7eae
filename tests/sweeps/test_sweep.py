"""Every replica of a sweep is the net trained alone; a diverged one disturbs no other; bad input gets one sentence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from course_lib import jax_optim, rules, torch_optim
from course_lib.problems import digits
from course_lib.rule import Rule
from course_lib.sweeps import sweep_jax, sweep_torch
from course_lib.training import train_jax, train_torch

DATA = digits.load()
SEEDS = [3, 0, 7]
STEPS = 50  # more than two epochs of 22 batches
SETTINGS = {"x": DATA.x_train, "y": DATA.y_train, "steps": STEPS, "batch_size": 64}
RULES = {
    "sgd": (rules.sgd, {}, [0.3, 0.01, 1.0]),
    "momentum": (rules.momentum, {"momentum": 0.8, "dampening": 0.1}, [0.03, 0.001, 0.1]),
    "adam": (rules.adam, {"beta2": 0.99}, [0.01, 0.0001, 0.03]),
}
ELEMENTWISE = [
    rules.adadelta,
    rules.adagrad,
    rules.adam_l2,
    rules.adamax,
    rules.adamw,
    rules.amsgrad,
    rules.decay.decoupled(rules.momentum),
    rules.lion,
    rules.lookahead.lookahead(rules.sgd),
    rules.nadam,
    rules.nesterov,
    rules.radam,
    rules.rmsprop,
    rules.schedule_free.adamw,
    rules.schedule_free.sgd,
]


def batches(seed, steps=STEPS):
    return digits.batches(len(DATA.x_train), 64, steps, seed)


def alone(rule, lr, seed, dtype="float32", steps=STEPS, **hypers):
    """(trace, test accuracy) of `train_torch`."""
    net = digits.torch_mlp(seed).to(getattr(torch, dtype))
    optimizer = torch_optim.TorchOptimizer(net.parameters(), rule, lr=lr, **hypers)
    trace = train_torch(net, optimizer, batches(seed, steps), DATA.x_train.astype(dtype), DATA.y_train)
    guesses = net(torch.as_tensor(DATA.x_test.astype(dtype))).argmax(dim=1).numpy()
    return trace, (guesses == DATA.y_test).mean()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-10)])
@pytest.mark.parametrize("sweep", [sweep_torch, sweep_jax])
@pytest.mark.parametrize("name", RULES)
def test_every_replica_is_the_net_trained_alone(name, sweep, dtype, tolerance, request):
    """The largest difference of the loss over all steps, replicas and seeds, in nats."""
    if dtype == "float64":
        request.getfixturevalue("x64")
    rule, hypers, lrs = RULES[name]
    result = sweep(rule, lrs, SEEDS, **SETTINGS, test=(DATA.x_test, DATA.y_test), dtype=dtype, **hypers)
    assert result.loss.shape == (3, 3, STEPS)
    assert result.loss.dtype == dtype
    assert not result.diverged.any()
    for i, lr in enumerate(lrs):
        for j, seed in enumerate(SEEDS):
            trace, accuracy = alone(rule, lr, seed, dtype, **hypers)
            assert np.abs(result.loss[i, j] - trace["loss"]).max() <= tolerance
            assert abs(result.test_accuracy[i, j] - accuracy) <= 1.01 / len(DATA.y_test)  # one image on the border


@pytest.mark.parametrize("rule", ELEMENTWISE, ids=lambda rule: rule.__name__.rpartition(".")[2])
def test_every_elementwise_rule_takes_a_learning_rate_for_each_replica(rule):
    lrs = [0.01, 0.0003]
    result = sweep_torch(rule, lrs, [1, 0], **SETTINGS | {"steps": 12}, dtype="float64")
    for i, lr in enumerate(lrs):
        trace, _ = alone(rule, lr, 0, "float64", steps=12)
        np.testing.assert_allclose(result.loss[i, 1], trace["loss"], rtol=0, atol=1e-10)


def test_jax_takes_a_rule_that_looks_across_entries(x64):
    rule, lrs = rules.muon.with_adamw, [0.003, 0.03]
    result = sweep_jax(rule, lrs, [0, 1], **SETTINGS | {"steps": 10}, dtype="float64")
    params = [{k: v.astype(jnp.float64) for k, v in layer.items()} for layer in digits.jax_mlp(1)]
    _, trace = train_jax(
        params,
        jax_optim.from_rule(rule, lrs[1]),
        batches(1, 10),
        DATA.x_train.astype(float),
        DATA.y_train,
        loss=digits.jax_loss,
    )
    np.testing.assert_allclose(result.loss[1, 1], trace["loss"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("sweep", [sweep_torch, sweep_jax])
def test_a_seed_draws_its_own_weights_and_its_own_order_of_batches(sweep):
    loss = sweep(rules.sgd, [0.0], SEEDS, **SETTINGS).loss  # lr 0: the weights stay, only the batches change
    for j, seed in enumerate(SEEDS):
        net = digits.torch_mlp(seed)
        x, y = torch.as_tensor(DATA.x_train), torch.as_tensor(DATA.y_train)
        with torch.no_grad():
            own = [torch.nn.functional.cross_entropy(net(x[i]), y[i]).item() for i in batches(seed)]
        np.testing.assert_allclose(loss[0, j], own, rtol=0, atol=1e-5)


@pytest.mark.parametrize("sweep", [sweep_torch, sweep_jax])
def test_a_diverged_replica_leaves_the_others_alone(sweep):
    both = sweep(rules.sgd, [0.1, 1e30, 0.2], [0, 1], **SETTINGS, test=(DATA.x_test, DATA.y_test))
    calm = sweep(rules.sgd, [0.1, 0.2], [0, 1], **SETTINGS)
    assert both.diverged.tolist() == [[False, False], [True, True], [False, False]]
    np.testing.assert_allclose(both.loss[[0, 2]], calm.loss, rtol=0, atol=1e-5)
    assert both.final_loss[1].tolist() == [np.inf, np.inf]
    assert np.isnan(both.test_accuracy).tolist() == both.diverged.tolist()


@pytest.mark.parametrize("sweep", [sweep_torch, sweep_jax])
def test_a_divergence_in_the_last_step_counts(sweep):
    result = sweep(rules.sgd, [1e38], [0], **SETTINGS | {"steps": 1, "x": 1e3 * DATA.x_train})
    assert np.isfinite(result.loss).all()
    assert result.diverged.all()


def test_the_final_loss_is_the_mean_of_the_last_tenth():
    result = sweep_torch(rules.sgd, [0.1], [0], **SETTINGS)
    assert result.final_loss[0, 0] == pytest.approx(result.loss[0, 0, -5:].mean())
    assert sweep_torch(rules.sgd, [0.1], [0], **SETTINGS | {"steps": 3}).final_loss.shape == (1, 1)


def test_other_sizes_train_too():
    small = {"x": DATA.x_train[:, :8], "y": DATA.y_train % 3, "sizes": (8, 5, 4, 3), "steps": 4, "batch_size": 16}
    ours, theirs = (sweep(rules.sgd, [0.1], [0], **small).loss for sweep in (sweep_torch, sweep_jax))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def student_step(p, g, s, *, lr):
    return p - lr * g, s


STUDENT = Rule("mine", lambda p: (), student_step)


@pytest.mark.parametrize(
    ("error", "words", "change"),
    [
        (ValueError, "lrs is empty", {"lrs": []}),
        (ValueError, "Invalid learning rate: -1", {"lrs": [0.1, -1]}),
        (ValueError, "Invalid learning rate: nan", {"lrs": [np.nan]}),
        (TypeError, "Invalid learning rate: 'fast'", {"lrs": ["fast"]}),
        (ValueError, "seeds is empty", {"seeds": []}),
        (ValueError, r"seeds is \[0, 0\]", {"seeds": [0, 0]}),
        (ValueError, r"seeds is \[-1\]", {"seeds": [-1]}),
        (ValueError, "steps is 0", {"steps": 0}),
        (ValueError, "batch_size is 2000", {"batch_size": 2000}),
        (ValueError, "dtype is 'float16'", {"dtype": "float16"}),
        (ValueError, r"x has shape \(1437, 64\) and y \(1437,\); allowed are \(n, 63\)", {"sizes": (63, 10)}),
        (ValueError, "test x has shape", {"test": (DATA.x_test, DATA.y_train)}),
        (ValueError, "y has values from 0 to 9; allowed are the integers 0 to 4", {"sizes": (64, 5)}),
        (TypeError, "lr is 0.1; a sweep takes its learning rates from lrs", {"lr": 0.1}),
        (TypeError, "sgd has no hyperparameter 'momentum'", {"momentum": 0.9}),
        (TypeError, "rule is 3", {"rule": 3}),
    ],
)
@pytest.mark.parametrize("sweep", [sweep_torch, sweep_jax])
def test_bad_input_gets_one_sentence(sweep, error, words, change):
    with pytest.raises(error, match=words) as caught:
        sweep(**{"rule": rules.sgd, "lrs": [0.1], "seeds": [0], **SETTINGS, **change})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rule", [rules.muon.with_adamw, STUDENT])
def test_torch_refuses_a_rule_that_may_look_across_entries(rule):
    with pytest.raises(ValueError, match="not marked elementwise"):
        sweep_torch(rule, [0.1], [0], **SETTINGS)


def test_jax_says_how_to_get_float64():
    assert not jax.config.jax_enable_x64
    with pytest.raises(ValueError, match="jax_enable_x64"):
        sweep_jax(rules.sgd, [0.1], [0], **SETTINGS, dtype="float64")
