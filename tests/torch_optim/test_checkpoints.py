"""Copies and checkpoints: a run goes on to the last bit, from a file, from torch, to torch."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch

from course_lib.rules import momentum
from course_lib.torch_optim import SGD, Adam, TorchOptimizer


def through_a_file(checkpoint):
    file = io.BytesIO()
    torch.save(checkpoint, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def assert_same_state(one, other):
    one, other = one.state_dict()["state"], other.state_dict()["state"]
    assert {i: list(fields) for i, fields in one.items()} == {i: list(fields) for i, fields in other.items()}
    for i, fields in one.items():
        for name, x in fields.items():
            y = other[i][name]
            assert type(x) is type(y)
            assert torch.equal(torch.as_tensor(x), torch.as_tensor(y))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_run_resumed_from_a_file_goes_on_to_the_last_bit(make, dtype, run, parameters, values):
    straight = make(parameters(dtype))
    run(straight, steps=7)
    saved = through_a_file({"weights": values(straight), "optimizer": straight.state_dict()})
    resumed = make(saved["weights"], lr=0.5)
    resumed.load_state_dict(saved["optimizer"])
    assert resumed.param_groups[0]["lr"] == straight.param_groups[0]["lr"]
    assert_same_state(resumed, straight)
    run(straight, steps=7, seed=2)
    run(resumed, steps=7, seed=2)
    assert all(torch.equal(p, q) for p, q in zip(values(resumed), values(straight), strict=True))
    assert_same_state(resumed, straight)


def test_a_checkpoint_holds_tensors_and_plain_numbers(make, run, parameters):
    optimizer = make(parameters())
    run(optimizer, steps=2)
    checkpoint = optimizer.state_dict()
    found = {type(x) for fields in checkpoint["state"].values() for x in fields.values()}
    assert found <= {torch.Tensor, float}
    steps = [fields["step"] for fields in checkpoint["state"].values() if "step" in fields]
    assert all((x.dtype, x.dim(), x.item()) == (torch.float32, 0, 2) for x in steps)
    assert checkpoint["param_groups"][0]["params"] == [0, 1]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))], ids=["copy", "pickle"])
def test_a_duplicate_goes_on_like_the_original_and_apart_from_it(make, duplicate, run, parameters, values):
    if duplicate is not copy.deepcopy and "mine" in repr(make):
        pytest.skip("a rule made inside a test")
    original = make(parameters())
    run(original, steps=3)
    twin = duplicate(original)
    assert_same_state(twin, original)
    before = [p.detach().clone() for p in values(original)]
    run(twin, steps=3, seed=2)
    assert all(torch.equal(p, q) for p, q in zip(values(original), before, strict=True))
    assert not torch.equal(values(twin)[0], before[0])
    run(original, steps=3, seed=2)
    assert all(torch.equal(p, q) for p, q in zip(values(twin), values(original), strict=True))
    assert_same_state(twin, original)


@pytest.mark.parametrize("way", ["from torch", "to torch"])
def test_a_checkpoint_travels_between_torch_and_the_shell(kind, way, run, parameters, values):
    first, second = (kind.theirs, kind.ours) if way == "from torch" else (kind.ours, kind.theirs)
    straight = first(parameters(), **kind.words)
    run(straight, steps=7)
    other = second(copy.deepcopy(values(straight)), lr=0.5)
    other.load_state_dict(through_a_file(straight.state_dict()))
    run(straight, steps=7, seed=2)
    run(other, steps=7, seed=2)
    for p, q in zip(values(other), values(straight), strict=True):
        np.testing.assert_allclose(p.detach(), q.detach(), rtol=0, atol=1e-8 if kind.name == "NAdam" else 1e-13)


def test_the_state_has_torchs_keys(kind, run, parameters):
    """SGD counts its steps besides, for the first buffer."""
    ours, theirs = kind.ours(parameters(), **kind.words), kind.theirs(parameters(), **kind.words)
    run(ours, steps=2)
    run(theirs, steps=2)
    keys = [{name for fields in o.state.values() for name in fields} for o in (ours, theirs)]
    assert keys[0] - keys[1] <= ({"t"} if kind.name == "SGD" else set())
    assert keys[1] <= keys[0]


def test_the_state_has_torchs_values(kind, run, parameters):
    ours, theirs = kind.ours(parameters(), **kind.words), kind.theirs(parameters(), **kind.words)
    run(ours, steps=5)
    run(theirs, steps=5)
    for mine, torchs in zip(ours.state_dict()["state"].values(), theirs.state_dict()["state"].values(), strict=True):
        for name in torchs:
            tolerance = 1e-6 if kind.name == "NAdam" else 1e-13
            np.testing.assert_allclose(mine[name], torchs[name], rtol=tolerance, atol=tolerance)


def test_an_old_checkpoint_may_count_its_steps_in_numbers(run, parameters, values):
    straight = Adam(parameters())
    run(straight, steps=3)
    checkpoint = copy.deepcopy(straight.state_dict())
    for fields in checkpoint["state"].values():
        fields["step"] = 3
    other = Adam(copy.deepcopy(values(straight)))
    other.load_state_dict(checkpoint)
    run(straight, steps=2)
    run(other, steps=2)
    assert all(torch.equal(p, q) for p, q in zip(values(other), values(straight), strict=True))


def test_flags_of_torchs_checkpoints_change_nothing(run, parameters, values):
    """torch.optim.Adam saves foreach, fused, ... in every group."""
    theirs = torch.optim.Adam(parameters(), foreach=True)
    run(theirs, steps=2)
    ours = Adam(copy.deepcopy(values(theirs)))
    ours.load_state_dict(through_a_file(theirs.state_dict()))
    run(ours, steps=2)
    run(theirs, steps=2)
    np.testing.assert_allclose(values(ours)[0].detach(), values(theirs)[0].detach(), rtol=0, atol=1e-13)


def test_extra_keys_of_a_group_are_kept(make, run, parameters):
    optimizer = make(parameters())
    optimizer.param_groups[0]["initial_lr"] = 0.7
    run(optimizer, steps=1)
    other = make(parameters())
    other.load_state_dict(through_a_file(optimizer.state_dict()))
    assert other.param_groups[0]["initial_lr"] == 0.7


def test_a_checkpoint_of_another_net_is_refused(make, parameters):
    with pytest.raises(ValueError, match="parameter group"):
        make(parameters()).load_state_dict(make(parameters()[:1]).state_dict())


def test_a_checkpoint_of_another_method_is_refused_at_the_next_step(run, parameters):
    other = SGD(parameters(), 0.1, momentum=0.9)
    run(other, steps=1)
    optimizer = Adam(parameters())
    optimizer.load_state_dict(other.state_dict())
    optimizer.param_groups[0].update(betas=(0.9, 0.999), eps=1e-8, amsgrad=False, decoupled_weight_decay=False)
    with pytest.raises(KeyError, match=r"the optimiser's state has no '\w+'; it holds momentum_buffer"):
        run(optimizer, steps=1)


def test_a_copied_shell_knows_its_rule(parameters, run):
    optimizer = TorchOptimizer(parameters(), momentum, lr=0.1)
    for twin in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        assert twin.rule == optimizer.rule
        run(twin, steps=1)
