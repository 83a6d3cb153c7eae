"""The sweep of a torch module with its optimiser."""

from collections.abc import Iterable

from course_lib.lr_finder.curve import LrCurve
from course_lib.lr_finder.kept import random_states_kept, torch_kept
from course_lib.lr_finder.sweep import Sweep, endless


def find_lr_torch(
    net,
    optimizer,
    batches: Iterable,
    x,
    y,
    *,
    loss=None,
    lr_min=1e-7,
    lr_max=10.0,
    steps=200,
    smoothing=0.9,
    stop_factor=4.0,
    name="sgd",
    label=None,
) -> LrCurve:
    """Sweep a torch module with its optimiser, whose groups all take the sweep's rate, and put both back.

    `x`, `y`, the index arrays in `batches` and `loss` are those of `train_torch`; the net stays on its device; of
    a generator of batches the first `steps` are used up. Raises ValueError for a sweep that cannot be or for no
    batches, TypeError for batches that can neither be copied nor taken one by one.
    """
    import torch

    sweep = Sweep(lr_min, lr_max, steps, smoothing, stop_factor)
    loss, device = loss or torch.nn.functional.cross_entropy, next(net.parameters()).device
    x, y = torch.as_tensor(x, device=device), torch.as_tensor(y, device=device)
    modules = [m for part in (net, loss) if isinstance(part, torch.nn.Module) for m in part.modules()]
    with random_states_kept(), torch_kept(modules, optimizer):
        indices = endless(batches, steps)
        net.train()

        def step(lr: float) -> float:
            for group in optimizer.param_groups:
                old = group["lr"]
                group["lr"] = torch.full_like(old, lr) if isinstance(old, torch.Tensor) else lr
            index = torch.as_tensor(next(indices), device=device)
            optimizer.zero_grad()
            value = loss(net(x[index]), y[index])
            value.backward()
            optimizer.step()
            return value.item()

        return sweep.run(step, name, label)
