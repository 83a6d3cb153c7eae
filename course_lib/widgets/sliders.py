"""Sliders as ipywidgets: what a lesson may ask for, and what their values and ends are."""

import math
from numbers import Real

import ipywidgets as W

RANGES = (W.FloatSlider, W.FloatLogSlider, W.IntSlider)
CHOICES = (W.ToggleButtons, W.SelectionSlider)


def linear(lo, hi, value, *, label=""):
    """Slider over the reals from lo to hi, in about a hundred round steps."""
    _check_range("linear", lo, hi, value)
    step = _step(lo, hi, value)
    return W.FloatSlider(value, min=lo, max=hi, step=step, readout_format=".3g", description=label)


def log(lo, hi, value, *, label=""):
    """Slider from lo to hi > lo > 0, even in the exponent; its value is the number itself."""
    if not lo > 0:
        raise ValueError(f"log({lo}, {hi}, {value}): lo={lo} must be greater than 0.")
    _check_range("log", lo, hi, value)
    first, last = math.log10(lo), math.log10(hi)
    step = _step(first, last, math.log10(value))
    return W.FloatLogSlider(value, min=first, max=last, step=step, readout_format=".3g", description=label)


def whole(lo, hi, value, *, label=""):
    """Slider over the whole numbers from lo to hi, both included."""
    if not all(isinstance(number, int) for number in (lo, hi, value)):
        raise ValueError(f"whole({lo}, {hi}, {value}): all three must be whole numbers.")
    _check_range("whole", lo, hi, value)
    return W.IntSlider(value, min=lo, max=hi, description=label)


def choice(*options, value=None, label=""):
    """Buttons for up to five options, else a slider over them; value is the first option unless given."""
    if not options:
        raise ValueError("choice() needs at least one option.")
    value = options[0] if value is None else value
    if value not in options:
        raise ValueError(f"choice: value={value!r} must be one of the options {several(options)}.")
    named = [(option if isinstance(option, str) else text(option), option) for option in options]
    if len(options) > 5:
        return W.SelectionSlider(options=named, value=value, description=label)
    return W.ToggleButtons(options=named, value=value, description=label, style={"button_width": "auto"})


def make_slider(name, spec):
    """The widget that a spec asks for, labelled with its name unless it has a label."""
    try:
        slider = spec if isinstance(spec, RANGES + CHOICES) else _from_plain(spec)
    except ValueError as error:
        raise ValueError(f"slider {name}: {error}") from None
    slider.description = slider.description or name
    slider.style.description_width = "initial"
    return slider


def _from_plain(spec):
    if not isinstance(spec, tuple | list):
        raise ValueError(f"{spec!r} must be (lo, hi, value), options, or one of linear, log, whole and choice.")
    three = isinstance(spec, tuple) and len(spec) == 3 and all(isinstance(entry, Real) for entry in spec)
    return linear(*spec) if three else choice(*spec)


def value_of(slider):
    """A slider's value; a float without the dust of 10**log10(x), which would miss the slider's end."""
    return float(f"{slider.value:.12g}") if isinstance(slider.value, float) else slider.value


def ends_of(slider):
    """The ends of a slider, or all its options."""
    if isinstance(slider, CHOICES):
        return [option for _, option in slider.options]
    if isinstance(slider, W.FloatLogSlider):
        return [float(f"{slider.base**exponent:.12g}") for exponent in (slider.min, slider.max)]
    return [slider.min, slider.max]


def _check_range(kind, lo, hi, value):
    if not -math.inf < lo < hi < math.inf:
        raise ValueError(f"{kind}({lo}, {hi}, {value}): lo={lo} must be less than hi={hi}, both finite.")
    if not lo <= value <= hi:
        raise ValueError(f"{kind}({lo}, {hi}, {value}): value={value} must lie between {lo} and {hi}.")


def _step(lo, hi, value):
    """1, 2 or 5 times a power of ten, near a hundredth of hi - lo; bent if value would fall between two steps.

    For the browser moves a slider to the nearest step as soon as it shows it, and would change value silently.
    """
    ten = 10.0 ** math.floor(math.log10((hi - lo) / 100))
    step = min((ten, 2 * ten, 5 * ten, 10 * ten), key=lambda step: abs(math.log(100 * step / (hi - lo))))
    steps = (value - lo) / step
    if math.isclose(steps, round(steps), rel_tol=1e-9, abs_tol=1e-9):
        return step
    return (value - lo) / max(1, round(steps))


def text(value):
    return f"{value:.3g}" if isinstance(value, float) else repr(value)


def named(values):
    return ", ".join(f"{name}={text(value)}" for name, value in values.items())


def several(options):
    return ", ".join(map(repr, options))
