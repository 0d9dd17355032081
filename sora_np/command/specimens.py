"""Small networks that contain every type of layer, for ``sora-np gradcheck``.

One network alone proves little: a dilation that is taken for a stride, or a penalty
without its factor 2, changes nothing where there is neither.  Here is each option of
each layer that has a gradient of its own, both where the plan fuses it with its
neighbours and where it does not, behind a layer with weights, so that dx is computed.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np import losses
from sora_np.layers import (
    ELU,
    Activation,
    AlphaDropout,
    AveragePooling1D,
    AveragePooling2D,
    BatchNormalization,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GroupNormalization,
    Lambda,
    Layer,
    LayerNormalization,
    LeakyReLU,
    MaxPooling1D,
    MaxPooling2D,
    MinMaxScaling,
    Normalization,
    Permute,
    PReLU,
    RandomBrightness,
    RandomContrast,
    RandomCrop,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomZoom,
    ReLU,
    Rescaling,
    Reshape,
    Resizing,
    RMSNormalization,
    SeparableConv2D,
    Sigmoid,
    Softmax,
    SpatialDropout2D,
    UnitNormalization,
    UpSampling2D,
    ZeroPadding2D,
)
from sora_np.losses import Loss
from sora_np.models import Sequential
from sora_np.regularizers import L1L2, L2

SAMPLES = 5  # of a batch: no other size in the networks is 5, to recognise means


class Specimen(NamedTuple):
    """A compiled float64 model, and a batch for it.

    Attributes
    ----------
    model, x, y, weights : as ``gradcheck.check_model`` takes them
    """

    model: Sequential
    x: NDArray[Any]
    y: NDArray[Any]
    weights: NDArray[Any]


def specimens(seed: int = 0) -> list[Specimen]:
    """Return the networks, with random weights, states and batches.

    >>> " ".join(specimen.model.name for specimen in specimens())
    'windows pictures rows bits sequences shapes mobile signals smooth'
    """
    windows = [
        Conv2D(4, 3, padding="same", activation="tanh", kernel_regularizer=L2(0.3)),
        Conv2D(4, (3, 2), dilation_rate=(2, 3), padding="same", bias_regularizer="l2"),
        *(BatchNormalization(), ReLU(), Dropout(0.3)),
        Conv2D(6, (2, 3), strides=(2, 1), padding="same", groups=2),
        *(ReLU(negative_slope=0.3), MaxPooling2D(3, strides=2, padding="same")),
        *(Conv2D(3, 4, padding="same", activation="relu"), MaxPooling2D(2)),
        *(Flatten(), Dense(7, "relu", kernel_regularizer=L1L2(0.1, 0.2))),
        *(Dropout(0.5), Dense(3, "softmax")),
    ]
    pictures = [
        *(Rescaling(0.5, 0.1), RandomFlip(), RandomRotation(0.1), RandomZoom(0.2)),
        *(RandomBrightness(0.2, (-3, 3)), RandomContrast(0.3, (-3, 3))),
        *(RandomErasing(0.5, fill_value=0.1), GaussianNoise(0.1)),
        Conv2D(2, 3, strides=(2, 3), activation="sigmoid", use_bias=False),
        Conv2D(6, 2, dilation_rate=2, groups=2, padding="same", activation="relu"),
        *(
            BatchNormalization(1, momentum=0.8, gamma_regularizer="l2"),
            Activation("tanh"),
        ),
        *(Conv2D(4, 3, padding="same", activation="relu"), MaxPooling2D((2, 1), 1)),
        *(Flatten(), Dense(4), Softmax()),
    ]
    rows = [
        *(Normalization(mean=0.2, variance=2.0), Dense(8, use_bias=False)),
        *(BatchNormalization(momentum=0.6, epsilon=0.01), Activation("relu")),
        *(Dense(6, "sigmoid"), BatchNormalization(center=False, scale=False)),
        *(Dropout(0.4), ReLU(max_value=1.5, threshold=0.1), Dense(2)),
    ]
    bits = [
        *(MinMaxScaling(minimum=-3.0, maximum=3.0), Dense(6, "tanh")),
        *(BatchNormalization(), Dense(3, kernel_regularizer=L1L2(0.1, 0.3)), Sigmoid()),
    ]
    sequences = [
        Dense(4, "relu"),
        Softmax(1),
        BatchNormalization(),
        Dense(3, "softmax"),
    ]
    shapes = [
        *(Conv2D(3, 2), RandomCrop(5, 7), ZeroPadding2D(((1, 0), (0, 2)))),
        *(UpSampling2D((1, 2), interpolation="bilinear"), BatchNormalization()),
        *(Cropping2D(((0, 1), (2, 0))), UpSampling2D((2, 1)), Resizing(4, 6)),
        *(Permute((2, 1, 3)), Reshape((8, -1)), Lambda(_cube, gradient=_cube_dx)),
        *(Flatten(), Dense(4, "softmax")),
    ]
    mobile = [
        Conv2D(3, (2, 3), strides=(1, 2), dilation_rate=(2, 1), activation="tanh"),
        DepthwiseConv2D(3, 2, "same", 2, activation="relu", depthwise_regularizer="l2"),
        *(BatchNormalization(), AveragePooling2D(3, 2, padding="same")),
        Conv2DTranspose(4, (3, 2), (2, 3), "same", (1, 0), activation="tanh"),
        SeparableConv2D(
            *(5, 2), dilation_rate=2, activation="sigmoid", pointwise_regularizer="l1"
        ),
        *(GlobalAveragePooling2D(), Dense(4, "softmax")),
    ]
    signals = [
        Conv1D(4, 3, 2, "causal", groups=2, activation="relu", kernel_regularizer="l2"),
        *(MaxPooling1D(3, 2, "same"), BatchNormalization()),
        Conv1DTranspose(3, 4, 2, "same", use_bias=False),
        *(AveragePooling1D(2), Conv1D(4, 2, dilation_rate=2, activation="tanh")),
        *(GlobalMaxPooling1D(), Dense(2)),
    ]
    smooth = [
        *(Conv2D(4, 3, padding="same", activation="gelu"), GroupNormalization(2)),
        *(SpatialDropout2D(0.3), Conv2D(6, 2, activation="silu"), BatchNormalization()),
        *(PReLU(shared_axes=(1, 2)), LayerNormalization([1, -1]), LeakyReLU()),
        *(Flatten(), Dense(7, "mish"), RMSNormalization(), AlphaDropout(0.2), ELU(0.7)),
        *(Dense(6, "selu"), GaussianDropout(0.2), UnitNormalization()),
        *(Dense(5, "hard_silu"), Activation("log_softmax"), Dense(2, "softplus")),
    ]
    one_hot = losses.CategoricalCrossentropy(label_smoothing=0.2)
    binary = losses.BinaryCrossentropy(label_smoothing=0.2)
    rng = np.random.default_rng(seed)
    some = (SAMPLES,)
    classes = np.eye(4)[rng.integers(0, 4, some)]
    return [
        _made(
            *("windows", (10, 9, 2), windows, one_hot),
            *(np.eye(3)[classes.argmax(axis=1) % 3], rng),
        ),
        _made(
            *("pictures", (9, 11, 3), pictures, losses.SparseCategoricalCrossentropy()),
            *(classes.argmax(axis=1), rng),
        ),
        _made("rows", (4,), rows, losses.Huber(0.5), rng.standard_normal((5, 2)), rng),
        _made(
            *("bits", (6,), bits, binary),
            *(rng.integers(0, 2, (5, 3)), rng),
        ),
        _made(
            *("sequences", (6, 2), sequences, losses.SparseCategoricalCrossentropy()),
            *(rng.integers(0, 3, (5, 6)), rng),
        ),
        _made(
            *("shapes", (7, 9, 2), shapes, losses.SparseCategoricalCrossentropy()),
            *(classes.argmax(axis=1), rng),
        ),
        _made(
            *("mobile", (13, 15, 2), mobile, losses.SparseCategoricalCrossentropy()),
            *(classes.argmax(axis=1), rng),
        ),
        _made(
            *("signals", (20, 2), signals, losses.MeanSquaredError()),
            *(rng.standard_normal((5, 2)), rng),
        ),
        _made(
            *("smooth", (5, 6, 3), smooth, losses.Huber(0.5)),
            *(rng.standard_normal((5, 2)), rng),
        ),
    ]


def _cube(x: NDArray[Any]) -> NDArray[Any]:
    return x**3


def _cube_dx(dy: NDArray[Any], x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    return 3 * x**2 * dy


def losses_alone(seed: int = 0) -> list[tuple[Loss, NDArray[Any], NDArray[Any]]]:
    """Return every loss with targets and predictions of 5 samples and 3 classes.

    A network ends in logits as it trains (``engine/head.py``), and so sees only a part.

    >>> len(losses_alone())
    23
    """
    rng = np.random.default_rng(seed)
    wide: list[Loss] = [
        # of samples with weights, of which the whole batch would have one loss
        cls(axis=-1) if cls in (losses.Dice, losses.Tversky) else cls()
        for cls in dict.fromkeys(losses.CLASSES.values())
    ]
    crossentropies = losses.CategoricalCrossentropy, losses.BinaryCrossentropy
    wide += [cls(label_smoothing=0.2) for cls in crossentropies]
    wide += [cls(from_logits=True, label_smoothing=0.2) for cls in crossentropies]
    found = []
    for loss in wide:
        y: NDArray[Any] = rng.uniform(0.1, 0.9, (SAMPLES, 3))
        if isinstance(loss, losses.SparseCategoricalCrossentropy):
            y = rng.integers(0, 3, SAMPLES)
        elif isinstance(loss, losses.Hinge):
            y = rng.integers(0, 2, (SAMPLES, 3))
        elif isinstance(loss, losses.CategoricalCrossentropy):
            y = np.eye(3)[rng.integers(0, 3, SAMPLES)]
        found.append((loss, y, rng.uniform(0.1, 0.9, (SAMPLES, 3))))
    return found


def _made(
    name: str,
    shape: tuple[int, ...],
    layers: Sequence[Layer],
    loss: Loss,
    y: NDArray[Any],
    rng: np.random.Generator,
) -> Specimen:
    """Return a network without numbers 0 and 1, which would hide mistakes."""
    seed = int(rng.integers(2**31))
    model = Sequential(layers, name=name, seed=seed, dtype="float64")
    model.build((None, *shape))
    for layer in model.layers:
        for key in ("bias", "beta", "gamma"):
            if key in layer.params:
                layer.params[key] = rng.uniform(0.2, 1.2, layer.params[key].shape)
        for key in ("moving_mean", "moving_variance"):
            if key in layer.state:
                layer.state[key] = rng.uniform(0.5, 1.5, layer.state[key].shape)
    model.compile("sgd", loss)
    x = rng.standard_normal((SAMPLES, *shape))
    return Specimen(model, x, y, rng.uniform(0.5, 2, SAMPLES))
