"""The arrays that record, the chain rule, and the rules of NumPy's ufuncs."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import DTypeLike

from sora_np.kernels.machine.arrays import Array

Back = Callable[[Any], Any]  # dy -> the gradient of one operand
FUNCTIONS: dict[Any, Callable[..., Any]] = {}  # the rules of functions.py


class NoRuleError(TypeError):
    """An operation on a recorded array has no derivative here."""


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
        if "out" in options and options["out"][0] is inputs[0]:
            del options["out"]  # x += y gives x another array
        rule = UFUNCS.get(ufunc) or SPECIAL.get(ufunc.__name__)
        if rule is None or method != "__call__" or options:
            raise no_rule(f"np.{ufunc.__name__}" + f".{method}" * (method[0] != "_"))
        y = ufunc(*values)
        backs = rule(y, *values)
        return Recorded(
            y,
            [
                (x, summed_to(np.shape(value), back))
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
        raise no_rule(f"np.{function.__name__}")

    def __array__(self, *args: Any, **options: Any) -> Any:
        raise no_rule("np.asarray, or another way to turn y_pred into a plain array,")

    def __float__(self) -> float:
        raise no_rule("float()")

    def __bool__(self) -> bool:
        raise no_rule("if or while on y_pred, instead of np.where,")

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
        return self._by(np.transpose)

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
            raise no_rule(f"astype({np.dtype(dtype)})")
        back: Back = lambda dy: dy  # noqa: E731
        return Recorded(self.value.astype(dtype), [(self, back)])

    def sum(self, axis: Any = None, keepdims: bool = False) -> "Recorded":
        """Return the sum of all entries, or along axes."""
        return self._by(np.sum, axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> "Recorded":
        """Return the mean of all entries, or along axes."""
        return self._by(np.mean, axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> "Recorded":
        """Return the largest entry, or those along axes."""
        return self._by(np.max, axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> "Recorded":
        """Return the smallest entry, or those along axes."""
        return self._by(np.min, axis, keepdims=keepdims)

    def reshape(self, *shape: Any) -> "Recorded":
        """Return the entries in another shape."""
        return self._by(np.reshape, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> "Recorded":
        """Return the array with its axes in another order."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return self._by(np.transpose, order or None)

    def ravel(self) -> "Recorded":
        """Return the entries along one axis."""
        return self._by(np.ravel)

    flatten = ravel

    def squeeze(self, axis: Any = None) -> "Recorded":
        """Return the array without axes of size 1."""
        return self._by(np.squeeze, axis)

    def _by(self, function: Any, *args: Any, **options: Any) -> "Recorded":
        made: Recorded = FUNCTIONS[function](self, *args, **options)
        return made


def value_of(x: Any) -> Any:
    """Return the numbers of a recorded array; anything else as it is."""
    return x.value if isinstance(x, Recorded) else x


def gradient(y: Recorded, x: Recorded, dy: Any = 1.0) -> Array:
    """Return d(sum(dy * y))/dx, of the shape of x; 0 if y does not depend on x."""
    return gradients(y, [x], dy)[0]


def gradients(y: Any, xs: Sequence[Recorded], dy: Any = 1.0) -> list[Array]:
    """Return d(sum(dy * y))/dx for each of xs, in their shapes and dtypes.

    A y that is no recorded array depends on none of them.  Each array's gradient is
    complete before it goes on to the operands, because they are visited in the reverse
    of the order in which they were computed.
    """
    order: list[Recorded] = []
    seen: set[int] = set()
    stack = [(y, False)] if isinstance(y, Recorded) else []
    while stack:
        one, is_done = stack.pop()
        if is_done:
            order.append(one)
        elif id(one) not in seen:
            seen.add(id(one))
            stack.append((one, True))
            stack += [(parent, False) for parent, _ in one.parents]
    slopes: dict[int, Any] = {id(y): np.broadcast_to(dy, np.shape(value_of(y)))}
    for one in reversed(order):
        if not one.parents or id(one) not in slopes:
            continue
        slope = slopes.pop(id(one))
        for parent, back in one.parents:
            slopes[id(parent)] = slopes.get(id(parent), 0) + back(slope)
    dxs = [np.zeros_like(x.value) for x in xs]
    for dx, x in zip(dxs, xs, strict=True):
        dx[...] = slopes.get(id(x), 0)
    return dxs


def no_rule(what: str) -> NoRuleError:
    """Return the error of an operation without a derivative."""
    return NoRuleError(
        f"{what} has no derivative here. Use sums, means, powers, exp, log, abs, "
        "maximum, clip, where, matmul and the like; or write the derivative yourself: "
        "Lambda(function, gradient=...), activations.Activation(name, forward, "
        "backward), or a subclass of sora_np.losses.Loss with losses and dlosses"
    )


def summed_to(shape: tuple[int, ...], back: Back) -> Back:
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


def _matmul(y: Any, a: Any, b: Any) -> tuple[Back, Back]:
    left = a[None, :] if a.ndim == 1 else a
    right = b[:, None] if b.ndim == 1 else b

    def wide(dy: Any) -> Any:
        dy = np.expand_dims(dy, -1) if b.ndim == 1 else dy
        return np.expand_dims(dy, -2) if a.ndim == 1 else dy

    def by_a(dy: Any) -> Any:
        da = wide(dy) @ np.swapaxes(right, -1, -2)
        return da[..., 0, :] if a.ndim == 1 else da

    def by_b(dy: Any) -> Any:
        db = np.swapaxes(left, -1, -2) @ wide(dy)
        return db[..., 0] if b.ndim == 1 else db

    return by_a, by_b


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
    np.matmul: _matmul,
    np.log10: lambda y, a: (lambda dy: dy / (a * np.log(10)),),
    np.exp2: lambda y, a: (lambda dy: dy * y * np.log(2),),
    np.cbrt: lambda y, a: (lambda dy: dy / (3 * y * y),),
    np.tan: lambda y, a: (lambda dy: dy * (1 + y * y),),
    np.arcsin: lambda y, a: (lambda dy: dy / np.sqrt(1 - a * a),),
    np.arccos: lambda y, a: (lambda dy: -dy / np.sqrt(1 - a * a),),
    np.arcsinh: lambda y, a: (lambda dy: dy / np.sqrt(a * a + 1),),
    np.arccosh: lambda y, a: (lambda dy: dy / np.sqrt(a * a - 1),),
    np.arctanh: lambda y, a: (lambda dy: dy / (1 - a * a),),
    np.arctan2: lambda y, a, b: (
        lambda dy: dy * b / (a * a + b * b),
        lambda dy: -dy * a / (a * a + b * b),
    ),
    np.hypot: lambda y, a, b: (lambda dy: dy * a / y, lambda dy: dy * b / y),
    np.logaddexp: lambda y, a, b: (
        lambda dy: dy * np.exp(a - y),
        lambda dy: dy * np.exp(b - y),
    ),
    np.remainder: lambda y, a, b: (
        lambda dy: dy,
        lambda dy: -dy * np.floor_divide(a, b),
    ),
}
SPECIAL: dict[
    str, Callable[..., Sequence[Back]]
] = {  # of scipy.special, by their names
    "erf": lambda y, a: (lambda dy: dy * 2 / np.sqrt(np.pi) * np.exp(-a * a),),
    "expit": lambda y, a: (lambda dy: dy * y * (1 - y),),
}
# their derivative is 0 where there is one, as in TensorFlow
CONSTANT = {
    *(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal),
    *(np.sign, np.floor, np.ceil, np.rint, np.isnan, np.isfinite, np.logical_not),
    *(np.logical_and, np.logical_or),
}
UNRECORDED = {
    *(np.shape, np.ndim, np.size, np.ones_like, np.zeros_like, np.full_like),
    *(np.argmax, np.argmin, np.argsort, np.round, np.isclose, np.any, np.all),
}
