"""Lambda."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.shapes import as_shape
from sora_np.kernels.machine.arrays import Array, Shape, kernel_array
from sora_np.layers.base import Layer

FUNCTIONS = "function", "gradient", "output_shape"  # arguments that may be functions


class Lambda(Layer):
    """A user's own NumPy function as a layer; x (N, ...), y (N, ...).

    Forward and backward::

        y = function(x)        dx = gradient(dy, x, y)

    A layer without a gradient can predict, but no layer before it can learn.  Layers
    after it can.  ``gradcheck.check_layer`` checks a gradient.

    A file holds only the names of functions.  ``load_model`` finds the functions in
    ``custom_objects`` or ``saving.register``.  A ``lambda`` has no name, so a model
    with one cannot be saved.

    Parameters
    ----------
    function : x -> y, arrays with the batch axis; it must not change x
    output_shape : y's shape without the batch axis, or a function of x's shape
        (None, ...) that returns y's, (None, ...); None finds it by a trial with ones
    gradient : (dy, x, y) -> dx, of x's shape; it must not change dy, x or y

    Raises
    ------
    TypeError : if function or gradient is not a function
    ValueError, TypeError : at ``build``, ``forward`` and ``backward``, if a function
        does not return an array of the right shape, or changes its arguments
    RuntimeError : at ``backward``, if there is no gradient

    Examples
    --------
    >>> square = Lambda(lambda x: x**2, gradient=lambda dy, x, y: 2 * x * dy)
    >>> square([[1.0, 3.0]], training=True)
    array([[1., 9.]])
    >>> square.backward([[1.0, 1.0]])
    array([[2., 6.]])
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        output_shape: Sequence[int] | Callable[[Any], Any] | None = None,
        *,
        gradient: Callable[[Any, Any, Any], Any] | None = None,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        for what, given in (("function", function), ("gradient", gradient)):
            if not callable(given) and (given is not None or what == "function"):
                raise TypeError(f"{what} must be a function, got {given!r}")
        self.function, self.gradient = function, gradient
        self.output_shape: Any = output_shape
        if output_shape is not None and not callable(output_shape):
            self.output_shape = as_shape(output_shape)

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        shape = super().build(input_shape, rng, dtype)
        if callable(self.output_shape):
            self._shape = as_shape(tuple(self.output_shape((None, *shape)))[1:])
        elif self.output_shape is not None:
            self._shape = self.output_shape
        else:
            x = np.broadcast_to(self.dtype.type(1), (2, *shape))
            with np.errstate(all="ignore"):
                y = self._result("function", None, x)
            if y.ndim == 0 or len(y) != 2:
                raise ValueError(
                    f"the function of {self} must keep the batch axis: for x of shape "
                    f"{x.shape} it returned shape {y.shape}"
                )
            self._shape = y.shape[1:]
        return self._shape

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        y = self._result("function", (len(x), *self._shape), x)
        if training:
            self.remember(y, x, y)
        return y

    def backward(self, dy: Array) -> Array:
        if self.gradient is None:
            raise RuntimeError(
                f"{self} has no gradient, but a layer before it learns: give it a "
                "function (dy, x, y) -> dx, Lambda(function, gradient=...)"
            )
        dy, x, y = self.recall(dy)
        return self._result("gradient", x.shape, dy, x, y)

    def _result(self, what: str, shape: Shape | None, *arrays: Array) -> Array:
        """Return a function's result as a new array, in the dtype of the first array.

        The function gets read-only views, so changing them raises an error.
        """
        views = [array.view() for array in arrays]
        for view in views:
            view.flags.writeable = False
        try:
            y = getattr(self, what)(*views)
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            raise ValueError(
                f"the {what} of {self} changes its arguments in place: work on a copy, "
                "x.copy()"
            ) from None
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
        own: Array = kernel_array(y, arrays[0].dtype)  # copies a view of an argument
        return own

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that made the layer, with the names of functions."""
        twin = copy.copy(self)
        for what in FUNCTIONS:
            function = getattr(self, what)
            if callable(function):
                name = getattr(function, "__name__", "")
                if not name.isidentifier():
                    raise TypeError(
                        f"{self} cannot be saved: a file holds the name of its {what}, "
                        "but this function has no name: define it by def"
                    )
                vars(twin)[what] = name
        return super(Lambda, twin).get_config()
