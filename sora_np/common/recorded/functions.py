"""The rules of NumPy's functions that are no ufuncs."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .array import FUNCTIONS, Back, Recorded, no_rule, summed_to, value_of


def _widened(dy: Any, shape: Sequence[int], axis: Any, keepdims: bool) -> Any:
    """Return dy, of a reduction along axes, in the shape of what was reduced."""
    if axis is not None and not keepdims:
        dy = np.expand_dims(dy, axis)
    return np.broadcast_to(dy, shape)


def _sum(x: Recorded, axis: Any = None, *, keepdims: bool = False) -> Recorded:
    y = x.value.sum(axis, keepdims=keepdims)
    return Recorded(y, [(x, lambda dy: _widened(dy, x.shape, axis, keepdims))])


def _mean(x: Recorded, axis: Any = None, *, keepdims: bool = False) -> Recorded:
    y = x.value.mean(axis, keepdims=keepdims)
    share = y.size / max(x.size, 1)
    return Recorded(y, [(x, lambda dy: _widened(dy * share, x.shape, axis, keepdims))])


def _extreme(function: Any) -> Callable[..., Recorded]:
    def extreme(x: Recorded, axis: Any = None, *, keepdims: bool = False) -> Recorded:
        y = function(x.value, axis, keepdims=keepdims)

        def back(dy: Any) -> Any:
            chosen = x.value == _widened(y, x.shape, axis, keepdims)
            ties = chosen.sum(axis, keepdims=keepdims)
            return _widened(dy / ties, x.shape, axis, keepdims) * chosen

        return Recorded(y, [(x, back)])

    return extreme


def _reshape(x: Recorded, shape: Any, **options: Any) -> Recorded:
    y = np.reshape(x.value, shape, **options)
    return Recorded(y, [(x, lambda dy: np.reshape(dy, x.shape))])


def _transpose(x: Recorded, axes: Any = None) -> Recorded:
    order = None if axes is None else np.argsort(axes)
    return Recorded(
        np.transpose(x.value, axes), [(x, lambda dy: np.transpose(dy, order))]
    )


def _moving(function: Any) -> Callable[..., Recorded]:
    """Return the rule of a function that only moves, repeats or drops entries.

    Applied to the numbers of the entries, the function tells where each of y comes
    from.
    """

    def moved(x: Recorded, *args: Any, **options: Any) -> Recorded:
        y = function(x.value, *args, **options)
        numbers = np.arange(x.size).reshape(x.shape)

        def back(dy: Any) -> Any:
            places = function(numbers, *args, **options)
            total = np.bincount(places.ravel(), np.ravel(dy), x.size)
            return total.reshape(x.shape)

        return Recorded(y, [(x, back)])

    return moved


def _pad(x: Recorded, pad_width: Any, mode: str = "constant", **options: Any) -> Any:
    y = np.pad(x.value, pad_width, mode, **options)  # type: ignore[call-overload]
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap"):
        raise no_rule(f"np.pad with mode={mode!r}")
    numbers = np.arange(1, x.size + 1).reshape(x.shape)

    def back(dy: Any) -> Any:
        places = np.pad(numbers, pad_width, mode)  # type: ignore[call-overload]
        total = np.bincount(places.ravel(), np.ravel(dy), x.size + 1)
        return total[1:].reshape(x.shape)  # 0 are the constants

    return Recorded(y, [(x, back)])


def _clip(
    x: Any, low: Any = None, high: Any = None, *, min: Any = None, max: Any = None
) -> Any:
    low, high = (low if min is None else min), (high if max is None else max)
    if isinstance(low, Recorded) or isinstance(high, Recorded):
        raise no_rule("np.clip between bounds that depend on y_pred")
    inside = np.ones(x.shape, bool)
    inside = inside if low is None else inside & (x.value >= low)
    inside = inside if high is None else inside & (x.value <= high)
    return Recorded(np.clip(x.value, low, high), [(x, lambda dy: dy * inside)])


def _where(condition: Any, a: Any, b: Any) -> Any:
    chosen = np.asarray(value_of(condition)).astype(bool)
    y = np.where(chosen, value_of(a), value_of(b))
    sides = (a, lambda dy: np.where(chosen, dy, 0)), (b, lambda dy: dy * ~chosen)
    return Recorded(
        y,
        [(x, summed_to(x.shape, back)) for x, back in sides if isinstance(x, Recorded)],
    )


def _concatenate(arrays: Sequence[Any], axis: int = 0) -> Recorded:
    values = [np.asarray(value_of(a)) for a in arrays]
    ends = np.cumsum([value.shape[axis] for value in values])[:-1]

    def part(k: int) -> Back:
        return lambda dy: np.split(dy, ends, axis)[k]

    own = [(a, part(k)) for k, a in enumerate(arrays) if isinstance(a, Recorded)]
    return Recorded(np.concatenate(values, axis), own)


def _stack(arrays: Sequence[Any], axis: int = 0) -> Recorded:
    return _concatenate([np.expand_dims(a, axis) for a in arrays], axis)


def _split(x: Recorded, sections: Any, axis: int = 0) -> list[Recorded]:
    parts = np.split(np.arange(x.shape[axis]), sections)
    before = (slice(None),) * (axis % x.ndim)
    return [
        x[(*before, slice(part[0], part[-1] + 1) if len(part) else slice(0))]
        for part in parts
    ]


def _var(
    x: Recorded, axis: Any = None, *, ddof: int = 0, keepdims: bool = False
) -> Any:
    squares = np.square(x - _mean(x, axis, keepdims=True))
    share = x.size / max(_mean(x, axis).size, 1)
    return _mean(squares, axis, keepdims=keepdims) * (share / (share - ddof))


def _std(x: Recorded, axis: Any = None, **options: Any) -> Any:
    return np.sqrt(_var(x, axis, **options))


def _norm(
    x: Recorded, ord: Any = None, axis: Any = None, keepdims: bool = False
) -> Any:
    if ord not in (None, 2, "fro", "euclidean") or (ord == 2 and axis is None):
        raise no_rule(f"np.linalg.norm with ord={ord!r}")
    return np.sqrt(_sum(x * x, axis, keepdims=keepdims))


def _cumsum(x: Recorded, axis: int) -> Recorded:
    def back(dy: Any) -> Any:
        return np.flip(np.cumsum(np.flip(dy, axis), axis), axis)

    return Recorded(np.cumsum(x.value, axis), [(x, back)])


def _prod(x: Recorded, axis: Any = None, *, keepdims: bool = False) -> Recorded:
    if not isinstance(axis, (int, type(None))):
        raise no_rule("np.prod along several axes")

    def back(dy: Any) -> Any:
        """Multiply dy by the product of the others, which may be zeros."""
        rows = x.value.reshape(-1) if axis is None else np.moveaxis(x.value, axis, -1)
        ones = np.ones_like(rows[..., :1])
        before = np.cumprod(np.concatenate([ones, rows[..., :-1]], -1), -1)
        turned = np.concatenate([ones, rows[..., :0:-1]], -1)
        others = before * np.cumprod(turned, -1)[..., ::-1]
        others = (
            others.reshape(x.shape) if axis is None else np.moveaxis(others, -1, axis)
        )
        return _widened(dy, x.shape, axis, keepdims) * others

    return Recorded(np.prod(x.value, axis, keepdims=keepdims), [(x, back)])


def _dot(a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return np.multiply(a, b)
    if np.ndim(b) > 2:
        raise no_rule("np.dot of an array with more than two axes")
    return np.matmul(a, b)


def _einsum(subscripts: str, *operands: Any, **options: Any) -> Recorded:
    names, _, out = subscripts.replace(" ", "").partition("->")
    inputs = names.split(",")
    plain = all(len({*name}) == len(name) for name in (*inputs, out))
    if "->" not in subscripts or "." in subscripts or options or not plain:
        raise no_rule(f"np.einsum({subscripts!r})")
    values = [np.asarray(value_of(operand)) for operand in operands]
    pairs = [*zip(inputs, values, strict=True)]
    sizes = {
        axis: n for name, a in pairs for axis, n in zip(name, a.shape, strict=True)
    }

    def part(k: int) -> Back:
        others = [pair for j, pair in enumerate(pairs) if j != k]
        known = {*out}.union(*(name for name, _ in others))
        ones = [(axis, np.ones(sizes[axis])) for axis in inputs[k] if axis not in known]
        path = ",".join([out, *(name for name, _ in others + ones)]) + "->" + inputs[k]
        arrays: list[Any] = [a for _, a in others + ones]
        return lambda dy: np.einsum(path, dy, *arrays)

    own = [(x, part(k)) for k, x in enumerate(operands) if isinstance(x, Recorded)]
    return Recorded(np.einsum(subscripts, *values), own)


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    ndims = np.ndim(value_of(a)), np.ndim(value_of(b))
    if isinstance(axes, int):
        axes = [*range(ndims[0] - axes, ndims[0])], [*range(axes)]
    left, right = [np.atleast_1d(one).tolist() for one in axes]
    letters = "abcdefghijklmnopqrstuvwxyz"
    of_a, of_b = list(letters[: ndims[0]]), list(letters[13 : 13 + ndims[1]])
    for j, k in zip(left, right, strict=True):
        of_b[k] = of_a[j]
    shared = {of_a[j] for j in left}
    out = [name for name in of_a + of_b if name not in shared]
    return np.einsum(f"{''.join(of_a)},{''.join(of_b)}->{''.join(out)}", a, b)


FUNCTIONS.update(
    {
        **{np.sum: _sum, np.mean: _mean, np.clip: _clip, np.where: _where},
        **{np.max: _extreme(np.max), np.min: _extreme(np.min)},
        **{np.reshape: _reshape, np.transpose: _transpose},
        **{np.concatenate: _concatenate, np.stack: _stack, np.split: _split},
        **{np.var: _var, np.std: _std, np.prod: _prod, np.cumsum: _cumsum},
        **{np.linalg.norm: _norm, np.pad: _pad},
        **{np.dot: _dot, np.einsum: _einsum, np.tensordot: _tensordot},
        **{
            function: _moving(function)
            for function in (
                *(np.ravel, np.squeeze, np.expand_dims, np.moveaxis, np.swapaxes),
                *(np.flip, np.roll, np.repeat, np.tile, np.broadcast_to, np.take),
                *(np.take_along_axis, np.diagonal, np.rot90),
            )
        },
    }
)
