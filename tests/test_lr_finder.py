"""The sweep stops where it should, suggests what its curve says, and leaves everything as it found it."""

import copy
import pickle
import random
import re

import jax
import numpy as np
import optax
import pytest
import torch

from course_lib import jax_optim, torch_optim
from course_lib.experiments.quadratics import spectrum
from course_lib.lr_finder import LrCurve, find_lr, find_lr_jax, find_lr_torch
from course_lib.problems import Problem, digits, quadratic
from course_lib.rules import momentum, sgd
from course_lib.training import descend

DATA = digits.load()
BATCHES = list(digits.batches(len(DATA.x_train), 64, 200))
NAN = float("nan")


def constant(values):
    """A problem in one dimension whose loss is the next of `values`, wherever it is."""
    values = iter(values)
    zero = np.zeros(1)
    return Problem("given losses", lambda p: next(values), np.zeros_like, zero, zero[None], (-1, 1, -1, 1))


def curve_of(smoothed, lrs=None, **more):
    smoothed = np.array(smoothed, dtype=float)
    lrs = np.logspace(-4, len(smoothed) - 5, len(smoothed)) if lrs is None else np.array(lrs)
    return LrCurve(lrs, smoothed, smoothed, **more)


# Suggestions


def test_suggestions_by_hand():
    curve = curve_of([10.0, 9.5, 6.0, 2.0, 1.0, 3.0])
    assert curve.lowest == pytest.approx(1.0)
    assert curve.tenth == pytest.approx(0.1)
    assert curve.steepest == pytest.approx(0.01)  # central slopes -4.25/2, -7.5/2, -5/2 around it


def test_the_slope_is_over_the_logarithm_of_the_rate():
    assert curve_of([4.0, 2.9, 2.0, 1.1, 0.0], lrs=[1.0, 2.0, 4.0, 32.0, 64.0]).steepest == 64.0


@pytest.mark.parametrize("bad", [NAN, np.inf, -np.inf])
def test_values_that_are_not_finite_suggest_nothing(bad):
    curve = curve_of([10.0, 9.5, 6.0, 2.0, 1.0, bad])
    assert (curve.lowest, curve.steepest) == pytest.approx((1.0, 0.01))
    assert curve_of([bad, 10.0, 9.5, bad, 6.0, 2.0, 3.0]).lowest == pytest.approx(10.0)


def test_a_fall_after_the_minimum_is_not_the_steepest():
    assert curve_of([10.0, 8.0, 4.0, 1.0, 99.0, 2.0]).steepest < 1.0


def test_the_noise_of_the_first_batches_is_not_the_steepest():
    first_fall = [9.0, 5.0, 5.1, 5.0, 4.5, 2.0, 1.0, 3.0]
    assert curve_of(first_fall).steepest == pytest.approx(1e-4)
    assert curve_of(first_fall, settled=3).steepest == pytest.approx(10.0)
    assert curve_of(first_fall, settled=30).steepest == pytest.approx(1e-4)


@pytest.mark.parametrize("values", [[1.0, 2.0, 3.0], [2.3] * 5, [2.3, 2.2999, 2.3], [0.0] * 4, [-1.0, -0.5], [NAN], []])
def test_a_curve_that_never_falls_suggests_nothing_and_says_so(values):
    curve = curve_of(values)
    assert (curve.lowest, curve.steepest, curve.tenth) == (None, None, None)
    assert curve.explain().startswith("No suggestion: ")
    assert curve.explain().count(".\n") == 0


def test_every_suggestion_has_its_sentence():
    told = curve_of([10.0, 9.5, 6.0, 2.0, 1.0, 3.0]).explain().splitlines()
    assert len(told) == 2
    assert told[0].startswith("steepest = 0.01 is ")
    assert told[1].startswith("tenth = 0.1 is a tenth of 1, ")
    assert all("trust" in sentence for sentence in told)


def test_a_loss_that_still_falls_at_the_end_asks_for_larger_rates():
    assert curve_of([3.0, 2.0, 1.0]).explain().endswith("so raise lr_max from 0.01.")


def test_a_curve_is_frozen():
    with pytest.raises(AttributeError):
        curve_of([1.0]).stopped = "no"


# The sweep


def test_a_sweep_by_hand():
    curve = find_lr(sgd, quadratic([1.0]), lr_min=0.1, lr_max=0.4, steps=3)
    np.testing.assert_allclose(curve.lrs, [0.1, 0.2, 0.4])
    np.testing.assert_allclose(curve.losses, [0.5, 0.5 * 0.9**2, 0.5 * (0.9 * 0.8) ** 2])
    assert (curve.name, curve.stopped) == ("sgd", "")


def test_the_average_is_corrected_for_its_start_at_zero():
    curve = find_lr(sgd, constant([2.0, 4.0, 1.0]), steps=3, smoothing=0.5)
    np.testing.assert_allclose(curve.smoothed, [2.0, (0.5 * 2 + 4) / 1.5, (0.25 * 2 + 0.5 * 4 + 1) / 1.75])
    raw = find_lr(sgd, constant([2.0, 4.0, 1.0]), steps=3, smoothing=0)
    assert raw.smoothed.tolist() == [2.0, 4.0, 1.0]


@pytest.mark.parametrize(
    ("losses", "last"),
    [([2.0, 1.0, 4.0, 4.1, 1.0], 4.1), ([-1.0, -2.0, 3.9, 4.1, 1.0], 4.1), ([2.0, 1.0, 3.9, 4.0], None)],
)
def test_the_sweep_ends_where_the_loss_is_more_than_four_times_its_best(losses, last):
    curve = find_lr(sgd, constant(losses), steps=len(losses), smoothing=0)
    assert curve.losses[-1] == (last or losses[-1])
    assert bool(curve.stopped) == (last is not None)
    assert not last or re.search(r"the smoothed loss, 4.1, is more than 4 times its best, (1|-2)$", curve.stopped)


@pytest.mark.parametrize("bad", [NAN, np.inf, -np.inf])
def test_a_loss_that_is_not_finite_ends_the_sweep(bad):
    curve = find_lr(sgd, constant([4.0, 3.0, 2.0, bad, 1.0, 0.5]), lr_min=1e-3, lr_max=100, steps=6, smoothing=0)
    assert len(curve.lrs) == len(curve.losses) == len(curve.smoothed) == 4
    assert curve.stopped == f"stopped at step 4 of 6, lr 1: the loss is {bad}"
    assert curve.lowest == pytest.approx(0.1)


def test_a_nan_in_a_net_ends_the_sweep():
    x = DATA.x_train.copy()
    x[BATCHES[5][0]] = NAN
    net = digits.torch_mlp()
    curve = find_lr_torch(net, torch_optim.SGD(net.parameters(), 0.1), BATCHES, x, DATA.y_train)
    also = find_lr_jax(digits.jax_mlp(), jax_optim.sgd, BATCHES, x, DATA.y_train, loss=digits.jax_loss)
    assert curve.stopped.endswith("the loss is nan")
    assert len(curve.losses) == len(also.losses) <= 6
    assert also.stopped == curve.stopped


def test_a_function_and_its_start_are_left_alone_and_a_seed_decides_the_noise():
    p, problem = np.ones(2), quadratic([1.0, 4.0], sigma=0.1)
    one, same, still = (find_lr(momentum, problem, p, seed=seed, momentum=0.8).losses for seed in (0, 0, None))
    assert p.tolist() == [1.0, 1.0]
    assert one.tolist() == same.tolist() != still.tolist()


@pytest.mark.parametrize("kappa", [50, 100, 1000])
@pytest.mark.parametrize("d", [50, 100])
def test_the_minimum_lies_between_5_and_6_2_times_the_stability_limit(kappa, d):
    problem, limit = quadratic(spectrum(kappa, d)), 2 / kappa
    curve = find_lr(sgd, problem, lr_min=1e-4, lr_max=10, steps=300)
    assert 5 < curve.lowest / limit < 6.2
    start, *_, end = descend(sgd, problem, steps=100, lr=curve.tenth)["loss"]
    assert end < 0.5 * start
    *_, end = descend(sgd, problem, steps=100, lr=curve.lowest)["loss"]
    assert end > start


# In torch


class Net(torch.nn.Sequential):
    """Batch norm in training and frozen, dropout, a buffer that is replaced and one that no checkpoint holds."""

    def __init__(self):
        layers = torch.nn.Linear(64, 16), torch.nn.BatchNorm1d(16), torch.nn.Dropout(0.3), torch.nn.ReLU()
        super().__init__(*layers, torch.nn.BatchNorm1d(16), torch.nn.Linear(16, 10))
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("seen", torch.zeros(64), persistent=False)
        self.fail_at, self.count = None, 0

    def forward(self, x):
        self.calls = self.calls + 1
        self.seen += x.detach().mean(0)
        self.count += 1
        if self.count == self.fail_at:
            raise KeyboardInterrupt
        return super().forward(x)


OPTIMIZERS = {
    "momentum": lambda ps: torch_optim.SGD(ps, 0.05, momentum=0.9),
    "adam": lambda ps: torch_optim.Adam(ps, 0.01),
    "compiled": lambda ps: torch_optim.TorchOptimizer(ps, momentum, lr=0.05, compile=True),
    "torch's momentum": lambda ps: torch.optim.SGD(ps, 0.05, momentum=0.9),
    "torch's adam": lambda ps: torch.optim.Adam(ps, torch.tensor(0.01), betas=(0.8, 0.99)),
}


@pytest.fixture(params=OPTIMIZERS)
def trained(request, monkeypatch):
    """(net, optimiser) after three steps, gradients still there, one layer in evaluation."""
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)  # the caches are what matters here
    torch.manual_seed(0)
    net = Net()
    net[4].eval()
    optimizer = OPTIMIZERS[request.param](net.parameters())
    train(net, optimizer, 3)
    return net, optimizer


def train(net, optimizer, steps):
    x, y = torch.from_numpy(DATA.x_train), torch.from_numpy(DATA.y_train)
    for index in BATCHES[:steps]:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x[index]), y[index]).backward()
        optimizer.step()


def numbers(x):
    """Every tensor as (dtype, bytes), within dicts, lists and tuples."""
    if isinstance(x, torch.Tensor):
        return str(x.dtype), x.detach().numpy().tobytes()
    if isinstance(x, dict):
        return {key: numbers(value) for key, value in x.items()}
    return [numbers(value) for value in x] if isinstance(x, list | tuple) else x


def everything(net, optimizer):
    """What a sweep might change, as plain values."""
    tensors = [*net.parameters(), *net.buffers()]
    return pickle.dumps(
        (
            numbers(tensors),
            list(map(id, tensors)),
            [(p.grad_fn, id(p.grad), numbers(p.grad)) for p in net.parameters()],
            [(m.training, getattr(m, "count", 0)) for m in net.modules()],
            [(id(s), {k: id(v) for k, v in s.items()}, numbers(s)) for s in optimizer.state.values()],
            [{k: (id(v) if k == "params" else 0, numbers(v)) for k, v in g.items()} for g in optimizer.param_groups],
            (random.getstate(), np.random.get_state(), numbers(torch.get_rng_state())),  # noqa: NPY002
        )
    )


def sweep(net, optimizer, batches=BATCHES, **more):
    return find_lr_torch(net, optimizer, batches, DATA.x_train, DATA.y_train, **{"lr_max": 10.0, "steps": 40} | more)


def test_a_sweep_puts_everything_back_to_the_bit(trained):
    before = everything(*trained)
    assert len(sweep(*trained).losses) > 20
    assert everything(*trained) == before


def test_an_exception_in_the_sweep_puts_everything_back_too(trained):
    trained[0].fail_at = 3 + 7
    before = everything(*trained)
    with pytest.raises(KeyboardInterrupt):
        sweep(*trained)
    assert everything(*trained) == before


def test_training_goes_on_as_if_there_had_been_no_sweep(trained):
    twin = copy.deepcopy(trained)
    state = torch.get_rng_state()
    train(*twin, 5)
    torch.set_rng_state(state)
    sweep(*trained)
    train(*trained, 5)
    assert numbers(dict(trained[0].state_dict())) == numbers(dict(twin[0].state_dict()))
    assert [numbers(s) for s in trained[1].state.values()] == [numbers(s) for s in twin[1].state.values()]


def test_the_optimiser_begins_with_the_state_and_momentum_it_has():
    net = digits.torch_mlp()
    optimizer = torch_optim.SGD(net.parameters(), 0.1, momentum=0.9)
    fresh = sweep(net, optimizer).losses
    train(net, optimizer, 3)
    for p, original in zip(net.parameters(), digits.torch_mlp().parameters(), strict=True):
        p.data.copy_(original.data)
    assert not np.array_equal(sweep(net, optimizer, steps=len(fresh)).losses[:30], fresh[:30])


def test_an_optimiser_without_state_has_none_afterwards():
    net = digits.torch_mlp()
    optimizer = torch.optim.Adam(net.parameters())
    sweep(net, optimizer)
    assert dict(optimizer.state) == {}
    assert [p.grad for p in net.parameters()] == [None] * 4


def test_the_gradients_of_parameters_that_the_optimiser_does_not_hold_are_put_back():
    net = digits.torch_mlp()
    optimizer = torch_optim.SGD(net[2].parameters(), 0.1)
    train(net, optimizer, 1)
    before = numbers([p.grad for p in net.parameters()])
    sweep(net, optimizer)
    assert numbers([p.grad for p in net.parameters()]) == before


def test_the_parameters_of_a_loss_are_put_back():
    class Warm(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.temperature = torch.nn.Parameter(torch.tensor(1.0))

        def forward(self, logits, y):
            return torch.nn.functional.cross_entropy(logits * self.temperature, y)

    net, loss = digits.torch_mlp(), Warm()
    sweep(net, torch_optim.SGD([*net.parameters(), loss.temperature], 0.1), loss=loss)
    assert (loss.temperature.item(), loss.temperature.grad) == (1.0, None)


def test_a_scheduler_does_not_learn_of_the_sweep():
    net = digits.torch_mlp()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    sweep(net, optimizer)
    with pytest.warns(UserWarning, match=r"lr_scheduler.step\(\)` before `optimizer.step"):
        scheduler.step()
    assert scheduler.get_last_lr() == [pytest.approx(0.01)]


def test_every_group_takes_the_rate_of_the_sweep():
    net = digits.torch_mlp()
    groups = [{"params": [p], "lr": 0.1 * i} for i, p in enumerate(net.parameters())]
    losses = sweep(net, torch_optim.SGD(groups, 0.1)).losses
    assert losses.tolist() == sweep(net, torch_optim.SGD(net.parameters(), 0.1)).losses.tolist()


def test_dropout_and_batch_norm_work_in_the_sweep_as_in_training():
    net = Net().eval()
    optimizer = torch_optim.SGD(net.parameters(), 0.1)
    torch.manual_seed(1)
    one = sweep(net, optimizer, steps=5).losses
    torch.manual_seed(2)
    assert not np.array_equal(one, sweep(net, optimizer, steps=5).losses)
    assert not net.training


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_the_random_states_of_a_gpu_are_put_back():
    net = Net().cuda()
    before = torch.cuda.get_rng_state().tolist(), [p.tolist() for p in net.parameters()]
    assert len(sweep(net, torch_optim.Adam(net.parameters(), 0.1)).losses) > 5
    assert (torch.cuda.get_rng_state().tolist(), [p.tolist() for p in net.parameters()]) == before


# Order of the data


def sampler():
    generator = torch.Generator().manual_seed(0)
    return torch.utils.data.BatchSampler(
        torch.utils.data.RandomSampler(range(200), generator=generator), 32, drop_last=True
    )


@pytest.mark.parametrize("make", [sampler, lambda: iter(BATCHES)], ids=["sampler", "iterator"])
@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_the_order_of_the_data_that_follows_is_not_moved(make, framework):
    batches, untouched = make(), make()
    if framework == "torch":
        net = digits.torch_mlp()
        sweep(net, torch_optim.SGD(net.parameters(), 0.1), batches, steps=10)
    else:
        sweep_jax(jax_optim.sgd, batches=batches, steps=10)
    assert np.array_equal(list(batches), list(untouched))


def test_too_few_batches_are_repeated():
    net = digits.torch_mlp()
    losses = sweep(net, torch_optim.SGD(net.parameters(), 0.1), BATCHES[:3], lr_min=1e-12, lr_max=1e-11, steps=7).losses
    np.testing.assert_allclose(losses[3:], losses[:4])
    assert len(set(losses[:3])) == 3


# In JAX


TRANSFORMS = {
    "sgd": (lambda ps: torch_optim.SGD(ps, 0.1), jax_optim.sgd),
    "momentum": (lambda ps: torch_optim.SGD(ps, 0.1, momentum=0.9), lambda lr: jax_optim.sgd(lr, momentum=0.9)),
    "adam": (torch_optim.Adam, jax_optim.adam),
}


def sweep_jax(transform, params=None, *, loss=digits.jax_loss, batches=BATCHES, **more):
    return find_lr_jax(params or digits.jax_mlp(), transform, batches, DATA.x_train, DATA.y_train, loss=loss, **more)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_torch_and_jax_see_the_same_curve(name):
    make, transform = TRANSFORMS[name]
    net = digits.torch_mlp()
    ours, theirs = sweep(net, make(net.parameters()), steps=200), sweep_jax(transform)
    until = np.searchsorted(ours.lrs, ours.lowest)  # later a rounding error grows as everything does
    assert until > 120
    np.testing.assert_allclose(ours.losses[:until], theirs.losses[:until], rtol=1e-5)
    assert (ours.tenth, ours.steepest) == (theirs.tenth, theirs.steepest)


def test_a_transform_of_optax_with_its_rate_injected_sees_the_same_curve():
    injected = optax.inject_hyperparams(optax.sgd)(learning_rate=0.1, momentum=0.9)
    ours, theirs = sweep_jax(lambda lr: jax_optim.sgd(lr, momentum=0.9), steps=60), sweep_jax(injected, steps=60)
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-5)


def test_a_function_that_makes_optax_transforms_fits():
    ours, theirs = (sweep_jax(make, steps=60, lr_max=0.1) for make in (jax_optim.adam, optax.adam))
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-5)


@pytest.mark.parametrize("inject", [False, True])
def test_the_step_is_compiled_once(inject):
    traces = []

    def loss(params, x, y):
        traces.append(x.shape)
        return digits.jax_loss(params, x, y)

    sweep_jax(optax.inject_hyperparams(optax.sgd)(learning_rate=0.1) if inject else jax_optim.sgd, loss=loss, steps=30)
    assert traces == [(64, 64)]


def test_parameters_in_jax_are_left_alone():
    params = digits.jax_mlp()
    sweep_jax(jax_optim.sgd, params)
    assert jax.tree.all(jax.tree.map(np.array_equal, params, digits.jax_mlp()))


def test_a_transform_with_its_rate_built_in_is_refused():
    with pytest.raises(
        TypeError, match="with its learning rate built in; allowed is a function of lr, such as jax_opt"
    ):
        sweep_jax(optax.sgd(0.1))


# Bad input


def on_function(**more):
    return find_lr(sgd, quadratic([1.0]), **more)


def in_torch(**more):
    net = digits.torch_mlp()
    return sweep(net, torch_optim.SGD(net.parameters(), 0.1), **more)


def in_jax(**more):
    return sweep_jax(jax_optim.sgd, **more)


@pytest.mark.parametrize("find", [on_function, in_torch, in_jax])
@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"lr_min": 1.0, "lr_max": 0.1}, "lr_max is 0.1; allowed is a number above lr_min, 1"),
        ({"lr_min": 1.0, "lr_max": 1.0}, "lr_max is 1.0; allowed is a number above lr_min, 1"),
        ({"lr_min": 0.0}, "lr_min is 0.0; allowed is a finite number > 0"),
        ({"lr_min": -1e-3}, "lr_min is -0.001; allowed is a finite number > 0"),
        ({"lr_min": NAN}, "lr_min is nan; allowed is a finite number > 0"),
        ({"lr_max": np.inf}, "lr_max is inf; allowed is a finite number > 0"),
        ({"lr_max": "1"}, "lr_max is '1'; allowed is a finite number > 0"),
        ({"steps": 1}, "steps is 1; allowed is an integer >= 2"),
        ({"steps": 10.0}, "steps is 10.0; allowed is an integer >= 2"),
        ({"smoothing": 1.0}, "smoothing is 1.0; allowed is a number >= 0 and < 1"),
        ({"stop_factor": 1}, "stop_factor is 1; allowed is a number > 1"),
    ],
)
def test_a_sweep_that_cannot_be_gets_one_sentence(find, given, sentence):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        find(**given)


@pytest.mark.parametrize("find", [in_torch, in_jax])
@pytest.mark.parametrize("batches", [[], [BATCHES[0], np.array([], dtype=int)]])
def test_no_batches_get_one_sentence(find, batches):
    with pytest.raises(ValueError, match=r"^batches is empty or has an empty one among its first [02]; allowed"):
        find(batches=batches)


@pytest.mark.parametrize("find", [in_torch, in_jax])
def test_batches_that_cannot_be_copied_get_one_sentence(find):
    class Uncopied(list):
        def __deepcopy__(self, memo):
            raise TypeError("cannot pickle")

    with pytest.raises(TypeError, match=r"^batches is a Uncopied, which the sweep would use up; allowed is what"):
        find(batches=Uncopied(BATCHES))


@pytest.mark.parametrize("find", [in_torch, in_jax])
def test_a_generator_of_batches_is_as_good_as_the_list_and_loses_what_was_taken(find):
    batches = (index for index in BATCHES)
    assert find(batches=batches, steps=30).losses.tolist() == find(batches=BATCHES, steps=30).losses.tolist()
    assert np.array_equal(list(batches), BATCHES[30:])


def test_a_rate_for_the_sweep_gets_one_sentence():
    with pytest.raises(TypeError, match=r"^lr is 0.1; the sweep varies it, so give lr_min and lr_max$"):
        on_function(lr=0.1)
