"""A detector: it predicts for every cell whether an object's centre is in it."""

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

STRIDE = 4  # the side of a cell, in pixels


def center_net(input_shape: Sequence[int], filters: int = 16, seed: int = 0) -> Model:
    """Return a detector of one class, with outputs (N, H / 4, W / 4, 5).

    The five outputs of a cell are the logit of a centre, height, width, and the
    centre's place in the cell.  ``sora_np.vision`` has the targets and the loss, and
    turns outputs into boxes.

    Four convolutions of stride 2, each followed by another convolution, shrink the
    image.  Two transposed convolutions enlarge it again to a fourth of its size; each
    is joined with the earlier output of the same size, as in a U-Net.  The logits begin
    at -2.19, a probability of 0.1, because centres are rare.

    Source: Zhou, Wang & Kraehenbuehl (2019), arXiv:1904.07850, for outputs and loss
    (the paper's network is much larger); Lin et al. (2017), arXiv:1708.02002, section
    3.3, for the first logits.

    Parameters
    ----------
    input_shape : (height, width, channels), sizes that 16 divides
    filters : the filters of the first convolution; the next ones have twice, four times
        and four times as many
    seed : the seed of the weights

    Raises
    ------
    ValueError : for sizes that 16 does not divide

    >>> center_net((64, 32, 3)).output_shape
    (None, 16, 8, 5)
    """
    if any(size % 16 for size in input_shape[:2]):
        raise ValueError(
            "height and width must be multiples of 16, got "
            f"{tuple(input_shape)}: crop or resize the images"
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
