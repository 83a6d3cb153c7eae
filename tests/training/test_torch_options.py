"""Schedule, clip, average, accumulation and mixed precision do in the loop what they do by hand, in the right order."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from course_lib import averaging, jax_optim, torch_optim, torch_schedulers
from course_lib.problems import digits
from course_lib.torch_averaging import TorchAverage
from course_lib.torch_clipping import clip_grad_norm_, clip_grad_value_
from course_lib.training import train_jax, train_torch

DATA = digits.load()
X, Y = DATA.x_train, DATA.y_train


def index_arrays(steps=10, batch_size=32):
    return list(digits.batches(len(X), batch_size, steps))


def weights(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def run(*, steps=10, net=None, schedule=None, lr=0.1, momentum=0.9, x=X, batches=None, **options):
    """(net, trace) of SGD in our loop."""
    net = net or digits.torch_mlp()
    optimizer = torch_optim.SGD(net.parameters(), lr, momentum=momentum)
    if schedule:
        options["scheduler"] = schedule(optimizer)
    return net, train_torch(net, optimizer, batches or index_arrays(steps), x, Y, **options)


def by_hand(*, schedule=None, clip=None, update=None, autocast=None, steps=10):
    """(net, losses, rates, norms) of the loop that everybody writes, with torch's SGD."""
    net, x, y = digits.torch_mlp(), torch.from_numpy(X), torch.from_numpy(Y)
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    scheduler, rows = schedule and schedule(optimizer), []
    for index in map(torch.from_numpy, index_arrays(steps)):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=autocast, enabled=autocast is not None):
            loss = cross_entropy(net(x[index]), y[index])
        loss.backward()
        norm = torch.nn.utils.get_total_norm([p.grad for p in net.parameters()])
        if clip:
            clip(net.parameters())
        rows.append((loss.item(), optimizer.param_groups[0]["lr"], norm.item()))
        optimizer.step()
        if scheduler:
            scheduler.step()
        if update:
            update(net)
    return net, *map(list, zip(*rows, strict=True))


def halved(optimizer):
    return torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)


CLIPS = {
    "norm": (1.5, lambda ps: torch.nn.utils.clip_grad_norm_(ps, 1.5)),
    "function": (lambda ps: clip_grad_norm_(ps, 1.5), lambda ps: torch.nn.utils.clip_grad_norm_(ps, 1.5)),
    "value": (lambda ps: clip_grad_value_(ps, 0.1), lambda ps: torch.nn.utils.clip_grad_value_(ps, 0.1)),
}


@pytest.mark.parametrize("kind", CLIPS)
def test_schedule_and_clip_give_the_run_by_hand_and_its_columns(kind):
    ours, theirs = CLIPS[kind]
    net, trace = run(schedule=halved, clip=ours)
    hand, losses, rates, norms = by_hand(schedule=halved, clip=theirs)
    torch.testing.assert_close(weights(net), weights(hand), rtol=0, atol=1e-6)
    np.testing.assert_allclose(trace["loss"], losses, rtol=1e-5)
    np.testing.assert_allclose(trace["grad_norm"], norms, rtol=1e-4)
    assert trace["lr"].tolist() == rates == [0.1 * 0.5 ** (t // 2) for t in range(10)]
    assert trace["seconds"].min() > 0
    if kind != "value":
        assert trace["clipped"].tolist() == [norm > 1.5 for norm in norms]
        assert 0 < trace["clipped"].mean() < 1


def test_without_a_clip_nothing_is_clipped_and_a_function_that_changes_nothing_neither():
    assert run()[1]["clipped"].tolist() == run(clip=lambda ps: None)[1]["clipped"].tolist() == 10 * [0]


def test_the_norm_is_that_of_the_optimisers_parameters_and_each_group_has_its_rate():
    net = digits.torch_mlp()
    optimizer = torch_optim.SGD([{"params": net[2].parameters(), "lr": 0.2}, {"params": net[0].weight}], 0.1)
    trace = train_torch(net, optimizer, index_arrays(1), X, Y)
    assert trace["lr"].tolist() == [[0.2, 0.1]]
    norms = [p.grad.norm().item() for p in (*net[2].parameters(), net[0].weight)]
    assert trace["grad_norm"][0] == pytest.approx(math.hypot(*norms), rel=1e-6)


def test_our_one_cycle_goes_through_all_its_steps():
    _, trace = run(schedule=lambda o: torch_schedulers.OneCycleLR(o, 0.1, total_steps=10))
    assert trace["lr"].argmax() == 2
    assert trace["lr"][-1] == pytest.approx(0.1 / 25 / 1e4)


def test_the_average_takes_in_the_weights_after_every_step():
    def update(net):
        mine.append(weights(net))

    net, mine = digits.torch_mlp(), []
    average = TorchAverage(net, averaging.running_mean())
    run(net=net, average=average)
    by_hand(update=update)
    values = torch.cat([value.flatten() for value in average.values().values()])
    torch.testing.assert_close(values, torch.stack(mine).mean(0), rtol=0, atol=1e-6)


@pytest.mark.parametrize("sizes", [(8, 8, 8, 8), (20, 4, 7, 1)])
def test_accumulated_batches_make_the_step_of_the_large_batch(sizes):
    large = index_arrays(6)
    small = [part for index in large for part in np.split(index, np.cumsum(sizes)[:-1])]
    one, first = run(net=digits.torch_mlp().double(), x=X.astype(float), batches=large)
    other, second = run(net=digits.torch_mlp().double(), x=X.astype(float), batches=small, accumulate=4)
    torch.testing.assert_close(weights(one), weights(other), rtol=0, atol=1e-10)
    for column in ("loss", "grad_norm", "lr"):
        np.testing.assert_allclose(first[column], second[column], rtol=0, atol=1e-10)


def test_a_last_step_takes_what_batches_are_left():
    one, first = run(batches=index_arrays(5), accumulate=3)
    assert len(first) == 2
    batches = index_arrays(5)
    other, _ = run(batches=[np.concatenate(batches[:3]), np.concatenate(batches[3:])])
    torch.testing.assert_close(weights(one), weights(other), rtol=0, atol=1e-6)


# Mixed precision


def test_autocast_computes_the_net_in_half_precision_and_keeps_the_weights():
    seen = []
    net = digits.torch_mlp()
    net[0].register_forward_hook(lambda module, args, out: seen.append(out.dtype))
    run(net=net, autocast=torch.bfloat16)
    assert set(seen) == {torch.bfloat16}
    assert weights(net).dtype == torch.float32
    torch.testing.assert_close(weights(net), weights(by_hand(autocast=torch.bfloat16)[0]), rtol=0, atol=1e-6)


def test_a_scaler_changes_neither_the_run_nor_the_norms_nor_the_clip():
    plain, first = run(clip=1.5, schedule=halved)
    scaled, second = run(clip=1.5, schedule=halved, scaler=torch.amp.GradScaler("cpu", init_scale=1024.0))
    torch.testing.assert_close(weights(plain), weights(scaled), rtol=0, atol=1e-5)
    np.testing.assert_allclose(first["grad_norm"], second["grad_norm"], rtol=1e-4)
    assert first["clipped"].tolist() == second["clipped"].tolist()
    assert second["loss"][0] == pytest.approx(first["loss"][0])


def test_a_step_that_the_scaler_leaves_out_is_no_stop_and_moves_neither_schedule_nor_average():
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
    net = digits.torch_mlp()
    average = TorchAverage(net, averaging.running_mean())
    options = {"schedule": halved, "scaler": scaler, "average": average, "clip": 1.0}
    _, trace = run(net=net, lr=0.001, loss=lambda scores, y: 100 * cross_entropy(scores, y), **options)
    skipped = int((~np.isfinite(trace["grad_norm"])).sum())
    assert trace.stopped == ""
    assert 0 < skipped < 9
    assert not trace["clipped"][:skipped].any()
    assert average.t == 10 - skipped
    assert trace["lr"].tolist() == skipped * [0.001] + [0.001 * 0.5 ** (t // 2) for t in range(10 - skipped)]
    assert np.isfinite(trace["grad_norm"][skipped:]).all()


def test_a_nan_that_no_scale_can_help_stops_and_is_named():
    x = X.copy()
    x[:, 20] = np.nan
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    net, trace = run(x=x, scaler=scaler)
    assert trace.stopped.startswith("stopped at step 5: the gradient is not finite in 0.weight (NaN)")
    assert torch.equal(weights(net), weights(digits.torch_mlp()))


def test_a_loss_that_is_infinite_above_good_gradients_stops_under_a_scaler_too_and_leaves_it_usable():
    scaler = torch.amp.GradScaler("cpu")
    net, optimizer = digits.torch_mlp(), None
    optimizer = torch_optim.SGD(net.parameters(), 0.1)
    trace = train_torch(
        net, optimizer, index_arrays(), X, Y, scaler=scaler, loss=lambda s, y: cross_entropy(s, y) + math.inf
    )
    assert trace.stopped == "stopped at step 1: the loss is inf; the step was not taken"
    assert len(train_torch(net, optimizer, index_arrays(), X, Y, scaler=scaler)) == 10


def test_a_disabled_scaler_is_none():
    plain, _ = run()
    other, _ = run(scaler=torch.amp.GradScaler("cpu", enabled=False))
    assert torch.equal(weights(plain), weights(other))


def test_a_step_reads_from_the_device_once(monkeypatch):
    calls = []
    tolist, item = torch.Tensor.tolist, torch.Tensor.item
    monkeypatch.setattr(torch.Tensor, "tolist", lambda t: calls.append(t) or tolist(t))
    monkeypatch.setattr(torch.Tensor, "item", lambda t: calls.append(t) or item(t))
    monkeypatch.setattr(torch.Tensor, "__bool__", lambda t: pytest.fail("waited for the device"))
    net = digits.torch_mlp()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    train_torch(net, optimizer, index_arrays(), X, Y, clip=lambda ps: clip_grad_norm_(ps, 1.5))
    assert len(calls) == 10


# Bad input


def plateau(optimizer):
    return torch_schedulers.ReduceLROnPlateau(optimizer)


def foreign(optimizer):
    return torch.optim.lr_scheduler.ConstantLR(torch.optim.SGD([torch.zeros(1)], 0.1))


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"x": X[:9]}, ValueError, "x holds 9 examples and y 1437; allowed are as many labels as examples"),
        ({"accumulate": 0}, ValueError, "accumulate is 0; allowed is a whole number >= 1"),
        ({"accumulate": 1.5}, ValueError, "accumulate is 1.5; allowed"),
        ({"every": 0}, ValueError, "every is 0; allowed"),
        ({"clip": -1.0}, ValueError, "clip is -1.0; allowed is a number > 0"),
        ({"clip": "much"}, TypeError, "clip is 'much'; allowed"),
        ({"autocast": "half"}, ValueError, "autocast is 'half'; allowed are None"),
        ({"scaler": 1024}, TypeError, "scaler is 1024; allowed are None and what has a method unscale_"),
        ({"average": 0.9}, TypeError, "average is 0.9; allowed are None and what has a method update"),
        ({"schedule": plateau}, ValueError, "ReduceLROnPlateau, whose step.. needs a metric"),
        ({"schedule": foreign}, ValueError, "ConstantLR of another optimizer"),
        ({"schedule": lambda optimizer: 0.1}, TypeError, "scheduler is a float"),
    ],
)
def test_bad_input_is_one_sentence(options, kind, words):
    with pytest.raises(kind, match=words) as error:
        run(**options)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("net", "kind", "words"),
    [
        (torch.nn.ReLU(), ValueError, "net is a ReLU without parameters; there is nothing to train"),
        (torch.relu, TypeError, "net is a builtin_function_or_method; allowed is a torch.nn.Module"),
    ],
)
def test_a_net_that_cannot_be_trained_is_one_sentence(net, kind, words):
    with pytest.raises(kind, match=f"^{words}$"):
        train_torch(net, torch.optim.SGD([torch.zeros(1)], 0.1), index_arrays(), X, Y)


def test_jax_wants_as_many_labels_as_examples():
    with pytest.raises(ValueError, match=r"^x holds 9 examples and y 1437; allowed are as many"):
        train_jax(digits.jax_mlp(), jax_optim.sgd(0.1), index_arrays(), X[:9], Y, loss=digits.jax_loss)
