"""Arithmetic on symbols: expressions such as a + b and x * 0.5 become layers.

Two symbols are merged by ``Add``, ``Subtract`` or ``Multiply``.  A number and a symbol
become a ``Rescaling``.  Other operations raise a TypeError that names an alternative.

>>> from sora_np.layers import Input
>>> x = Input((3,))
>>> (1 - x * 0.5).call.layer, (x + x).call.layer
(Rescaling 'rescaling', Add 'add')
"""

import numbers
from typing import Any

from sora_np.layers import Add, Multiply, Rescaling, Subtract
from sora_np.layers.symbol import OPERATORS, Symbol


def _plus(a: Any, b: Any) -> Any:
    if isinstance(a, Symbol) and isinstance(b, Symbol):
        return Add()([a, b])
    x, number = _parted(a, b, "+")
    return Rescaling(1.0, number)(x)


def _minus(a: Any, b: Any) -> Any:
    if isinstance(a, Symbol) and isinstance(b, Symbol):
        return Subtract()([a, b])
    x, number = _parted(a, b, "-")
    return Rescaling(1.0, -number)(x) if x is a else Rescaling(-1.0, number)(x)


def _times(a: Any, b: Any) -> Any:
    if isinstance(a, Symbol) and isinstance(b, Symbol):
        return Multiply()([a, b])
    x, number = _parted(a, b, "*")
    return Rescaling(number)(x)


def _by(a: Any, b: Any) -> Any:
    if isinstance(b, Symbol):
        raise _no_layer("/", "no layer divides by the output of a layer")
    x, number = _parted(a, b, "/")
    if number == 0:
        raise ZeroDivisionError(f"{x} / 0")
    return Rescaling(1 / number)(x)


def _power(a: Any, b: Any) -> Any:
    if isinstance(b, numbers.Real) and b == 2:
        return Multiply()([a, a])
    raise _no_layer("**", "the only power is x ** 2, which is Multiply()([x, x])")


def _product(a: Any, b: Any) -> Any:
    raise _no_layer("@", "use Dot(axes)([a, b]), or Dense for a learnt kernel")


def _parted(a: Any, b: Any, sign: str) -> tuple[Symbol, float]:
    """Return the symbol and the number, whichever of the two comes first."""
    x, other = (a, b) if isinstance(a, Symbol) else (b, a)
    if not isinstance(other, numbers.Real) or isinstance(other, bool):
        raise TypeError(
            f"{x} {sign} {type(other).__name__}: expected a symbol or a number. To use "
            "an array, make it another Input and merge it by Add()([a, b]), "
            "Multiply()([a, b]) or Concatenate()([a, b]), or use a Lambda"
        )
    return x, float(other)


def _no_layer(sign: str, hint: str) -> TypeError:
    return TypeError(
        f"there is no layer for {sign} on symbols: {hint}; or use a Lambda with a "
        "gradient"
    )


OPERATORS.update({"+": _plus, "-": _minus, "*": _times})
OPERATORS.update({"/": _by, "**": _power, "@": _product})
