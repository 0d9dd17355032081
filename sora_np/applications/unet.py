"""U-Net, which predicts a class for every pixel."""

from collections.abc import Sequence
from typing import Any

from sora_np.layers import (
    BatchNormalization,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Input,
    MaxPooling2D,
    ReLU,
)
from sora_np.models import Model


def unet(
    input_shape: Sequence[int],
    classes: int = 1,
    filters: int = 16,
    depth: int = 3,
    normalise: bool = True,
    seed: int = 0,
) -> Model:
    """Return a U-Net that predicts for every pixel what it belongs to.

    Its convolutions are padded, so the output has the size of the image, and they have
    batch normalisation.  The paper's network has neither, and ``filters=64, depth=4``.

    With one class the output is a sigmoid (N, H, W, 1), with several a softmax
    (N, H, W, classes).

    Source: Ronneberger, Fischer & Brox (2015), arXiv:1505.04597, figure 1.

    Parameters
    ----------
    input_shape : (height, width, channels), sizes that 2**depth divides
    filters : the filters of the first level; each level below has twice as many
    depth : how often the image is halved
    normalise : whether convolutions are followed by batch normalisation
    seed : the seed of the weights

    Raises
    ------
    ValueError : for sizes that 2**depth does not divide

    >>> unet((32, 32, 1), filters=4, depth=2).output_shape
    (None, 32, 32, 1)
    """
    if any(size % 2**depth for size in input_shape[:2]):
        raise ValueError(
            f"height and width must be multiples of 2**depth = {2**depth}, got "
            f"{tuple(input_shape)}: crop the images, or use a smaller depth"
        )
    x = inputs = Input(input_shape)
    skips = []
    for level in range(depth):
        x = _twice(x, filters * 2**level, normalise)
        skips.append(x)
        x = MaxPooling2D()(x)
    x = _twice(x, filters * 2**depth, normalise)
    for level in reversed(range(depth)):
        number = filters * 2**level
        x = Conv2DTranspose(number, 2, 2)(x)
        x = _twice(Concatenate()([skips[level], x]), number, normalise)
    function = "sigmoid" if classes == 1 else "softmax"
    outputs = Conv2D(classes, 1, activation=function)(x)
    return Model(inputs, outputs, "unet", seed=seed)


def _twice(x: Any, filters: int, normalise: bool) -> Any:
    for _ in range(2):
        options: Any = {"use_bias": not normalise, "kernel_initializer": "he_normal"}
        x = Conv2D(filters, 3, padding="same", **options)(x)
        if normalise:
            x = BatchNormalization()(x)
        x = ReLU()(x)
    return x
