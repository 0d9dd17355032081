"""The operations in sora_np: as public functions, and as a model's plan runs them."""

import numpy as np

from benchmarks.peers import Variant
from benchmarks.problems import operands
from sora_np.kernels.convolutional.conv2d import (
    conv2d,
    conv2d_dw,
    conv2d_dw_tasks,
    conv2d_dx,
    conv2d_dx_tasks,
    conv2d_tasks,
)
from sora_np.kernels.core.dense import (
    dense,
    dense_dw,
    dense_dw_tasks,
    dense_dx,
    dense_dx_tasks,
    dense_tasks,
)
from sora_np.kernels.losses.softmax_crossentropy import (
    softmax_crossentropy_and_dz,
    softmax_crossentropy_tasks,
)
from sora_np.kernels.machine.arrays import empty
from sora_np.kernels.machine.tasks import Program
from sora_np.kernels.optimizers.adam import adam, adam_numbers, adam_task
from sora_np.kernels.pooling.maxpool2d import (
    maxpool2d,
    maxpool2d_dx,
    maxpool2d_dx_tasks,
    maxpool2d_tasks,
)


def prepared(task):
    """An operation as the plan of a model runs it: tasks, into buffers it has."""
    a, op = operands(task), task.what
    if task.kind == "adam":
        p, m, v = a["p"], *np.zeros((2, a["p"].size), a["p"].dtype)
        numbers, step = np.empty(6, p.dtype), [0]
        program = Program([adam_task(p, a["g"], m, v, v, numbers, False)])

        def run_adam():
            step[0] += 1
            numbers[...] = adam_numbers(step[0], 0.001, 0.9, 0.999, 1e-7)
            program()
            return p

        return Variant(run_adam)
    pads = ((op.pad, op.pad), (op.pad, op.pad)) if hasattr(op, "pad") else None
    if pads:
        s, d = (op.stride, op.stride), (op.dilation, op.dilation)
        window = s, pads, d, op.groups
    pool, result = ((2, 2), (2, 2)), lambda out: [out]
    made = op_variant(task).run()
    made = made if isinstance(made, tuple) else (made,)
    out = [empty(array.shape, array.dtype) for array in made]
    if task.kind == "maxpool2d_dx":
        _, argmax = maxpool2d(a["x"], *pool)
    tasks = {
        "conv2d": lambda: conv2d_tasks(a["x"], a["w"], a["b"], *out, *window),
        "conv2d_dw": lambda: conv2d_dw_tasks(a["x"], a["dy"], *out, *window),
        "conv2d_dx": lambda: conv2d_dx_tasks(a["dy"], a["w"], *out, *window),
        "dense": lambda: dense_tasks(a["x"], a["w"], a["b"], *out),
        "dense_dw": lambda: dense_dw_tasks(a["x"], a["dy"], *out),
        "dense_dx": lambda: dense_dx_tasks(a["dy"], a["w"], *out),
        "maxpool2d": lambda: maxpool2d_tasks(a["x"], *out, *pool),
        "maxpool2d_dx": lambda: maxpool2d_dx_tasks(a["dy"], argmax, *out, *pool),
        "crossentropy": lambda: softmax_crossentropy_tasks(a["z"], a["t"], *out),
    }[task.kind]()
    program = Program(tasks)
    if task.kind == "crossentropy":
        result = lambda out: [out[0].sum(), out[1]]  # noqa: E731
    elif task.kind == "maxpool2d":
        result = lambda out: [out[0]]  # noqa: E731

    def run():
        program()
        return out if len(out) > 1 else out[0]

    return Variant(run, result)


def op_variant(task):
    a, op = operands(task), task.what
    if task.kind.startswith("conv2d"):
        pads = ((op.pad, op.pad), (op.pad, op.pad))
        s, d = (op.stride, op.stride), (op.dilation, op.dilation)
        window = s, pads, d, op.groups
        run = {
            "conv2d": lambda: conv2d(a["x"], a["w"], a["b"], *window),
            "conv2d_dw": lambda: conv2d_dw(a["x"], a["dy"], op.w, *window),
            "conv2d_dx": lambda: conv2d_dx(a["dy"], a["w"], op.x, *window),
        }
        return Variant(run[task.kind])
    if task.kind.startswith("dense"):
        run = {
            "dense": lambda: dense(a["x"], a["w"], a["b"]),
            "dense_dw": lambda: dense_dw(a["x"], a["dy"]),
            "dense_dx": lambda: dense_dx(a["dy"], a["w"]),
        }
        return Variant(run[task.kind])
    if task.kind == "maxpool2d":
        run = lambda: maxpool2d(a["x"], (2, 2), (2, 2))  # noqa: E731
        return Variant(run, lambda result: [result[0]])
    if task.kind == "maxpool2d_dx":
        _, argmax = maxpool2d(a["x"], (2, 2), (2, 2))
        return Variant(lambda: maxpool2d_dx(a["dy"], argmax, op.x, (2, 2), (2, 2)))
    if task.kind == "crossentropy":
        z, t = a["z"], a["t"]
        run = lambda: softmax_crossentropy_and_dz(z, t)  # noqa: E731
        return Variant(run, lambda result: [result[0].sum(), result[1]])
    p, g = a["p"], a["g"]
    m, v, step = np.zeros_like(p), np.zeros_like(p), [0]

    def run_adam():
        step[0] += 1
        adam(p, g, m, v, v, step[0], 0.001, 0.9, 0.999, 1e-7, False)
        return p

    return Variant(run_adam)
