"""The numbers the course claims, each with its tolerance: one table that the lessons and the tests read."""

from typing import NamedTuple


class Claim(NamedTuple):
    says: str
    value: float
    within: float  # absolute
    source: str


CLAIMS = {
    "kappa slope, gradient descent": Claim("steps grow like κ to the power", 1.0, 0.05, "Goh 2017"),
    "kappa slope, momentum": Claim("steps grow like κ to the power", 0.53, 0.05, "Polyak 1964: ½, and a logarithm"),
    "noise floor": Claim("measured floor over lr·c/(h(2 − lr·h))", 1.0, 0.05, "AR(1) variance"),
    "nemirovski": Claim("x after a million steps of lr 1/t", 0.0542, 0.0001, "Nemirovski et al. 2009, section 2.1"),
    "sample mean": Claim("|SGD with lr 1/t − mean|", 0.0, 1e-13, "Robbins & Monro 1951"),
    "batch noise": Claim("gradient variance at B = 8 over B = 32", 4.0, 0.4, "independent examples"),
    "steady step": Claim("steady step over lr at momentum 0.9", 10.0, 0.01, "geometric series"),
    "stability, momentum": Claim("largest stable lr·h at momentum 0.9", 3.8, 0.001, "2(1 + μ)"),
    "best rate": Claim("best shrink factor on a grid, κ = 100", 0.8182, 0.002, "(√κ − 1)/(√κ + 1)"),
    "equal effective lr": Claim("floor with momentum over floor without", 1.0, 0.05, "lr/(1 − μ) held fixed"),
    "step after drop, torch": Claim("step right after lr is divided by ten", 0.0995, 0.0001, "lr outside the velocity"),
    "step after drop, inside": Claim("step right after lr is divided by ten", 0.9054, 0.0001, "lr inside the velocity"),
    "digits at equal effective lr": Claim(
        "late training loss with momentum over without", 1.0, 0.1, "lr/(1 − μ) held fixed"
    ),
    "two frameworks": Claim("largest difference between the two loss curves", 0.0, 1e-4, "same arithmetic"),
}


def check(name: str, measured: float) -> None:
    """Print what was measured beside what is claimed; AssertionError where it lies outside the tolerance."""
    if name not in CLAIMS:
        raise KeyError(f"no claim is called {name!r}; the claims are {', '.join(CLAIMS)}")
    claim = CLAIMS[name]
    text = f"{claim.says}: {float(f'{measured:.4g}'):g}, claimed {claim.value:g} ± {claim.within:g} ({claim.source})"
    assert abs(measured - claim.value) <= claim.within, text
    print("✓", text)
