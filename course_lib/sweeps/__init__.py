"""Many learning rates and seeds of one small net at once, and what may be concluded from them.

sweep_torch(adam, lrs, seeds, x=x, y=y, steps=200, batch_size=64)    a Sweep: one batched product a layer and step
sweep_jax(...)                                                       the same by `vmap` and `scan`; takes any rule
tune({"Adam": (adam, {}), ...}, lrs, seeds, ...)                     the best lr of each rule; a ranking or a refusal
map_sweeps(function, jobs, n_jobs=2, backend="dask")                 several sweeps on joblib's backends
"""

from course_lib.sweeps.by_jax import sweep_jax
from course_lib.sweeps.by_torch import sweep_torch
from course_lib.sweeps.comparison import Comparison, Ranking, Tuned, tune
from course_lib.sweeps.mapped import map_sweeps
from course_lib.sweeps.record import Sweep

__all__ = ["Comparison", "Ranking", "Sweep", "Tuned", "map_sweeps", "sweep_jax", "sweep_torch", "tune"]
