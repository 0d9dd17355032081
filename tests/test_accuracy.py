"""Real images: convolutions that do not learn reach 83 %, so the gate is above."""

import numpy as np
import pytest

from sora_np.datasets import fashion_mini
from sora_np.sora_model import create_sora_model
from sora_np.utils import to_categorical


@pytest.fixture(scope="module")
def data():
    (x, y), (x_test, y_test) = fashion_mini.load_data()
    scale = np.float32(255)
    return (
        (x[..., None] / scale, to_categorical(y)),
        (x_test[..., None] / scale, to_categorical(y_test)),
    )


def trained(data, epochs, frozen=False):
    (x, y), _ = data
    model = create_sora_model(x.shape[1:])
    for name in ("conv2d", "conv2d_1"):
        model.get_layer(name).trainable = not frozen
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=epochs, verbose=0)
    return model, history.history["loss"][-1]


def test_convolutions_learn(data):
    model, loss = trained(data, 3)
    _, frozen = trained(data, 3, frozen=True)
    assert loss < 0.9 * frozen
    assert model.evaluate(*data[1], verbose=0)[1] > 0.84


@pytest.mark.slow
def test_the_readmes_accuracy(data):
    model, loss = trained(data, 10)
    _, frozen = trained(data, 10, frozen=True)
    assert loss < 0.75 * frozen
    assert model.evaluate(*data[1], verbose=0)[1] >= 0.86
