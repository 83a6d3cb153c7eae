"""A sweep as one net with stacked weights: K replicas cost one batched matrix product a layer, not K small ones."""

import torch

from course_lib.problems.digits import SIZES
from course_lib.rule import Rule
from course_lib.sweeps import plan as plans
from course_lib.sweeps.record import Sweep


def sweep_torch(
    rule, lrs, seeds, *, x, y, steps, batch_size, sizes=SIZES, test=None, dtype="float32", device="cpu", **hypers
) -> Sweep:
    """Train the digits' ReLU net (`problems.digits`) at every pair of a learning rate and a seed, all at once.

    `x`, shape (n, sizes[0]), and labels `y`, shape (n,), are the training set, `test` a pair like them; a seed draws
    the initial weights and the order of the batches; `hypers` are those of an elementwise `rule` but for lr. Every
    replica does what `train_torch` does with that learning rate and seed, and a diverged one disturbs no other.

    Raises ValueError or TypeError, in one sentence, for what cannot be swept.
    """
    plan = plans.make(rule, lrs, seeds, hypers, x, y, sizes, steps, batch_size, test, dtype)
    _refuse_across(plan.rule)
    params, loss = _train(plan, device)
    shape = len(plan.lrs), len(plan.seeds)
    finite = loss.isfinite().all(dim=1)
    for p in params:
        finite &= p.isfinite().all(dim=2).all(dim=1)
    accuracy = None
    if test is not None:
        accuracy = _accuracy(params, *plan.test).where(finite, torch.nan).view(shape).cpu().numpy()
    loss, diverged = loss.view(*shape, -1).cpu().numpy(), ~finite.view(shape).cpu().numpy()
    return Sweep(plan.rule.name, plan.lrs, plan.seeds, loss, diverged, accuracy)


def _refuse_across(rule: Rule) -> None:
    if not rule.elementwise:
        raise ValueError(
            f"rule is {rule.name}, which is not marked elementwise; sweep_torch stacks replicas in one array and takes "
            "only rules that treat every entry of p by itself, Rule(..., elementwise=True); sweep_jax takes any"
        )


def _train(plan: plans.Plan, device) -> tuple[list, torch.Tensor]:
    """(parameters, weights of shape (K, inputs, outputs) and biases (K, 1, outputs); losses, shape (K, T)).

    Replica k has learning rate k // S and seed k % S.
    """
    copies, dtype = len(plan.lrs), getattr(torch, str(plan.x.dtype))
    x, y, order = (torch.as_tensor(a, device=device) for a in (plan.x, plan.y, plan.order))
    lr = torch.tensor(plan.lrs, dtype=dtype, device=device).repeat_interleave(len(plan.seeds))[:, None, None]
    arrays = [a for w, b in plan.weights for a in (w, b[:, None])]
    params = [torch.as_tensor(a, device=device).repeat(copies, 1, 1).requires_grad_() for a in arrays]
    states, losses = [plan.rule.init(p.detach()) for p in params], []
    for t in range(order.shape[1]):
        index = order[:, t].repeat(copies, 1)
        loss = _losses(params, x[index], y[index])
        losses.append(loss.detach())
        grads = torch.autograd.grad(loss.sum(), params)
        with torch.no_grad():
            moved = [plan.rule.step(*pgs, lr=lr, **plan.hypers) for pgs in zip(params, grads, states, strict=True)]
        params, states = [p.detach().requires_grad_() for p, _ in moved], [s for _, s in moved]
    return [p.detach() for p in params], torch.stack(losses, dim=1)


def _logits(params: list, x: torch.Tensor) -> torch.Tensor:
    """Class scores, shape (K, n, classes), for images of shape (K, n, inputs)."""
    for w, b in zip(params[:-2:2], params[1:-2:2], strict=True):
        x = torch.baddbmm(b, x, w).relu()
    return torch.baddbmm(params[-1], x, params[-2])


def _losses(params: list, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of each replica, shape (K,); the gradient of their sum is each one's own."""
    scores = _logits(params, x).mT  # classes second, where PyTorch's softmax is three times as fast as at the end
    return torch.nn.functional.cross_entropy(scores, y, reduction="none").mean(dim=1)


def _accuracy(params: list, x, y) -> torch.Tensor:
    """The share of `x`, shape (n, inputs), that each replica gets right, shape (K,)."""
    x, y = (torch.as_tensor(a, device=params[0].device) for a in (x, y))
    guesses = _logits(params, x.expand(len(params[0]), -1, -1)).argmax(dim=2)
    return (guesses == y).to(x.dtype).mean(dim=1)
