"""The average of a torch module is AveragedModel's, saves itself, and gives the module back bit for bit."""

import io

import pytest
import torch
from torch import nn
from torch.optim import swa_utils

from course_lib import averaging
from course_lib.torch_averaging import TorchAverage, update_bn


def net(dtype=torch.float32):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2)).to(dtype)


def walk(module, *averages, steps=20):
    """Train a little, each average taking in every step."""
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    for seed in range(steps):
        x = torch.randn(8, 3, generator=torch.Generator().manual_seed(seed)).to(next(module.parameters()).dtype)
        optimizer.zero_grad()
        module(x).square().mean().backward()
        optimizer.step()
        for average in averages:
            average()


def bits(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def same(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("buffers", [False, True])
@pytest.mark.parametrize(
    ("average", "kwargs"),
    [
        (averaging.running_mean(), {}),
        (averaging.ema(0.9), {"multi_avg_fn": swa_utils.get_ema_multi_avg_fn(0.9)}),
        (averaging.ema(0.9), {"avg_fn": swa_utils.get_ema_avg_fn(0.9)}),
        (
            averaging.ema(0.9, warmup=True),
            {"avg_fn": lambda mean, p, n: torch.lerp(mean, p, 1 - torch.clamp((1 + n) / (10 + n), max=0.9))},
        ),
    ],
    ids=["SWA", "EMA", "EMA one by one", "EMA with warm-up"],
)
def test_it_is_torchs_averaged_model(average, kwargs, buffers):
    module = net()
    if buffers:
        module[1].num_batches_tracked = None  # torch averages this integer, some releases with an error
    ours = TorchAverage(module, average, buffers=buffers)
    theirs = swa_utils.AveragedModel(module, use_buffers=buffers, **kwargs)
    walk(module, ours.update, lambda: theirs.update_parameters(module))
    with ours.swap():
        for name, wanted in theirs.module.state_dict().items():
            assert torch.allclose(module.state_dict()[name], wanted, rtol=0, atol=1e-6), name


def test_inside_swap_the_module_is_the_average_and_afterwards_itself():
    module = net()
    average = TorchAverage(module, averaging.running_mean())
    walk(module, average.update)
    own, mean = bits(module), average.values()
    with average.swap() as inside:
        assert inside is module
        assert same({name: dict(module.named_parameters())[name].detach() for name in mean}, mean)
        assert torch.is_grad_enabled()
        module(torch.randn(8, 3))  # in training mode: moves the statistics of batch norm
    assert same(bits(module), own)


def test_an_exception_inside_swap_restores_too():
    module = net()
    average = TorchAverage(module, averaging.ema(0.5), buffers=True)
    walk(module, average.update)
    with torch.no_grad():
        module[0].bias[0] = float("nan")
    own = bits(module)
    with pytest.raises(RuntimeError, match="shapes"), average.swap():
        module(torch.randn(8, 7))
    for name, tensor in bits(module).items():
        assert tensor.numpy().tobytes() == own[name].numpy().tobytes()


def test_the_parameters_stay_the_optimisers():
    module = net()
    average = TorchAverage(module, averaging.running_mean())
    walk(module, average.update)
    before = [p.data_ptr() for p in module.parameters()]
    with average.swap():
        pass
    assert [p.data_ptr() for p in module.parameters()] == before


def test_an_average_resumes_from_its_file_to_the_bit():
    whole, part = net(), net()
    wanted, average = (
        TorchAverage(whole, averaging.ema(0.9, warmup=True)),
        TorchAverage(part, averaging.ema(0.9, warmup=True)),
    )
    walk(whole, wanted.update, steps=7)
    walk(part, average.update, steps=7)
    file = io.BytesIO()
    torch.save(average.state_dict(), file)
    file.seek(0)
    resumed = TorchAverage(part, averaging.ema(0.9, warmup=True))
    resumed.load_state_dict(torch.load(file, weights_only=True))
    walk(whole, wanted.update, steps=5)
    walk(part, resumed.update, steps=5)
    assert resumed.t == 12
    assert same(resumed.values(), wanted.values())


def test_a_state_dict_is_not_moved_by_later_updates():
    module = net()
    average = TorchAverage(module, averaging.ema(0.5), buffers=True)
    walk(module, average.update, steps=2)
    saved = average.state_dict()
    copies = {name: mean.clone() for name, mean in saved["means"].items()}
    walk(module, average.update, steps=2)
    assert saved["t"] == 2
    assert same(saved["means"], copies)


def test_a_state_dict_of_another_module_is_refused():
    average = TorchAverage(net(), averaging.ema(0.5))
    other = TorchAverage(nn.Sequential(nn.Linear(3, 5)), averaging.ema(0.5)).state_dict()
    with pytest.raises(ValueError, match=r"^state_dict is of another module: only one of both has 1\.bias, 1\.weight"):
        average.load_state_dict(other)
    wide = TorchAverage(nn.Sequential(nn.Linear(3, 6)), averaging.ema(0.5))
    with pytest.raises(ValueError, match=r"^0\.weight is \(5, 3\) in state_dict; allowed is \(6, 3\)$"):
        wide.load_state_dict(other)


def test_half_precision_is_averaged_in_single():
    """A thousandth of a bfloat16 step is rounded away: its own average would never leave its first point."""
    module = nn.Linear(1, 1, bias=False).to(torch.bfloat16)
    average = TorchAverage(module, averaging.ema(0.999))
    nn.init.zeros_(module.weight)
    average.update()
    nn.init.ones_(module.weight)
    for _ in range(1000):
        average.update()
    assert average.values()["weight"].item() == pytest.approx(1 - 0.999**1000, rel=1e-4)
    with average.swap():
        assert module.weight.dtype is torch.bfloat16


def test_integers_are_copied():
    module = net()
    average = TorchAverage(module, averaging.running_mean(), buffers=True)
    walk(module, average.update, steps=3)
    assert average.values()["1.num_batches_tracked"] == 3


def test_the_average_can_be_kept():
    module, kept = net(), net()
    average = TorchAverage(module, averaging.running_mean())
    walk(module, average.update)
    average.copy_to(kept)
    assert same({name: p.detach() for name, p in kept.named_parameters()}, average.values())


def test_nothing_averaged_yet_is_told():
    with (
        pytest.raises(RuntimeError, match=r"^nothing is averaged yet; call update\(\)"),
        TorchAverage(net(), averaging.running_mean()).swap(),
    ):
        pass


def batches():
    return [torch.randn(16, 3, generator=torch.Generator().manual_seed(seed)) for seed in range(4)]


def test_batch_norms_statistics_are_torchs():
    ours, theirs = net(), net()
    swa_utils.update_bn(batches(), theirs)
    update_bn(ours, [(x, None) for x in batches()])
    assert same(bits(ours), bits(theirs))
    assert not same(bits(ours), bits(net()))


def test_a_batch_may_be_a_dict():
    ours, theirs = net(), net()
    swa_utils.update_bn(batches(), theirs)
    update_bn(ours, ({"x": x} for x in batches()), forward=lambda module, batch: module(batch["x"]))
    assert same(bits(ours), bits(theirs))


def test_modes_and_momenta_are_given_back_also_after_an_exception():
    module = net().eval()
    module[0].train()
    for broken in ([torch.ones(4, 3)], [torch.ones(4, 3), torch.ones(4, 7)]):
        try:
            update_bn(module, broken)
        except RuntimeError:
            assert len(broken) == 2
        assert [part.training for part in module.modules()] == [False, True, False, False, False]
        assert module[1].momentum == 0.1


def test_no_batches_are_refused_before_the_statistics_are_gone():
    module = net()
    walk(module)
    own = bits(module)
    with pytest.raises(ValueError, match=r"^batches is empty; it must hold at least one"):
        update_bn(module, iter([]))
    assert same(bits(module), own)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_module_may_move_to_the_gpu_after_its_average_was_made():
    module = net()
    average = TorchAverage(module, averaging.running_mean())
    module.cuda()
    average.update()
    with average.swap():
        assert module[0].weight.is_cuda
