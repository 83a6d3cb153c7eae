"""Rules as gradient transformations of JAX: what optax users rely on, around six lines of arithmetic.

    from_rule(momentum, learning_rate=0.1)        any rule, a student's too
    adamw(1e-3, weight_decay=1e-2)                optax's names and arguments

The pair (init, update) composes with optax, which is not imported here. Definitions are PyTorch's; where optax defines
a method otherwise, the docstring says which arguments give that.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from course_lib import hyperparameters, rules
from course_lib.arrays import Array
from course_lib.rule import Rule


class GradientTransformation(NamedTuple):
    """optax's pair: `init(params) -> state`, `update(updates, state, params=None) -> (updates, state)`."""

    init: Callable
    update: Callable


class State(NamedTuple):
    count: Array  # steps taken, int32
    numbers: dict  # the single numbers in the rule's state, once for all leaves
    rule: Array  # the rule's state without them, each of its arrays a tree like the parameters


def from_rule(rule, learning_rate=None, *, reads_params: bool = True, **hypers) -> GradientTransformation:
    """Any rule as a gradient transformation.

    `learning_rate`, and any hyperparameter, is a number, an array, or a schedule called with the 0-based count of
    steps. The update is the difference of the rule's new and old parameters, in the gradient's dtype. Where a rule's
    step does not depend on the values of p (`reads_params=False`), it is taken at p = 0: nothing is rounded away and
    `params` may be left out. Complex leaves are pairs of reals to the rule, as in PyTorch; conjugate the gradients that
    `jax.grad` gives, as for optax.

    Raises TypeError for an unknown hyperparameter, ValueError for one out of range or for missing `params`.
    """
    rule = Rule.of(rule)
    given = {**hypers} if learning_rate is None else {"lr": learning_rate, **hypers}
    hypers = hyperparameters.resolve(rule, given)

    def init(params) -> State:
        leaves, treedef = jax.tree.flatten(params)
        whole = [rule.init(_real(p)) for p in leaves]
        kinds = whole or [rule.init(jnp.zeros((1, 1)))]  # a tree without leaves is optax's way to ask for the form
        numbers = {_kind(s): _numbers(s) for s in kinds}
        arrays = [jax.tree.map(lambda x: None if _is_number(x) else jnp.asarray(x), s) for s in whole]
        return State(jnp.zeros([], jnp.int32), numbers, _by_field(arrays, numbers, treedef, kinds[0]))

    def update(updates, state: State, params=None, **extra):
        if params is None and reads_params:
            raise ValueError(f"params is None; {rule.name} needs them: update(grads, state, params)")
        now = {name: value(state.count) if callable(value) else value for name, value in hypers.items()}
        gs, treedef = jax.tree.flatten(updates)
        if not gs:
            return updates, state._replace(count=state.count + 1)
        ps = treedef.flatten_up_to(params) if reads_params else [jnp.zeros_like(g) for g in gs]
        example = rule.init(_real(ps[0]))
        moves, arrays, numbers = [], [], dict(state.numbers)
        for p, g, s in zip(ps, gs, _by_leaf(state.rule, numbers, treedef, example), strict=True):
            move, new, numbers[_kind(s)] = _move(rule, p, g, s, state.numbers[_kind(s)], now)
            moves.append(move)
            arrays.append(new)
        after = State(state.count + 1, numbers, _by_field(arrays, numbers, treedef, example))
        return treedef.unflatten(moves), after

    return GradientTransformation(init, update)


def apply_updates(params, updates):
    """params + updates, leaf by leaf, in the dtype of each parameter."""
    return jax.tree.map(lambda p, u: (p + u).astype(p.dtype), params, updates)


def _move(rule: Rule, p, g, s, numbers: tuple, hypers: dict):
    """(update, state's arrays, its numbers) of one leaf, in the dtypes they came in."""
    number = iter(numbers)
    old = jax.tree.map(lambda x: next(number) if x is None else x, s, is_leaf=_is_none)
    q, new = rule.step(_real(p), _real(g), old, **{name: _as_fine(value, p) for name, value in hypers.items()})
    new = jax.tree.map(lambda x, y: jnp.asarray(x).astype(y.dtype), new, old)
    move = (q - _real(p)).astype(_real(g).dtype)
    if jnp.iscomplexobj(g):
        move = jax.lax.complex(move[..., 0], move[..., 1])
    after = zip(jax.tree.leaves(new), jax.tree.leaves(s, is_leaf=_is_none), strict=True)
    arrays = jax.tree.map(lambda x, y: None if y is None else x, new, s, is_leaf=_is_none)
    return move, arrays, tuple(x for x, y in after if y is None)


def _by_field(states: list, numbers: dict, treedef, example):
    """One state whose arrays are trees, from a state for each leaf; of several kinds they stay a tree of states."""
    if len(numbers) > 1:
        return treedef.unflatten(states)
    marks, form = jax.tree.flatten(example)
    columns = [jax.tree.leaves(s, is_leaf=_is_none) for s in states]
    fields = [[column[i] for column in columns] for i in range(len(marks))]
    return form.unflatten(
        None if _is_number(x) else treedef.unflatten(field) for x, field in zip(marks, fields, strict=True)
    )


def _by_leaf(rule, numbers: dict, treedef, example) -> list:
    """The other way round: a state for each leaf."""
    if len(numbers) > 1:
        return treedef.flatten_up_to(rule)
    marks, form = jax.tree.flatten(example)
    fields = zip(marks, form.flatten_up_to(rule), strict=True)
    columns = [treedef.num_leaves * [None] if _is_number(x) else treedef.flatten_up_to(field) for x, field in fields]
    return [form.unflatten(column[i] for column in columns) for i in range(treedef.num_leaves)]


def _as_fine(value, p):
    """An array of a hyperparameter in single precision, or in that of `p` if that is finer: 1 - lr * ... rounds."""
    if not (isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.floating)):
        return value
    return value.astype(jnp.promote_types(jnp.float32, _real(p).dtype))


def _real(x):
    return jnp.stack([x.real, x.imag], axis=-1) if jnp.iscomplexobj(x) else x


def _is_none(x) -> bool:
    return x is None


def _is_number(x) -> bool:
    return isinstance(x, int | float)


def _numbers(s) -> tuple:
    found = [x for x in jax.tree.leaves(s) if _is_number(x)]
    return tuple(jnp.asarray(x, jnp.int32 if isinstance(x, int) else float) for x in found)


def _kind(s) -> str:
    """States of one kind hold the same numbers: all leaves take their steps together."""
    return f"{type(s).__module__}.{type(s).__qualname__}" if isinstance(s, tuple) else ""


def sgd(learning_rate, momentum: float | None = None, nesterov: bool = False) -> GradientTransformation:
    """`optax.sgd`: plain where `momentum` is None, else heavy-ball or Nesterov."""
    if momentum is None:
        return from_rule(rules.sgd, learning_rate, reads_params=False)
    rule = rules.nesterov if nesterov else rules.momentum
    return from_rule(rule, learning_rate, reads_params=False, momentum=momentum)


def adagrad(learning_rate, initial_accumulator_value=0.0, eps=1e-10, eps_in_sqrt=False) -> GradientTransformation:
    """AdaGrad. optax's is `initial_accumulator_value=0.1, eps=1e-7, eps_in_sqrt=True`."""
    first = rules.adagrad.init

    def init(p):
        return first(p, initial_accumulator_value)

    rule = Rule("adagrad", init, rules.adagrad.step, rules.adagrad.State, True)
    return from_rule(rule, learning_rate, reads_params=False, **_eps(eps, eps_in_sqrt))


def adadelta(learning_rate=1.0, rho=0.9, eps=1e-6, weight_decay=0.0) -> GradientTransformation:
    """`optax.adadelta`, with L2 weight decay as in PyTorch."""
    return _with_l2(rules.adadelta, weight_decay, learning_rate, rho=rho, eps=eps)


def rmsprop(
    learning_rate, decay=0.99, eps=1e-8, eps_in_sqrt=False, centered=False, momentum: float | None = None
) -> GradientTransformation:
    """RMSProp. optax's is `decay=0.9, eps_in_sqrt=True`, with lr inside the velocity: the same while lr is constant."""
    hypers = {"alpha": decay, **_eps(eps, eps_in_sqrt)}
    if momentum is None:
        return from_rule(
            rules.rmsprop.centered if centered else rules.rmsprop, learning_rate, reads_params=False, **hypers
        )
    rule = rules.rmsprop.centered_with_momentum if centered else rules.rmsprop.with_momentum
    return from_rule(rule, learning_rate, reads_params=False, momentum=momentum, **hypers)


def adam(learning_rate=1e-3, b1=0.9, b2=0.999, eps=1e-8) -> GradientTransformation:
    """`optax.adam`."""
    return from_rule(rules.adam, learning_rate, reads_params=False, beta1=b1, beta2=b2, eps=eps)


def adamw(learning_rate=1e-3, b1=0.9, b2=0.999, eps=1e-8, weight_decay=1e-4) -> GradientTransformation:
    """`optax.adamw`, with its default decay; PyTorch's is 1e-2."""
    return from_rule(rules.adamw, learning_rate, beta1=b1, beta2=b2, eps=eps, weight_decay=weight_decay)


def amsgrad(learning_rate=1e-3, b1=0.9, b2=0.999, eps=1e-8, corrected=False) -> GradientTransformation:
    """AMSGrad. optax's is `corrected=True`, the maximum of the corrected average."""
    rule = rules.amsgrad.corrected if corrected else rules.amsgrad
    return from_rule(rule, learning_rate, reads_params=False, beta1=b1, beta2=b2, eps=eps)


def nadam(learning_rate=2e-3, b1=0.9, b2=0.999, eps=1e-8, momentum_decay=4e-3) -> GradientTransformation:
    """NAdam. optax's is `momentum_decay=math.inf`, a constant momentum."""
    hypers = {"beta1": b1, "beta2": b2, "eps": eps, "momentum_decay": momentum_decay}
    return from_rule(rules.nadam, learning_rate, reads_params=False, **hypers)


def adamax(learning_rate=2e-3, b1=0.9, b2=0.999, eps=1e-8) -> GradientTransformation:
    """`optax.adamax`."""
    return from_rule(rules.adamax, learning_rate, reads_params=False, beta1=b1, beta2=b2, eps=eps)


def radam(learning_rate=1e-3, b1=0.9, b2=0.999, eps=1e-8, corrected_eps=False) -> GradientTransformation:
    """RAdam. optax's is `corrected_eps=True`."""
    hypers = {"beta1": b1, "beta2": b2, "eps": eps, "corrected_eps": corrected_eps}
    return from_rule(rules.radam, learning_rate, reads_params=False, **hypers)


def lion(learning_rate, b1=0.9, b2=0.99, weight_decay=1e-3) -> GradientTransformation:
    """`optax.lion`."""
    return from_rule(rules.lion, learning_rate, beta1=b1, beta2=b2, weight_decay=weight_decay)


def muon(learning_rate=1e-3, momentum=0.95, nesterov=True, weight_decay=0.1) -> GradientTransformation:
    """Muon for trees of matrices alone; `from_rule(rules.muon.with_adamw)` takes any tree."""
    return from_rule(rules.muon, learning_rate, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay)


def lookahead(rule, learning_rate, sync_period=5, slow_step_size=0.5, **hypers) -> GradientTransformation:
    """Any rule with slow weights; parameters are the fast ones, so there is no pair to unwrap as in optax."""
    return from_rule(rules.lookahead.lookahead(rule), learning_rate, k=sync_period, alpha=slow_step_size, **hypers)


def _eps(eps, eps_in_sqrt: bool) -> dict:
    return {"eps": 0.0, "eps_root": eps} if eps_in_sqrt else {"eps": eps}


def _with_l2(rule, weight_decay, learning_rate, **hypers) -> GradientTransformation:
    if isinstance(weight_decay, int | float) and weight_decay == 0:
        return from_rule(rule, learning_rate, reads_params=False, **hypers)
    return from_rule(rules.decay.l2(rule), learning_rate, weight_decay=weight_decay, **hypers)
