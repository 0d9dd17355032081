"""What every layer promises, over one table of cases; the oracle is its formula."""

import numpy as np
import pytest

from sora_np import Sequential, gradcheck, layers, rung
from sora_np.initializers import Constant
from sora_np.layers import (
    ELU,
    Activation,
    ActivityRegularization,
    AlphaDropout,
    AveragePooling1D,
    AveragePooling2D,
    BatchNormalization,
    CenterCrop,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Cropping1D,
    Cropping2D,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GroupNormalization,
    Identity,
    InputLayer,
    Lambda,
    Layer,
    LayerNormalization,
    LeakyReLU,
    MaxPool,
    MaxPooling1D,
    MinMaxScaling,
    Normalization,
    Operation,
    Permute,
    PReLU,
    RandomBrightness,
    RandomContrast,
    RandomCrop,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
    ReLU,
    RepeatVector,
    Rescaling,
    Reshape,
    Resizing,
    RMSNormalization,
    SeparableConv1D,
    SeparableConv2D,
    Sigmoid,
    Softmax,
    SpatialDropout1D,
    SpatialDropout2D,
    UnitNormalization,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)
from sora_np.layers.base import Samples
from sora_np.saving.registry import layer_from_config, own_classes


def cube(x):
    return x**3


def cube_dx(dy, x, y):
    return 3 * x**2 * dy


def recorded(x):
    return np.tanh(x) * np.exp(-x * x / 8) + np.mean(x, axis=-1, keepdims=True)


def same(x, *others):
    return x


ALL = {"slice": [None, None, None]}
CASES = {  # id: (make the layer, shape of x)
    "conv2d": (lambda: Conv2D(4, 3), (2, 5, 6, 3)),
    "conv2d-relu": (lambda: Conv2D(4, 3, activation="relu"), (2, 5, 6, 3)),
    "conv2d-softmax": (lambda: Conv2D(3, 2, activation="softmax"), (2, 4, 4, 2)),
    "conv2d-same": (lambda: Conv2D(2, 3, padding="same"), (2, 4, 5, 2)),
    "conv2d-same-even": (lambda: Conv2D(2, (4, 2), padding="same"), (1, 4, 6, 2)),
    "conv2d-same-strided": (
        lambda: Conv2D(3, (2, 3), (2, 1), "same"),
        (2, 5, 4, 2),
    ),
    "conv2d-remainder": (lambda: Conv2D(2, 3, strides=(2, 3)), (2, 8, 7, 2)),
    "conv2d-dilation": (lambda: Conv2D(2, 3, dilation_rate=(2, 1)), (2, 7, 5, 1)),
    "conv2d-groups": (lambda: Conv2D(4, 3, groups=2, padding="same"), (2, 4, 4, 6)),
    "conv2d-depthwise": (lambda: Conv2D(3, 3, groups=3, padding="same"), (2, 4, 5, 3)),
    "conv2d-no-bias": (lambda: Conv2D(2, 1, use_bias=False), (1, 3, 3, 2)),
    "conv2d-strides-dilation": (
        lambda: Conv2D(2, (3, 2), 2, "same", dilation_rate=(2, 3)),
        (2, 7, 8, 2),
    ),
    "conv1d": (lambda: Conv1D(4, 3), (2, 6, 3)),
    "conv1d-relu-same": (
        lambda: Conv1D(3, 4, 2, "same", activation="relu"),
        (2, 7, 2),
    ),
    "conv1d-causal": (
        lambda: Conv1D(4, 3, 2, "causal", dilation_rate=2, groups=2),
        (2, 7, 4),
    ),
    "conv1d-softmax": (
        lambda: Conv1D(3, 2, activation="softmax", use_bias=False),
        (2, 4, 1),
    ),
    "conv1d-transpose": (lambda: Conv1DTranspose(3, 3, 2), (2, 4, 2)),
    "conv1d-transpose-same": (
        lambda: Conv1DTranspose(2, 4, 3, "same", 2, activation="tanh"),
        (2, 4, 3),
    ),
    "conv2d-transpose": (lambda: Conv2DTranspose(2, 3, 2), (2, 3, 4, 3)),
    "conv2d-transpose-apart": (lambda: Conv2DTranspose(2, 2, 3), (2, 3, 2, 2)),
    "conv2d-transpose-same": (
        lambda: Conv2DTranspose(1, (4, 3), (2, 3), "same", activation="relu"),
        (2, 3, 2, 2),
    ),
    "conv2d-transpose-more": (
        lambda: Conv2DTranspose(2, 3, 2, "same", (0, 1), use_bias=False),
        (2, 3, 2, 3),
    ),
    "conv2d-transpose-dilation": (
        lambda: Conv2DTranspose(2, (3, 2), (2, 1), "same", dilation_rate=(2, 3)),
        (2, 4, 3, 2),
    ),
    "depthwise1d": (lambda: DepthwiseConv1D(3, 2, "same"), (2, 5, 3)),
    "depthwise1d-several": (
        lambda: DepthwiseConv1D(2, 1, depth_multiplier=3, activation="tanh"),
        (2, 5, 2),
    ),
    "depthwise2d": (lambda: DepthwiseConv2D(3, padding="same"), (2, 4, 5, 3)),
    "depthwise2d-several": (
        lambda: DepthwiseConv2D((2, 3), 2, "same", 2, activation="relu"),
        (2, 5, 4, 3),
    ),
    "depthwise2d-dilation": (
        lambda: DepthwiseConv2D(2, 2, "valid", 2, dilation_rate=2, use_bias=False),
        (2, 6, 5, 1),
    ),
    "separable1d": (lambda: SeparableConv1D(4, 3, 2, "same"), (2, 5, 3)),
    "separable1d-several": (
        lambda: SeparableConv1D(2, 2, depth_multiplier=3, activation="tanh"),
        (2, 5, 2),
    ),
    "separable2d": (lambda: SeparableConv2D(4, 3, padding="same"), (2, 4, 5, 3)),
    "separable2d-several": (
        lambda: SeparableConv2D(
            *(3, (2, 3), (2, 1), "same"), depth_multiplier=2, activation="relu"
        ),
        (2, 5, 4, 2),
    ),
    "separable2d-dilation": (
        lambda: SeparableConv2D(2, 2, dilation_rate=(2, 3), use_bias=False),
        (2, 5, 5, 2),
    ),
    "max-pool": (lambda: MaxPool(2), (2, 4, 6, 3)),
    "max-pool-remainder": (lambda: MaxPool(2), (2, 5, 7, 1)),
    "max-pool-overlapping": (lambda: MaxPool((3, 2), 1), (2, 5, 5, 2)),
    "max-pool-same": (lambda: MaxPool(3, 2, "same"), (2, 5, 6, 2)),
    "max-pool1d": (MaxPooling1D, (2, 7, 3)),
    "max-pool1d-same": (lambda: MaxPooling1D(3, 2, "same"), (2, 6, 2)),
    "average-pool": (lambda: AveragePooling2D(2), (2, 4, 6, 3)),
    "average-pool-remainder": (lambda: AveragePooling2D((2, 3)), (2, 5, 7, 1)),
    "average-pool-overlapping": (lambda: AveragePooling2D((3, 2), 1), (2, 5, 5, 2)),
    "average-pool-same": (lambda: AveragePooling2D(3, 2, "same"), (2, 5, 6, 2)),
    "average-pool1d": (lambda: AveragePooling1D(2), (2, 7, 3)),
    "average-pool1d-same": (lambda: AveragePooling1D(3, 2, "same"), (2, 6, 2)),
    "global-average": (GlobalAveragePooling2D, (2, 3, 4, 3)),
    "global-average-keepdims": (
        lambda: GlobalAveragePooling2D(keepdims=True),
        (2, 3, 4, 3),
    ),
    "global-average1d": (GlobalAveragePooling1D, (2, 5, 3)),
    "global-average1d-keepdims": (
        lambda: GlobalAveragePooling1D(keepdims=True),
        (2, 5, 3),
    ),
    "global-max": (GlobalMaxPooling2D, (2, 3, 4, 3)),
    "global-max-keepdims": (lambda: GlobalMaxPooling2D(keepdims=True), (2, 3, 4, 3)),
    "global-max1d": (GlobalMaxPooling1D, (2, 5, 3)),
    "global-max1d-keepdims": (lambda: GlobalMaxPooling1D(keepdims=True), (2, 5, 3)),
    "dense": (lambda: Dense(4), (3, 5)),
    "dense-tanh": (lambda: Dense(4, "tanh"), (3, 5)),
    "dense-softmax": (lambda: Dense(4, "softmax"), (3, 5)),
    "dense-3d": (lambda: Dense(2, "sigmoid"), (2, 3, 4)),
    "dense-no-bias": (lambda: Dense(2, use_bias=False), (2, 3)),
    "relu": (ReLU, (2, 3, 4)),
    "relu-bent": (lambda: ReLU(1.0, 0.3, 0.2), (2, 3, 4)),
    "sigmoid": (Sigmoid, (2, 3, 4)),
    "softmax": (Softmax, (2, 3, 4)),
    "softmax-axis": (lambda: Softmax(1), (2, 3, 4)),
    "activation-tanh": (lambda: Activation("tanh"), (2, 5)),
    "activation-linear": (lambda: Activation(None), (2, 5)),
    "activation-gelu": (lambda: Activation("gelu"), (2, 5)),
    "conv2d-silu": (lambda: Conv2D(3, 2, activation="silu"), (2, 4, 4, 2)),
    "dense-mish": (lambda: Dense(4, "mish"), (3, 5)),
    "leaky-relu": (LeakyReLU, (2, 3, 4)),
    "elu": (lambda: ELU(0.7), (2, 3, 4)),
    "prelu": (lambda: PReLU("ones"), (2, 3, 4)),
    "prelu-shared": (lambda: PReLU(Constant(0.3), shared_axes=[1, 2]), (2, 3, 4, 2)),
    "flatten": (Flatten, (2, 3, 4, 2)),
    "dropout": (lambda: Dropout(0.4), (4, 6)),
    "dropout-shared": (lambda: Dropout(0.4, (None, 1, 6)), (4, 3, 6)),
    "spatial-dropout-1d": (lambda: SpatialDropout1D(0.4), (3, 4, 5)),
    "spatial-dropout-2d": (lambda: SpatialDropout2D(0.4), (3, 4, 2, 5)),
    "gaussian-dropout": (lambda: GaussianDropout(0.3), (3, 5)),
    "alpha-dropout": (lambda: AlphaDropout(0.3), (3, 5)),
    "activity-regularization": (ActivityRegularization, (3, 5)),  # see below
    "layer-normalization": (LayerNormalization, (4, 3, 6)),
    "layer-normalization-axes": (
        lambda: LayerNormalization([1, -1], 0.1),
        (2, 3, 4, 2),
    ),
    "layer-normalization-plain": (
        lambda: LayerNormalization(center=False, scale=False),
        (3, 7),
    ),
    "rms-normalization": (RMSNormalization, (4, 6)),
    "rms-normalization-axis": (lambda: RMSNormalization(1), (2, 6, 3)),
    "group-normalization": (lambda: GroupNormalization(2), (3, 4, 2, 6)),
    "group-normalization-axis": (
        lambda: GroupNormalization(-1, axis=1, scale=False),
        (2, 3, 5),
    ),
    "unit-normalization": (UnitNormalization, (4, 5)),
    "unit-normalization-axes": (lambda: UnitNormalization((1, 2)), (2, 3, 4, 2)),
    "batch-normalization": (BatchNormalization, (4, 3, 3, 2)),
    "batch-normalization-axis": (lambda: BatchNormalization(1), (4, 3, 5)),
    "batch-normalization-plain": (
        lambda: BatchNormalization(center=False, scale=False, epsilon=0.1),
        (5, 3),
    ),
    "batch-normalization-frozen": (
        lambda: BatchNormalization(trainable=False),
        (4, 3),
    ),
    "rescaling": (lambda: Rescaling(0.5, -1), (2, 3, 4)),
    "normalization": (lambda: Normalization(-1, [1, 2], [0.5, 4]), (3, 4, 2)),
    "normalization-inverse": (
        lambda: Normalization((1, 2), [[1, 2], [3, 4]], np.ones((2, 2)), invert=True),
        (3, 2, 2),
    ),
    "min-max-scaling": (lambda: MinMaxScaling(None, -2, 3), (3, 4)),
    "gaussian-noise": (lambda: GaussianNoise(0.3), (3, 5)),
    "random-brightness": (lambda: RandomBrightness(0.2, (-1.5, 1.4)), (3, 4, 5)),
    "random-contrast": (lambda: RandomContrast(0.5, (-1.5, 1.4)), (3, 4, 5, 2)),
    "random-erasing": (
        lambda: RandomErasing(0.8, (0.1, 0.5), None, (-1, 1)),
        (4, 5, 4, 2),
    ),
    "random-flip": (RandomFlip, (4, 3, 4, 2)),
    "random-rotation": (lambda: RandomRotation(0.4), (3, 4, 5, 2)),
    "random-rotation-constant": (
        lambda: RandomRotation(0.4, "constant", fill_value=0.5),
        (3, 5, 4, 1),
    ),
    "random-shear": (lambda: RandomShear(0.4, 0.3, fill_mode="wrap"), (3, 4, 5, 2)),
    "random-translation": (lambda: RandomTranslation(0.9, 0.4), (3, 4, 5, 2)),
    "random-zoom": (lambda: RandomZoom(0.5, 0.2, "nearest"), (3, 4, 5, 2)),
    "random-crop": (lambda: RandomCrop(2, 3), (3, 4, 5, 2)),
    "random-crop-resized": (lambda: RandomCrop(5, 3), (2, 4, 5, 2)),
    "center-crop": (lambda: CenterCrop(2, 5), (2, 5, 5, 2)),
    "center-crop-resized": (lambda: CenterCrop(6, 4), (2, 4, 6, 2)),
    "resizing": (lambda: Resizing(5, 3), (2, 4, 6, 3)),
    "resizing-cropped": (
        lambda: Resizing(2, 6, crop_to_aspect_ratio=True),
        (2, 5, 4, 1),
    ),
    "resizing-padded": (
        lambda: Resizing(6, 4, "nearest", pad_to_aspect_ratio=True, fill_value=0.3),
        (2, 4, 7, 2),
    ),
    "resizing-antialias": (lambda: Resizing(3, 6, antialias=True), (2, 7, 5, 2)),
    "resizing-bicubic": (lambda: Resizing(3, 9, "bicubic"), (1, 5, 4, 2)),
    "resizing-same": (lambda: Resizing(4, 5), (2, 4, 5, 2)),
    "reshape": (lambda: Reshape((2, -1, 3)), (2, 4, 6)),
    "permute": (lambda: Permute((3, 1, 2)), (2, 3, 4, 5)),
    "repeat-vector": (lambda: RepeatVector(3), (2, 4)),
    "zero-padding-1d": (lambda: ZeroPadding1D((0, 2)), (2, 3, 2)),
    "zero-padding-2d": (lambda: ZeroPadding2D(((1, 0), (2, 3))), (2, 3, 4, 2)),
    "cropping-1d": (Cropping1D, (2, 5, 2)),
    "cropping-2d": (lambda: Cropping2D(((0, 1), (2, 0))), (2, 4, 5, 3)),
    "up-sampling-1d": (lambda: UpSampling1D(3), (2, 4, 2)),
    "up-sampling-2d": (lambda: UpSampling2D((2, 3)), (2, 3, 4, 2)),
    "up-sampling-2d-bilinear": (
        lambda: UpSampling2D(2, interpolation="bilinear"),
        (2, 3, 4, 1),
    ),
    "lambda": (lambda: Lambda(cube, gradient=cube_dx), (2, 3, 4)),
    "lambda-recorded": (lambda: Lambda(recorded), (2, 3, 4)),
    "operation": (lambda: Operation("tanh", [{"input": 0}]), (2, 3, 4)),
    "operation-place": (
        lambda: Operation(
            "getitem", [{"input": 0}, {"tuple": [{"ellipsis": True}, 1]}]
        ),
        (2, 3, 4),
    ),
    "lambda-same": (lambda: Lambda(same, (2, 3), gradient=same), (4, 2, 3)),
    "identity": (Identity, (2, 3, 2)),
    "input": (lambda: InputLayer((3, 2)), (2, 3, 2)),
}


def test_no_layer_is_left_out():
    """Those of several inputs are in test_merging.py."""
    made = {type(make()) for make, _ in CASES.values()}
    names = {getattr(layers, name) for name in layers.__all__}
    classes = {cls for cls in names if isinstance(cls, type)} - {Layer, layers.Input}
    assert made == {cls for cls in classes if not cls.takes_several}


@pytest.fixture(params=CASES.values(), ids=CASES)
def case(request, rng):
    make, shape = request.param
    # numbers at least 0.01 apart and from 0, 0.2 and 1: no kink and no tie is near
    x = rng.permutation(np.prod(shape)).reshape(shape) / np.prod(shape) * 4 - 1.9931
    return make, x


def built(make, x, dtype="float64"):
    layer = make()
    output_shape = layer.build(x.shape[1:], np.random.default_rng(1), dtype)
    for name in ("bias", "beta", "gamma", "scale"):  # zeros, ones would hide mistakes
        if name in layer.params:
            given = layer.params[name]
            layer.params[name] = np.linspace(0.5, 1.5, given.size).reshape(given.shape)
    return layer, output_shape


def test_gradients(case):
    make, x = case
    layer, _ = built(make, x)
    for check in gradcheck.check_layer(layer, x, samples=None):
        assert check.passed, f"{check} of {layer}"
        assert not check.kinks, f"{check} of {layer}"


def test_dtype_and_shape(case, dtype):
    make, x = case
    layer, output_shape = built(make, x, dtype)
    y = layer.forward(x.astype(dtype), training=True)
    dx = layer.backward(np.ones_like(y))
    assert y.shape == (len(x), *output_shape)
    assert dx.shape == x.shape
    arrays = y, dx, *layer.params.values(), *layer.grads.values()
    assert {a.dtype for a in (*arrays, *layer.state.values())} == {np.dtype(dtype)}
    assert layer.grads.keys() == layer.params.keys()


def test_nothing_given_is_changed_or_handed_back(case):
    make, x = case
    layer, _ = built(make, x)
    before = x.copy()
    y = layer.forward(x, training=True)
    dy = np.ones_like(y)
    dx = layer.backward(dy)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(dy, 1)
    assert not np.shares_memory(layer.forward(x), x)
    assert not np.shares_memory(dx, dy)


@pytest.mark.parametrize("name", ["numpy", "reference"])
def test_every_rung_is_one_layer(case, name):
    """By whole arrays or by loops: y, dx and gradients; nothing given is changed."""
    make, x = case
    found = {}
    for rung_name in ("fast", name):
        layer, _ = built(make, x)
        given = x.copy()
        with rung(rung_name):
            y = layer.forward(given, training=True)
            dy = np.cos(np.arange(y.size)).reshape(y.shape)
            kept = y.copy(), dy.copy()
            dx = layer.backward(dy)
        for a, b in ((given, x), (y, kept[0]), (dy, kept[1])):
            np.testing.assert_array_equal(a, b)
        assert not np.shares_memory(y, given) and not np.shares_memory(dx, dy)
        found[rung_name] = [y, dx, *layer.grads.values()]
    for one, expected in zip(found[name], found["fast"], strict=True):
        assert one.dtype == expected.dtype
        np.testing.assert_allclose(one, expected, rtol=1e-9, atol=1e-11)


def read_only(x):
    x = x.copy()
    x.setflags(write=False)
    return x


ODD_ARRAYS = {
    "fortran": np.asfortranarray,
    "negative-strides": lambda x: x[::-1].copy()[::-1],
    "read-only": read_only,
    "big-endian": lambda x: x.astype(">f8"),
    "list": lambda x: x.tolist(),
}


@pytest.mark.parametrize("odd", ODD_ARRAYS.values(), ids=ODD_ARRAYS)
def test_any_memory_layout(case, odd):
    make, x = case
    layer, _ = built(make, x)
    x32 = make is InputLayer or not layer.params  # lists become float32 there
    rtol = 1e-5 if x32 and odd(x).__class__ is list else 1e-12
    np.testing.assert_allclose(layer.forward(odd(x)), layer.forward(x), rtol=rtol)


@pytest.mark.parametrize("kind", ["int8", "uint8", "bool", "float16", ">i4"])
def test_any_number_becomes_float32(case, kind):
    make, x = case
    x = np.abs(x * 2).astype(kind)
    layer, _ = built(make, x, "float32")
    y = layer.forward(x)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, layer.forward(x.astype(np.float32)))


def test_batch_equals_one_by_one(case):
    make, x = case
    layer, _ = built(make, x)
    alone = np.concatenate([layer.forward(sample[None]) for sample in x])
    np.testing.assert_allclose(layer.forward(x), alone, rtol=1e-12)


def test_an_empty_batch(case):
    make, x = case
    layer, output_shape = built(make, x)
    y = layer.forward(x[:0], training=True)
    assert y.shape == (0, *output_shape)
    assert layer.backward(y).shape == (0, *x.shape[1:])
    for name, grad in layer.grads.items():
        np.testing.assert_array_equal(grad, 0, err_msg=name)


def test_backward_undoes_the_last_forward_once(case):
    make, x = case
    layer, _ = built(make, x)
    layer.forward(x)  # prediction keeps nothing
    dy = np.ones_like(layer.forward(x))
    with pytest.raises(RuntimeError, match="needs a forward"):
        layer.backward(dy)
    if hasattr(layer, "rng") or isinstance(layer, BatchNormalization):
        return  # their forward changes them
    layer.forward(x, training=True)
    first = layer.backward(dy)
    layer.forward(x, training=True)
    layer.forward(x[:1], training=True)
    layer.backward(dy[:1])
    np.testing.assert_array_equal(layer.backward(dy), first)
    with pytest.raises(RuntimeError, match="needs a forward"):
        layer.backward(dy)


def test_gradients_keep_their_arrays(case):
    make, x = case
    layer, _ = built(make, x)
    grads = dict(layer.grads)
    layer.backward(np.ones_like(layer.forward(x, training=True)))
    assert all(layer.grads[name] is grad for name, grad in grads.items())


def test_wrong_dy_loses_nothing(case):
    make, x = case
    layer, _ = built(make, x)
    y = layer.forward(x, training=True)
    with pytest.raises(ValueError, match="expected dy of shape"):
        layer.backward(np.ones((1, *y.shape)))
    layer.backward(np.ones_like(y))


def test_an_equal_layer_from_its_configuration(case):
    make, x = case
    layer, _ = built(make, x)
    if isinstance(layer, Lambda):  # its configuration has names of functions
        described = {"class_name": "Lambda", "config": layer.get_config()}
        twin = layer_from_config(described, own_classes([layer]))
    else:
        twin = type(layer)(**layer.get_config())
    assert twin.get_config() == layer.get_config()
    assert twin.build(x.shape[1:], np.random.default_rng(1), "float64") is not None
    assert {k: v.shape for k, v in twin.params.items()} == {
        k: v.shape for k, v in layer.params.items()
    }


def test_weights_of_an_equal_layer(case):
    make, x = case
    layer, _ = built(make, x)
    twin, _ = built(make, x)
    for array in (*twin.params.values(), *twin.state.values()):
        array[...] = 7
    places = dict(twin.params)
    twin.set_weights(layer.get_weights())
    for mine, its in zip(twin.get_weights(), layer.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)
    assert all(twin.params[name] is array for name, array in places.items())


def test_weights_of_another_layer_change_nothing():
    layer, _ = built(lambda: Dense(2), np.ones((1, 3)))
    before = layer.get_weights()
    text = r"takes the weights kernel \(3, 2\), bias \(2,\), got "
    for weights in ([np.ones((3, 2))], [np.ones((3, 2)), np.ones(3)], [], None):
        with pytest.raises(ValueError, match=text):
            layer.set_weights(weights)
    for was, now in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(now, was)


def test_params_are_assigned_in_place():
    layer, _ = built(lambda: Dense(2), np.ones((1, 3)))
    kernel = layer.params["kernel"]
    layer.params["kernel"] = np.ones((3, 2))
    assert layer.params["kernel"] is kernel
    np.testing.assert_array_equal(kernel, 1)
    with pytest.raises(ValueError, match=r"shape \(3, 2\), cannot take \(2, 3\)"):
        layer.params["kernel"] = np.ones((2, 3))


def test_a_users_own_layer():
    class Scale(Layer):
        def build(self, input_shape, rng, dtype):
            shape = super().build(input_shape, rng, dtype)
            self._add_param("factor", shape, lambda rng, s, t: np.full(s, 2, t), rng)
            return shape

        def forward(self, x, *, training=False):
            x = self.check_input(x)
            y = x * self.params["factor"]
            if training:
                self.remember(y, x)
            return y

        def backward(self, dy):
            dy, x = self.recall(dy)
            self.grads["factor"] = np.sum(dy * x, axis=0)
            return dy * self.params["factor"]

    checks = gradcheck.check_layer(Scale(), np.array([[1.0, 2.0], [3.0, 5.0]]))
    assert [(c.name, c.passed) for c in checks] == [("x", True), ("factor", True)]


# --- conventions, worked by hand -----------------------------------------------


def test_same_padding_on_an_even_window_goes_after():
    """Of a 2x2 window the zero line is below and at the right."""
    layer = Conv2D(1, 2, padding="same", kernel_initializer="ones")
    y = layer(np.array([[1.0, 2.0], [3.0, 4.0]])[None, :, :, None])
    np.testing.assert_array_equal(y[0, :, :, 0], [[10, 6], [7, 4]])


def test_max_pool_same_on_negative_numbers():
    """A padding of 0 would win."""
    y = MaxPool(2, 2, "same")(np.full((1, 3, 3, 1), -5.0))
    np.testing.assert_array_equal(y, np.full((1, 2, 2, 1), -5.0))


def test_max_pool_gives_the_whole_gradient_to_the_first_of_equals():
    layer = MaxPool(2)
    layer(np.zeros((1, 2, 2, 1)), training=True)
    dx = layer.backward(np.ones((1, 1, 1, 1)))
    np.testing.assert_array_equal(dx[0, :, :, 0], [[1, 0], [0, 0]])


def test_average_pool_does_not_count_padding():
    """Of 1..9 in a square: the corner is the mean of 9 alone, the edge of 3 and 6."""
    x = np.arange(1.0, 10).reshape(1, 3, 3, 1)
    y = AveragePooling2D(2, 2, "same")(x)
    np.testing.assert_array_equal(y[0, :, :, 0], [[3, 4.5], [7.5, 9]])
    ones = AveragePooling2D(3, 1, "same")(np.ones((1, 4, 5, 2)))
    np.testing.assert_array_equal(ones, np.ones((1, 4, 5, 2)))


def test_average_pool_shares_the_gradient_among_the_cells_inside():
    """A corner window of 2 x 2 cells gives a quarter to each, the last one all to 9."""
    layer = AveragePooling2D(2, 2, "same")
    layer(np.zeros((1, 3, 3, 1)), training=True)
    dx = layer.backward(np.array([[4.0, 6], [10, 7]]).reshape(1, 2, 2, 1))
    expected = [[1, 1, 3], [1, 1, 3], [5, 5, 7]]
    np.testing.assert_array_equal(dx[0, :, :, 0], expected)


@pytest.mark.parametrize("keepdims", [False, True])
def test_global_pools_of_ties(keepdims):
    layer = GlobalMaxPooling1D(keepdims=keepdims)
    y = layer(np.array([1.0, 3, 3]).reshape(1, 3, 1), training=True)
    dx = layer.backward(np.full_like(y, 2))
    assert y.shape == ((1, 1, 1) if keepdims else (1, 1))
    np.testing.assert_array_equal(dx[0, :, 0], [0, 2, 0])


def test_causal_windows_see_nothing_to_come():
    """y[i] = x[i - 2] + 10 x[i - 1] + 100 x[i], with stride 2 of the even i."""
    layer = Conv1D(1, 3, padding="causal")
    x = np.array([1.0, 2, 3, 4]).reshape(1, 4, 1)
    layer.build((4, 1), np.random.default_rng(0), "float64")
    layer.params["kernel"] = np.array([1.0, 10, 100]).reshape(3, 1, 1)
    np.testing.assert_array_equal(layer(x)[0, :, 0], [100, 210, 321, 432])
    twin = Conv1D(1, 3, 2, "causal")
    twin.build((4, 1), np.random.default_rng(0), "float64")
    twin.set_weights(layer.get_weights())
    np.testing.assert_array_equal(twin(x)[0, :, 0], [100, 321])


def test_transposed_convolution_by_hand():
    """Two copies of the kernel, 2 apart, that overlap in one place.

    "same" leaves the last of the 5 out and adds none before.
    """
    x = np.array([1.0, 2]).reshape(1, 2, 1)
    for padding, expected in (("valid", [1, 10, 102, 20, 200]), ("same", 0)):
        layer = Conv1DTranspose(1, 3, 2, padding)
        layer.build((2, 1), np.random.default_rng(0), "float64")
        layer.params["kernel"] = np.array([1.0, 10, 100]).reshape(3, 1, 1)
        found = layer(x)[0, :, 0]
        np.testing.assert_array_equal(found, expected or [1, 10, 102, 20])


def test_transposed_convolution_is_the_transpose(rng):
    """<conv(y), x> = <y, transposed(x)> with one kernel, no bias."""
    for padding in ("valid", "same"):
        conv = Conv2D(3, (3, 2), 2, padding, use_bias=False)
        back = Conv2DTranspose(2, (3, 2), 2, padding, use_bias=False)
        back.build((3, 4, 3), rng, "float64")
        x = rng.standard_normal((2, 3, 4, 3))
        y = rng.standard_normal(back(x).shape)
        conv.build(y.shape[1:], rng, "float64")
        conv.set_weights(back.get_weights())
        np.testing.assert_allclose(np.sum(conv(y) * x), np.sum(y * back(x)))


def test_depthwise_channels_are_in_order_of_their_input():
    """Channel c*M + m is filter m of channel c."""
    layer = DepthwiseConv2D(1, depth_multiplier=2)
    layer.build((1, 1, 2), np.random.default_rng(0), "float64")
    layer.params["kernel"] = np.array([[1.0, 10], [100, 1000]]).reshape(1, 1, 2, 2)
    y = layer(np.array([2.0, 3]).reshape(1, 1, 1, 2))
    np.testing.assert_array_equal(y.ravel(), [2, 20, 300, 3000])


def test_separable_is_depthwise_then_pointwise(rng):
    x = rng.standard_normal((2, 6, 5, 3))
    layer = SeparableConv2D(4, 3, 2, "same", depth_multiplier=2, activation="tanh")
    layer.build(x.shape[1:], rng, "float64")
    first = DepthwiseConv2D(3, 2, "same", 2, use_bias=False)
    second = Conv2D(4, 1, activation="tanh")
    first.build(x.shape[1:], rng, "float64")
    second.build((3, 3, 6), rng, "float64")
    depthwise, pointwise, bias = layer.get_weights()
    first.set_weights([depthwise])
    second.set_weights([pointwise, bias])
    np.testing.assert_allclose(layer(x), second(first(x)))


def test_penalties_of_kernels_by_their_names_in_keras():

    model = Sequential(
        [
            DepthwiseConv2D(1, depthwise_regularizer="l2", input_shape=(2, 2, 1)),
            SeparableConv2D(
                *(1, 1), depthwise_regularizer="l2", pointwise_regularizer="l1"
            ),
        ]
    )
    model.compile("sgd", "mse")
    model.set_weights([np.full(w.shape, 3.0) for w in model.get_weights()])
    x = np.zeros((1, 2, 2, 1))
    y = model.predict(x, verbose=0)
    assert model.evaluate(x, y, verbose=0) == pytest.approx(0.01 * (9 + 9 + 3))


def test_batch_normalization_moves_by_the_population_variance():
    """Of 1 and 3 the mean is 2, the population variance 1 (the unbiased one 2)."""
    layer = BatchNormalization(momentum=0.9)
    layer(np.array([[1.0], [3.0]]), training=True)
    np.testing.assert_allclose(layer.state["moving_mean"], [0.2])
    np.testing.assert_allclose(layer.state["moving_variance"], [0.9 * 1 + 0.1 * 1])
    layer(np.array([[0.0], [4.0]]), training=True)  # mean 2, variance 4
    np.testing.assert_allclose(layer.state["moving_variance"], [0.9 + 0.1 * 4])


def test_an_initializer_may_return_an_array_of_any_kind():
    """Read-only, with strides, and somebody else's: the layer has one of its own."""
    table = np.arange(6.0)[::2]
    table.flags.writeable = False
    layer = BatchNormalization(moving_mean_initializer=lambda rng, shape, dtype: table)
    layer(np.ones((4, 3)), training=True)
    np.testing.assert_allclose(layer.state["moving_mean"], 0.99 * table + 0.01)
    np.testing.assert_array_equal(table, [0, 2, 4])


def test_dropout_scales_what_it_keeps():
    x = np.ones((100, 100), np.float32)
    y = Dropout(0.25, seed=3)(x, training=True)
    assert set(np.unique(y)) == {0, np.float32(1 / 0.75)}
    assert abs(np.mean(y == 0) - 0.25) < 0.02  # 4.6 standard deviations
    np.testing.assert_array_equal(Dropout(1.0)(x, training=True), 0)
    np.testing.assert_array_equal(Dropout(0)(x, training=True), x)


def test_flatten_keeps_the_order_of_rows():
    x = np.arange(12.0).reshape(1, 2, 3, 2)
    np.testing.assert_array_equal(Flatten()(x), np.arange(12.0)[None])


def test_dropout_shares_its_mask_along_an_axis():
    x = np.ones((50, 7, 40), np.float32)
    y = Dropout(0.5, (None, 1, 40), seed=3)(x, training=True)
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], y.shape))
    assert set(np.unique(y)) == {0, 2} and abs(y.mean() - 1) < 0.1
    assert (y[0] != y[1]).any()
    of_all = Dropout(0.5, noise_shape=[1, None, None], seed=3)(x, training=True)
    np.testing.assert_array_equal(of_all, np.broadcast_to(of_all[:1], y.shape))


def test_spatial_dropout_drops_whole_channels():
    x = np.ones((60, 3, 4, 30), np.float32)
    y = SpatialDropout2D(0.25, seed=3)(x, training=True)
    assert set(np.unique(y)) == {0, np.float32(1 / 0.75)}
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1, :1], y.shape))
    assert abs(np.mean(y == 0) - 0.25) < 0.05  # 5 standard deviations
    rows = SpatialDropout1D(0.25, 3)(x[:, :, 0], training=True)
    np.testing.assert_array_equal(rows, y[:, :, 0])  # drawn by sample and channel
    np.testing.assert_array_equal(SpatialDropout2D(1.0)(x, training=True), 0)
    np.testing.assert_array_equal(SpatialDropout2D(0)(x, training=True), x)


def test_gaussian_dropout_has_the_moments_of_a_mask():
    y = GaussianDropout(0.2, 3)(np.ones((400, 500)), training=True)
    assert abs(y.mean() - 1) < 0.006 and abs(y.std() - 0.5) < 0.005


def test_alpha_dropout_keeps_mean_and_variance(rng):
    """And sets what it drops to one number, a l + b; l = -1.0507 * 1.6733."""
    x = rng.standard_normal((400, 500))
    y = AlphaDropout(0.2, seed=3)(x, training=True)
    assert abs(y.mean()) < 0.02 and abs(y.std() - 1) < 0.01
    least = -1.0507009873554805 * 1.6732632423543772
    a = (0.8 * (1 + 0.2 * least**2)) ** -0.5
    dropped = np.isclose(y, a * least * 0.8)
    assert abs(dropped.mean() - 0.2) < 0.005
    np.testing.assert_allclose(y[~dropped], (a * x - a * least * 0.2)[~dropped])


@pytest.mark.parametrize("make", [SpatialDropout1D, GaussianDropout, AlphaDropout])
def test_what_is_drawn_for_a_sample_depends_on_no_other(make, rng):
    x = rng.standard_normal((6, 4, 3))
    layer = make(0.4, seed=1)
    layer.build(x.shape[1:], rng, x.dtype)
    batch = Samples(2, np.arange(6))
    layer.share(batch)
    whole = layer.forward(x, training=True)
    batch.numbers = np.array([5, 2])
    some, expected = x[batch.numbers], whole[batch.numbers]
    np.testing.assert_array_equal(layer.forward(some, training=True), expected)
    batch.epoch = 3
    assert (layer.forward(some, training=True) != expected).any()


def test_activity_regularization_by_hand():
    layer = ActivityRegularization(0.5, 0.25)
    assert layer.added_loss == 0
    x = np.array([[2.0, -1.0, 0.0], [0.0, 1.0, -3.0]])
    np.testing.assert_array_equal(layer(x, training=True), x)
    assert layer.added_loss == (0.5 * 7 + 0.25 * 15) / 2
    dx = layer.backward(np.full((2, 3), 2.0))
    np.testing.assert_array_equal(dx, 2 + np.sign(x) / 4 + x / 4)
    layer(x[:1])  # evaluation has a penalty of its own
    assert layer.added_loss == 0.5 * 3 + 0.25 * 5
    layer(x[:0], training=True)
    assert layer.added_loss == 0


def test_activity_regularization_has_the_gradient_of_its_penalty(rng):
    """By central differences of <dy, y> + added_loss."""
    layer, eps = ActivityRegularization(0.3, 0.2), 1e-6
    x, dy = rng.standard_normal((2, 3, 4))
    layer(x, training=True)
    dx = layer.backward(dy)
    for at in np.ndindex(x.shape):
        ends = []
        for step in (eps, -eps):
            moved = x.copy()
            moved[at] += step
            ends.append(np.sum(dy * layer(moved, training=True)) + layer.added_loss)
        assert abs((ends[0] - ends[1]) / (2 * eps) - dx[at]) < 1e-8


def test_layer_normalization_by_hand():
    """Of 1 and 3 mean 2 and variance 1, of 0 and 4 mean 2 and variance 4."""
    x = np.array([[1.0, 3], [0, 4]])
    y = LayerNormalization(epsilon=0)(x)
    np.testing.assert_array_equal(y, [[-1, 1], [-1, 1]])
    over_all = LayerNormalization([1, 2], epsilon=0)(x[None])
    np.testing.assert_allclose(over_all, (x - 2)[None] / np.sqrt(2.5))
    layer = LayerNormalization(axis=[-2, -1])
    layer(np.ones((2, 3, 4, 5)))
    assert [a.shape for a in layer.get_weights()] == [(4, 5), (4, 5)]
    assert [*layer.params] == ["gamma", "beta"]


def test_group_normalization_of_one_group_and_of_channels(rng):
    x = rng.standard_normal((3, 4, 5, 6))
    whole = LayerNormalization([1, 2, 3], scale=False, center=False)(x)
    np.testing.assert_allclose(GroupNormalization(1)(x), whole, rtol=1e-10, atol=1e-12)
    alone = LayerNormalization([1, 2], scale=False, center=False)(x)
    np.testing.assert_allclose(GroupNormalization(-1)(x), alone, rtol=1e-10, atol=1e-12)


def test_unit_normalization_of_zeros():
    layer = UnitNormalization()
    np.testing.assert_array_equal(layer(np.zeros((1, 3)), training=True), 0)
    np.testing.assert_allclose(layer.backward(np.ones((1, 3))), 1e12)


def test_alpha_of_leaky_relu_is_its_old_name():
    with pytest.warns(UserWarning, match="negative_slope"):
        layer = LeakyReLU(alpha=0.2)
    assert layer.negative_slope == 0.2
    assert LeakyReLU.from_config(layer.get_config()).negative_slope == 0.2


# --- mistakes --------------------------------------------------------------------

IMPOSSIBLE = {
    "filters-0": (lambda: Conv2D(0, 3), ValueError, "filters must be a positive"),
    "kernel-0": (lambda: Conv2D(1, 0), ValueError, "kernel_size must be a positive"),
    "kernel-3d": (lambda: Conv2D(1, (1, 2, 3)), ValueError, "one or two"),
    "padding": (lambda: Conv2D(1, 3, padding="full"), ValueError, '"valid" or "same"'),
    "causal-images": (
        lambda: Conv2D(1, 3, padding="causal"),
        *(ValueError, '"valid" or "same", got \'causal\''),
    ),
    "causal-transposed": (
        lambda: Conv1DTranspose(1, 3, padding="causal"),
        *(ValueError, '"valid" or "same", got \'causal\''),
    ),
    "kernel-2d-of-sequences": (
        lambda: Conv1D(1, (3, 3)),
        *(ValueError, r"kernel_size must be one whole number, got \(3, 3\)"),
    ),
    "groups-1d": (lambda: Conv1D(3, 3, groups=2), ValueError, "multiple of groups"),
    "output-padding": (
        lambda: Conv2DTranspose(1, 3, 2, output_padding=2),
        *(ValueError, r"below strides, got output_padding=2 and strides=\(2"),
    ),
    "output-padding-negative": (
        lambda: Conv1DTranspose(1, 3, 2, output_padding=-1),
        *(ValueError, "output_padding must be a whole number, not negative"),
    ),
    "multiplier": (
        lambda: DepthwiseConv2D(3, depth_multiplier=0),
        *(ValueError, "depth_multiplier must be a positive whole number, got 0"),
    ),
    "multiplier-separable": (
        lambda: SeparableConv2D(2, 3, depth_multiplier=1.5),
        *(TypeError, "depth_multiplier must be a positive whole number, got 1.5"),
    ),
    "filters-of-depthwise": (
        lambda: DepthwiseConv2D(3, filters=2),
        *(TypeError, "filters"),
    ),
    "pool-size": (lambda: AveragePooling2D(None), TypeError, "pool_size"),
    "pool-size-0": (lambda: AveragePooling1D(0), ValueError, "pool_size must be a pos"),
    "keepdims": (
        lambda: GlobalMaxPooling2D(keepdims="yes"),
        *(TypeError, "keepdims must be True or False, got 'yes'"),
    ),
    "data-format": (
        lambda: GlobalAveragePooling2D(data_format="first"),
        *(ValueError, "data_format must be \"channels_last\" or .*, got 'first'"),
    ),
    "groups": (lambda: Conv2D(3, 3, groups=2), ValueError, "multiple of groups"),
    "unknown-argument": (
        lambda: Conv2D(1, 3, groups_of=2),
        TypeError,
        "groups_of",
    ),
    "units-0": (lambda: Dense(0), ValueError, "units must be a positive"),
    "units-2.5": (lambda: Dense(2.5), TypeError, "units must be a positive whole"),
    "activation": (lambda: Dense(2, "rleu"), ValueError, "did you mean 'relu'"),
    "initializer": (
        lambda: Dense(2, kernel_initializer="he_norml"),
        ValueError,
        "did you mean 'he_normal'",
    ),
    "rate": (lambda: Dropout(1.5), ValueError, "rate must be at most 1 and"),
    "slope": (lambda: ReLU(negative_slope=-1), ValueError, "finite and not negative"),
    "momentum": (lambda: BatchNormalization(momentum=2), ValueError, "momentum"),
    "momentum-text": (
        lambda: BatchNormalization(momentum="high"),
        *(TypeError, "momentum must be a number, got 'high'"),
    ),
    "epsilon": (lambda: BatchNormalization(epsilon=None), TypeError, "a number, got N"),
    "rate-text": (lambda: Dropout("half"), TypeError, "rate must be a number, got 'h"),
    "rate-bool": (lambda: Dropout(True), TypeError, "rate must be a number, got True"),
    "scale": (
        lambda: Rescaling("1/255"),
        *(TypeError, "scale must be a number, got '1/255'"),
    ),
    "offset": (lambda: Rescaling(1, None), TypeError, "offset must be a number, got N"),
    "ceiling": (
        lambda: ReLU("six"),
        TypeError,
        "max_value must be a number, got 'six'",
    ),
    "target-number": (lambda: Reshape(4), TypeError, "must be a tuple such as"),
    "target-two": (lambda: Reshape((-1, 2, -1)), ValueError, "one of which may be -1"),
    "target-0": (lambda: Reshape((0, 2)), ValueError, "positive whole numbers, one"),
    "target-float": (lambda: Reshape((2.0,)), TypeError, "each size of target_shape m"),
    "dims-from-0": (lambda: Permute((0, 1)), ValueError, "of the axes 1 to 2, "),
    "dims-twice": (lambda: Permute((1, 1)), ValueError, r"got \(1, 1\)"),
    "dims-number": (lambda: Permute(1), TypeError, "must be a tuple such as"),
    "n": (lambda: RepeatVector(0), ValueError, "n must be a positive whole number"),
    "padding-negative": (lambda: ZeroPadding2D(-1), ValueError, "padding must be a wh"),
    "padding-three": (lambda: ZeroPadding2D((1, 2, 3)), ValueError, "each of 2 axes"),
    "padding-triple": (
        lambda: ZeroPadding2D(((1, 2, 3), 1)),
        ValueError,
        r"padding must hold pairs \(before, after\)",
    ),
    "padding-1d": (lambda: ZeroPadding1D((1, 2, 3)), ValueError, "must hold pairs"),
    "cropping-text": (lambda: Cropping1D("1"), TypeError, "cropping must be a whole"),
    "size": (lambda: UpSampling2D(0), ValueError, "size must be a positive"),
    "interpolation": (
        lambda: UpSampling2D(2, interpolation="bilinaer"),
        ValueError,
        "did you mean 'bilinear'",
    ),
    "lanczos": (
        lambda: Resizing(2, 2, "lanczos3"),
        ValueError,
        "There are: bicubic, bilinear, nearest",
    ),
    "both-ratios": (
        lambda: Resizing(2, 2, "nearest", True, True),
        ValueError,
        "cannot both be True",
    ),
    "fill-mode": (
        lambda: Resizing(2, 2, fill_mode="reflect"),
        ValueError,
        "There are: constant",
    ),
    "antialias": (lambda: Resizing(2, 2, antialias=None), TypeError, "antialias"),
    "height": (lambda: CenterCrop(0, 2), ValueError, "height must be a positive"),
    "width": (lambda: RandomCrop(2, None), TypeError, "width must be a positive"),
    "function": (
        lambda: Dense(2, np.spacing),
        *(TypeError, "'spacing' must be .* can be differentiated: np.spacing has no"),
    ),
    "noise-shape": (
        lambda: Dropout(0.5, 3),
        *(TypeError, "noise_shape must be a list of whole numbers"),
    ),
    "noise-shape-0": (lambda: Dropout(0.5, (None, 0)), ValueError, "of noise_shape"),
    "gaussian-rate": (lambda: GaussianDropout(1.0), ValueError, "rate must be below 1"),
    "alpha-rate": (lambda: AlphaDropout(1), ValueError, "rate must be below 1"),
    "penalty": (lambda: ActivityRegularization(l2=-1), ValueError, "l2 must be finite"),
    "alpha": (lambda: ELU(-1), ValueError, "alpha must be finite and not negative"),
    "groups-of-channels": (lambda: GroupNormalization(0), ValueError, "groups must be"),
    "axis": (lambda: LayerNormalization(1.5), TypeError, "axis must be a whole number"),
    "no-axis": (lambda: UnitNormalization([]), ValueError, "an axis or a list"),
    "ceiling-nan": (lambda: ReLU(np.nan), ValueError, "max_value must be finite and"),
}


@pytest.mark.parametrize("make, error, text", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_impossible_arguments(make, error, text):
    with pytest.raises(error, match=text):
        make()


UNFIT = {
    "conv-rank": (lambda: Conv2D(1, 3), (4, 4), "takes images of shape"),
    "conv-window": (lambda: Conv2D(1, 5), (4, 4, 1), "does not fit images of 4x4"),
    "conv-groups": (
        lambda: Conv2D(2, 1, groups=2),
        (4, 4, 3),
        "be divided into 2",
    ),
    "pool-window": (lambda: MaxPool(5), (4, 4, 1), "does not fit images of 4x4"),
    "pool-rank": (lambda: MaxPool(2), (4,), "takes images of shape"),
    "conv1d-rank": (
        lambda: Conv1D(1, 3),
        (4, 4, 1),
        r"takes sequences of shape \(N, L, C\), got \(N, 4, 4, 1\)",
    ),
    "conv1d-window": (
        lambda: Conv1D(1, 3, dilation_rate=2),
        (4, 1),
        "a window of 5 steps .* does not fit sequences of 4 steps",
    ),
    "transpose-rank": (lambda: Conv2DTranspose(1, 3), (4, 1), "takes images of shape"),
    "transpose-empty": (
        lambda: Conv2DTranspose(1, (3, 2), 2, "same", 0),
        (4, 1, 2),
        "y would be empty along axis 2, for size 1 of x",
    ),
    "depthwise-rank": (lambda: DepthwiseConv2D(3), (), "takes images of shape"),
    "depthwise-window": (lambda: DepthwiseConv1D(5), (4, 2), "does not fit sequences"),
    "separable-rank": (lambda: SeparableConv1D(1, 3), (4,), "takes sequences of shape"),
    "separable-window": (
        lambda: SeparableConv2D(1, 5),
        (4, 4, 1),
        "does not fit images of 4x4",
    ),
    "pool1d-rank": (MaxPooling1D, (4, 4, 1), "takes sequences of shape"),
    "average-window": (lambda: AveragePooling2D(5), (4, 4, 1), "does not fit images"),
    "global-rank": (GlobalAveragePooling2D, (4, 1), "takes images of shape"),
    "global1d-rank": (GlobalMaxPooling1D, (4,), "takes sequences of shape"),
    "dense-rank": (lambda: Dense(2), (), r"takes x of shape \(N, ..., K\)"),
    "reshape": (
        lambda: Reshape((4, 4)),
        (5, 3),
        r"x \(N, 5, 3\) to \(N, 4, 4\): expected 16 numbers in .* got 15",
    ),
    "reshape-rest": (lambda: Reshape((4, -1)), (5, 3), "expected a multiple of 4"),
    "permute": (lambda: Permute((2, 1)), (4, 4, 3), "takes x of 3 axes, "),
    "repeat": (lambda: RepeatVector(2), (4, 4), r"takes x of shape \(N, K\), got"),
    "padding-rank": (lambda: ZeroPadding2D(), (4, 4), "takes images of shape"),
    "padding-1d-rank": (lambda: ZeroPadding1D(), (4,), "takes sequences of shape"),
    "cropping": (
        lambda: Cropping2D(((2, 2), 0)),
        (4, 4, 1),
        r"leaves nothing of x \(N, 4, 4, 1\): its cropping is \(\(2, 2\), \(0, 0\)\)",
    ),
    "up-sampling-rank": (lambda: UpSampling2D(), (4, 4), "takes images of shape"),
    "up-sampling-1d": (lambda: UpSampling1D(), (4,), "takes sequences of shape"),
    "resizing-rank": (lambda: Resizing(2, 2), (4, 4), "takes images of shape"),
    "center-crop-rank": (lambda: CenterCrop(2, 2), (4, 4), "takes images of shape"),
    "random-crop-rank": (lambda: RandomCrop(2, 2), (4, 4), "takes images of shape"),
    "noise-shape": (
        *(lambda: Dropout(0.5, (None, 2)), (3,)),
        r"noise_shape \(None, 2\) does not fit x of shape \(N, 3\)",
    ),
    "noise-rank": (lambda: Dropout(0.5, (1,)), (3,), "does not fit x of shape"),
    "spatial-rank": (lambda: SpatialDropout2D(0.5), (4, 3), r"takes x of shape \(N, H"),
    "channels": (lambda: GroupNormalization(), (4, 4, 48), "cannot be divided into 32"),
    "layer-axis": (lambda: LayerNormalization(3), (4,), "axis must be .*got 3"),
    "axis-twice": (
        lambda: LayerNormalization([1, -1]),
        (4,),
        "names an axis of",
    ),
    "unit-batch-axis": (lambda: UnitNormalization(0), (4,), "axis must be .*got 0"),
    "prelu-axis": (lambda: PReLU(shared_axes=2), (4,), "axis must be .*got 2"),
    "softmax-axis": (lambda: Softmax(3), (4,), "axis must be .*got 3"),
    "softmax-batch-axis": (lambda: Softmax(0), (4,), "axis must be .*got 0"),
}


@pytest.mark.parametrize("make, shape, text", UNFIT.values(), ids=UNFIT)
def test_inputs_that_do_not_fit(make, shape, text):
    with pytest.raises(ValueError, match=text):
        make().build(shape, np.random.default_rng(0), np.float32)


def test_another_shape_than_built_for():
    layer, _ = built(lambda: Conv2D(1, 3), np.zeros((1, 8, 8, 3)))
    with pytest.raises(ValueError, match=r"built for x of shape \(N, 8, 8, 3\), got"):
        layer.forward(np.zeros((2, 8, 8, 1)))
    with pytest.raises(ValueError, match="forget the batch axis"):
        layer.forward(np.zeros((8, 8, 3)))
    with pytest.raises(TypeError, match="real numbers, got dtype complex"):
        layer.forward(np.zeros((2, 8, 8, 3), complex))


def test_not_built():
    with pytest.raises(RuntimeError, match="is not built"):
        Dense(2).forward(np.zeros((1, 2)))


def test_as_many_axes_as_arrays_have():
    assert Flatten()(np.ones((1,) * 32)).shape == (1, 1)
    with pytest.raises(
        ValueError, match="a shape must have at most 31 axes, without the batch"
    ):
        Flatten().build((1,) * 32, np.random.default_rng(0), np.float32)


def test_parameters_decide_the_dtype_where_there_are_some():
    """What has none computes in that of x."""
    dense, rescaling = Dense(2), Rescaling(2)
    for layer in (dense, rescaling):
        layer.build((3,), np.random.default_rng(0), np.float32)
    x = np.ones((2, 3), np.float64)
    assert (dense(x).dtype, rescaling(x).dtype) == (np.float32, np.float64)


def test_keras_build_and_compute_output_shape():
    """Keras's shapes have the batch axis; the second layer has two inputs."""
    dense = Dense(3)
    assert dense.compute_output_shape((None, 4)) == (None, 3)
    assert dense.params == {}
    dense.build((None, 4))
    assert dense.kernel.shape == (4, 3) and dense.kernel.dtype == np.float32
    kernel = dense.kernel.copy()
    assert dense.compute_output_shape((5, 7)) == (5, 3)
    np.testing.assert_array_equal(dense.kernel, kernel)
    pair = layers.Concatenate()
    assert pair.compute_output_shape([(2, 3), (2, 4)]) == (2, 7)
    pair.build([(None, 3), (None, 4)])
    assert pair.input_shape == ((3,), (4,))
    with pytest.raises(ValueError, match="does not fit images of 4x4 pixels"):
        Conv2D(3, 9).compute_output_shape((None, 4, 4, 1))
