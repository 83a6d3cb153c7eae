"""One step of the optimisers, in milliseconds and as ratios to their peers, on three lists of parameters.

Peers are torch's default step on a CPU (its loop over tensors), its fused kernel, a textbook loop that writes the same
arithmetic out of place, and optax. Goals stand beside the ratios, met or not.
"""

import time
import weakref
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from course_lib import torch_optim
from course_lib.bench.clock import race
from course_lib.bench.shapes import LISTS
from course_lib.rule import Rule
from course_lib.rules import adam

PROBE = 1 << 26  # entries of the tensors whose sum shows the memory's bandwidth
PROBE_BYTES = 12  # a float32 entry of a += b: two are read, one is written
ADAM_BYTES = 28  # of Adam: p, g, m and v are read, p, m and v are written


class Row(NamedTuple):
    """One ratio: how long `ours` takes beside `peer`, and what was aimed at (at most)."""

    shapes: str
    ours: str
    peer: str
    milliseconds: float
    ratio: float
    goal: float

    @property
    def met(self) -> bool:
        return self.ratio <= self.goal


def run(lists: tuple[str, ...] = tuple(LISTS), seconds: float = 1.0) -> Iterator[Row]:
    """Measure, row by row; a compiled step also yields its compile time in seconds beside the goal of 60."""
    for name in lists:
        yield from torch_rows(name, seconds)
        yield from jax_rows(name, seconds)


def torch_rows(name: str, seconds: float) -> Iterator[Row]:
    large = name != "1000 × 1000"
    ps = parameters(name)
    ways: dict[str, Callable] = {
        "torch Adam": torch.optim.Adam(ps, foreach=False).step,
        "torch AdamW": torch.optim.AdamW(ps, foreach=False).step,
        "torch SGD": torch.optim.SGD(ps, lr=1e-3, momentum=0.9, foreach=False).step,
        "torch Adam, fused": torch.optim.Adam(ps, fused=True).step,
        "Adam": torch_optim.Adam(ps).step,
        "AdamW": torch_optim.AdamW(ps).step,
        "SGD, momentum": torch_optim.SGD(ps, lr=1e-3, momentum=0.9).step,
        "textbook loop": textbook(ps),
        "a student's rule": torch_optim.TorchOptimizer(ps, STUDENT).step,
    }
    compiled = torch_optim.TorchOptimizer(ps, adam, compile=True)
    started = time.perf_counter()
    compiled.step()
    spent = time.perf_counter() - started
    yield Row(name, "compiling", "60 s", 1e3 * spent, spent / 60, 1.0)
    a, b = torch.ones(PROBE), torch.ones(PROBE)
    ways |= {"compiled rule": compiled.step, "probe": lambda: a.add_(b)}
    times = race(ways, seconds=seconds)
    pairs = [
        ("Adam", "torch Adam", 0.7 if large else 0.9),
        ("AdamW", "torch AdamW", 0.7 if large else 0.9),
        ("SGD, momentum", "torch SGD", 0.7 if large else 0.9),
        ("a student's rule", "textbook loop", 1.1),
        ("compiled rule", "torch Adam, fused", 1.5),
    ]
    for ours, peer, goal in pairs:
        yield Row(name, ours, peer, 1e3 * times[ours], times[ours] / times[peer], goal)
    limit = sum(p.numel() for p in ps) * ADAM_BYTES / (PROBE * PROBE_BYTES / times["probe"])
    if name == "GPT-2 small":  # the others fit the cache in part, and beat the memory
        ours = times["compiled rule"]
        yield Row(name, "compiled rule", "memory bandwidth", 1e3 * ours, ours / limit, 1 / 0.85)
    yield Row(name, "extra memory, MiB", "10 % or 16 MiB", *_extra_memory(ps), 1.0)


def parameters(name: str) -> list[torch.Tensor]:
    """Parameters of that list of shapes, each with a gradient."""
    torch.manual_seed(0)
    ps = [torch.randn(shape).requires_grad_() for shape in LISTS[name]()]
    for p in ps:
        p.grad = torch.randn_like(p)
    return ps


def textbook(ps: list) -> Callable:
    """Adam as books write it: every line makes a new tensor."""
    states, t = {p: (torch.zeros_like(p), torch.zeros_like(p)) for p in ps}, 0

    @torch.no_grad()
    def step():
        nonlocal t
        t += 1
        for p in ps:
            m, v = states[p]
            m = 0.9 * m + (1 - 0.9) * p.grad
            v = 0.999 * v + (1 - 0.999) * p.grad * p.grad
            m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.999**t)
            p.copy_(p - 1e-3 * m_hat / (v_hat.sqrt() + 1e-8))
            states[p] = m, v

    return step


def _student_init(p):
    return torch.zeros_like(p), torch.zeros_like(p), 0


def _student_step(p, g, s, *, lr=1e-3):
    m, v, t = s
    t = t + 1
    m = 0.9 * m + (1 - 0.9) * g
    v = 0.999 * v + (1 - 0.999) * g * g
    m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.999**t)
    return p - lr * m_hat / (v_hat.sqrt() + 1e-8), (m, v, t)


STUDENT = Rule("student", _student_init, _student_step)


def _extra_memory(ps: list) -> tuple[float, float]:
    """(peak of temporary memory in one step of Adam, in MiB; its ratio to what is allowed)."""
    optimizer = torch_optim.Adam(ps)
    optimizer.step()
    peak = _peak_bytes(optimizer.step)
    allowed = max(0.1 * sum(p.numel() * p.element_size() for p in ps), 16 * 2**20)
    return peak / 2**20, peak / allowed


def _peak_bytes(step: Callable) -> int:
    """The most memory that new tensors held at one time during `step`."""
    with PeakMemory() as memory:
        step()
    return memory.peak


class PeakMemory(TorchDispatchMode):
    """Adds up the storage of every tensor that an operation makes, until that tensor dies."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        given = {x.untyped_storage().data_ptr() for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)}
        for x in tree_leaves(out):
            if isinstance(x, torch.Tensor) and x.untyped_storage().data_ptr() not in given:
                size = x.untyped_storage().nbytes()
                self.now += size
                self.peak = max(self.peak, self.now)
                weakref.finalize(x, self._free, size)
        return out

    def _free(self, size: int) -> None:
        self.now -= size


def jax_rows(name: str, seconds: float) -> Iterator[Row]:
    """Our Adam, AdamW and SGD beside optax's, jitted, with donated buffers."""
    import jax
    import jax.numpy as jnp
    import optax

    from course_lib import jax_optim

    shapes = LISTS[name]()
    pairs = {
        "Adam": (jax_optim.adam(1e-3), optax.adam(1e-3)),
        "AdamW": (jax_optim.adamw(1e-3), optax.adamw(1e-3)),
        "SGD, momentum": (jax_optim.sgd(1e-3, momentum=0.9), optax.sgd(1e-3, momentum=0.9)),
    }
    grads = [jnp.ones(shape) for shape in shapes]

    def stepper(transform):
        def step(params, state, grads):
            updates, state = transform.update(grads, state, params)
            return optax.apply_updates(params, updates), state

        step = jax.jit(step, donate_argnums=(0, 1))
        params = [jnp.ones(shape) for shape in shapes]
        held = [params, transform.init(params)]

        def way():
            held[:] = step(*held, grads)
            jax.block_until_ready(held[0])

        return way

    for ours, (mine, theirs) in pairs.items():
        times = race({"ours": stepper(mine), "theirs": stepper(theirs)}, seconds=seconds)
        yield Row(name, f"JAX {ours}", "optax", 1e3 * times["ours"], times["ours"] / times["theirs"], 1.05)


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    head = "| parameters | ours | ms | beside | ratio | goal | met |\n| --- | --- | --- | --- | --- | --- | --- |"
    return "\n".join([head, *map(_line, rows)])


def _line(r: Row) -> str:
    met = "yes" if r.met else "no"
    return f"| {r.shapes} | {r.ours} | {r.milliseconds:.3g} | {r.peer} | {r.ratio:.2f} | ≤ {r.goal:g} | {met} |"
