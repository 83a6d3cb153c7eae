"""Pictures that follow sliders, and the question that a lesson asks before it shows the answer.

A `LivePlot` is two pure functions and glue: `compute(**values)` gives data, `draw(data, ax)` adds what moves.
Axes, ticks and text cost most of a picture, so what stands still is painted once, and each slider move paints
only what `draw` added over it; the result equals, pixel for pixel, a figure drawn anew.

Nothing here prints into an `Output` (nor uses `interact`): that can hang a notebook run without a browser.
"""

import base64
import inspect
import io
import math
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from html import escape
from numbers import Real

import ipywidgets as W
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

DPI = 144  # painted pixels per inch
CSS_DPI = 96  # pixels per inch on the page: 1.5 painted pixels each, so that text is crisp
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
        raise ValueError(f"choice: value={value!r} must be one of the options {_several(options)}.")
    named = [(option if isinstance(option, str) else _text(option), option) for option in options]
    if len(options) > 5:
        return W.SelectionSlider(options=named, value=value, description=label)
    return W.ToggleButtons(options=named, value=value, description=label, style={"button_width": "auto"})


class LivePlot(W.VBox):
    """Sliders, the picture that follows them, and a line of caption.

    `compute(**values) -> data` is pure. `draw(data, ax)` adds artists to `ax` (one Axes, or the array of Axes that
    `Figure.subplots(rows, cols)` gives) and may return a str, the caption. `frame(ax)` sets limits, labels, scales and
    all that stands still. A draw that changes any of that still gives the right picture, more slowly.
    In each draw the colour cycle begins anew, and the grid lies below the data.

    A slider is `(lo, hi, value)`, a list of options, or what `linear`, `log`, `whole` or `choice` gives.
    `size` is in inches. An error after a slider move stands in the caption and in `.error`, and the picture stays.

    Raises ValueError for a slider that makes no sense, TypeError if `compute` does not take the sliders' names,
    and whatever `compute`, `frame` or `draw` raise in the first picture.
    """

    def __init__(self, compute, draw, frame=None, *, sliders, size=(6, 3.6), rows=1, cols=1, caption=None):
        self.sliders = {name: _slider(name, spec) for name, spec in sliders.items()}
        self.error, self._setting = None, False
        self._defaults = self.values
        _check_takes(compute, self._defaults)
        self._compute, self._draw, self._words = compute, draw, caption or ""
        self._stage = _Stage(frame, size, rows, cols)
        # An Image takes no alt text, and a tooltip breaks its view in ipywidgets 8.1: the caption speaks for it.
        self._image = W.Image(format="png", width=round(size[0] * CSS_DPI))
        self._caption = W.HTML()
        self._show()
        for slider in self.sliders.values():
            slider.observe(self._moved, "value")
        controls = W.HBox(list(self.sliders.values()), layout=W.Layout(flex_flow="row wrap"))
        super().__init__([controls, self._image, self._caption])

    @property
    def values(self):
        """What the sliders say now: a dict from name to number or option."""
        return {name: _value(slider) for name, slider in self.sliders.items()}

    @property
    def png(self):
        """The present picture, as the bytes of a PNG."""
        return bytes(self._image.value)

    def set(self, **values):
        """Move sliders from code and draw once; an error in compute or draw is raised here.

        Raises ValueError, and moves nothing, for an unknown name or a value that its slider does not have.
        """
        for name, value in values.items():
            self._check(name, value)
        self._setting = True
        for name, value in values.items():
            self.sliders[name].value = value
        self._setting = False
        self._show()

    def ends(self):
        """Set each slider to each of its ends (a choice: to each option), the others at their defaults; yield values.

        The sliders return to where they were.
        """
        before = self.values
        for name, slider in self.sliders.items():
            for end in _ends(slider):
                self.set(**self._defaults | {name: end})
                yield self.values
        self.set(**before)

    def __repr__(self):
        return f"LivePlot({_named(self.values)})"

    def _repr_mimebundle_(self, **kwargs):
        still = {"text/plain": repr(self), "image/png": base64.b64encode(self.png).decode()}
        return super()._repr_mimebundle_(**kwargs) | still

    def _check(self, name, value):
        if name not in self.sliders:
            raise ValueError(f"{name}={value!r}: there is no such slider, only {', '.join(self.sliders)}.")
        slider = self.sliders[name]
        ends = _ends(slider)
        if isinstance(slider, CHOICES):
            if value not in ends:
                raise ValueError(f"slider {name}: {value!r} must be one of {_several(ends)}.")
        elif not (isinstance(value, Real) and ends[0] <= value <= ends[1]):
            raise ValueError(f"slider {name}: {value!r} must be a number from {ends[0]} to {ends[1]}.")
        elif isinstance(slider, W.IntSlider) and value != int(value):
            raise ValueError(f"slider {name}: {value!r} must be a whole number from {ends[0]} to {ends[1]}.")

    def _moved(self, _change):
        if not self._setting:
            with suppress(Exception):  # the caption and .error tell
                self._show()

    def _show(self):
        try:
            data = self._compute(**self.values)
            png, words = self._stage.paint(self._draw, data)
        except Exception as error:
            self.error = error
            reason = str(error).partition("\n")[0]
            self._tell(f"No picture for {_named(self.values)}: {type(error).__name__}: {reason}")
            raise
        self.error, self._image.value = None, png
        self._tell(words if isinstance(words, str) else self._words)

    def _tell(self, words):
        self._caption.value = f'<span role="status">{escape(words)}</span>'


class _Stage:
    """A figure whose frame is painted once, and over it what each draw adds."""

    def __init__(self, frame, size, rows, cols):
        self._frame, self._size, self._grid = frame, size, (rows, cols)
        self._figure = self._places = None

    def paint(self, draw, data):
        """PNG of the frame with what `draw(data, ax)` adds, and what draw returned."""
        if self._figure is None:
            self._build()
        figure, self._figure = self._figure, None  # built anew next time, unless all goes well
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, about data that is not finite
            said = draw(data, self._axes)
            moving = [artist for artist in _artists(figure) if artist not in self._still]
            if self._frame_changed(figure):
                figure.set_layout_engine("constrained")
                self._canvas.draw()
                return self._png(), said
            self._paint_over(figure, moving)
        png = self._png()
        self._clear(figure, moving)
        self._figure = figure
        return png, said

    def _build(self):
        figure = Figure(figsize=self._size, dpi=DPI, layout="constrained")
        self._canvas = FigureCanvasAgg(figure)
        self._axes = figure.subplots(*self._grid)
        for ax in figure.axes:
            ax.set_axisbelow(True)
        if self._frame is not None:
            self._frame(self._axes)
        self._lay_out(figure)
        self._figure, self._background, self._floor = figure, None, math.inf
        self._still = set(_artists(figure))
        self._containers = {ax: len(ax.containers) for ax in figure.axes}
        self._rest(figure)

    def _lay_out(self, figure):
        """Put the axes where the frame wants them; that takes long, so the places are kept for the next figure."""
        if self._places is None:
            figure.draw_without_rendering()
            self._places = [ax.get_position(original=True) for ax in figure.axes]
        for ax, place in zip(figure.axes, self._places, strict=True):
            ax.set_position(place)
            ax.set_in_layout(True)  # which set_position ends
            ax.apply_aspect()
        figure.set_layout_engine("none")

    def _rest(self, figure):
        self._views = _views(figure)
        for artist in self._still:
            artist.stale = False
        for ax in figure.axes:
            ax.set_prop_cycle(None)

    def _frame_changed(self, figure):
        gone = not self._still.issubset(_artists(figure))
        return gone or any(artist.stale for artist in self._still) or _views(figure) != self._views

    def _paint_over(self, figure, moving):
        """Background, then everything above the lowest moving artist, in matplotlib's own order."""
        floor = min((artist.zorder for artist in moving), default=math.inf)
        if self._background is None or floor < self._floor:
            self._floor = min(floor, self._floor)
            self._paint_background(figure, moving)
        pixels = np.asarray(self._canvas.get_renderer().buffer_rgba())
        np.copyto(pixels, self._background)
        with _hidden(self._still - self._above(figure)):
            figure.draw(self._canvas.get_renderer())

    def _paint_background(self, figure, moving):
        with _hidden(self._above(figure) | set(moving)):
            self._canvas.draw()
        self._background = np.array(self._canvas.buffer_rgba())

    def _above(self, figure):
        inside = {artist for ax in figure.axes for artist in ax.get_children() if artist is not ax.patch}
        return {artist for artist in self._still & inside if artist.zorder > self._floor}

    def _clear(self, figure, moving):
        for ax, count in self._containers.items():
            del ax.containers[count:]
        for artist in moving:
            if artist.axes is not None:  # contour labels, say, leave with their contours
                artist.remove()
        self._rest(figure)

    def _png(self):
        file = io.BytesIO()
        rgba = Image.fromarray(np.asarray(self._canvas.buffer_rgba()))
        rgba.convert("RGB").save(file, "png", compress_level=1)
        return file.getvalue()


class Ask(W.VBox):
    """A question with options to choose from before the lesson goes on.

    `options` maps a short key to its text. `answer` is the chosen key, None until then; `chosen` is the answer, or
    `default` where nobody chose (a run without a reader). Raises ValueError if default is not an option.
    """

    def __init__(self, question, options, default):
        self._question, self._options, self._default = question, dict(options), default
        self._check("default", default)
        texts = [(f"({key}) {text}", key) for key, text in self._options.items()]
        self._radio = W.RadioButtons(options=texts, value=None, layout=W.Layout(width="auto"))
        self._thanks = W.HTML()
        self._radio.observe(self._thank, "value")
        super().__init__([W.HTMLMath(escape(question)), self._radio, self._thanks])

    @property
    def answer(self):
        return self._radio.value

    @property
    def chosen(self):
        return self._default if self.answer is None else self.answer

    def reveal(self, correct, why):
        """The choice, the correct option and the reason, as a text to display."""
        self._check("correct", correct)
        choice = "No choice yet" if self.answer is None else f"You chose ({self.answer})"
        return Reply(f"{choice}. It is ({correct}): {why.rstrip('.')}.")

    def __repr__(self):
        return "\n".join([self._question, *(f"({key}) {text}" for key, text in self._options.items())])

    def _repr_mimebundle_(self, **kwargs):
        items = "".join(f"<li>({escape(key)}) {escape(text)}</li>" for key, text in self._options.items())
        still = {"text/plain": repr(self), "text/html": f"<p>{escape(self._question)}</p><ul>{items}</ul>"}
        return super()._repr_mimebundle_(**kwargs) | still

    def _check(self, argument, key):
        if key not in self._options:
            raise ValueError(f"{argument}={key!r} must be one of the options {_several(self._options)}.")

    def _thank(self, _change):
        self._thanks.value = '<span role="status">Thank you; now go on and see.</span>'


@dataclass(frozen=True)
class Reply:
    """One sentence or two, for a notebook to display."""

    text: str

    def __repr__(self):
        return self.text

    def _repr_html_(self):
        return f"<p>{escape(self.text)}</p>"


def _slider(name, spec):
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


def _value(slider):
    """Its value; a float without the dust of 10**log10(x), which would miss the slider's end."""
    return float(f"{slider.value:.12g}") if isinstance(slider.value, float) else slider.value


def _ends(slider):
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


def _check_takes(compute, values):
    try:
        inspect.signature(compute).bind(**values)
    except TypeError as error:
        raise TypeError(f"compute must take the sliders' names {', '.join(values)}: {error}.") from None


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


def _artists(figure):
    """All that is painted, the axes' contents in place of the axes."""
    beside = (child for child in figure.get_children() if child not in figure.axes)
    return [*beside, *(artist for ax in figure.axes for artist in ax.get_children())]


def _views(figure):
    """What a draw may change without an artist of the frame noticing."""
    views = [(ax.get_xlim(), ax.get_ylim(), ax.get_xscale(), ax.get_yscale(), *_place(ax)) for ax in figure.axes]
    return figure.get_children(), views


def _place(ax):
    return ax.get_position(original=True).bounds, ax.get_aspect(), ax.axison


@contextmanager
def _hidden(artists):
    visible = [artist for artist in artists if artist.get_visible()]
    for artist in visible:
        artist.set_visible(False)
    yield
    for artist in visible:
        artist.set_visible(True)


def _text(value):
    return f"{value:.3g}" if isinstance(value, float) else repr(value)


def _named(values):
    return ", ".join(f"{name}={_text(value)}" for name, value in values.items())


def _several(options):
    return ", ".join(map(repr, options))
