"""Clipping of torch gradients in place: PyTorch's two functions, and adaptive clipping beside them.

Names, arguments and numbers are those of `torch.nn.utils`. They differ where PyTorch stops with an error from deep
inside: a model without any gradient and a gradient without entries are nothing to clip, and a wrong limit or an empty
list of parameters is refused in one sentence.

No call waits for the device: the norm comes back as a tensor, and whether it is finite is the caller's to look at. By
value PyTorch returns nothing, and so does this unless asked: the norm would cost as much again as the clipping.
"""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from course_lib.clipping import check_limit, outputs_first


@torch.no_grad()
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients by one number, so that together they are no longer than `max_norm`; the norm before.

    Raises RuntimeError where the norm is not finite, if asked to: the one option that waits for the device.
    """
    check_limit("max_norm", max_norm)
    parameters, grads = _with_gradients(parameters)
    if foreach is False or error_if_nonfinite or not _alike(grads):
        norm = get_total_norm(grads, norm_type, error_if_nonfinite, foreach)
        clip_grads_with_norm_(parameters, max_norm, norm, foreach)
        return norm
    norm = _norm(grads, float(norm_type))
    torch._foreach_mul_(grads, (max_norm / (norm + 1e-6)).clamp_(max=1.0))
    return norm


@torch.no_grad()
def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None, *, return_norm: bool = False
) -> Tensor | None:
    """Move every entry of the gradients into [-clip_value, clip_value]; the norm before where `return_norm` asks."""
    check_limit("clip_value", clip_value)
    _, grads = _with_gradients(parameters)
    limit, norm = float(clip_value), None
    if return_norm:
        norm = _norm(grads) if _alike(grads) else get_total_norm(grads)
    if foreach is False or _large(grads):
        for g in grads:  # one pass over the memory, the others need two
            g.clamp_(-limit, limit)
    elif grads:
        torch._foreach_clamp_min_(grads, -limit)
        torch._foreach_clamp_max_(grads, limit)
    return norm


@torch.no_grad()
def clip_grad_agc_(parameters: Tensor | Iterable[Tensor], clipping: float = 0.01, eps: float = 1e-3) -> Tensor:
    """Adaptive clipping, `clipping.adaptive` in place: every unit's gradient against its weights; the norm before.

    The paper leaves the last layer unclipped: do not pass its parameters.
    """
    check_limit("clipping", clipping)
    check_limit("eps", eps)
    parameters, grads = _with_gradients(parameters)
    norm = get_total_norm(grads)
    for p, g in zip(parameters, grads, strict=True):
        axes = outputs_first(p.shape)
        size = torch.linalg.vector_norm(p, dim=axes, keepdim=True).clamp_(min=eps)
        length = torch.linalg.vector_norm(g, dim=axes, keepdim=True)
        g.div_((length / (clipping * size)).clamp_(min=1.0))
    return norm


def _norm(grads: list[Tensor], norm_type: float = 2.0) -> Tensor:
    """`get_total_norm` to the bit, of tensors that are alike: sorting them would take it longer than the norm."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads, norm_type)), norm_type)


def _alike(grads: list[Tensor]) -> bool:
    """Whether there are any, all on one device and of one dtype."""
    return bool(grads) and all(g.device == grads[0].device and g.dtype == grads[0].dtype for g in grads)


def _large(grads: list[Tensor]) -> bool:
    """Whether these are tensors of the CPU too large, on average, for its cache."""
    return sum(g.numel() for g in grads) > 2**15 * len(grads) and all(g.is_cpu for g in grads)


def _with_gradients(parameters: Tensor | Iterable[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """The parameters that have a gradient with entries in it, and these gradients."""
    parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    if not parameters:
        raise ValueError("parameters is empty; give at least one (a generator is used up after one pass)")
    found = [(p, g) for p in parameters if (g := p.grad) is not None and g.numel()]
    return [p for p, _ in found], [g for _, g in found]
