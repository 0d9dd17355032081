"""Activation functions by name: y = f(z), and dz from dy and y.

Each derivative is written in y, so that a layer need keep no more than its output.
The formulas stand in ``kernels/``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from sora_np.common.names import look_up
from sora_np.kernels.arrays import Array
from sora_np.kernels.relu import relu, relu_dx
from sora_np.kernels.sigmoid import sigmoid, sigmoid_dx
from sora_np.kernels.softmax import softmax, softmax_dx
from sora_np.kernels.tanh import tanh, tanh_dx


class Activation(NamedTuple):
    """A function of one array and its backward pass.

    Attributes
    ----------
    name : as in ``Dense(10, activation=name)``
    forward : z -> y, of the same shape
    backward : (dy, y) -> dz = d(loss)/dz
    """

    name: str
    forward: Callable[[Array], Array]
    backward: Callable[[Array, Array], Array]

    def __reduce__(self) -> tuple[Any, ...]:
        """Say how copies and pickles are made: ours stay the same object."""
        if ACTIVATIONS.get(self.name) is self:
            return get, (self.name,)
        return Activation, tuple(self)


def _identity(z: Array) -> Array:
    return z


def _identity_dx(dy: Array, y: Array) -> Array:
    return dy


linear = Activation("linear", _identity, _identity_dx)
ACTIVATIONS = {
    "linear": linear,
    "relu": Activation("relu", relu, relu_dx),
    "sigmoid": Activation("sigmoid", sigmoid, sigmoid_dx),
    "softmax": Activation("softmax", softmax, softmax_dx),
    "tanh": Activation("tanh", tanh, tanh_dx),
}


def get(identifier: str | Activation | None) -> Activation:
    """Return the activation of that name; None is "linear".

    >>> get("relu").name, get(None).name
    ('relu', 'linear')
    """
    if identifier is None:
        return linear
    if isinstance(identifier, Activation):
        return identifier
    return look_up(ACTIVATIONS, identifier, "activation")
