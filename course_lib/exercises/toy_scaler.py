"""A loss scaler, an optimiser and a loss in plain numbers, that note what a training step does with them.

They answer as PyTorch's GradScaler does, to wrong orders too. Where PyTorch would stop, nothing moves any more and
`fault` is the place of its message in FAULTS, so that a wrong order still has numbers to be told by.
"""

import numpy as np

FAULTS = (
    "",
    "unscale_() has already been called on this optimizer since the last update().",
    "unscale_() is being called after step().",
    "No inf checks were recorded for this optimizer.",
    "No inf checks were recorded prior to update.",
    "step() has already been called since the last update().",
    "Attempted unscale_ but _scale is None.  This may indicate your script did not use scaler.scale(loss or outputs) "
    "earlier in the iteration.",
)


class World:
    """Two weights at 0 under descent at lr 0.1 and a clip at norm 1."""

    def __init__(self, scale: float):
        self.p, self.g = np.zeros(2), None
        self.scale, self.unscaled, self.stepped, self.infinite = scale, False, False, False
        self.scaled, self.fault = False, 0

    def __deepcopy__(self, memo):
        return self

    def reading(self) -> np.ndarray:
        """p, the scale, and what went wrong: shape (4,)."""
        return np.array([*self.p, self.scale, self.fault], dtype=float)

    def stops(self, fault: int, wrong: bool) -> bool:
        """Whether PyTorch would have stopped, now or before."""
        if wrong and not self.fault:
            self.fault = fault
        return bool(self.fault)

    def move(self) -> None:
        if not self.fault and self.g is not None:
            self.p = self.p - 0.1 * self.g

    def clip(self) -> None:
        if self.g is not None:
            self.g = self.g / max(1.0, np.sqrt(np.sum(self.g**2)))


class _Part:
    """Part of a world; a copy of it is the same part of the same world."""

    def __init__(self, world: World):
        self.world = world

    def __deepcopy__(self, memo):
        return self


class Loss(_Part):
    """A loss whose gradient is known."""

    def __init__(self, world: World, gradient, factor: float = 1.0):
        super().__init__(world)
        self.gradient, self.factor = gradient, factor

    def __repr__(self):
        return f"loss with gradient {self.gradient}"

    def backward(self) -> None:
        g = np.array(self.gradient) * self.factor
        self.world.g = g if self.world.g is None else self.world.g + g


class Optimizer(_Part):
    def __repr__(self):
        return "optimizer"

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.world.g = None

    def step(self) -> None:
        self.world.move()


class Scaler(_Part):
    def __repr__(self):
        return "scaler"

    def get_scale(self) -> float:
        return self.world.scale

    def scale(self, loss: Loss) -> Loss:
        self.world.scaled = True
        return Loss(loss.world, loss.gradient, loss.factor * self.world.scale)

    def unscale_(self, optimizer: Optimizer) -> None:
        w = self.world
        if w.stops(6, not w.scaled) or w.stops(2, w.stepped) or w.stops(1, w.unscaled) or w.stops(3, w.g is None):
            return
        w.g, w.unscaled = w.g / w.scale, True
        w.infinite = not np.isfinite(w.g).all()

    def step(self, optimizer: Optimizer) -> None:
        w = self.world
        if w.stops(5, w.stepped):
            return
        if not w.unscaled:
            self.unscale_(optimizer)
        if not w.infinite:
            w.move()
        w.stepped = True

    def update(self) -> None:
        w = self.world
        if w.stops(4, not w.unscaled):
            return
        w.scale = w.scale / 2 if w.infinite else w.scale
        w.unscaled = w.stepped = w.infinite = False
