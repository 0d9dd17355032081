"""Models of layers that normalise, disturb or bend: saved, resumed, cloned, copied."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np import activations
from sora_np.callbacks import BackupAndRestore, Callback
from sora_np.layers import (
    ELU,
    Activation,
    ActivityRegularization,
    AlphaDropout,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GaussianDropout,
    GroupNormalization,
    LayerNormalization,
    LeakyReLU,
    PReLU,
    RMSNormalization,
    SpatialDropout2D,
    UnitNormalization,
)
from sora_np.models import Sequential, clone_model, load_model

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((20, 6, 5, 2)).astype(np.float32), RNG.integers(0, 4, 20)
HOW = {"batch_size": 6, "verbose": 0}


def made():
    layers = [
        *(
            Conv2D(8, 3, activation="gelu", input_shape=X.shape[1:]),
            Activation("swish"),
        ),
        *(GroupNormalization(4), PReLU(shared_axes=[1, 2]), SpatialDropout2D(0.3)),
        *(LayerNormalization([1, 2, 3]), LeakyReLU(0.1), Dropout(0.2, (None, 1, 1, 8))),
        *(GaussianDropout(0.2), Flatten(), Dense(9, activations.hard_silu)),
        *(RMSNormalization(), AlphaDropout(0.2), ELU(0.5), UnitNormalization()),
        *(ActivityRegularization(l2=0.1), Dense(4, "softmax")),
    ]
    model = Sequential(layers, seed=3)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.fixture(scope="module")
def straight():
    model = made()
    model.fit(X, Y, epochs=3, **HOW)
    return model


def same(model, other):
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        assert_array_equal(a, b)


def test_saved_and_trained_on(straight, tmp_path):
    model = made()
    model.fit(X, Y, **HOW)
    model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz")
    assert again.get_config() == model.get_config()
    assert again.layers[0].activation is activations.gelu
    again.fit(X, Y, initial_epoch=1, epochs=3, **HOW)
    same(again, straight)
    predicted = again.predict(X, verbose=0)
    assert_array_equal(predicted, straight.predict(X, verbose=0))
    assert_array_equal(
        predicted, pickle.loads(pickle.dumps(again)).predict(X, verbose=0)
    )


class Stop(Callback):
    def __init__(self):
        self.left = 6

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise ZeroDivisionError


def test_resumed_within_an_epoch(straight, tmp_path):
    backup = BackupAndRestore(tmp_path, save_freq=1)
    with pytest.raises(ZeroDivisionError):
        made().fit(X, Y, epochs=3, callbacks=[backup, Stop()], **HOW)
    model = made()
    model.fit(X, Y, epochs=3, callbacks=BackupAndRestore(tmp_path, save_freq=1), **HOW)
    same(model, straight)


def test_a_clone(straight):
    """An Activation layer stays one where a later layer has an activation."""
    clone = clone_model(straight)
    assert clone.get_config() == straight.get_config()
    kinds = [type(layer) for layer in clone.layers]
    assert kinds == [type(layer) for layer in straight.layers]
