"""Files that were written before modules moved into folders load after it.

The code of commit 9e728ad wrote ``model.npz``, a checkpoint, and ``objects.pickle``: a
dictionary with one object of every class that a user may have pickled, on NumPy 1.26,
whose pickles later versions read.
"""

import pickle
import shutil
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
    Sequential,
    callbacks,
    layers,
    losses,
    metrics,
    models,
    optimizers,
)
from sora_np.common.old_names import MOVED
from sora_np.models import load_model

HERE = Path(__file__).parent
CHECKPOINT = "epoch0001-batch000001.npz"
X, Y = np.random.default_rng(0).random((12, 6, 6, 1), np.float32), np.arange(12) % 3


def network():
    network = [
        Conv2D(2, 3, activation="relu", input_shape=(6, 6, 1), kernel_regularizer="l2"),
        *(BatchNormalization(), MaxPooling2D(2), Flatten(), Dropout(0.25)),
        Dense(3, "softmax"),
    ]
    model = Sequential(network, seed=3)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.learning_rate = 0.01
    return model


@pytest.fixture(scope="module")
def trained():
    """A model that takes the same steps now."""
    model = network()
    model.fit(X, Y, batch_size=4, epochs=2, verbose=0)
    return model


@pytest.fixture(scope="module")
def things():
    return pickle.loads((HERE / "objects.pickle").read_bytes())


def check_equal(model, trained):
    """The bits depend on the CPU, the values do not."""
    for a, b in zip(model.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_the_model(trained):
    model = load_model(HERE / "model.npz")
    assert model.class_names == ["a", "b", "c"]
    assert model.optimizer.iterations == 6 and model.input_range == trained.input_range
    check_equal(model, trained)


def test_the_checkpoint(tmp_path):
    """A run goes on from it in the middle of its second epoch."""
    shutil.copy(HERE / CHECKPOINT, tmp_path)
    seen = []
    backup = callbacks.BackupAndRestore(tmp_path, 1)
    watch = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: seen.append(epoch))
    stop = callbacks.EarlyStopping("loss", patience=9)
    going_on, straight = network(), network()
    history = going_on.fit(*(X, Y, 4, 3), verbose=0, callbacks=[stop, watch, backup])
    straight.fit(X, Y, 4, 3, verbose=0)
    assert seen == [2] and history.epoch == [0, 1, 2]
    check_equal(going_on, straight)


def test_the_model_in_the_pickle(things, trained):
    """It is the model of the file, and learns on."""
    model, same = things["model"], load_model(HERE / "model.npz")
    assert_array_equal(model.predict(X, verbose=0), same.predict(X, verbose=0))
    for one in (model, same):
        one.fit(X, Y, batch_size=4, verbose=0)
    for a, b in zip(model.get_weights(), same.get_weights(), strict=True):
        assert_array_equal(a, b)


def test_the_objects_in_the_pickle(things):
    """Each is of the class that is imported by its public name today."""
    modules = layers, losses, metrics, optimizers, optimizers.schedules, callbacks
    for module in modules:
        short = module.__name__.split(".")[-1]
        names = {n.split(".")[1] for n in things if n.startswith(f"{short}.")}
        assert names, short
        for name in names:
            assert type(things[f"{short}.{name}"]) is getattr(module, name)
    assert type(things["history"]) is callbacks.History
    assert things["history"].epoch == [0, 1]
    assert type(things["model"]) is models.Sequential
    assert things["classes"][:2] == [models.Model, models.Sequential]
    assert "it is damaged" in str(things["model file error"])


@pytest.mark.parametrize("old", MOVED)
def test_a_module_is_found_by_its_old_name(old):
    module = import_module(f"sora_np.{old}")
    assert module is import_module(f"sora_np.{MOVED[old]}")
    assert module.__name__ == f"sora_np.{MOVED[old]}" == module.__spec__.name


def test_kernels_are_found_where_they_lay_side_by_side():
    from sora_np.kernels import conv2d as module
    from sora_np.kernels.activations import gelu, gelu_dx
    from sora_np.kernels.conv2d import conv2d

    assert module.__name__ == "sora_np.kernels.convolutional.conv2d"
    assert conv2d is module.conv2d
    assert pickle.loads(pickle.dumps(gelu)) is gelu and gelu is not gelu_dx
