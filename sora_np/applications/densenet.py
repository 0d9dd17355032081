"""DenseNet: every layer takes the outputs of all earlier layers in its block."""

from collections.abc import Sequence
from typing import Any

from sora_np.layers import (
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    Input,
    ReLU,
)
from sora_np.models import Model


def densenet(
    input_shape: Sequence[int],
    classes: int,
    depth: int = 40,
    growth: int = 12,
    bottleneck: bool = False,
    compression: float = 1.0,
) -> Model:
    """Return a DenseNet of three blocks for small images.

    1.0 million parameters for 32x32x3 and 10 classes, as in the paper; DenseNet-BC,
    ``depth=100, bottleneck=True, compression=0.5``, has 0.8 million.

    Source: Huang, Liu, van der Maaten & Weinberger (2017), arXiv:1608.06993, section 3
    and table 2.

    Parameters
    ----------
    input_shape : (height, width, channels)
    depth : the number of layers with parameters: 3 n + 4, or with bottlenecks 6 n + 4
    growth : the number of channels that each layer adds
    bottleneck : whether each layer begins with a 1x1 convolution of 4 * growth filters
    compression : a transition between blocks multiplies the channels by this

    >>> densenet((32, 32, 3), 10, 10, 4).count_params()
    9066
    """
    step = 6 if bottleneck else 3
    layers, rest = divmod(depth - 4, step)
    if rest or layers < 1:
        raise ValueError(f"depth must be {step} n + 4 for a whole n, got {depth!r}")
    x = inputs = Input(input_shape)
    x = _conv(2 * growth if bottleneck else 16, 3)(x)
    for block in range(3):
        for _ in range(layers):
            y = x
            if bottleneck:
                y = _conv(4 * growth, 1)(_activated(y))
            y = _conv(growth, 3)(_activated(y))
            x = Concatenate()([x, y])
        if block < 2:
            x = _conv(int(compression * x.shape[-1]), 1)(_activated(x))
            x = AveragePooling2D(2)(x)
    x = GlobalAveragePooling2D()(_activated(x))
    return Model(inputs, Dense(classes, "softmax")(x), f"densenet{depth}")


def _activated(x: Any) -> Any:
    return ReLU()(BatchNormalization()(x))


def _conv(filters: int, size: int) -> Conv2D:
    options: Any = {"use_bias": False, "kernel_initializer": "he_normal"}
    return Conv2D(filters, size, padding="same", **options)
