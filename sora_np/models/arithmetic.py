"""Arithmetic on symbols: a + b, x * 0.5, np.exp(x) and x[:, 0] become layers.

Two symbols are merged by ``Add``, ``Subtract`` or ``Multiply``.  A number and a symbol
become a ``Rescaling``.  What has a layer of its own becomes that layer, and any other
function of NumPy that has a derivative an ``Operation``.

>>> from sora_np.layers import Input
>>> x = Input((3,))
>>> (1 - x * 0.5).call.layer, (x + x).call.layer, np.exp(x).call.layer
(Rescaling 'rescaling', Add 'add', Operation 'exp')
"""

import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from sora_np.layers import (
    Activation,
    Add,
    Concatenate,
    Multiply,
    Operation,
    Permute,
    Rescaling,
    Reshape,
    Subtract,
)
from sora_np.layers.core.operation import operation_of, written
from sora_np.layers.symbol import OPERATORS, Symbol


def _plus(a: Any, b: Any) -> Any:
    if _are_symbols(a, b):
        return Add()([a, b])
    x, number = _parted(a, b)
    return _operation(np.add, a, b) if number is None else Rescaling(1.0, number)(x)


def _minus(a: Any, b: Any) -> Any:
    if _are_symbols(a, b):
        return Subtract()([a, b])
    x, number = _parted(a, b)
    if number is None:
        return _operation(np.subtract, a, b)
    return Rescaling(1.0, -number)(x) if x is a else Rescaling(-1.0, number)(x)


def _times(a: Any, b: Any) -> Any:
    if _are_symbols(a, b):
        return Multiply()([a, b])
    x, number = _parted(a, b)
    return _operation(np.multiply, a, b) if number is None else Rescaling(number)(x)


def _by(a: Any, b: Any) -> Any:
    x, number = _parted(a, b)
    if number is None or x is b:
        return _operation(np.divide, a, b)
    if number == 0:
        raise ZeroDivisionError(f"{x} / 0")
    return Rescaling(1 / number)(x)


def _power(a: Any, b: Any) -> Any:
    if isinstance(b, numbers.Real) and b == 2:
        return Multiply()([a, a])
    return _operation(np.power, a, b)


def _are_symbols(a: Any, b: Any) -> bool:
    return isinstance(a, Symbol) and isinstance(b, Symbol)


def _parted(a: Any, b: Any) -> tuple[Any, float | None]:
    """Return the symbol and the number of a pair; None for what is no number."""
    x, other = (a, b) if isinstance(a, Symbol) else (b, a)
    plain = isinstance(other, numbers.Real) and not isinstance(other, bool)
    return x, float(other) if plain else None


# --- functions --------------------------------------------------------------------


class BatchNumber:
    """A number of each batch, for ``add_loss``: a sum of means or sums of symbols.

    ``np.mean(x)`` of a symbol makes it, and arithmetic with numbers and others like it.

    Attributes
    ----------
    terms : (symbol, "mean" or "sum", factor) for each
    constant : what is added to them

    >>> from sora_np.layers import Input
    >>> number = 2 * np.mean(Input((3,))) - 1
    >>> number.terms[0][1:], number.constant
    (('mean', 2.0), -1.0)
    """

    __array_ufunc__ = None

    def __init__(self, terms: Sequence[tuple[Symbol, str, float]], constant: float):
        self.terms, self.constant = tuple(terms), constant

    def __mul__(self, factor: float) -> "BatchNumber":
        if not isinstance(factor, numbers.Real):
            raise self._error()
        terms = [
            (x, reduction, own * float(factor)) for x, reduction, own in self.terms
        ]
        return BatchNumber(terms, self.constant * float(factor))

    def __add__(self, other: Any) -> "BatchNumber":
        if isinstance(other, BatchNumber):
            total = self.constant + other.constant
            return BatchNumber([*self.terms, *other.terms], total)
        if not isinstance(other, numbers.Real):
            raise self._error()
        return BatchNumber(self.terms, self.constant + float(other))

    def __neg__(self) -> "BatchNumber":
        return self * -1

    def __sub__(self, other: Any) -> "BatchNumber":
        return self + -other

    def __rsub__(self, other: Any) -> "BatchNumber":
        return -self + other

    def __truediv__(self, divisor: float) -> "BatchNumber":
        return self * (1 / divisor)

    __rmul__, __radd__ = __mul__, __add__

    def _error(self) -> TypeError:
        return TypeError(
            "a mean or sum over the batch can only be multiplied by numbers and added "
            "to others, for add_loss: take it of an expression of symbols"
        )


def _reduced(reduction: str) -> Callable[..., Any]:
    def reduced(x: Any, axis: Any = None, **options: Any) -> Any:
        kept = options.pop("keepdims", False)
        if axis is not None or options or kept:
            return None
        return BatchNumber([(x, reduction, 1.0)], 0.0)

    return reduced


def _call(function: Any, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Return the symbol of a function of NumPy on symbols."""
    if function in LAYERS:
        made = LAYERS[function](*args, **options)
        if made is not None:
            return made
    return _operation(function, *args, **options)


def _operation(function: Any, *args: Any, **options: Any) -> Any:
    """Return the symbol of an Operation.

    Raises TypeError for a function without a derivative, and for operands that a file
    cannot hold.
    """
    name = getattr(function, "__name__", str(function))
    if operation_of(name) is not function:
        raise TypeError(
            f"np.{name} has no derivative here, so it cannot take a symbol: use a "
            "Lambda with a gradient"
        )
    symbols: list[Symbol] = []
    operands = [written(one, symbols) for one in args]
    given = {name: written(one, symbols) for name, one in options.items()}
    layer = Operation(name, operands, given)
    return layer(symbols if len(symbols) > 1 else symbols[0])


def _concatenated(arrays: Any, axis: int = 0, **options: Any) -> Any:
    whole = all(isinstance(a, Symbol) for a in arrays)
    return None if options or axis == 0 or not whole else Concatenate(axis)([*arrays])


def _reshaped(a: Any, shape: Any = None, **options: Any) -> Any:
    """Return a Reshape if the batch axis stays, which is written as -1 or None."""
    sizes = shape if isinstance(shape, (list, tuple)) else [shape]
    if options or sizes[0] not in (-1, None) or len(sizes) < 2:
        return None
    return Reshape([-1 if n is None else n for n in sizes[1:]])(a)


def _transposed(a: Any, axes: Any = None) -> Any:
    return None if axes is None or axes[0] else Permute(axes[1:])(a)


def _split(a: Any, sections: Any, axis: int = 0) -> Any:
    axis %= a.ndim
    if axis == 0:
        return None
    parts = np.split(np.arange(a.shape[axis]), sections)
    before = (slice(None),) * axis
    return [a[(*before, slice(int(p[0]), int(p[-1]) + 1))] for p in parts]


LAYERS: dict[Any, Callable[..., Any]] = {  # they return None where no layer fits
    **{np.add: _plus, np.subtract: _minus, np.multiply: _times, np.divide: _by},
    **{np.power: _power, np.concatenate: _concatenated, np.reshape: _reshaped},
    **{np.transpose: _transposed, np.split: _split},
    **{np.mean: _reduced("mean"), np.sum: _reduced("sum")},
}
OPERATORS.update({"+": _plus, "-": _minus, "*": _times, "/": _by, "**": _power})
OPERATORS["@"] = lambda a, b: _operation(np.matmul, a, b)
OPERATORS["call"] = _call
OPERATORS["activation"] = lambda x, activation: Activation(activation)(x)
