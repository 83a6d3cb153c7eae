"""The noisy quadratic model by Monte Carlo: any rule, on noisy gradients, in thousands of replicas at once.

    p(0) ~ N(mean, variance),    g = h p + sqrt(c / B) * N(0, 1),    loss = 1/2 * sum(h p^2)

What has no closed form, Adam above all, is measured here; what has one is checked against it.
"""

from collections.abc import Callable
from numbers import Integral
from typing import NamedTuple

import numpy as np

from course_lib import hyperparameters
from course_lib.nqm.arguments import positive
from course_lib.nqm.spectrum import Spectrum, check_problem
from course_lib.rule import Rule

BACKENDS = ("numpy", "jax")
LARGEST = 2 * 10**8  # numbers in one array of replicas


class Simulation(NamedTuple):
    """Rows 0 to `steps`, the first before any step."""

    loss: np.ndarray  # mean over replicas, (steps + 1,)
    error: np.ndarray  # its standard error, (steps + 1,)


def simulate(
    problem: Spectrum,
    rule,
    *,
    lr,
    steps: int,
    batch_size: float,
    replicas: int = 1000,
    seed: int = 0,
    point: Callable | None = None,
    backend: str = "numpy",
    **hypers,
) -> Simulation:
    """Mean loss of `rule` at every step.

    `lr` is a number, or a schedule called with the 0-based step. The loss is taken at the parameter, or at
    `point(p, state)`, an average for example that the state carries. A rule that is not `elementwise` gets every
    replica's (d,) parameters by themselves. With `backend="jax"` the run is one jitted scan, in float32 unless JAX is
    set to float64; the same seed gives other numbers there. A loss that grows out of bounds comes back as inf or NaN.

    Raises ValueError or TypeError, in one sentence, for an argument that is not allowed.
    """
    rule = Rule.of(rule)
    _check(problem, steps, batch_size, replicas, seed, point, backend)
    if np.ndim(lr):
        raise ValueError(f"lr has shape {np.shape(lr)}; allowed is a number, or a schedule called with the step")
    rates = [float(lr(t)) for t in range(steps)] if callable(lr) else [lr] * steps
    for rate in rates:
        hyperparameters.check("lr", rate)
    hypers = hyperparameters.resolve(rule, {**hypers, "lr": rates[0]})
    del hypers["lr"]
    run = _in_numpy if backend == "numpy" else _in_jax
    return run(problem, rule, point or _parameter, np.array(rates), batch_size, replicas, seed, hypers)


def _parameter(p, state):
    return p


def _in_numpy(problem, rule, point, rates, batch_size, replicas, seed, hypers) -> Simulation:
    rng = np.random.default_rng(seed)
    noise = np.sqrt(problem.c / batch_size)
    rule, point = (rule, point) if rule.elementwise else _one_by_one(rule, point)
    p = problem.mean + np.sqrt(problem.variance) * rng.standard_normal((replicas, len(problem.h)))
    s = rule.init(p)
    rows = [_summary(point(p, s), problem.h)]
    with np.errstate(over="ignore", invalid="ignore"):
        for lr in rates.tolist():
            g = problem.h * p + noise * rng.standard_normal(p.shape)
            p, s = rule.step(p, g, s, lr=lr, **hypers)
            rows.append(_summary(point(p, s), problem.h))
    return Simulation(*np.array(rows).T)


def _in_jax(problem, rule, point, rates, batch_size, replicas, seed, hypers) -> Simulation:
    import jax
    import jax.numpy as jnp

    h, noise = jnp.asarray(problem.h), jnp.asarray(np.sqrt(problem.c / batch_size))
    init = jax.vmap(lambda p: jax.tree.map(jnp.asarray, rule.init(p)))
    where = jax.vmap(point)

    def one(carry, now):
        (p, s), (lr, key) = carry, now
        g = h * p + noise * jax.random.normal(key, p.shape, p.dtype)
        p, s = jax.vmap(lambda p, g, s: rule.step(p, g, s, lr=lr, **hypers))(p, g, s)
        return (p, s), _summary(where(p, s), h)

    @jax.jit
    def run(key, rates):
        first, rest = jax.random.split(key)
        spread = jax.random.normal(first, (replicas, len(h)), h.dtype)
        p = jnp.asarray(problem.mean) + jnp.sqrt(jnp.asarray(problem.variance)) * spread
        s = init(p)
        return _summary(where(p, s), h), jax.lax.scan(one, (p, s), (rates, jax.random.split(rest, len(rates))))[1]

    start, rows = run(jax.random.key(seed), jnp.asarray(rates))
    return Simulation(
        *(np.append(np.asarray(a, float), np.asarray(b, float)) for a, b in zip(start, rows, strict=True))
    )


def _summary(p, h):
    """Mean loss of the replicas `p`, (replicas, d), and its standard error."""
    loss = (h * p * p).sum(axis=1) / 2
    return loss.mean(), loss.std(ddof=1) / len(p) ** 0.5


def _one_by_one(rule: Rule, point: Callable) -> tuple[Rule, Callable]:
    """The rule and the point for a block of replicas, (replicas, d), none of which sees another."""

    def init(p):
        return [rule.init(row) for row in p]

    def step(p, g, s, **hypers):
        rows = [rule.step(*replica, **hypers) for replica in zip(p, g, s, strict=True)]
        return np.array([row for row, _ in rows]), [state for _, state in rows]

    return Rule(rule.name, init, step), lambda p, s: np.array([point(*replica) for replica in zip(p, s, strict=True)])


def _check(problem, steps, batch_size, replicas, seed, point, backend) -> None:
    check_problem(problem)
    if problem.compressed:
        raise ValueError(
            f"problem has {problem.dimension} coordinates in {len(problem.h)} nodes; a simulation needs them all, "
            "such as harmonic(10_000)"
        )
    positive("batch_size", batch_size)
    for name, value, least in (("steps", steps, 1), ("replicas", replicas, 2), ("seed", seed, 0)):
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise ValueError(f"{name} is {value!r}; allowed is a whole number from {least} on")
    if replicas * problem.dimension > LARGEST:
        raise ValueError(
            f"replicas is {replicas} at {problem.dimension} coordinates; allowed are {LARGEST:.0e} numbers"
        )
    if point is not None and not callable(point):
        raise ValueError(f"point is {point!r}; allowed is a function of (p, state), or None for the parameter")
    if backend not in BACKENDS:
        raise ValueError(f"backend is {backend!r}; allowed are {' and '.join(BACKENDS)}")
