"""The hyperbolic tangent, entry by entry, and its gradient.

::

     y = tanh(x) = (e^x - e^-x) / (e^x + e^-x)                                   (1)
    dx = dy * (1 - y^2)                                                          (2)

Source: LeCun, Bottou, Orr & Mueller, "Efficient BackProp" (1998), section 4.4.
"""

import math

import numpy as np

from ..machine.arrays import Array
from ..machine.rungs import rungs

# --- reference: the formulas, entry by entry ----------------------------------


def tanh_reference(x: Array) -> Array:
    """Return y of equation (1), of the shape of x."""
    y = np.empty_like(x)
    for index in np.ndindex(x.shape):
        y[index] = math.tanh(x[index])
    return y


def tanh_dx_reference(dy: Array, y: Array) -> Array:
    """Return dx of equation (2), of the shape of y."""
    dx = np.empty_like(dy)
    for index in np.ndindex(dy.shape):
        dx[index] = dy[index] * (1 - y[index] ** 2)
    return dx


# --- fast: NumPy's own loop is vectorised -------------------------------------


@rungs(tanh_reference)
def tanh(x: Array) -> Array:
    """Return y of equation (1), of the shape of x."""
    return np.tanh(x)


@rungs(tanh_dx_reference)
def tanh_dx(dy: Array, y: Array) -> Array:
    """Return dx of equation (2) for dy and y of one shape."""
    return dy * (1 - y * y)
