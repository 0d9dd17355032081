"""Old names of an epoch's numbers, and what else callbacks of Keras 2 understood."""

import copy
import pickle
import warnings

import numpy as np
import pytest

from sora_np import keras
from sora_np.keras import callbacks, layers
from sora_np.keras.old import arguments as old_names
from sora_np.keras.old import callbacks as old_callbacks

X, Y = np.random.default_rng(0).normal(size=(8, 3)), np.arange(8) % 2


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.setattr(old_names, "SAID", set())


def fitted(metrics, called=(), epochs=2):
    model = keras.Sequential([layers.Dense(1, "sigmoid", input_dim=3)])
    model.compile("sgd", "binary_crossentropy", metrics=metrics)
    data = {"validation_data": (X, Y), "epochs": epochs, "verbose": 0}
    return model.fit(X, Y, callbacks=list(called), **data)


def test_the_history_of_keras_before_2_3():
    """metrics=["accuracy"] was "acc" there, and "mae" had its long name."""
    history = fitted(["accuracy", "mae"]).history
    assert set(history) == {
        *("loss", "accuracy", "mae", "val_loss", "val_accuracy", "val_mae")
    }
    with pytest.warns(DeprecationWarning, match="'val_acc'.*write 'val_accuracy'"):
        assert history["val_acc"] == history["val_accuracy"]
    with pytest.warns(DeprecationWarning, match="write 'mae'"):
        assert history.get("mean_absolute_error") == history["mae"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # each is told once
        assert history["val_acc"] is history["val_accuracy"]
    with pytest.raises(KeyError, match="val_lr"):
        history["val_lr"]
    assert history.get("val_lr") is None and "acc" not in history
    for twin in (copy.deepcopy(history), pickle.loads(pickle.dumps(history))):
        assert type(twin) is dict and twin == history


def test_a_metric_of_the_old_name_keeps_it():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = fitted(["acc"]).history
        assert len(history["acc"]) == len(history["val_acc"]) == 2
    with pytest.raises(KeyError):
        history["accuracy"]
    both = ["acc", "accuracy"]
    assert old_callbacks.new_name("acc", both) == "acc"


class Asking(keras.callbacks.Callback):
    def __init__(self):
        self.found = []

    def on_epoch_end(self, epoch, logs=None):
        self.found.append((logs["acc"], logs.get("val_acc")))
        logs["doubled"] = 2 * logs["acc"]

    def on_train_end(self, logs=None):
        self.last = logs["doubled"]


@pytest.mark.filterwarnings("ignore:.*old name")
def test_logs_that_callbacks_see():
    asking = Asking()
    history = fitted(["accuracy"], [asking]).history
    expected = zip(history["accuracy"], history["val_accuracy"], strict=True)
    assert asking.found == list(expected)
    assert history["doubled"] == [2 * a for a in history["accuracy"]]
    assert asking.last == history["doubled"][-1]


@pytest.mark.filterwarnings("ignore:'acc' in logs")
def test_monitors_and_file_names(tmp_path):
    file = str(tmp_path / "{epoch:02d}-{val_acc:.2f}.npz")
    called = [
        callbacks.ModelCheckpoint(file, monitor="val_acc", save_best_only=True),
        callbacks.EarlyStopping(monitor="val_acc", patience=5),
        callbacks.ReduceLROnPlateau(monitor="acc"),
    ]
    with pytest.warns(DeprecationWarning, match="write 'val_accuracy'"):
        history = fitted(["accuracy"], called).history
    first = history["val_accuracy"][0]
    assert (tmp_path / f"01-{first:.2f}.npz").exists()
    assert [one.monitor for one in called] == [
        *("val_accuracy", "val_accuracy", "accuracy")
    ]


@pytest.mark.filterwarnings("ignore:.*old name")
def test_period(tmp_path):
    """Keras 2 saved after the epochs 2, 4, ... with period=2."""
    file = str(tmp_path / "{epoch}.npz")
    fitted(["accuracy"], [callbacks.ModelCheckpoint(file, period=2)], epochs=5)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["2", "4"]
