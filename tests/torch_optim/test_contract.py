"""What users of `torch.optim` rely on, for every class: skipped, kept, called, grouped, scheduled, scaled."""

import inspect
import math

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler
from torch.optim import optimizer as torchs

from course_lib import torch_optim
from course_lib.rule import Rule
from course_lib.rules import adam, momentum, sgd
from course_lib.torch_optim import SGD, Adam, TorchOptimizer


def tensors(optimizer):
    return [x for stored in optimizer.state.values() for x in stored.values() if isinstance(x, torch.Tensor)]


def assert_equal(ours, theirs, values, atol=0.0):
    for p, q in zip(values(ours), values(theirs), strict=True):
        np.testing.assert_allclose(p.detach(), q.detach(), rtol=0, atol=atol)


def snapshot(optimizer):
    """Everything that a step may change, copied."""
    params = [p.detach().clone() for group in optimizer.param_groups for p in group["params"]]
    state = {
        i: {k: torch.as_tensor(v).clone() for k, v in s.items()} for i, s in optimizer.state_dict()["state"].items()
    }
    return params, state


def assert_same(one, other):
    assert all(torch.equal(p, q) for p, q in zip(one[0], other[0], strict=True))
    assert {i: set(s) for i, s in one[1].items()} == {i: set(s) for i, s in other[1].items()}
    assert all(torch.equal(x, other[1][i][k]) for i, s in one[1].items() for k, x in s.items())


# Arguments


def test_every_class_is_tried():
    names = {name for name in torch_optim.__all__ if hasattr(torch.optim, name)}
    assert names == {"SGD", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW", "NAdam", "Adamax", "RAdam", "Muon"}


@pytest.mark.parametrize("name", [name for name in torch_optim.__all__ if hasattr(torch.optim, name)])
def test_arguments_and_defaults_are_torchs(name):
    """In torch's order, by position or by keyword as there; `compile` is ours."""
    ours, theirs = (
        dict(inspect.signature(getattr(place, name).__init__).parameters) for place in (torch_optim, torch.optim)
    )
    assert ours.pop("compile").default is False
    assert list(ours) == list(theirs) or sorted(ours) == sorted(theirs)
    for key, argument in theirs.items():
        assert (ours[key].default, ours[key].kind) == (argument.default, argument.kind), key
    positional = [
        [a.name for a in arguments.values() if a.kind is a.POSITIONAL_OR_KEYWORD] for arguments in (ours, theirs)
    ]
    assert positional[0] == positional[1]


def test_the_groups_have_torchs_hyperparameters(plain, parameters):
    ours, theirs = plain.ours(parameters()).param_groups[0], plain.theirs(parameters()).param_groups[0]
    assert {k: v for k, v in ours.items() if k != "params"}.items() <= theirs.items()
    assert set(theirs) - set(ours) <= {"foreach", "fused", "capturable", "differentiable"}


def test_it_prints_its_groups_as_torch_does(plain, parameters):
    text = repr(plain.ours(parameters()))
    assert text.startswith(f"{plain.name} (\nParameter Group 0\n    ")
    assert "    lr: " in text


@pytest.mark.parametrize("flag", ["foreach", "fused", "capturable", "differentiable"])
def test_flags_that_mean_nothing_here_are_refused_by_name(plain, flag, parameters):
    if flag not in inspect.signature(plain.theirs.__init__).parameters:
        pytest.skip("torch has no such flag")
    plain.ours(parameters(), **{flag: False})
    with pytest.raises(ValueError, match=rf"^{flag}=True is not offered here; \w"):
        plain.ours(parameters(), **{flag: True})


# A step


def test_storage_stays_and_gradients_are_not_changed(make, run, parameters, values):
    optimizer = make(parameters())
    run(optimizer, steps=1)
    places = [p.data_ptr() for p in values(optimizer)]
    gradients = [p.grad for p in values(optimizer)]
    copies = [g.clone() for g in gradients]
    for _ in range(3):
        optimizer.step()
    assert [p.data_ptr() for p in values(optimizer)] == places
    assert all(p.grad is g and torch.equal(g, c) for p, g, c in zip(values(optimizer), gradients, copies, strict=True))
    assert all(p.requires_grad and p.is_leaf for p in values(optimizer))
    assert not any(x.requires_grad for x in tensors(optimizer))


def test_no_state_shares_memory_with_a_parameter_or_its_gradient(make, run, parameters, values):
    optimizer = make(parameters())
    run(optimizer, steps=3)
    own = {x.untyped_storage().data_ptr() for x in tensors(optimizer)}
    assert len(own) == len(tensors(optimizer))
    for p in values(optimizer):
        assert not {p.untyped_storage().data_ptr(), p.grad.untyped_storage().data_ptr()} & own


def test_a_step_that_autograd_still_needs_is_noticed(make, run, parameters, values):
    """The version counter rises: a graph that saved the old value refuses to go back through it."""
    optimizer = make(parameters())
    p = values(optimizer)[0]
    loss = (p * p).sum()
    run(optimizer, steps=1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_parameter_without_gradient_is_skipped_and_does_not_age(make, run, parameters, values):
    """The second parameter sits out every other step, and ends where it ends without those steps."""
    gappy, dense = make(parameters()), make(parameters())
    run(dense, steps=6)
    rng = torch.Generator().manual_seed(1)
    for _ in range(6):
        grads = [torch.randn(p.shape, generator=rng, dtype=p.dtype) for p in values(gappy)]
        values(gappy)[0].grad, values(gappy)[1].grad = None, grads[1]
        gappy.step()
        values(gappy)[1].grad = None
        gappy.step()
    assert torch.equal(values(gappy)[1], values(dense)[1])
    assert torch.equal(values(gappy)[0], parameters()[0])


def test_a_first_step_without_any_gradient_changes_nothing(make, parameters, values):
    optimizer = make(parameters())
    before = snapshot(optimizer)
    assert optimizer.step() is None
    assert_same(snapshot(optimizer), before)


def test_a_zero_gradient_is_a_step(make, parameters, values, run):
    optimizer = make(parameters())
    run(optimizer, steps=1)
    _, before = snapshot(optimizer)
    for p in values(optimizer):
        p.grad = torch.zeros_like(p)
    optimizer.step()
    _, after = snapshot(optimizer)
    assert not before or any(not torch.equal(before[0][k], after[0][k]) for k in before[0])


def test_a_closure_is_called_once_with_gradients_on_and_its_loss_comes_back(make, parameters, values):
    optimizer, calls = make(parameters()), []

    def closure():
        calls.append(torch.is_grad_enabled())
        optimizer.zero_grad()
        loss = sum((p**2).sum() for p in values(optimizer))
        loss.backward()
        return loss

    before = values(optimizer)[0].detach().clone()
    with torch.no_grad():
        loss = optimizer.step(closure)
    assert calls == [True]
    assert loss.item() == pytest.approx(sum((p**2).sum().item() for p in parameters()))
    assert not torch.equal(values(optimizer)[0], before)
    assert optimizer.step() is None


def test_gradients_are_set_to_none_or_to_zero(make, run, parameters, values):
    optimizer = make(parameters())
    run(optimizer, steps=1)
    optimizer.zero_grad(set_to_none=False)
    assert not any(p.grad.any() for p in values(optimizer))
    optimizer.zero_grad()
    assert [p.grad for p in values(optimizer)] == [None, None]


def test_climbing_is_descending_along_minus_the_gradient(parameters, values):
    for hypers in ({"lr": 0.1}, {"lr": 0.1, "momentum": 0.5}):
        up, down = SGD(parameters(), maximize=True, **hypers), SGD(parameters(), **hypers)
        for sign, optimizer in ((1, up), (-1, down)):
            for _ in range(3):
                for p in values(optimizer):
                    p.grad = torch.full_like(p, sign)
                optimizer.step()
        assert_equal(up, down, values)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_parameters_and_state_keep_their_dtype(make, dtype, run, parameters, values):
    optimizer = make(parameters(dtype), lr=0.01)
    run(optimizer, steps=3)
    stored = [x for x in tensors(optimizer) if x.dim()]
    assert {x.dtype for x in [*values(optimizer), *stored]} == {dtype}
    assert all(torch.isfinite(p).all() for p in values(optimizer))


def test_a_complex_parameter_moves_as_a_pair_of_reals(make, parameters, values):
    if "Muon" in str(make):
        pytest.skip("matrices of reals")
    rng = torch.Generator().manual_seed(0)
    z = torch.randn(5, generator=rng, dtype=torch.complex128)
    whole, pairs = (make([torch.nn.Parameter(x.clone())]) for x in (z, torch.view_as_real(z)))
    for _ in range(8):
        g = torch.randn(5, generator=rng, dtype=torch.complex128)
        values(whole)[0].grad, values(pairs)[0].grad = g, torch.view_as_real(g)
        whole.step()
        pairs.step()
    assert values(whole)[0].is_complex()
    np.testing.assert_allclose(torch.view_as_real(values(whole)[0].detach()), values(pairs)[0].detach(), rtol=1e-13)


def test_a_learning_rate_may_be_a_tensor(make, run, parameters, values):
    lr = torch.tensor(0.03, dtype=torch.float64)
    ours, theirs = make(parameters(), lr=lr), make(parameters(), lr=0.03)
    run(ours)
    run(theirs)
    assert_equal(ours, theirs, values)
    lr.fill_(0.0)
    before = [p.detach().clone() for p in values(ours)]
    run(ours, steps=1)
    if "momentum" in ours.param_groups[0] or "betas" in ours.param_groups[0]:
        assert all(torch.equal(p, q) for p, q in zip(values(ours), before, strict=True))


def test_betas_may_be_tensors(run, parameters, values):
    betas = 0.5, 0.9
    ours, theirs = (
        Adam(parameters(), betas=tuple(torch.tensor(b, dtype=torch.float64) for b in betas)),
        Adam(parameters(), betas=betas),
    )
    run(ours)
    run(theirs)
    assert_equal(ours, theirs, values, atol=1e-15)


# Groups


def test_a_group_has_hyperparameters_of_its_own(plain, run, parameters, values):
    p, q = parameters()
    both = plain.ours([{"params": [p], "lr": 0.5}, {"params": [q], "weight_decay": 0.3}], lr=0.1)
    first, second = plain.ours([parameters()[0]], lr=0.5), plain.ours([parameters()[1]], lr=0.1, weight_decay=0.3)
    for t in range(5):
        for optimizer in (both, first, second):
            for x in values(optimizer):
                x.grad = torch.full_like(x, math.cos(t))
            optimizer.step()
    assert torch.equal(p, values(first)[0])
    assert torch.equal(q, values(second)[0])


def test_a_group_may_join_later_with_the_defaults(parameters):
    p, q = parameters()
    optimizer = TorchOptimizer([p], momentum, lr=0.1)
    optimizer.add_param_group({"params": q, "momentum": 0.5})
    assert optimizer.param_groups[1] | {"params": 0} == {
        "params": 0, "lr": 0.1, "momentum": 0.5, "dampening": 0.0, "maximize": False,
    }  # fmt: skip


def test_a_group_that_joins_later_takes_its_steps(make, run, parameters, values):
    p, q = parameters()
    late, whole = make([p]), make(parameters())
    late.add_param_group({"params": [q]})
    run(late)
    run(whole)
    assert_equal(late, whole, values)


def test_a_parameter_of_two_groups_is_refused(make, parameters):
    p, q = parameters()
    with pytest.raises(ValueError, match="some parameters appear in more than one parameter group"):
        make([{"params": [p]}, {"params": [q, p]}])
    optimizer = make([p, q])
    with pytest.raises(ValueError, match="some parameters appear in more than one parameter group"):
        optimizer.add_param_group({"params": [p]})


def test_a_parameter_twice_in_a_group_is_warned_of(make, parameters):
    p, _ = parameters()
    with pytest.warns(UserWarning, match="duplicate parameters"):
        make([p, p])


def test_a_changed_hyperparameter_counts_from_the_next_step(parameters):
    p = torch.nn.Parameter(torch.zeros(1))
    optimizer = TorchOptimizer([p], sgd, lr=1.0)
    p.grad = torch.ones(1)
    optimizer.step()
    optimizer.param_groups[0]["lr"] = 0.25
    optimizer.step()
    assert p.item() == -1.25


def test_a_group_that_turns_from_nesterov_to_heavy_ball_is_damped_as_in_torch(run, parameters, values):
    seen = []
    for make in (SGD, torch.optim.SGD):
        optimizer = make(parameters(), 0.03, momentum=0.9, nesterov=True)

        def turn(t, optimizer=optimizer):
            if t == 5:
                optimizer.param_groups[0].update(nesterov=False, dampening=0.5)

        run(optimizer, before=turn)
        seen.append(optimizer)
    assert_equal(*seen, values, atol=1e-13)


def test_named_parameters_keep_their_names(make):
    net = torch.nn.Linear(2, 1, bias=False)
    assert make(net.named_parameters()).param_groups[0]["param_names"] == ["weight"]


# Hooks


def test_hooks_run_around_the_step_in_torchs_order(make, run, parameters):
    optimizer, seen = make(parameters()), []
    handles = [
        torchs.register_optimizer_step_pre_hook(lambda o, a, k: seen.append("all, before")),
        torchs.register_optimizer_step_post_hook(lambda o, a, k: seen.append("all, after")),
        optimizer.register_step_pre_hook(lambda o, a, k: seen.append("before")),
        optimizer.register_step_post_hook(lambda o, a, k: seen.append("after")),
    ]
    before = [p.detach().clone() for p in parameters()]
    optimizer.register_step_pre_hook(
        lambda o, a, k: seen.append(torch.equal(o.param_groups[0]["params"][0], before[0]))
    )
    optimizer.register_step_post_hook(
        lambda o, a, k: seen.append(torch.equal(o.param_groups[0]["params"][0], before[0]))
    )
    run(optimizer, steps=1)
    assert seen == ["all, before", "before", True, "after", False, "all, after"]
    for handle in handles:
        handle.remove()
    seen.clear()
    run(optimizer, steps=1)
    assert seen == [False, False]


def test_hooks_run_around_the_checkpoint(make, run, parameters):
    optimizer, seen = make(parameters()), []
    run(optimizer, steps=2)
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("save"))
    optimizer.register_state_dict_post_hook(lambda o, d: d | {"mark": 1})
    optimizer.register_load_state_dict_pre_hook(lambda o, d: seen.append(d["mark"]))
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    optimizer.load_state_dict(optimizer.state_dict())
    assert seen == ["save", 1, "loaded"]


# Schedulers, averages, scalers


SCHEDULERS = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 5),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [5, 12]),
    "ConstantLR": lr_scheduler.ConstantLR,
    "LinearLR": lr_scheduler.LinearLR,
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "PolynomialLR": lr_scheduler.PolynomialLR,
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 20),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 7),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda t: 1 / (t + 1)),
    "MultiplicativeLR": lambda o: lr_scheduler.MultiplicativeLR(o, lambda t: 0.95),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(
        o, 0.01, 0.1, 5, cycle_momentum="momentum" in o.defaults or "betas" in o.defaults
    ),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(
        o, 0.1, total_steps=40, cycle_momentum="momentum" in o.defaults or "betas" in o.defaults
    ),
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=2),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o), lr_scheduler.ExponentialLR(o, 0.9)], [6]
    ),
    "ChainedScheduler": lambda o: lr_scheduler.ChainedScheduler(
        [lr_scheduler.LinearLR(o), lr_scheduler.ExponentialLR(o, 0.9)]
    ),
    "SWALR": lambda o: torch.optim.swa_utils.SWALR(o, 0.01, 5),
}


def test_every_scheduler_of_the_installed_torch_is_tried():
    found = {
        name
        for name, kind in vars(lr_scheduler).items()
        if inspect.isclass(kind) and issubclass(kind, lr_scheduler.LRScheduler)
    }
    assert {name for name in found if name not in ("LRScheduler", "_LRScheduler")} <= set(SCHEDULERS)


def scheduled(optimizer, schedule, run):
    """The path of lr and momentum over twenty steps under a schedule."""
    scheduler, path = schedule(optimizer), []

    def advance(t):
        if t:
            scheduler.step(*[1.0] * isinstance(scheduler, lr_scheduler.ReduceLROnPlateau))
        group = optimizer.param_groups[0]
        path.append((group["lr"], group.get("momentum"), group.get("betas")))

    run(optimizer, steps=20, before=advance)
    return path


@pytest.mark.parametrize("schedule", SCHEDULERS.values(), ids=SCHEDULERS)
def test_every_scheduler_drives_every_class_as_it_drives_torchs(schedule, run, parameters, values, plain):
    words = {"lr": 0.05} | ({"momentum": 0.9} if plain.name == "SGD" else {})
    ours, theirs = plain.ours(parameters(), **words), plain.theirs(parameters(), **words)
    paths = scheduled(ours, schedule, run), scheduled(theirs, schedule, run)
    assert paths[0] == paths[1]
    assert len(set(paths[0])) > 1
    assert_equal(ours, theirs, values, atol=1e-8 if plain.name == "NAdam" else 1e-12)


@pytest.mark.parametrize("name", ["StepLR", "OneCycleLR", "ReduceLROnPlateau"])
def test_schedulers_drive_any_rule(make, name, run, parameters):
    optimizer = make(parameters())
    path = scheduled(optimizer, SCHEDULERS[name], run)
    assert len({lr for lr, *_ in path}) > 1


def test_one_cycle_cycles_the_momentum(parameters):
    optimizer = TorchOptimizer(parameters(), momentum, lr=0.1)
    scheduler, seen = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=11), []
    for _ in range(10):
        seen.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        scheduler.step()
    assert (seen[0], min(seen)) == (0.95, pytest.approx(0.85, abs=0.005))


def test_an_averaged_model_follows(make):
    net = torch.nn.Linear(3, 2, bias=False)
    optimizer, average, seen = make(net.parameters()), torch.optim.swa_utils.AveragedModel(net), []
    for _ in range(4):
        net(torch.ones(1, 3)).pow(2).sum().backward()
        optimizer.step()
        average.update_parameters(net)
        seen.append(net.weight.detach().clone())
    np.testing.assert_allclose(average.module.weight.detach(), torch.stack(seen).mean(0), rtol=1e-5, atol=1e-6)


def test_a_step_that_the_scaler_skips_leaves_everything_as_it_was(make, run, parameters, values):
    optimizer = make(parameters(torch.float32))
    run(optimizer, steps=2)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    before = snapshot(optimizer)
    for gradient in (math.inf, math.nan, 1.0):
        optimizer.zero_grad()
        scaler.scale(sum((p * gradient).sum() for p in values(optimizer))).backward()
        scaler.step(optimizer)
        scaler.update()
        if math.isfinite(gradient):
            assert not torch.equal(values(optimizer)[0], before[0][0])
        else:
            assert_same(snapshot(optimizer), before)
    assert scaler.get_scale() == 2.0


# A student's rule


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


def test_a_students_copy_of_adam_walks_adams_path(run, parameters, values):
    def step(p, g, s, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
        m, v, t = s
        t, m, v = t + 1, beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        return p - lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)) ** 0.5 + eps), (m, v, t)

    mine = Rule("mine", lambda p: (torch.zeros_like(p), torch.zeros_like(p), 0), step)
    ours, theirs = TorchOptimizer(parameters(), mine, lr=0.1), TorchOptimizer(parameters(), adam, lr=0.1)
    run(ours)
    run(theirs)
    assert_equal(ours, theirs, values, atol=1e-12)
    assert set(ours.state[values(ours)[0]]) == {"0", "1", "2"}


def test_plain_descent_keeps_no_state(run, parameters):
    for optimizer in (SGD(parameters(), 0.1), TorchOptimizer(parameters(), sgd, lr=0.1)):
        run(optimizer, steps=2)
        assert not optimizer.state
        assert optimizer.state_dict()["state"] == {}
