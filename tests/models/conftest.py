"""A small network and images that it tells apart within a second."""

import numpy as np
import pytest

from sora_np import Conv2D, Dense, Flatten, MaxPool, Sequential
from sora_np.optimizers import SGD, Adam


@pytest.fixture
def images():
    """x (50, 8, 8, 1) and labels 0, 1, 2: noise, with one bright band by label."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 50)
    x = rng.random((50, 8, 8, 1), np.float32) * np.float32(0.5)
    for image, label in zip(x, y, strict=True):
        image[2 * label : 2 * label + 2] += np.float32(0.5)
    return x, y


@pytest.fixture
def make_model():
    """A function that makes the network, compiled, of 40 + 111 parameters."""

    def make(optimizer=None, loss="sparse_categorical_crossentropy", **options):
        layers = [
            Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)),
            MaxPool(2),
            Flatten(),
            Dense(3, "softmax"),
        ]
        model = Sequential(layers, **options)
        model.compile(optimizer or Adam(0.01), loss, metrics=["accuracy"])
        return model

    return make


@pytest.fixture
def same_weights():
    """Whether two models hold the same bits."""

    def check(a, b):
        a, b = a.get_weights(), b.get_weights()
        return len(a) == len(b) and all(map(np.array_equal, a, b))

    return check


@pytest.fixture
def follow(make_model, images):
    """A function that fits while a metric, "script", gives the numbers it is told."""

    def run(values, callbacks, *, start=0, **options):
        left = iter(values)

        def script(y_true, y_pred):
            return next(left)

        model = make_model(SGD(0.1))
        model.compile(model.optimizer, model.loss, metrics=[script])
        epochs = {"epochs": start + len(values), "initial_epoch": start}
        model.fit(*images, callbacks=callbacks, **epochs, **{"verbose": 0, **options})
        return model

    return run
