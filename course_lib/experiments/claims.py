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
    # 06 weight decay
    "λ cancels": below("spread of Adam with L2 after 100 steps", 1e-4, "λ = 0.0001, 0.01 and 1"),
    "where λ cancels": about("what is left of 1", 0.9017, 0.0005, "100 steps of about lr = 0.001"),
    "AdamW left alone": below("distance from (1 − lr·λ)ⁿ", 1e-10, "n up to 1000"),
    "noise, AdamW": below("largest relative distance from √(lr/2λ)", 0.03, "σ from 0.1 to 10"),
    "noise, L2": below("largest relative distance from √(lr·σ/2λ)", 0.05, "σ from 0.1 to 10"),
    "rest, AdamW": below("largest distance from min(5, 1/λ)", 0.01, "Xie & Li 2024"),
    "rest, L2": below("largest distance from 5/(1 + λ)", 0.01, "slope of f and penalty"),
    "rest, gradient descent": below("L2 against decoupled", 1e-12, "the same step"),
    "rest, momentum": about("decoupled, λ = 1, μ = 0.9", 5 / 1.1, 0.001, "5/(1 + λ(1 − μ))"),
    "L2 and AdamW, tuned": about("best median accuracy, AdamW less L2", 0.0, 0.02, "digits, 20 % of labels redrawn"),
    "settings that are as good": above("pairs within two hundredths of the best, each grid", 7, "30 pairs, 3 seeds"),
    "norm scale, all decay": below("mean scale of the layer norm", 0.8, "λ = 1, 300 steps from 1"),
    "norm scale, in two groups": above("mean scale of the layer norm", 1.5, "λ = 1 for matrices alone"),
    "decay at lr 0.001": about("left of 1, in torch's way less the paper's", 0.0, 1e-12, "λ of the paper = 0.001 λ"),
    "decay at lr 0.002": about(
        "left of 1, in torch's way less the paper's", -0.239, 0.001, "exp(−λ·Σlr), twice the sum in torch's way"
    ),
    "decay without lr": above("loss at the end over the lowest", 2, "λ = 0.01, lr falls from 0.01 to 0"),
    # 07 a fair comparison
    "RAdam begins at": about("first step that is divided", 6, 0, "ρ above 5, β2 = 0.999"),
    "RAdam's first factor": about("its factor there", 0.0258, 0.0001, "Liu et al. 2020"),
    "RAdam's factor at 2000": about("its factor after 2/(1 − β2) steps", 0.828, 0.001, "the same"),
    "factor against warm-up": below("largest difference from a linear warm-up", 0.25, "Ma & Yarats 2021"),
    "deep nets at 0.05, Adam": above("training loss of the best seed", 0.6, "six nets of ten layers"),
    "deep nets at 0.05, RAdam": below("training loss of the worst seed", 0.4, "six nets of ten layers"),
    "deep nets at 0.05, warmed up": below("training loss of the worst seed", 0.4, "six nets of ten layers"),
    "warm-up against RAdam": above("RAdam's best seed over the warmed-up Adam's worst", 1, "the same nets"),
    "Lookahead in a bowl": about("measured over formula", 1.0, 0.02, "Zhang et al. 2019, proposition 2"),
    "Lookahead never faster": below("factor a step of SGD with its floor, minus Lookahead's", 1e-12, "closed form"),
    "Lion's shortest step": about("over lr·√d", 1.0, 1e-12, "each entry moves by lr"),
    "Lion's longest step": about("over lr·√d", 1.0, 1e-12, "the same"),
    "NAdam in torch": about("first step over lr", 1.0565, 0.0001, "μ warms up"),
    "NAdam in optax": about("first step over lr", 1.4737, 0.0001, "μ is β1"),
    "AdaMax, wild slopes": about("longest step over lr", 1.0, 1e-6, "Kingma & Ba 2015, section 7.1"),
    "AdaMax, shrinking slopes": about("longest step over lr", 1.0091, 0.0001, "(1 − β1)/(1 − β1/β2)"),
    "digits classified": about("mean of the four medians", 0.97, 0.01, "test digits, five seeds"),
    "digits classified, all methods": below("best median test error under worst", 0.02, "four methods, five seeds"),
    "digits classified, ranked": about("methods that the verdict ranks", 0, 0, "the ranges overlap"),
    "autoencoder, SGD behind": above("SGD's best seed over the worst of the others", 1.1, "best of four rates"),
    "autoencoder, below the line": below("worst seed over the best linear squeeze", 0.9, "best of four rates"),
    "transformer, the gap": above("nats between the two groups' nearest seeds", 0.1, "recorded, 600 steps"),
    "transformer, SGD": about("SGD's median above the count after one character", 0.0, 0.05, "recorded, 600 steps"),
    "AdamW at twice its rate": above("median loss there minus the best", 0.2, "recorded, 600 steps"),
    "RAdam at twice its rate": below("median loss there minus the best", 0.1, "recorded, 600 steps"),
    "transformer, live": below("validation loss after 100 steps", 2.7, "AdamW"),
    "shuffled labels, one rate": about("reported accuracy with one rate", 0.1, 0.01, "one in ten"),
    "shuffled labels, 32 rates": above("reported accuracy with 32 rates", 0.12, "the luckiest rate of each seed"),
    "shuffled labels, mended": about("reported accuracy with 32 rates, chosen fairly", 0.1, 0.01, "one in ten"),
    "apart by luck, 3 seeds": about("equal methods whose ranges lie apart", 0.1, 0.01, "2/C(6, 3)"),
    "Lion's rate": above("AdamW's best rate over Lion's", 2, "recorded"),
    # 08 schedules
    "line, B = 1": about("expected loss of the line over the constant rate's", 0.661, 0.01, "1000 steps, 1/i spectrum"),
    "line, B = 16": about("expected loss of the line over the constant rate's", 0.416, 0.01, "the same"),
    "trapezoid, B = 256": about("expected loss of the trapezoid over the constant rate's", 0.345, 0.01, "the same"),
    "1/t, B = 16": about("expected loss of 1/t over the constant rate's", 1.0, 0.02, "the same"),
    "1/t, B = 256": above("expected loss of 1/t over the constant rate's", 5.0, "the same"),
    "falling is best": below("falling order over the best of 200 random ones", 1.0, "exchange of two neighbours"),
    "schedulers of torch": below("largest difference between torch's rates and ours", 1e-12, "closed forms"),
    "your multi_step": below("torch's MultiStepLR against yours", 1e-12, "closed form"),
    "your cosine": below("torch's CosineAnnealingLR against yours", 1e-12, "closed form"),
    "digits at rate 0.1": above("late training loss, constant over line, both from 0.1", 5.0, "600 batches of 16"),
    "digits, own rates": above("late training loss, constant 0.05 over line from 0.1", 1.5, "600 batches of 16"),
    "digits at rate 0.05": below("late training loss, constant over line, both from 0.05", 0.7, "600 batches of 16"),
    "stepped per epoch": above("loss in the end, loop as it is over mended", 100.0, "the digits, peak 0.15"),
    "line stopped half-way": about("loss at step 1000, line for 2000 over line for 1000", 1.87, 0.05, "B = 16"),
    "trapezoid, same place": about("the same for a trapezoid that cools down from step 800", 1.17, 0.03, "B = 16"),
    "beyond the edge": below("loss of the line over the trapezoid's, peaks up to 20", 0.85, "B = 256"),
    "beyond the edge, on the way": above("the line's largest loss on the way", 1e200, "(1 − lr·h)² > 1"),
    # 12 landscape
    "minima of 1": about("share of minima, 1 dimension", 0.5, 0.003, "a half"),
    "minima of 2": about("share of minima, 2 dimensions", 0.14645, 0.002, "(2 − √2)/4"),
    "minima of 3": about("share of minima, 3 dimensions", 0.02492, 0.002, "(π − 2√2)/4π"),
    "minima of 5": below("share of minima, 5 dimensions, over 2⁻⁵", 0.01, "200,000 matrices"),
    "escape, gradient descent": about(
        "steps less log(1/y)/log(1 + lr·h), rounded up", 0, 0, "a factor of 1 + lr·h a step"
    ),
    "escape, heavy ball": about("steps over the root's prediction", 1.0, 0.01, "larger root of the recursion"),
    "escape, Adam": below("most steps over least, curvatures 1 to 0.0001", 1.05, "lr 0.01, about 77 steps"),
    "escape, Adam turned": above("steps across the axes over steps along them", 40, "lr 0.01, curvature 0.01"),
    "plateaus": below("largest distance from the closed form, strongest 3", 0.01, "Saxe et al. 2014"),
    "start below the line": below("sharpness at the start", 4.0, "2/lr is 5 to 10"),
    "edge, lr 0.2": about("late sharpness over 2/lr at lr 0.2", 1.0, 0.04, "Cohen et al. 2021"),
    "edge, lr 0.3": about("late sharpness over 2/lr at lr 0.3", 1.0, 0.04, "the same"),
    "edge, lr 0.4": about("late sharpness over 2/lr at lr 0.4", 1.0, 0.04, "the same"),
    "loss goes up": about("share of late steps in which the loss rises", 0.43, 0.05, "lr 0.2, 0.3, 0.4"),
    "edge, heavy ball": about("late sharpness over 2(1 + μ)/lr", 1.0, 0.05, "Cohen et al. 2021"),
    "edge, Nesterov": about("late sharpness over 2(1 + μ)/((1 + 2μ)·lr)", 1.0, 0.05, "the same"),
    "edge, Adam": about("Adam: late sharpness over 38/lr", 1.0, 0.05, "Cohen et al. 2022"),
    "cross-entropy falls away": below("late sharpness over 2/lr, cross-entropy", 0.02, "lr 0.3, 1500 steps"),
    "raw sharpness of Adam": below("late sharpness of the plain Hessian over 38/lr", 0.01, "lr 0.005"),
    "frameworks before the edge": below("largest difference of the losses, 100 steps", 1e-5, "same arithmetic"),
    "dead net": below("largest gradient of a dead hidden layer", 0.0, "ReLU at −100"),
    "dead net stays": about("its loss less that of guessing by frequency", 0.0, 1e-4, "the entropy of the labels"),
    # 09 the finder, warm-up, one cycle
    "finder, lowest at": about("rate at the minimum over 2/λmax", 5.6, 0.6, "300 steps, 1e-4 to 10"),
    "finder, back at the start": about("rate over 2/λ at which a direction is back", 6.2976, 0.0001, "Re Li₂(x) = 0"),
    "finder, tenth against best": about("best rate of the grid over the tenth", 5.0, 3.0, "digits, median of 5 tests"),
    "finder, tenth against best, SGD": about("the same for plain SGD", 7.0, 4.0, "digits, median of 5 tests"),
    "deep nets, constant lr": below("seeds of 20 that learn", 1, "loss below 1 after 300 steps"),
    "deep nets, falling lr": above("seeds of 20 that learn", 11, "loss below 1 after 300 steps"),
    "deep nets, warm-up": above("seeds of 20 that learn", 18, "loss below 1 after 300 steps"),
    "finder, two frameworks": below("largest relative difference of the two curves", 0.01, "same arithmetic"),
    "one cycle, torch": below("largest difference from torch's OneCycleLR, lr and momentum", 1e-12, "same formula"),
    "one cycle, lead": below("test accuracy ahead of the better other, at best", 0.01, "digits, 30 to 300 steps"),
    "one cycle, large peak": above("test accuracy ahead of a constant lr at 0.64", 0.04, "digits, 300 steps"),
    "falling, large peak": below("one cycle's test accuracy ahead of a linear fall at 0.64", 0.01, "digits, 300 steps"),
    "one cycle by epochs": about("lr after ten epochs, of a peak of 1", 0.0421, 0.0001, "ten moves of a cycle of 1000"),
    # 10 averaging
    "mean of all points": about("T·E mean² over σ²/h², worst of five rates", 1.0, 0.08, "Polyak & Juditsky 1992"),
    "last points": above("mean square of the last point, largest rate over smallest", 100, "lr·c/(h(2 − lr·h))"),
    "EMA's variance": about("measured over formula", 1.0, 0.03, "AR(1) variance"),
    "SWA's accuracy": above("median test accuracy, mean less last point", 0.04, "digits, a quarter of labels redrawn"),
    "SWA's range": above("lowest accuracy of a mean less the highest of a last point", 0.0, "8 seeds"),
    "SWA's training loss": above("seeds of 8 whose mean has the higher training loss", 7, "the same runs"),
    "SWA's curvature": above("seeds of 8 whose mean is flatter", 7, "largest eigenvalue of the Hessian"),
    "falling rate": above("median test accuracy, falling lr less last point", 0.02, "the same runs"),
    "mean and falling rate": above("median test accuracy, mean less falling lr", 0.005, "the same runs"),
    "other wrong labels": above("median test accuracy, mean less last point, worse of two draws", 0.02, "8 seeds each"),
    "stopped early": above("best median on the way less the last point's", 0.06, "the same runs"),
    "right labels": about("median test accuracy, mean less last point", 0.0, 0.01, "digits, no label redrawn"),
    "right labels, curvature": below("seeds of 8 whose mean is flatter", 1, "digits, no label redrawn"),
    "two frameworks, mean": about("largest difference between the two means", 0.0, 1e-4, "same arithmetic"),
    "Schedule-Free at x": below("loss at step 2000 over SGD's", 0.01, "bowl with noise, lr 1"),
    "Schedule-Free and the mean": about("loss at step 2000 over that of the mean", 5.0, 1.0, "the same bowl"),
    "evaluated at y": above("loss at y over loss at x, step 2000", 8, "(1 − β)² of the noise floor of z"),
    "Lookahead's variance": about("measured over formula", 1.0, 0.03, "Zhang et al. 2019, prop. 2"),
    "EMA from zero": about("share of the weights after 300 steps", 0.2593, 0.0001, "1 − 0.999³⁰⁰"),
    "untrained statistics": above(
        "training loss over that with statistics made anew", 5, "batch-norm, the same weights"
    ),
    "last statistics": above("the same with those of the last weights", 1.005, "batch-norm, the same weights"),
    # 11 clipping, NaN, mixed precision
    "cliff, ordinary slope": about("median length of the gradient", 0.0566, 0.0005, "grid of 301 × 301"),
    "cliff, steepest slope": above("longest gradient on the grid", 1000, "Pascanu et al. 2013, figure 6"),
    "cliff, thrown": above("longest step without a clip", 1000, "lr 0.5"),
    "cliff, clipped": below("longest step with it", 0.05 + 1e-12, "lr · limit = 0.5 · 0.1"),
    "turned by value": about("degrees between (100, 1) and (1, 1)", 44.43, 0.01, "45° less arctan 0.01"),
    "turned by norm": below("degrees, clipped by norm", 1e-5, "one factor for all"),
    "turned array by array": above("degrees, each array by its own norm", 5, "a large layer and a small one"),
    "quartic, plain": about("furthest start that stays", 4.4721, 0.001, "√(2/lr), lr 0.1"),
    "quartic, clipped": above("the same with a clip at 1", 999, "searched up to 1000"),
    "where clipped SGD rests": about(
        "mean of x, best is 0", 0.8889, 0.01, "8/9: −1 nine times of ten, else +9, clip 1"
    ),
    "Adam, constant slope": about("way with a clip over way without", 1.0, 1e-6, "Adam sees no scale"),
    "Adam, one outlier": above("the same where one gradient is 1000 times as long", 1.5, "200 steps"),
    "pixels, no clip": below("best of five seeds, share of the test digits", 0.35, "250 steps, lr 0.08"),
    "pixels, clipped": above("worst of five seeds, share of the test digits", 0.65, "250 steps, lr 0.08, clip 0.25"),
    "pixels, two frameworks": below("largest difference of the losses, first 30 steps", 1e-3, "same arithmetic"),
    "float16, lost": about("share of N(0, 1e-8) that becomes 0", 0.9971, 0.0005, "erf(2⁻²⁵/(1e-8·√2)) = 0.99712"),
    "float16, scaled": below("the same after a scale of 2¹⁶", 1e-4, "0.0036 % by the same formula"),
    "weight in half precision": about(
        "1 after a thousand steps of −0.0001", 1.0, 0.0, "float16: spacing below 1 is 2⁻¹¹"
    ),
    "right order": about("way of eight clipped steps at lr 0.1", 0.8, 0.002, "8 · 0.1"),
    "clip before unscale_": below("the same", 2e-5, "0.8/65,536"),
    # 13 the noisy quadratic
    "formula and runs": below("largest distance in standard errors", 4, "three rates, 300 runs each"),
    "steps one by one": below("largest relative distance from the closed form", 1e-10, "1000 coordinates and steps"),
    "mean over the runs": below("largest distance from start·(1 − lr·h)ᵗ in standard errors", 4, "4000 runs"),
    "variance, other start": below("largest difference of the two variances", 1e-12, "the same noise"),
    "SGD's fewest steps": about("steps to loss 0.1", 1658, 0, "exact, B = 16, 1000 dimensions"),
    "SGD's best rate": about("its rate", 0.56, 0.02, "the same"),
    "as a recurrence": below("largest relative distance from the engine's closed form", 1e-10, "300 steps"),
    "tuned, momentum": about("steps to loss 0.1", 1472, 0, "exact, B = 16, 1000 dimensions"),
    "tuned, nesterov": about("steps to loss 0.1", 1311, 0, "the same"),
    "tuned, ema": about("steps to loss 0.1", 505, 0, "the same"),
    "tuned, half": about("steps to loss 0.1", 500, 0, "the same, SGD preconditioned by the root of H"),
    "momentum 0.9": about("steps to loss 0.1 at its best rate", 1536, 0, "the same"),
    "real optimisers and the formula": below("largest distance in standard errors", 4, "NumPy, JAX, torch; 300 runs"),
    "one rate, broken": about("largest best rate over smallest", 1.0, 0.0, "B = 1 to 16,384, the search as it is"),
    "rate from B = 1 to 16": about("best rate at B = 16 over B = 1", 16.0, 2.0, "lr ∝ B while noise rules"),
    "bisected wave": above("step that bisection finds over the first", 5, "heavy ball, momentum 0.99"),
    "complex64": above("relative error of E p², single precision", 0.5, "500 steps near critical damping"),
    "complex128": below("the same in double precision", 1e-6, "500 steps near critical damping"),
    "diagonal as a matrix": about("entries of the floor that are NaN", 999_000, 0, "0/0 off the diagonal"),
    # 14 batch size
    "ten powers of two": about("SGD's steps at B = 64 over those at 65,536", 14, 1.0, "noisy quadratic, loss 0.01"),
    "slope at small batches": about("best lr grows like B to the power", 1.0, 0.05, "up to B = 64, SGD"),
    "fixed preconditioner": about("best lr of fixed H^½ grows like B to the power", 1.0, 0.05, "up to B = 16"),
    "real Adam": about("best lr of real Adam grows like B to the power", 0.5, 0.1, "B from 1 to 8"),
    "Adam's v": about("median of v·B/c over the coordinates", 1.0, 0.05, "B = 1, 4, 16"),
    "critical, SGD": about("critical batch size of SGD", 903, 5, "loss 0.01, d = 10⁴"),
    "critical, average": about("critical batch size of the average", 130, 3, "the same"),
    "critical, loose target": about("critical batch size of SGD at loss 0.1", 122, 3, "d = 10⁴"),
    "average at B = 1": about("SGD's steps over the average's at B = 1", 6.9, 0.1, "loss 0.01"),
    "momentum, B = 1": about("share of SGD's steps saved, μ tuned", 0.14, 0.01, "loss 0.01, B = 1"),
    "momentum 0.9, B = 1": about("SGD's steps over those of momentum 0.9", 1.0, 0.01, "loss 0.01, B = 1"),
    "Bayes bound": about("steps that the Bayes estimate needs at B = 1", 495_016, 1, "d = 10⁴, loss 0.01"),
    "constant, B = 1": about("constant rate's steps over the bound, B = 1", 12.2, 0.2, "loss 0.01"),
    "schedule, B = 1": below("best schedule's steps over the bound, B = 1", 1.65, "50 pieces"),
    "schedule, large B": about("constant rate's steps over the best schedule's", 1.0, 0.03, "B = 262,144"),
    "schedules never rise": below("largest rise of lr in a best schedule", 1e-9, "B = 1, 16, 256, 4096"),
    "noise scale, start": about("B_noise at the start", 1.37, 0.02, "d = 10⁴"),
    "noise scale, late": about("B_noise near loss 0.01", 804, 8, "B = 1"),
    "digits, critical": about("critical batch size of the digits net", 70, 40, "loss 0.1, best of seven rates"),
    "digits, early noise": about("noise scale at the start, estimate", 33, 8, "exact 31"),
    "digits, estimate": below("worst |estimate over exact − 1|", 0.25, "100 batches of 16 and of 256"),
    "digits, late noise": above("noise scale at the last stop over that at the first", 4, "loss 2.5 to 0.3"),
    "linear in B, digits": above("the least loss of B = 1024 at 256 times the rate", 0.1, "target 0.1 is not reached"),
    "held at critical": below("steps with the held rate over the best of the grid", 1.3, "digits, B = 1024"),
    "Adam, linear": above("least loss over the target, lr 16 times as large", 2, "d = 100, B = 16"),
    "Adam, root": below("examples to the target over those at B = 1", 1.2, "lr four times as large"),
    # 15 after Adam
    "law, most frequent": about("loss·share·steps of the first class", 1.0, 0.03, "Kunstner et al. 2024; lr 1"),
    "law, all classes": below("largest distance from 1 of 64 classes", 0.3, "the rarest is not there yet"),
    "sign descent, formula": below("|loss − log(1 + (C − 1)e^(−2·lr·t))|, largest", 1e-8, "closed form"),
    "lowest singular value": about("least of those that began in [0.02, 1]", 0.682, 0.003, "five iterations"),
    "highest singular value": about("largest of those that began in [0.02, 1]", 1.134, 0.003, "five iterations"),
    "rotation, Adam": above("Adam: loss turned over loss along the axes", 1e3, "32 × 32, 300 steps"),
    "rotation, Muon": about("Muon: the same", 1.2, 0.6, "below ten"),
    "turned, Adam over Muon": above("turned, Adam's loss over Muon's", 100, "each at its best rate"),
    "turned, Muon over Shampoo": above("turned, Muon's loss over Shampoo's", 10, "no noise"),
    "transformer, Muon": below("median of three seeds", 1.98, "recorded; counting triples gives 1.948"),
    "transformer, Muon's lead": above("best seed of all others less Muon's worst", 0.1, "recorded, 600 steps"),
    "transformer, live and recorded": below("largest difference of three runs from the record", 0.06, "seed 0"),
    "transformer, live AdamW and Muon": above("AdamW's validation loss less Muon's", 0.1, "600 steps, live"),
    "Muon, two frameworks": below("largest difference of the losses", 1e-4, "same arithmetic"),
    "mended, largest": below("largest singular value after five iterations", 1.21, "six sizes"),
    "ordinary, best rates": below("best rate at width 256 over that at 32", 0.26, "Adam, 60 steps, three seeds"),
    "ordinary, twice the narrow rate": above(
        "width 256 at twice the best rate of 32: loss over its best", 5, "Adam, 60 steps, three seeds"
    ),
    "muP, best rates": above("best rate at width 256 over that at 32", 0.49, "Yang et al. 2022"),
    "muP, twice the narrow rate": below("the same in muP", 3, "Yang et al. 2022"),
    # 16 procedure
    "DeepOBS, start": about("test loss at the start", 353.446764, 1e-5, "Schneider et al. 2019, their log"),
    "DeepOBS, inside": about("published runs of seven in our range", 7, 0, "20 orders of the data"),
    "DeepOBS, reshuffled": above("our lowest less the published loss", 0.2, "momentum 0.99, a new order each epoch"),
    "random search, formula": about("searches that hit, measured over formula", 1.0, 0.03, "16 trials, two settings"),
    "halving, price": about("epochs spent over those of all 27 in full", 4 / 27, 1e-6, "432 of 2,916"),
    "halving, loss": below("median of the winner's loss over the best of 27", 1.01, "ten searches"),
    "Optuna, price": about("Optuna: epochs spent over those of all 27 in full", 0.22, 0.07, "mean of ten searches"),
    "Optuna, loss": below("Optuna: median of the winner's loss over the best of 27", 1.01, "ten searches"),
    "short grid": above("Adam's loss over momentum's", 1.2, "rates up to 0.001"),
    "widened grid": about("Adam's loss over momentum's, mended", 1.0, 0.005, "each rate inside its grid"),
    "falling rate, live": above("lowest constant less highest falling", 0.05, "AdamW, 60 steps, three seeds"),
    "falling rate, digits": above("late loss, constant over falling, both frameworks", 5.0, "momentum, lr 0.1"),
    "capstone": above("AdamW's median less that of the last kept entry", 0.2, "recorded, 600 steps"),
}


def check(name: str, measured: float) -> None:
    """Print what was measured beside what is claimed; AssertionError where it lies outside the tolerance."""
    if name not in CLAIMS:
        raise KeyError(f"no claim is called {name!r}; the claims are {', '.join(CLAIMS)}")
    claim = CLAIMS[name]
    text = f"{claim.says}: {float(f'{measured:.4g}'):g}, claimed {claim.bound} ({claim.source})"
    assert claim.low <= measured <= claim.high, text
    print("✓", text)
