"""Lesson 10: what the mean of a run is worth on a bowl, under wrong labels, and inside the method itself."""

from typing import NamedTuple

import numpy as np

from course_lib import averaging
from course_lib.experiments.noisy_labels import Runs, labelled, line, noisy_labels, top_curvature, two_frameworks
from course_lib.problems import quadratic
from course_lib.rules import schedule_free, sgd
from course_lib.rules.lookahead import lookahead
from course_lib.theory import noise_floor
from course_lib.trace import Trace

__all__ = [  # noqa: RUF022
    "mean_step", "ema_step", "cloud", "polyak", "ema_ratio", "free_walks", "watched", "lookahead_ratio",
    "averaged_model", "batch_norm", "Errors", "compute",
    "Runs", "labelled", "line", "noisy_labels", "top_curvature", "two_frameworks",
]  # fmt: skip

BOWL = quadratic([1.0, 4.0])
FREE = (1.0, 0.3)  # curvatures of the bowl on which Schedule-Free walks


def mean_step(mean, p, t):
    """The library's running mean, in the shape that the exercise has."""
    return averaging.running_mean().step(p, averaging.State(mean, t - 1)).mean


def ema_step(mean, p, t, decay):
    """The library's EMA, in the shape that the exercise has."""
    return averaging.ema(decay).step(p, averaging.State(mean, t - 1)).mean


def cloud(mean=mean_step, ema=ema_step, *, lr=0.2, decay=0.95, steps=300, start=30) -> dict[str, Trace]:
    """SGD in a noisy bowl from a corner, and two averages of its points from step `start` on, p of shape (steps, 2)."""
    rng = np.random.default_rng(2)
    traces = {name: Trace(name) for name in ("sgd", "mean", "ema")}
    p, means = np.array([-3.0, 1.6]), {"mean": np.zeros(2), "ema": np.zeros(2)}
    for t in range(1, steps + 1):
        p = p - lr * (BOWL.exact(p) + 1.5 * rng.standard_normal(2))
        traces["sgd"].record(p=p)
        if t > start:
            means["mean"] = mean(means["mean"].copy(), p.copy(), t - start)
            means["ema"] = ema(means["ema"].copy(), p.copy(), t - start, decay)
            for name, value in means.items():
                traces[name].record(p=value)
    return traces


class Spread(NamedTuple):
    """Errors of SGD at several constant rates on one curvature, shape (lrs,)."""

    lrs: np.ndarray
    mean: np.ndarray  # steps times the mean square of the average, over σ²/h²
    last: np.ndarray  # mean square of the last point


def polyak(mean=mean_step, *, lrs=(0.1, 0.3, 1.0, 2.0, 3.0), h=0.5, sigma=1.0, steps=2000, replicas=4000) -> Spread:
    """The average of all points and the last one, from the minimum, with the same noise for all rates."""
    rng, lr = np.random.default_rng(0), np.array(lrs)[:, None]
    p, average = np.zeros((len(lrs), replicas)), np.zeros((len(lrs), replicas))
    for t in range(1, steps + 1):
        average = mean(average, p.copy(), t)
        p = p - lr * (h * p + sigma * rng.standard_normal(replicas))
    return Spread(lr[:, 0], steps * np.mean(average**2, axis=1) * h**2 / sigma**2, np.mean(p**2, axis=1))


def ema_ratio(ema, decay: float, a: float, *, replicas: int = 10_000, memories: int = 12) -> float:
    """Measured variance of the EMA of x <- a * x + noise over that of x, after `memories` times 1 / (1 - decay) steps.

    x is stationary from the start.
    """
    rng, steps = np.random.default_rng(0), int(memories / (1 - decay))
    x, mean, squares = rng.standard_normal(replicas), np.zeros(replicas), []
    for t in range(1, steps + 1):
        mean = ema(mean, x.copy(), t, decay)
        if t > steps // 2:
            squares.append(np.mean(mean**2))
        x = a * x + np.sqrt(1 - a**2) * rng.standard_normal(replicas)
    return float(np.mean(squares))


def free_walks(step, *, lr=1.0, beta=0.9, steps=2000, replicas=1000, start=3.0) -> dict[str, Trace]:
    """E f on curvatures 1 and 0.3 with unit noise: plain SGD, the mean of its points, and Schedule-Free at x and at y.

    `step(x, z, t, slope, lr, beta)` gives (x, z).
    """
    h = np.array(FREE)
    rng, shape = np.random.default_rng(0), (replicas, 2)
    names = {"sgd": "SGD", "mean": "the mean of SGD's points", "schedule_free": "Schedule-Free, x", "y": "at y"}
    traces = {name: Trace(name, label) for name, label in names.items()}
    p = x = z = np.full(shape, start)
    average = np.zeros(shape)
    for t in range(1, steps + 1):
        noise = rng.standard_normal(shape)
        p = p - lr * (h * p + noise)
        average = mean_step(average, p, t)
        x, z = step(x, z, t, lambda y, noise=noise: h * y + noise, lr, beta)
        points = {"sgd": p, "mean": average, "schedule_free": x, "y": (1 - beta) * z + beta * x}
        for name, q in points.items():
            traces[name].record(loss=np.mean(0.5 * q**2 @ h))
    return traces


def watched(point, label: str, *, lr=1.0, beta=0.9, steps=2000, replicas=1000, start=3.0) -> Trace:
    """Schedule-Free SGD on curvatures 1 and 0.3 with unit noise, its loss taken at point(y, z, beta)."""
    h = np.array(FREE)
    rng, trace = np.random.default_rng(0), Trace("schedule_free", label)
    p = np.full((replicas, 2), start)
    s = schedule_free.sgd.init(p)
    for _ in range(steps):
        p, s = schedule_free.sgd.step(p, h * p + rng.standard_normal(p.shape), s, lr=lr, beta=beta)
        trace.record(loss=np.mean(0.5 * point(p, s.z, beta) ** 2 @ h))
    return trace


def lookahead_ratio(alpha: float, k: int, q: float, *, replicas=20_000, rounds=60) -> float:
    """Measured variance of Lookahead's slow weights over that of SGD's last point, lr * h = 1 - q, unit noise."""
    rng, rule, lr = np.random.default_rng(0), lookahead(sgd), 1 - q
    p = np.zeros(replicas)
    s, squares = rule.init(p), []
    for t in range(1, rounds * k + 1):
        p, s = rule.step(p, p + rng.standard_normal(replicas), s, lr=lr, k=k, alpha=alpha)
        if t % k == 0 and t > rounds * k // 2:
            squares.append(np.mean(p**2))
    return float(np.mean(squares) / noise_floor(lr, 1.0, 1.0))


def averaged_model() -> dict[str, list[float]]:
    """What torch's AveragedModel says after weights of 1, 2, 3, 4 and 5: by default, and as an EMA."""
    import torch
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    net, said = torch.nn.Linear(1, 1), {}
    for name, fn in {"default": None, "EMA, 0.9": get_ema_multi_avg_fn(0.9)}.items():
        average, said[name] = AveragedModel(net, multi_avg_fn=fn), []
        for value in (1.0, 2.0, 3.0, 4.0, 5.0):
            torch.nn.init.constant_(net.weight, value)
            average.update_parameters(net)
            said[name].append(round(float(average.module.weight.detach()), 4))
    return said


def batch_norm(*, lr=0.1, steps=300, start=150, batch_size=32) -> dict[str, tuple[float, float]]:
    """(training loss, test accuracy) of averaged weights in a net with batch-norm, by whose statistics it has.

    Pixels are as they come, 0 to 16; "untrained" are the statistics of a copy made before training.
    """
    import torch

    from course_lib import training
    from course_lib.problems import digits
    from course_lib.torch_averaging import TorchAverage, update_bn

    data = digits.load()
    x, test = (6 * a + 5 for a in (data.x_train, data.x_test))
    first, relu, last = digits.torch_mlp()
    net = torch.nn.Sequential(first, torch.nn.BatchNorm1d(first.out_features), relu, last)
    average, order = TorchAverage(net, averaging.running_mean()), list(digits.batches(len(x), batch_size, steps))
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    training.train_torch(net, optimizer, order[:start], x, data.y_train)
    training.train_torch(net, optimizer, order[start:], x, data.y_train, average=average)

    @torch.no_grad()
    def judged():
        net.eval()
        scores, others = net(torch.as_tensor(x)), net(torch.as_tensor(test))
        loss = torch.nn.functional.cross_entropy(scores, torch.as_tensor(data.y_train))
        return float(loss), float((others.argmax(dim=1).numpy() == data.y_test).mean())

    with average.swap():
        said = {"of the last weights": judged()}
        net[1].reset_running_stats()
        said["of an untrained copy"] = judged()
        update_bn(net, [torch.as_tensor(x[batch]) for batch in order[:44]])
        said["made anew"] = judged()
    return said


class Errors(NamedTuple):
    """What the explorer shows, on curvature 1 with unit noise from p = 10: one run, and exact root mean squares."""

    paths: np.ndarray  # (3, STEPS + 1): the run, the mean of its points, their EMA
    errors: np.ndarray  # (3, STEPS + 1), in the same order
    start: int


STEPS, FAR = 400, 10.0
NOISE = np.random.default_rng(3).standard_normal(STEPS)


def compute(decay: float, lr: float, start: int) -> Errors:
    """SGD, and from step `start` on the running mean and the EMA; until then both stand where the run is."""
    rows, paths = [], []
    x, averages = FAR, [FAR, FAR]
    square, with_x, squares = FAR**2, [FAR**2, FAR**2], [FAR**2, FAR**2]  # E x², E x·mean, E mean²
    for t in range(STEPS + 1):
        if t:
            x = x - lr * (x + NOISE[t - 1])
            square = (1 - lr) ** 2 * square + lr**2
        n = t - start
        for i, w in enumerate((1 / n, 1 - decay if n > 1 else 1.0) if n > 0 else (1.0, 1.0)):
            averages[i] += w * (x - averages[i])
            cross = (1 - lr) * with_x[i] if t else with_x[i]
            squares[i] = (1 - w) ** 2 * squares[i] + 2 * w * (1 - w) * cross + w * w * square
            with_x[i] = (1 - w) * cross + w * square
        paths.append((x, *averages))
        rows.append((square, *squares))
    return Errors(np.array(paths).T, np.sqrt(np.maximum(rows, 1e-30)).T, start)
