"""The source document's model: what ``sora-np train`` trains and benchmarks measure."""

from collections.abc import Sequence

from numpy.typing import DTypeLike

from sora_np.layers import Conv2D, Dense, Flatten, MaxPooling2D
from sora_np.models import Sequential


def create_sora_model(
    input_shape: Sequence[int],
    classes: int = 10,
    seed: int = 0,
    dtype: DTypeLike = "float32",
) -> Sequential:
    """Return the network of the source document, section 5.2, compiled.

    Two convolutions of 3x3 with ReLU, each followed by 2x2 max-pooling, then a dense
    layer of 128 and softmax; Adam and cross-entropy.

    Parameters
    ----------
    input_shape : (height, width, channels), at least 10x10
    classes : how many outputs; targets are one-hot rows of that width

    Examples
    --------
    >>> create_sora_model((28, 28, 1)).count_params()
    225034
    """
    model = Sequential(name="sora_model", seed=seed, dtype=dtype)
    model.add(
        Conv2D(32, kernel_size=(3, 3), activation="relu", input_shape=input_shape)
    )
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Conv2D(64, kernel_size=(3, 3), activation="relu"))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Flatten())
    model.add(Dense(128, activation="relu"))
    model.add(Dense(classes, activation="softmax"))
    model.compile(
        optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"]
    )
    return model
