"""What the numbers of a method may be; one sentence naming argument, value and what is allowed where they are not."""

import numpy as np

LONGEST = 9 * 10**15  # steps; above, whole numbers are no exact float64
WORDS = {"sgd": "", "heavy_ball": "momentum", "nesterov": "momentum", "nesterov_lookahead": "momentum", "ema": "decay"}


def numbers(name: str, value, low: float = 0.0, high: float = np.inf, *, above: bool = False) -> np.ndarray:
    """`value` as a float64 array; every entry finite, low <= entry < high, and not low itself if `above`."""
    try:
        values = np.asarray(value, dtype=float)
    except OverflowError:
        raise ValueError(f"{name} is beyond float64; allowed are numbers below 2e308") from None
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {value!r}; allowed is a number or an array of numbers") from None
    good = np.isfinite(values) & (values > low if above else values >= low) & (values < high)
    if not good.all():
        end = f" and < {high:g}" if high < np.inf else ""
        raise ValueError(
            f"{name} is {values[~good][0]:g}; allowed is a finite number {'>' if above else '>='} {low:g}{end}"
        )
    return values


def single(name: str, value, low: float = 0.0, high: float = np.inf, *, above: bool = False) -> float:
    """`value` as a float: one number in that range."""
    values = numbers(name, value, low, high, above=above)
    if values.ndim:
        raise ValueError(f"{name} has shape {values.shape}; allowed is one number")
    return float(values)


def positive(name: str, value) -> float:
    """`value` as a float. Raises ValueError unless it is one finite number > 0; batch sizes need not be whole."""
    return single(name, value, above=True)


def step_counts(name: str, value, least: int = 0) -> np.ndarray:
    """`value` as a float64 array of whole numbers from `least` to 9 * 10^15."""
    values = numbers(name, value, -np.inf)
    good = (values >= least) & (values <= LONGEST) & (values == np.floor(values))
    if not good.all():
        raise ValueError(f"{name} is {values[~good][0]:g}; allowed is a whole number from {least} to {LONGEST:.0e}")
    return values


def second_number(method: str, *, momentum, decay) -> np.ndarray:
    """The method's momentum or decay, whichever it has; 0 for SGD."""
    word = word_of(method)
    for name, value in (("momentum", momentum), ("decay", decay)):
        if name != word and np.any(np.asarray(value) != 0):
            own = f"its number is {word}" if word else "it has none"
            raise ValueError(f"{name} is {value!r}; allowed is 0 with {method}: {own}")
    return numbers(word, {"momentum": momentum, "decay": decay}[word], 0.0, 1.0) if word else np.array(0.0)


def word_of(method: str) -> str:
    """What the second number of `method` is called; empty for SGD."""
    if not isinstance(method, str) or method not in WORDS:
        raise ValueError(f"method is {method!r}; allowed is one of {', '.join(WORDS)}")
    return WORDS[method]
