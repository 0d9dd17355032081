"""Operation."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.recorded import CONSTANT, FUNCTIONS, SPECIAL, UFUNCS
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Shape
from sora_np.layers.applied import Applied
from sora_np.layers.symbol import Symbol

OPERATIONS: dict[str, Callable[..., Any]] = {
    **{function.__name__: function for function in (*UFUNCS, *CONSTANT, *FUNCTIONS)},
    "getitem": operator.getitem,
}


def operation_of(name: str) -> Callable[..., Any] | None:
    """Return the function of that name, or None; SciPy's are imported when asked for.

    >>> operation_of("exp"), operation_of("eval")
    (<ufunc 'exp'>, None)
    """
    if name in SPECIAL:
        from scipy import special

        found: Callable[..., Any] = getattr(special, name)
        return found
    return OPERATIONS.get(name)


class Operation(Applied):
    """One of NumPy's functions, or an index, as a layer.

    Arithmetic and functions of NumPy on symbols make it: ``np.exp(x)``, ``x[:, 0]``,
    ``a / b``.  The derivative is that of ``common/recorded/``.

    Shapes: those of the function; the first axis is the batch.

    Parameters
    ----------
    operation : the function's name, one of ``OPERATIONS``, such as "exp" or "getitem"
    operands : its arguments in order; ``{"input": k}`` stands for input k of the layer.
        Tuples, slices, arrays and ``...`` are written as :func:`written` does, so that
        a file can hold them.
    options : its arguments by name, written likewise

    Raises
    ------
    ValueError : for another operation; at ``build``, if the function cannot take these
        shapes, or its result has no batch axis

    Examples
    --------
    >>> Operation("square", [{"input": 0}])([[1.0, -3.0]])
    array([[1., 9.]])
    """

    def __init__(
        self,
        operation: str,
        operands: Sequence[Any],
        options: Mapping[str, Any] | None = None,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        function = operation_of(operation)
        if function is None:
            names = sorted({*OPERATIONS, *SPECIAL})
            raise ValueError(
                f"operation must be one of {', '.join(names)}, got {operation!r:.80}"
            )
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.function = function
        if name is None:
            self.name = operation
        self.operation, self.operands = operation, list(operands)
        self.options = dict(options or {})

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        try:
            return super().build(input_shape, rng, dtype)
        except (ValueError, IndexError, TypeError) as error:
            shapes: Any = input_shape if self.takes_several else (input_shape,)
            raise ValueError(
                f"{self.operation} cannot take shapes "
                f"{', '.join(map(batch_of, shapes))}: {error}"
            ) from None

    def _function(self, xs: list[Any]) -> Any:
        operands = [filled(one, xs) for one in self.operands]
        options = {name: filled(one, xs) for name, one in self.options.items()}
        return self._unchanged("function", *operands, **options)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that made the layer."""
        own = {"operation": self.operation, "operands": self.operands}
        usual = {"name": self.name, "trainable": self.trainable}
        shape = self.declared_shape
        return own | {"options": self.options, "input_shape": shape} | usual


def written(value: Any, symbols: list[Symbol]) -> Any:
    """Return an argument for ``operands``, and append its symbols to the list.

    >>> written((slice(None), 0), [])
    {'tuple': [{'slice': [None, None, None]}, 0]}
    """
    if isinstance(value, Symbol):
        symbols.append(value)
        return {"input": len(symbols) - 1}
    if isinstance(value, (list, tuple)):
        parts = [written(one, symbols) for one in value]
        return {"tuple": parts} if isinstance(value, tuple) else parts
    if isinstance(value, slice):
        return {"slice": [value.start, value.stop, value.step]}
    if value is Ellipsis:
        return {"ellipsis": True}
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(
        f"an operation on a symbol takes numbers and arrays, got {type(value).__name__}"
    )


def filled(value: Any, xs: Sequence[Any]) -> Any:
    """Return the argument that :func:`written` wrote, with xs for its symbols."""
    if isinstance(value, list):
        return [filled(one, xs) for one in value]
    if not isinstance(value, Mapping):
        return value
    if "input" in value:
        return xs[value["input"]]
    if "tuple" in value:
        return tuple(filled(one, xs) for one in value["tuple"])
    if "slice" in value:
        return slice(*value["slice"])
    return ... if "ellipsis" in value else np.array(value["array"], value["dtype"])
