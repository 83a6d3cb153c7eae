"""A figure whose frame is painted once, and over it what each draw adds.

Axes, ticks and text cost most of a picture, so what stands still is kept as pixels. The result equals, pixel for
pixel, a figure drawn anew.
"""

import io
import math
import warnings
from contextlib import contextmanager

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

DPI = 144  # painted pixels per inch


class Stage:
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
