"""The operations in PyTorch, called beneath autograd, in both memory formats."""

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.peers import Variant
from benchmarks.problems import operands

aten = torch.ops.aten
FORMATS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}


def ops(task):
    """Return name -> function that makes the variant, as ``variants`` does."""
    make = next(m for start, m in _MAKERS.items() if task.kind.startswith(start))
    if make in (_conv2d, _maxpool2d):
        return {f: lambda f=f: make(task, f) for f in FORMATS}
    if make is _adam:
        return {"fused": lambda: _adam(task, True), "foreach": lambda: _adam(task)}
    return {"eager": lambda: make(task)}


def _nchw(a, layout):
    tensor = torch.from_numpy(a).permute(0, 3, 1, 2)
    return tensor.contiguous(memory_format=FORMATS[layout])


def _nhwc(tensor):
    return [tensor.permute(0, 2, 3, 1).numpy()]


def _no_grad(run):
    """Return ``run`` without records for autograd."""

    def without():
        with torch.inference_mode():
            return run()

    return without


def _conv2d(task, layout):
    a, op = operands(task), task.what
    x, dy = _nchw(a["x"], layout), _nchw(a["dy"], layout)
    w = torch.from_numpy(a["w"]).permute(3, 2, 0, 1)
    w = w.contiguous(memory_format=FORMATS[layout])
    b = torch.from_numpy(a["b"])
    window = [op.stride] * 2, [op.pad] * 2, [op.dilation] * 2

    def backward(*mask):
        return aten.convolution_backward(
            dy, x, w, None, *window, False, [0, 0], op.groups, mask
        )

    if task.kind == "conv2d":
        run = lambda: aten.convolution(  # noqa: E731
            x, w, b, *window, False, [0, 0], op.groups
        )
        return Variant(_no_grad(run), _nhwc)
    if task.kind == "conv2d_dx":
        return Variant(_no_grad(lambda: backward(True, False, False)[0]), _nhwc)
    run = lambda: backward(False, True, False)[1]  # noqa: E731
    return Variant(_no_grad(run), lambda dw: [dw.permute(2, 3, 1, 0).numpy()])


def _maxpool2d(task, layout):
    a = operands(task)
    x, dy = _nchw(a["x"], layout), _nchw(a["dy"], layout)
    pool = [2, 2], [2, 2], [0, 0], [1, 1], False
    if task.kind == "maxpool2d":
        run = lambda: aten.max_pool2d_with_indices(x, *pool)  # noqa: E731
        return Variant(_no_grad(run), lambda result: _nhwc(result[0]))
    _, at = aten.max_pool2d_with_indices(x, *pool)
    run = lambda: aten.max_pool2d_with_indices_backward(dy, x, *pool, at)  # noqa: E731
    return Variant(_no_grad(run), _nhwc)


def _dense(task):
    a = operands(task)
    x, w, dy = (torch.from_numpy(a[name]) for name in ("x", "w", "dy"))
    w_out_in, b = w.T.contiguous(), torch.from_numpy(a["b"])
    runs = {
        "dense": lambda: F.linear(x, w_out_in, b),
        "dense_dw": lambda: dy.T @ x,  # (out, in), as PyTorch keeps it
        "dense_dx": lambda: dy @ w_out_in,
    }
    turn = (
        (lambda dw: [dw.numpy().T])
        if task.kind == "dense_dw"
        else (lambda y: [y.numpy()])
    )
    return Variant(_no_grad(runs[task.kind]), turn)


def _crossentropy(task):
    a = operands(task)
    z, labels = torch.from_numpy(a["z"]), torch.from_numpy(a["labels"])
    one = torch.ones(())

    def run():
        p = aten._log_softmax(z, 1, False)
        loss, weight = aten.nll_loss_forward(p, labels, None, 2, -100)
        dp = aten.nll_loss_backward(one, p, labels, None, 2, -100, weight)
        return loss, aten._log_softmax_backward_data(dp, p, 1, torch.float32)

    return Variant(_no_grad(run), lambda result: [t.numpy() for t in result])


def _adam(task, fused=False):
    a = operands(task)
    p = torch.nn.Parameter(torch.from_numpy(a["p"]))
    p.grad = torch.from_numpy(a["g"])
    adam = torch.optim.Adam([p], lr=0.001, eps=1e-7, fused=fused, foreach=not fused)

    def run():
        adam.step()
        return p

    return Variant(run, lambda p: [np.array(p.detach())])


_MAKERS = {
    "conv2d": _conv2d,
    "maxpool2d": _maxpool2d,
    "dense": _dense,
    "crossentropy": _crossentropy,
    "adam": _adam,
}
