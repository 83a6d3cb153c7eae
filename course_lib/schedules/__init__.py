"""Learning-rate schedules: pure functions of the step t, the 0-based count of the steps taken before.

    lr = Cosine(0.1, total_steps=1000)
    lr(0), lr(np.arange(1000))           a number; a whole curve
    adamw(learning_rate=lr)              in `jax_optim` and optax a schedule is such a function
    TorchScheduler(optimizer, lr)        in `torch_schedulers`, beside torch's own names

`Cyclic` and `OneCycle` have a `momentum(t)` too. `plateau` follows a metric, as a pair (init, step). Steps are whatever
the caller counts, batches or epochs; every length is named in steps and counted in the same ones. A schedule knows
nothing of the optimiser: it overwrites a rate that was set by hand. Past the end of its steps each class says what it
does, and what torch and optax do.
"""

from course_lib.schedules import plateau
from course_lib.schedules.by_cycle import CosineRestarts, Cyclic, OneCycle
from course_lib.schedules.by_formula import Constant, Cosine, Exponential, InverseTime, Linear, Polynomial
from course_lib.schedules.by_step import Lambda, Multiplicative, MultiStep, Step
from course_lib.schedules.joined import Chained, Sequential, Trapezoid, WarmUp

__all__ = [
    "Chained",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Cyclic",
    "Exponential",
    "InverseTime",
    "Lambda",
    "Linear",
    "MultiStep",
    "Multiplicative",
    "OneCycle",
    "Polynomial",
    "Sequential",
    "Step",
    "Trapezoid",
    "WarmUp",
    "plateau",
]
