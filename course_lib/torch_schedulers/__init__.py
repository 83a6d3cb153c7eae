"""Schedules as schedulers of PyTorch.

    TorchScheduler(optimizer, WarmUp(Cosine(0.1, 900), 100))      any schedule, a student's too
    CosineAnnealingLR(optimizer, T_max=1000)                      torch's names, arguments and defaults

lr is a function of `last_epoch` alone. So a run that was saved goes on with the rates of an uninterrupted one, in
whatever order optimiser and scheduler are made and loaded; and a rate that was set by hand lasts until the next
`step()`, where torch's recursive schedulers would scale it on. Two schedulers on one optimiser therefore do not
multiply: `ChainedScheduler` does that.
"""

from course_lib.torch_schedulers.composed import ChainedScheduler, SequentialLR
from course_lib.torch_schedulers.cycles import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from course_lib.torch_schedulers.factors import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from course_lib.torch_schedulers.plateau import ReduceLROnPlateau
from course_lib.torch_schedulers.shell import TorchScheduler

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "TorchScheduler",
]
