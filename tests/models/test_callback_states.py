"""What callbacks remember: a run that is cut and goes on is the straight run."""

import json

import numpy as np
import pytest

from sora_np.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    ModelCheckpoint,
    ReduceLROnPlateau,
)

VALUES = [5, 4, 6, 4, 4, 4, 4, 3, 3, 3]
MAKERS = {
    "early-stopping": lambda folder: EarlyStopping(
        "script", patience=6, mode="min", restore_best_weights=True
    ),
    "plateau": lambda folder: ReduceLROnPlateau(
        "script", 0.5, 2, mode="min", cooldown=2
    ),
    "checkpoint": lambda folder: ModelCheckpoint(
        folder / "{epoch}.npz", "script", mode="min", save_best_only=True
    ),
    "batches": lambda folder: ModelCheckpoint(
        folder / "{epoch}-{batch}.npz", save_freq=3
    ),
    "table": lambda folder: CSVLogger(folder / "log.csv"),
    "history": lambda folder: History(),
    "function": lambda folder: LambdaCallback(),
}


class Cut(Exception):
    pass


class Cutter(Callback):
    """Ends the run after an epoch, with the state then as a file would keep it."""

    def __init__(self, callback, epoch):
        self.callback, self.epoch = callback, epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            state = self.callback.get_state()
            arrays = {k: v for k, v in state.items() if isinstance(v, np.ndarray)}
            plain = {k: v for k, v in state.items() if k not in arrays}
            self.state = json.loads(json.dumps(plain)) | arrays
            self.weights = self.model.get_weights()
            self.rate = self.model.optimizer.learning_rate
        if epoch == self.epoch + 1:
            raise Cut


class Resumer(Callback):
    def __init__(self, callback, cutter):
        self.callback, self.cutter = callback, cutter

    def on_train_begin(self, logs=None):
        self.model.set_weights(self.cutter.weights)
        self.model.optimizer.learning_rate = self.cutter.rate
        self.callback.set_state(self.cutter.state)


def seen(folder, model, callback, epochs):
    table = folder / "log.csv"
    return (
        callback.get_state() | {"best_weights": None, "size": 0},
        [w.tolist() for w in model.get_weights()],
        table.read_text() if table.exists() else None,
        sorted(path.name for path in folder.iterdir()),
        model.history.history.get("learning_rate", [])[-epochs:],
    )


@pytest.mark.parametrize("epoch", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_cut_and_resumed_is_straight(follow, tmp_path, make, epoch):
    """One epoch after the checkpoint is lost: it is as if it had not been."""
    folders = [tmp_path / name for name in ("straight", "cut")]
    for folder in folders:
        folder.mkdir()
    straight = make(folders[0])
    model = follow(VALUES, straight, shuffle=False)
    expected = seen(folders[0], model, straight, len(VALUES) - epoch - 1)
    first, second = make(folders[1]), make(folders[1])
    cutter = Cutter(first, epoch)
    with pytest.raises(Cut):
        follow(VALUES, [first, cutter], shuffle=False)
    callbacks = [second, Resumer(second, cutter)]
    model = follow(VALUES[epoch + 1 :], callbacks, start=epoch + 1, shuffle=False)
    assert seen(folders[1], model, second, len(VALUES) - epoch - 1) == expected


def test_history_with_arrays():
    history = History()
    history.on_epoch_end(3, {"f1": np.array([0.5, 1]), "loss": 2.0})
    again = History()
    again.set_state(json.loads(json.dumps(history.get_state())))
    assert again.epoch == [3] and again.history["loss"] == [2.0]
    np.testing.assert_array_equal(again.history["f1"][0], [0.5, 1])
    assert isinstance(again.history["f1"][0], np.ndarray)


def test_a_state_of_another_callback_is_refused():
    with pytest.raises(KeyError, match="wait"):
        EarlyStopping().set_state({"best": 1})
