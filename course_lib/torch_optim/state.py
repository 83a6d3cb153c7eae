"""A rule's state as the flat dict that torch keeps for each parameter, and back.

Arrays stand there under the names of the state's fields, or under torch's own where a class gives them (`slots`). The
count of steps is a 0-dim float32 tensor, as in torch; other single numbers are Python floats, which `load_state_dict`
leaves in full precision.
"""

from collections.abc import Iterator

import torch


def real(x: torch.Tensor) -> torch.Tensor:
    """`x`; a complex tensor as pairs of reals in the same memory."""
    return torch.view_as_real(x) if x.is_complex() else x


def form(s):
    """The structure of a state without its memory: an empty tensor for every array."""
    nothing = torch.empty(0)
    return rebuild(s, iter([nothing if isinstance(v, torch.Tensor) else v for _, v in leaves(s)]))


def leaves(s, name: str = "") -> Iterator[tuple[str, object]]:
    """(name, value) of every array and number in a state, nested names joined by a dot."""
    if not isinstance(s, tuple):
        yield name or "state", s
        return
    for field, value in zip(getattr(s, "_fields", range(len(s))), s, strict=True):
        yield from leaves(value, f"{name}.{field}" if name else str(field))


def rebuild(s, values: Iterator):
    """A state of the structure of `s` from new leaves, in order."""
    if not isinstance(s, tuple):
        return next(values)
    parts = [rebuild(part, values) for part in s]
    return type(s)(*parts) if hasattr(s, "_fields") else tuple(parts)


def save(stored: dict, s, slots: dict[str, str], like: torch.Tensor) -> None:
    """Write every leaf of `s` into the dict of the parameter `like`."""
    for name, value in leaves(s):
        key = slots.get(name, name)
        if isinstance(value, torch.Tensor):
            stored[key] = torch.view_as_complex(value) if like.is_complex() else value
        elif key == "step":
            stored.setdefault(key, torch.zeros((), dtype=torch.float32)).fill_(value)
        else:
            stored[key] = float(value)


def load(stored: dict, shape, slots: dict[str, str], missing: dict):
    """The state of the structure `shape` from a parameter's dict; `missing` stands in for keys that are not there.

    Raises KeyError for a key that neither has.
    """
    values = []
    for name, example in leaves(shape):
        value = stored.get(slots.get(name, name), missing.get(name))
        if value is None:
            raise KeyError(f"the optimiser's state has no {slots.get(name, name)!r}; it holds {', '.join(stored)}")
        values.append(real(value) if isinstance(example, torch.Tensor) else _number(value, example))
    return rebuild(shape, iter(values))


def _number(value, example):
    return type(example)(value.item() if isinstance(value, torch.Tensor) else value)
