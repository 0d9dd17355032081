"""A network like VGG: blocks of 3x3 convolutions, with a pooling after each."""

from collections.abc import Sequence

from sora_np.layers import Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
from sora_np.models import Model


def vgg(
    input_shape: Sequence[int],
    classes: int,
    blocks: Sequence[Sequence[int]] = ((32, 32), (64, 64), (128, 128)),
    units: Sequence[int] = (128,),
    rate: float = 0.5,
) -> Model:
    """Return a VGG-like network.

    With ``blocks=((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3)`` and
    ``units=(4096, 4096)`` the network is configuration D of the paper, VGG-16.  It then
    has 138,357,544 parameters for images of 224x224x3 and 1000 classes.

    Source: Simonyan & Zisserman (2015), arXiv:1409.1556, table 1.

    Parameters
    ----------
    input_shape : (height, width, channels)
    blocks : for each block, the filters of its convolutions
    units : the units of the dense layers before the last
    rate : the rate of the dropout after each of these

    >>> vgg((32, 32, 3), 10, ((8, 8), (16,)), (32,)).count_params()
    35106
    """
    x = inputs = Input(input_shape)
    for filters in blocks:
        for number in filters:
            x = Conv2D(number, 3, padding="same", activation="relu")(x)
        x = MaxPooling2D()(x)
    x = Flatten()(x)
    for number in units:
        x = Dropout(rate)(Dense(number, "relu")(x))
    return Model(inputs, Dense(classes, "softmax")(x), "vgg")
