"""A rule's state as the flat dict that torch keeps for each parameter, and back.

Arrays stand there under the names of the state's fields, or under torch's own where a class gives them (`slots`). The
count of steps is a 0-dim float32 tensor, as in torch; other single numbers are Python floats, which `load_state_dict`
leaves in full precision.
"""

from collections.abc import Iterator

import torch

ONE = torch.ones(())  # a Python number would be made a tensor at every addition


def real(x: torch.Tensor) -> torch.Tensor:
    """`x`; a complex tensor as pairs of reals in the same memory."""
    return torch.view_as_real(x) if x.is_complex() else x


def leaves(s, name: str = "") -> Iterator[tuple[str, object]]:
    """(name, value) of every array and number in a state, nested names joined by a dot."""
    if not isinstance(s, tuple):
        yield name or "state", s
        return
    for field, value in zip(getattr(s, "_fields", range(len(s))), s, strict=True):
        yield from leaves(value, f"{name}.{field}" if name else str(field))


def values_of(s) -> list:
    """All arrays and numbers of a state, in order."""
    if not isinstance(s, tuple):
        return [s]
    return [value for part in s for value in (values_of(part) if isinstance(part, tuple) else (part,))]


def rebuild(s, values: Iterator):
    """A state of the structure of `s` from new leaves, in order."""
    if not isinstance(s, tuple):
        return next(values)
    parts = [rebuild(part, values) if isinstance(part, tuple) else next(values) for part in s]
    return type(s)(*parts) if hasattr(s, "_fields") else tuple(parts)


class Layout:
    """Where the leaves of one rule's state stand in a parameter's dict."""

    def __init__(self, s, slots: dict[str, str], missing: dict):
        found = [(slots.get(name, name), name, value) for name, value in leaves(s)]
        self.keys = [key for key, _, _ in found]
        self._fields = [(key, _kind(value)) for key, _, value in found]
        self.arrays = [key for key, kind in self._fields if kind is torch.Tensor]
        self._counts = "step" in self.keys
        self._missing = {key: missing[name] for key, name, _ in found if name in missing}
        self._form = rebuild(s, (kind for _, kind in self._fields))
        self._is_flat = isinstance(s, tuple) and not any(isinstance(part, tuple) for part in s)
        self._make = getattr(s, "_make", tuple)

    def load(self, stored: dict):
        """The state that a parameter's dict holds. Raises KeyError for a key that is not there."""
        values = []
        for key, kind in self._fields:
            value = stored[key] if key in stored else self._stand_in(key, stored)
            if kind is torch.Tensor:
                values.append(torch.view_as_real(value) if value.is_complex() else value)
            else:
                values.append(kind(value) if type(value) is float else kind(float(value)))
        return self._make(values) if self._is_flat else rebuild(self._form, iter(values))

    def save(self, stored: dict, s, like: torch.Tensor) -> None:
        """Write every leaf of `s` into the dict of the parameter `like`."""
        for (key, kind), value in zip(self._fields, values_of(s), strict=True):
            if kind is torch.Tensor:
                stored[key] = torch.view_as_complex(value) if like.is_complex() else value
            else:
                self._keep_number(stored, key, value)

    def renew(self, stored: dict, old, new, p: torch.Tensor, moved: torch.Tensor) -> None:
        """Write one step: `moved` into `p`, arrays of `new` into those of `old`, numbers into the dict."""
        if not self._is_flat:
            old, new = values_of(old), values_of(new)
        targets, values = [p], [moved]
        for (key, kind), x, y in zip(self._fields, old, new, strict=True):
            if kind is not torch.Tensor:
                self._keep_number(stored, key, y)
            elif x.shape == y.shape:
                targets.append(x)
                values.append(y)
            else:  # the first state was smaller
                with torch.inference_mode(False):
                    stored[key] = y.clone()
        if len({*map(id, targets), *map(id, values)}) < 2 * len(targets):
            values = apart(targets, values)
        for x, y in zip(targets, values, strict=True):
            x.copy_(y)

    @staticmethod
    def _keep_number(stored: dict, key: str, value) -> None:
        if key == "step":
            count(stored, value)
        else:
            stored[key] = float(value)

    def count_one_more(self, stored: dict) -> int:
        """Add one to the count of steps, if the state has one, and return it."""
        if "t" in self.keys:  # under its own name a count is a plain number
            stored["t"] = stored.get("t", self._missing.get("t", 0)) + 1
            return stored["t"]
        if not self._counts:
            return 0
        step = stored.get("step")
        if type(step) is not torch.Tensor:
            count(stored, self._stand_in("step", stored) if step is None else step)
            step = stored["step"]
        return int(step.add_(ONE))

    def _stand_in(self, key: str, stored: dict):
        if key not in self._missing:
            raise KeyError(f"the optimiser's state has no {key!r}; it holds {', '.join(stored)}")
        return self._missing[key]


def write(targets: list[torch.Tensor], values: list[torch.Tensor]) -> None:
    """Each value into its target, as if all were read before any is written: a rule may hand back what it was given."""
    for x, y in zip(targets, apart(targets, values), strict=True):
        if y is not x:
            x.copy_(y)


def apart(targets: list[torch.Tensor], values: list[torch.Tensor]) -> list[torch.Tensor]:
    """`values`, with a copy of what is another's target.

    Not by `clone`, which torch's compiler takes away, so that it reads what has been overwritten.
    """
    others = [targets[:i] + targets[i + 1 :] for i in range(len(targets))]
    return [torch.maximum(y, y) if any(y is x for x in rest) else y for y, rest in zip(values, others, strict=True)]


def _kind(value) -> type:
    return torch.Tensor if isinstance(value, torch.Tensor) else type(value)


def count(stored: dict, t) -> None:
    """Write the count of steps, as torch keeps it."""
    if isinstance(stored.get("step"), torch.Tensor):
        stored["step"].fill_(t)
    else:
        with torch.inference_mode(False):
            stored["step"] = torch.tensor(float(t))
