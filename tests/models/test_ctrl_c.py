"""Ctrl-C ends fit after a batch, with everything in order; a second one at once."""

import re
import signal
import threading

import pytest
from numpy.testing import assert_array_equal

from sora_np.callbacks import (
    BackupAndRestore,
    Callback,
    EarlyStopping,
    LambdaCallback,
)


@pytest.fixture(autouse=True)
def pythons_own_handler():
    """Also where the tests run in the background, where a shell ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Presses(Callback):
    """Ctrl-C at a moment, ``times`` in a row; notes what comes after."""

    def __init__(self, event, at, times=1):
        self.left, self.times, self.seen = at, times, []
        setattr(self, event, self.press)

    def press(self, *args):
        self.left -= 1
        if self.left == 0:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)
            self.seen.append("pressed")

    def on_train_end(self, logs=None):
        self.seen.append("end")

    def close(self):
        self.seen.append("exit")


def interrupted(model, images, presses, *callbacks, **options):
    options = {"batch_size": 10, "epochs": 3, "verbose": 0, **options}
    with pytest.raises(KeyboardInterrupt) as caught:
        model.fit(*images, callbacks=[presses, *callbacks], **options)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return str(caught.value)


def test_in_the_middle_of_an_epoch(make_model, images, same_weights):
    """The batch is trained to its end; the epoch is none; callbacks see the end."""
    model, twin = make_model(), make_model()
    presses = Presses("on_train_batch_begin", 8)
    text = interrupted(model, images, presses)
    assert text == "fit ended before epoch 2, batch 4; history holds 1 epochs"
    assert presses.seen == ["pressed", "end", "exit"]
    assert model.history.epoch == [0] and model.optimizer.iterations == 8
    assert not any(layer._caches for layer in model.layers)
    rng = twin._shuffle_rng
    for order in (rng.permutation(50), rng.permutation(50)[:30]):
        twin.fit(images[0][order], images[1][order], 10, shuffle=False, verbose=0)
    assert same_weights(model, twin)
    model.fit(*images, verbose=0)


def test_while_it_is_validated_the_epoch_ends(make_model, images):
    model, presses = make_model(), Presses("on_test_batch_end", 2)
    text = interrupted(model, images, presses, validation_data=images)
    assert text == "fit ended before epoch 2, batch 1; history holds 1 epochs"
    assert "val_loss" in model.history.history


def test_twice_is_at_once(make_model, images):
    model, presses = make_model(), Presses("on_train_batch_begin", 8, times=2)
    assert interrupted(model, images, presses) == ""
    assert presses.seen == ["exit"] and model.optimizer.iterations == 7
    assert model.history.epoch == [0]
    model.fit(*images, verbose=0)


def test_resumed_it_is_the_straight_run(make_model, images, tmp_path, same_weights):
    """In the same process, with the same model, too."""

    def run(model, *callbacks):
        stop = EarlyStopping("loss", patience=9, restore_best_weights=True)
        callbacks = [*callbacks, stop, BackupAndRestore(tmp_path)]
        options = {"epochs": 3, "callbacks": callbacks, "verbose": 0}
        return model.fit(*images, 10, **options)

    straight = make_model()
    history = run(straight)
    for again in (False, True):
        model = make_model()
        with pytest.raises(KeyboardInterrupt):
            at = LambdaCallback(
                on_train_batch_begin=lambda batch, logs, model=model: (
                    signal.raise_signal(signal.SIGINT)
                    if model.optimizer.iterations == 7
                    else None
                )
            )
            run(model, at)
        names = [path.name for path in tmp_path.iterdir()]
        assert "epoch0001-batch000003.npz" in names
        model = model if again else make_model()
        assert run(model).history == history.history
        assert same_weights(model, straight)


def test_with_a_handler_of_ones_own(make_model, images):
    """It is left in place, and called."""
    calls = []
    before = signal.signal(signal.SIGINT, lambda *args: calls.append(args))
    try:
        callbacks = Presses("on_train_batch_begin", 2)
        history = make_model().fit(*images, callbacks=callbacks, verbose=0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(calls) == 1 and history.epoch == [0]


def test_in_another_thread(make_model, images):
    """There fit has no say in signals, and trains."""
    done = []

    def work():
        done.append(make_model().fit(*images, verbose=0).epoch)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [[0]]


class Fails(Callback):
    def __init__(self, event):
        setattr(self, event, self.fail)

    def fail(self, *args):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    "event",
    ["on_train_begin", "on_epoch_begin", "on_train_batch_end", "on_epoch_end"]
    + ["on_test_batch_end", "on_train_end", "close"],
)
def test_an_exception_in_a_callback(event, make_model, images, tmp_path):
    """Every callback can close its files; the model and the folder are usable."""
    model, presses = make_model(), Presses("on_train_begin", 0)
    callbacks = [presses, Fails(event), BackupAndRestore(tmp_path, 1)]
    options = {"validation_data": images, "verbose": 0}
    with pytest.raises(ZeroDivisionError):
        model.fit(*images, callbacks=callbacks, **options)
    assert presses.seen[-1] == "exit"
    assert not (tmp_path / "lock").exists()
    before = model.get_weights()
    model.fit(*images, verbose=0)
    model.set_weights(before)
    for a, b in zip(before, model.get_weights(), strict=True):
        assert_array_equal(a, b)


def test_the_command_says_where_it_stopped(tmp_path, capsys, monkeypatch):
    from sora_np.__main__ import main
    from sora_np.models import Model

    def stopped(*args, **options):
        raise KeyboardInterrupt("fit ended before epoch 2, batch 4")

    monkeypatch.setattr(Model, "fit", stopped)
    assert main(["train", "--resume", str(tmp_path / "b")]) == 130
    said = capsys.readouterr().err
    assert re.search("interrupted: fit ended before epoch 2, batch 4", said)
