"""The LaTeX of a formula as Python: fractions, roots, powers, |x|, max, sign, cases, products without a sign."""

import re

from course_lib.lessons.error import LessonError

_TOKEN = re.compile(r"\\[a-zA-Z]+|\\\\|\\.|\d*\.?\d+|\S")
_SILENT = {r"\left", r"\right", r"\quad", r"\qquad", r"\,", r"\;", r"\:", r"\!", "\\ ", "$", "&", "~"}
_BLOCK = re.compile(r"\\(begin|end)\{(aligned|align\*?|gathered)\}")
_SAME = {r"\tfrac": r"\frac", r"\dfrac": r"\frac", r"\left|": r"\lvert ", r"\right|": r"\rvert "}
_OPENING = {"(", "{", r"\lvert", r"\frac", r"\sqrt", r"\max", r"\operatorname", r"\begin", r"\text"}
_OPERATORS = {r"\bmod": "%", r"\cdot": "*", r"\times": "*", "/": "/"}
_RELATIONS = {">": ">", "<": "<", "=": "==", r"\ge": ">=", r"\le": "<=", r"\geq": ">=", r"\leq": "<="}
_ACCENTS = {r"\hat", r"\bar", r"\tilde"}
_FUNCTIONS = {"max", "sign", "NS"}
_NO_SYMBOL = {r"\end", r"\rvert", r"\text", r"\\", *_OPERATORS, *_RELATIONS}


def parse(latex: str) -> list[tuple[str, str]]:
    """(left side, right side in Python) for each equation; a symbol of the right side is `known['v_t-1']`.

    Raises LessonError for LaTeX that it does not read.
    """
    text = _BLOCK.sub(" ", latex)
    for old, new in _SAME.items():
        text = text.replace(old, new)
    reader = _Reader([token for token in _TOKEN.findall(text) if token not in _SILENT])
    lines = []
    while reader.rest:
        lines.append((reader.symbol(), reader.equals()))
        while reader.next in (r"\\", ",", "."):
            reader.take()
    return lines


class _Reader:
    """Recursive descent over the tokens that are left."""

    def __init__(self, tokens):
        self.rest = tokens
        self.inside = ""  # the sign that ends the innermost brackets

    @property
    def next(self):
        return self.rest[0] if self.rest else ""

    def take(self, *wanted):
        if not self.rest or (wanted and self.next not in wanted):
            where = f" where {' or '.join(wanted)} should stand" if wanted else ""
            raise LessonError(f"its LaTeX has `{self.next}`{where}" if self.rest else "its LaTeX ends too early")
        return self.rest.pop(0)

    def equals(self):
        self.take("=")
        return self.sum()

    def sum(self):
        text = self.take() if self.next == "-" else ""
        text += self.product()
        while self.next in ("+", "-"):
            text += f" {self.take()} {self.product()}"
        return text

    def product(self):
        text = self.power()
        while True:
            if self.next in _OPERATORS:
                text += f" {_OPERATORS[self.take()]} {self.power()}"
            elif self.begins():
                text += f" * {self.power()}"
            else:
                return text

    def begins(self):
        """Whether a factor begins here, with no sign before it."""
        if self.next == "|":
            return self.inside != "|"
        if self.next == r"\text":
            return self.rest[1:3] in (["{", "r"], ["{", "c"])  # rows and columns, not "if"
        return self.next in _OPENING or self.next[:1].isalnum() or self.is_symbol()

    def is_symbol(self):
        return self.next[:1] == "\\" and self.next not in _NO_SYMBOL

    def power(self):
        base = self.atom()
        if self.next != "^":
            return base
        self.take()
        return f"{base}**({self.group()})"

    def atom(self):
        match self.next:
            case "(":
                return self.enclosed("(", ")")
            case "{":
                return self.enclosed("{", "}")
            case "|":
                return "abs" + self.enclosed("|", "|")
            case r"\lvert":
                return "abs" + self.enclosed(r"\lvert", r"\rvert")
            case r"\frac":
                self.take()
                return f"({self.group()} / {self.group()})"
            case r"\sqrt":
                self.take()
                return f"sqrt({self.group()})"
            case r"\max" | r"\operatorname":
                return self.function()
            case r"\begin":
                return self.cases()
        return self.take() if self.next[:1].isdigit() or self.next[:1] == "." else self.known()

    def known(self):
        return f"known[{self.symbol()!r}]"

    def enclosed(self, opening, closing):
        self.take(opening)
        outside, self.inside = self.inside, closing
        text = self.sum()
        self.inside = outside
        self.take(closing)
        return f"({text})"

    def group(self):
        """What stands in braces, or one sign."""
        if self.next == "{":
            return self.enclosed("{", "}")
        if not self.next.isdigit():
            return self.known()
        first, *more = self.take()
        if more:  # \frac12 is one half
            self.rest.insert(0, "".join(more))
        return first

    def function(self):
        name = self.take()[1:]
        if name == "operatorname":
            name = self.braced()
        if name not in _FUNCTIONS:
            raise LessonError(f"its LaTeX has the function {name}; it may have {', '.join(sorted(_FUNCTIONS))}")
        self.take("(")
        arguments = [self.sum()]
        while self.next == ",":
            self.take()
            arguments.append(self.sum())
        self.take(")")
        return f"{name}({', '.join(arguments)})"

    def cases(self):
        self.take(r"\begin"), self.braced()
        yes = self.sum()
        self.take(r"\text"), self.braced()
        left, relation = self.sum(), _RELATIONS[self.take(*_RELATIONS)]
        test = f"{left} {relation} {self.sum()}"
        self.take(r"\\")
        no = self.sum()
        self.take(r"\text"), self.braced()
        self.take(r"\end"), self.braced()
        return f"where({test}, {yes}, {no})"

    def braced(self):
        """The letters in braces."""
        self.take("{")
        text = ""
        while self.next != "}":
            text += self.take()
        self.take("}")
        return text

    def symbol(self):
        """A letter with its accent, primes and index: v_t-1, \\hat m_t, \\beta_1."""
        if self.next == r"\text":
            self.take()
            return rf"\text{{{self.braced()}}}"
        name = self.take()
        if name in _ACCENTS:
            name = f"{name} {self.braced() if self.next == '{' else self.take()}"
        if not (name[-1].isalpha() or name[0] == "\\") or name in _NO_SYMBOL:
            raise LessonError(f"its LaTeX has `{name}`, which is not read here")
        while self.next == "'":
            name += self.take()
        if self.next == "_":
            self.take()
            name += "_" + (self.braced() if self.next == "{" else self.take())
        return name
