"""Loops that run an optimiser and keep what happened: on a function, on a torch net, on a JAX net.

Every loop gives a `Trace`. One that meets a NaN or an infinity stops before the step that would spread it, says at
which step and in which parameter, and keeps what it has recorded. Those on a net save themselves to a `checkpoint`
and go on from it, to the same bits as a run that was never interrupted.
"""

from course_lib.training.in_jax import train_jax
from course_lib.training.in_torch import train_torch
from course_lib.training.on_function import descend

__all__ = ["descend", "train_jax", "train_torch"]
