"""Gradient clipping: a large gradient is made smaller before the optimiser sees it.

    by value        g <- min(max(g, -c), c)                         every entry by itself; turns the gradient
    by norm         g <- g * min(1, c / |g|)                        one array; keeps its direction
    by global norm  the same, |g| over all arrays as one vector     keeps the direction of the whole gradient
    adaptive        the same for every unit (the weights into one neuron), c = clipping * |weights of that unit|

Every function is pure and gives (new, norm before). None of them cures what is not finite: where the norm is infinite,
finite entries become 0 and infinite ones NaN; where it is NaN, all become NaN. Look at the norm that is returned.

Convention: optax's, c / |g|. PyTorch divides by |g| + 1e-6: `eps=1e-6`.

References: Pascanu, Mikolov & Bengio 2013, algorithm 1; Brock, De, Smith & Simonyan 2021, section 4 (adaptive).
"""

from collections.abc import Callable, Sequence
from numbers import Real

from course_lib.arrays import Array, namespace


def by_value(gradients: Sequence[Array], clip_value: float) -> tuple[list[Array], Array]:
    """Every entry moved into [-clip_value, clip_value]; the norm is the global one."""
    check_limit("clip_value", clip_value)
    norm = global_norm(gradients)
    return [namespace(g).clip(g, -clip_value, clip_value) for g in gradients], norm


def by_norm(g: Array, max_norm: float, eps: float = 0.0) -> tuple[Array, Array]:
    """One array, no longer than `max_norm`. Array by array this turns the whole gradient; see `by_global_norm`."""
    (clipped,), norm = by_global_norm([g], max_norm, eps)
    return clipped, norm


def by_global_norm(gradients: Sequence[Array], max_norm: float, eps: float = 0.0) -> tuple[list[Array], Array]:
    """All arrays times one number, so that together they are no longer than `max_norm`."""
    check_limit("max_norm", max_norm)
    norm = global_norm(gradients)
    factor = _factor(norm + eps, max_norm)
    return [_times(g, factor) for g in gradients], norm


def outputs_first(shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The axes along which the weights into one unit lie, for PyTorch's (out, in, ...).

    None, all axes, for a scalar or a vector such as a bias: it is one unit, here and below.
    """
    return None if _is_vector(shape) else tuple(range(1, len(shape)))


def outputs_last(shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The same for JAX's (..., in, out); as in optax, three axes are an attention's (in, heads, out)."""
    if _is_vector(shape):
        return None
    return (0,) if len(shape) == 3 else tuple(range(len(shape) - 1))


def adaptive(
    gradients: Sequence[Array],
    params: Sequence[Array],
    clipping: float = 0.01,
    eps: float = 1e-3,
    unit_axes: Callable = outputs_first,
) -> tuple[list[Array], Array]:
    """AGC: the gradient of every unit no longer than `clipping` times its weights, these counted as at least `eps`.

    `unit_axes` tells from a shape which axes belong to one unit. The paper leaves the last layer unclipped: do not pass
    it. The norm is the global one.
    """
    check_limit("clipping", clipping)
    check_limit("eps", eps)
    norm = global_norm(gradients)
    return [_adaptive(g, p, clipping, eps, unit_axes(g.shape)) for g, p in zip(gradients, params, strict=True)], norm


def global_norm(gradients: Sequence[Array]) -> Array:
    """The Euclidean length of all arrays as one vector: the root of the sum of squares, not the sum of norms."""
    if not len(gradients):
        raise ValueError("gradients is empty; it must hold at least one array")
    xp = namespace(gradients[0])
    return xp.linalg.vector_norm(xp.stack([xp.linalg.vector_norm(g) for g in gradients]))


def check_limit(name: str, value) -> None:
    """Raise ValueError or TypeError in one sentence unless `value` is a number > 0; arrays pass unseen."""
    if hasattr(value, "dtype") and not isinstance(value, Real):
        return
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}; allowed is a number > 0")
    if not value > 0:
        raise ValueError(f"{name} is {value}; allowed is a number > 0")


def _is_vector(shape: tuple[int, ...]) -> bool:
    return sum(n != 1 for n in shape) <= 1


def _adaptive(g: Array, p: Array, clipping: float, eps: float, axes: tuple[int, ...] | None) -> Array:
    weights = namespace(p).clip(_length(p, axes), eps, None)
    return _times(g, _factor(_length(g, axes), clipping * weights))


def _length(x: Array, axes: tuple[int, ...] | None) -> Array:
    xp = namespace(x)
    return xp.sqrt(xp.sum(abs(x) ** 2, axis=axes, keepdims=True))


def _factor(norm: Array, limit: Array) -> Array:
    """min(1, limit / norm), in a form that divides by no zero and passes NaN on."""
    return 1 / namespace(norm).clip(norm / limit, 1.0, None)


def _times(g: Array, factor: Array) -> Array:
    """g * factor; g keeps its dtype, though the norm may be of arrays of several, but integers become floats."""
    if isinstance(g, int | float):
        return g * factor
    return namespace(g).asarray(g * factor, dtype=(g * 1.0).dtype)
