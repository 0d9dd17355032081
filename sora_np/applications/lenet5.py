"""LeNet-5, a small network for handwritten digits."""

from collections.abc import Sequence

from sora_np.layers import AveragePooling2D, Conv2D, Dense, Flatten, Input
from sora_np.models import Model


def lenet5(input_shape: Sequence[int] = (32, 32, 1), classes: int = 10) -> Model:
    """Return LeNet-5, with a softmax instead of its radial basis functions.

    It has 61,706 parameters for images of 32x32 and 10 classes.  The paper's network
    has 60,000: there, each map of the third layer sees only some of the maps before it,
    and a pooling has two coefficients for each map.

    Source: LeCun, Bottou, Bengio & Haffner, "Gradient-based learning applied to
    document recognition" (1998), section II.B.

    Parameters
    ----------
    input_shape : (height, width, channels), at least 16x16

    >>> lenet5().count_params()
    61706
    """
    x = inputs = Input(input_shape)
    x = AveragePooling2D(2)(Conv2D(6, 5, activation="tanh")(x))
    x = AveragePooling2D(2)(Conv2D(16, 5, activation="tanh")(x))
    for units in (120, 84):
        x = Dense(units, "tanh")(Flatten()(x))
    return Model(inputs, Dense(classes, "softmax")(x), "lenet5")
