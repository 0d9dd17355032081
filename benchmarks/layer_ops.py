"""The operations of further layers: poolings, norms, merges; forward and backward.

The backward of a concatenation is left out, because PyTorch returns views of dy.
"""

import numpy as np

from benchmarks.problems import ConvOp, ShapeOp, Task

EPSILON = 1e-3  # of the norms
GROUPS = 8  # of group normalisation
UP = ConvOp((32, 32, 32, 32), (2, 2, 32, 64), stride=2)  # whose gradient is the forward
SEPARABLE = ConvOp((32, 32, 32, 64), (3, 3, 1, 64), pad=1, groups=64)
FILTERS = 128  # of the convolution of one pixel that follows
BACKWARD = {"_dx": "dX", "_dw": "dW", "_grads": "all gradients"}

_ROWS = {  # kind: title, operation, which backward
    "average2d": ("average pooling 2x2, 26x26x32", ShapeOp((32, 26, 26, 32)), "_dx"),
    "global2d": ("global average, 8x8x256", ShapeOp((32, 8, 8, 256)), "_dx"),
    "transposed2d": ("transposed conv 2x2 stride 2 64->32, 16x16", UP, "_dw _dx"),
    "separable2d": ("separable conv 3x3 64->128, 32x32 same", SEPARABLE, "_grads"),
    "layer_norm": ("layer normalisation of 256", ShapeOp((2048, 256)), "_grads"),
    "group_norm": ("group normalisation, 8 of 64, 32x32", ShapeOp((32, 32, 32, 64)))
    + ("_grads",),
    "add_relu": ("Add + ReLU, 32x32x16", ShapeOp((32, 32, 32, 16)), "_dx"),
    "concatenate": ("Concatenate, twice 32x32x32", ShapeOp((32, 32, 32, 32)), ""),
    "bilinear2d": ("bilinear upsampling, 16x16x64", ShapeOp((32, 16, 16, 64)), "_dx"),
    "gelu": ("gelu, 1024 units", ShapeOp((2048, 1024)), "_dx"),
}


def layer_op_tasks(batch=32):
    """Return the rows for ``batch`` images, or for 64 times as many matrix rows."""
    tasks = []
    for kind, (title, op, backward) in _ROWS.items():
        what = op._replace(x=(op.x[0] * batch // 32, *op.x[1:]))
        for part in ("", *backward.split()):
            name = f"{title}: {BACKWARD.get(part, 'forward')}"
            flops = _flops(kind, what) * (2 if part == "_grads" else 1)
            tasks.append(Task("ops", name, kind + part, what, batch, flops))
    return tasks


def _flops(kind, op):
    if kind == "transposed2d":
        return 2.0 * np.prod(op.y) * np.prod(op.w[:3])
    if kind == "separable2d":
        return 2.0 * np.prod(op.x) * (9 + FILTERS)
    return 0.0


def is_layer_op(task):
    """Return whether the task is one of these."""
    return _plain(task.kind) in _ROWS


def _plain(kind):
    for part in BACKWARD:
        kind = kind.removesuffix(part)
    return kind


def operands(task):
    """Return the arrays of an operation, by the names that its formula has."""
    rng, op, kind = np.random.default_rng(3), task.what, _plain(task.kind)

    def normal(*shape):
        return rng.standard_normal(shape, np.float32)

    x, (n, *image, c) = normal(*op.x), op.x
    if kind == "transposed2d":
        return {"x": normal(*op.y), "w": normal(*op.w) / np.float32(8), "dy": x}
    if kind == "separable2d":
        w, v = normal(*op.w) / np.float32(3), normal(1, 1, c, FILTERS) / np.float32(8)
        a = {"w": w, "v": v, "b": normal(FILTERS), "dy": normal(n, *image, FILTERS)}
        return {"x": x, **a}
    if kind in ("layer_norm", "group_norm"):
        return {"x": x, "gamma": normal(c), "beta": normal(c), "dy": normal(*op.x)}
    if kind == "add_relu":
        other = normal(*op.x)
        return {
            "x": x, "other": other, "y": np.maximum(x + other, 0), "dy": normal(*op.x),
        }  # fmt: skip
    if kind in ("concatenate", "gelu"):
        return {"x": x, "other": normal(*op.x), "dy": normal(*op.x)}
    sizes = {
        "average2d": [side // 2 for side in image],
        "bilinear2d": [side * 2 for side in image],
        "global2d": [1, 1],
    }[kind]
    return {"x": x, "dy": normal(n, *sizes, c)}
