"""A step under a GradScaler: in the right order, and told whether it was taken."""

import math
from functools import partial

import pytest
import torch

from course_lib.mixed_precision import scaled_step
from course_lib.torch_clipping import clip_grad_norm_

CLIP = partial(clip_grad_norm_, max_norm=1.0)
DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")]
    ),
]


def moved(step, gradients=((30.0, 40.0),) * 8, device="cpu", **scaler):
    """How far descent at lr 0.1 on these slopes goes; the scale before each step; what `step` returned."""
    p = torch.nn.Parameter(torch.zeros(2, device=device))
    optimizer = torch.optim.SGD([p], lr=0.1)
    scaler = torch.amp.GradScaler(device, **scaler)
    scales, taken = [], []
    for g in gradients:
        optimizer.zero_grad()
        scaler.scale((p * torch.tensor(g, device=device)).sum()).backward()
        scales.append(scaler.get_scale())
        taken.append(step(scaler, optimizer))
    return p.detach().norm().item(), scales, taken


def clipped_before_unscaling(scaler, optimizer):
    CLIP(optimizer.param_groups[0]["params"])
    scaler.step(optimizer)
    scaler.update()


@pytest.mark.parametrize("device", DEVICES)
def test_eight_clipped_steps_go_as_far_as_eight_clipped_steps(device):
    far, _, taken = moved(partial(scaled_step, clip=CLIP), device=device)
    assert far == pytest.approx(0.799, abs=0.01)
    assert taken == [True] * 8


def test_without_unscaling_they_go_nowhere():
    assert moved(clipped_before_unscaling)[0] == pytest.approx(0.8 / 65536, rel=1e-3)


@pytest.mark.parametrize("device", DEVICES)
def test_an_infinite_gradient_halves_the_scale_and_its_step_is_left_out(device):
    slopes = [(3.0, 4.0), (math.inf, 1.0), (3.0, 4.0)]
    far, scales, taken = moved(scaled_step, slopes, device)
    assert scales == [65536, 65536, 32768]
    assert taken == [True, False, True]
    assert far == pytest.approx(1.0, rel=1e-6)


def test_a_scale_that_grows_is_a_step_taken():
    _, scales, taken = moved(scaled_step, growth_interval=1)
    assert scales[:3] == [65536, 131072, 262144]
    assert taken == [True] * 8


def test_a_scale_that_has_sunk_to_zero_is_a_step_left_out():
    _, scales, taken = moved(scaled_step, [(math.inf, 1.0)] * 4, init_scale=2.0**-148)
    assert scales == [2.0**-148, 2.0**-149, 0, 0]
    assert taken == [False] * 4


def test_the_clip_sees_the_true_gradients():
    seen = []
    moved(partial(scaled_step, clip=lambda ps: seen.append(ps[0].grad.tolist())), [(30.0, 40.0)])
    assert seen == [[30, 40]]


@pytest.mark.parametrize("scaler", [None, torch.amp.GradScaler("cpu", enabled=False)], ids=["none", "disabled"])
def test_without_a_scaler_it_is_clip_and_step(scaler):
    p = torch.nn.Parameter(torch.zeros(2))
    p.grad = torch.tensor([30.0, 40.0])
    assert scaled_step(scaler, torch.optim.SGD([p], lr=0.1), clip=CLIP) is True
    assert p.tolist() == pytest.approx([-0.06, -0.08], rel=1e-5)


def test_the_scheduler_is_stepped_only_after_the_optimiser():
    p = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.SGD([p], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    scaler = torch.amp.GradScaler("cpu")
    for slope in (math.inf, 1.0, math.inf, 1.0):  # PyTorch warns where the scheduler is first
        optimizer.zero_grad()
        scaler.scale((p * slope).sum()).backward()
        if scaled_step(scaler, optimizer):
            scheduler.step()
    assert scheduler.get_last_lr() == [0.25]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("fused", [False, True])
def test_a_net_learns_under_autocast(device, dtype, fused):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1)).to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02, fused=fused)
    scaler = torch.amp.GradScaler(device, enabled=dtype is torch.float16)
    x = torch.randn(64, 4, device=device)
    y, losses = x[:, :1] * x[:, 1:2], []
    for _ in range(200):
        optimizer.zero_grad()
        with torch.autocast(device, dtype=dtype):
            loss = torch.nn.functional.mse_loss(net(x), y)
        scaler.scale(loss).backward()
        scaled_step(scaler, optimizer, clip=CLIP)
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


@pytest.mark.parametrize("fused", [False, True])
def test_a_fused_optimiser_leaves_its_step_out_too(fused):
    p = torch.nn.Parameter(torch.zeros(2))
    optimizer, scaler = torch.optim.Adam([p], lr=0.1, fused=fused), torch.amp.GradScaler("cpu")
    scaler.scale((p * math.inf).sum()).backward()
    assert scaled_step(scaler, optimizer) is False
    assert p.tolist() == [0, 0]
