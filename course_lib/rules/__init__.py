"""The optimisers, each a module with `init(p) -> State` and `step(p, g, s, *, lr, ...) -> (p, State)`.

`p` is one parameter array, `g` its gradient (same shape), `s` the rule's state. A rule is pure: it returns new values
and changes none of its arguments. It runs on a float, a NumPy array, a torch tensor and a JAX tracer alike; the shells
`course_lib.torch_optim` and `course_lib.jax_optim` make it an optimiser of each library.

`decay.l2`, `decay.decoupled` and `lookahead.lookahead` make a new rule around another.
"""

from course_lib.rule import Rule
from course_lib.rules import (
    adadelta,
    adagrad,
    adam,
    adam_l2,
    adamax,
    adamw,
    amsgrad,
    decay,
    lion,
    lookahead,
    momentum,
    muon,
    nadam,
    nesterov,
    radam,
    rmsprop,
    schedule_free,
    sgd,
)

__all__ = [
    "Rule",
    "adadelta",
    "adagrad",
    "adam",
    "adam_l2",
    "adamax",
    "adamw",
    "amsgrad",
    "decay",
    "lion",
    "lookahead",
    "momentum",
    "muon",
    "nadam",
    "nesterov",
    "radam",
    "rmsprop",
    "schedule_free",
    "sgd",
]
