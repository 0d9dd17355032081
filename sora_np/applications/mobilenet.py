"""MobileNet: each convolution is split into one by channel and one across channels."""

from collections.abc import Sequence
from typing import Any

from sora_np.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    Input,
    ReLU,
)
from sora_np.models import Model

# (strides, filters) of the blocks; alpha multiplies the filters
BLOCKS = (
    *((1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512)),
    *((1, 512),) * 5,
    *((2, 1024), (1, 1024)),
)


def mobilenet(
    input_shape: Sequence[int] = (224, 224, 3),
    classes: int = 1000,
    alpha: float = 1.0,
    blocks: Sequence[tuple[int, int]] = BLOCKS,
    first: tuple[int, int] = (2, 32),
    rate: float = 0.001,
) -> Model:
    """Return a MobileNet: blocks of a depthwise 3x3 and a 1x1 convolution.

    With the defaults it has 4,253,864 parameters; in the paper 4.2 million.  For small
    images, use fewer strides of 2: ``first=(1, 32)`` and other ``blocks``.

    Source: Howard et al. (2017), arXiv:1704.04861, table 1.

    Parameters
    ----------
    input_shape : (height, width, channels)
    alpha : the width multiplier, which multiplies the number of filters everywhere
    blocks : (strides, filters) of each block
    first : (strides, filters) of the convolution before the blocks
    rate : the rate of the dropout before the last layer

    >>> mobilenet((32, 32, 3), 10, 0.25).count_params()
    221114
    """
    x = inputs = Input(input_shape)
    strides, filters = first
    x = _normalised(Conv2D(int(alpha * filters), 3, strides, "same", use_bias=False)(x))
    for strides, filters in blocks:
        x = _normalised(DepthwiseConv2D(3, strides, "same", use_bias=False)(x))
        x = _normalised(Conv2D(int(alpha * filters), 1, use_bias=False)(x))
    x = Dropout(rate)(GlobalAveragePooling2D()(x))
    return Model(inputs, Dense(classes, "softmax")(x), "mobilenet")


def _normalised(x: Any) -> Any:
    return ReLU(max_value=6.0)(BatchNormalization()(x))
