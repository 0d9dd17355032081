"""Symbols: placeholders for arrays, by which a graph of layers is written down.

``Input(shape)`` returns a symbol, and a layer that is called on symbols returns another
symbol.  ``Model(inputs, outputs)`` makes a model of the graph between them.  Calling a
layer on symbols computes nothing; the symbols themselves record the graph.
"""

from collections.abc import Callable, Sequence
from operator import getitem
from typing import Any

import numpy as np

from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Shape

OPERATORS: dict[str, Callable[..., Any]] = {}  # models/arithmetic.py


class Call:
    """One use of a layer, or of a model, on symbols.

    Attributes
    ----------
    layer : the layer or model that is called
    inputs, outputs : the symbols that it takes and returns
    """

    def __init__(
        self, layer: Any, inputs: Sequence["Symbol"], shapes: Sequence[Shape]
    ) -> None:
        self.layer, self.inputs = layer, tuple(inputs)
        self.outputs = tuple([Symbol(shape, self, k) for k, shape in enumerate(shapes)])

    def __reduce__(self) -> Any:
        """Copy or pickle as None: a copied model has its graph in another form."""
        return _nothing, ()


class Symbol:
    """A placeholder for the array that a layer will return for a batch.

    Attributes
    ----------
    sample_shape : the shape without the batch axis
    call, index : the symbol is ``call.outputs[index]``
    """

    def __init__(self, sample_shape: Shape, call: Call, index: int = 0) -> None:
        self.sample_shape, self.call, self.index = tuple(sample_shape), call, index

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape with None for the batch axis, as Keras has it."""
        return None, *self.sample_shape

    @property
    def ndim(self) -> int:
        """The number of axes, with the batch axis."""
        return len(self.sample_shape) + 1

    @property
    def dtype(self) -> str:
        """The dtype of most models; a model computes in its own ``dtype``."""
        return "float32"

    @property
    def name(self) -> str:
        """The name of the layer that returns it; for a model also the output's name."""
        layer = self.call.layer
        if len(self.call.outputs) == 1:
            return str(layer.name)
        return f"{layer.name}/{layer.output_names[self.index]}"

    def __repr__(self) -> str:
        return f"<Symbol {batch_of(self.sample_shape)} of {self.call.layer}>"

    def __reduce__(self) -> Any:
        return _nothing, ()

    def _refuse(self, *args: Any, **options: Any) -> Any:
        raise TypeError(
            f"{self} has no values yet, so only a layer or a function of NumPy can "
            "take it: use a layer, or a Lambda for your own function"
        )

    # --- arithmetic, functions of NumPy, and activations: models/arithmetic.py -------

    def __add__(self, other: Any) -> Any:
        return OPERATORS["+"](self, other)

    def __radd__(self, other: Any) -> Any:
        return OPERATORS["+"](other, self)

    def __sub__(self, other: Any) -> Any:
        return OPERATORS["-"](self, other)

    def __rsub__(self, other: Any) -> Any:
        return OPERATORS["-"](other, self)

    def __mul__(self, other: Any) -> Any:
        return OPERATORS["*"](self, other)

    def __rmul__(self, other: Any) -> Any:
        return OPERATORS["*"](other, self)

    def __truediv__(self, other: Any) -> Any:
        return OPERATORS["/"](self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return OPERATORS["/"](other, self)

    def __pow__(self, other: Any) -> Any:
        return OPERATORS["**"](self, other)

    def __rpow__(self, other: Any) -> Any:
        return np.power(other, self)

    def __matmul__(self, other: Any) -> Any:
        return OPERATORS["@"](self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return OPERATORS["@"](other, self)

    def __neg__(self) -> Any:
        return self * -1

    def __abs__(self) -> Any:
        return np.abs(self)

    def __gt__(self, other: Any) -> Any:
        return np.greater(self, other)

    def __ge__(self, other: Any) -> Any:
        return np.greater_equal(self, other)

    def __lt__(self, other: Any) -> Any:
        return np.less(self, other)

    def __le__(self, other: Any) -> Any:
        return np.less_equal(self, other)

    def __getitem__(self, place: Any) -> Any:
        return OPERATORS["call"](getitem, (self, place), {})

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any
    ) -> Any:
        if method != "__call__" or options:
            self._refuse()
        return OPERATORS["call"](ufunc, inputs, options)

    def __array_function__(
        self, function: Any, kinds: Any, args: Any, options: Any
    ) -> Any:
        if function is np.shape:
            return self.shape
        if function is np.ndim:
            return self.ndim
        return OPERATORS["call"](function, args, options)

    def activated(self, activation: Any) -> Any:
        """Return the symbol of an activation function of this one."""
        return OPERATORS["activation"](self, activation)

    __array__ = __bool__ = __float__ = __int__ = __iter__ = __len__ = _refuse
    __floordiv__ = __mod__ = _refuse


def _nothing() -> None:
    """Return None, the copy of a symbol or a call."""


def is_symbolic(x: Any) -> bool:
    """Return whether x is a symbol, or a list, tuple or dictionary with one in it."""
    if isinstance(x, Symbol):
        return True
    if isinstance(x, dict):
        x = [*x.values()]
    return isinstance(x, (list, tuple)) and any([isinstance(a, Symbol) for a in x])


def symbols_in(x: Any, layer: Any) -> list[Symbol]:
    """Return the symbols that a layer is called on, or raise TypeError."""
    given = [*x] if isinstance(x, (list, tuple)) else [x]
    for one in given:
        if not isinstance(one, Symbol):
            raise TypeError(
                f"{layer} expected symbols such as Input(...) returns, got "
                f"{type(one).__name__} among them: a number or an array cannot be part "
                "of a graph"
            )
    return given


def called(layer: Any, x: Any, build: Callable[[Any], Shape]) -> Symbol:
    """Return the symbol that a layer returns for one or several symbols x.

    Parameters
    ----------
    build : shape of x without the batch axis, or a tuple of shapes -> shape of y

    Raises
    ------
    TypeError, ValueError : if the layer does not take this number of inputs, or these
        shapes
    """
    symbols = symbols_in(x, layer)
    shapes = tuple([symbol.sample_shape for symbol in symbols])
    if not layer.takes_several and len(symbols) > 1:
        raise TypeError(
            f"{layer} takes one input, got {len(symbols)}: "
            f"{', '.join(map(batch_of, shapes))}: merge them first, for example by "
            "Concatenate()([a, b])"
        )
    several = layer.takes_several
    call = Call(layer, symbols, [build(shapes if several else shapes[0])])
    if layer.origin is None:
        layer.origin = call
    return call.outputs[0]


def sketch(layer: Any, shape: Any, built: Callable[..., Shape]) -> Shape:
    """Return the shape of y; do not make parameters if the layer has none yet.

    Parameters
    ----------
    shape : the shape of x without the batch axis, or a tuple of shapes
    built : see ``contract.built``
    """
    rng = np.random.default_rng(0)
    if layer.input_shape is None or layer.is_sketch:
        takes_memory, layer.takes_memory = layer.takes_memory, False
        before = layer.input_shape
        try:
            if layer.is_sketch and shape != before:
                raise _other_shape(layer, shape)
            output_shape = built(layer, shape, rng, layer.dtype)
        except BaseException:
            layer.input_shape = before
            raise
        finally:
            layer.takes_memory = takes_memory
        layer.is_sketch = True
        return output_shape
    if shape != layer.input_shape:
        raise _other_shape(layer, shape)
    weights = layer.get_weights()
    output_shape = built(layer, shape, rng, layer.dtype)
    layer.set_weights(weights)
    return output_shape


def _other_shape(layer: Any, shape: Any) -> ValueError:
    return ValueError(
        f"{layer} was built for x of shape {_text(layer.input_shape)}, got "
        f"{_text(shape)}: a shared layer must get the same shape in every call"
    )


def _text(shape: Any) -> str:
    several = shape and isinstance(shape[0], tuple)
    return ", ".join(map(batch_of, shape)) if several else batch_of(shape)
