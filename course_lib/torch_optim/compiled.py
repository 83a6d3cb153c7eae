"""The rule as it is written, through `torch.compile`: one graph for all tensors of a group, writing back inside it.

Hyperparameters and counts go in as 0-dim float64 tensors, so that a changing learning rate compiles nothing anew. Many
small tensors are joined into one first, their state for good: a graph of a thousand kernels is slow to make.
"""

import operator
import warnings
from collections import defaultdict
from types import FunctionType

import torch
from torch._utils import _flatten_dense_tensors as flatten
from torch._utils import _unflatten_dense_tensors as unflatten

from course_lib.torch_optim import state

SMALL = 1 << 14  # entries of a tensor that is joined with others
MANY = 16  # from so many on


class Compiled:
    """The compiled steps of one optimiser."""

    def __init__(self):
        self._functions: dict = {}
        self._working: set = set()
        self._plans: dict = {}  # batches by what they step; a parameter is in one alone, which knows its counts
        self._broken = False

    def step(self, optimizer, rule, params: list, hypers: dict, maximize: bool) -> bool:
        """Take the step on all `params`; False, with nothing done, where there is no compiler."""
        if self._broken:
            return False
        function = None
        try:
            for batch in self._plan(optimizer, rule, params, maximize):
                function = self._function(rule, batch.shape, maximize)
                batch.step(function, hypers)
                self._working.add(function)
        except Exception as error:  # what a missing compiler raises differs from system to system
            if function in self._working:
                raise
            self._broken = True
            reason = (str(error).strip().splitlines() or [""])[0]
            warnings.warn(
                f"compile=True has no effect here, torch.compile fails: {type(error).__name__}: {reason}", stacklevel=5
            )
            return False
        return True

    def _plan(self, optimizer, rule, params: list, maximize: bool) -> list:
        now = rule.step, maximize, tuple(map(id, params))
        batches = self._plans.get(now)
        if batches is None or not all(batch.holds() for batch in batches):
            mine = set(now[2])
            self._plans = {what: plan for what, plan in self._plans.items() if mine.isdisjoint(what[2])}
            batches = self._plans[now] = _batches(optimizer, rule, params)
        return batches

    def _function(self, rule, shape, maximize: bool):
        key = rule.step, maximize
        if key not in self._functions:
            update = _with_code_of_its_own(_update(rule, shape, maximize))
            self._functions[key] = torch.compile(update, dynamic=False, fullgraph=True)
        return self._functions[key]


class Batch:
    """Parameters whose states hold equal numbers, so that one graph serves them all."""

    def __init__(self, optimizer, rule, params: list):
        self.device = params[0].device
        self._layout, first = optimizer._place(params[0], rule)
        self._keys = self._layout.arrays
        self._dicts = [optimizer.state[p] for p in params] if self._layout.keys else []
        self._steps = self._join_steps() if "step" in self._layout.keys else None
        self.shape = self._layout.load(first)
        small = [p for p in params if _joins(rule, p)]
        self._small = small if len(small) >= MANY else []
        joined = set(map(id, self._small))
        self._large = [p for p in params if id(p) not in joined]
        self._joint = [self._join(optimizer.state, key) for key in self._keys] if self._small else []
        if self._small:
            self._views = [p.detach().view(-1) for p in self._small]
            self._flat = torch.cat(self._views)
            self._parts = unflatten(self._flat, self._small)
        self._held, self._places = self._stored(), [p.data_ptr() for p in self._small]
        large = [[state.real(optimizer.state[p][key]) for key in self._keys] for p in self._large]
        self._arrays = large + [self._joint] * bool(self._small)

    def holds(self) -> bool:
        """Whether nobody has changed parameters or state from outside since the last step."""
        if self._places != [p.data_ptr() for p in self._small]:
            return False
        return all(map(operator.is_, self._stored(), self._held))

    def step(self, function, hypers: dict) -> None:
        ps = [state.real(p) for p in self._large]
        if self._small:
            ps.append(torch.cat(self._views, out=self._flat))
        gs = [state.real(p.grad) for p in self._large]
        gs += [flatten([p.grad for p in self._small])] if self._small else []
        numbers = [v for v in state.values_of(self.shape) if not isinstance(v, torch.Tensor)]
        tensors = {name: self._scalar(value) for name, value in hypers.items()}
        new = function(ps, gs, self._arrays, [self._scalar(v) for v in numbers], tensors)
        if self._small:
            torch._foreach_copy_(self._small, self._parts)
        self._write([value.item() for value in new])

    def _write(self, numbers: list) -> None:
        """Keep the new counts, in the plan and with every parameter."""
        old = [v for v in state.values_of(self.shape) if not isinstance(v, torch.Tensor)]
        self.shape = state.rebuild(self.shape, iter(_interleave(self.shape, _arrays(self.shape), numbers)))
        names = [key for key in self._layout.keys if key not in self._keys]
        for key, before, value in zip(names, old, numbers, strict=True):
            if key == "step":
                self._steps.add_(value - before)
            else:
                for stored in self._dicts:
                    stored[key] = float(value)

    def _stored(self) -> list:
        keys = self._keys if self._steps is None else [*self._keys, "step"]
        return [stored[key] for stored in self._dicts for key in keys]

    def _join_steps(self) -> torch.Tensor:
        """One tensor of all counts, of which each parameter keeps an entry: they go on with one addition."""
        steps = torch.stack([torch.as_tensor(stored["step"], dtype=torch.float32) for stored in self._dicts])
        for stored, step in zip(self._dicts, steps.unbind(), strict=True):
            stored["step"] = step
        return steps

    def _join(self, every: dict, key: str) -> torch.Tensor:
        """One flat tensor of all small parameters' `key`, of which each keeps a view."""
        flat = flatten([every[p][key] for p in self._small])
        for p, part in zip(self._small, unflatten(flat, self._small), strict=True):
            every[p][key] = part
        return flat

    def _scalar(self, value):
        """A number as a 0-dim tensor; what is no number (a flag, a tuple) stays a constant of the graph."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        dtype = torch.float32 if self.device.type == "mps" else torch.float64
        return torch.tensor(value, dtype=dtype, device=self.device)


def _batches(optimizer, rule, params: list) -> list[Batch]:
    found = defaultdict(list)
    for p in params:
        s = optimizer._recall(p, rule)
        numbers = tuple(v for v in state.values_of(s) if not isinstance(v, torch.Tensor))
        found[numbers, p.device, len(_arrays(s))].append(p)
    return [Batch(optimizer, rule, members) for members in found.values()]


def _update(rule, shape, maximize: bool):
    """The step on lists of tensors, in place; returns the new counts. `rule` is read as it stands."""
    shape = state.rebuild(shape, iter([isinstance(v, torch.Tensor) for v in state.values_of(shape)]))
    marks = state.values_of(shape)

    def update(ps, gs, arrays, numbers, hypers):
        for p, g, own in zip(ps, gs, arrays, strict=True):
            array, number = iter(own), iter(numbers)
            s = state.rebuild(shape, iter([next(array) if mark else next(number) for mark in marks]))
            q, new = rule.step(p, -g if maximize else g, s, **hypers)
            after = state.values_of(new)
            state.write([p, *own], [q, *(v for v, mark in zip(after, marks, strict=True) if mark)])
        return [v for v, mark in zip(after, marks, strict=True) if not mark]

    return update


def _with_code_of_its_own(function: FunctionType) -> FunctionType:
    """The same function with another code object: dynamo counts recompilations by code, and gives up at eight."""
    code = function.__code__.replace(co_name=function.__name__)
    return FunctionType(code, function.__globals__, function.__name__, function.__defaults__, function.__closure__)


def _joins(rule, p: torch.Tensor) -> bool:
    return rule.elementwise and p.numel() < SMALL and p.is_contiguous() and not p.is_complex()


def _arrays(s) -> list:
    return [value for value in state.values_of(s) if isinstance(value, torch.Tensor)]


def _interleave(shape, arrays: list, numbers: list) -> list:
    array, number = iter(arrays), iter(numbers)
    return [next(array) if isinstance(v, torch.Tensor) else type(v)(next(number)) for v in state.values_of(shape)]
