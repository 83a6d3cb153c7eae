"""Loops that run an optimiser and keep what happened: on a function, on a torch net, on a JAX net.

Every loop gives a `Trace`. One that meets a NaN or an infinity stops before the step that would spread it, says at
which step and in which parameter, and keeps what it has recorded.
"""

import os
from collections.abc import Callable, Iterable

import numpy as np
from tqdm.auto import tqdm

from course_lib import hyperparameters
from course_lib.arrays import to_numpy
from course_lib.problems import Problem
from course_lib.rule import Rule
from course_lib.trace import Trace


def descend(rule, problem: Problem, p=None, *, steps: int, seed: int | None = None, label=None, **hypers) -> Trace:
    """Run a rule on a function for `steps` steps from `p`, shape (d,), the problem's start where left out.

    A `seed` switches the problem's gradient noise on. The trace has rows 0 to `steps` of `p` and `loss`.
    """
    rule = Rule.of(rule)
    hypers = hyperparameters.resolve(rule, hypers)
    rng = None if seed is None else np.random.default_rng(seed)
    p = np.array(problem.start if p is None else p, dtype=float)
    s, trace = rule.init(p), Trace(rule.name, label)
    trace.record(p=p, loss=problem.f(p))
    for t in range(1, steps + 1):
        with np.errstate(over="ignore", invalid="ignore"):
            p, s = rule.step(p, problem.grad(p, rng), s, **hypers)
            loss = problem.f(p)
        if not (np.all(np.isfinite(p)) and np.isfinite(loss)):
            trace.stopped = f"stopped at step {t}: p is no longer finite; the learning rate is probably too large"
            break
        trace.record(p=p, loss=loss)
    return trace


def train_torch(net, optimizer, batches: Iterable, x, y, *, loss=None, device=None, name="sgd", label=None) -> Trace:
    """Train a torch module in place, one step for each index array in `batches`.

    `x` and `y` are NumPy arrays of all examples, `loss(net(x), y)` a mean over the batch, cross-entropy where left out.
    The trace has `loss` and `grad_norm`, a row a step, both taken before the step.
    """
    import torch

    loss = loss or torch.nn.functional.cross_entropy
    device = device or next(net.parameters()).device
    x, y = torch.as_tensor(x, device=device), torch.as_tensor(y, device=device)
    net.to(device).train()

    def gradients() -> dict:
        return {name: p.grad for name, p in net.named_parameters() if p.grad is not None}

    def step(index):
        index = torch.as_tensor(index, device=device)
        optimizer.zero_grad()
        value = loss(net(x[index]), y[index])
        value.backward()
        norm = torch.nn.utils.get_total_norm(gradients().values())
        numbers = value.item(), norm.item()
        if all(map(np.isfinite, numbers)):
            optimizer.step()
        return numbers

    return _loop(step, gradients, batches, Trace(name, label))


def train_jax(params, transform, batches: Iterable, x, y, *, loss: Callable, name="sgd", label=None):
    """Train JAX parameters, one step for each index array in `batches`; returns (params, trace).

    `transform` is a pair (init, update) of `jax_optim` or optax; `loss(params, x, y)` a mean over the batch. The trace
    has `loss` and `grad_norm`, a row a step, both taken before the step.
    """
    import jax
    import jax.numpy as jnp

    from course_lib.jax_optim import apply_updates

    x, y = jnp.asarray(x), jnp.asarray(y)
    state = transform.init(params)

    @jax.jit
    def one(params, state, index):
        value, grads = jax.value_and_grad(loss)(params, x[index], y[index])
        updates, state = transform.update(grads, state, params)
        norm = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(grads)))
        return apply_updates(params, updates), state, grads, value, norm

    grads = None

    def step(index):
        nonlocal params, state, grads
        stepped, moved, grads, value, norm = one(params, state, index)
        numbers = float(value), float(norm)
        if all(map(np.isfinite, numbers)):
            params, state = stepped, moved
        return numbers

    def gradients() -> dict:
        leaves = jax.tree_util.tree_leaves_with_path(grads)
        return {jax.tree_util.keystr(path, simple=True, separator="."): g for path, g in leaves}

    trace = _loop(step, gradients, batches, Trace(name, label))
    return params, trace


def _loop(step: Callable, gradients: Callable, batches: Iterable, trace: Trace) -> Trace:
    """Call `step(index) -> (loss, gradient norm)` for every batch, with a progress bar; stop where it is not finite."""
    silent = "TQDM_DISABLE" in os.environ  # tqdm's notebook bar does not look
    bar = tqdm(list(batches), desc=trace.label, unit="step", leave=False, disable=silent)
    for t, index in enumerate(bar, start=1):
        loss, norm = step(index)
        trace.record(loss=loss, grad_norm=norm)
        if not (np.isfinite(loss) and np.isfinite(norm)):
            trace.stopped = f"stopped at step {t}: {_what_is_wrong(loss, gradients())}; the step was not taken"
            bar.close()
            print(f"{trace.label} {trace.stopped}")
            break
    return trace


def _what_is_wrong(loss: float, gradients: dict) -> str:
    """The parameters whose gradient is not finite, else what the loss is."""
    found = {name: to_numpy(g) for name, g in gradients.items()}
    bad = [f"{name} ({_kind(g)})" for name, g in found.items() if not np.all(np.isfinite(g))]
    if bad:
        return "the gradient is not finite in " + ", ".join(bad)
    return f"the loss is {loss}" if not np.isfinite(loss) else "the norm of the gradient overflows"


def _kind(g: np.ndarray) -> str:
    return "NaN" if np.any(np.isnan(g)) else "infinite"
