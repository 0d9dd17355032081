"""A detector: for every cell of a picture, is a centre there, and how large is it."""

from collections.abc import Sequence
from typing import Any

from sora_np.initializers import Constant
from sora_np.layers import (
    BatchNormalization,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Input,
    ReLU,
)
from sora_np.models import Model

STRIDE = 4  # pixels of a cell


def center_net(input_shape: Sequence[int], filters: int = 16, seed: int = 0) -> Model:
    """Return a detector of one class, with outputs (N, H / 4, W / 4, 5).

    ``sora_np.vision`` makes its targets, its loss and boxes of its outputs: the logit
    of a centre, height, width and the centre's place in its cell.

    Down by four convolutions of stride 2, each with another behind it, and up again to
    a fourth of the size by two transposed ones that are joined with what was there, as
    in a U-Net.  The logits begin at -2.19: a centre is rare, so each cell says at first
    that it has none, with a probability of 0.9.

    Source: Zhou, Wang & Kraehenbuehl (2019), arXiv:1904.07850, for outputs and loss,
    with a much larger network; Lin et al. (2017), arXiv:1708.02002, section 3.3, for
    the first logits.

    Parameters
    ----------
    input_shape : (height, width, channels), sizes that 16 divides
    filters : of the first convolution; the next have twice, four and four times as many
    seed : of the weights

    Raises
    ------
    ValueError : for sizes that 16 does not divide

    >>> center_net((64, 32, 3)).output_shape
    (None, 16, 8, 5)
    """
    if any(size % 16 for size in input_shape[:2]):
        raise ValueError(
            "height and width must be multiples of 16, got "
            f"{tuple(input_shape)}: crop the images"
        )
    x = inputs = Input(input_shape)
    levels = []
    for number in (filters, 2 * filters, 4 * filters, 4 * filters):
        x = _normalised(_normalised(x, number, 2), number)
        levels.append(x)
    _, quarter, eighth, x = levels
    for number, level in ((4 * filters, eighth), (2 * filters, quarter)):
        x = Concatenate()([level, Conv2DTranspose(number, 2, 2)(x)])
        x = _normalised(x, number)
    heads = [
        Conv2D(1, 1, bias_initializer=Constant(-2.19))(_normalised(x, number)),
        Conv2D(4, 1)(_normalised(x, number)),
    ]
    return Model(inputs, Concatenate()(heads), "center_net", seed=seed)


def _normalised(x: Any, filters: int, strides: int = 1) -> Any:
    conv = Conv2D(
        *(filters, 3, strides, "same"),
        use_bias=False,
        kernel_initializer="he_normal",
    )
    return ReLU()(BatchNormalization(momentum=0.95)(conv(x)))
