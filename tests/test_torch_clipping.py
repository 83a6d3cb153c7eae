"""Clipping in place is PyTorch's to the bit, does not wait for the device, and minds no missing gradient."""

import math
from functools import partial

import pytest
import torch
from torch.nn import utils
from torch.utils._python_dispatch import TorchDispatchMode

from course_lib import clipping
from course_lib.torch_clipping import clip_grad_agc_, clip_grad_norm_, clip_grad_value_

CLIPS = {"norm": clip_grad_norm_, "value": partial(clip_grad_value_, return_norm=True), "agc": clip_grad_agc_}
each_clip = pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)


def parameters(dtype=torch.float32, scale=10.0, device="cpu"):
    generator = torch.Generator().manual_seed(0)

    def draw(shape):
        return scale * torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype).to(device)

    found = [torch.nn.Parameter(draw(shape)) for shape in [(4, 3), (4,), (2, 3, 3, 3), ()]]
    for p in found:
        p.grad = draw(p.shape)
    return found


def grads(parameters):
    return [p.grad.clone() for p in parameters]


def same(ours, theirs):
    return all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, math.inf, "inf"])
@pytest.mark.parametrize("max_norm", [1e-3, 1.0, 1e6, math.inf])
@pytest.mark.parametrize("foreach", [None, True, False])
def test_by_norm_is_torchs_to_the_bit(dtype, norm_type, max_norm, foreach):
    ours, theirs = parameters(dtype), parameters(dtype)
    norm = clip_grad_norm_(ours, max_norm, norm_type, foreach=foreach)
    wanted = utils.clip_grad_norm_(theirs, max_norm, norm_type, foreach=foreach)
    assert torch.equal(norm, wanted)
    assert norm.dtype == wanted.dtype
    assert same(grads(ours), grads(theirs))


def test_large_gradients_too_are_clipped_by_value_as_in_torch():
    ours, theirs = ([torch.nn.Parameter(torch.zeros(200_000))] for _ in range(2))
    ours[0].grad = torch.randn(200_000, generator=torch.Generator().manual_seed(0))
    theirs[0].grad = ours[0].grad.clone()
    clip_grad_value_(ours, 0.5), utils.clip_grad_value_(theirs, 0.5)
    assert same(grads(ours), grads(theirs))
    assert ours[0].grad.max() == 0.5


@pytest.mark.parametrize("clip_value", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("foreach", [None, True, False])
def test_by_value_is_torchs_to_the_bit(clip_value, foreach):
    ours, theirs = parameters(), parameters()
    wanted = utils.get_total_norm(grads(ours))
    norm = clip_grad_value_(ours, clip_value, foreach, return_norm=True)
    utils.clip_grad_value_(theirs, clip_value, foreach)
    assert torch.equal(norm, wanted)
    assert same(grads(ours), grads(theirs))


@each_clip
def test_gradients_of_several_dtypes_are_clipped_together_as_in_torch(clip):
    ours, theirs = ([*parameters(torch.float32), *parameters(torch.float64)] for _ in range(2))
    assert torch.equal(clip(ours, 0.5), utils.get_total_norm(grads(theirs)))
    if clip is not clip_grad_agc_:
        (utils.clip_grad_norm_ if clip is clip_grad_norm_ else utils.clip_grad_value_)(theirs, 0.5)
        assert same(grads(ours), grads(theirs))


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_by_value_what_is_not_finite_goes_where_torch_puts_it(bad):
    ours, theirs = parameters(), parameters()
    ours[0].grad[0] = theirs[0].grad[0] = bad
    assert clip_grad_value_(ours, 0.5) is None
    utils.clip_grad_value_(theirs, 0.5)
    for a, b in zip(grads(ours), grads(theirs), strict=True):
        assert torch.allclose(a, b, rtol=0, atol=0, equal_nan=True)


def test_adaptive_clipping_is_the_pure_function():
    ours = parameters(torch.float64)
    with torch.no_grad():
        ours[0][1] = 0.0  # a unit that begins at zero may move all the same
    wanted, norm = clipping.adaptive(grads(ours), [p.detach() for p in ours], 0.5)
    assert torch.allclose(clip_grad_agc_(ours, 0.5), norm, rtol=1e-12, atol=0)
    for p, g, before in zip(ours, wanted, grads(parameters(torch.float64)), strict=True):
        assert torch.allclose(p.grad, g, rtol=1e-12, atol=0)
        assert not torch.equal(p.grad, before)


def test_by_norm_is_the_pure_function_with_torchs_eps():
    ours = parameters(torch.float64)
    wanted, _ = clipping.by_global_norm(grads(ours), 1.0, eps=1e-6)
    clip_grad_norm_(ours, 1.0)
    for p, g in zip(ours, wanted, strict=True):
        assert torch.allclose(p.grad, g, rtol=1e-12, atol=0)


@each_clip
def test_one_tensor_a_list_and_a_generator_are_the_same(clip):
    alone, listed, generated = (parameters()[0] for _ in range(3))
    clip(alone, 0.5), clip([listed], 0.5), clip((p for p in [generated]), 0.5)
    assert same(grads([alone, alone]), grads([listed, generated]))


@each_clip
def test_the_gradient_is_changed_in_place_and_the_weights_are_not(clip):
    p = parameters()[0]
    grad, before, weights = p.grad, p.grad.clone(), p.detach().clone()
    clip([p], 0.5)
    assert p.grad is grad
    assert not torch.equal(grad, before)
    assert torch.equal(p, weights)


@each_clip
def test_a_model_without_gradients_is_left_alone(clip):
    norm = clip(torch.nn.Linear(2, 2).parameters(), 0.5)
    assert torch.is_tensor(norm)
    assert norm == 0


@each_clip
def test_a_parameter_without_a_gradient_is_skipped(clip):
    some, all_ = parameters(), parameters()[1:]
    some[0].grad = None
    assert torch.equal(clip(some, 0.5), clip(all_, 0.5))
    assert same(grads(some[1:]), grads(all_))


@pytest.mark.parametrize("norm_type", [2.0, math.inf])
def test_an_empty_gradient_has_no_norm(norm_type):
    empty = torch.nn.Parameter(torch.zeros(0, 3))
    empty.grad = torch.zeros(0, 3)
    assert clip_grad_norm_([empty], 1.0, norm_type) == 0
    assert torch.equal(
        clip_grad_norm_([empty, *parameters()], 1.0, norm_type), clip_grad_norm_(parameters(), 1.0, norm_type)
    )
    assert clip_grad_value_([empty], 1.0, return_norm=True) == clip_grad_agc_([empty]) == 0


class NoLookingAtNumbers(TorchDispatchMode):
    """Every operation that brings a number from the device to Python, or waits to know a size, is an error."""

    waits = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select", "_to_copy", "unique")

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if any(word in func.name() for word in self.waits):
            raise AssertionError(f"{func.name()} waits for the device")
        return func(*args, **(kwargs or {}))


@each_clip
def test_no_call_waits_for_the_device(clip):
    ours = parameters()
    with NoLookingAtNumbers():
        clip(ours, 0.5)


@each_clip
def test_a_call_needs_no_numbers_at_all(clip):
    ours = parameters(device="meta")
    assert clip(ours, 0.5).is_meta


def test_looking_at_a_number_is_noticed():
    with NoLookingAtNumbers(), pytest.raises(AssertionError, match="waits"):
        bool(torch.ones(1) > 0)
    with NoLookingAtNumbers(), pytest.raises(AssertionError, match="waits"):
        clip_grad_norm_(parameters(), 1.0, error_if_nonfinite=True)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@each_clip
def test_no_call_waits_for_the_gpu(clip):
    ours = parameters(device="cuda")
    clip(ours, 0.5)
    torch.cuda.set_sync_debug_mode("error")
    try:
        clip(ours, 0.5)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_an_infinite_gradient_becomes_nan_as_in_torch():
    p = torch.nn.Parameter(torch.zeros(2))
    p.grad = torch.tensor([math.inf, 1.0])
    assert clip_grad_norm_(p, 1.0) == math.inf
    assert p.grad[0].isnan()
    assert p.grad[1] == 0


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_norm_that_is_not_finite_is_an_error_if_asked(bad):
    p = torch.nn.Parameter(torch.zeros(2))
    p.grad = torch.tensor([bad, 1.0])
    with pytest.raises(RuntimeError, match="non-finite"):
        clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    assert p.grad[1] == 1


@each_clip
@pytest.mark.parametrize("none", [[], (p for p in [])], ids=["list", "generator"])
def test_no_parameters_at_all_are_refused(clip, none):
    with pytest.raises(ValueError, match=r"^parameters is empty; give at least one"):
        clip(none, 1.0)


@each_clip
@pytest.mark.parametrize("limit", [0, -1.0, math.nan])
def test_a_wrong_limit_is_refused_before_anything_changes(clip, limit):
    ours = parameters()
    with pytest.raises(ValueError, match=rf"^(max_norm|clip_value|clipping) is {limit}; allowed is a number > 0$"):
        clip(ours, limit)
    assert same(grads(ours), grads(parameters()))


@each_clip
def test_clipping_leaves_no_graph_behind(clip):
    ours = parameters()
    assert not clip(ours, 0.5).requires_grad
    assert not any(p.grad.requires_grad for p in ours)
