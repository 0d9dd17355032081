"""An autoencoder: it turns an image into a few numbers, and these into the image."""

import math
from collections.abc import Sequence

from sora_np.layers import (
    Conv2D,
    Conv2DTranspose,
    Dense,
    Flatten,
    Input,
    Reshape,
)
from sora_np.models import Model


def autoencoder(
    input_shape: Sequence[int], code: int = 32, filters: Sequence[int] = (16, 32)
) -> tuple[Model, Model, Model]:
    """Return an autoencoder, its encoder and its decoder.

    In the encoder, convolutions of stride 2 halve the image, and a dense layer computes
    the code.  The decoder does the reverse, and ends in a sigmoid, for pixels from 0 to
    1.

    Source: Goodfellow, Bengio & Courville, "Deep Learning" (2016), chapter 14.

    Parameters
    ----------
    input_shape : (height, width, channels), sizes that 2**len(filters) divides
    code : the number of numbers in the code of an image
    filters : the number of filters of each convolution

    >>> whole, encoder, decoder = autoencoder((28, 28, 1))
    >>> encoder.output_shape, decoder.output_shape
    ((None, 32), (None, 28, 28, 1))
    """
    height, width, channels = input_shape
    scale = 2 ** len(filters)
    if height % scale or width % scale:
        raise ValueError(
            f"height and width must be multiples of {scale}, got "
            f"{tuple(input_shape)}: crop or resize the images"
        )
    x = images = Input(input_shape)
    for number in filters:
        x = Conv2D(number, 3, 2, "same", activation="relu")(x)
    encoder = Model(images, Dense(code)(Flatten()(x)), "encoder")
    smallest = height // scale, width // scale, filters[-1]
    x = codes = Input((code,))
    x = Reshape(smallest)(Dense(math.prod(smallest), "relu")(x))
    for number in reversed(filters[:-1]):
        x = Conv2DTranspose(number, 3, 2, "same", activation="relu")(x)
    x = Conv2DTranspose(channels, 3, 2, "same", activation="sigmoid")(x)
    decoder = Model(codes, x, "decoder")
    inputs = Input(input_shape)
    return Model(inputs, decoder(encoder(inputs)), "autoencoder"), encoder, decoder
