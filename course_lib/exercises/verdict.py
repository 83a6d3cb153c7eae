"""What a check says, as text for a terminal and as a box for a notebook."""

from dataclasses import dataclass
from html import escape

MARKS = {"right": "✓", "wrong": "✗", "unwritten": "○"}
COLOURS = {"right": "#117733", "wrong": "#cc3311", "unwritten": "#888888"}


@dataclass(frozen=True)
class Verdict:
    """`state` is "right", "wrong" or "unwritten"; `says` the tutor's sentence, `first_off` the first call that differs,
    `next` how the lesson goes on."""

    name: str
    state: str
    says: str
    first_off: str = ""
    next: str = ""

    @property
    def right(self) -> bool:
        return self.state == "right"

    def __str__(self) -> str:
        lines = [f"{MARKS[self.state]} {self.name}: {self.says}", self.first_off, self.next]
        return "\n  ".join(line for line in lines if line)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {"text/plain": str(self), "text/html": self._html()}

    def _html(self) -> str:
        colour = COLOURS[self.state]
        head = f'<b style="color:{colour}">{MARKS[self.state]} {escape(self.name)}</b> {_code(self.says)}'
        rest = [f'<div style="opacity:.75">{_code(line)}</div>' for line in (self.first_off, self.next) if line]
        style = f"border-left:4px solid {colour};padding:.4em .9em;margin:.3em 0;line-height:1.5"
        return f'<div style="{style}">{head}{"".join(rest)}</div>'


def _code(text: str) -> str:
    """Backticks as code; everything else escaped."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
