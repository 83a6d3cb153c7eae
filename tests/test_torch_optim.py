"""The torch shell: torch's own SGD as the oracle, and everything that users of `torch.optim` rely on."""

import copy
import io
import math
import pickle

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from course_lib.rule import Rule
from course_lib.rules import momentum, nesterov, sgd
from course_lib.torch_optim import SGD, Adam, TorchOptimizer

VARIANTS = {
    "plain": {},
    "weight decay": {"weight_decay": 0.1},
    "momentum": {"momentum": 0.9},
    "dampening": {"momentum": 0.9, "dampening": 0.3},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "maximize": {"momentum": 0.9, "maximize": True},
    "nesterov, weight decay, maximize": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "maximize": True},
    "momentum, dampening, weight decay": {"momentum": 0.5, "dampening": 0.5, "weight_decay": 0.01},
}
variants = pytest.mark.parametrize("variant", VARIANTS)


def parameters(dtype=torch.float64):
    """Two parameters of different shapes, the same every time."""
    rng = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, generator=rng, dtype=dtype)) for shape in [(4, 3), (5,)]]


def run(optimizer, steps=200, seed=1, before=lambda t: None):
    """`steps` steps along random gradients."""
    rng = torch.Generator().manual_seed(seed)
    for t in range(steps):
        for p in values(optimizer):
            p.grad = torch.randn(p.shape, generator=rng, dtype=p.dtype)
        before(t)
        optimizer.step()


def values(optimizer):
    return [p for group in optimizer.param_groups for p in group["params"]]


def assert_equal(ours, theirs, atol=0.0):
    assert len(values(ours)) == len(values(theirs))
    for p, q in zip(values(ours), values(theirs), strict=True):
        np.testing.assert_allclose(p.detach(), q.detach(), rtol=0, atol=atol)


# The numbers


@variants
def test_sgd_walks_the_path_of_torch(variant):
    ours, theirs = (
        SGD(parameters(), 0.03, **VARIANTS[variant]),
        torch.optim.SGD(parameters(), 0.03, **VARIANTS[variant]),
    )
    run(ours)
    run(theirs)
    assert_equal(ours, theirs, atol=1e-12)


@pytest.mark.parametrize(
    ("rule", "hypers", "variant"),
    [
        (sgd, {}, "plain"),
        (momentum, {}, "momentum"),
        (momentum, {"dampening": 0.3}, "dampening"),
        (nesterov, {}, "nesterov"),
        (momentum, {"maximize": True}, "maximize"),
    ],
)
def test_a_rule_in_the_shell_walks_the_path_of_torch(rule, hypers, variant):
    ours = TorchOptimizer(parameters(), rule, lr=0.03, **hypers)
    theirs = torch.optim.SGD(parameters(), 0.03, **VARIANTS[variant])
    run(ours)
    run(theirs)
    assert_equal(ours, theirs, atol=1e-12)


def test_the_defaults_are_torchs():
    ours, theirs = SGD(parameters()).defaults, torch.optim.SGD(parameters()).defaults
    assert ours == {name: theirs[name] for name in ours}


def test_a_students_pair_is_a_rule():
    """Its state is no NamedTuple but one number."""
    mine = Rule("mine", lambda p: 0, lambda p, g, s, *, lr, power=1.0: (p - lr * g / (s + 1) ** power, s + 1))
    p = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    optimizer = TorchOptimizer([p], mine, lr=0.6)
    for _ in range(3):
        p.grad = torch.ones_like(p)
        optimizer.step()
    assert p.item() == pytest.approx(1 - 0.6 * (1 + 1 / 2 + 1 / 3))
    assert optimizer.state[p]["state"] == 3


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@variants
def test_parameters_and_state_keep_their_dtype(variant, dtype):
    optimizer = SGD(parameters(dtype), 0.03, **VARIANTS[variant])
    run(optimizer, steps=3)
    for p in values(optimizer):
        stored = [x for x in optimizer.state[p].values() if isinstance(x, torch.Tensor) and x.dim()]
        assert {x.dtype for x in [p, *stored]} == {dtype}


def test_a_learning_rate_may_be_a_tensor():
    ours, theirs = SGD(parameters(), torch.tensor(0.03)), SGD(parameters(), 0.03)
    run(ours)
    run(theirs)
    assert_equal(ours, theirs, atol=1e-7)


# What must stay as it is


@variants
def test_storage_stays_and_gradients_are_not_changed(variant):
    optimizer = SGD(parameters(), 0.03, **VARIANTS[variant])
    run(optimizer, steps=1)
    places = [p.data_ptr() for p in values(optimizer)]
    gradients = [p.grad for p in values(optimizer)]
    copies = [g.clone() for g in gradients]
    optimizer.step()
    assert [p.data_ptr() for p in values(optimizer)] == places
    assert all(p.grad is g and torch.equal(g, c) for p, g, c in zip(values(optimizer), gradients, copies, strict=True))
    assert all(not x.requires_grad for s in optimizer.state.values() for x in s.values() if isinstance(x, torch.Tensor))


@variants
def test_a_step_that_autograd_still_needs_is_noticed(variant):
    """The version counter rises: a graph that saved the old value refuses to go back through it."""
    optimizer = SGD(parameters(), 0.03, **VARIANTS[variant])
    p = values(optimizer)[0]
    loss = (p * p).sum()
    run(optimizer, steps=1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("make", [SGD, torch.optim.SGD])
def test_a_parameter_without_gradient_is_skipped_and_does_not_age(make):
    """The second parameter misses a step; dampening would tell a velocity that aged from one that did not."""
    optimizer = make(parameters(), 0.1, momentum=0.5, dampening=0.5, weight_decay=0.1)
    p, q = values(optimizer)
    before = q.detach().clone()
    p.grad = torch.ones_like(p)
    optimizer.step()
    assert torch.equal(q, before)
    assert not optimizer.state.get(q)
    q.grad = torch.ones_like(q)
    optimizer.step()
    np.testing.assert_allclose(q.detach(), before - 0.1 * (1 + 0.1 * before), rtol=1e-14)


def test_a_zero_gradient_is_a_step():
    p = torch.nn.Parameter(torch.ones(1))
    optimizer = SGD([p], 1.0, momentum=0.5)
    p.grad = torch.ones(1)
    optimizer.step()
    p.grad = torch.zeros(1)
    optimizer.step()
    assert p.item() == -0.5


def test_plain_descent_keeps_no_state():
    optimizer = SGD(parameters(), 0.1)
    run(optimizer, steps=2)
    assert not optimizer.state
    assert optimizer.state_dict()["state"] == {}


# Closures, groups, schedules, scalers


def test_a_closure_is_called_once_with_gradients_on_and_its_loss_comes_back():
    optimizer, calls = SGD(parameters(), 0.1), []

    def closure():
        calls.append(torch.is_grad_enabled())
        optimizer.zero_grad()
        loss = sum((p**2).sum() for p in values(optimizer))
        loss.backward()
        return loss

    before = values(optimizer)[0].detach().clone()
    loss = optimizer.step(closure)
    assert calls == [True]
    assert loss.item() == pytest.approx(sum((p**2).sum().item() for p in parameters()))
    np.testing.assert_allclose(values(optimizer)[0].detach(), 0.8 * before, rtol=1e-14)
    assert optimizer.step() is None


@pytest.mark.parametrize("make", [SGD, torch.optim.SGD])
def test_a_group_has_hyperparameters_of_its_own(make):
    p, q = parameters()
    optimizer = make([{"params": [p], "lr": 0.5}, {"params": [q], "momentum": 0.9, "nesterov": True}], lr=0.1)
    optimizer_p, optimizer_q = (
        make([parameters()[0]], lr=0.5),
        make([parameters()[1]], lr=0.1, momentum=0.9, nesterov=True),
    )
    for t in range(5):
        for o in (optimizer, optimizer_p, optimizer_q):
            for x in values(o):
                x.grad = torch.full_like(x, t)
            o.step()
    assert torch.equal(p, values(optimizer_p)[0])
    assert torch.equal(q, values(optimizer_q)[0])


def test_a_group_may_join_later_with_the_defaults():
    p, q = parameters()
    optimizer = TorchOptimizer([p], momentum, lr=0.1)
    optimizer.add_param_group({"params": q, "momentum": 0.5})
    assert optimizer.param_groups[1] | {"params": 0} == {
        "params": 0, "lr": 0.1, "momentum": 0.5, "dampening": 0.0, "maximize": False,
    }  # fmt: skip


def test_a_changed_hyperparameter_counts_from_the_next_step():
    p = torch.nn.Parameter(torch.zeros(1))
    optimizer = TorchOptimizer([p], sgd, lr=1.0)
    p.grad = torch.ones(1)
    optimizer.step()
    optimizer.param_groups[0]["lr"] = 0.25
    optimizer.step()
    assert p.item() == -1.25


def test_named_parameters_keep_their_names():
    net = torch.nn.Linear(2, 1)
    assert SGD(net.named_parameters()).param_groups[0]["param_names"] == ["weight", "bias"]


SCHEDULERS = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 5),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [5, 20]),
    "ConstantLR": lr_scheduler.ConstantLR,
    "LinearLR": lr_scheduler.LinearLR,
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "PolynomialLR": lr_scheduler.PolynomialLR,
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 20),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 7),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda t: 1 / (t + 1)),
    "MultiplicativeLR": lambda o: lr_scheduler.MultiplicativeLR(o, lambda t: 0.95),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, 5),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=40),
}


@pytest.mark.parametrize("schedule", SCHEDULERS.values(), ids=SCHEDULERS)
def test_every_scheduler_drives_the_shell_as_it_drives_torch(schedule):
    seen = []
    optimizers = (
        SGD(parameters(), 0.1, momentum=0.9),
        TorchOptimizer(parameters(), momentum, lr=0.1),
        torch.optim.SGD(parameters(), 0.1, momentum=0.9),
    )
    for optimizer in optimizers:
        scheduler, path = schedule(optimizer), []

        def advance(t, optimizer=optimizer, scheduler=scheduler, path=path):
            if t:
                scheduler.step()
            path.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]))

        run(optimizer, steps=30, before=advance)
        seen.append(path)
        assert len(set(path)) > 1
    assert seen[0] == seen[1] == seen[2]
    for ours in optimizers[:2]:
        assert_equal(ours, optimizers[2], atol=1e-12)


def test_one_cycle_cycles_the_momentum():
    optimizer = TorchOptimizer(parameters(), momentum, lr=0.1)
    scheduler, seen = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=11), []
    for _ in range(10):
        seen.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        scheduler.step()
    assert (seen[0], min(seen)) == (0.95, pytest.approx(0.85, abs=0.005))


def test_a_plateau_divides_the_learning_rate():
    optimizer = SGD(parameters(), 0.1)
    plateau = lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
    for _ in range(4):
        plateau.step(1.0)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01)


def test_a_step_that_the_scaler_skips_leaves_everything_as_it_was():
    optimizer = SGD(parameters(torch.float32), 0.1, momentum=0.9)
    run(optimizer, steps=2)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    before = copy.deepcopy((values(optimizer), optimizer.state_dict()["state"]))
    for gradient in (math.inf, 1.0):
        optimizer.zero_grad()
        scaler.scale(sum((p * gradient).sum() for p in values(optimizer))).backward()
        scaler.step(optimizer)
        scaler.update()
        same = all(torch.equal(p, q) for p, q in zip(values(optimizer), before[0], strict=True))
        assert same == (gradient == math.inf)
        if same:
            assert_same_state(optimizer.state_dict()["state"], before[1])
            assert scaler.get_scale() == 4.0


# Copies and checkpoints


def assert_same_state(state, other):
    assert state.keys() == other.keys()
    for i, fields in state.items():
        assert fields.keys() == other[i].keys()
        for name, x in fields.items():
            assert torch.equal(torch.as_tensor(x), torch.as_tensor(other[i][name]))


def through_a_file(checkpoint):
    file = io.BytesIO()
    torch.save(checkpoint, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


OPTIMIZERS = {name: lambda ps, hypers=hypers: SGD(ps, 0.03, **hypers) for name, hypers in VARIANTS.items()} | {
    rule.__name__: lambda ps, rule=rule: TorchOptimizer(ps, rule, lr=0.03) for rule in (sgd, momentum, nesterov)
}
optimizers = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)


@optimizers
def test_a_run_resumed_from_a_file_goes_on_to_the_last_bit(make):
    straight = make(parameters())
    run(straight, steps=7)
    saved = through_a_file({"weights": values(straight), "optimizer": straight.state_dict()})
    resumed = make(saved["weights"])
    resumed.load_state_dict(saved["optimizer"])
    run(straight, steps=7, seed=2)
    run(resumed, steps=7, seed=2)
    assert_equal(resumed, straight)
    assert_same_state(resumed.state_dict()["state"], straight.state_dict()["state"])


@optimizers
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))], ids=["copy", "pickle"])
def test_a_duplicate_goes_on_like_the_original_and_apart_from_it(make, duplicate):
    original = make(parameters())
    run(original, steps=3)
    twin = duplicate(original)
    assert_equal(twin, original)
    run(twin, steps=3, seed=2)
    assert not torch.equal(values(twin)[0], values(original)[0])
    run(original, steps=3, seed=2)
    assert_equal(twin, original)


@variants
@pytest.mark.parametrize("makers", [(torch.optim.SGD, SGD), (SGD, torch.optim.SGD)], ids=["from torch", "to torch"])
def test_a_checkpoint_travels_between_torch_and_the_shell(variant, makers):
    first, second = makers
    straight = first(parameters(), 0.03, **VARIANTS[variant])
    run(straight, steps=7)
    other = second(copy.deepcopy(values(straight)), 0.5)
    other.load_state_dict(through_a_file(straight.state_dict()))
    run(straight, steps=7, seed=2)
    run(other, steps=7, seed=2)
    assert_equal(other, straight, atol=1e-13)


def test_a_group_that_turns_from_nesterov_to_heavy_ball_is_damped_as_in_torch():
    seen = []
    for make in (SGD, torch.optim.SGD):
        optimizer = make(parameters(), 0.03, momentum=0.9, nesterov=True)

        def turn(t, optimizer=optimizer):
            if t == 5:
                optimizer.param_groups[0].update(nesterov=False, dampening=0.5)

        run(optimizer, steps=10, before=turn)
        seen.append(optimizer)
    assert_equal(*seen, atol=1e-13)


# Bad input


def optimize(*args, **hypers):
    return lambda make: make(*args, **hypers)


@pytest.mark.parametrize(
    "make", [SGD, lambda ps, **hypers: TorchOptimizer(ps, momentum, **hypers)], ids=["SGD", "rule"]
)
@pytest.mark.parametrize(
    ("hypers", "kind", "words"),
    [
        ({"lr": -1}, ValueError, r"Invalid learning rate: -1 \(lr must be a finite number >= 0\)"),
        ({"lr": math.nan}, ValueError, "Invalid learning rate: nan"),
        ({"lr": math.inf}, ValueError, "Invalid learning rate: inf"),
        ({"lr": "0.1"}, TypeError, r"Invalid learning rate: '0\.1'"),
        ({"lr": torch.tensor(-1.0)}, ValueError, r"Invalid learning rate: -1\.0"),
        ({"lr": torch.ones(2)}, ValueError, r"Tensor lr must be 1-element \(given shape \(2,\)\)"),
        ({"lr": 0.1, "momentum": -0.5}, ValueError, r"Invalid momentum value: -0\.5"),
        ({"lr": 0.1, "momentum": None}, TypeError, "Invalid momentum value: None"),
        ({"lr": 0.1, "beta": 0.9}, TypeError, "beta"),
    ],
)
def test_a_bad_hyperparameter_is_refused(make, hypers, kind, words):
    with pytest.raises(kind, match=words):
        make(parameters(), **hypers)


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda ps: TorchOptimizer(ps, momentum), TypeError, "momentum needs a value for 'lr'"),
        (lambda ps: TorchOptimizer(ps, "momentum", lr=0.1), TypeError, "rule is 'momentum'; allowed is anything with"),
        (lambda ps: SGD(ps, weight_decay=-1), ValueError, "Invalid weight_decay value: -1"),
        (lambda ps: SGD(ps, nesterov=True), ValueError, "Nesterov momentum requires a momentum and zero dampening"),
        (lambda ps: SGD(ps, momentum=0.9, dampening=0.1, nesterov=True), ValueError, r"dampening=0\.1"),
        (lambda ps: SGD([{"lr": 0.1}]), ValueError, r"group 0 has no 'params' \(given \['lr'\]\); a group is a dict"),
        (lambda ps: SGD(ps).add_param_group(ps), ValueError, "group 1 has no 'params'"),
        (lambda ps: SGD([{"params": ps, "lr": -1}]), ValueError, "Invalid learning rate: -1"),
        (lambda ps: SGD(ps).add_param_group({"params": ps[:1]}), ValueError, "more than one parameter group"),
        (lambda ps: SGD([]), ValueError, "empty parameter list"),
        (lambda ps: SGD(ps[0]), TypeError, "iterable of Tensors or dicts"),
    ],
)
def test_bad_arguments_are_refused(make, kind, words):
    with pytest.raises(kind, match=words):
        make(parameters())


@pytest.mark.parametrize("make", [Adam, lambda ps: TorchOptimizer(ps, sgd, lr=0.1)], ids=["Adam", "rule"])
@pytest.mark.parametrize("named", [True, False])
def test_a_sparse_gradient_is_refused_with_the_parameters_name(make, named):
    net = torch.nn.Embedding(3, 2, sparse=True)
    optimizer = make(net.named_parameters() if named else net.parameters())
    net(torch.tensor([1])).sum().backward()
    name = "weight" if named else r"number 0, shape \(3, 2\)"
    with pytest.raises(RuntimeError, match=rf"does not support sparse gradients; parameter {name} has one"):
        optimizer.step()


def test_a_checkpoint_of_another_net_is_refused():
    with pytest.raises(ValueError, match="parameter group"):
        SGD(parameters()).load_state_dict(SGD(parameters()[:1]).state_dict())
