"""A run in JAX as one .npz file: the leaves of parameters and state in order, and the trace."""

import json

import jax
import jax.numpy as jnp
import numpy as np

from course_lib.training.checkpoint import Checkpoint
from course_lib.training.jax_step import JaxStep


class JaxCheckpoint(Checkpoint):
    """Leaves are stored as bytes: NumPy's format has no bfloat16. Their shapes and dtypes are those of the run."""

    form = "train_jax"

    def __init__(self, path, every: int, step: JaxStep):
        super().__init__(path, every)
        self.step = step

    def describe(self) -> dict[str, str]:
        leaves, _ = jax.tree_util.tree_flatten_with_path({"params": self.step.params, "state": self.step.state})
        return {jax.tree_util.keystr(path): f"{jnp.shape(leaf)}, {jnp.result_type(leaf)}" for path, leaf in leaves}

    def read(self) -> dict:
        with np.load(self.path, allow_pickle=False) as file:
            arrays = dict(file)
        contents = json.loads(str(arrays.pop("about")))
        state = [arrays.pop(f"leaf {i}") for i in range(len(contents["parts"]))]
        return contents | {"state": state, "trace": arrays}

    def write(self, file, contents: dict) -> None:
        leaves, columns = contents.pop("state"), contents.pop("trace")
        arrays = {f"leaf {i}": leaf for i, leaf in enumerate(leaves)}
        np.savez(file, about=np.array(json.dumps(contents)), **arrays, **columns)

    def take(self) -> list[np.ndarray]:
        leaves = jax.tree.leaves((self.step.params, self.step.state))
        return [np.frombuffer(np.asarray(_raw(leaf)).tobytes(), np.uint8) for leaf in leaves]

    def put(self, state: list[np.ndarray]) -> None:
        leaves, treedef = jax.tree.flatten((self.step.params, self.step.state))
        restored = [_like(leaf, stored) for leaf, stored in zip(leaves, state, strict=True)]
        self.step.params, self.step.state = treedef.unflatten(restored)


def _is_key(leaf) -> bool:
    return jnp.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key)


def _raw(leaf):
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _like(leaf, stored: np.ndarray):
    """The array that these bytes are, of the kind of `leaf`."""
    raw = np.asarray(_raw(leaf))
    array = jnp.asarray(np.frombuffer(stored.tobytes(), raw.dtype).reshape(raw.shape))
    return jax.random.wrap_key_data(array, impl=jax.random.key_impl(leaf)) if _is_key(leaf) else array
