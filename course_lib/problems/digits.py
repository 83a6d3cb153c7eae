"""Real data, no download: scikit-learn's 1,797 handwritten digits, and one small net on them in torch and in JAX.

Both nets start from the same NumPy weights and see the same batches, so that what differs between two runs is the
optimiser.
"""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

SIZES = (64, 32, 10)


class Split(NamedTuple):
    """Images as rows of 64 pixels, float32, standardised; labels 0 to 9 as int64."""

    x_train: np.ndarray  # (1437, 64)
    y_train: np.ndarray  # (1437,)
    x_test: np.ndarray  # (360, 64)
    y_test: np.ndarray  # (360,)


@cache
def load() -> Split:
    """The digits, split 80 : 20 with every class in proportion; pixels shifted and scaled by the training set's mean
    and overall deviation."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    mean, deviation = x_train.mean(axis=0), x_train.std()
    arrays = ((x_train - mean) / deviation, y_train, (x_test - mean) / deviation, y_test)
    return Split(*(a.astype(np.float32 if a.ndim == 2 else np.int64) for a in arrays))


def batches(examples: int, batch_size: int, steps: int, seed: int = 0) -> Iterator[np.ndarray]:
    """`steps` index arrays of shape (batch_size,): every epoch a new shuffle, its incomplete last batch dropped.

    Raises ValueError where a batch is empty or larger than the data.
    """
    if not 1 <= batch_size <= examples:
        raise ValueError(f"batch_size is {batch_size}; allowed are 1 to {examples}, the number of examples")
    rng = np.random.default_rng(seed)
    per_epoch = examples // batch_size
    for step in range(steps):
        if step % per_epoch == 0:
            order = rng.permutation(examples)
        at = step % per_epoch * batch_size
        yield order[at : at + batch_size]


def initial_weights(seed: int = 0, sizes: tuple[int, ...] = SIZES) -> list[tuple[np.ndarray, np.ndarray]]:
    """Per layer a weight of shape (inputs, outputs), He-normal, and a zero bias, both float32 (He et al. 2015)."""
    rng = np.random.default_rng(seed)
    return [
        ((rng.standard_normal((n, m)) * np.sqrt(2 / n)).astype(np.float32), np.zeros(m, np.float32))
        for n, m in pairwise(sizes)
    ]


def torch_mlp(seed: int = 0, sizes: tuple[int, ...] = SIZES):
    """The ReLU net as a `torch.nn.Sequential`, from `initial_weights(seed)`."""
    import torch

    layers = []
    for w, b in initial_weights(seed, sizes):
        linear = torch.nn.Linear(*w.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(w.T))
            linear.bias.copy_(torch.from_numpy(b))
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def jax_mlp(seed: int = 0, sizes: tuple[int, ...] = SIZES) -> list[dict]:
    """The same net as a list of {"weight": (inputs, outputs), "bias": (outputs,)}."""
    import jax.numpy as jnp

    return [{"weight": jnp.asarray(w), "bias": jnp.asarray(b)} for w, b in initial_weights(seed, sizes)]


def jax_logits(params: list[dict], x):
    """Class scores, shape (n, 10), for images `x` of shape (n, 64)."""
    import jax

    for layer in params[:-1]:
        x = jax.nn.relu(x @ layer["weight"] + layer["bias"])
    return x @ params[-1]["weight"] + params[-1]["bias"]


def jax_loss(params: list[dict], x, y):
    """Mean cross-entropy in nats of labels `y`, shape (n,)."""
    import jax
    import jax.numpy as jnp

    logp = jax.nn.log_softmax(jax_logits(params, x))
    return -jnp.mean(jnp.take_along_axis(logp, y[:, None], axis=1))
