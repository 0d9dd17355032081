"""Residual networks for small images, in two versions."""

from collections.abc import Sequence
from typing import Any

from sora_np.layers import (
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    Input,
    ReLU,
)
from sora_np.models import Model
from sora_np.regularizers import L2


def resnet(
    input_shape: Sequence[int],
    classes: int,
    blocks: int = 3,
    version: int = 1,
    filters: int = 16,
    l2: float = 0.0,
    seed: int = 0,
) -> Model:
    """Return the residual network of 6 * blocks + 2 layers for small images.

    There are three stages of ``blocks`` blocks, each with two 3x3 convolutions, with
    16, 32 and 64 filters.  The second and third stage begin with stride 2.  If the
    shape changes, the skip connection has a 1x1 convolution (option B of the paper), in
    version 1 with batch normalisation.  Convolutions have no bias.

    Version 1 ends a block with ReLU(x + F(x)).  Version 2 normalises and activates
    before every convolution, and a block returns x + F(x).

    For 32x32x3, 10 classes and 3 blocks, version 1 has 272,474 trainable and 1,568
    other parameters.  The paper has 0.27, 0.46 and 0.85 million for 3, 5 and 9 blocks.

    Source: He, Zhang, Ren & Sun (2015), arXiv:1512.03385, section 4.2; for version 2
    the same authors (2016), arXiv:1603.05027.

    Parameters
    ----------
    input_shape : (height, width, channels)
    blocks : the number of blocks in a stage
    filters : the number of filters in the first stage
    l2 : the penalty factor of the kernels; the paper's weight decay is twice that
    seed : the seed of the weights

    >>> resnet((32, 32, 3), 10).count_params()
    274042
    """
    if version not in (1, 2):
        raise ValueError(f"version must be 1 or 2, got {version!r}")

    def conv(size: int, number: int, strides: int = 1) -> Conv2D:
        penalty: Any = {"kernel_regularizer": L2(l2)} if l2 else {}
        return Conv2D(
            number,
            size,
            strides,
            "same",
            use_bias=False,
            kernel_initializer="he_normal",
            **penalty,
        )

    x = inputs = Input(input_shape)
    x = conv(3, filters)(x)
    if version == 1:
        x = _activated(x)
    for stage in range(3):
        for block in range(blocks):
            strides = 2 if stage and not block else 1
            number = filters * 2**stage
            x = (_block if version == 1 else _block_before)(x, conv, number, strides)
    if version == 2:
        x = _activated(x)
    x = GlobalAveragePooling2D()(x)
    outputs = Dense(classes, "softmax", kernel_initializer="he_normal")(x)
    return Model(inputs, outputs, f"resnet{6 * blocks + 2}_v{version}", seed=seed)


def _activated(x: Any) -> Any:
    return ReLU()(BatchNormalization()(x))


def _block(x: Any, conv: Any, filters: int, strides: int) -> Any:
    """Return ReLU(x + F(x)), F = norm(conv(ReLU(norm(conv(x)))))."""
    y = _activated(conv(3, filters, strides)(x))
    y = BatchNormalization()(conv(3, filters)(y))
    if strides > 1 or x.shape[-1] != filters:
        x = BatchNormalization()(conv(1, filters, strides)(x))
    return ReLU()(Add()([x, y]))


def _block_before(x: Any, conv: Any, filters: int, strides: int) -> Any:
    """Return x + F(x), F = conv(ReLU(norm(conv(ReLU(norm(x))))))."""
    a = _activated(x)
    y = conv(3, filters)(_activated(conv(3, filters, strides)(a)))
    if strides > 1 or x.shape[-1] != filters:
        x = conv(1, filters, strides)(a)
    return Add()([x, y])


def resnet20(
    input_shape: Sequence[int], classes: int, version: int = 1, seed: int = 0
) -> Model:
    """Return the residual network of 20 layers."""
    return resnet(input_shape, classes, 3, version, seed=seed)


def resnet32(
    input_shape: Sequence[int], classes: int, version: int = 1, seed: int = 0
) -> Model:
    """Return the residual network of 32 layers."""
    return resnet(input_shape, classes, 5, version, seed=seed)


def resnet56(
    input_shape: Sequence[int], classes: int, version: int = 1, seed: int = 0
) -> Model:
    """Return the residual network of 56 layers."""
    return resnet(input_shape, classes, 9, version, seed=seed)
