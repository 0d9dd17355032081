"""Arrays of every kind, as x, dy, targets and predictions: the same numbers come out.

Kernels check nothing and know one layout, so every door is tried: whatever is handed in
gives what its plain copy gives, and is not changed.
"""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np import losses
from sora_np.layers import (
    ELU,
    Activation,
    ActivityRegularization,
    Add,
    AlphaDropout,
    AveragePooling1D,
    AveragePooling2D,
    BatchNormalization,
    CenterCrop,
    Concatenate,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Dot,
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
    LayerNormalization,
    LeakyReLU,
    Maximum,
    MaxPool,
    MaxPooling1D,
    MinMaxScaling,
    Multiply,
    Normalization,
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
    ZeroPadding2D,
)


def read_only(x, folder):
    x = x.copy()
    x.flags.writeable = False
    return x


def memory_mapped(x, folder):
    np.save(folder / "x.npy", x)
    return np.load(folder / "x.npy", mmap_mode="r")


def unaligned(x, folder):
    y = np.zeros(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    y[...] = x
    return y


KINDS = {  # of small whole numbers
    "fortran": lambda x, _: np.asfortranarray(x),
    "negative-strides": lambda x, _: x[::-1, ..., ::-1].copy()[::-1, ..., ::-1],
    "every-second": lambda x, _: np.repeat(x, 2, axis=-1)[..., ::2],
    "axes-swapped": lambda x, _: np.swapaxes(np.swapaxes(x, 0, -1).copy(), 0, -1),
    "read-only": read_only,
    "memory-mapped": memory_mapped,
    "unaligned": unaligned,
    "big-endian": lambda x, _: x.astype(x.dtype.newbyteorder(">")),
    "float64": lambda x, _: x.astype(np.float64),
    "float16": lambda x, _: x.astype(np.float16),
    "longdouble": lambda x, _: x.astype(np.longdouble),
    "int64": lambda x, _: x.astype(np.int64),
    "uint8": lambda x, _: x.astype(np.uint8),
    "big-endian-int": lambda x, _: x.astype(">i2"),
    "list": lambda x, _: x.tolist(),
}
LAYERS = {  # one for every kernel
    "conv2d": (lambda: Conv2D(3, 2), (3, 4, 5, 2)),
    "conv2d-same": (lambda: Conv2D(3, 3, 2, "same", activation="relu"), (3, 4, 5, 2)),
    "conv2d-winograd": (lambda: Conv2D(16, 3, padding="same"), (4, 8, 8, 16)),
    "conv2d-depthwise": (lambda: Conv2D(4, 3, groups=4), (3, 4, 5, 4)),
    "conv1d": (lambda: Conv1D(3, 2, 1, "causal", activation="relu"), (3, 5, 2)),
    "conv1d-transpose": (lambda: Conv1DTranspose(3, 3, 2, "same"), (3, 4, 2)),
    "conv2d-transpose": (lambda: Conv2DTranspose(3, 3, 2), (3, 4, 5, 2)),
    "depthwise1d": (lambda: DepthwiseConv1D(3), (3, 5, 2)),
    "depthwise2d": (lambda: DepthwiseConv2D(2, 1, "same", 2), (3, 4, 5, 2)),
    "separable1d": (lambda: SeparableConv1D(3, 2), (3, 5, 2)),
    "separable2d": (lambda: SeparableConv2D(3, 2, activation="relu"), (3, 4, 5, 2)),
    "max-pool": (lambda: MaxPool(2), (3, 4, 5, 2)),
    "max-pool1d": (MaxPooling1D, (3, 5, 2)),
    "average-pool": (lambda: AveragePooling2D(3, 2, "same"), (3, 4, 5, 2)),
    "average-pool1d": (lambda: AveragePooling1D(2), (3, 5, 2)),
    "global-average": (GlobalAveragePooling2D, (3, 4, 5, 2)),
    "global-average1d": (GlobalAveragePooling1D, (3, 5, 2)),
    "global-max": (GlobalMaxPooling2D, (3, 4, 5, 2)),
    "global-max1d": (GlobalMaxPooling1D, (3, 5, 2)),
    "dense": (lambda: Dense(3, "sigmoid"), (3, 5)),
    "relu": (lambda: ReLU(6, 0.5, 1), (3, 5)),
    "sigmoid": (Sigmoid, (3, 5)),
    "softmax": (lambda: Softmax(1), (3, 5, 2)),
    "activation-tanh": (lambda: Activation("tanh"), (3, 5)),
    "batch-normalization": (BatchNormalization, (3, 4, 2)),
    "dropout": (lambda: Dropout(0.5), (3, 5)),
    "activation-gelu": (lambda: Activation("gelu"), (3, 5)),
    "leaky-relu": (LeakyReLU, (3, 5)),
    "elu": (ELU, (3, 5)),
    "prelu": (lambda: PReLU("ones", shared_axes=1), (3, 4, 2)),
    "layer-normalization": (LayerNormalization, (3, 4, 2)),
    "layer-normalization-axis": (lambda: LayerNormalization(1), (3, 4, 2)),
    "rms-normalization": (RMSNormalization, (3, 4, 2)),
    "group-normalization": (lambda: GroupNormalization(2), (3, 5, 4)),
    "unit-normalization": (UnitNormalization, (3, 4)),
    "spatial-dropout-1d": (lambda: SpatialDropout1D(0.5), (3, 4, 5)),
    "spatial-dropout-2d": (lambda: SpatialDropout2D(0.5), (3, 4, 2, 5)),
    "gaussian-dropout": (lambda: GaussianDropout(0.5), (3, 5)),
    "alpha-dropout": (lambda: AlphaDropout(0.5), (3, 5)),
    "activity-regularization": (lambda: ActivityRegularization(0.1, 0.2), (3, 4, 2)),
    "flatten": (Flatten, (3, 4, 2)),
    "rescaling": (lambda: Rescaling(1 / 8), (3, 4, 2)),
    "normalization": (lambda: Normalization(-1, [1, 2], [0.5, 4]), (3, 4, 2)),
    "min-max-scaling": (lambda: MinMaxScaling(None, -2, 3), (3, 4)),
    "gaussian-noise": (lambda: GaussianNoise(0.3), (3, 5)),
    "random-brightness": (lambda: RandomBrightness(0.2, (0, 8)), (3, 4, 5)),
    "random-contrast": (lambda: RandomContrast(0.5, (0, 8)), (3, 4, 5, 2)),
    "random-erasing": (RandomErasing, (4, 5, 4, 2)),
    "random-flip": (RandomFlip, (4, 3, 4, 2)),
    "random-rotation": (lambda: RandomRotation(0.4), (3, 4, 5, 2)),
    "random-shear": (lambda: RandomShear(0.4, 0.3), (3, 4, 5, 2)),
    "random-translation": (lambda: RandomTranslation(0.9, 0.4), (3, 4, 5, 2)),
    "random-zoom": (lambda: RandomZoom(0.5, 0.2), (3, 4, 5, 2)),
    "random-crop": (lambda: RandomCrop(2, 3), (3, 4, 5, 2)),
    "center-crop": (lambda: CenterCrop(2, 3), (3, 4, 5, 2)),
    "resizing": (lambda: Resizing(6, 3), (3, 4, 5, 2)),
    "reshape": (lambda: Reshape((-1, 2)), (3, 4, 5)),
    "permute": (lambda: Permute((2, 1)), (3, 4, 5)),
    "repeat-vector": (lambda: RepeatVector(2), (3, 5)),
    "zero-padding-2d": (ZeroPadding2D, (3, 4, 5, 2)),
    "cropping-2d": (lambda: Cropping2D(1), (3, 4, 5, 2)),
    "up-sampling-1d": (UpSampling1D, (3, 4, 2)),
    "up-sampling-2d": (UpSampling2D, (3, 4, 5, 2)),
    "lambda": (
        lambda: Lambda(lambda x: x * x, gradient=lambda dy, x, y: 2 * x * dy),
        (3, 4),
    ),
    "identity": (Identity, (3, 4)),
    "input": (lambda: InputLayer((4, 2)), (3, 4, 2)),
}


def plain(a):
    """Return the same numbers as kernels take them: float64 stays, others float32."""
    a = np.asarray(a)
    return a.astype(np.float64 if a.dtype == np.float64 else np.float32, order="C")


def passes(make, x, dy):
    layer = make()
    layer.build(np.shape(x)[1:], np.random.default_rng(1), np.float32)
    y = layer.forward(x, training=True)
    return y, layer.backward(dy), *layer.grads.values()


@pytest.mark.parametrize("convert", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("make, shape", LAYERS.values(), ids=LAYERS)
def test_layers(make, shape, convert, rng, tmp_path):
    x = rng.integers(0, 9, shape).astype(np.float32)
    y = make()(x)
    dy = rng.integers(0, 5, y.shape).astype(np.float32)
    (tmp_path / "dy").mkdir()
    given = convert(x, tmp_path), convert(dy, tmp_path / "dy")
    before = [np.array(a) for a in given]
    plainly = passes(make, *map(plain, given))
    for actual, expected in zip(passes(make, *given), plainly, strict=True):
        assert_array_equal(actual, expected)
    for a, kept in zip(given, before, strict=True):
        assert_array_equal(np.array(a), kept, "what was given was changed")


MERGES = {  # one for every kernel
    "add": Add,
    "maximum": Maximum,
    "multiply": Multiply,
    "concatenate": Concatenate,
    "dot": lambda: Dot(-1),
}


@pytest.mark.parametrize("convert", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("make", MERGES.values(), ids=MERGES)
def test_layers_of_several_inputs(make, convert, rng, tmp_path):
    """A plain array beside one of another kind."""
    xs = rng.integers(0, 9, (2, 3, 4, 5)).astype(np.float32)
    dy = make()([*xs])
    (tmp_path / "dy").mkdir()
    given = convert(xs[1], tmp_path), convert(dy, tmp_path / "dy")
    before = [np.array(a) for a in given]

    def passes(x, dy):
        layer = make()
        y = layer([xs[0], x], training=True)
        return y, *layer.backward(dy)

    expected = passes(*map(plain, given))
    for actual, wanted in zip(passes(*given), expected, strict=True):
        assert actual.dtype == wanted.dtype
        assert_array_equal(actual, wanted)
    for a, kept in zip(given, before, strict=True):
        assert_array_equal(np.array(a), kept, "what was given was changed")


LOSSES = {
    "mse": losses.MeanSquaredError(),
    "mae": losses.MeanAbsoluteError(),
    "mape": losses.MeanAbsolutePercentageError(),
    "msle": losses.MeanSquaredLogarithmicError(),
    "huber": losses.Huber(0.5),
    "log-cosh": losses.LogCosh(),
    "poisson": losses.Poisson(),
    "hinge": losses.Hinge(),
    "squared-hinge": losses.SquaredHinge(),
    "categorical-hinge": losses.CategoricalHinge(),
    "cosine": losses.CosineSimilarity(),
    "focal": losses.BinaryFocalCrossentropy(from_logits=True),
    "focal-categorical": losses.CategoricalFocalCrossentropy(),
    "dice": losses.Dice(axis=-1),
    "tversky": losses.Tversky(axis=-1),
    "kld": losses.KLDivergence(),
    "bce": losses.BinaryCrossentropy(),
    "bce-logits": losses.BinaryCrossentropy(True),
    "ce": losses.CategoricalCrossentropy(),
    "ce-logits": losses.CategoricalCrossentropy(True),
    "ce-axis": losses.CategoricalCrossentropy(True, axis=1),
    "sparse": losses.SparseCategoricalCrossentropy(True),
    "sparse-ignore": losses.SparseCategoricalCrossentropy(True, 1),
}


@pytest.mark.parametrize("convert", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_losses(loss, convert, rng, tmp_path):
    y_pred = rng.integers(0, 2, (4, 3, 3)).astype(np.float32)
    y_pred[..., 0] = 1  # so that no row sums to 0
    y_true = np.eye(3, dtype=np.float32)[rng.integers(0, 3, (4, 3))]
    if isinstance(loss, losses.SparseCategoricalCrossentropy):
        y_true = y_true.argmax(axis=-1)
    weights = rng.integers(0, 3, (4, 3)).astype(np.float32)
    given = []
    for name, array in (("t", y_true), ("p", y_pred), ("w", weights)):
        (tmp_path / name).mkdir()
        given.append(convert(array, tmp_path / name))
    actual = loss.value_and_gradient(*given)
    expected = loss.value_and_gradient(*map(plain, given))
    assert actual[0] == expected[0]
    assert_array_equal(actual[1], expected[1])
