"""Arrays that record NumPy's operations, for losses that are plain functions.

A layer has an explicit backward pass, and so has a loss of this package.  A user's own
function f(y_true, y_pred) has none.  It is called with y_pred as a :class:`Recorded`
array: each operation of NumPy on it computes its value as usual, and notes how a
gradient goes back through it.  :func:`gradient` then applies the chain rule from the
last operation to the first (reverse-mode automatic differentiation).

The rules stand in ``UFUNCS`` and ``FUNCTIONS``.  An operation without a rule raises a
TypeError that names it, so no derivative is lost.  At kinks the rules are those of
TensorFlow: the derivative of |x| at 0 is 0, that of ``maximum(a, b)`` at a = b goes to
a, and equal maxima along an axis share theirs.

Source: Griewank & Walther (2008), "Evaluating Derivatives", chapter 3.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import DTypeLike

from sora_np.kernels.machine.arrays import Array

Back = Callable[[Any], Any]  # dy -> the gradient of one operand


class Recorded(NDArrayOperatorsMixin):
    """An array, and how it was computed.

    Parameters
    ----------
    value : the numbers
    parents : (operand, function of dy that returns the operand's gradient), for each
        recorded operand; none for the array that everything is computed from

    Examples
    --------
    >>> x = Recorded(np.array([1.0, 3.0]))
    >>> y = np.mean((x - 1) ** 2)
    >>> float(y.value), gradient(y, x)
    (2.0, array([0., 2.]))
    """

    __array_priority__ = 1000

    def __init__(
        self, value: Any, parents: Sequence[tuple["Recorded", Back]] = ()
    ) -> None:
        self.value, self.parents = np.asarray(value), tuple(parents)

    # --- what NumPy calls -------------------------------------------------------------

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any
    ) -> Any:
        values = [value_of(x) for x in inputs]
        if ufunc in CONSTANT and method == "__call__" and not options:
            return ufunc(*values)
        rule = UFUNCS.get(ufunc)
        if rule is None or method != "__call__" or options:
            raise _no_rule(f"np.{ufunc.__name__}" + f".{method}" * (method[0] != "_"))
        y = ufunc(*values)
        backs = rule(y, *values)
        return Recorded(
            y,
            [
                (x, _summed_to(np.shape(value), back))
                for x, value, back in zip(inputs, values, backs, strict=True)
                if isinstance(x, Recorded)
            ],
        )

    def __array_function__(
        self, function: Any, kinds: Any, args: Any, options: Any
    ) -> Any:
        if function in FUNCTIONS:
            return FUNCTIONS[function](*args, **options)
        if function in UNRECORDED:
            return function(*map(value_of, args), **options)
        raise _no_rule(f"np.{function.__name__}")

    def __array__(self, *args: Any, **options: Any) -> Any:
        raise _no_rule("np.asarray, or another way to turn y_pred into a plain array,")

    def __float__(self) -> float:
        raise _no_rule("float()")

    def __bool__(self) -> bool:
        raise _no_rule("if or while on y_pred, instead of np.where,")

    # --- what an array has ------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """The number of entries."""
        return self.value.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype."""
        return self.value.dtype

    @property
    def T(self) -> "Recorded":  # noqa: N802
        """The array with its axes in reverse order."""
        return _transpose(self)

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, place: Any) -> "Recorded":
        def back(dy: Array) -> Array:
            dx = np.zeros_like(self.value)
            np.add.at(dx, place, dy)
            return dx

        return Recorded(self.value[place], [(self, back)])

    def astype(self, dtype: DTypeLike, **options: Any) -> "Recorded":
        """Return the array in another dtype of real numbers."""
        if np.dtype(dtype).kind != "f":
            raise _no_rule(f"astype({np.dtype(dtype)})")
        back: Back = lambda dy: dy  # noqa: E731
        return Recorded(self.value.astype(dtype), [(self, back)])

    def sum(self, axis: Any = None, keepdims: bool = False) -> "Recorded":
        """Return the sum of all entries, or along axes."""
        return _sum(self, axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> "Recorded":
        """Return the mean of all entries, or along axes."""
        return _mean(self, axis, keepdims=keepdims)

    def reshape(self, *shape: Any) -> "Recorded":
        """Return the entries in another shape."""
        return _reshape(self, shape[0] if len(shape) == 1 else shape)


def value_of(x: Any) -> Any:
    """Return the numbers of a recorded array; anything else as it is."""
    return x.value if isinstance(x, Recorded) else x


def gradient(y: Recorded, x: Recorded, dy: Any = 1.0) -> Array:
    """Return d(sum(dy * y))/dx, of the shape of x; 0 if y does not depend on x.

    Each array's gradient is complete before it goes on to the operands, because they
    are visited in the reverse of the order in which they were computed.
    """
    order: list[Recorded] = []
    seen: set[int] = set()
    stack = [(y, False)]
    while stack:
        one, is_done = stack.pop()
        if is_done:
            order.append(one)
        elif id(one) not in seen:
            seen.add(id(one))
            stack.append((one, True))
            stack += [(parent, False) for parent, _ in one.parents]
    slopes: dict[int, Any] = {id(y): np.broadcast_to(dy, y.shape)}
    for one in reversed(order):
        if one is x or id(one) not in slopes:
            continue
        slope = slopes.pop(id(one))
        for parent, back in one.parents:
            slopes[id(parent)] = slopes.get(id(parent), 0) + back(slope)
    dx: Array = np.zeros_like(x.value)
    dx[...] = slopes.get(id(x), 0)
    return dx


def _no_rule(what: str) -> TypeError:
    return TypeError(
        f"{what} has no derivative in a loss that is a plain function. Use sums, "
        "means, powers, exp, log, abs, maximum, clip, where and the like on y_pred, or "
        "write a subclass of sora_np.losses.Loss with losses and dlosses"
    )


def _summed_to(shape: tuple[int, ...], back: Back) -> Back:
    """Return ``back``, summed over the axes along which an operand was repeated."""

    def summed(dy: Any) -> Any:
        dx = np.asarray(back(dy))
        dx = dx.sum(axis=tuple(range(dx.ndim - len(shape))))
        axes = tuple(k for k, n in enumerate(shape) if n == 1 and dx.shape[k] != 1)
        return dx.sum(axis=axes, keepdims=True)

    return summed


# --- rules: (y, operands) -> a function of dy for each operand ---------------------


def _power(y: Any, a: Any, b: Any) -> tuple[Back, Back]:
    return (
        lambda dy: dy * b * np.power(a, np.where(b == 0, 1, b) - 1.0),
        lambda dy: dy * y * np.log(np.where(a > 0, a, 1)),
    )


UFUNCS: dict[Any, Callable[..., Sequence[Back]]] = {
    np.add: lambda y, a, b: (lambda dy: dy, lambda dy: dy),
    np.subtract: lambda y, a, b: (lambda dy: dy, lambda dy: -dy),
    np.multiply: lambda y, a, b: (lambda dy: dy * b, lambda dy: dy * a),
    np.true_divide: lambda y, a, b: (lambda dy: dy / b, lambda dy: -dy * y / b),
    np.power: _power,
    np.maximum: lambda y, a, b: (lambda dy: dy * (a >= b), lambda dy: dy * (a < b)),
    np.minimum: lambda y, a, b: (lambda dy: dy * (a <= b), lambda dy: dy * (a > b)),
    np.negative: lambda y, a: (lambda dy: -dy,),
    np.positive: lambda y, a: (lambda dy: dy,),
    np.square: lambda y, a: (lambda dy: 2 * dy * a,),
    np.sqrt: lambda y, a: (lambda dy: dy / (2 * y),),
    np.absolute: lambda y, a: (lambda dy: dy * np.sign(a),),
    np.exp: lambda y, a: (lambda dy: dy * y,),
    np.expm1: lambda y, a: (lambda dy: dy * (y + 1),),
    np.log: lambda y, a: (lambda dy: dy / a,),
    np.log1p: lambda y, a: (lambda dy: dy / (1 + a),),
    np.log2: lambda y, a: (lambda dy: dy / (a * np.log(2)),),
    np.tanh: lambda y, a: (lambda dy: dy * (1 - y * y),),
    np.sinh: lambda y, a: (lambda dy: dy * np.cosh(a),),
    np.cosh: lambda y, a: (lambda dy: dy * np.sinh(a),),
    np.arctan: lambda y, a: (lambda dy: dy / (1 + a * a),),
    np.sin: lambda y, a: (lambda dy: dy * np.cos(a),),
    np.cos: lambda y, a: (lambda dy: -dy * np.sin(a),),
    np.reciprocal: lambda y, a: (lambda dy: -dy * y * y,),
}
# their derivative is 0 where there is one, as in TensorFlow
CONSTANT = {
    *(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal),
    *(np.sign, np.floor, np.ceil, np.rint, np.isnan, np.isfinite, np.logical_not),
    *(np.logical_and, np.logical_or),
}
UNRECORDED = {np.shape, np.ndim, np.size, np.ones_like, np.zeros_like, np.argmax}


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


def _reshaping(function: Any) -> Callable[..., Recorded]:
    def reshaped(x: Recorded, *args: Any, **options: Any) -> Recorded:
        return _reshape(x, function(x.value, *args, **options).shape)

    return reshaped


def _clip(
    x: Any, low: Any = None, high: Any = None, *, min: Any = None, max: Any = None
) -> Any:
    low, high = (low if min is None else min), (high if max is None else max)
    if isinstance(low, Recorded) or isinstance(high, Recorded):
        raise _no_rule("np.clip between bounds that depend on y_pred")
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
        [
            (x, _summed_to(x.shape, back))
            for x, back in sides
            if isinstance(x, Recorded)
        ],
    )


def _concatenate(arrays: Sequence[Any], axis: int = 0) -> Recorded:
    values = [np.asarray(value_of(a)) for a in arrays]
    ends = np.cumsum([value.shape[axis] for value in values])[:-1]

    def part(k: int) -> Back:
        return lambda dy: np.split(dy, ends, axis)[k]

    own = [(a, part(k)) for k, a in enumerate(arrays) if isinstance(a, Recorded)]
    return Recorded(np.concatenate(values, axis), own)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    **{np.sum: _sum, np.mean: _mean, np.clip: _clip, np.where: _where},
    **{np.max: _extreme(np.max), np.min: _extreme(np.min)},
    **{np.reshape: _reshape, np.transpose: _transpose, np.concatenate: _concatenate},
    np.ravel: _reshaping(np.ravel),
    np.squeeze: _reshaping(np.squeeze),
    np.expand_dims: _reshaping(np.expand_dims),
}
