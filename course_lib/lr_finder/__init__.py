"""Learning-rate finder: one short run whose rate grows from step to step, and what its loss curve suggests.

    curve = find_lr_torch(net, optimizer, batches, x, y)      the same with find_lr_jax, and find_lr on a function
    curve.tenth, curve.steepest, curve.explain()

Step t of n uses lr_min * (lr_max / lr_min)^((t - 1) / (n - 1)). The sweep ends early where the smoothed loss is more
than `stop_factor` times its best (as far above it, where the best is negative) or not finite. Everything is left as it
was found, after an exception too: net, optimiser, gradients, order of the data, random states.

The curve's minimum is no stable rate: divergence takes time to show. Without noise on 50 to 100 curvatures evenly
spaced in the logarithm from 1 to 50, 100 or 1000, in 300 steps from 1e-4 to 10, it lies between 5 and 6.2 times the
stability limit of gradient descent, 2 / (largest curvature). Other sweeps and spectra move it.

Convention: the loss of a step is taken before it, as in fastai; batches are repeated where there are fewer than steps.

References: Smith 2017, "Cyclical Learning Rates", section 3.3 (whose rate grows linearly); Howard & Gugger 2020 (the
exponential sweep, the tenth).
"""

from course_lib.lr_finder.curve import LrCurve
from course_lib.lr_finder.in_jax import find_lr_jax
from course_lib.lr_finder.in_torch import find_lr_torch
from course_lib.lr_finder.on_function import find_lr

__all__ = ["LrCurve", "find_lr", "find_lr_jax", "find_lr_torch"]
