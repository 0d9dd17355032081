"""The operations of layer_ops.py in sora_np: public functions, and tasks of a plan."""

import numpy as np

from benchmarks.layer_ops import EPSILON, GROUPS, operands
from benchmarks.peers import Variant
from sora_np.kernels.activations.activations import (
    gelu,
    gelu_dx,
    gelu_dx_tasks,
    gelu_tasks,
)
from sora_np.kernels.convolutional.conv2d import (
    conv2d,
    conv2d_dw,
    conv2d_dw_tasks,
    conv2d_dx,
    conv2d_dx_tasks,
    conv2d_tasks,
)
from sora_np.kernels.machine.arrays import empty
from sora_np.kernels.machine.tasks import Program
from sora_np.kernels.merging.merge import (
    add_relu,
    add_relu_dx,
    add_relu_tasks,
    concatenate,
    concatenate_tasks,
    relu_dy_task,
)
from sora_np.kernels.normalization.group_normalization import (
    group_normalization,
    group_normalization_dx,
    group_normalization_dx_tasks,
    group_normalization_tasks,
)
from sora_np.kernels.normalization.layer_normalization import (
    layer_normalization,
    layer_normalization_dx,
    layer_normalization_dx_tasks,
    layer_normalization_tasks,
)
from sora_np.kernels.pooling.avgpool2d import (
    avgpool2d,
    avgpool2d_dx,
    avgpool2d_dx_tasks,
    avgpool2d_tasks,
)
from sora_np.kernels.reshaping.resize2d import (
    resize2d,
    resize2d_dx,
    resize2d_dx_tasks,
    resize2d_tasks,
)


def variants(task):
    """Return name -> function that makes the variant, as in every peer."""
    return {"prepared": lambda: _prepared(task), "": lambda: _public(task)}


def _public(task):
    function, _ = _made(task)
    return Variant(function, lambda found: _compared(task, found))


def _prepared(task):
    function, tasks_of = _made(task)
    found = function()
    found = found if isinstance(found, (tuple, list)) else [found]
    out = [empty(array.shape, array.dtype) for array in found]
    if task.kind == "add_relu_dx":  # into dy, which nothing else uses
        a = operands(task)
        out, tasks_of = [a["dy"]], lambda dx: [relu_dy_task(dx, a["y"])]
    program = Program(tasks_of(*out))

    def run():
        program()
        return out

    return Variant(run, lambda out: _compared(task, out))


def _compared(task, found):
    """Return what all frameworks have: of a norm's forward, y alone."""
    found = list(found) if isinstance(found, (tuple, list)) else [found]
    if task.kind.startswith("group_norm"):
        found[0] = found[0].reshape(task.what.x)
    return found[:1] if task.kind in ("layer_norm", "group_norm") else found


def _made(task):
    """Return the public function, and that of its outputs which returns the tasks."""
    a, op = operands(task), task.what
    x, dy = a["x"], a["dy"]
    if task.kind.startswith(("average2d", "global2d")):
        window = ((2, 2), (2, 2))
        if task.kind.startswith("global2d"):
            window = (x.shape[1:3],) * 2
        if task.kind.endswith("_dx"):
            return (
                lambda: avgpool2d_dx(dy, x.shape, *window),
                lambda dx: avgpool2d_dx_tasks(dy, dx, *window),
            )
        return (
            lambda: avgpool2d(x, *window),
            lambda y: avgpool2d_tasks(x, y, *window),
        )
    if task.kind.startswith("transposed2d"):
        return _transposed(task, a)
    if task.kind.startswith("separable2d"):
        return _separable(task, a)
    if task.kind.startswith(("layer_norm", "group_norm")):
        return _norm(task, a)
    how = "bilinear"
    size = dy.shape[1:3]
    return {
        "add_relu": (
            lambda: add_relu([x, a["other"]]),
            lambda y: add_relu_tasks([x, a["other"]], y),
        ),
        "add_relu_dx": (lambda: add_relu_dx(dy, a["y"], 1), None),
        "concatenate": (
            lambda: concatenate([x, a["other"]], 3),
            lambda y: concatenate_tasks([x, a["other"]], y, 3),
        ),
        "bilinear2d": (
            lambda: resize2d(x, size, how),
            lambda y: resize2d_tasks(x, y, how),
        ),
        "bilinear2d_dx": (
            lambda: resize2d_dx(dy, op.x[1:3], how),
            lambda dx: resize2d_dx_tasks(dy, dx, how),
        ),
        "gelu": (lambda: gelu(x), lambda y: gelu_tasks(x, False, y)),
        "gelu_dx": (
            lambda: gelu_dx(dy, x),
            lambda dx: gelu_dx_tasks(dy, x, False, dx),
        ),
    }[task.kind]


def _transposed(task, a):
    """The functions of a convolution with their roles exchanged; no bias."""
    x, w, dy, op = a["x"], a["w"], a["dy"], task.what
    window, nothing = ((2, 2), ((0, 0), (0, 0))), np.zeros(op.w[3], np.float32)
    return {
        "transposed2d": (
            lambda: conv2d_dx(x, w, op.x, *window),
            lambda y: conv2d_dx_tasks(x, w, y, *window),
        ),
        "transposed2d_dw": (
            lambda: conv2d_dw(dy, x, op.w, *window),
            lambda dw: conv2d_dw_tasks(dy, x, dw, *window),
        ),
        "transposed2d_dx": (
            lambda: conv2d(dy, w, nothing, *window),
            lambda dx: conv2d_tasks(dy, w, nothing, dx, *window),
        ),
    }[task.kind]


def _separable(task, a):
    x, w, v, b, dy, op = *(a[n] for n in ("x", "w", "v", "b", "dy")), task.what
    window = (1, 1), ((1, 1), (1, 1)), (1, 1), op.groups
    nothing = np.zeros(op.w[3], np.float32)
    u, du = empty(op.x, np.float32), empty(op.x, np.float32)
    u[...] = conv2d(x, w, nothing, *window)

    def gradients():
        du = conv2d_dx(dy, v, op.x)
        dx = conv2d_dx(du, w, op.x, *window)
        return dx, conv2d_dw(x, du, op.w, *window), conv2d_dw(u, dy, v.shape)

    if task.kind == "separable2d":
        return (
            lambda: conv2d(conv2d(x, w, nothing, *window), v, b),
            lambda y: [
                *conv2d_tasks(x, w, nothing, u, *window),
                *conv2d_tasks(u, v, b, y),
            ],
        )
    return gradients, lambda dx, dw, dv: [
        *conv2d_dw_tasks(u, dy, dv),
        *conv2d_dx_tasks(dy, v, du),
        *conv2d_dw_tasks(x, du, dw, *window),
        *conv2d_dx_tasks(du, w, dx, *window),
    ]


def _norm(task, a):
    if layer := task.kind.startswith("layer_norm"):
        shape, more = a["x"].shape, ()
    else:
        shape, more = (len(a["x"]), -1, a["x"].shape[-1]), (GROUPS,)
    x, dy = a["x"].reshape(shape), a["dy"].reshape(shape)
    gamma, beta = a["gamma"], a["beta"]
    forward = layer_normalization if layer else group_normalization
    if not task.kind.endswith("_grads"):
        tasks = layer_normalization_tasks if layer else group_normalization_tasks
        return (
            lambda: forward(x, gamma, beta, EPSILON, *more),
            lambda *out: tasks(x, gamma, beta, EPSILON, *out),
        )
    _, mean, variance = forward(x, gamma, beta, EPSILON, *more)
    given = dy, x, gamma, mean, variance, EPSILON
    backward = layer_normalization_dx if layer else group_normalization_dx
    tasks = layer_normalization_dx_tasks if layer else group_normalization_dx_tasks
    return lambda: backward(*given, *more), lambda *out: tasks(*given, *out)
