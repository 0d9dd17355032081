"""Activation functions by name: y = f(z), and dz from dy and y, or from dy and z.

Most derivatives are written in y, so that a layer need keep no more than its output;
those of ``gelu``, ``silu``, ``mish`` and ``hard_silu`` are written in z.  The formulas
stand in ``kernels/``.  Each function is here by its name, and takes arrays:

>>> leaky_relu([-1.0, 2.0]), relu([-1.0, 9.0], max_value=6)
(array([-0.2,  2. ]), array([0., 6.]))
"""

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike

from sora_np.common.inputs import as_numbers
from sora_np.common.names import look_up
from sora_np.common.recorded import Recorded, gradient
from sora_np.kernels.activations import activations as kernels
from sora_np.kernels.activations.relu import relu as bent
from sora_np.kernels.activations.relu import relu_dx as bent_dx
from sora_np.kernels.activations.sigmoid import sigmoid as logistic
from sora_np.kernels.activations.sigmoid import sigmoid_dx
from sora_np.kernels.activations.softmax import softmax as probabilities
from sora_np.kernels.activations.softmax import softmax_dx
from sora_np.kernels.activations.tanh import tanh as tangent
from sora_np.kernels.activations.tanh import tanh_dx
from sora_np.kernels.machine.arrays import Array, kernel_array


class Activation(NamedTuple):
    """A function of one array and its backward pass.

    Attributes
    ----------
    name : as in ``Dense(10, activation=name)``
    forward : z -> y, of the same shape
    backward : (dy, y) -> dz = d(loss)/dz; or (dy, z) -> dz where ``takes_z``
    takes_z : whether the derivative is written in z and not in y; a layer then keeps z
        and calls ``backward(dy, z)``

    Examples
    --------
    >>> square = Activation("square", np.square, lambda dy, z: 2 * z * dy, takes_z=True)
    >>> square([1.0, -3.0])
    array([1., 9.])
    """

    name: str
    forward: Callable[..., Array]
    backward: Callable[[Array, Array], Array]
    takes_z: bool = False

    def __call__(self, x: ArrayLike, *args: Any, **options: Any) -> Any:
        """Return f(x), an array of its own; some functions have options, as Keras's."""
        if isinstance(x, Recorded) or hasattr(x, "activated"):  # a symbol
            own = self._with_options(x, *args, **options)
            if not isinstance(x, Recorded):
                return x.activated(own)
            y = own.forward(x.value)
            kept = x.value if own.takes_z else y
            return Recorded(y, [(x, lambda dy: own.backward(dy, kept))])
        z = kernel_array(as_numbers(x))
        function = self.forward
        if (args or options) and self.name in WITH_OPTIONS:
            function = WITH_OPTIONS[self.name]
        y = function(z, *args, **options)
        return y.copy() if y is z else y

    def _with_options(self, x: Any, *args: Any, **options: Any) -> "Activation":
        """Return the activation with Keras's options, for what has no values yet."""
        if not (args or options):
            return self
        function = WITH_OPTIONS.get(self.name, self.forward)
        bound = inspect.signature(function).bind(x, *args, **options)
        bound.apply_defaults()
        _, *given = bound.arguments.values()
        made: Any = {
            "relu": lambda slope, top, low: bent_line(
                slope, low, np.inf if top is None else top
            ),
            "leaky_relu": lambda slope: bent_line(slope, 0.0, np.inf),
            "elu": lambda alpha: exponential_below(alpha),
            "gelu": lambda approximate: gelu_approximate if approximate else gelu,
        }.get(self.name)
        if made is not None:
            return cast(Activation, made(*given))
        if given and given[0] in (-1, len(x.shape) - 1):  # the axis
            return self
        text = ", ".join([*map(str, args), *(f"{k}={v}" for k, v in options.items())])
        raise TypeError(f"{self.name} with {text} takes arrays only")

    def is_ours(self) -> bool:
        """Return whether it is one of this module's, and not one of a user's."""
        return (ACTIVATIONS.get(self.name) or with_options_in(self.name)) is self

    def __reduce__(self) -> tuple[Any, ...]:
        """Say how copies and pickles are made: ours stay the same object."""
        if self.is_ours():
            return get, (self.name,)
        return Activation, tuple(self)


# --- with Keras's options ---------------------------------------------------------


def _identity(z: Array) -> Array:
    return z


def _identity_dx(dy: Array, y: Array) -> Array:
    return dy


def _relu(
    x: Array,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Array:
    ceiling = np.inf if max_value is None else max_value
    return bent(x, negative_slope, threshold, ceiling)


def _leaky_relu(x: Array, negative_slope: float = 0.2) -> Array:
    return bent(x, negative_slope)


def _leaky_relu_dx(dy: Array, y: Array) -> Array:
    return bent_dx(dy, y, 0.2)


def _relu6(x: Array) -> Array:
    return bent(x, ceiling=6.0)


def _relu6_dx(dy: Array, y: Array) -> Array:
    return bent_dx(dy, y, ceiling=6.0)


def _elu(x: Array, alpha: float = 1.0) -> Array:
    return kernels.elu(x, alpha)


SELU = 1.6732632423543772, 1.0507009873554805  # alpha and scale


def _selu(x: Array) -> Array:
    return kernels.elu(x, *SELU)


def _selu_dx(dy: Array, y: Array) -> Array:
    return kernels.elu_dx(dy, y, *SELU)


def _gelu_tanh(x: Array) -> Array:
    return kernels.gelu(x, approximate=True)


def _gelu_tanh_dx(dy: Array, x: Array) -> Array:
    return kernels.gelu_dx(dy, x, approximate=True)


def _softmax(x: Array, axis: int = -1) -> Array:
    rows = np.ascontiguousarray(np.moveaxis(x, axis, -1))
    return np.moveaxis(probabilities(rows), -1, axis)


# --- NumPy's own loops -------------------------------------------------------------


def _softplus(x: Array) -> Array:
    """Return log(1 + e^x), without overflow."""
    y: Array = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return y


def _softplus_dx(dy: Array, y: Array) -> Array:
    """Return dx: the derivative is the sigmoid of x, 1 - e^-y."""
    dx: Array = dy * -np.expm1(-y)
    return dx


def _softsign(x: Array) -> Array:
    largest = np.finfo(x.dtype).max
    x = np.clip(x, -largest, largest)  # of infinity it is 1
    y: Array = x / (1 + np.abs(x))
    return y


def _softsign_dx(dy: Array, y: Array) -> Array:
    """Return dx: the derivative is 1 / (1 + |x|)^2."""
    dx: Array = dy * (1 - np.abs(y)) ** 2
    return dx


def _exponential(x: Array) -> Array:
    with np.errstate(over="ignore"):
        y: Array = np.exp(x)
    return y


def _exponential_dx(dy: Array, y: Array) -> Array:
    return dy * y


def _log_softmax(x: Array, axis: int = -1) -> Array:
    y: Array = x - np.max(x, axis=axis, keepdims=True)
    y -= np.log(np.sum(np.exp(y), axis=axis, keepdims=True))
    return y


def _log_softmax_dx(dy: Array, y: Array) -> Array:
    """Return dx[k] = dy[k] - e^y[k] sum_l dy[l]."""
    dx: Array = dy - np.exp(y) * np.sum(dy, axis=-1, keepdims=True)
    return dx


# --- by name -----------------------------------------------------------------------

elu = Activation("elu", _elu, kernels.elu_dx)
exponential = Activation("exponential", _exponential, _exponential_dx)
gelu = Activation("gelu", kernels.gelu, kernels.gelu_dx, takes_z=True)
gelu_approximate = Activation(
    "gelu_approximate", _gelu_tanh, _gelu_tanh_dx, takes_z=True
)
hard_sigmoid = Activation("hard_sigmoid", kernels.hard_sigmoid, kernels.hard_sigmoid_dx)
hard_silu = Activation(
    "hard_silu", kernels.hard_silu, kernels.hard_silu_dx, takes_z=True
)
leaky_relu = Activation("leaky_relu", _leaky_relu, _leaky_relu_dx)
linear = Activation("linear", _identity, _identity_dx)
log_softmax = Activation("log_softmax", _log_softmax, _log_softmax_dx)
mish = Activation("mish", kernels.mish, kernels.mish_dx, takes_z=True)
relu = Activation("relu", bent, bent_dx)
relu6 = Activation("relu6", _relu6, _relu6_dx)
selu = Activation("selu", _selu, _selu_dx)
sigmoid = Activation("sigmoid", logistic, sigmoid_dx)
silu = Activation("silu", kernels.silu, kernels.silu_dx, takes_z=True)
softmax = Activation("softmax", probabilities, softmax_dx)
softplus = Activation("softplus", _softplus, _softplus_dx)
softsign = Activation("softsign", _softsign, _softsign_dx)
tanh = Activation("tanh", tangent, tanh_dx)
hard_swish, swish = hard_silu, silu  # Keras's other names

WITH_OPTIONS: dict[str, Callable[..., Array]] = {
    "relu": _relu,
    "softmax": _softmax,
}  # where the kernel's are others

ACTIVATIONS = {
    **{
        function.name: function
        for function in (
            *(elu, exponential, gelu, gelu_approximate, hard_sigmoid, hard_silu),
            *(leaky_relu, linear, log_softmax, mish, relu, relu6, selu, sigmoid),
            *(silu, softmax, softplus, softsign, tanh),
        )
    },
    **{"hard_swish": hard_silu, "swish": silu},
}


@functools.cache
def bent_line(negative_slope: float, threshold: float, max_value: float) -> Activation:
    """Return a ReLU with a slope, a threshold and a ceiling, by a name that says so.

    >>> bent_line(0.3, 0.0, np.inf).name, bent_line(0.0, 0.5, 6.0)([-1.0, 9.0])
    ('relu(0.3, 0.0, inf)', array([0., 6.]))
    """
    bends = float(negative_slope), float(threshold), float(max_value)
    own = {(0.0, 0.0, np.inf): relu, (0.2, 0.0, np.inf): leaky_relu}
    if found := (own | {(0.0, 0.0, 6.0): relu6}).get(bends):
        return found
    slope, threshold, ceiling = bends
    options: Any = {"slope": slope, "threshold": threshold, "ceiling": ceiling}
    forward = functools.partial(bent, **options)
    backward = functools.partial(bent_dx, **options)
    return Activation(f"relu{bends}", forward, backward, takes_z=True)


@functools.cache
def exponential_below(alpha: float) -> Activation:
    """Return an ELU with another alpha, by a name that says so.

    >>> exponential_below(0.5).name
    'elu(0.5)'
    """
    if alpha == 1:
        return elu
    forward = functools.partial(kernels.elu, alpha=float(alpha))
    backward = functools.partial(kernels.elu_dx, alpha=float(alpha))
    return Activation(f"elu({float(alpha)})", forward, backward)


def options_in(name: Any) -> tuple[str, list[float]] | None:
    """Return the function and the numbers in a name such as "elu(0.5)", or None."""
    found = re.fullmatch(r"(relu|elu)\(([\d.e+, inf-]+)\)", str(name))
    try:
        return (found[1], [*map(float, found[2].split(","))]) if found else None
    except ValueError:
        return None


def with_options_in(name: Any) -> Activation | None:
    """Return the activation of a name such as "elu(0.5)", or None."""
    function, numbers = options_in(name) or ("", [])
    if any(not number >= 0 for number in numbers):
        return None
    if function == "relu" and len(numbers) == 3:
        return bent_line(*numbers)
    if function == "elu" and len(numbers) == 1:
        return exponential_below(*numbers)
    return None


def is_entrywise(function: Activation) -> bool:
    """Return whether a function is known to treat every number by itself.

    >>> is_entrywise(relu), is_entrywise(softmax)
    (True, False)
    """
    return function.is_ours() and function.name not in ("softmax", "log_softmax")


OWN = "_of_your_own"  # added to a name that ACTIVATIONS has


def of_function(function: Callable[[Any], Any]) -> Activation:
    """Return a user's function z -> y, of the same shape, as an activation.

    Its derivative is found by recording NumPy's operations: see ``common/recorded/``.

    Raises TypeError if it fails on an array (2, 3), or has an operation without a
    derivative.

    >>> square = of_function(lambda z: z * z)
    >>> square.backward(np.ones(2), np.array([1.0, -3.0]))
    array([ 2., -6.])
    """
    name = getattr(function, "__name__", type(function).__name__)
    if name in ACTIVATIONS or options_in(name):
        name += OWN

    @functools.wraps(function)
    def forward(z: Array) -> Array:
        y: Array = np.asarray(function(z), z.dtype)
        if y.shape != z.shape:
            raise ValueError(
                f"activation {name!r} must return an array of z's shape {z.shape}, got "
                f"{y.shape}"
            )
        return y

    def backward(dy: Array, z: Array) -> Array:
        recorded = Recorded(z)
        return gradient(function(recorded), recorded, dy)

    one = np.ones((2, 3), np.float32)
    try:
        with np.errstate(all="ignore"):
            backward(forward(one), one)
    except Exception as error:
        raise TypeError(
            f"activation {name!r} must be a function of one array that can be "
            f"differentiated: {error}"
        ) from error
    return Activation(name, forward, backward, takes_z=True)


def get(identifier: Any) -> Activation:
    """Return the activation of that name; None is "linear".

    A layer that is such a function, as ``LeakyReLU(0.1)`` is, serves as well, and so
    does a function of NumPy's, see :func:`of_function`.

    Raises TypeError for a function without a derivative, and for a layer that is no
    such function.

    >>> get("relu").name, get(None).name, get(gelu).name, get("elu(0.5)").name
    ('relu', 'linear', 'gelu', 'elu(0.5)')
    """
    if identifier is None:
        return linear
    if isinstance(identifier, Activation):
        if not identifier.is_ours() and (
            identifier.name in ACTIVATIONS or options_in(identifier.name)
        ):
            raise ValueError(
                f"sora_np.activations has an activation {identifier.name!r}, which is "
                "another one: give yours another name"
            )
        return identifier
    if isinstance(identifier, str) and (found := with_options_in(identifier)):
        return found
    if isinstance(identifier, type):
        name = identifier.__name__
        raise TypeError(f"activation {name} is a class: give an object, {name}()")
    if hasattr(identifier, "as_activation"):
        return cast(Activation, identifier.as_activation())
    if hasattr(identifier, "build"):
        raise TypeError(
            f"{identifier} cannot be the activation of another layer: put it behind "
            "that one, as a layer of its own"
        )
    if callable(identifier):
        return of_function(identifier)
    return look_up(ACTIVATIONS, identifier, "activation")
