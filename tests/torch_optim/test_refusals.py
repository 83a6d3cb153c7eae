"""Bad input, in torch's words where torch has them; and sparse gradients, which few methods take."""

import copy
import math

import numpy as np
import pytest
import torch

from course_lib import torch_optim
from course_lib.rules import momentum, sgd
from course_lib.torch_optim import SGD, Adagrad, Adam, Muon, RMSprop, TorchOptimizer


@pytest.mark.parametrize(
    "make", [SGD, RMSprop, lambda ps, **hypers: TorchOptimizer(ps, momentum, **hypers)], ids=["SGD", "RMSprop", "rule"]
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
def test_a_bad_hyperparameter_is_refused(make, hypers, kind, words, parameters):
    with pytest.raises(kind, match=words):
        make(parameters(), **hypers)


@pytest.mark.parametrize(
    ("name", "hypers", "words"),
    [
        ("Adagrad", {"lr_decay": -0.5}, "Invalid lr_decay value: -0.5"),
        ("Adagrad", {"initial_accumulator_value": -1.0}, "Invalid initial_accumulator_value value: -1.0"),
        ("Adagrad", {"eps": -1.0}, "Invalid epsilon value: -1.0"),
        ("Adadelta", {"rho": 1.1}, "Invalid rho value: 1.1"),
        ("RMSprop", {"alpha": -0.1}, "Invalid alpha value: -0.1"),
        ("Adam", {"betas": (1.0, 0.0)}, "Invalid beta parameter at index 0: 1.0"),
        ("AdamW", {"betas": (0.0, 1.0)}, "Invalid beta parameter at index 1: 1.0"),
        (
            "Adam",
            {"betas": (0.9, torch.tensor(1.5))},
            "Invalid beta parameter at index 1: 1.5|betas must be either both",
        ),
        ("NAdam", {"momentum_decay": -0.2}, "Invalid momentum_decay value: -0.2"),
        ("Adamax", {"eps": -1e-8}, "Invalid epsilon value: -1e-08"),
        ("RAdam", {"weight_decay": -1}, "Invalid weight_decay value: -1"),
        ("Muon", {"momentum": -1.0}, "Invalid momentum value: -1.0"),
        ("Lion", {"betas": (0.9, 2.0)}, "Invalid beta parameter at index 1: 2.0"),
        ("Lion", {"betas": 0.9}, r"betas is 0.9; allowed is a pair such as \(0.9, 0.999\)"),
        ("ScheduleFreeSGD", {"beta": 1.5}, "Invalid beta value: 1.5"),
        ("ScheduleFreeSGD", {"beta": 0.0}, "Invalid beta value: 0.0"),
        ("ScheduleFreeAdamW", {"beta2": 1.0}, "Invalid beta parameter at index 1: 1.0"),
    ],
)
def test_every_hyperparameter_has_its_range(name, hypers, words, parameters):
    with pytest.raises(ValueError, match=words):
        getattr(torch_optim, name)(parameters(), **hypers)
    with pytest.raises(ValueError, match=words):
        getattr(torch_optim, name)([{"params": parameters(), **hypers}])


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda ps: TorchOptimizer(ps, momentum), TypeError, "momentum needs a value for 'lr'"),
        (lambda ps: TorchOptimizer(ps, "momentum", lr=0.1), TypeError, "rule is 'momentum'; allowed is anything with"),
        (lambda ps: SGD(ps, nesterov=True), ValueError, "Nesterov momentum requires a momentum and zero dampening"),
        (lambda ps: SGD(ps, momentum=0.9, dampening=0.1, nesterov=True), ValueError, r"dampening=0\.1"),
        (lambda ps: SGD([{"lr": 0.1}]), ValueError, r"group 0 has no 'params' \(given \['lr'\]\); a group is a dict"),
        (lambda ps: SGD(ps).add_param_group(ps), ValueError, "group 1 has no 'params'"),
        (lambda ps: SGD([{"params": ps, "lr": -1}]), ValueError, "Invalid learning rate: -1"),
        (lambda ps: SGD([]), ValueError, "empty parameter list"),
        (lambda ps: SGD(ps[0]), TypeError, "iterable of Tensors or dicts"),
        (lambda ps: SGD([{"params": set(ps)}]), TypeError, "ordered collections"),
        (lambda ps: Adam([2 * ps[0]]), ValueError, "can't optimize a non-leaf Tensor"),
        (lambda ps: Adam([("a", ps[0]), ps[1]]), ValueError, "with/without names"),
        (lambda ps: Adam([3.0]), TypeError, "optimizer can only optimize Tensors"),
        (
            lambda ps: Muon([ps[0], torch.nn.Parameter(torch.ones(3))]),
            ValueError,
            r"number 1 has size \(3,\). Give it to",
        ),
        (lambda ps: Muon(ps, adjust_lr_fn="any"), ValueError, "Adjust learning rate function any is not supported"),
        (lambda ps: Muon([torch.nn.Parameter(torch.ones(2, 2) + 1j)]), RuntimeError, "does not support complex"),
    ],
)
def test_bad_arguments_are_refused(make, kind, words, parameters):
    with pytest.raises(kind, match=words):
        make(parameters())


def test_a_group_that_is_refused_leaves_the_optimizer_as_it_was(parameters):
    p, q = parameters()
    optimizer = Muon([p])
    with pytest.raises(ValueError, match="Invalid learning rate"):
        optimizer.add_param_group({"params": [q], "lr": -1})
    with pytest.raises(ValueError, match="only supports 2D"):
        optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(3))]})
    assert len(optimizer.param_groups) == 1


# Sparse gradients


def embedding(dtype=torch.float64):
    weights = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=dtype)
    return torch.nn.Embedding.from_pretrained(weights, freeze=False, sparse=True)


def walk(make, words):
    """Six steps of an embedding whose words come and go, and come twice."""
    net = embedding()
    optimizer = make(net.parameters(), **words)
    for t in range(6):
        optimizer.zero_grad()
        net(torch.tensor([t % 4, 1, 1])).pow(2).sum().backward()
        assert net.weight.grad.is_sparse
        optimizer.step()
    return net.weight.detach()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SGD", {"lr": 0.1}),
        ("SGD", {"lr": 0.1, "maximize": True}),
        ("SGD", {"lr": 0.1, "momentum": 0.9}),
        ("SGD", {"lr": 0.1, "momentum": 0.5, "dampening": 0.3}),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        ("Adagrad", {"lr": 0.1}),
        ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5, "maximize": True}),
    ],
)
@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
def test_a_sparse_gradient_steps_as_in_torch(name, words):
    ours, theirs = (walk(getattr(place, name), words) for place in (torch_optim, torch.optim))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-14)


@pytest.mark.parametrize("named", [True, False])
def test_a_sparse_gradient_is_refused_with_the_parameters_name(make, named):
    net = embedding(torch.float32)
    optimizer = make(net.named_parameters() if named else net.parameters())
    if isinstance(optimizer, SGD | Adagrad):
        pytest.skip("takes them")
    net(torch.tensor([1])).sum().backward()
    before = copy.deepcopy((net.weight.detach(), len(optimizer.state)))
    name = "weight" if named else r"number 0, shape \(6, 3\)"
    with pytest.raises(RuntimeError, match=rf"does not support sparse gradients; parameter {name} has one"):
        optimizer.step()
    assert torch.equal(net.weight, before[0])
    assert len(optimizer.state) == before[1]


def test_weight_decay_and_sparse_gradients_do_not_go_together():
    with pytest.raises(RuntimeError, match="weight_decay option is not compatible with sparse gradients"):
        walk(Adagrad, {"weight_decay": 0.1})


def test_plain_descent_in_the_shell_refuses_them_too():
    net = embedding()
    net(torch.tensor([1])).sum().backward()
    with pytest.raises(RuntimeError, match="TorchOptimizer does not support sparse gradients"):
        TorchOptimizer(net.parameters(), sgd, lr=0.1).step()


# Torch's own database of inputs, read in a process of its own: importing it changes global flags.

READ = """
import sys, types, unittest, torch
if "expecttest" not in sys.modules:  # which the database wants for other tests' sake
    try:
        import expecttest
    except ImportError:
        sys.modules["expecttest"] = types.ModuleType("expecttest")
        sys.modules["expecttest"].TestCase = unittest.TestCase
from torch.testing._internal.common_optimizers import optim_db
right, wrong = {}, {}
for info in optim_db:
    name = info.optim_cls.__name__
    right[name] = [given.kwargs for given in info.optim_inputs_func("cpu")]
    errors = [e for e in info.optim_error_inputs_func("cpu", torch.float32) if "STEP" not in e.error_on.name]
    wrong[name] = [
        (e.optimizer_error_input.params, e.optimizer_error_input.kwargs, e.error_type.__name__, e.error_regex)
        for e in errors
        if not {"foreach", "fused", "capturable"} & set(e.optimizer_error_input.kwargs)
    ]
torch.save((right, wrong), sys.argv[1])
"""
NAMES = [name for name in torch_optim.__all__ if hasattr(torch.optim, name)]


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """(arguments that torch's tests use, wrong arguments with their error) by class."""
    import subprocess
    import sys

    pytest.importorskip("torch.testing")
    file = tmp_path_factory.mktemp("database") / "inputs.pt"
    done = subprocess.run([sys.executable, "-c", READ, str(file)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this torch ships no optimizer inputs: {done.stderr.strip().splitlines()[-1]}")
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize("name", NAMES)
def test_the_inputs_of_torchs_own_tests_step_as_in_torch(name, database, run, parameters, values):
    right, _ = database
    assert len(right[name]) > 3
    for words in right[name]:
        ours, theirs = (getattr(place, name)(parameters(), **words) for place in (torch_optim, torch.optim))
        run(ours)
        run(theirs)
        for p, q, start in zip(values(ours), values(theirs), parameters(), strict=True):
            moved = (q - start).norm().item()
            tolerance = 0.03 * moved if name == "Muon" else 1e-8 if name == "NAdam" else 1e-12
            assert (p - q).norm().item() <= tolerance, words


@pytest.mark.parametrize("name", NAMES)
def test_the_wrong_inputs_of_torchs_own_tests_are_refused_in_torchs_words(name, database, parameters):
    import builtins

    _, wrong = database
    assert len(wrong[name]) > 4
    for params, words, kind, regex in wrong[name]:
        expected = getattr(builtins, kind)
        catch = pytest.warns if issubclass(expected, Warning) else pytest.raises
        with catch(expected, match=regex):
            getattr(torch_optim, name)(parameters() if params is None else params, **words)
