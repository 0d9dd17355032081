"""Applied, the base class of layers that apply a function of arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.recorded import NoRuleError, Recorded, gradients, value_of
from sora_np.common.shapes import as_shape
from sora_np.kernels.machine.arrays import Array, Shape, kernel_array

from .base import Layer
from .symbol import is_symbolic


class Applied(Layer):
    """Applies a function of arrays, of one input or of a list of inputs.

    A subclass computes y in ``_function``.  The derivative is found by recording
    NumPy's operations in ``forward``: see ``common/recorded/``.  If one of them has no
    derivative, the layer can predict, but no layer before it can learn.

    Shapes: x (N, ...) or several of them, y (N, ...); y's is found by a trial with
    ones.

    Attributes
    ----------
    takes_several : whether the first call, or ``build``, was on a list
    """

    output_shape: Any = None

    def __call__(self, x: Any, *, training: bool | None = None) -> Any:
        self.inputs_of(x)
        return super().__call__(x, training=training)

    def inputs_of(self, x: Any) -> Sequence[Any]:
        """Return the list of inputs in x.  The first call decides on one or several."""
        if self.input_shape is None:
            self.takes_several = is_list_of_inputs(x)
        return super().inputs_of(x)

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        self.takes_several = bool(input_shape) and isinstance(input_shape[0], tuple)
        shape = super().build(input_shape, rng, dtype)
        shapes: Any = shape if self.takes_several else (shape,)
        if callable(self.output_shape):
            sizes = [(None, *size) for size in shapes]
            made = self.output_shape(sizes if self.takes_several else sizes[0])
            self._shape = as_shape(tuple(made)[1:])
        elif self.output_shape is not None:
            self._shape = self.output_shape
        else:
            one = self.dtype.type(1)
            with np.errstate(all="ignore"):
                y = self._applied([np.broadcast_to(one, (2, *size)) for size in shapes])
            if y.ndim == 0 or len(y) != 2:
                raise ValueError(
                    f"the function of {self} must keep the batch axis: for x of shape "
                    f"{(2, *shapes[0])} it returned shape {y.shape}"
                )
            self._shape = y.shape[1:]
        return self._shape

    def forward(self, *xs: Array, training: bool = False) -> Array:
        arrays = self._inputs_as_arrays(*xs)
        shape = len(arrays[0]), *self._shape
        if not training:
            return self._applied(arrays, shape)
        inputs = [Recorded(read_only(x)) for x in arrays]
        try:
            recorded: Any = self._function(inputs)
        except NoRuleError as error:
            recorded, inputs = error, []
            y = self._applied(arrays, shape)
        else:
            y = self._checked("function", value_of(recorded), arrays[0].dtype, shape)
        self.remember(y, inputs, recorded)
        return y

    def backward(self, dy: Array) -> Any:
        dy, inputs, y = self.recall(dy)
        if isinstance(y, NoRuleError):
            raise RuntimeError(
                f"{self} has no gradient, but a layer before it learns: give it a "
                f"function (dy, x, y) -> dx, Lambda(function, gradient=...): {y}"
            )
        dxs = gradients(y, inputs, dy)
        return tuple(dxs) if self.takes_several else dxs[0]

    def _function(self, xs: list[Any]) -> Any:
        """Return y of the inputs, arrays or recorded arrays."""
        raise NotImplementedError(f"{type(self).__name__} must define _function")

    def _inputs_as_arrays(self, *xs: Array) -> list[Array]:
        if self.takes_several:
            return self.check_inputs(xs)
        (x,) = xs
        return [self.check_input(x)]

    def _applied(self, xs: Sequence[Array], shape: Shape | None = None) -> Array:
        """Return y of arrays, checked; the function gets read-only views."""
        y = self._function([read_only(x) for x in xs])
        return self._checked("function", y, xs[0].dtype, shape)

    def _unchanged(self, what: str, *args: Any, **options: Any) -> Any:
        """Return a function's result; raise if it changes its arguments."""
        try:
            return getattr(self, what)(*args, **options)
        except (ValueError, TypeError) as error:
            if "read-only" not in str(error) and "item assignment" not in str(error):
                raise
            raise ValueError(
                f"the {what} of {self} changes its arguments in place: work on a copy, "
                "x.copy()"
            ) from None

    def _checked(
        self, what: str, y: Any, dtype: DTypeLike, shape: Shape | None = None
    ) -> Array:
        """Return a function's result as a new array of the dtype, or raise."""
        if not isinstance(y, np.ndarray) or y.dtype.kind not in "fiub":
            got = y.dtype if isinstance(y, np.ndarray) else type(y).__name__
            raise TypeError(
                f"the {what} of {self} must return an array of real numbers, got {got}"
            )
        if shape is not None and y.shape != shape:
            raise ValueError(
                f"the {what} of {self} must return an array of shape {shape}, got "
                f"{y.shape}"
            )
        own: Array = kernel_array(y, dtype)  # copies a view of an argument
        return own


def is_list_of_inputs(x: Any) -> bool:
    """Return whether x is a list of symbols, arrays with a batch axis, or shapes.

    >>> is_list_of_inputs([np.ones((2, 3))]), is_list_of_inputs([(None, 3)])
    (True, True)
    >>> is_list_of_inputs([[1.0, 2.0]])
    False
    """
    if not isinstance(x, (list, tuple)) or not x:
        return False
    return is_symbolic(x) or all(
        (isinstance(a, np.ndarray) and a.ndim > 1)
        or (isinstance(a, (list, tuple)) and a[:1] in ([None], (None,)))
        for a in x
    )


def read_only(array: Array) -> Array:
    """Return a view that cannot be written into."""
    view = array.view()
    view.flags.writeable = False
    return view
