"""The operations of layer_ops.py in JAX: jit of the forward, and of its vjp alone."""

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.layer_ops import EPSILON, GROUPS, operands
from benchmarks.peers import Variant

LAYOUT = "NHWC", "HWIO", "NHWC"


def _sums(x, window):
    return lax.reduce_window(x, 0.0, lax.add, window, window, "VALID")


def _normalised(x, axes):
    mean = x.mean(axes, keepdims=True)
    variance = jnp.square(x - mean).mean(axes, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + EPSILON)


def _group_norm(x, gamma, beta):
    grouped = x.reshape(*x.shape[:3], GROUPS, -1)
    return _normalised(grouped, (1, 2, 4)).reshape(x.shape) * gamma + beta


def _separable(x, w, v, b):
    u = lax.conv_general_dilated(
        *(x, w, (1, 1), "SAME"),
        dimension_numbers=LAYOUT,
        feature_group_count=x.shape[3],
    )
    return lax.conv_general_dilated(u, v, (1, 1), "SAME", dimension_numbers=LAYOUT) + b


def _transposed(x, w):
    return lax.conv_transpose(
        *(x, w, (2, 2), "VALID"), dimension_numbers=LAYOUT, transpose_kernel=True
    )


def _bilinear(x):
    n, rows, columns, c = x.shape
    return jax.image.resize(x, (n, 2 * rows, 2 * columns, c), "bilinear")


_FORWARD = {  # kind: function, names of its arguments
    "average2d": (lambda x: _sums(x, (1, 2, 2, 1)) / 4, "x"),
    "global2d": (lambda x: x.mean((1, 2), keepdims=True), "x"),
    "transposed2d": (_transposed, "x w"),
    "separable2d": (_separable, "x w v b"),
    "layer_norm": (lambda x, g, b: _normalised(x, -1) * g + b, "x gamma beta"),
    "group_norm": (_group_norm, "x gamma beta"),
    "add_relu": (lambda x, other: jax.nn.relu(x + other), "x other"),
    "concatenate": (lambda x, other: jnp.concatenate([x, other], 3), "x other"),
    "bilinear2d": (_bilinear, "x"),
    "gelu": (lambda x: jax.nn.gelu(x, approximate=False), "x"),
}


def op(task):
    """Return the variant of an operation."""
    kind = next(kind for kind in _FORWARD if task.kind.startswith(kind))
    function, names = _FORWARD[kind]
    a = {name: jnp.asarray(array) for name, array in operands(task).items()}
    args = [a[name] for name in names.split()]
    if task.kind == kind:
        forward = jax.jit(function)
        return Variant(lambda: jax.block_until_ready(forward(*args)))
    part, dy = task.kind.removeprefix(kind), a["dy"]
    chosen = {"_dx": slice(1), "_dw": slice(1, 2), "_grads": slice(3)}[part]
    _, vjp = jax.vjp(function, *args)
    backward = jax.jit(lambda vjp, dy: vjp(dy)[chosen])
    return Variant(lambda: jax.block_until_ready(backward(vjp, dy)))
