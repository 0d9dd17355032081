"""PyTorch: eager and compiled, both memory formats, fused Adam; oneDNN underneath."""

import os

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.peers import Variant
from benchmarks.peers.pytorch_ops import ops
from benchmarks.problems import Conv, Pool, samples, walk, weights

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
        made["oneDNN layout"] = lambda: _predict_mkldnn(task)
        return made | {
            f"compiled {f}": lambda f=f: _predict(task, f, True) for f in FORMATS
        }
    return {} if task.kind == "fit" else ops(task)


class Flat(nn.Module):
    """Numbers of an image in a row, in the order in which they are in memory."""

    def __init__(self, nhwc):
        super().__init__()
        self.nhwc = nhwc

    def forward(self, x):
        return (x.permute(0, 2, 3, 1) if self.nhwc else x).flatten(1)


def build(network, layout):
    """Return the module, from images to logits, with the common weights."""
    nhwc, layers, arrays = layout == "NHWC", [], iter(weights(network))
    for layer, _, kernel, _ in walk(network):
        if isinstance(layer, Pool):
            layers.append(nn.MaxPool2d(2))
            continue
        w, b = next(arrays), next(arrays)
        if isinstance(layer, Conv):
            pad = layer.size // 2 if layer.padding == "same" else 0
            layers.append(nn.Conv2d(*kernel[2:], layer.size, padding=pad))
        else:
            if not any(isinstance(other, Flat) for other in layers):
                layers.append(Flat(nhwc))
            layers.append(nn.Linear(*kernel))
        last = layers[-1]
        with torch.no_grad():
            last.weight.copy_(torch.from_numpy(_to_torch(w, network, nhwc)))
            last.bias.copy_(torch.from_numpy(b))
        layers.append(nn.ReLU())
    return nn.Sequential(*layers[:-1]).to(memory_format=FORMATS[layout])


def _image_of(w, network, nhwc):
    """Return (H, W, C) of what is flattened for dense kernel w, where orders differ."""
    shape = [out for layer, _, _, out in walk(network) if len(out) == 3][-1]
    return shape if not nhwc and len(w) == np.prod(shape) else None


def _to_torch(w, network, nhwc):
    """Return kernel w, HWIO or (in, out), as PyTorch has it: OIHW or (out, in)."""
    if w.ndim == 4:
        return np.ascontiguousarray(w.transpose(3, 2, 0, 1))
    if image := _image_of(w, network, nhwc):  # rows from H, W, C to C, H, W
        w = w.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(w.shape)
    return np.ascontiguousarray(w.T)


def _from_torch(w, network, nhwc):
    """Return the inverse of :func:`_to_torch`."""
    if w.ndim == 4:
        return w.transpose(2, 3, 1, 0)
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


def _train(task, layout, compiled=False):
    net = build(task.what, layout)
    x, labels = samples(task.what, task.batch)
    x, y = images(x, layout), torch.from_numpy(labels)
    adam = torch.optim.Adam(net.parameters(), lr=0.001, eps=1e-7, fused=True)

    def loss_of(x, y):
        return F.cross_entropy(net(x), y)

    if compiled:
        loss_of = torch.compile(loss_of, dynamic=False)

    def step():
        adam.zero_grad(set_to_none=True)
        loss = loss_of(x, y)
        loss.backward()
        adam.step()
        return loss.detach()

    def gradients():
        adam.zero_grad(set_to_none=True)
        loss_of(x, y).backward()
        nhwc = layout == "NHWC"
        return [_from_torch(p.grad.numpy(), task.what, nhwc) for p in net.parameters()]

    return Variant(step, gradients=gradients)


def _predict(task, layout, compiled=False):
    net = build(task.what, layout).eval()
    x = images(samples(task.what, task.batch)[0], layout)

    def probabilities(x):
        return net(x).softmax(1)

    if compiled:  # freezing: weights become constants in oneDNN's own layout
        torch._inductor.config.freezing = True
        probabilities = torch.compile(probabilities, dynamic=False)

    def run():
        with torch.inference_mode(not compiled), torch.no_grad():
            return probabilities(x).numpy()

    return Variant(run)


def _predict_mkldnn(task):
    from torch.utils import mkldnn

    net = build(task.what, "NCHW").eval()
    first = next(n for n, layer in enumerate(net) if isinstance(layer, Flat))
    images_part = mkldnn.to_mkldnn(net[:first])
    x = images(samples(task.what, task.batch)[0], "NCHW")

    def run():
        with torch.no_grad():
            maps = images_part(x.to_mkldnn()).to_dense()
            return net[first:](maps).softmax(1).numpy()

    return Variant(run)
