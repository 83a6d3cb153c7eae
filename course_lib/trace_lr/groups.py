"""Reading rates, momenta and positions from torch's optimisers and schedulers, without changing them."""

import numpy as np


def column(optimizer, read) -> np.ndarray | float | None:
    """`read(group)` of the only group, or an array of one value a group; None where a group has none."""
    found = [read(group) for group in optimizer.param_groups]
    if None in found:
        return None
    return float(found[0]) if len(found) == 1 else np.array([float(value) for value in found])


def lr(group: dict):
    return group["lr"]


def momentum(group: dict):
    """A group's `momentum`, or what stands for it: the first of its `betas`, or `beta1`."""
    return group["betas"][0] if "betas" in group else group.get("momentum", group.get("beta1"))


def position(scheduler) -> int | None:
    """How often a scheduler has been stepped; that of its first part where it does not count itself."""
    while scheduler is not None and not hasattr(scheduler, "last_epoch"):
        scheduler = scheduler._schedulers[0]
    return None if scheduler is None else int(scheduler.last_epoch)


def horizon(scheduler) -> int | None:
    """The steps that a scheduler is made for, where it has an end; those of a whole cycle where it has cycles."""
    up = getattr(scheduler, "step_size_up", None)
    if up is not None:
        return int(up + (scheduler.step_size_down or up))
    schedule = next(iter(getattr(scheduler, "schedules", [])), None)
    for owner, name in ((scheduler, "T_max"), (scheduler, "total_steps"), (scheduler, "total_size")):
        if hasattr(owner, name):
            return int(getattr(owner, name))
    return getattr(schedule, "total_steps", None)
