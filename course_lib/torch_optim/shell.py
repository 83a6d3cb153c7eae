"""Any rule as a `torch.optim.Optimizer`."""

from collections.abc import Callable
from typing import ClassVar

import torch

from course_lib import hyperparameters
from course_lib.rule import Rule
from course_lib.rules import adam, adam_l2, adamw, decay, momentum, sgd
from course_lib.torch_optim import blocks, compiled, inplace, state

SGD_L2, MOMENTUM_L2 = decay.l2(sgd), decay.l2(momentum)
IN_PLACE = {  # the second text of a rule's step
    sgd.step: inplace.sgd,
    SGD_L2.step: inplace.sgd,
    momentum.step: inplace.momentum,
    MOMENTUM_L2.step: inplace.momentum,
    adam.step: inplace.adam,
    adam_l2.step: inplace.adam_l2,
    adamw.step: inplace.adamw,
}


class TorchOptimizer(torch.optim.Optimizer):
    """Any rule as a `torch.optim.Optimizer`.

    `params` is what torch takes: tensors, (name, tensor) pairs or groups; a group may carry hyperparameters of its own.
    `hypers` are those of the rule's `step`, the rule's defaults where left out. `maximize` climbs. `compile` hands the
    rule, as it is written, to `torch.compile`. A parameter whose gradient is None is skipped and its state does not
    age. Parameters keep their storage; gradients are never changed.

    Raises TypeError for an unknown hyperparameter, ValueError for one out of range or a group without 'params',
    RuntimeError for a sparse gradient.
    """

    slots: ClassVar[dict[str, str]] = {
        "t": "step"
    }  # fields of the rule's state that torch's checkpoints call otherwise
    missing: ClassVar[dict[str, object]] = {}  # fields that torch's checkpoints lack
    counts = False  # whether torch's checkpoints count steps that the rule does not
    takes_rows = False  # whether a sparse gradient may update the rows that it has

    def __init__(self, params, rule, *, maximize: bool = False, compile: bool = False, **hypers):
        self.rule = Rule.of(rule)
        self._prepare(compile)
        super().__init__(params, hyperparameters.resolve(self.rule, hypers) | {"maximize": maximize})

    def _prepare(self, compile: bool) -> None:
        self._layouts: dict = {}  # by rule and number of dimensions
        self._compiled = compiled.Compiled() if compile else None

    def __getstate__(self) -> dict:
        own = {"rule": self.rule} if hasattr(self, "rule") else {}
        return super().__getstate__() | own | {"compile": self._compiled is not None}

    def __setstate__(self, state: dict) -> None:
        compile = state.pop("compile", getattr(self, "_compiled", None) is not None)
        super().__setstate__(state)
        for group in self.param_groups:
            for name, value in self.defaults.items():  # which an old or a foreign checkpoint may lack
                group.setdefault(name, value)
        self._prepare(compile)

    def add_param_group(self, param_group: dict) -> None:
        if not isinstance(param_group, dict) or "params" not in param_group:
            given = list(param_group) if isinstance(param_group, dict) else param_group
            raise ValueError(
                f"parameter group {len(self.param_groups)} has no 'params' (given {given!r}); "
                "a group is a dict such as {'params': net.parameters(), 'lr': 0.1}"
            )
        for name, value in (self.defaults | param_group).items():
            if name == "betas":
                hyperparameters.check(name, value)
                value = tuple(number(beta, name) for beta in value)
            if name != "params":
                hyperparameters.check(name, number(value, name))
        super().add_param_group(param_group)

    @torch.no_grad()
    def step(self, closure: Callable | None = None):
        """One step for every parameter that has a gradient; returns the closure's loss, if one is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            rule = self._rule(group)
            hypers = self._hypers(rule, group)
            dense = [p for i, p in enumerate(group["params"]) if p.grad is not None and not self._rows(i, p, group)]
            if self._compiled is None or not self._compiled.step(self, rule, dense, hypers, group["maximize"]):
                step_one = self._step_in_place if rule.step in IN_PLACE else self._step_by_the_rule
                for p in dense:
                    step_one(p, rule, hypers, group["maximize"])
            if self.counts:
                for p in dense:
                    self.state[p].setdefault("step", torch.zeros(())).add_(1)
        return loss

    def _rule(self, group: dict) -> Rule:
        return self.rule

    def _hypers(self, rule: Rule, group: dict) -> dict:
        return {name: number(group[name], name) for name in hyperparameters.names(rule)}

    def _step_in_place(self, p: torch.Tensor, rule: Rule, hypers: dict, maximize: bool) -> None:
        """The rule's second text; its state is arrays, and a count of steps perhaps."""
        text, layout, stored = IN_PLACE[rule.step], self._layouts.get((rule.step, p.dim())), self.state.get(p)
        if layout is None or (not stored and layout.keys):
            layout = self._layout(p, rule)
            stored = self.state.get(p)
        t = layout.count_one_more(stored)
        arrays = [stored[key] for key in layout.arrays]
        if p.numel() <= blocks.BLOCK and not p.is_complex():
            text(p, -p.grad if maximize else p.grad, *arrays, t, **hypers)
            return
        for q, g, *rest in blocks.blocks(*map(state.real, (p, p.grad, *arrays))):
            text(q, -g if maximize else g, *rest, t, **hypers)

    def _step_by_the_rule(self, p: torch.Tensor, rule: Rule, hypers: dict, maximize: bool) -> None:
        """The rule as it stands, in blocks where it is elementwise."""
        layout = self._layout(p, rule)
        s = layout.load(self.state[p]) if layout.keys else layout.load({})
        q, g = state.real(p), state.real(p.grad)
        if rule.elementwise and p.numel() > blocks.BLOCK:
            s = self._by_blocks(q, g, rule, s, hypers, maximize)
        else:
            moved, s = rule.step(q, -g if maximize else g, s, **hypers)
            q.copy_(moved)
        if layout.keys:
            layout.save(self.state[p], s, p)

    @staticmethod
    def _by_blocks(p, g, rule: Rule, s, hypers: dict, maximize: bool):
        """The same on pieces of `p`, its state written in place; returns the state with its new numbers."""
        whole = state.values_of(s)
        arrays = [v for v in whole if isinstance(v, torch.Tensor)]
        for q, h, *rest in blocks.blocks(p, g, *arrays):
            piece = iter(rest)
            old = [next(piece) if isinstance(v, torch.Tensor) else v for v in whole]
            moved, after = rule.step(q, -h if maximize else h, state.rebuild(s, iter(old)), **hypers)
            q.copy_(moved)
            new = state.values_of(after)
            for x, y in zip(old, new, strict=True):
                if isinstance(x, torch.Tensor):
                    x.copy_(y)
        return state.rebuild(s, (v if isinstance(v, torch.Tensor) else n for v, n in zip(whole, new, strict=True)))

    def _layout(self, p: torch.Tensor, rule: Rule) -> state.Layout:
        """Where `p` keeps its state, which is made where there is none yet."""
        kind = rule.step, p.dim()
        layout = self._layouts.get(kind)
        if layout is None or (layout.keys and not self.state[p]):
            s = rule.init(state.real(p))
            layout = self._layouts[kind] = state.Layout(s, self.slots, self.missing)
            if layout.keys and not self.state[p]:
                layout.save(self.state[p], s, p)
        return layout

    def _recall(self, p: torch.Tensor, rule: Rule):
        """The state of `p`."""
        return self._layout(p, rule).load(self.state[p])

    def _remember(self, p: torch.Tensor, rule: Rule, s) -> None:
        layout = self._layout(p, rule)
        if layout.keys:  # a rule without memory leaves none, as in torch
            layout.save(self.state[p], s, p)

    def _rows(self, i: int, p: torch.Tensor, group: dict) -> bool:
        """Step on the rows of a sparse gradient, if that is what `p` has and the rule can; False for a dense one."""
        if not p.grad.is_sparse:
            return False
        if not self.takes_rows:
            name = group["param_names"][i] if "param_names" in group else f"number {i}, shape {tuple(p.shape)}"
            raise RuntimeError(
                f"{type(self).__name__} does not support sparse gradients; parameter {name} has one "
                "(an embedding with sparse=True makes them)"
            )
        if group.get("weight_decay"):
            raise RuntimeError("weight_decay option is not compatible with sparse gradients")
        rule, g = self._rule(group), p.grad.coalesce()
        at, rows = g.indices().unbind(), g.values()
        if group.get("momentum"):  # a velocity carries the rows without a gradient on, too
            at, rows = (...,), g.to_dense()
        s = self._recall(p, rule)
        few = [v[at] if isinstance(v, torch.Tensor) else v for v in state.values_of(s)]
        rows = -rows if group["maximize"] else rows
        q, new = rule.step(p[at], rows, state.rebuild(s, iter(few)), **self._hypers(rule, group))
        p[at] = q
        values = state.values_of(new)
        for i, old in enumerate(state.values_of(s)):
            if isinstance(old, torch.Tensor):
                old[at] = values[i]
                values[i] = old
        self._remember(p, rule, state.rebuild(s, iter(values)))
        return True


def number(value, name: str = "lr"):
    """A one-element tensor as the number it holds; anything else as it is."""
    if not isinstance(value, torch.Tensor):
        return value
    if value.numel() != 1:
        raise ValueError(f"Tensor {name} must be 1-element (given shape {tuple(value.shape)})")
    return value.item()
