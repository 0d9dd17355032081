"""PyTorch: eager and compiled, both memory formats, fused Adam; oneDNN underneath."""

import os

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.images import batches, samples
from benchmarks.layer_ops import is_layer_op
from benchmarks.networks import (
    MARKS,
    Add,
    Dense,
    Depthwise,
    Dropout,
    GlobalAverage,
    Norm,
    Pool,
    Relu,
    Transposed,
    has,
    of_pixels,
    start,
    walk,
    weights,
    wire,
    without_dropout,
)
from benchmarks.peers import Variant, training
from benchmarks.peers.pytorch_layer_ops import ops as layer_ops
from benchmarks.peers.pytorch_ops import ops

# before its threads begin, which take the mode over
torch.set_flush_denormal(bool(os.environ.get("BENCHMARK_FLUSH")))
torch.set_num_threads(int(os.environ["BENCHMARK_THREADS"]))
FORMATS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}


def version():
    return torch.__version__


def variants(task):
    if task.kind == "train":
        made = {f"eager {f}": lambda f=f: _train(task, f) for f in FORMATS}
        return made | {
            f"compiled {f}": lambda f=f: _train(task, f, True) for f in FORMATS
        }
    if task.kind == "predict":
        made = {f"eager {f}": lambda f=f: _predict(task, f) for f in FORMATS}
        if has(task.what, Dense) and not has(task.what, (GlobalAverage, *MARKS)):
            made["oneDNN layout"] = lambda: _predict_mkldnn(task)
        return made | {
            f"compiled {f}": lambda f=f: _predict(task, f, True) for f in FORMATS
        }
    if task.kind == "fit":
        from benchmarks.peers import pytorch_fit

        return pytorch_fit.variants(task)
    return (layer_ops if is_layer_op(task) else ops)(task)


class Flat(nn.Module):
    """Numbers of an image in a row, in the order in which they are in memory."""

    def __init__(self, nhwc):
        super().__init__()
        self.nhwc = nhwc

    def forward(self, x):
        return (x.permute(0, 2, 3, 1) if self.nhwc else x).flatten(1)


class Mark(nn.Module):
    """A mark in its place among the layers."""

    def __init__(self, mark):
        super().__init__()
        self.mark = mark


class Wired(nn.Sequential):
    """Layers in a row, and marks between them."""

    def forward(self, x):
        kept = {}
        for part in self:
            x = wire(part.mark, x, kept, _join) if isinstance(part, Mark) else part(x)
        return x


def _join(mark, xs):
    return xs[0] + xs[1] if isinstance(mark, Add) else torch.cat(xs, 1)


def build(network, layout, arrays):
    """Return the module, from images to logits, with these weights."""
    layers, flat = [], has(network, GlobalAverage)
    for layer, before, kernel, _ in walk(network):
        if isinstance(layer, (Dense, Dropout)) and not flat:
            layers.append(Flat(layout == "NHWC"))
            flat = True
        layers += _modules(layer, before, kernel)
    if isinstance(network.layers[-1], Dense):
        del layers[-1]  # its ReLU
    kind = Wired if has(network, MARKS) else nn.Sequential
    net = kind(*layers).to(memory_format=FORMATS[layout])
    put(net, network, layout, arrays)
    return net


def _modules(layer, before, kernel):
    """Return the modules of a layer."""
    if isinstance(layer, MARKS):
        return [Mark(layer)]
    if isinstance(layer, Pool):
        return [nn.MaxPool2d(2)]
    if isinstance(layer, GlobalAverage):
        return [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if isinstance(layer, Relu):  # in place, as in torchvision: nobody has its input
        return [nn.ReLU6(True) if layer.ceiling == 6 else nn.ReLU(True)]
    if isinstance(layer, Norm):
        return [nn.BatchNorm2d(before[-1], layer.epsilon, 1 - layer.momentum)]
    if isinstance(layer, Dropout):
        return [nn.Dropout(layer.rate)]
    if isinstance(layer, Transposed):
        return [nn.ConvTranspose2d(before[-1], layer.filters, 2, 2)]
    if isinstance(layer, Dense):
        return [nn.Linear(*kernel), nn.ReLU()]
    same = isinstance(layer, Depthwise) or layer.padding == "same"
    options = {"padding": layer.size // 2 if same else 0, "bias": layer.bias}
    if isinstance(layer, Depthwise):
        options["groups"] = before[-1]
    relu = [nn.ReLU()] * getattr(layer, "relu", False)
    if layer.size == 1 and layer.strides == 2:
        return [Odd(), nn.Conv2d(before[-1], kernel[-1], 1, **options), *relu]
    shape = before[-1], kernel[-1], layer.size, layer.strides
    return [nn.Conv2d(*shape, **options), *relu]


class Odd(nn.Module):
    """Every second pixel, of which the last is one: the first before it was mirrored.

    A copy of a quarter of the image, which a 1x1 convolution with stride 2 makes, too.
    """

    def forward(self, x):
        return x[:, :, 1::2, 1::2]


def mirrored(network):
    """Return whether images and kernels are turned round: here padding comes first.

    "same" is one row of zeros below and one column on the right, for a 3x3 convolution
    with stride 2 of an even size.  Here ``padding=1`` is one above and one on the left,
    and another pad would be a pass over the image of its own.
    """
    return any(getattr(layer, "strides", 1) > 1 for layer in network.layers)


def put(net, network, layout, arrays):
    """Give a module the arrays of ``networks.weights``."""
    with torch.no_grad():
        for tensor, w in zip(_tensors(net), arrays, strict=True):
            w = _to_torch(w, network, layout == "NHWC")
            tensor.copy_(torch.from_numpy(w))


def load(net, optimizer, network, layout, state):
    """Let a module and its Adam continue from a ``networks.State``."""
    put(net, network, layout, state.weights)
    nhwc = layout == "NHWC"
    for p, m, v in zip(net.parameters(), state.m, state.v, strict=True):
        kept = optimizer.state[p]
        if not kept:  # as Adam makes it at its first step
            kept["step"] = torch.zeros(())
            kept["exp_avg"], kept["exp_avg_sq"] = (torch.zeros_like(p) for _ in "mv")
        kept["step"].fill_(state.step)
        kept["exp_avg"].copy_(torch.from_numpy(_to_torch(m, network, nhwc)))
        kept["exp_avg_sq"].copy_(torch.from_numpy(_to_torch(v, network, nhwc)))


def _tensors(net):
    """Return the modules with weights, in the order of ``networks.weights``."""
    names = "weight", "bias", "running_mean", "running_var"
    found = [getattr(part, name, None) for part in net.modules() for name in names]
    return [tensor for tensor in found if tensor is not None]


def _image_of(w, network, nhwc):
    """Return (H, W, C) of what is flattened for dense kernel w, where orders differ."""
    shape = [out for layer, _, _, out in walk(network) if len(out) == 3][-1]
    return shape if not nhwc and len(w) == np.prod(shape) else None


def _to_torch(w, network, nhwc):
    """Return kernel w, HWIO or (in, out), in PyTorch's layout: OIHW or (out, in)."""
    if w.ndim == 4:
        w = w[::-1, ::-1] if mirrored(network) else w
        return np.ascontiguousarray(w.transpose(3, 2, 0, 1))
    if image := _image_of(w, network, nhwc):  # rows from H, W, C to C, H, W
        w = w.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(w.shape)
    return np.ascontiguousarray(w.T)


def _from_torch(w, network, nhwc):
    """Return the inverse of :func:`_to_torch`."""
    if w.ndim == 4:
        w = w.transpose(2, 3, 1, 0)
        return w[::-1, ::-1] if mirrored(network) else w
    w = w.T
    if w.ndim == 2 and (image := _image_of(w, network, nhwc)):
        h, v, c = image
        w = w.reshape(c, h, v, -1).transpose(1, 2, 0, 3).reshape(w.shape)
    return w


def images(x, layout):
    """Return x (N, H, W, C) as a tensor (N, C, H, W) in that memory format."""
    x = torch.from_numpy(x).permute(0, 3, 1, 2)  # NHWC in memory
    if layout == "NCHW":
        return x.contiguous()
    # with one channel the strides must be forced, or PyTorch takes it for NCHW
    n, c, h, w = x.shape
    return x.as_strided(x.shape, (h * w * c, 1, w * c, c))


def _tensors_of(x, y, network, layout):
    """Return images and labels as the module of a network takes them."""
    if mirrored(network):
        x = np.ascontiguousarray(x[:, ::-1, ::-1])
    y = images(y, layout) if y.ndim == 4 else torch.from_numpy(y)
    return images(x, layout), y


def adam_of(net, network):
    """Return fused Adam, or AdamW for a network with a decay."""
    options = {"lr": 0.001, "eps": 1e-7, "fused": True}
    if network.weight_decay is None:
        return torch.optim.Adam(net.parameters(), **options)
    decay = network.weight_decay
    return torch.optim.AdamW(net.parameters(), weight_decay=decay, **options)


def loss_of(net, network):
    """Return the loss as a function of images and labels."""
    if of_pixels(network):
        return lambda x, y: F.binary_cross_entropy_with_logits(net(x), y)
    smoothing = network.label_smoothing
    return lambda x, y: F.cross_entropy(net(x), y, label_smoothing=smoothing)


def _train(task, layout, compiled=False):
    network = task.what
    net = build(network, layout, weights(network))
    data = [_tensors_of(*batch, network, layout) for batch in batches(task)]
    adam, loss = adam_of(net, network), loss_of(net, network)
    if compiled:
        loss = torch.compile(loss, dynamic=False)

    def step(x, y):
        adam.zero_grad(set_to_none=True)
        value = loss(x, y)
        value.backward()
        adam.step()
        return value.detach()

    def gradients():
        other, of = net, loss
        if has(network, Dropout):
            other = build(without_dropout(network), layout, weights(network))
            of = loss_of(other, network)
            of = torch.compile(of, dynamic=False) if compiled else of
        other.zero_grad(set_to_none=True)
        of(*data[0]).backward()
        grads = [p.grad.numpy() for p in other.parameters()]
        return [_from_torch(g, network, layout == "NHWC") for g in grads]

    return training(
        step, data, gradients, lambda state: load(net, adam, network, layout, state)
    )


def _predict(task, layout, compiled=False):
    net = build(task.what, layout, start(task)).eval()
    x, _ = _tensors_of(*samples(task), task.what, layout)
    pixels = of_pixels(task.what)

    def probabilities(x):
        return net(x).sigmoid() if pixels else net(x).softmax(1)

    if compiled:  # freezing: weights become constants in oneDNN's own layout
        torch._inductor.config.freezing = True
        probabilities = torch.compile(probabilities, dynamic=False)

    def run():
        with torch.inference_mode(not compiled), torch.no_grad():
            return probabilities(x).numpy()

    def result(y):
        return [y.transpose(0, 2, 3, 1) if pixels else y]

    return Variant(run, result)


def _predict_mkldnn(task):
    from torch.utils import mkldnn

    net = build(task.what, "NCHW", start(task)).eval()
    first = next(n for n, layer in enumerate(net) if isinstance(layer, Flat))
    images_part = mkldnn.to_mkldnn(net[:first])
    x = images(samples(task)[0], "NCHW")

    def run():
        with torch.no_grad():
            maps = images_part(x.to_mkldnn()).to_dense()
            return net[first:](maps).softmax(1).numpy()

    return Variant(run)
