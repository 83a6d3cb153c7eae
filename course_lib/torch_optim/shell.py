"""Any rule as a `torch.optim.Optimizer`."""

from collections.abc import Callable
from itertools import compress
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
    age. Parameters keep their storage; gradients are never changed. The step is taken in inference mode, where a rule
    cannot differentiate.

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
            dense = self._dense(group)
            if self._compiled is None or not self._compiled.step(self, rule, dense, hypers, group["maximize"]):
                self._step_eagerly(dense, rule, hypers, group["maximize"])
            if self.counts:
                for p in dense:
                    self.state[p].setdefault("step", torch.zeros(())).add_(1)
        return loss

    def _dense(self, group: dict) -> list:
        """The parameters with a dense gradient; those with a sparse one take their step here, if the rule can."""
        ready = [(i, p) for i, p in enumerate(group["params"]) if p.grad is not None]
        sparse = [(i, p) for i, p in ready if p.grad.is_sparse]
        for i, p in sparse:
            self._step_on_rows(i, p, group)
        return [p for _, p in ready if not p.grad.is_sparse] if sparse else [p for _, p in ready]

    def _rule(self, group: dict) -> Rule:
        return self.rule

    def _hypers(self, rule: Rule, group: dict) -> dict:
        return {name: number(group[name], name) for name in hyperparameters.names(rule)}

    def _step_eagerly(self, params: list, rule: Rule, hypers: dict, maximize: bool) -> None:
        """One after the other, without autograd's bookkeeping, which is a fifth of the time of small tensors."""
        step_one = self._step_in_place if rule.step in IN_PLACE else self._step_by_the_rule
        places = [self._place(p, rule) for p in params]  # before: what is made in inference mode must not stay
        with torch.inference_mode():
            for p, (layout, stored) in zip(params, places, strict=True):
                step_one(p, rule, layout, stored, hypers, maximize)

    @staticmethod
    def _step_in_place(p, rule: Rule, layout: state.Layout, stored: dict, hypers: dict, maximize: bool) -> None:
        """The rule's second text; its state is arrays, and a count of steps perhaps."""
        text, t = IN_PLACE[rule.step], layout.count_one_more(stored)
        arrays = [stored[key] for key in layout.arrays]
        if p.numel() <= blocks.BLOCK and not p.is_complex():
            text(p, -p.grad if maximize else p.grad, *arrays, t, **hypers)
            return
        for q, g, *rest in blocks.blocks(*map(state.real, (p, p.grad, *arrays))):
            text(q, -g if maximize else g, *rest, t, **hypers)

    def _step_by_the_rule(self, p, rule: Rule, layout: state.Layout, stored: dict, hypers: dict, maximize: bool):
        """The rule as it stands, in blocks where it is elementwise."""
        s, g = layout.load(stored), p.grad
        if p.is_complex():
            p, g = state.real(p), state.real(g)
        if rule.elementwise and p.numel() > blocks.BLOCK:
            moved, new = p, self._by_blocks(p, g, rule, s, hypers, maximize)
        else:
            moved, new = rule.step(p, -g if maximize else g, s, **hypers)
        layout.renew(stored, s, new, p, moved)

    @staticmethod
    def _by_blocks(p, g, rule: Rule, s, hypers: dict, maximize: bool):
        """The same on pieces of `p`, which is moved, its arrays written in place; returns the state after the step."""
        whole = state.values_of(s)
        marks = [isinstance(v, torch.Tensor) for v in whole]
        for q, h, *rest in blocks.blocks(p, g, *compress(whole, marks)):
            piece = iter(rest)
            old = state.rebuild(s, (next(piece) if mark else v for v, mark in zip(whole, marks, strict=True)))
            moved, after = rule.step(q, -h if maximize else h, old, **hypers)
            new = state.values_of(after)
            state.write([q, *rest], [moved, *compress(new, marks)])
        return state.rebuild(s, (v if mark else n for v, n, mark in zip(whole, new, marks, strict=True)))

    def _place(self, p: torch.Tensor, rule: Rule) -> tuple[state.Layout, dict]:
        """How and where `p` keeps its state, which is made where there is none yet; a rule without any leaves none."""
        kind = rule.step, p.dim()
        layout = self._layouts.get(kind)
        if layout is None:
            layout = self._layouts[kind] = state.Layout(rule.init(state.real(p)), self.slots, self.missing)
        if not layout.keys:
            return layout, {}
        stored = self.state[p]
        if not stored:
            layout.save(stored, rule.init(state.real(p)), p)
        return layout, stored

    def _recall(self, p: torch.Tensor, rule: Rule):
        """The state of `p`."""
        layout, stored = self._place(p, rule)
        return layout.load(stored)

    def _remember(self, p: torch.Tensor, rule: Rule, s) -> None:
        layout, stored = self._place(p, rule)
        layout.save(stored, s, p)

    def _step_on_rows(self, i: int, p: torch.Tensor, group: dict) -> None:
        """Step on the rows of the sparse gradient that `p` has, if the rule can."""
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


def number(value, name: str = "lr"):
    """A one-element tensor as the number it holds; anything else as it is."""
    if not isinstance(value, torch.Tensor):
        return value
    if value.numel() != 1:
        raise ValueError(f"Tensor {name} must be 1-element (given shape {tuple(value.shape)})")
    return value.item()
