"""One optimiser step under a GradScaler, in the only right order.

    with torch.autocast(device, dtype=device.autocast_dtype(device)): loss = ...
    scaler.scale(loss).backward()
    if scaled_step(scaler, optimizer, clip=partial(clip_grad_norm_, max_norm=1.0)): scheduler.step()

float16 has nothing below 6e-8, so small gradients vanish; the scaler makes the loss, hence every gradient, 2^16 times
larger. `unscale_` undoes that before the clip: a clip at 1 of scaled gradients leaves 2^-16 of them. An infinite
gradient is no error here: that step is left out and the scale halves. bfloat16 has the range of float32 and needs no
scaler: None, or one with `enabled=False`.
"""

from collections.abc import Callable


def scaled_step(scaler, optimizer, *, clip: Callable | None = None) -> bool:
    """Unscale, clip, step, update the scale; whether the step was taken, and with it the scheduler's is due.

    `clip` is called with the list of the optimiser's parameters, their gradients unscaled, as the functions of
    `torch_clipping` are. Call `unscale_` and `update` nowhere else. With an enabled scaler this waits for the device.
    """
    if scaler is None:
        _clip(clip, optimizer)
        optimizer.step()
        return True
    before = scaler.get_scale()
    scaler.unscale_(optimizer)
    _clip(clip, optimizer)
    scaler.step(optimizer)
    scaler.update()
    return 0 < before <= scaler.get_scale()  # the scale falls exactly where the step is left out; at 0 it cannot


def _clip(clip: Callable | None, optimizer) -> None:
    if clip:
        clip([p for group in optimizer.param_groups for p in group["params"]])
