import io
import os
import sys

import pytest
from numpy.testing import assert_array_equal

from sora_np.callbacks import Callback, LearningRateScheduler, ModelCheckpoint
from sora_np.layers import Dense, Flatten
from sora_np.metrics import F1Score
from sora_np.models import Sequential, load_model

NAN = float("nan")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_names_hold_epochs_and_numbers(follow, tmp_path, capsys):
    folder = tmp_path / "a" / "b"  # which are made
    path = str(folder / "{epoch:02d}-{script:.2f}.npz")
    model = follow([0.456, 3], ModelCheckpoint(path, verbose=1), start=8)
    assert names(folder) == ["09-0.46.npz", "10-3.00.npz"]
    assert capsys.readouterr().out.splitlines() == [
        f"Epoch 9: saving model to {folder / '09-0.46.npz'}",
        f"Epoch 10: saving model to {folder / '10-3.00.npz'}",
    ]
    with pytest.warns(UserWarning, match="'script' is your own function"):
        again = load_model(folder / "10-3.00.npz")
    assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    assert again.optimizer.iterations == model.optimizer.iterations


BEST = {  # options, numbers, epochs that are saved
    "min": ({"mode": "min"}, [3, 4, 2, 2, 1], [1, 3, 5]),
    "max": ({"mode": "max"}, [3, 4, 2, 5], [1, 2, 4]),
    "nan": ({"mode": "min"}, [NAN, 4, NAN, 3], [2, 4]),
    "threshold": ({"mode": "min", "initial_value_threshold": 2.5}, [3, 2, 1], [2, 3]),
    "all": ({"mode": "min", "save_best_only": False}, [1, 2], [1, 2]),
}


@pytest.mark.parametrize("options, values, saved", BEST.values(), ids=BEST)
def test_the_best_is_saved(follow, tmp_path, options, values, saved):
    options = {"monitor": "script", "save_best_only": True, **options}
    follow(values, ModelCheckpoint(tmp_path / "{epoch}.npz", **options))
    assert names(tmp_path) == [f"{epoch}.npz" for epoch in saved]


def test_what_is_said_of_the_best(follow, tmp_path, capsys):
    path = tmp_path / "m.npz"
    options = {"save_best_only": True, "mode": "min", "verbose": 1}
    follow([2, 3, 1], ModelCheckpoint(path, "script", **options))
    assert capsys.readouterr().out.splitlines() == [
        f"Epoch 1: script improved from None to 2.00000, saving model to {path}",
        "Epoch 2: script did not improve from 2.00000",
        f"Epoch 3: script improved from 2.00000 to 1.00000, saving model to {path}",
    ]


def test_weights_alone(follow, make_model, tmp_path):
    path = tmp_path / "w.npz"
    model = follow([1], ModelCheckpoint(path, save_weights_only=True))
    other = make_model(seed=5)
    other.load_weights(path)
    assert_array_equal(other.flat.values, model.flat.values)
    with pytest.raises(ValueError, match="it holds only weights"):
        load_model(path)


def test_every_so_many_batches(make_model, images, tmp_path):
    """Counted over epochs of 5: after 3, 6, 9, ... of all."""
    save = ModelCheckpoint(tmp_path / "{epoch}-{batch}-{loss:.0f}.npz", save_freq=3)
    make_model().fit(*images, 10, epochs=2, callbacks=save, verbose=0)
    assert names(tmp_path) == ["1-3-1.npz", "2-1-1.npz", "2-4-1.npz"]


def test_a_number_that_is_not_there(follow, tmp_path):
    path = str(tmp_path / "{epoch}-{val_loss}.npz")
    with pytest.raises(
        KeyError,
        match="'val_loss', which .* lack. They have: epoch, loss, sc",
    ):
        follow([1], ModelCheckpoint(path))
    assert names(tmp_path) == []
    text = "^Can save best model only with val_loss available. Available metrics are: l"
    with pytest.warns(UserWarning, match=text) as caught:
        save = ModelCheckpoint(tmp_path / "{epoch}.npz", save_best_only=True)
        follow([1, 2], save)
    assert len(caught) == 1 and names(tmp_path) == ["1.npz", "2.npz"]


class Adds(Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["mine"] = 0.25


NEVER = {  # filepath, other options, of fit, the error, what it says
    "metric": (
        "{val_recall}.npz",
        {},
        {},
        KeyError,
        "'val_recall', .* have: epo",
    ),
    "not-validated": ("{val_loss}.npz", {}, {}, KeyError, "has the name 'val_loss'"),
    "now-and-then": (
        *("{val_loss}.npz", {}, {"validation_freq": 2}, KeyError),
        "has the name 'val_loss'",
    ),
    "batch": ("{batch}.npz", {}, {}, KeyError, "has the name 'batch'"),
    "of-a-batch": ("{val_loss}.npz", {"save_freq": 1}, {}, KeyError, "'val_loss'"),
    "form": ("{loss:d}.npz", {}, {}, ValueError, "Unknown format code 'd'"),
    "array": ("{f1_score:.2f}.npz", {}, {}, ValueError, "unsupported format string"),
    "folder": ("taken", {}, {}, IsADirectoryError, "got the folder .*taken"),
    "file": ("file/m.npz", {}, {}, NotADirectoryError, "file is a file"),
}


@pytest.mark.parametrize("form, options, fit, error, text", NEVER.values(), ids=NEVER)
def test_names_that_cannot_be_filled_in_fail_before_training(
    make_model, images, tmp_path, form, options, fit, error, text
):
    (tmp_path / "taken").mkdir()
    (tmp_path / "file").write_text("")
    model = make_model()
    model.compile("sgd", model.loss, metrics=["accuracy", F1Score()])
    save = ModelCheckpoint(tmp_path / form, **options)
    if fit:
        fit = {**fit, "validation_data": images}
    with pytest.raises(error, match=text):
        model.fit(*images, epochs=2, callbacks=save, verbose=0, **fit)
    assert model.optimizer.iterations == 0
    assert names(tmp_path) == ["file", "taken"]


def test_names_that_callbacks_add_are_not_refused(make_model, images, tmp_path):
    """Those of this package are known, others' are seen in the logs."""
    rate = LearningRateScheduler(lambda epoch, rate: rate)
    options = {"verbose": 0, "validation_data": images}
    for others, form in (
        ([rate], "{learning_rate:.2f}-{val_loss:.0f}.npz"),
        ([Adds()], "{mine:.2f}-{batch_size}.npz"),
    ):
        save = ModelCheckpoint(tmp_path / form.replace("-{batch_size}", ""))
        make_model().fit(*images, callbacks=[*others, save], **options)
    assert names(tmp_path) == ["0.01-1.npz", "0.25.npz"]
    late = [ModelCheckpoint(tmp_path / "{learning_rate}"), rate]
    with pytest.raises(KeyError, match="has the name 'learning_rate'"):
        make_model().fit(*images, callbacks=late, verbose=0)


def test_a_model_that_cannot_be_saved_fails_before_training(images, tmp_path):
    class Half(Dense):
        def __init__(self, units, function):
            super().__init__(units, "softmax")
            self.function = function

    model = Sequential([Flatten(), Half(3, lambda x: x)])
    model.compile("sgd", "crossentropy")
    with pytest.raises(TypeError, match="cannot be written to a configuration"):
        model.fit(*images, callbacks=ModelCheckpoint(tmp_path / "m.npz"), verbose=0)
    assert model.optimizer.iterations == 0 and names(tmp_path) == []


def test_epochs_without_validation_do_not_replace_the_best(
    make_model, images, tmp_path
):
    """In Keras they do, since there is no val_loss to compare."""
    save = ModelCheckpoint(tmp_path / "{epoch}-{val_loss:.0f}", save_best_only=True)
    options = {"validation_data": images, "validation_freq": 2, "verbose": 0}
    make_model().fit(*images, epochs=5, callbacks=save, **options)
    assert [name[0] for name in names(tmp_path)] == ["2", "4"]


def test_a_metric_of_unknown_direction_is_refused_before_training(follow, tmp_path):
    save = ModelCheckpoint(tmp_path / "m.npz", "script", save_best_only=True)
    with pytest.raises(
        ValueError, match="ModelCheckpoint cannot tell whether 'script'"
    ):
        follow([1], save)
    assert names(tmp_path) == []


def test_a_save_that_fails_leaves_the_file_and_the_model(
    make_model, images, tmp_path, monkeypatch
):
    """A full disk: the one before stays whole, training may go on."""
    path = tmp_path / "m.npz"
    model = make_model()
    model.save(path)
    saved = model.get_weights()
    with monkeypatch.context() as patch:

        def full(*args, **kwargs):
            raise OSError(28, "No space left on device")

        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            model.fit(*images, callbacks=ModelCheckpoint(path), verbose=0)
    assert names(tmp_path) == ["m.npz"]
    model.fit(*images, verbose=0)
    other = make_model()
    other.load_weights(path)
    assert_array_equal(other.get_weights()[0], saved[0])


class Stop(Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = True


def test_a_run_that_was_stopped_is_saved_too(follow, tmp_path):
    follow([1, 2], [Stop(), ModelCheckpoint(tmp_path / "{epoch}.npz")])
    assert names(tmp_path) == ["1.npz"]


@pytest.mark.parametrize("freq, error", [("batch", TypeError), (0, ValueError)])
def test_mistakes(freq, error):
    with pytest.raises(error, match='save_freq, if not "epoch", must be a positive'):
        ModelCheckpoint("m.npz", save_freq=freq)


@pytest.mark.parametrize("form", ["{}.npz", "{0}.npz", "{epoch.real}", "{epoch", "a/"])
def test_forms_that_name_no_file(form):
    with pytest.raises(ValueError, match="^filepath "):
        ModelCheckpoint(form)


def test_odd_thresholds():
    text = "^initial_value_threshold must be a number, got 'low'$"
    with pytest.raises(TypeError, match=text):
        ModelCheckpoint("m.npz", initial_value_threshold="low")


def test_a_path_that_stdout_cannot_show(follow, tmp_path, monkeypatch):
    r"""Training goes on; what is said of it has ``\xe8`` for what is not ASCII."""
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stdout)
    name = "mod\N{LATIN SMALL LETTER E WITH GRAVE}le-{epoch}.npz"
    follow([1, 2], ModelCheckpoint(tmp_path / name, verbose=1))
    stdout.flush()
    assert stdout.buffer.getvalue().count(rb"mod\xe8le-") == 2
    assert len(names(tmp_path)) == 2
