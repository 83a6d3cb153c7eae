"""The loop on a torch module."""

from collections.abc import Iterable

from course_lib.trace import Trace
from course_lib.training import allowed, loop


def train_torch(
    net,
    optimizer,
    batches: Iterable,
    x,
    y,
    *,
    loss=None,
    device=None,
    name="sgd",
    label=None,
    scheduler=None,
    clip=None,
    average=None,
    accumulate=1,
    autocast=None,
    scaler=None,
    checkpoint=None,
    every=100,
) -> Trace:
    """Train a torch module in place, one step for each index array in `batches`, or for `accumulate` of them.

    `x` and `y` are NumPy arrays of all examples, `loss(net(x), y)` a mean over the batch, cross-entropy where left
    out. After every step that is taken, `scheduler.step()` and `average.update()` (a `TorchAverage`) follow. `clip` is
    a limit of the global norm, or a function that clips the gradients of a list of parameters in place. `accumulate`
    index arrays make one step on the mean over all their examples. `autocast` is a half precision, `scaler` a
    `torch.amp.GradScaler`, which leaves a step out where its scale is too large: that is no reason to stop.

    With a `checkpoint`, a path, the run is saved there every `every` steps and at its end. Where the file exists, the
    run goes on from it, bit for bit, given the same arguments and all batches again; random numbers of Python, NumPy
    and torch go on too. Only what torch reads with weights_only=True can be saved.

    The trace has a row a step: `loss`, `lr` (one for each group where there are several) and `grad_norm` of the
    optimiser's parameters, unscaled and unclipped, as they are before the step, `clipped` (0 or 1) and `seconds`.

    Under `torchrun` the same script trains on several processes, each with its share of every batch, as
    `training.distributed` says; the first alone writes the checkpoint, which all must be able to read, and speaks.

    Raises ValueError or TypeError, in one sentence and before any step, for arguments that are not allowed.
    """
    import torch

    from course_lib.training.distributed import Team, unwrapped
    from course_lib.training.torch_checkpoint import TorchCheckpoint
    from course_lib.training.torch_step import TorchStep

    allowed.net(net)
    allowed.examples(x, y)
    allowed.count("accumulate", accumulate)
    allowed.count("every", every)
    allowed.clip(clip)
    allowed.scheduler(scheduler, optimizer)
    allowed.autocast(autocast)
    allowed.method("scaler", scaler, "unscale_")
    allowed.method("average", average, "update")
    team, batches = Team(), list(batches)
    allowed.shares(batches, team)
    device = device or next(net.parameters()).device
    x, y = torch.as_tensor(x, device=device), torch.as_tensor(y, device=device)
    net.to(device).train()
    scaler = scaler if scaler and scaler.is_enabled() else None
    parts = {"scheduler": scheduler, "average": average, "scaler": scaler}
    options = {"loss": loss or torch.nn.functional.cross_entropy, "clip": clip, "autocast": autocast}
    saved = checkpoint and TorchCheckpoint(
        checkpoint,
        every,
        unwrapped(net),
        optimizer,
        team,
        {"accumulate": accumulate, "x": x, "y": y} | options,
        **parts,
    )
    step = TorchStep(net, optimizer, x, y, team=team, **options, **parts)
    trace = Trace(name, label)
    return loop.run(step, batches, trace, accumulate=accumulate, checkpoint=saved, aloud=team.leads)
