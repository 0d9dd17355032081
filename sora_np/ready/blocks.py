"""The parts of the networks in ``networks.py``."""

from collections.abc import Sequence
from typing import Any

from sora_np.layers import (
    Add,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    Dot,
    Dropout,
    Flatten,
    GaussianNoise,
    Input,
    Layer,
    Maximum,
    MaxPooling2D,
    Minimum,
    RandomBrightness,
    RandomContrast,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
    ReLU,
    Rescaling,
)
from sora_np.models import Model


def same(filters: int, size: int = 3, **options: Any) -> Conv2D:
    """Return a convolution whose output is as large as its input."""
    return Conv2D(filters, size, padding="same", **options)


def normalised(filters: int, size: int = 3, **options: Any) -> list[Layer]:
    """Return a convolution, batch normalisation and ReLU."""
    conv = same(filters, size, use_bias=False, **options)
    return [conv, BatchNormalization(), ReLU()]


def separable(channels: int, filters: int, strides: int = 1) -> list[Layer]:
    """Return a convolution of each channel, then a 1 x 1 convolution to all filters."""
    deep = normalised(channels, groups=channels, strides=strides)
    return [*deep, *normalised(filters, 1)]


def doubled(*widths: int, **options: Any) -> list[Layer]:
    """Return two convolutions with ReLU for each width, followed by a pooling."""
    layers: list[Layer] = []
    for width in widths:
        layers += [same(width, activation="relu", **options) for _ in range(2)]
        layers.append(MaxPooling2D())
    return layers


def dense(*units: int, activation: str = "relu", rate: float = 0.0) -> list[Layer]:
    """Return dense layers, the last with softmax, the others with dropout."""
    layers: list[Layer] = [Flatten()]
    for count in units[:-1]:
        layers += [Dense(count, activation), *([Dropout(rate)] if rate else [])]
    return [*layers, Dense(units[-1], "softmax")]


def pyramid(widths: Sequence[int], size: int) -> list[Layer]:
    """Return convolutions with ReLU, each with a pooling, and a dense layer."""
    layers: list[Layer] = []
    for width in widths:
        layers += [same(width, size, activation="relu"), MaxPooling2D()]
    return [*layers, *dense(10)]


def augmented() -> list[Layer]:
    """Return every layer that changes images in training."""
    return [
        *(Rescaling(1 / 255), RandomFlip(), RandomRotation(0.1), RandomZoom(0.2)),
        *(RandomTranslation(0.1, 0.1), RandomShear(0.1), GaussianNoise(0.1)),
        *(RandomBrightness(0.2, (0, 1)), RandomContrast(0.3, (0, 1))),
        RandomErasing(0.5, value_range=(0, 1)),
    ]


def joined() -> Model:
    """Return a graph in which layers with several inputs merge values."""
    x = Input((12,))
    a, b = Dense(16, "relu")(x), Dense(16)(x)
    parts = [Add()([a, b]), Maximum()([a, b]), Minimum()([a, b]), Dot(1)([a, b])]
    total = Add()([a, b, a])
    return Model(x, Dense(3, "softmax")(Concatenate()([*parts, total])))
