"""The rectified linear unit, with Keras's three extensions, and its gradient.

Entry by entry, with slope a (0), threshold b (0) and ceiling m (infinity)::

     y = m            if x >= m                  dx = 0         if x >= m         (1)
     y = x            if b < x < m               dx = dy        if b < x < m      (2)
     y = a * (x - b)  if x <= b                  dx = a * dy    if x <= b

By default y = max(0, x), with dx = dy at infinity, too.  At the kinks the derivative is
that of the lower side at b and of the upper side at m, as in TensorFlow.  NaN stays
NaN.

Source: Nair & Hinton (2010), "Rectified linear units improve restricted Boltzmann
machines"; the source document, 4.1.2.
"""

import numpy as np

from ..machine.arrays import Array, jit
from ..machine.rungs import rungs
from ..machine.tasks import BLOCK, Task, run_kept

# --- reference: the formulas, entry by entry ----------------------------------


def relu_reference(
    x: Array, slope: float = 0.0, threshold: float = 0.0, ceiling: float = np.inf
) -> Array:
    """Return y of equation (1), of the shape of x."""
    y = np.empty_like(x)
    for index in np.ndindex(x.shape):
        if x[index] <= threshold:
            y[index] = slope * (x[index] - threshold) if slope else 0
        else:
            y[index] = ceiling if x[index] >= ceiling else x[index]
    return y


def relu_dx_reference(
    dy: Array,
    x: Array,
    slope: float = 0.0,
    threshold: float = 0.0,
    ceiling: float = np.inf,
) -> Array:
    """Return dx of equation (2), of the shape of x."""
    dx = np.empty_like(dy)
    for index in np.ndindex(dy.shape):
        if x[index] <= threshold:
            dx[index] = slope * dy[index]
        else:
            above = x[index] >= ceiling and ceiling != np.inf
            dx[index] = 0 * dy[index] if above else dy[index]
    return dx


# --- NumPy: whole arrays --------------------------------------------------------------


def relu_numpy(
    x: Array, slope: float = 0.0, threshold: float = 0.0, ceiling: float = np.inf
) -> Array:
    """Return y, of the shape of x."""
    below = slope * (x - threshold) if slope else np.zeros_like(x)
    return np.where(x <= threshold, below, np.minimum(x, ceiling))


def relu_dx_numpy(
    dy: Array,
    x: Array,
    slope: float = 0.0,
    threshold: float = 0.0,
    ceiling: float = np.inf,
) -> Array:
    """Return dx, of the shape of x."""
    above = (x >= ceiling) & (ceiling != np.inf)
    return np.where(x <= threshold, slope * dy, np.where(above, 0 * dy, dy))


# --- fast ---------------------------------------------------------------------


@rungs(relu_reference, relu_numpy)
def relu(
    x: Array, slope: float = 0.0, threshold: float = 0.0, ceiling: float = np.inf
) -> Array:
    """Return y of equation (1), of the shape of x."""
    y = np.empty_like(x)
    run_kept(_relu_task, x, np.array([slope, threshold, ceiling], x.dtype), y)
    return y


@rungs(relu_dx_reference, relu_dx_numpy)
def relu_dx(
    dy: Array,
    x: Array,
    slope: float = 0.0,
    threshold: float = 0.0,
    ceiling: float = np.inf,
) -> Array:
    """Return dx of equation (2) for dy and x of one shape.

    With the default slope, threshold and ceiling, y may replace x, since both are
    positive at the same entries.
    """
    dx = np.empty_like(dy)
    ceiling = np.nan if ceiling == np.inf else ceiling  # no x is at or above NaN
    bends = np.array([slope, threshold, ceiling], x.dtype)
    run_kept(_relu_dx_task, dy, x, bends, dx)
    return dx


def relu_tasks(
    x: Array, slope: float, threshold: float, ceiling: float, y: Array
) -> list[Task]:
    """Return the task that writes y of equation (1)."""
    return [_relu_task(x, np.array([slope, threshold, ceiling], x.dtype), y)]


def relu_dx_tasks(
    dy: Array, x: Array, slope: float, threshold: float, ceiling: float, dx: Array
) -> list[Task]:
    """Return the task that writes dx of equation (2)."""
    ceiling = np.nan if ceiling == np.inf else ceiling
    return [_relu_dx_task(dy, x, np.array([slope, threshold, ceiling], x.dtype), dx)]


def _relu_task(x: Array, bends: Array, y: Array) -> Task:
    return Task(_relu_item, -(-x.size // BLOCK), x.reshape(-1), bends, y.reshape(-1))


def _relu_dx_task(dy: Array, x: Array, bends: Array, dx: Array) -> Task:
    flat = dy.reshape(-1), x.reshape(-1), bends, dx.reshape(-1)
    return Task(_relu_dx_item, -(-dy.size // BLOCK), *flat)


@jit()
def _relu_item(item, thread, x, bends, y):
    slope, threshold, ceiling = bends[0], bends[1], bends[2]
    zero = slope * 0
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, x.size))
    x, y = x[part], y[part]
    for i in range(x.size):
        v = x[i]
        below = slope * (v - threshold) if slope != zero else zero  # 0 * -inf is NaN
        above = ceiling if v >= ceiling else v
        y[i] = below if v <= threshold else above


@jit()
def _relu_dx_item(item, thread, dy, x, bends, dx):
    slope, threshold, ceiling = bends[0], bends[1], bends[2]
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, x.size))
    dy, x, dx = dy[part], x[part], dx[part]
    for i in range(x.size):
        above = dy[i] * 0 if x[i] >= ceiling else dy[i]
        dx[i] = slope * dy[i] if x[i] <= threshold else above
