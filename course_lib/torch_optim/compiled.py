"""The rule as it is written, through `torch.compile`: one graph for all tensors of a group, writing back inside it.

Hyperparameters and counts go in as 0-dim float64 tensors, so that a changing learning rate compiles nothing anew. Many
small tensors are joined into one first, their state for good: a graph of a thousand kernels is slow to make.
"""

import warnings
from collections import defaultdict

import torch

from course_lib.torch_optim import state

SMALL = 1 << 14  # entries of a tensor that is joined with others
MANY = 16  # from so many on


class Compiled:
    """The compiled steps of one optimiser."""

    def __init__(self):
        self._functions: dict = {}
        self._joints: dict = {}
        self._broken = False

    def step(self, optimizer, rule, params: list, hypers: dict, maximize: bool) -> bool:
        """Take the step on all `params`; False, with nothing done, where there is no compiler."""
        if self._broken:
            return False
        try:
            for numbers, members in _alike(optimizer, rule, params).items():
                self._step_alike(optimizer, rule, numbers, members, hypers, maximize)
        except Exception as error:  # what a missing compiler raises differs from system to system
            if self._functions.get((rule.step, maximize)) == "works":
                raise
            self._broken = True
            reason = (str(error).strip().splitlines() or [""])[0]
            warnings.warn(
                f"compile=True has no effect here, torch.compile fails: {type(error).__name__}: {reason}", stacklevel=5
            )
            return False
        return True

    def _step_alike(self, optimizer, rule, numbers: tuple, members: list, hypers: dict, maximize: bool) -> None:
        """One step of parameters with equal counts; `members` are (p, its state)."""
        small = [(p, s) for p, s in members if _joins(rule, p)]
        if len(small) < MANY:
            small = []
        apart = [(p, s) for p, s in members if not any(p is q for q, _ in small)] if small else members
        ps = [state.real(p) for p, _ in apart]
        gs = [state.real(p.grad) for p, _ in apart]
        arrays = [_arrays(s) for _, s in apart]
        joint = self._joint(optimizer, rule, small) if small else None
        if joint:
            ps.append(joint.values())
            gs.append(joint.gradients())
            arrays.append(joint.arrays)
        device = ps[0].device
        tensors = {n: _scalar(v, device) for n, v in hypers.items()}
        function = self._function(rule, members[0][1], maximize)
        new = function(ps, gs, arrays, [_scalar(v, device) for v in numbers], tensors)
        new = [value.item() for value in new]
        if joint:
            joint.write(ps[-1])
        for p, s in members:
            optimizer._remember(p, _with_numbers(s, new))

    def _function(self, rule, shape, maximize: bool):
        key = rule.step, maximize
        if key not in self._functions:
            self._functions[key] = torch.compile(_update(rule, shape, maximize), dynamic=False, fullgraph=True)
        return self._functions[key]

    def _joint(self, optimizer, rule, members: list):
        key = rule.step, tuple(id(p) for p, _ in members)
        joint = self._joints.get(key)
        if joint is None or not joint.holds(members):
            joint = self._joints[key] = Joint(members)
            for (p, s), views in zip(members, joint.views, strict=True):
                optimizer._remember(p, _with_arrays(s, views))
        return joint


class Joint:
    """Many small parameters as one flat tensor; their state lives in it, each parameter keeps a view."""

    def __init__(self, members: list):
        self.params = [p for p, _ in members]
        self.sizes = [p.numel() for p in self.params]
        columns = zip(*(_arrays(s) for _, s in members), strict=True)
        self.arrays = [torch.cat([x.reshape(-1) for x in column]) for column in columns]
        parts = [flat.split(self.sizes) for flat in self.arrays]
        self.views = [[part[i].view(p.shape) for part in parts] for i, p in enumerate(self.params)]

    def holds(self, members: list) -> bool:
        pairs = zip(members, self.views, strict=True)
        return all(
            x.data_ptr() == y.data_ptr() for (_, s), views in pairs for x, y in zip(_arrays(s), views, strict=True)
        )

    def values(self) -> torch.Tensor:
        return torch.cat([p.detach().view(-1) for p in self.params])

    def gradients(self) -> torch.Tensor:
        return torch.cat([p.grad.reshape(-1) for p in self.params])

    def write(self, flat: torch.Tensor) -> None:
        torch._foreach_copy_([p.view(-1) for p in self.params], list(flat.split(self.sizes)))


def _update(rule, shape, maximize: bool):
    """The step on lists of tensors, in place; returns the new counts. `rule` is read as it stands."""

    def update(ps, gs, arrays, numbers, hypers):
        for p, g, own in zip(ps, gs, arrays, strict=True):
            s = state.rebuild(shape, iter(_interleave(shape, own, numbers)))
            q, new = rule.step(p, -g if maximize else g, s, **hypers)
            p.copy_(q)
            after = [value for _, value in state.leaves(new)]
            for x, y in zip(own, _pick(shape, after, arrays=True), strict=True):
                x.copy_(y)
        return _pick(shape, after, arrays=False)

    return update


def _alike(optimizer, rule, params: list) -> dict:
    """(p, state) of every parameter, by the numbers in the state, which one graph takes for all."""
    found = defaultdict(list)
    for p in params:
        s = optimizer._recall(p, rule)
        found[tuple(v for _, v in state.leaves(s) if not isinstance(v, torch.Tensor))].append((p, s))
    return found


def _joins(rule, p: torch.Tensor) -> bool:
    return rule.elementwise and p.numel() < SMALL and p.is_contiguous() and not p.is_complex()


def _arrays(s) -> list:
    return [value for _, value in state.leaves(s) if isinstance(value, torch.Tensor)]


def _pick(shape, values: list, *, arrays: bool) -> list:
    marks = [isinstance(value, torch.Tensor) for _, value in state.leaves(shape)]
    return [value for value, mark in zip(values, marks, strict=True) if mark is arrays]


def _interleave(shape, arrays: list, numbers: list) -> list:
    arrays, numbers = iter(arrays), iter(numbers)
    return [next(arrays if isinstance(v, torch.Tensor) else numbers) for _, v in state.leaves(shape)]


def _with_numbers(s, numbers: list):
    return state.rebuild(s, iter(_interleave(s, _arrays(s), [int(n) if n == int(n) else n for n in numbers])))


def _with_arrays(s, arrays: list):
    numbers = [v for _, v in state.leaves(s) if not isinstance(v, torch.Tensor)]
    return state.rebuild(s, iter(_interleave(s, arrays, numbers)))


def _scalar(value, device):
    """A number as a 0-dim tensor; what is no number (a flag, a tuple) stays a constant of the graph."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    dtype = torch.float32 if device.type == "mps" else torch.float64
    return torch.tensor(value, dtype=dtype, device=device)
