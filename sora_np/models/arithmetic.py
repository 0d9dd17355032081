"""Arithmetic on symbols: a + b is a layer, as x * 0.5 is.

Two symbols are merged by ``Add``, ``Subtract`` and ``Multiply``; a number and a symbol
make a ``Rescaling``.  What no layer here does is one error, which names what to take.

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
        raise _no_layer("/", "nothing here divides by what a layer gives")
    x, number = _parted(a, b, "/")
    if number == 0:
        raise ZeroDivisionError(f"{x} / 0")
    return Rescaling(1 / number)(x)


def _power(a: Any, b: Any) -> Any:
    if isinstance(b, numbers.Real) and b == 2:
        return Multiply()([a, a])
    raise _no_layer("**", "of powers there is x ** 2, which is Multiply()([x, x])")


def _product(a: Any, b: Any) -> Any:
    raise _no_layer("@", "take Dot(axes)([a, b]), or Dense for a kernel that is learnt")


def _parted(a: Any, b: Any, sign: str) -> tuple[Symbol, float]:
    """Return the symbol and the number of two, whichever comes first."""
    x, other = (a, b) if isinstance(a, Symbol) else (b, a)
    if not isinstance(other, numbers.Real) or isinstance(other, bool):
        raise TypeError(
            f"{x} {sign} {type(other).__name__}: a symbol takes symbols and numbers. "
            "An array may come in as an Input of its own, for Add()([a, b]), "
            "Multiply()([a, b]) or Concatenate()([a, b]), or in a Lambda"
        )
    return x, float(other)


def _no_layer(sign: str, hint: str) -> TypeError:
    return TypeError(
        f"there is no layer for {sign} on symbols: {hint}; or take a Lambda with a "
        "gradient"
    )


OPERATORS.update({"+": _plus, "-": _minus, "*": _times})
OPERATORS.update({"/": _by, "**": _power, "@": _product})
