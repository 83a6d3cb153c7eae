"""The numbers the course claims, each with its tolerance: one table that the lessons and the tests read."""

from math import inf
from typing import NamedTuple


class Claim(NamedTuple):
    says: str
    low: float  # what is measured may lie from here
    high: float  # to here, both ends included
    bound: str  # the same in words
    source: str


def about(says: str, value: float, within: float, source: str) -> Claim:
    """Equal to `value`, give or take the absolute tolerance `within`."""
    return Claim(says, value - within, value + within, f"{value:g} ± {within:g}", source)


def below(says: str, high: float, source: str) -> Claim:
    """At most `high`."""
    return Claim(says, -inf, high, f"at most {high:g}", source)


def above(says: str, low: float, source: str) -> Claim:
    """At least `low`."""
    return Claim(says, low, inf, f"at least {low:g}", source)


CLAIMS = {
    "kappa slope, gradient descent": about("steps grow like κ to the power", 1.0, 0.05, "Goh 2017"),
    "kappa slope, momentum": about("steps grow like κ to the power", 0.53, 0.05, "Polyak 1964: ½, and a logarithm"),
    "noise floor": about("measured floor over lr·c/(h(2 − lr·h))", 1.0, 0.05, "AR(1) variance"),
    "nemirovski": about("x after a million steps of lr 1/t", 0.0542, 0.0001, "Nemirovski et al. 2009, section 2.1"),
    "sample mean": about("|SGD with lr 1/t − mean|", 0.0, 1e-13, "Robbins & Monro 1951"),
    "batch noise": about("gradient variance at B = 8 over B = 32", 4.0, 0.4, "independent examples"),
    "steady step": about("steady step over lr at momentum 0.9", 10.0, 0.01, "geometric series"),
    "stability, momentum": about("largest stable lr·h at momentum 0.9", 3.8, 0.001, "2(1 + μ)"),
    "best rate": about("best shrink factor on a grid, κ = 100", 0.8182, 0.002, "(√κ − 1)/(√κ + 1)"),
    "equal effective lr": about("floor with momentum over floor without", 1.0, 0.05, "lr/(1 − μ) held fixed"),
    "step after drop, torch": about("step right after lr is divided by ten", 0.0995, 0.0001, "lr outside the velocity"),
    "step after drop, inside": about("step right after lr is divided by ten", 0.9054, 0.0001, "lr inside the velocity"),
    "digits at equal effective lr": about(
        "late training loss with momentum over without", 1.0, 0.1, "lr/(1 − μ) held fixed"
    ),
    "two frameworks": about("largest difference between the two loss curves", 0.0, 1e-4, "same arithmetic"),
}


def check(name: str, measured: float) -> None:
    """Print what was measured beside what is claimed; AssertionError where it lies outside the tolerance."""
    if name not in CLAIMS:
        raise KeyError(f"no claim is called {name!r}; the claims are {', '.join(CLAIMS)}")
    claim = CLAIMS[name]
    text = f"{claim.says}: {float(f'{measured:.4g}'):g}, claimed {claim.bound} ({claim.source})"
    assert claim.low <= measured <= claim.high, text
    print("✓", text)
