"""The same numbers as PyTorch, forward and by autograd; where it is installed.

An oracle more, and one that nobody here wrote.  It is no test dependency: without it
this module is skipped, and says so.  With it: ``python -m pip install torch==2.13.0``.
"""

import numpy as np
import pytest
from conformance import cases, oracles

from sora_np import (
    AveragePooling2D,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Flatten,
    MaxPool,
    Sequential,
    losses,
    optimizers,
)
from sora_np.layers import (
    Add,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Permute,
    Resizing,
    Subtract,
    UpSampling2D,
    ZeroPadding2D,
)

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F = torch.nn.functional


def tensor(a):
    """Return what autograd differentiates by; images as PyTorch has them, NCHW."""
    a = np.moveaxis(a, -1, 1) if a.ndim == 4 else a
    return torch.tensor(np.ascontiguousarray(a), requires_grad=True)


def array(t):
    a = t.detach().numpy()
    return np.moveaxis(a, 1, -1) if a.ndim == 4 else a


def filters(kernel):
    """Return HWIO filters as OIHW."""
    return torch.tensor(kernel.transpose(3, 2, 0, 1).copy(), requires_grad=True)


def padded(t, pads, value=0.0):
    (top, bottom), (left, right) = pads
    return F.pad(t, (left, right, top, bottom), value=value)


def pads_of(layer, shape, window, dilation=(1, 1)):
    if layer.padding == "valid":
        return (0, 0), (0, 0)
    sizes = zip(shape[1:3], window, layer.strides, dilation, strict=True)
    return [oracles.same_pads(*size) for size in sizes]


@pytest.mark.parametrize(
    "shape, args, options", cases.CONV2D.values(), ids=cases.CONV2D
)
def test_conv2d(shape, args, options, dtype, close, rng):
    layer, x = Conv2D(*args, **options), rng.standard_normal(shape).astype(dtype)
    layer.build(shape[1:], rng, dtype)
    bias = rng.standard_normal(layer.filters).astype(dtype)
    y = layer.forward(x, training=True) + (bias if layer.use_bias else 0)
    dy = rng.standard_normal(y.shape).astype(dtype)
    pads = pads_of(layer, shape, layer.kernel_size, layer.dilation_rate)
    there, w = tensor(x), filters(layer.params["kernel"])
    sweep = layer.strides, 0, layer.dilation_rate, layer.groups
    b = tensor(bias) if layer.use_bias else None
    out = F.conv2d(padded(there, pads), w, b, *sweep)
    out.backward(tensor(dy))
    close(y, array(out), "y")
    close(layer.backward(dy), array(there.grad), "dx")
    close(layer.grads["kernel"], w.grad.numpy().transpose(2, 3, 1, 0), "dkernel")
    if layer.use_bias:
        close(layer.grads["bias"], b.grad.numpy(), "dbias")


@pytest.mark.parametrize("ties", [False, True], ids=["numbers", "ties"])
@pytest.mark.parametrize(
    "shape, args", cases.MAX_POOLING.values(), ids=cases.MAX_POOLING
)
def test_max_pooling(shape, args, ties, dtype, close, rng):
    layer = MaxPool(*args)
    x = rng.integers(-9, -7, shape) if ties else rng.standard_normal(shape)
    x = x.astype(dtype)
    layer.build(shape[1:], rng, dtype)
    y = layer.forward(x, training=True)
    dy = rng.standard_normal(y.shape).astype(dtype)
    there, pads = tensor(x), pads_of(layer, shape, layer.pool_size)
    out = F.max_pool2d(padded(there, pads, -torch.inf), layer.pool_size, layer.strides)
    out.backward(tensor(dy))
    np.testing.assert_array_equal(y, array(out))
    close(layer.backward(dy), array(there.grad), "dx")


@pytest.mark.parametrize(
    "shape, args", cases.MAX_POOLING.values(), ids=cases.MAX_POOLING
)
def test_average_pooling(shape, args, dtype, close, rng):
    """By windows' sums over those of ones, which are what is inside."""
    layer = AveragePooling2D(*args)
    x = rng.standard_normal(shape).astype(dtype)
    layer.build(shape[1:], rng, dtype)
    y = layer.forward(x, training=True)
    dy = rng.standard_normal(y.shape).astype(dtype)
    there, pads = tensor(x), pads_of(layer, shape, layer.pool_size)
    sums, counts = (
        F.avg_pool2d(padded(t, pads), layer.pool_size, layer.strides)
        for t in (there, torch.ones_like(there))
    )
    out = sums / counts
    out.backward(tensor(dy))
    close(y, array(out), "y")
    close(layer.backward(dy), array(there.grad), "dx")


@pytest.mark.parametrize(
    "shape, args, options", cases.CONV1D.values(), ids=cases.CONV1D
)
def test_conv1d(shape, args, options, dtype, close, rng):
    layer, x = Conv1D(*args, **options), rng.standard_normal(shape).astype(dtype)
    layer.build(shape[1:], rng, dtype)
    y = layer.forward(x, training=True)
    dy = rng.standard_normal(y.shape).astype(dtype)
    (size,), (stride,), (dilation,) = (
        *(layer.kernel_size, layer.strides, layer.dilation_rate),
    )
    pads = {
        "valid": (0, 0),
        "same": oracles.same_pads(shape[1], size, stride, dilation),
        "causal": (dilation * (size - 1), 0),
    }[layer.padding]
    there = torch.tensor(x, requires_grad=True)
    w = torch.tensor(layer.params["kernel"], requires_grad=True)
    channels_first = F.pad(there.transpose(1, 2), pads)
    sweep = stride, 0, dilation, layer.groups
    out = F.conv1d(channels_first, w.permute(2, 1, 0), None, *sweep).transpose(1, 2)
    out.backward(torch.tensor(dy))
    close(y, out.detach().numpy(), "y")
    close(layer.backward(dy), there.grad.numpy(), "dx")
    close(layer.grads["kernel"], w.grad.numpy(), "dkernel")


@pytest.mark.parametrize(
    "shape, args, options", cases.TRANSPOSED.values(), ids=cases.TRANSPOSED
)
def test_transposed(shape, args, options, dtype, close, rng):
    """Of all that PyTorch makes without padding, the part that Keras takes."""
    layer = Conv2DTranspose(*args, **options)
    x = rng.standard_normal(shape).astype(dtype)
    layer.build(shape[1:], rng, dtype)
    y = layer.forward(x, training=True)
    dy = rng.standard_normal(y.shape).astype(dtype)
    there, w = tensor(x), filters(layer.params["kernel"])
    sliding = {"stride": layer.strides, "dilation": layer.dilation_rate}
    full = F.conv_transpose2d(there, w, **sliding)
    how = layer.kernel_size, layer.strides, layer.dilation_rate, layer.padding
    places = oracles.transposed_places(shape[1:3], *how, layer.output_padding)
    for axis, (size, first) in enumerate(places, 2):
        more = max(0, first + size - full.shape[axis])
        full = F.pad(full, (0, 0, 0, more) if axis == 2 else (0, more))
        full = full.narrow(axis, first, size)
    full.backward(tensor(dy))
    close(y, array(full), "y")
    close(layer.backward(dy), array(there.grad), "dx")
    close(layer.grads["kernel"], w.grad.numpy().transpose(2, 3, 1, 0), "dkernel")


@pytest.mark.parametrize("shape, units", cases.DENSE.values(), ids=cases.DENSE)
def test_dense(shape, units, dtype, close, rng):
    layer, x = Dense(units), rng.standard_normal(shape).astype(dtype)
    layer.build(shape[1:], rng, dtype)
    y = layer.forward(x, training=True)
    dy = rng.standard_normal(y.shape).astype(dtype)
    there, w = torch.tensor(x, requires_grad=True), tensor(layer.params["kernel"])
    out = there @ w
    out.backward(torch.tensor(dy))
    close(y, out.detach().numpy(), "y")
    close(layer.backward(dy), there.grad.numpy(), "dx")
    close(layer.grads["kernel"], w.grad.numpy(), "dkernel")


@pytest.mark.parametrize("shape", [(9, 3), (2, 17), (3, 4, 5, 16)], ids=str)
def test_batch_normalization(shape, dtype, rng):
    layer, x = BatchNormalization(), rng.standard_normal(shape).astype(dtype)
    layer.build(shape[1:], rng, dtype)
    for name in ("gamma", "beta"):
        layer.params[name] = rng.standard_normal(shape[-1])
    y, dy = layer.forward(x, training=True), rng.standard_normal(shape).astype(dtype)
    there, gamma, beta = tensor(x), *map(tensor, layer.params.values())
    out = F.batch_norm(there, None, None, gamma, beta, training=True, eps=1e-3)
    out.backward(tensor(dy))
    pairs = [(y, array(out)), (layer.backward(dy), array(there.grad))]
    pairs += [(layer.grads["gamma"], gamma.grad), (layer.grads["beta"], beta.grad)]
    rounding = {"float32": 2e-5, "float64": 1e-12}[dtype]
    for actual, expected in pairs:
        np.testing.assert_allclose(actual, expected, rtol=rounding, atol=rounding)


def passes(layer, shapes, rng, torchs):
    """Hold y and every dx of a layer against what PyTorch gives of the same arrays."""
    xs = [rng.standard_normal(shape) for shape in shapes]
    y = layer(xs if layer.takes_several else xs[0], training=True)
    dy = rng.standard_normal(y.shape)
    there = [torch.tensor(x, requires_grad=True) for x in xs]
    out = torchs(*there)
    out.backward(torch.tensor(dy))
    dxs = layer.backward(dy)
    dxs = dxs if layer.takes_several else (dxs,)
    np.testing.assert_allclose(y, out.detach().numpy(), rtol=1e-9, atol=1e-12)
    for dx, x in zip(dxs, there, strict=True):
        np.testing.assert_allclose(dx, x.grad.numpy(), rtol=1e-9, atol=1e-12)


def nchw(f):
    """Return a function of NHWC images, made of one of PyTorch's, of NCHW."""
    return lambda t: f(t.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def resized(size, mode, **options):
    return nchw(lambda t: F.interpolate(t, size=size, mode=mode, **options))


SHAPED = {  # layer, shapes of its inputs, the same in PyTorch
    "padding": (ZeroPadding2D(((1, 0), (2, 3))), [(2, 3, 4, 2)], nchw(
        lambda t: F.pad(t, (2, 3, 1, 0)))),
    "nearest": (UpSampling2D((2, 3)), [(2, 3, 4, 2)], nchw(
        lambda t: F.interpolate(t, scale_factor=(2, 3), mode="nearest"))),
    "nearest-exact": (Resizing(7, 3, "nearest"), [(2, 5, 4, 3)],
                      resized((7, 3), "nearest-exact")),
    "bilinear": (Resizing(7, 13), [(2, 5, 4, 3)], resized((7, 13), "bilinear")),
    "bilinear-smaller": (Resizing(3, 2), [(2, 7, 9, 1)], resized((3, 2), "bilinear")),
    "antialias": (Resizing(3, 11, antialias=True), [(2, 7, 9, 2)],
                  resized((3, 11), "bilinear", antialias=True)),
    "antialias-bicubic": (Resizing(3, 2, "bicubic", antialias=True), [(2, 7, 9, 1)],
                          resized((3, 2), "bicubic", antialias=True)),
    "permute": (Permute((3, 1, 2)), [(2, 3, 4, 5)], lambda t: t.permute(0, 3, 1, 2)),
    "add": (Add(), [(2, 3, 1), (2, 1, 4), (2, 3, 4)], lambda a, b, c: a + b + c),
    "subtract": (Subtract(), [(2, 3, 4), (2, 3, 1)], lambda a, b: a - b),
    "multiply": (Multiply(), [(2, 3, 4), (2, 1, 4), (2, 3, 4)],
                 lambda a, b, c: a * b * c),
    "maximum": (Maximum(), [(2, 3, 4), (2, 3, 4), (2, 1, 4)],
                lambda a, b, c: torch.maximum(torch.maximum(a, b), c)),
    "minimum": (Minimum(), [(2, 3, 4)] * 2, torch.minimum),
    "concatenate": (Concatenate(2), [(2, 3, 4), (2, 3, 1)],
                    lambda a, b: torch.cat((a, b), 2)),
    "dot": (Dot((2, 1)), [(2, 3, 4), (2, 4, 5)], torch.bmm),
    "cosine": (Dot(1, True), [(3, 5), (3, 5)],
               lambda a, b: F.cosine_similarity(a, b)[:, None]),
}  # fmt: skip


@pytest.mark.parametrize("layer, shapes, torchs", SHAPED.values(), ids=SHAPED)
def test_shapes_and_merges(layer, shapes, torchs, rng):
    passes(type(layer)(**layer.get_config()), shapes, rng, torchs)


def labels(rng):
    return rng.integers(0, 5, 7), torch.long


def one_hot(rng):
    return np.eye(5)[rng.integers(0, 5, 7)], None


def zeros_and_ones(rng):
    return rng.integers(0, 2, (7, 5)), None


def shares(rng):
    return rng.random((7, 5)), None


def focal(z, t):
    """As torchvision's, by autograd."""
    entropy = F.binary_cross_entropy_with_logits(z, t, reduction="none")
    p = torch.sigmoid(z)
    wrong = p * (1 - t) + (1 - p) * t
    return ((0.25 * t + 0.75 * (1 - t)) * wrong**2 * entropy).mean()


def dice(z, t):
    return (1 - 2 * (z * t).sum(-1) / (z.sum(-1) + t.sum(-1) + 1e-7)).mean()


LOSSES = {
    "mse": (losses.MeanSquaredError(), F.mse_loss, one_hot),
    "mae": (losses.MeanAbsoluteError(), F.l1_loss, one_hot),
    "cosine": (
        losses.CosineSimilarity(),
        lambda z, t: -F.cosine_similarity(z, t).mean(),
        one_hot,
    ),
    "focal": (
        losses.BinaryFocalCrossentropy(True, from_logits=True),
        *(focal, zeros_and_ones),
    ),
    "dice": (losses.Dice(axis=-1), dice, shares),
    "bce": (
        losses.BinaryCrossentropy(True),
        *(F.binary_cross_entropy_with_logits, zeros_and_ones),
    ),
    "ce": (losses.CategoricalCrossentropy(True), F.cross_entropy, one_hot),
    "ce-smoothed": (
        losses.CategoricalCrossentropy(True, 0.2),
        lambda z, t: F.cross_entropy(z, t, label_smoothing=0.2),
        one_hot,
    ),
    "sparse": (losses.SparseCategoricalCrossentropy(True), F.cross_entropy, labels),
}


@pytest.mark.parametrize("loss, function, targets", LOSSES.values(), ids=LOSSES)
def test_losses(loss, function, targets, dtype, close, rng):
    z = 3 * rng.standard_normal((7, 5)).astype(dtype)
    t, kind = targets(rng)
    there = torch.tensor(z, requires_grad=True)
    out = function(there, torch.tensor(t, dtype=kind or there.dtype))
    out.backward()
    value, gradient = loss.value_and_gradient(t, z)
    np.testing.assert_allclose(value, out.item(), rtol=1e-5)
    close(gradient, there.grad.numpy(), "gradient")


OPTIMIZERS = {  # epsilon stands in different places, so it is 0
    "sgd": (
        lambda: optimizers.SGD(0.1, 0.9),
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
    ),
    "nesterov": (
        lambda: optimizers.SGD(0.1, 0.9, nesterov=True),
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
    ),
    "rmsprop": (
        lambda: optimizers.RMSprop(0.01, 0.9, epsilon=0),
        lambda p: torch.optim.RMSprop(p, 0.01, 0.9, eps=0),
    ),
    "adam": (
        lambda: optimizers.Adam(0.01, epsilon=0),
        lambda p: torch.optim.Adam(p, 0.01, eps=0),
    ),
    "amsgrad": (
        lambda: optimizers.Adam(0.01, epsilon=0, amsgrad=True),
        lambda p: torch.optim.Adam(p, 0.01, eps=0, amsgrad=True),
    ),
    "adamw": (
        lambda: optimizers.AdamW(0.01, 0.1, epsilon=0),
        lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1, eps=0),
    ),
    "adagrad": (
        lambda: optimizers.Adagrad(0.1, 0.2, epsilon=0),
        lambda p: torch.optim.Adagrad(p, 0.1, initial_accumulator_value=0.2, eps=0),
    ),
    "adadelta": (
        lambda: optimizers.Adadelta(0.5, 0.9, epsilon=1e-3),
        lambda p: torch.optim.Adadelta(p, 0.5, 0.9, eps=1e-3),
    ),
    "adamax": (
        lambda: optimizers.Adamax(0.01, epsilon=0),
        lambda p: torch.optim.Adamax(p, 0.01, eps=0),
    ),
    "rmsprop-centered": (
        lambda: optimizers.RMSprop(0.01, 0.9, 0.5, epsilon=0, centered=True),
        lambda p: torch.optim.RMSprop(p, 0.01, 0.9, 0, momentum=0.5, centered=True),
    ),
}


@pytest.mark.parametrize("ours, theirs", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_ten_steps(ours, theirs, dtype, rng):
    p = rng.standard_normal(33).astype(dtype)
    there = torch.tensor(p, requires_grad=True)
    ours, theirs = ours(), theirs([there])
    for _ in range(10):
        g = rng.standard_normal(33).astype(dtype)
        ours.step(p, g)
        there.grad = torch.tensor(g)
        theirs.step()
    rounding = {"float32": 2e-5, "float64": 1e-12}[dtype]
    np.testing.assert_allclose(p, there.detach().numpy(), rtol=0, atol=rounding)


def test_a_network_learns_the_same(rng):
    """Convolution, pooling, flattening and softmax, ten steps of SGD in float64."""
    layers = [
        Conv2D(5, 3, activation="relu"),
        MaxPool(2),
        Flatten(),
        Dense(3, "softmax"),
    ]
    model = Sequential([*layers], dtype="float64")
    model.build((None, 9, 8, 2))
    model.compile(optimizers.SGD(0.1, 0.9), "sparse_categorical_crossentropy")
    w, b = filters(layers[0].params["kernel"]), tensor(layers[0].params["bias"])
    v, c = tensor(layers[3].params["kernel"]), tensor(layers[3].params["bias"])
    theirs = torch.optim.SGD([w, b, v, c], 0.1, momentum=0.9)
    x, y = rng.standard_normal((6, 9, 8, 2)), rng.integers(0, 3, 6)
    for _ in range(10):
        h = F.max_pool2d(F.relu(F.conv2d(tensor(x), w, b)), 2)
        z = h.permute(0, 2, 3, 1).flatten(1) @ v + c  # Flatten has the channels last
        loss = F.cross_entropy(z, torch.tensor(y))
        theirs.zero_grad()
        loss.backward()
        theirs.step()
        np.testing.assert_allclose(model.train_on_batch(x, y), loss.item(), rtol=1e-9)
    np.testing.assert_allclose(
        layers[0].params["kernel"], w.detach().numpy().transpose(2, 3, 1, 0), rtol=1e-9
    )
