"""Activation functions, entry by entry, and their gradients.

::

    elu           y = scale * (x  where x > 0, else alpha * (e^x - 1))
    gelu          y = x * P(x),  P(x) = (1 + erf(x / sqrt(2))) / 2
      approximate y = x * s(2 u),  u = sqrt(2 / pi) (x + 0.044715 x^3)
    silu          y = x * s(x),  s(x) = 1 / (1 + e^-x)
    mish          y = x * tanh(log(1 + e^x))
    hard_sigmoid  y = min(max(x / 6 + 1 / 2, 0), 1)
    hard_silu     y = x * hard_sigmoid(x)

and dx = dy * dy/dx, which is computed from y for elu and hard_sigmoid, and from x for
the others.  At a kink, dy/dx is that of the side where y is constant; for elu, at 0, it
is that of the lower side.  NaN stays NaN.

With e = e^x, tanh(log(1 + e^x)) = (e^2 + 2 e) / (e^2 + 2 e + 2), which is 1 from x = 20
on.  The derivative of P is p(x) = e^(-x^2 / 2) / sqrt(2 pi).

Source: Clevert et al. (2016), arXiv:1511.07289; Hendrycks & Gimpel (2016),
arXiv:1606.08415; Ramachandran et al. (2017), arXiv:1710.05941; Misra (2019),
arXiv:1908.08681; Howard et al. (2019), arXiv:1905.02244.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..loops.elementary import erf, exp, expm1
from ..machine.arrays import Array, jit
from ..machine.rungs import rungs
from ..machine.tasks import BLOCK, Task, run_kept
from .whole_arrays import (
    elu_dx_numpy,
    elu_numpy,
    gelu_dx_numpy,
    gelu_numpy,
    hard_sigmoid_dx_numpy,
    hard_sigmoid_numpy,
    hard_silu_dx_numpy,
    hard_silu_numpy,
    mish_dx_numpy,
    mish_numpy,
    silu_dx_numpy,
    silu_numpy,
)

# --- reference: the formulas, entry by entry ----------------------------------


def elu_reference(x: Array, alpha: float = 1.0, scale: float = 1.0) -> Array:
    """Return y, of the shape of x."""
    y = np.empty_like(x)
    for at in np.ndindex(x.shape):
        y[at] = scale * (x[at] if x[at] > 0 else alpha * np.expm1(x[at]))
    return y


def elu_dx_reference(
    dy: Array, y: Array, alpha: float = 1.0, scale: float = 1.0
) -> Array:
    """Return dx; alpha and scale are not negative, so y > 0 where x > 0."""
    dx = np.empty_like(dy)
    for at in np.ndindex(dy.shape):
        dx[at] = dy[at] * (scale if y[at] > 0 else y[at] + scale * alpha)
    return dx


def gelu_reference(x: Array, approximate: bool = False) -> Array:
    """Return y, of the shape of x."""
    y = np.empty_like(x)
    for at in np.ndindex(x.shape):
        if approximate:
            u = math.sqrt(2 / math.pi) * (x[at] + 0.044715 * x[at] ** 3)
            y[at] = x[at] * (1 + np.tanh(u)) / 2
        else:
            y[at] = x[at] * (1 + math.erf(x[at] / math.sqrt(2))) / 2
    return y


def gelu_dx_reference(dy: Array, x: Array, approximate: bool = False) -> Array:
    """Return dx, of the shape of x."""
    dx = np.empty_like(dy)
    for at in np.ndindex(dy.shape):
        if approximate:
            u = math.sqrt(2 / math.pi) * (x[at] + 0.044715 * x[at] ** 3)
            du = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x[at] ** 2)
            slope = (1 + np.tanh(u)) / 2 + x[at] * (1 - np.tanh(u) ** 2) / 2 * du
        else:
            density = np.exp(-x[at] * x[at] / 2) / math.sqrt(2 * math.pi)
            slope = (1 + math.erf(x[at] / math.sqrt(2))) / 2 + x[at] * density
        dx[at] = dy[at] * slope
    return dx


def silu_reference(x: Array) -> Array:
    """Return y, of the shape of x."""
    y = np.empty_like(x)
    for at in np.ndindex(x.shape):
        y[at] = x[at] / (1 + np.exp(-x[at]))
    return y


def silu_dx_reference(dy: Array, x: Array) -> Array:
    """Return dx, of the shape of x."""
    dx = np.empty_like(dy)
    for at in np.ndindex(dy.shape):
        s = 1 / (1 + np.exp(-x[at]))
        dx[at] = dy[at] * s * (1 + x[at] * (1 - s))
    return dx


def mish_reference(x: Array) -> Array:
    """Return y, of the shape of x."""
    y = np.empty_like(x)
    for at in np.ndindex(x.shape):
        y[at] = x[at] * np.tanh(np.logaddexp(0, x[at]))
    return y


def mish_dx_reference(dy: Array, x: Array) -> Array:
    """Return dx, of the shape of x."""
    dx = np.empty_like(dy)
    for at in np.ndindex(dy.shape):
        t, s = np.tanh(np.logaddexp(0, x[at])), 1 / (1 + np.exp(-x[at]))
        dx[at] = dy[at] * (t + x[at] * (1 - t * t) * s)
    return dx


def hard_sigmoid_reference(x: Array) -> Array:
    """Return y, of the shape of x."""
    y = np.empty_like(x)
    for at in np.ndindex(x.shape):
        y[at] = np.clip(x[at] / 6 + 0.5, 0, 1)
    return y


def hard_sigmoid_dx_reference(dy: Array, y: Array) -> Array:
    """Return dx, of the shape of y."""
    dx = np.empty_like(dy)
    for at in np.ndindex(dy.shape):
        dx[at] = 0 if y[at] <= 0 or y[at] >= 1 else dy[at] / 6
    return dx


def hard_silu_reference(x: Array) -> Array:
    """Return y, of the shape of x."""
    y = np.empty_like(x)
    for at in np.ndindex(x.shape):
        y[at] = 0 if x[at] <= -3 else x[at] * np.minimum(x[at] / 6 + 0.5, 1)
    return y


def hard_silu_dx_reference(dy: Array, x: Array) -> Array:
    """Return dx, of the shape of x."""
    dx = np.empty_like(dy)
    for at in np.ndindex(dy.shape):
        outside = x[at] <= -3 or x[at] >= 3
        dx[at] = dy[at] * ((x[at] > 0) * 1.0 if outside else x[at] / 3 + 0.5)
    return dx


# --- fast: a function and a derivative of one number, in loops over blocks -------


@rungs(elu_reference, elu_numpy)
def elu(x: Array, alpha: float = 1.0, scale: float = 1.0) -> Array:
    """Return y, of the shape of x."""
    y = np.empty_like(x)
    run_kept(elu_tasks, x, float(alpha), float(scale), y)
    return y


@rungs(elu_dx_reference, elu_dx_numpy)
def elu_dx(dy: Array, y: Array, alpha: float = 1.0, scale: float = 1.0) -> Array:
    """Return dx; alpha and scale are not negative, so y > 0 where x > 0."""
    dx = np.empty_like(dy)
    run_kept(elu_dx_tasks, dy, y, float(alpha), float(scale), dx)
    return dx


def elu_tasks(x: Array, alpha: float, scale: float, y: Array) -> list[Task]:
    """Return the task that writes y."""
    return _tasks(_elu_item, x, np.array([scale, scale * alpha], x.dtype), y)


def elu_dx_tasks(
    dy: Array, y: Array, alpha: float, scale: float, dx: Array
) -> list[Task]:
    """Return the task that writes dx."""
    numbers = np.array([scale, scale * alpha], y.dtype)
    return _tasks(_elu_dx_item, dy, y, numbers, dx)


@rungs(gelu_reference, gelu_numpy)
def gelu(x: Array, approximate: bool = False) -> Array:
    """Return y, of the shape of x."""
    y = np.empty_like(x)
    run_kept(gelu_tasks, x, bool(approximate), y)
    return y


@rungs(gelu_dx_reference, gelu_dx_numpy)
def gelu_dx(dy: Array, x: Array, approximate: bool = False) -> Array:
    """Return dx, of the shape of x."""
    dx = np.empty_like(dy)
    run_kept(gelu_dx_tasks, dy, x, bool(approximate), dx)
    return dx


def gelu_tasks(x: Array, approximate: bool, y: Array) -> list[Task]:
    """Return the task that writes y."""
    return _tasks(_gelu_tanh_item if approximate else _gelu_item, x, y)


def gelu_dx_tasks(dy: Array, x: Array, approximate: bool, dx: Array) -> list[Task]:
    """Return the task that writes dx."""
    return _tasks(_gelu_tanh_dx_item if approximate else _gelu_dx_item, dy, x, dx)


@rungs(silu_reference, silu_numpy)
def silu(x: Array) -> Array:
    """Return y, of the shape of x."""
    y = np.empty_like(x)
    run_kept(silu_tasks, x, y)
    return y


@rungs(silu_dx_reference, silu_dx_numpy)
def silu_dx(dy: Array, x: Array) -> Array:
    """Return dx, of the shape of x."""
    dx = np.empty_like(dy)
    run_kept(silu_dx_tasks, dy, x, dx)
    return dx


def silu_tasks(x: Array, y: Array) -> list[Task]:
    """Return the task that writes y."""
    return _tasks(_silu_item, x, y)


def silu_dx_tasks(dy: Array, x: Array, dx: Array) -> list[Task]:
    """Return the task that writes dx."""
    return _tasks(_silu_dx_item, dy, x, dx)


@rungs(mish_reference, mish_numpy)
def mish(x: Array) -> Array:
    """Return y, of the shape of x."""
    y = np.empty_like(x)
    run_kept(mish_tasks, x, y)
    return y


@rungs(mish_dx_reference, mish_dx_numpy)
def mish_dx(dy: Array, x: Array) -> Array:
    """Return dx, of the shape of x."""
    dx = np.empty_like(dy)
    run_kept(mish_dx_tasks, dy, x, dx)
    return dx


def mish_tasks(x: Array, y: Array) -> list[Task]:
    """Return the task that writes y."""
    return _tasks(_mish_item, x, y)


def mish_dx_tasks(dy: Array, x: Array, dx: Array) -> list[Task]:
    """Return the task that writes dx."""
    return _tasks(_mish_dx_item, dy, x, dx)


@rungs(hard_sigmoid_reference, hard_sigmoid_numpy)
def hard_sigmoid(x: Array) -> Array:
    """Return y, of the shape of x."""
    y = np.empty_like(x)
    run_kept(hard_sigmoid_tasks, x, y)
    return y


@rungs(hard_sigmoid_dx_reference, hard_sigmoid_dx_numpy)
def hard_sigmoid_dx(dy: Array, y: Array) -> Array:
    """Return dx, of the shape of y."""
    dx = np.empty_like(dy)
    run_kept(hard_sigmoid_dx_tasks, dy, y, dx)
    return dx


def hard_sigmoid_tasks(x: Array, y: Array) -> list[Task]:
    """Return the task that writes y."""
    return _tasks(_hard_sigmoid_item, x, y)


def hard_sigmoid_dx_tasks(dy: Array, y: Array, dx: Array) -> list[Task]:
    """Return the task that writes dx."""
    return _tasks(_hard_sigmoid_dx_item, dy, y, dx)


@rungs(hard_silu_reference, hard_silu_numpy)
def hard_silu(x: Array) -> Array:
    """Return y, of the shape of x."""
    y = np.empty_like(x)
    run_kept(hard_silu_tasks, x, y)
    return y


@rungs(hard_silu_dx_reference, hard_silu_dx_numpy)
def hard_silu_dx(dy: Array, x: Array) -> Array:
    """Return dx, of the shape of x."""
    dx = np.empty_like(dy)
    run_kept(hard_silu_dx_tasks, dy, x, dx)
    return dx


def hard_silu_tasks(x: Array, y: Array) -> list[Task]:
    """Return the task that writes y."""
    return _tasks(_hard_silu_item, x, y)


def hard_silu_dx_tasks(dy: Array, x: Array, dx: Array) -> list[Task]:
    """Return the task that writes dx."""
    return _tasks(_hard_silu_dx_item, dy, x, dx)


def _tasks(body: Any, first: Array, *others: Array) -> list[Task]:
    flat = [a.reshape(-1) for a in others]
    return [Task(body, -(-first.size // BLOCK), first.reshape(-1), *flat)]


def _entries(function: Callable[[Any], Any]) -> Any:
    """Return the body y = function(x) of a task.

    ``forceinline`` is needed because LLVM would copy a long function into the loop too
    late for vectorisation (derivative of GELU, a million numbers: 0.9, not 46 ms).
    """
    of = jit(forceinline=True)(function)

    @jit()
    def entries(item, thread, x, y):
        part = slice(item * BLOCK, min(item * BLOCK + BLOCK, x.size))
        x, y = x[part], y[part]
        for i in range(x.size):
            y[i] = of(x[i])

    return entries


def _slopes(function: Callable[[Any], Any]) -> Any:
    """Return the body dx = dy * function(x) of a task; x may be the y of a kernel."""
    of = jit(forceinline=True)(function)

    @jit()
    def slopes(item, thread, dy, x, dx):
        part = slice(item * BLOCK, min(item * BLOCK + BLOCK, x.size))
        dy, x, dx = dy[part], x[part], dx[part]
        for i in range(x.size):
            dx[i] = dy[i] * of(x[i])

    return slopes


@jit()
def _elu_item(item, thread, x, numbers, y):
    scale, least = numbers[0], numbers[1]
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, x.size))
    x, y = x[part], y[part]
    for i in range(x.size):
        below = least * expm1(x[i])
        y[i] = scale * x[i] if x[i] > 0 else below


@jit()
def _elu_dx_item(item, thread, dy, y, numbers, dx):
    scale, least = numbers[0], numbers[1]
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, y.size))
    dy, y, dx = dy[part], y[part], dx[part]
    for i in range(y.size):
        dx[i] = dy[i] * (scale if y[i] > 0 else y[i] + least)


ROOT = math.sqrt(2 / math.pi)
CUBE = 0.044715


@_entries
def _gelu_item(x):
    real = type(x)
    return x * real(0.5) * (real(1) + erf(x * real(math.sqrt(0.5))))


@_slopes
def _gelu_dx_item(x):
    real = type(x)
    density = exp(x * x * real(-0.5)) * real(ROOT / 2)
    return real(0.5) * (real(1) + erf(x * real(math.sqrt(0.5)))) + x * density


@_entries
def _gelu_tanh_item(x):
    real = type(x)
    twice_u = real(2 * ROOT) * x * (real(1) + real(CUBE) * x * x)
    return x / (real(1) + exp(-twice_u))  # (1 + tanh u) / 2 = s(2 u)


@_slopes
def _gelu_tanh_dx_item(x):
    real = type(x)
    twice_u = real(2 * ROOT) * x * (real(1) + real(CUBE) * x * x)
    s = real(1) / (real(1) + exp(-twice_u))
    return s + x * s * (real(1) - s) * real(2 * ROOT) * (
        real(1) + real(3 * CUBE) * x * x
    )


@_entries
def _silu_item(x):
    return x / (type(x)(1) + exp(-x))


@_slopes
def _silu_dx_item(x):
    one = type(x)(1)
    s = one / (one + exp(-x))
    return s * (one + x * (one - s))


@_entries
def _mish_item(x):
    real = type(x)
    e = exp(real(20) if x > real(20) else x)
    n = e * (e + real(2))
    return x * (n / (n + real(2)))


@_slopes
def _mish_dx_item(x):
    real = type(x)
    x = real(20) if x > real(20) else x
    e = exp(x)
    n = e * (e + real(2))
    rest = real(2) / (n + real(2))  # 1 - t, so that 1 - t^2 = rest^2 (e + 1)^2
    return n / (n + real(2)) + x * rest * rest * e * (e + real(1))


@_entries
def _hard_sigmoid_item(x):
    real = type(x)
    y = x / real(6) + real(0.5)
    y = real(0) if y <= real(0) else y
    return real(1) if y >= real(1) else y


@_slopes
def _hard_sigmoid_dx_item(y):
    real = type(y)
    return real(0) if y <= real(0) or y >= real(1) else real(1 / 6)


@_entries
def _hard_silu_item(x):
    real = type(x)
    inside = x * (x / real(6) + real(0.5))
    inside = x if x >= real(3) else inside
    return real(0) if x <= real(-3) else inside


@_slopes
def _hard_silu_dx_item(x):
    real = type(x)
    inside = x / real(3) + real(0.5)
    inside = real(1) if x >= real(3) else inside
    return real(0) if x <= real(-3) else inside
