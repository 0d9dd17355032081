"""The operations of layer_ops.py in PyTorch, called beneath autograd."""

import torch

from benchmarks.layer_ops import EPSILON, GROUPS, operands
from benchmarks.peers import Variant

aten = torch.ops.aten
FORMATS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}


def ops(task):
    """Return name -> function that makes the variant, in both formats of images."""
    if len(task.what.x) == 4:
        return {f: lambda f=f: _made(task, f) for f in FORMATS}
    return {"eager": lambda: _made(task, None)}


def _made(task, layout):
    def given(name, array):
        tensor = torch.from_numpy(array)
        if array.ndim < 4:
            return tensor
        axes = KERNEL if name in ("w", "v") else IMAGE
        return tensor.permute(axes).contiguous(memory_format=FORMATS[layout])

    a = {name: given(name, array) for name, array in operands(task).items()}
    function = _function(task, a)

    def run():
        with torch.inference_mode():
            return function()

    return Variant(run, lambda found: _back(task, found))


IMAGE = 0, 3, 1, 2  # (N, H, W, C) -> (N, C, H, W)
KERNEL = 3, 2, 0, 1  # (KH, KW, I, O) -> (O, I, KH, KW)


def _back(task, found):
    """Return the arrays as sora_np has them: images, then kernels; a norm's y alone."""
    found = list(found) if isinstance(found, (tuple, list)) else [found]
    images = 0 if task.kind == "transposed2d_dw" else 1
    arrays = [
        tensor.permute((2, 3, 1, 0) if n >= images else (0, 2, 3, 1)).numpy()
        if tensor.ndim == 4
        else tensor.numpy()
        for n, tensor in enumerate(found)
    ]
    return arrays[:1] if task.kind in ("layer_norm", "group_norm") else arrays


def _function(task, a):
    kind, op = task.kind, task.what
    x, dy = a["x"], a["dy"]
    pool = [2, 2], [2, 2], [0, 0], False, False, None
    size, before = dy.shape[2:], x.shape
    simple = {
        "average2d": lambda: aten.avg_pool2d(x, *pool),
        "average2d_dx": lambda: aten.avg_pool2d_backward(dy, x, *pool),
        "global2d": lambda: x.mean((2, 3), keepdim=True),
        "global2d_dx": lambda: dy.expand(before) / (before[2] * before[3]),
        "add_relu": lambda: (x + a["other"]).relu_(),
        "add_relu_dx": lambda: aten.threshold_backward(dy, a["y"], 0),
        "concatenate": lambda: torch.cat([x, a["other"]], 1),
        "bilinear2d": lambda: aten.upsample_bilinear2d(x, size, False),
        "bilinear2d_dx": lambda: aten.upsample_bilinear2d_backward(
            dy, size, before, False
        ),
        "gelu": lambda: aten.gelu(x),
        "gelu_dx": lambda: aten.gelu_backward(dy, x),
    }
    if kind in simple:
        return simple[kind]
    if kind.startswith("transposed2d"):
        how = [2, 2], [0, 0], [1, 1], True, [0, 0], 1
        if kind == "transposed2d":
            return lambda: aten.convolution(x, a["w"], None, *how)
        which = 0 if kind.endswith("_dx") else 1
        mask = [which == 0, which == 1, False]
        return lambda: aten.convolution_backward(dy, x, a["w"], None, *how, mask)[which]
    if kind.startswith("separable2d"):
        return _separable(task, a)
    norm, gamma, beta = kind.partition("_")[0], a["gamma"], a["beta"]
    mask = [True, True, True]
    if norm == "layer":
        forward = lambda: aten.native_layer_norm(x, op.x[1:], gamma, beta, EPSILON)  # noqa: E731
        if not kind.endswith("_grads"):
            return forward
        numbers = op.x[1:], *forward()[1:], gamma, beta, mask
        return lambda: aten.native_layer_norm_backward(dy, x, *numbers)
    n, c, pixels = before[0], before[1], before[2] * before[3]
    sizes = n, c, pixels, GROUPS
    forward = lambda: aten.native_group_norm(x, gamma, beta, *sizes, EPSILON)  # noqa: E731
    if not kind.endswith("_grads"):
        return forward
    numbers = *forward()[1:], gamma, *sizes, mask
    return lambda: aten.native_group_norm_backward(dy, x, *numbers)


def _separable(task, a):
    x, w, v, b, dy = (a[name] for name in ("x", "w", "v", "b", "dy"))
    deep = [1, 1], [1, 1], [1, 1], False, [0, 0], task.what.groups
    flat = [1, 1], [0, 0], [1, 1], False, [0, 0], 1
    if task.kind == "separable2d":
        return lambda: aten.convolution(
            aten.convolution(x, w, None, *deep), v, b, *flat
        )
    u, mask = aten.convolution(x, w, None, *deep), [True, True, False]

    def gradients():
        du, dv, _ = aten.convolution_backward(dy, u, v, None, *flat, mask)
        dx, dw, _ = aten.convolution_backward(du, x, w, None, *deep, mask)
        return dx, dw, dv

    return gradients
