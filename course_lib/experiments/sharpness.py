"""A tanh net on 200 digits, trained on all of them in every step, and the largest curvature it meets on the way.

The net is one flat vector p, so that a rule steps it and a Hessian-vector product is one call. Torch and JAX share the
architecture, the first weights and the loop.

References: Pearlmutter 1994 (the product); Cohen et al. 2021 and 2022 (the edge of stability).
"""

from functools import partial
from itertools import pairwise

import numpy as np

from course_lib.problems import digits
from course_lib.trace import Trace

SIZES = (64, 48, 48, 10)
EXAMPLES = 200
EVERY = 20  # steps from one measurement of the sharpness to the next


def start(seed: int = 0, sizes=SIZES) -> np.ndarray:
    """All weights and biases in one vector, float32; weights of deviation 1/sqrt(3 n) for n inputs, biases 0."""
    rng = np.random.default_rng(seed)
    layers = [(rng.standard_normal((n, m)) / np.sqrt(3 * n), np.zeros(m)) for n, m in pairwise(sizes)]
    return np.concatenate([part.ravel() for layer in layers for part in layer]).astype(np.float32)


def scores(p, x, tanh, sizes=SIZES):
    """The net's answers, shape (examples, 10), in whatever library `p` and `x` belong to."""
    i = 0
    for depth, (n, m) in enumerate(pairwise(sizes), start=2):
        weight, bias, i = p[i : i + n * m].reshape(n, m), p[i + n * m : i + n * m + m], i + n * m + m
        x = x @ weight + bias
        x = tanh(x) if depth < len(sizes) else x
    return x


def _examples() -> tuple[np.ndarray, np.ndarray]:
    data = digits.load()
    return data.x_train[:EXAMPLES], np.eye(10, dtype=np.float32)[data.y_train[:EXAMPLES]]


class TorchNet:
    """Half the mean squared error of the net, its gradient and its Hessian-vector products, by torch."""

    def __init__(self, device: str = "cpu", sizes=SIZES):
        import torch

        self.torch, self.device, self.sizes = torch, device, sizes
        self.x, self.y = map(self.array, _examples())

    def array(self, values):
        return self.torch.as_tensor(values, device=self.device)

    def loss(self, p):
        return ((scores(p, self.x, self.torch.tanh, self.sizes) - self.y) ** 2).sum(1).mean() / 2

    def slope(self, p):
        """(loss, gradient) at p."""
        p = p.detach().requires_grad_()
        loss = self.loss(p)
        return loss.item(), self.torch.autograd.grad(loss, p)[0]

    def product(self, p):
        """The function v -> H v at p on NumPy vectors: the gradient of (gradient · v), by one pass back."""
        p = p.detach().requires_grad_()
        g = self.torch.autograd.grad(self.loss(p), p, create_graph=True)[0]
        return lambda v: self.torch.autograd.grad(g, p, self.array(_single(v)), retain_graph=True)[0].cpu().numpy()


class ClassNet(TorchNet):
    """The same net with cross-entropy in place of the squared error."""

    def loss(self, p):
        wanted = self.y.argmax(1)
        return self.torch.nn.functional.cross_entropy(scores(p, self.x, self.torch.tanh, self.sizes), wanted)


class JaxNet:
    """The same by JAX."""

    def __init__(self):
        import jax
        import jax.numpy as jnp

        x, y = map(jnp.asarray, _examples())
        loss = lambda p: ((scores(p, x, jnp.tanh) - y) ** 2).sum(1).mean() / 2  # noqa: E731
        self.array = jnp.asarray
        self._slope = jax.jit(jax.value_and_grad(loss))
        self._product = jax.jit(lambda p, v: jax.jvp(jax.grad(loss), (p,), (v,))[1])

    def slope(self, p):
        loss, g = self._slope(p)
        return float(loss), g

    def product(self, p):
        return lambda v: np.asarray(self._product(p, _single(v)))


def _single(v) -> np.ndarray:
    return np.asarray(v, dtype=np.float32)


def top_curvature(hvp, v, iterations: int):
    """(largest curvature, its direction) by power iteration from `v`, shape (d,), with products hvp(v) = H v."""
    for _ in range(iterations):
        v = hvp(v)
        v = v / np.linalg.norm(v)
    return v @ hvp(v), v


def train(net, rule, lr, *, steps=1500, top=top_curvature, scaled=None, seed=0, label=None, **hypers) -> Trace:
    """Train on all examples; the trace has `loss` (every step) and `sharpness` (every 20th).

    With `scaled(hvp, x, v_hat)`, the product of Adam's own Hessian with x, the sharpness is that one's.
    """
    p, trace = net.array(start(seed)), Trace(rule.__name__.rpartition(".")[2], label)
    s, v, iterations = rule.init(p), np.random.default_rng(1).standard_normal(p.shape[0]), 40
    for t in range(steps):
        if t % EVERY == 0 and (t or not scaled):
            hvp = net.product(p)
            hvp = partial(scaled, hvp, v_hat=_second_moment(s)) if scaled else hvp
            sharpness, v = top(hvp, v, iterations)
            iterations = 8  # from the last direction on
            trace.record(sharpness=sharpness, measured=t)
        loss, g = net.slope(p)
        trace.record(loss=loss)
        p, s = rule.step(p, g, s, lr=lr, **hypers)
    return trace


def _second_moment(s, beta2: float = 0.999) -> np.ndarray:
    """Adam's corrected average of squared gradients, in double precision."""
    v = s.v.cpu() if hasattr(s.v, "cpu") else s.v
    return np.asarray(v, dtype=float) / (1 - beta2**s.t)


def ratio(trace: Trace, line: float) -> float:
    """The sharpness of the last third of a run, on average, over a line."""
    sharpness = trace["sharpness"]
    return float(sharpness[-len(sharpness) // 3 :].mean() / line)


def rises(trace: Trace) -> float:
    """The share of the later half's steps in which the loss went up."""
    loss = trace["loss"]
    return float(np.mean(np.diff(loss[len(loss) // 2 :]) > 0))


def index_in_training(checks=(0, 100, 400, 3000), sizes=(64, 6, 10), lr: float = 0.3) -> list[tuple]:
    """(step, loss, negative curvatures, all of them, lowest, highest) of a net small enough for its whole Hessian."""
    from course_lib.rules import sgd

    net = TorchNet(sizes=sizes)
    p, rows = net.array(start(0, sizes)), []
    for t in range(checks[-1] + 1):
        loss, g = net.slope(p)
        if t in checks:
            hvp = net.product(p)
            h = np.linalg.eigvalsh(np.stack([hvp(e) for e in np.eye(len(p))]).astype(float))
            rows.append((t, loss, int((h < -1e-6).sum()), len(h), h[0], h[-1]))
        p, _ = sgd.step(p, g, (), lr=lr)
    return rows
