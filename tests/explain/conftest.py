"""Small models of every form, and one that has learnt something."""

import pytest

from sora_np import (
    Add,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    MaxPool,
    Model,
    RandomCrop,
    RandomFlip,
    ReLU,
    Sequential,
)
from sora_np.datasets import fashion_mini
from sora_np.layers import ActivityRegularization


def row():
    """A row of layers, with all that differs between training and prediction."""
    return Sequential(
        [
            RandomFlip("horizontal", input_shape=(9, 8, 2)),
            RandomCrop(8, 7),
            Conv2D(4, 3, activation="relu", name="first"),
            BatchNormalization(),
            ReLU(name="bent"),
            ActivityRegularization(l2=0.1),
            Dropout(0.5),
            MaxPool(2),
            Conv2D(3, 2, activation="relu", name="last"),
            Flatten(),
            Dense(3, "softmax"),
        ],
        dtype="float64",
    )


def graph():
    """Two branches and a convolution that is used twice, within a model within one."""
    x = Input((9, 8, 2))
    shared = Conv2D(2, 3, padding="same", activation="relu", name="shared")
    inner = Model(
        x, Add(name="sum")([x, shared(shared(x))]), name="inner", dtype="float64"
    )
    h = Concatenate()([inner(x), Conv2D(3, 1, activation="tanh", name="side")(x)])
    h = GlobalAveragePooling2D()(Conv2D(4, 3, activation="relu", name="last")(h))
    return Model(x, Dense(3, "softmax")(h), dtype="float64")


def logits():
    """A model without a softmax, whose loss takes logits."""
    layers = [Conv2D(3, 3, activation="relu", input_shape=(9, 8, 2), name="last")]
    return Sequential([*layers, Flatten(), Dense(3)], dtype="float64")


MODELS = {"row": row, "graph": graph, "logits": logits}


@pytest.fixture(params=MODELS)
def model(request, rng):
    """Each of the models above, with weights and moving statistics of any numbers."""
    model = MODELS[request.param]()
    for layer in model.leaves:
        arrays = [rng.standard_normal(a.shape) / 2 for a in layer.get_weights()]
        if isinstance(layer, BatchNormalization):
            arrays[3] = arrays[3] ** 2 + 0.5
        layer.set_weights(arrays)
    return model


@pytest.fixture
def x(rng):
    return rng.standard_normal((5, 9, 8, 2))


@pytest.fixture(scope="session")
def trained():
    """A small network that knows clothes a little, and images that it has not seen."""
    (x, y), (x_test, y_test) = fashion_mini.load_data()
    x, x_test = x[..., None] / 255, x_test[..., None] / 255
    layers = [
        Conv2D(8, 3, 2, activation="relu", input_shape=(28, 28, 1)),
        Conv2D(16, 3, activation="relu"),
        Flatten(),
        Dense(32, "relu"),
        Dense(10, "softmax"),
    ]
    model = Sequential(layers, seed=1)
    model.class_names = list(fashion_mini.CLASS_NAMES)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[:4000], y[:4000], epochs=3, verbose=0)
    return model, x[:4000], y[:4000], x_test, y_test
