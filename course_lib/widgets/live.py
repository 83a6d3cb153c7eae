"""A picture that follows sliders: two pure functions and glue."""

import base64
import inspect
from contextlib import suppress
from html import escape
from numbers import Real

import ipywidgets as W

from course_lib.widgets.sliders import CHOICES, ends_of, make_slider, named, several, value_of
from course_lib.widgets.stage import Stage

CSS_DPI = 96  # pixels per inch on the page, fewer than are painted, so that text is crisp


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
        self.sliders = {name: make_slider(name, spec) for name, spec in sliders.items()}
        self.error, self._setting = None, False
        self._defaults = self.values
        _check_takes(compute, self._defaults)
        self._compute, self._draw, self._words = compute, draw, caption or ""
        self._stage = Stage(frame, size, rows, cols)
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
        return {name: value_of(slider) for name, slider in self.sliders.items()}

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
            for end in ends_of(slider):
                self.set(**self._defaults | {name: end})
                yield self.values
        self.set(**before)

    def __repr__(self):
        return f"LivePlot({named(self.values)})"

    def _repr_mimebundle_(self, **kwargs):
        still = {"text/plain": repr(self), "image/png": base64.b64encode(self.png).decode()}
        return super()._repr_mimebundle_(**kwargs) | still

    def _check(self, name, value):
        if name not in self.sliders:
            raise ValueError(f"{name}={value!r}: there is no such slider, only {', '.join(self.sliders)}.")
        slider = self.sliders[name]
        ends = ends_of(slider)
        if isinstance(slider, CHOICES):
            if value not in ends:
                raise ValueError(f"slider {name}: {value!r} must be one of {several(ends)}.")
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
            self._tell(f"No picture for {named(self.values)}: {type(error).__name__}: {reason}")
            raise
        self.error, self._image.value = None, png
        self._tell(words if isinstance(words, str) else self._words)

    def _tell(self, words):
        self._caption.value = f'<span role="status">{escape(words)}</span>'


def _check_takes(compute, values):
    try:
        inspect.signature(compute).bind(**values)
    except TypeError as error:
        raise TypeError(f"compute must take the sliders' names {', '.join(values)}: {error}.") from None
