"""Which gradients are not finite: the first question when a loss turns into NaN.

loss.backward(); print(find_nonfinite(net))
print(find_nonfinite(jax.grad(loss)(params)))
"""

from typing import NamedTuple

import numpy as np

from course_lib.arrays import Array, to_numpy


class Row(NamedTuple):
    """One parameter whose gradient is not finite."""

    name: str
    nans: int  # entries that are NaN
    infs: int  # entries that are +inf or -inf
    size: int  # entries of the gradient
    norm: float  # of the finite entries

    @property
    def label(self) -> str:
        """ "NaN", "Inf" or "NaN and Inf"."""
        return " and ".join(word for word, count in (("NaN", self.nans), ("Inf", self.infs)) if count)


class Findings(list):
    """Rows, worst news only: empty where every gradient is finite. Shows itself as a table."""

    def __init__(self, rows, looked_at: int):
        super().__init__(rows)
        self.looked_at = looked_at  # gradients

    def __repr__(self) -> str:
        if not self.looked_at:
            return "no parameter has a gradient yet"
        if not self:
            return f"all {self.looked_at} gradients are finite"
        width = max(len("parameter"), *(len(row.name) for row in self))
        head = f"{'parameter':{width}}  {'what':11}  {'NaN':>9}  {'Inf':>9}  {'of':>9}  norm of the finite"
        return "\n".join([head, *(_line(row, width) for row in self)])


def find_nonfinite(model) -> Findings:
    """A row for each parameter whose gradient holds a NaN or an infinity; parameters without a gradient are skipped.

    `model` is a torch module after `backward`, or a tree (dict, list, ...) of gradients of NumPy, JAX or torch.
    """
    found = {name: to_numpy(g) for name, g in gradients(model).items()}
    rows = [_row(name, g) for name, g in found.items()]
    return Findings([row for row in rows if row.nans or row.infs], len(found))


def gradients(model) -> dict[str, Array]:
    """The gradients of a torch module, or the leaves of a tree, by name: "0.weight".

    Raises TypeError where there is something else than arrays of numbers.
    """
    if hasattr(model, "named_parameters"):
        return {name: p.grad.to_dense() for name, p in model.named_parameters() if p.grad is not None}
    import jax

    leaves = jax.tree_util.tree_leaves_with_path(model)
    for _, leaf in leaves:
        if getattr(to_numpy(leaf), "dtype", np.dtype(object)).kind not in "fciub":
            raise TypeError(f"model is {model!r}; allowed is a torch module, or a tree (dict, list) of gradient arrays")
    return {jax.tree_util.keystr(path, simple=True, separator=".") or "gradient": leaf for path, leaf in leaves}


def _row(name: str, g: np.ndarray) -> Row:
    rest = np.abs(g[np.isfinite(g)]).astype(float)
    return Row(name, int(np.isnan(g).sum()), int(np.isinf(g).sum()), g.size, float(np.linalg.norm(rest)))


def _line(row: Row, width: int) -> str:
    return f"{row.name:{width}}  {row.label:11}  {row.nans:9}  {row.infs:9}  {row.size:9}  {row.norm:.3g}"
