"""The optimisers, each a module with `init(p) -> State` and `step(p, g, s, *, lr, ...) -> (p, State)`.

`p` is one parameter array, `g` its gradient (same shape), `s` the rule's state. A rule is pure: it returns new values
and changes none of its arguments. It runs on a float, a NumPy array, a torch tensor and a JAX tracer alike; the shells
`course_lib.torch_optim` and `course_lib.jax_optim` make it an optimiser of each library.
"""

from course_lib.rule import Rule
from course_lib.rules import momentum, nesterov, sgd

__all__ = ["Rule", "momentum", "nesterov", "sgd"]
