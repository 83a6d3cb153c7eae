import base64
import io
import math
import statistics
import time

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from course_lib.widgets import Ask, LivePlot, choice, linear, log, stage, whole

X, Y = np.meshgrid(np.linspace(-3, 3, 60), np.linspace(-3, 3, 50))
T = np.linspace(-3, 3, 100)


def wave(k):
    return np.sin(k * T)


def bowl(h):
    return (X**2 + h * Y**2) / 2


def square_frame(ax):
    ax.set(xlim=(-3, 3), ylim=(-3, 3), xlabel="$p_1$", ylabel="$p_2$", title="Still")
    ax.plot([-3, 3], [0, 0], color="grey", label="zero")
    ax.grid()


def wave_line(y, ax):
    ax.plot(T, y)


def wave_plot(draw=wave_line, frame=square_frame, compute=wave, **options):
    return LivePlot(compute, draw, frame, sliders={"k": (0, 4, 1)}, **options)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def drawn_anew(data, draw, frame, rows=1, cols=1):
    """The same picture by matplotlib alone."""
    figure = Figure(figsize=(6, 3.6), dpi=stage.DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(rows, cols)
    for ax in figure.axes:
        ax.set_axisbelow(True)
    if frame is not None:
        frame(axes)
    figure.draw_without_rendering()
    for ax in figure.axes:
        ax.set_prop_cycle(None)
    draw(data, axes)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def labelled_contour(y, ax):
    lines = ax.contour(X, Y, y[1] ** 2 * X**2 + Y**2, levels=[1, 2, 4])
    ax.clabel(lines)


def legend(y, ax):
    ax.plot(T, y, label="moving")
    ax.legend(loc="upper left")


def note(y, ax):
    ax.text(0.1, 0.5, f"{y[3]:.3f}")
    ax.annotate("here", (0.2, abs(y[3])), (0.4, 0.8), arrowprops={"arrowstyle": "->"})


def title_now_and_then(y, ax):
    labelled_contour(y, ax)
    if y[0] > 0:
        ax.set(title="Positive", xlim=(-5, 5))


MOVING = {
    "lines": lambda y, ax: (ax.plot(T, y), ax.plot(T, -y, "--"), ax.axvline(y[0])),
    "contour with labels": labelled_contour,
    "filled contour": lambda y, ax: ax.contourf(X, Y, y[1] * X + Y),
    "image": lambda y, ax: ax.imshow(np.outer(y, y), extent=(-3, 3, -3, 3), aspect="auto"),
    "band and points": lambda y, ax: (ax.fill_between(T, y - 1, y + 1, alpha=0.3), ax.scatter(T[::9], y[::9])),
    "bars": lambda y, ax: (
        ax.bar([0, 1], y[:2], label=f"{y[3]:.3f}"),
        ax.errorbar([0, 1], y[:2], 0.3, capsize=3),
        ax.legend(loc="upper left"),
    ),
    "arrows": lambda y, ax: ax.quiver(T[::9], T[::9], y[::9], y[::9]),
    "legend": legend,
    "text and arrow": note,
    "image once, then a line": lambda y, ax: MOVING["image" if y[0] > 0 else "lines"](y, ax),
    "nothing": lambda y, ax: None,
    # and what does change the frame
    "limits": lambda y, ax: (ax.plot(T, y), ax.set_xlim(-3, 1 + y[0])),
    "scale": lambda y, ax: (ax.plot(T, y**2), ax.set_ylim(0.1, 10), ax.set_yscale("log")),
    "title": lambda y, ax: (ax.plot(T, y), ax.set_title(f"{y[3]:.3f}")),
    "title now and then": title_now_and_then,
    "label": lambda y, ax: (ax.plot(T, y), ax.set_xlabel(f"{y[3]:.3f}")),
    "ticks": lambda y, ax: (ax.plot(T, y), ax.set_xticks([0, 1 + y[0]])),
    "no axis": lambda y, ax: (ax.plot(T, y), ax.set_axis_off()),
    "a line of the frame": lambda y, ax: ax.lines[0].set_ydata([y[0], y[1]]),
    "a line of the frame gone": lambda y, ax: y[0] > 0 and ax.lines[0].remove(),
    "colour bar": lambda y, ax: ax.get_figure().colorbar(ax.contourf(X, Y, y[1] * X + Y)),
    "heading": lambda y, ax: ax.get_figure().suptitle(f"{y[3]:.3f}"),
}


@pytest.mark.parametrize("name", MOVING)
def test_every_picture_equals_one_drawn_anew_and_comes_back_byte_for_byte(name):
    plot = wave_plot(MOVING[name])
    first = plot.png
    assert np.array_equal(pixels(first), drawn_anew(wave(1), MOVING[name], square_frame))
    plot.sliders["k"].value = 3.2
    assert np.array_equal(pixels(plot.png), drawn_anew(wave(3.2), MOVING[name], square_frame))
    plot.sliders["k"].value = 1
    assert plot.png == first


@pytest.mark.parametrize("name", ["lines", "band and points", "nothing"])
def test_without_a_frame_the_limits_follow_the_data(name):
    plot = wave_plot(MOVING[name], None)
    for k in (1, 0.1):
        plot.set(k=k)
        assert np.array_equal(pixels(plot.png), drawn_anew(wave(k), MOVING[name], None)), k


def equal_frame(ax):
    ax.set(xlim=(-3, 3), ylim=(-3, 3), xlabel="$p_1$", aspect="equal")


@pytest.mark.parametrize("frame", [square_frame, equal_frame])
def test_a_frame_changed_now_and_then_comes_back(frame):
    draw = MOVING["title now and then"]
    plot = wave_plot(draw, frame)
    for k in (1, 2, 1, 2.5):
        plot.set(k=k)
        assert np.array_equal(pixels(plot.png), drawn_anew(wave(k), draw, frame)), k


def test_a_frame_with_a_colour_bar_comes_back():
    def frame(ax):
        ax.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
        ax.get_figure().colorbar(ax.contourf(X, Y, bowl(3)), label="loss")

    plot = wave_plot(MOVING["title now and then"], frame)
    before = plot.png
    plot.set(k=2)
    assert plot.png != before
    plot.set(k=1)
    assert plot.png == before


def test_the_grid_of_axes_reaches_frame_and_draw():
    def frame(ax):
        ax[0].set(xlim=(-3, 3), ylim=(-3, 3))
        ax[1].set(xlim=(-3, 3), ylim=(0.01, 10), yscale="log")

    def draw(y, ax):
        ax[0].plot(T, y)
        ax[1].plot(T, abs(y))

    plot = wave_plot(draw, frame, cols=2)
    plot.set(k=3)
    assert np.array_equal(pixels(plot.png), drawn_anew(wave(3), draw, frame, cols=2))


def test_a_moved_slider_gives_another_picture_of_the_right_size():
    plot = wave_plot()
    before = plot.png
    plot.sliders["k"].value = 2
    assert plot.png != before
    assert Image.open(io.BytesIO(plot.png)).size == (6 * stage.DPI, int(3.6 * stage.DPI))
    assert plot.children[1].width == "576"


def test_an_ordinary_slider_move_takes_less_than_50_ms_of_cpu():
    def frame(ax):
        square_frame(ax[0])
        ax[1].set(xlim=(-3, 3), ylim=(0.01, 10), yscale="log", xlabel="step", ylabel="loss", title="Loss")
        ax[1].grid()

    def draw(z, ax):
        ax[0].contour(X, Y, z, levels=np.geomspace(0.1, 30, 9))
        ax[0].plot(T, z[0, 0] * np.sin(T), "o-")
        ax[1].plot(T, z[0, 0] * abs(T))

    plot = LivePlot(bowl, draw, frame, sliders={"h": (1, 20.0, 10)}, cols=2)
    times = []
    for h in np.linspace(1, 19, 25):
        start = time.process_time()
        plot.sliders["h"].value = h
        times.append(time.process_time() - start)
    assert plot.error is None
    assert statistics.median(times) < 0.05


def test_a_still_frame_is_drawn_once_however_often_the_slider_moves():
    calls = []
    plot = wave_plot(frame=lambda ax: (calls.append(1), square_frame(ax)))
    for k in (2, 3):
        plot.sliders["k"].value = k
    assert calls == [1]


def test_draw_may_say_the_caption():
    plot = wave_plot(lambda y, ax: f"y < {y[0]:.3f} & so on", caption="unused")
    assert "y &lt; -0.141 &amp; so on" in plot.children[2].value


def test_a_fixed_caption_stands_where_draw_says_nothing():
    assert "A sine" in wave_plot(caption="A sine").children[2].value


@pytest.mark.parametrize("where", ["compute", "draw"])
def test_an_error_on_a_slider_move_is_told_and_the_picture_stays(where):
    def fails(k):
        if k == 3:
            raise ZeroDivisionError("k <is> 3\nand more")
        return wave(k)

    def draw(y, ax):
        ax.plot(T, y)
        fails(3 if where == "draw" and y[0] > 0 else 1)

    plot = wave_plot(draw, compute=fails if where == "compute" else wave)
    plot.sliders["k"].value = 0.5
    before = plot.png
    k = 3 if where == "compute" else 2
    plot.sliders["k"].value = k
    assert plot.png == before
    assert f"No picture for k={k}: ZeroDivisionError: k &lt;is&gt; 3</span>" in plot.children[2].value
    assert isinstance(plot.error, ZeroDivisionError)

    plot.sliders["k"].value = 1
    assert plot.error is None
    assert "No picture" not in plot.children[2].value
    assert np.array_equal(pixels(plot.png), drawn_anew(wave(1), wave_line, square_frame))


def test_an_error_in_the_first_picture_or_in_set_is_raised():
    with pytest.raises(ZeroDivisionError):
        LivePlot(lambda k: 1 / k, lambda y, ax: None, sliders={"k": (0, 1, 0)})
    plot = LivePlot(lambda k: 1 / k, lambda y, ax: None, sliders={"k": (0, 1, 1)})
    with pytest.raises(ZeroDivisionError):
        plot.set(k=0)


@pytest.mark.parametrize(
    "name", ["lines", "contour with labels", "filled contour", "image", "band and points", "bars", "arrows"]
)
@pytest.mark.parametrize("bad", [np.nan, -np.inf, 1e300])
def test_numbers_that_are_not_finite_or_huge_do_no_harm(bad, name):
    def diverging(k):
        y = wave(k)
        y[: len(y) if k == 3 else 5] = bad if k > 2 else 0
        return y

    plot = wave_plot(MOVING[name], compute=diverging)
    before = plot.png
    for k in (2.5, 3, 1):
        plot.sliders["k"].value = k
        assert plot.error is None
    assert plot.png == before


def test_log_gives_the_number_and_not_its_exponent():
    plot = LivePlot(lambda lr: lr, lambda y, ax: f"{y}", sliders={"lr": log(1e-4, 0.3, 0.01)})
    assert plot.values == {"lr": 0.01}
    assert [values["lr"] for values in plot.ends()] == [1e-4, 0.3]
    plot.set(lr=0.1234)
    assert plot.values == {"lr": 0.1234}
    slider = plot.sliders["lr"]
    assert slider.min == -4
    assert (slider.max - slider.min) / slider.step == pytest.approx(70, abs=1)


def test_linear_steps_are_round_and_about_a_hundred():
    for hi, step in ((1, 0.01), (0.99, 0.01), (3, 0.02), (40, 0.5), (1e-5, 1e-7)):
        assert linear(0, hi, 0).step == pytest.approx(step)


@pytest.mark.parametrize("slider", [linear(0.001, 1, 0.05), linear(0, 1, 1e-3), log(1e-3, 1, 0.05), log(0.01, 1, 0.2)])
def test_the_first_value_stands_on_a_step_so_that_a_browser_leaves_it(slider):
    value = math.log10(slider.value) if hasattr(slider, "base") else slider.value
    steps = (value - slider.min) / slider.step
    assert steps == pytest.approx(round(steps), abs=1e-9)


def test_options_become_buttons_or_a_slider_and_reach_compute_unchanged():
    seen = []
    plot = LivePlot(
        lambda **values: seen.append(values),
        lambda y, ax: None,
        sliders={"rule": ["sgd", "adam"], "B": choice(1, 2, 4, 8, 16, 32, value=8, label="batch"), "n": whole(1, 9, 3)},
    )
    assert seen == [{"rule": "sgd", "B": 8, "n": 3}]
    kinds = [type(slider).__name__ for slider in plot.sliders.values()]
    assert kinds == [
        "ToggleButtons",
        "SelectionSlider",
        "IntSlider",
    ]
    assert [slider.description for slider in plot.sliders.values()] == ["rule", "batch", "n"]
    assert all(slider.continuous_update for name, slider in plot.sliders.items() if name != "rule")


def test_set_draws_once_for_several_sliders():
    seen = []
    plot = LivePlot(lambda a, b: seen.append((a, b)), lambda y, ax: None, sliders={"a": (0, 1, 0.5), "b": (0, 1, 0.5)})
    plot.set(a=0.1, b=0.2)
    assert seen == [(0.5, 0.5), (0.1, 0.2)]


def test_ends_visits_each_end_with_the_others_at_their_defaults():
    sliders = {"a": (0, 1, 0.5), "rule": ["sgd", "adam", "lion"]}
    plot = LivePlot(lambda a, rule: None, lambda y, ax: None, sliders=sliders)
    plot.set(a=0.7)
    assert [tuple(values.values()) for values in plot.ends()] == [
        (0, "sgd"),
        (1, "sgd"),
        (0.5, "sgd"),
        (0.5, "adam"),
        (0.5, "lion"),
    ]
    assert plot.values == {"a": 0.7, "rule": "sgd"}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"a": 0.1, "z": 1}, "z=1: there is no such slider, only a, n, rule."),
        ({"a": 2}, "slider a: 2 must be a number from 0.0 to 1.0."),
        ({"a": float("nan")}, "slider a: nan must be a number from 0.0 to 1.0."),
        ({"a": "1"}, "slider a: '1' must be a number from 0.0 to 1.0."),
        ({"a": 0.1, "n": 2.5}, "slider n: 2.5 must be a whole number from 1 to 9."),
        ({"rule": "sgdd"}, "slider rule: 'sgdd' must be one of 'sgd', 'adam'."),
    ],
)
def test_set_refuses_what_the_slider_does_not_have_and_moves_nothing(values, sentence):
    sliders = {"a": (0, 1, 0.5), "n": whole(1, 9, 3), "rule": ["sgd", "adam"]}
    plot = LivePlot(lambda a, n, rule: None, lambda y, ax: None, sliders=sliders)
    with pytest.raises(ValueError, match="slider") as caught:
        plot.set(**values)
    assert str(caught.value) == sentence
    assert plot.values == {"a": 0.5, "n": 3, "rule": "sgd"}


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: log(0, 1, 0.5), "log(0, 1, 0.5): lo=0 must be greater than 0."),
        (lambda: log(0.1, 1, 5), "log(0.1, 1, 5): value=5 must lie between 0.1 and 1."),
        (lambda: linear(1, 0, 0.5), "linear(1, 0, 0.5): lo=1 must be less than hi=0, both finite."),
        (lambda: whole(0, 1.5, 1), "whole(0, 1.5, 1): all three must be whole numbers."),
        (lambda: choice(), "choice() needs at least one option."),
        (lambda: choice("a", value="b"), "choice: value='b' must be one of the options 'a'."),
        (
            lambda: wave_plot().__class__(wave, wave_line, sliders={"k": (0, 1, 2)}),
            "slider k: linear(0, 1, 2): value=2 must lie between 0 and 1.",
        ),
        (
            lambda: LivePlot(wave, wave_line, sliders={"k": 1.0}),
            "slider k: 1.0 must be (lo, hi, value), options, or one of linear, log, whole and choice.",
        ),
        (
            lambda: LivePlot(wave, wave_line, sliders={"lr": (0, 1, 0.5)}),
            "compute must take the sliders' names lr: missing a required argument: 'k'.",
        ),
    ],
)
def test_a_bad_argument_gets_one_sentence(make, sentence):
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    assert str(caught.value) == sentence


def test_the_still_twin_is_the_present_picture_and_its_values():
    sliders = {"lr": log(0.01, 1, 0.1), "momentum": (0, 0.99, 0.9), "rule": ["sgd", "adam"]}
    plot = LivePlot(lambda **values: values, lambda y, ax: wave_line(T * y["lr"], ax), sliders=sliders)
    plot.set(lr=1 / 3)
    bundle = plot._repr_mimebundle_(include=None, exclude=None)
    assert bundle["text/plain"] == "LivePlot(lr=0.333, momentum=0.9, rule='sgd')"
    assert base64.b64decode(bundle["image/png"]) == plot.png
    assert "application/vnd.jupyter.widget-view+json" in bundle


OPTIONS = {"a": "it <grows>", "b": "it shrinks"}


def test_ask_keeps_the_choice_and_thanks_without_telling():
    ask = Ask("What happens?", OPTIONS, default="b")
    assert (ask.answer, ask.chosen) == (None, "b")
    radio, thanks = ask.children[1:]
    assert [label for label, _ in radio.options] == ["(a) it <grows>", "(b) it shrinks"]
    assert thanks.value == ""
    radio.value = "a"
    assert (ask.answer, ask.chosen) == ("a", "a")
    assert "Thank you; now go on and see." in thanks.value


def test_ask_reveals_the_choice_and_the_answer_wherever_in_a_cell_it_stands(monkeypatch):
    shown = []
    monkeypatch.setattr("course_lib.widgets.ask.display", shown.append)
    ask = Ask("What happens?", OPTIONS, default="b")
    assert ask.reveal("a", "p < q.") is None
    ask.children[1].value = "b"
    ask.reveal("a", "p < q")
    assert [repr(reply) for reply in shown] == [
        "No choice yet. It is (a): p < q.",
        "You chose (b). It is (a): p < q.",
    ]
    assert shown[1]._repr_html_() == "<p>You chose (b). It is (a): p &lt; q.</p>"


def test_the_still_twin_of_ask_lists_the_options():
    bundle = Ask("Is a < b?", OPTIONS, default="a")._repr_mimebundle_()
    assert bundle["text/plain"] == "Is a < b?\n(a) it <grows>\n(b) it shrinks"
    assert bundle["text/html"] == "<p>Is a &lt; b?</p><ul><li>(a) it &lt;grows&gt;</li><li>(b) it shrinks</li></ul>"


def test_ask_refuses_a_key_that_is_no_option():
    with pytest.raises(ValueError, match=r"^default='c' must be one of the options 'a', 'b'\.$"):
        Ask("What happens?", OPTIONS, default="c")
    with pytest.raises(ValueError, match=r"^correct='c' must be one of the options 'a', 'b'\.$"):
        Ask("What happens?", OPTIONS, default="a").reveal("c", "so it is")
