"""Input, the beginning of a graph of layers."""

from collections.abc import Sequence
from typing import Any

from sora_np.common.arguments import as_count
from sora_np.common.shapes import as_shape
from sora_np.kernels.machine.arrays import Array
from sora_np.layers.base import Layer
from sora_np.layers.symbol import Call, Symbol


class InputLayer(Layer):
    """The shape of a model's input, without the batch axis; y = x.

    ``Input(shape)`` makes an InputLayer and returns its symbol.  A Sequential keeps the
    shape and leaves this layer out of its list, as in Keras.  A graph lists this layer.

    Parameters
    ----------
    shape : for example (28, 28, 1)

    Examples
    --------
    >>> InputLayer((28, 28, 1)).declared_shape
    (28, 28, 1)
    """

    def __init__(self, shape: Sequence[int], *, name: str | None = None) -> None:
        super().__init__(input_shape=shape, name=name)
        self.shape = self.declared_shape

    def symbol(self) -> Symbol:
        """Return a new symbol of this input."""
        shape = self.input_shape = as_shape(self.shape or ())
        self.origin = Call(self, (), [shape])
        return self.origin.outputs[0]

    def forward(self, x: Array, *, training: bool = False) -> Array:
        y: Array = self.check_input(x).copy()
        if training:
            self.remember(y)
        return y

    def backward(self, dy: Array) -> Array:
        (dy,) = self.recall(dy)
        return dy.copy()


class Beginning(type):
    """Makes ``Input(...)`` return a symbol instead of a layer."""

    def __call__(
        cls,
        shape: Sequence[int] | None = None,
        batch_size: int | None = None,
        dtype: Any = None,
        *,
        batch_shape: Sequence[int | None] | None = None,
        name: str | None = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        tensor: Any = None,
        optional: bool = False,
    ) -> Symbol:
        """Return the symbol; see :class:`Input`."""
        asked = {"sparse": sparse, "ragged": ragged, "optional": optional}
        named = [what for what, value in asked.items() if value]
        if named or tensor is not None:
            raise ValueError(
                "Input takes only dense arrays that are not optional, got the argument "
                f"{', '.join(named) or 'tensor'}: leave it out"
            )
        if (shape is None) == (batch_shape is None):
            raise ValueError(
                "Input takes either a shape such as (28, 28, 1), or a batch_shape, got "
                f"shape={shape!r} and batch_shape={batch_shape!r}"
            )
        if batch_size is not None:
            as_count(batch_size, "batch_size")
        whole: Any = shape if batch_shape is None else [*batch_shape][1:]
        return InputLayer(as_shape(whole), name=name).symbol()


class Input(InputLayer, metaclass=Beginning):
    """The symbol of a model's input, which layers are called on.

    A call makes an :class:`InputLayer`, and returns its symbol.  (Only old pickles hold
    instances of this class.)

    Parameters
    ----------
    shape : without the batch axis, such as (28, 28, 1)
    batch_size, dtype : accepted for Keras programs, but not used: a model takes batches
        of any size, of any real dtype
    sparse, ragged, tensor, optional : only the defaults are accepted
    batch_shape : instead of shape, with the batch axis: (None, 28, 28, 1)
    name : the key of this input in a dictionary of arrays

    Examples
    --------
    >>> Input((28, 28, 1), name="image")
    <Symbol (N, 28, 28, 1) of InputLayer 'image'>
    """
