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
    # 03 Nesterov
    "torch stores the look-ahead": below("look-ahead point against torch's parameter", 1e-14, "Sutskever et al. 2013"),
    "stability, Nesterov": about("largest stable lr·h at momentum 0.9", 1.357, 0.001, "2(1 + μ)/(1 + 2μ)"),
    "kappa slope, Nesterov": about("steps grow like κ to the power", 0.523, 0.05, "Nesterov 1983: ½"),
    "heavy ball cycle": below("distance from 792/1225, −2208/1225, 2592/1225", 1e-6, "Lessard et al. 2016"),
    "starts that cycle": about("share of starts from which the heavy ball never rests", 0.123, 0.01, "2001 starts"),
    "starts that cycle, others": below("the same share for Nesterov and gradient descent", 0.0, "2001 starts"),
    "digits, small rate": about("late training loss, Nesterov over heavy ball", 1.0, 0.02, "digits, lr 0.02"),
    "digits, large rate": above("late training loss, heavy ball over Nesterov, median", 2.0, "digits, lr 0.4"),
    # 04 adaptive methods
    "word pairs, gradient descent": above("nats above the floor", 0.4, "200 steps, best of three rates"),
    "word pairs, adaptive": below("nats above the floor", 0.02, "200 steps, best of three rates"),
    "rare words, gradient descent": above("share of the excess left, rarer half", 0.5, "median over the words"),
    "AdaGrad's way": about("way under a slope of 1 after 10,000 steps, over lr", 198.54, 0.02, "2√T + ζ(½)"),
    "RMSProp's way": about("the same, as a share of the steps", 1.0, 0.02, "v tends to g²"),
    "scale of the loss": about("way with 1000 times the loss over way without", 1.0, 0.001, "Duchi et al. 2011"),
    "scale of the loss, gradient descent": about("the same", 1000.0, 1e-6, "linear in g"),
    "words in batches": above("excess of gradient descent over AdaGrad's", 1.8, "300 batches of 256 pairs"),
    "tumours, standardised": below("loss above the least", 1e-4, "1000 steps, best of 28 rates"),
    "tumours, raw": above("loss above the least, by the best adaptive method", 0.005, "1000 steps, best of 28 rates"),
    "ε inside": above("excess with ε inside the root over outside", 50, "RMSProp at lr 0.05, alpha 0.9"),
    "accumulator": above("excess from accumulator 0.1 over from 0", 100, "AdaGrad at lr 8"),
    # 05 Adam
    "first step, uncorrected": about("first step over lr", 3.1623, 0.001, "(1 − β1)/√(1 − β2)"),
    "longest step, uncorrected": about("longest step over lr", 6.5685, 0.001, "(1 − β1ᵗ)/√(1 − β2ᵗ)"),
    "longest step at": about("reached at step", 12, 0, "the same"),
    "back within a tenth": about("first later step below 1.1 lr", 1751, 0, "the same"),
    "deep nets, Adam": above("seeds of 10 that learn", 10, "loss below 0.3 after 200 steps"),
    "deep nets, uncorrected": below("seeds of 10 that learn", 6, "loss below 0.3 after 200 steps"),
    "scale invariance": about(
        "way with 1000 times the loss over way without", 1.0, 1e-6, "Kingma & Ba 2015, section 2"
    ),
    "impulse, longest step": about("longest step over lr", 3.1623, 0.001, "(1 − β1)/√(1 − β2)"),
    "impulse, in all": about("way in all over lr", 31.8, 0.05, "the longest step over 1 − β1/√β2"),
    "Adam on the axes": below("f over f at the start, κ = 10,000", 1e-80, "2000 steps, best of four rates"),
    "Adam turned": above("the same in the turned valley", 1e-10, "2000 steps, best of four rates"),
    "momentum ahead": below("f by momentum over f by Adam, turned", 1e-10, "2000 steps, best setting of lesson 02"),
    "momentum turned": about("momentum: logarithm of f turned over f on the axes", 0.0, 1e-6, "rotation invariance"),
    "counterexample, Adam": about("x after 10,000 steps", 1.0, 0.01, "Reddi et al. 2018, theorem 1"),
    "counterexample, AMSGrad": about("x after 10,000 steps", -1.0, 0.01, "Reddi et al. 2018, theorem 1"),
    "memory below the period": above("x at the end, memory 100, period 101", 0.9, "30,000 steps"),
    "memory of a hundred periods": below("x at the end, memory 10,000, period 101", 0.0, "30,000 steps"),
    "small rate, uncorrected": below("loss at step 50, without corrections over with, lr 0.001", 0.6, "10 deep nets"),
    "t never counted": about("steady step over lr", 0.3162, 0.001, "√(1 − β2)/(1 − β1)"),
    "correction in single precision": below("largest relative error, by expm1", 5e-7, "β2 = 0.999, t up to 1000"),
}


def check(name: str, measured: float) -> None:
    """Print what was measured beside what is claimed; AssertionError where it lies outside the tolerance."""
    if name not in CLAIMS:
        raise KeyError(f"no claim is called {name!r}; the claims are {', '.join(CLAIMS)}")
    claim = CLAIMS[name]
    text = f"{claim.says}: {float(f'{measured:.4g}'):g}, claimed {claim.bound} ({claim.source})"
    assert claim.low <= measured <= claim.high, text
    print("✓", text)
