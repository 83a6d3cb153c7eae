"""Lesson 09: schedules that begin low. What a warm-up saves, and what one cycle gains."""

from collections.abc import Callable
from functools import cache

import numpy as np

from course_lib import schedules
from course_lib.problems import digits
from course_lib.rule import Rule
from course_lib.rules import momentum
from course_lib.trace import Trace
from course_lib.training import train_jax, train_torch

DEEP = (64,) + (64,) * 8 + (10,)  # the digits net with eight hidden layers


def both_frameworks(peak: float, *, device="cpu", steps: int = 300) -> dict[str, Trace]:
    """The digits net by momentum on one cycle up to `peak`, in torch and in JAX; test accuracies in the labels."""
    import torch

    from course_lib.jax_optim import from_rule
    from course_lib.torch_optim import TorchOptimizer
    from course_lib.torch_schedulers import TorchScheduler

    data, cycle = digits.load(), schedules.OneCycle(peak, steps, hold=True)
    order, net = list(digits.batches(len(data.x_train), 64, steps)), digits.torch_mlp().to(device)
    xy, optimizer = (data.x_train, data.y_train), TorchOptimizer(net.parameters(), momentum, lr=peak)
    scheduler = TorchScheduler(optimizer, cycle, cycle_momentum=True)
    one = train_torch(net, optimizer, order, *xy, name="momentum", scheduler=scheduler)
    transform = from_rule(momentum, cycle, momentum=cycle.momentum)
    params, two = train_jax(digits.jax_mlp(), transform, order, *xy, loss=digits.jax_loss, name="momentum")
    with torch.no_grad():
        scores = net(torch.as_tensor(data.x_test, device=device)).cpu().numpy()
    scores = scores, np.asarray(digits.jax_logits(params, data.x_test))
    for trace, framework, guess in zip((one, two), ("torch", "JAX"), scores, strict=True):
        right = np.mean(guess.argmax(axis=1) == data.y_test)
        trace.label = f"peak {peak:.2g}, {framework}: {right:.1%} of the test digits right"
    return {"torch": one, "JAX": two}


def scheduled(lr: np.ndarray, mu: np.ndarray, replicas: int) -> Rule:
    """Momentum whose lr is a multiple of a curve, for S schedules of T steps at once; both arrays are (S, T).

    In a sweep of S * n rates and `replicas` seeds the first n rates have the first schedule.
    """
    import torch

    lr_curve, mu_curve = (torch.tensor(x, dtype=torch.float32).repeat_interleave(replicas, 0) for x in (lr, mu))
    lr_curve, mu_curve = lr_curve[:, :, None, None], mu_curve[:, :, None, None]

    def step(p, g, state, *, lr):
        s, t = state
        now = {"lr": lr * lr_curve[:, t], "momentum": mu_curve[:, t]}
        p, s = momentum.step(p, g, s, **now)
        return p, (s, t + 1)

    return Rule("momentum", lambda p: (momentum.init(p), 0), step, elementwise=True)


def _sweep(curves: dict[str, Callable], lrs, seeds: int, steps: int, **settings) -> dict[str, tuple]:
    """{name: (final losses, test accuracies)}, each of shape (rates, seeds), for every schedule of a peak of 1."""
    from course_lib.sweeps import sweep_torch

    data, t = digits.load(), range(steps)
    lr = np.array([[float(curve(i)) for i in t] for curve in curves.values()])
    mu = np.array([[float(c.momentum(i)) if hasattr(c, "momentum") else 0.9 for i in t] for c in curves.values()])
    sweep = sweep_torch(
        scheduled(lr, mu, len(lrs) * seeds), np.tile(lrs, len(curves)), range(seeds), x=data.x_train, y=data.y_train,
        steps=steps, batch_size=64, test=(data.x_test, data.y_test), **settings,
    )  # fmt: skip
    shape = len(curves), len(lrs), seeds
    accuracy = np.where(sweep.diverged, 0.0, sweep.test_accuracy).reshape(shape)
    return dict(zip(curves, zip(sweep.final_loss.reshape(shape), accuracy, strict=True), strict=True))


def survival(
    warmed: Callable, lr: float = 0.085, *, seeds: int = 20, steps: int = 300, rise: int = 100
) -> dict[str, np.ndarray]:
    """Final losses of ten-layer nets by momentum 0.9, shape (seeds,): constant lr, a linear fall, and a fall with
    `rise` steps of warm-up in front, by warmed(t, n, schedule)."""
    fall = schedules.Linear(1.0, steps)
    curves = {
        "constant": schedules.Constant(1.0),
        "falling": fall,
        "falling, warm-up": lambda t: warmed(t, rise, lambda _: 1.0) * fall(t),
    }
    return {name: loss[0] for name, (loss, _) in _sweep(curves, [lr], seeds, steps, sizes=DEEP).items()}


def survivors(loss: np.ndarray, below: float = 1.0) -> int:
    """How many runs end below this training loss; guessing has 2.30."""
    return int(np.sum(loss < below))


PEAKS = np.geomspace(0.02, 1.28, 7)


def plans(steps: int) -> dict[str, Callable]:
    return {
        "constant": schedules.Constant(1.0),
        "linear fall": schedules.Linear(1.0, steps),
        "one cycle": schedules.OneCycle(1.0, steps),
    }


@cache
def peaks(steps: int = 300, seeds: int = 5) -> dict[str, np.ndarray]:
    """Median test accuracy on the digits at each of PEAKS, shape (7,), for three schedules of momentum's lr; 0 where
    the median run diverges. One cycle moves the momentum too, the others keep 0.9."""
    found = _sweep(plans(steps), PEAKS, seeds, steps)
    return {name: np.median(accuracy, axis=1) for name, (_, accuracy) in found.items()}


def by_length(lengths=(30, 60, 120, 300)) -> dict[int, dict[str, float]]:
    """Test accuracy of each schedule at its best peak, for runs of several lengths."""
    return {steps: {name: float(median.max()) for name, median in peaks(steps).items()} for steps in lengths}


def lead(table: dict[int, dict[str, float]]) -> float:
    """How far one cycle is ahead of the better of the two others, at the length where that is most."""
    return max(row["one cycle"] - max(row["constant"], row["linear fall"]) for row in table.values())


def cycles(one_cycle: Callable, steps: int = 100) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(lr, momentum) at every step, each (steps,), of triangles and of one_cycle(t, T, peak)."""
    t, triangles = np.arange(steps), schedules.Cyclic(0.04, 1.0, 10, base_momentum=0.85, max_momentum=0.95)
    once = np.array([one_cycle(i, steps, 1.0) for i in range(steps)]).T
    return {"cyclic": (triangles(t), triangles.momentum(t)), "one cycle": (once[0], once[1])}


def torchs_cycle(steps: int = 100) -> np.ndarray:
    """lr and momentum of torch's own OneCycleLR of peak 1, shape (2, steps)."""
    import torch

    from course_lib.trace_lr import preview

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9)
    trace = preview(torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=steps), steps)
    return np.stack([trace["lr"], trace["momentum"]])


def switched_on(**options) -> list[str]:
    """What trace_lr says of a plain SGD whose rate torch's CyclicLR moves, for 40 steps."""
    import torch

    from course_lib.trace_lr import trace_lr

    p = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([p], lr=0.1)
    scheduler = torch.optim.lr_scheduler.CyclicLR(optimizer, 0.01, 0.1, step_size_up=10, **options)
    with trace_lr(optimizer, scheduler) as trace:
        for _ in range(40):
            p.grad = p.detach().clone()
            optimizer.step()
            scheduler.step()
    return trace.diagnose()


def looped(loop: Callable, label: str, *, epochs: int = 10, batch_size: int = 14, peak: float = 1.0):
    """The digits net by plain SGD in a student's loop(epochs, train_step, scheduler), with torch's OneCycleLR made for
    every batch: ten epochs of a hundred. Gives the LrTrace, its `loss` beside the rates."""
    import torch

    from course_lib.trace_lr import trace_lr

    data, net = digits.load(), digits.torch_mlp()
    x, y = torch.as_tensor(data.x_train), torch.as_tensor(data.y_train)
    order = [list(digits.batches(len(x), batch_size, 100, seed)) for seed in range(epochs)]
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, total_steps=100 * epochs)

    def train_step(index) -> float:
        loss = torch.nn.functional.cross_entropy(net(x[index]), y[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    with trace_lr(optimizer, scheduler, label=label) as trace:
        loop(order, train_step, scheduler)
    return trace
