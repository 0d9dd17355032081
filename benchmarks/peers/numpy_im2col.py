"""Plain NumPy: windows laid out as rows of a matrix, and BLAS."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.images import batches, one_hot, samples
from benchmarks.networks import Conv, Dense, Norm, Pool, has, start, walk, weights
from benchmarks.peers import Variant, training
from benchmarks.problems import operands


def version():
    return np.__version__


def variants(task):
    makers = {"train": _train, "predict": _predict}
    makers |= {kind: _op for kind in _OPS}
    make = makers.get(task.kind)
    if make is None or task.group == "graphs" or getattr(task.what, "groups", 1) > 1:
        return {}
    if task.kind == "train" and has(task.what, Norm):
        return {}
    return {"im2col": lambda: make(task)}


def im2col(x, size, pad=0, stride=1, dilation=1):
    """Return the windows of x (N, H, W, C) as rows (N, OH, OW, KH*KW*C)."""
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    extent = dilation * (size - 1) + 1
    windows = sliding_window_view(x, (extent, extent), axis=(1, 2))
    windows = windows[:, ::stride, ::stride, :, ::dilation, ::dilation]
    n, rows, columns = windows.shape[:3]
    return windows.transpose(0, 1, 2, 4, 5, 3).reshape(n, rows, columns, -1)


def conv2d(x, w, b, **window):
    return im2col(x, len(w), **window) @ w.reshape(-1, w.shape[-1]) + b


def conv2d_dw(x, dy, size, **window):
    columns = im2col(x, size, **window)
    dw = columns.reshape(-1, columns.shape[-1]).T @ dy.reshape(-1, dy.shape[-1])
    return dw.reshape(size, size, x.shape[-1], -1)


def conv2d_dx(dy, w, shape, pad=0, stride=1, dilation=1):
    n, height, width, channels = shape
    size, rows, columns = len(w), *dy.shape[1:3]
    products = dy @ w.reshape(-1, w.shape[-1]).T
    products = products.reshape(n, rows, columns, size, size, channels)
    dx = np.zeros((n, height + 2 * pad, width + 2 * pad, channels), dy.dtype)
    for p in range(size):
        for q in range(size):
            down = slice(p * dilation, p * dilation + rows * stride, stride)
            across = slice(q * dilation, q * dilation + columns * stride, stride)
            dx[:, down, across] += products[:, :, :, p, q]
    return dx[:, pad : pad + height, pad : pad + width]


def maxpool2d(x):
    """Return y and the index of the maximum in each 2x2 window."""
    n, h, w, c = x.shape
    cells = x[:, : h // 2 * 2, : w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, c)
    cells = cells.transpose(0, 1, 3, 5, 2, 4).reshape(n, h // 2, w // 2, c, 4)
    at = cells.argmax(-1)[..., None]
    return np.take_along_axis(cells, at, -1)[..., 0], at


def maxpool2d_dx(dy, at, shape):
    n, rows, columns, c = dy.shape
    cells = np.zeros((*dy.shape, 4), dy.dtype)
    np.put_along_axis(cells, at, dy[..., None], -1)
    cells = cells.reshape(n, rows, columns, c, 2, 2).transpose(0, 1, 4, 2, 5, 3)
    dx = np.zeros(shape, dy.dtype)
    dx[:, : 2 * rows, : 2 * columns] = cells.reshape(n, 2 * rows, 2 * columns, c)
    return dx


def crossentropy(z, t):
    """Return the sum of the losses, and dz."""
    z = z - z.max(1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
    return -(t * log_p).sum(), np.exp(log_p) - t


def forward(network, params, x):
    """Return the logits, and what the backward pass needs of every layer."""
    kept, params = [], iter(params)
    for layer, _, _, _ in walk(network):
        if isinstance(layer, Pool):
            shape = x.shape
            x, at = maxpool2d(x)
            kept.append((at, shape))
            continue
        w, b = next(params), next(params)
        before = x
        if isinstance(layer, Conv):
            pad = layer.size // 2 if layer.padding == "same" else 0
            x = conv2d(x, w, b, pad=pad)
        else:
            x = x.reshape(len(x), -1) @ w + b
        if layer is not network.layers[-1]:
            x = np.maximum(x, 0)
        kept.append((before, w, x))
    return x, kept


def backward(network, kept, dy):
    """Return d(loss)/d(parameter) for all, from that by the logits."""
    grads = []
    for n in reversed(range(len(network.layers))):
        layer = network.layers[n]
        if isinstance(layer, Pool):
            at, shape = kept[n]
            dy = maxpool2d_dx(dy.reshape(at.shape[:-1]), at, shape)
            continue
        x, w, y = kept[n]
        if n < len(kept) - 1:
            dy = dy * (y > 0)
        if isinstance(layer, Dense):
            dw = x.reshape(len(x), -1).T @ dy
        else:
            dy = dy.reshape(y.shape)
            pad = layer.size // 2 if layer.padding == "same" else 0
            dw = conv2d_dw(x, dy, layer.size, pad=pad)
        grads += [dy.reshape(-1, dy.shape[-1]).sum(0), dw]
        if n:
            dense = isinstance(layer, Dense)
            dy = (
                (dy @ w.T).reshape(x.shape) if dense else conv2d_dx(dy, w, x.shape, pad)
            )
    return grads[::-1]


def adam(p, g, m, v, t):
    m += 0.1 * (g - m)
    v += 0.001 * (g * g - v)
    alpha = 0.001 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    p -= np.float32(alpha) * m / (np.sqrt(v) + np.float32(1e-7))


def _train(task):
    network, params, t = task.what, weights(task.what), [0]
    data = [(x, one_hot(y)) for x, y in batches(task)]
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in params]

    def loss_and_gradients(x, y):
        logits, kept = forward(network, params, x)
        loss, dz = crossentropy(logits, y)
        return loss / len(x), backward(network, kept, dz / len(x))

    def step(x, y):
        t[0] += 1
        loss, grads = loss_and_gradients(x, y)
        for p, g, (m, v) in zip(params, grads, moments, strict=True):
            adam(p, g, m, v, t[0])
        return loss

    def load(state):
        t[0] = state.step
        params[:] = [w.copy() for w in state.weights]
        moments[:] = [(m.copy(), v.copy()) for m, v in zip(*state[1:3], strict=True)]

    return training(step, data, lambda: loss_and_gradients(*data[0])[1], load)


def _predict(task):
    params, (x, _) = start(task), samples(task)

    def run():
        e = forward(task.what, params, x)[0]
        e = np.exp(e - e.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    return Variant(run)


def _window(op):
    return {"pad": op.pad, "stride": op.stride, "dilation": op.dilation}


def _run_adam(a, _):
    m, v, t = np.zeros_like(a["p"]), np.zeros_like(a["p"]), [0]

    def run():
        t[0] += 1
        adam(a["p"], a["g"], m, v, t[0])
        return a["p"]

    return run


def _run_maxpool2d_dx(a, op):
    at = maxpool2d(a["x"])[1]
    return lambda: maxpool2d_dx(a["dy"], at, op.x)


_OPS = {
    "conv2d": lambda a, op: lambda: conv2d(a["x"], a["w"], a["b"], **_window(op)),
    "conv2d_dw": lambda a, op: (
        lambda: conv2d_dw(a["x"], a["dy"], op.w[0], **_window(op))
    ),
    "conv2d_dx": lambda a, op: lambda: conv2d_dx(a["dy"], a["w"], op.x, **_window(op)),
    "dense": lambda a, op: lambda: a["x"] @ a["w"] + a["b"],
    "dense_dw": lambda a, op: lambda: a["x"].T @ a["dy"],
    "dense_dx": lambda a, op: lambda: a["dy"] @ a["w"].T,
    "maxpool2d": lambda a, op: lambda: maxpool2d(a["x"])[0],
    "maxpool2d_dx": _run_maxpool2d_dx,
    "crossentropy": lambda a, op: lambda: crossentropy(a["z"], a["t"]),
    "adam": _run_adam,
}


def _op(task):
    return Variant(_OPS[task.kind](operands(task), task.what))
