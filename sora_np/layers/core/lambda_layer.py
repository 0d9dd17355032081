"""Lambda."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.recorded import NoRuleError, Recorded, gradients, value_of
from sora_np.common.shapes import as_shape
from sora_np.kernels.machine.arrays import Array, Shape, kernel_array
from sora_np.layers.base import Layer
from sora_np.layers.symbol import is_symbolic

FUNCTIONS = "function", "gradient", "output_shape"  # arguments that may be functions


class Lambda(Layer):
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
        arrays = self.check_inputs(xs) if self.takes_several else [self._one(*xs)]
        shape = len(arrays[0]), *self._shape
        if not training:
            return self._applied(arrays, shape)
        if self.gradient is not None:
            y = self._applied(arrays, shape)
            self.remember(y, arrays, y)
            return y
        inputs = [Recorded(_read_only(x)) for x in arrays]
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
        dy, xs, y = self.recall(dy)
        if isinstance(y, NoRuleError):
            raise RuntimeError(
                f"{self} has no gradient, but a layer before it learns: give it a "
                f"function (dy, x, y) -> dx, Lambda(function, gradient=...): {y}"
            )
        if self.gradient is None:
            dxs: Any = gradients(y, xs, dy)
            return tuple(dxs) if self.takes_several else dxs[0]
        arrays = [_read_only(x) for x in xs]
        given = arrays if self.takes_several else arrays[0]
        dxs = self._unchanged("gradient", _read_only(dy), given, _read_only(y))
        if not self.takes_several:
            return self._checked("gradient", dxs, dy.dtype, xs[0].shape)
        if not isinstance(dxs, (list, tuple)) or len(dxs) != len(xs):
            raise TypeError(
                f"the gradient of {self} must return a list of {len(xs)} arrays, one "
                f"for each input, got {type(dxs).__name__}"
            )
        pairs = zip(dxs, xs, strict=True)
        return tuple(
            [self._checked("gradient", d, dy.dtype, x.shape) for d, x in pairs]
        )

    def _one(self, *xs: Array) -> Array:
        (x,) = xs
        return self.check_input(x)

    def _applied(self, xs: Sequence[Array], shape: Shape | None = None) -> Array:
        """Return y of arrays, checked; the function gets read-only views."""
        y = self._function([_read_only(x) for x in xs])
        return self._checked("function", y, xs[0].dtype, shape)

    def _function(self, xs: list[Any]) -> Any:
        given = xs if self.takes_several else xs[0]
        return self._unchanged("function", given, **(self.arguments or {}))

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


def _read_only(array: Array) -> Array:
    view = array.view()
    view.flags.writeable = False
    return view
