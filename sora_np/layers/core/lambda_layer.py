"""Lambda."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sora_np.common.shapes import as_shape
from sora_np.kernels.machine.arrays import Array
from sora_np.layers.applied import Applied, read_only

FUNCTIONS = "function", "gradient", "output_shape"  # arguments that may be functions


class Lambda(Applied):
    """A user's own NumPy function as a layer; x (N, ...), y (N, ...).

    Forward and backward::

        y = function(x)        dx = gradient(dy, x, y)

    Called on a list of inputs, as in ``Lambda(f)([a, b])``, the function gets a list of
    arrays, and ``gradient`` returns a list of their gradients.

    Without a ``gradient`` the derivative is found by recording NumPy's operations in
    ``forward``: see ``common/recorded/``.  If one of them has no derivative, the layer
    can predict, but no layer before it can learn; layers after it can.
    ``gradcheck.check_layer`` checks either.

    A file holds only the names of functions.  ``load_model`` finds the functions in
    ``custom_objects`` or ``saving.register``.  A ``lambda`` has no name, so a model
    with one cannot be saved.

    Parameters
    ----------
    function : x -> y, arrays with the batch axis; it must not change x
    output_shape : y's shape without the batch axis, or a function of x's shape
        (None, ...) that returns y's, (None, ...); None finds it by a trial with ones
    mask : None; there are no masks
    arguments : more arguments of the function, by their names
    gradient : (dy, x, y) -> dx, of x's shape; it must not change dy, x or y

    Raises
    ------
    TypeError : if function or gradient is not a function, or for a mask
    ValueError, TypeError : at ``build``, ``forward`` and ``backward``, if a function
        does not return an array of the right shape, or changes its arguments
    RuntimeError : at ``backward``, if there is no gradient, and an operation of the
        function has no derivative

    Examples
    --------
    >>> square = Lambda(lambda x: x**2, gradient=lambda dy, x, y: 2 * x * dy)
    >>> square([[1.0, 3.0]], training=True)
    array([[1., 9.]])
    >>> square.backward([[1.0, 1.0]])
    array([[2., 6.]])
    >>> import numpy as np
    >>> distance = Lambda(lambda xs: np.sum(np.square(xs[0] - xs[1]), axis=1))
    >>> distance([np.array([[1.0, 3.0]]), np.array([[0.0, 1.0]])], training=True)
    array([5.])
    >>> distance.backward([1.0])
    (array([[2., 4.]]), array([[-2., -4.]]))
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Sequence[int] | Callable[[Any], Any] | None = None,
        mask: None = None,
        arguments: Mapping[str, Any] | None = None,
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
        if mask is not None:
            raise TypeError(f"mask must be None: there are no masks, got {mask!r}")
        if arguments is not None and not isinstance(arguments, Mapping):
            raise TypeError(f"arguments must be a dictionary, got {arguments!r:.200}")
        self.function, self.gradient = function, gradient
        self.mask, self.arguments = None, None if arguments is None else dict(arguments)
        self.output_shape: Any = output_shape
        if output_shape is not None and not callable(output_shape):
            self.output_shape = as_shape(output_shape)

    def forward(self, *xs: Array, training: bool = False) -> Array:
        if not training or self.gradient is None:
            return super().forward(*xs, training=training)
        arrays = self._inputs_as_arrays(*xs)
        y = self._applied(arrays, (len(arrays[0]), *self._shape))
        self.remember(y, arrays, y)
        return y

    def backward(self, dy: Array) -> Any:
        if self.gradient is None:
            return super().backward(dy)
        dy, xs, y = self.recall(dy)
        arrays = [read_only(x) for x in xs]
        given = arrays if self.takes_several else arrays[0]
        dxs = self._unchanged("gradient", read_only(dy), given, read_only(y))
        if not self.takes_several:
            return self._checked("gradient", dxs, dy.dtype, xs[0].shape)
        if not isinstance(dxs, (list, tuple)) or len(dxs) != len(xs):
            raise TypeError(
                f"the gradient of {self} must return a list of {len(xs)} arrays, one "
                f"for each input, got {type(dxs).__name__}"
            )
        return tuple(
            self._checked("gradient", dx, dy.dtype, x.shape)
            for dx, x in zip(dxs, xs, strict=True)
        )

    def _function(self, xs: list[Any]) -> Any:
        given = xs if self.takes_several else xs[0]
        return self._unchanged("function", given, **(self.arguments or {}))

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
