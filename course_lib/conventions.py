"""One method, several conventions: momentum as other texts write it, and the way to PyTorch's form and back.

With torch's velocity V (V <- momentum * V + g, p <- p - lr * V) the others store

    sutskever   v = lr * V                  v <- momentum * v + lr * g,             p <- p - v
    ema         v = (1 - momentum) * V      v <- momentum * v + (1 - momentum) * g, p <- p - lr' * v

so that at constant lr `sutskever` takes torch's steps at the same lr, and `ema` at lr' = lr / (1 - momentum). Only
when lr changes in mid-run do `torch` and `sutskever` part: a stored lr * g keeps the lr of its day.

References: Sutskever et al. 2013, equations (1) to (4); Kingma & Ba 2015, algorithm 1 (the average m).
"""

from course_lib.arrays import Array, zeros_like
from course_lib.rule import Rule


def _sutskever(p, g, v, *, lr, momentum=0.9):
    v = momentum * v + lr * g
    return p - v, v


def _ema(p, g, v, *, lr, momentum=0.9):
    v = momentum * v + (1 - momentum) * g
    return p - lr * v, v


sutskever = Rule("sutskever", zeros_like, _sutskever)
ema = Rule("ema", zeros_like, _ema)


def lr_from_torch(form: str, lr: float, momentum: float) -> float:
    """The learning rate at which `form` ("torch", "sutskever", "ema") takes the steps torch takes with `lr`."""
    return lr / (1 - momentum) if _known(form) == "ema" else lr


def lr_to_torch(form: str, lr: float, momentum: float) -> float:
    """The learning rate to give torch for the steps that `form` takes with `lr`."""
    return lr * (1 - momentum) if _known(form) == "ema" else lr


def velocity_to_torch(form: str, v: Array, lr: float, momentum: float) -> Array:
    """Torch's `momentum_buffer` for a velocity that `form` stored at its own `lr`; shape of `v`."""
    return {"torch": v, "sutskever": v / lr, "ema": v / (1 - momentum)}[_known(form)]


def nesterov_paper_point(p: Array, v: Array, lr: float, momentum: float) -> Array:
    """The paper's parameter, where torch stores the look-ahead point `p` and the velocity `v`."""
    return p + lr * momentum * v


def _known(form: str) -> str:
    if form not in ("torch", "sutskever", "ema"):
        raise ValueError(f"form is {form!r}; allowed are 'torch', 'sutskever' and 'ema'")
    return form
