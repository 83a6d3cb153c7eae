"""Rules as optimisers of PyTorch: what `torch.optim` users rely on, around six lines of arithmetic.

TorchOptimizer(net.parameters(), momentum, lr=0.1)      any rule, a student's too
AdamW(net.parameters(), lr=1e-3)                        torch's name, arguments, defaults and checkpoints
"""

from course_lib.torch_optim.classes import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    NAdam,
    RAdam,
    RMSprop,
)
from course_lib.torch_optim.muon import Muon
from course_lib.torch_optim.newer import Lion, ScheduleFreeAdamW, ScheduleFreeSGD
from course_lib.torch_optim.shell import TorchOptimizer

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "Muon",
    "NAdam",
    "RAdam",
    "RMSprop",
    "ScheduleFreeAdamW",
    "ScheduleFreeSGD",
    "TorchOptimizer",
]
