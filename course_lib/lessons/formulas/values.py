"""A formula in LaTeX, read back and computed beside its rule: the proof that the page is true."""

import inspect

import numpy as np

from course_lib.lessons.error import LessonError
from course_lib.lessons.formulas.parse import parse
from course_lib.lessons.formulas.symbols import symbol
from course_lib.rules.muon import newton_schulz

STEPS = 12
SHAPE = (3, 2)
TRIED = {  # far from the defaults, so that no term hides
    "lr": 0.1, "momentum": 0.7, "beta": 0.6, "beta1": 0.6, "beta2": 0.8, "rho": 0.7, "alpha": 0.55,
    "eps": 0.05, "weight_decay": 0.3, "momentum_decay": 0.5, "k": 3,
}  # fmt: skip
FUNCTIONS = {"sign": np.sign, "max": np.maximum, "sqrt": np.sqrt, "abs": np.abs, "where": np.where, "NS": newton_schulz}


def disagreement(latex: str, rule) -> str:
    """In words how the numbers of the formula differ from the rule's over a few steps; empty if they do not."""
    lines = parse(latex)
    hypers = _tried(rule)
    random = np.random.default_rng(0)
    p, s = random.normal(size=SHAPE), None
    known = _at_start(rule, p)
    for t in range(1, STEPS + 1):
        g = random.normal(size=SHAPE)
        s = rule.init(p) if s is None else s
        p, s = rule.step(p, g, s, **hypers)
        known = _computed(lines, {**known, "g_t": g, "t": t})
        if not np.allclose(known["p_t"], p, rtol=1e-9, atol=1e-12):
            return f"its numbers are not the rule's from step {t} on"
        known |= {f"{name}-1": value for name, value in known.items() if name.endswith("_t")}
    return ""


def _tried(rule):
    parameters = inspect.signature(rule.step).parameters
    return {name: value for name, value in TRIED.items() if name in parameters}


def _at_start(rule, p):
    """What a formula may read at its first step: p, the rule's state, the hyperparameters."""
    fixed = {symbol(name): value for name, value in _tried(rule).items()}
    shape = {r"\text{rows}": p.shape[0], r"\text{columns}": p.shape[1]}
    return {**FUNCTIONS, **fixed, **shape, "p_t-1": p, **_state(rule.init(p))}


def _state(state):
    found = {}
    for name, value in state._asdict().items():
        found |= _state(value) if hasattr(value, "_asdict") else {f"{symbol(name)}_t-1": value}
    return found


def _computed(lines, known):
    """`known` with the left sides of all lines, in order."""
    for name, source in lines:
        try:
            with np.errstate(all="ignore"):  # where() computes the branch that it does not take
                known[name] = eval(source, {"__builtins__": {}}, {**known, "known": known})
        except KeyError as error:
            raise LessonError(f"{name} is computed from {error.args[0]}, which nothing gives") from None
    if "p_t" not in known:
        raise LessonError("no line gives p_t")
    return known
