"""What NAME in a marker means: `adam`, `rmsprop.centered`, `decay.decoupled(momentum)`."""

import inspect
import re

from course_lib import rules
from course_lib.lessons.error import LessonError

NAME = re.compile(r"(\w+)(?:\.(\w+))?(?:\((\w+)\))?")


def named(text: str):
    """The rule called `text`. Raises LessonError for what is none, with those that there are."""
    match = NAME.fullmatch(text)
    rule = _found(*match.groups()) if match else None
    if _goes_around(rule):
        raise LessonError(f"{text} goes around another rule: write {text}(momentum), for example")
    if not _is_rule(rule):
        known = ", ".join(name for name in rules.__all__ if name != "Rule")
        raise LessonError(f"{text} is no rule; the modules are {known}, and one may hold several: rmsprop.centered")
    return rule


def _found(name, part, inner):
    """What the parts of a name mean, or None."""
    thing = getattr(_module(name), part, None) if part else _module(name)
    if not inner:
        return thing
    if not (_goes_around(thing) and _is_rule(_module(inner))):
        return None
    try:
        return thing(_module(inner))
    except ValueError:  # one argument twice: weight decay around a rule that has its own
        raise LessonError(f"{name}.{part} cannot go around {inner}, which has the same argument") from None


def _module(name):
    return getattr(rules, name) if name in rules.__all__ and name != "Rule" else None


def _is_rule(thing):
    return hasattr(thing, "step") and next(iter(inspect.signature(thing.step).parameters)) == "p"


def _goes_around(thing):
    return inspect.isfunction(thing) and list(inspect.signature(thing).parameters) == ["rule"]
