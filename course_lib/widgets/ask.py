"""The question that comes before the answer."""

from dataclasses import dataclass
from html import escape

import ipywidgets as W
from IPython.display import display

from course_lib.widgets.sliders import several


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
        """Show the choice, the correct option and the reason, wherever in a cell this stands."""
        self._check("correct", correct)
        choice = "No choice yet" if self.answer is None else f"You chose ({self.answer})"
        display(Reply(f"{choice}. It is ({correct}): {why.rstrip('.')}."))

    def __repr__(self):
        return "\n".join([self._question, *(f"({key}) {text}" for key, text in self._options.items())])

    def _repr_mimebundle_(self, **kwargs):
        items = "".join(f"<li>({escape(key)}) {escape(text)}</li>" for key, text in self._options.items())
        still = {"text/plain": repr(self), "text/html": f"<p>{escape(self._question)}</p><ul>{items}</ul>"}
        return super()._repr_mimebundle_(**kwargs) | still

    def _check(self, argument, key):
        if key not in self._options:
            raise ValueError(f"{argument}={key!r} must be one of the options {several(self._options)}.")

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
