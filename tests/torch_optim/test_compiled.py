"""`compile=True`: the rule's own text as one graph, or, where there is no compiler, one warning and the eager path."""

import copy
import pickle
import shutil
import warnings

import numpy as np
import pytest
import torch

from course_lib.rules import lion
from course_lib.torch_optim import Adam, ScheduleFreeSGD, TorchOptimizer, compiled

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in torch's own compiler


def net(smalls=20):
    """A matrix that goes alone, and many small tensors that are joined."""
    rng = torch.Generator().manual_seed(0)
    shapes = [(130, 130), *[(3,), (2, 2)] * (smalls // 2)]
    return [torch.nn.Parameter(torch.randn(shape, generator=rng)) for shape in shapes]


def assert_near(ours, theirs, values):
    for p, q in zip(values(ours), values(theirs), strict=True):
        np.testing.assert_allclose(p.detach(), q.detach(), rtol=0, atol=3e-6)


@pytest.mark.skipif(not shutil.which("g++"), reason="no compiler")
def test_a_compiled_adam_steps_like_the_eager_one_and_compiles_once(run, values):
    """Through a change of lr, a missing gradient, a checkpoint and a loaded one."""
    assert 130 * 130 >= compiled.SMALL > 4
    assert compiled.MANY <= 20
    ours, eager = Adam(net(), 0.1, compile=True), Adam(net(), 0.1)
    for optimizer in (ours, eager):
        run(optimizer, steps=2)
    assert_near(ours, eager, values)
    with torch._dynamo.config.patch(error_on_recompile=True):
        for optimizer in (ours, eager):
            optimizer.param_groups[0]["lr"] = 0.01
            run(optimizer, steps=3, seed=2)
        assert_near(ours, eager, values)
        assert [s["step"].item() for s in ours.state.values()] == [5.0] * 21
        checkpoint = copy.deepcopy(ours.state_dict())
        run(ours, steps=2, seed=3)
        ours.load_state_dict(checkpoint)
        with torch.no_grad():
            for p, q in zip(values(ours), values(eager), strict=True):
                p.copy_(q)
        for optimizer in (ours, eager):
            run(optimizer, steps=2, seed=4)
    assert_near(ours, eager, values)
    for mine, others in zip(ours.state_dict()["state"].values(), eager.state_dict()["state"].values(), strict=True):
        for name in others:
            np.testing.assert_allclose(mine[name], others[name], rtol=1e-4, atol=1e-6)
    places = [p.data_ptr() for p in values(ours)]
    twin = pickle.loads(pickle.dumps(ours))
    for optimizer in (ours, twin):
        run(optimizer, steps=1, seed=5)
    assert_near(twin, ours, values)
    assert [p.data_ptr() for p in values(ours)] == places


def broken(*args, **options):
    raise RuntimeError("no working C++ compiler found\nand much more")


@pytest.mark.parametrize("when", ["at once", "at the first call"])
def test_without_a_compiler_there_is_one_warning_and_the_eager_path(when, run, parameters, values, monkeypatch):
    monkeypatch.setattr(torch, "compile", broken if when == "at once" else lambda *a, **k: broken)
    ours, eager = TorchOptimizer(parameters(), lion, lr=0.1, compile=True), TorchOptimizer(parameters(), lion, lr=0.1)
    with pytest.warns(
        UserWarning, match="compile=True has no effect here, torch.compile fails: RuntimeError: no work"
    ) as seen:
        run(ours, steps=5)
    run(eager, steps=5)
    assert len(seen) == 1
    assert "much more" not in str(seen[0].message)
    assert all(torch.equal(p, q) for p, q in zip(values(ours), values(eager), strict=True))


def test_a_copy_keeps_the_wish_to_compile(parameters, run, monkeypatch):
    monkeypatch.setattr(torch, "compile", broken)
    twin = copy.deepcopy(ScheduleFreeSGD(parameters(), compile=True))
    with pytest.warns(UserWarning, match="compile=True has no effect here"):
        run(twin, steps=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(copy.deepcopy(ScheduleFreeSGD(parameters())), steps=1)


def test_nothing_is_compiled_where_no_gradient_is(parameters, monkeypatch):
    monkeypatch.setattr(torch, "compile", broken)
    assert Adam(parameters(), compile=True).step() is None
