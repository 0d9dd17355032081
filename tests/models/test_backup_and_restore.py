"""A run that is cut and resumed is the straight run: see also ``kill_trials.py``."""

import io
import os
import re
import subprocess
import sys
import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np import BatchNormalization, Conv2D, Dense, Dropout, Flatten, Layer
from sora_np.callbacks import (
    BackupAndRestore,
    Callback,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
)
from sora_np.constraints import MinMaxNorm
from sora_np.layers import RandomCrop, RandomErasing, RandomFlip
from sora_np.models import Sequential
from sora_np.optimizers import SGD, Adam, Lamb, Nadam
from sora_np.optimizers.schedules import CosineDecay
from sora_np.saving import checkpoint as checkpoint_module
from sora_np.saving import register
from sora_np.utils import PyDataset


class Cut(Exception):
    pass


class CutAfter(Callback):
    """Ends the run after so many batches, before the backup is made."""

    def __init__(self, batches):
        self.batches = batches

    def on_train_batch_end(self, batch, logs=None):
        self.batches -= 1
        if self.batches == 0:
            raise Cut


@register  # ModelCheckpoint warns of a class that a file could not find
class Own(Layer):
    """Adds noise from a generator of another kind, under a name of its own."""

    def build(self, input_shape, rng, dtype):
        self.dice = np.random.Generator(np.random.MT19937(rng.integers(2**32)))
        return super().build(input_shape, rng, dtype)

    def forward(self, x, *, training=False):
        y = self.check_input(x).copy()
        if training:
            y += self.dice.random(y.shape, y.dtype)
            self.remember(y)
        return y

    def backward(self, dy):
        return self.recall(dy)[0].copy()


def make(optimizer=None, metrics=("accuracy",), seed=0, filters=4):
    layers = [
        *(
            RandomFlip(),
            RandomErasing(0.5, value_range=(0, 1)),
            RandomCrop(6, 7),
            Conv2D(filters, 3, activation="relu"),
        ),
        *(BatchNormalization(), Dropout(0.3), Own(), Flatten(), Dense(3, "softmax")),
    ]
    model = Sequential(layers, seed=seed)
    model.build((None, 8, 8, 1))
    loss = "sparse_categorical_crossentropy"
    model.compile(optimizer or Adam(0.01), loss, metrics=list(metrics))
    return model


def trained_before():
    """Layers that augment go on counting where an earlier fit has stopped."""
    rng, model = np.random.default_rng(1), make()
    model.fit(rng.random((9, 8, 8, 1)), rng.integers(0, 3, 9), epochs=6, verbose=0)
    return model


def outcome(model):
    state = model.optimizer.get_state(model.flat.values)
    return [
        *model.get_weights(),
        *state["slots"].values(),
        np.array([state["batches"], state["learning_rate"] or 0]),
        *(np.array(values) for values in model.history.history.values()),
        np.array(model.history.epoch),
    ]


def same(a, b):
    return len(a) == len(b) and all(map(np.array_equal, a, b))


def largest_error(y_true, y_pred):
    return np.abs(y_pred.max(axis=1) - y_true).max()


class Items(PyDataset):
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return 5

    def __getitem__(self, number):
        return self.x[number::5], self.y[number::5]


class Shuffled(Items):
    """Every epoch in another order, and noise from a generator of its own."""

    def __init__(self, x, y):
        super().__init__(x, y)
        self.rng, self.order = np.random.default_rng(0), np.arange(5)

    def __getitem__(self, number):
        x, y = super().__getitem__(self.order[number])
        return x + self.rng.random(x.shape), y

    def on_epoch_end(self):
        self.order = self.rng.permutation(5)

    def get_state(self):
        return {"rng": self.rng.bit_generator.state, "order": self.order}

    def set_state(self, state):
        self.rng.bit_generator.state = state["rng"]
        self.order = state["order"]


class Iterable:
    def __init__(self, *arrays):
        self.items = Items(*arrays)

    def __iter__(self):
        return (self.items[k] for k in range(5))


def without_decay_of_biases():
    optimizer = Lamb(0.01, weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    model = make(optimizer)
    model.layers[2].kernel_constraint = MinMaxNorm(0.5, 1.0, 0.5, axis=(0, 1, 2))
    return model


RUNS = {
    "adam": (make, {}),
    "lamb-constrained": (without_decay_of_biases, {}),
    "nadam-scheduled": (
        lambda: make(Nadam(CosineDecay(0.01, 20), use_ema=True)),
        {"shuffle": False},
    ),
    "gathered": (
        lambda: make(SGD(0.1, 0.9, gradient_accumulation_steps=4, clipnorm=1.0)),
        {"class_weight": {0: 2.0}},
    ),
    "whole-metrics": (
        lambda: make(metrics=["accuracy", largest_error]),
        {"validation_freq": 2},
    ),
    "scheduler": (
        make,
        {"more": lambda: [LearningRateScheduler(lambda epoch, rate: rate / 2)]},
    ),
    "steps": (make, {"steps_per_epoch": 3}),
    "trained-before": (trained_before, {}),
    "items": (make, {"source": Items}),
    "shuffled": (make, {"source": Shuffled}),
    "iterable": (make, {"source": Iterable}),
}


def fit(make, images, callbacks, *, source=None, **options):
    model = make()
    watch = [ReduceLROnPlateau("loss", 0.5, patience=1, min_delta=0.1)]
    scheduled = "more" in options or not isinstance(
        model.optimizer.get_config()["learning_rate"], float
    )
    watch = [] if scheduled else watch
    watch += [EarlyStopping("val_loss", patience=3, restore_best_weights=True)]
    callbacks = [*watch, *options.pop("more", list)(), *callbacks]
    data = (*images, 10) if source is None else (source(*images),)
    options = {"epochs": 4, "validation_data": images, "verbose": 0, **options}
    model.fit(*data, callbacks=callbacks, **options)
    return model


@pytest.mark.parametrize("cut, freq", [(3, 1), (8, 2), (12, "epoch"), (5, 5)])
@pytest.mark.parametrize("make, options", RUNS.values(), ids=RUNS)
def test_cut_and_resumed_is_straight(make, options, cut, freq, images, tmp_path):
    """Cut twice, at a batch, and backed up before it: bit for bit."""
    folder = tmp_path / "backup"
    straight = outcome(fit(make, images, [], **options))
    for batches in (cut, 2):
        with pytest.raises(Cut):
            backup = BackupAndRestore(folder, freq, keep=1)
            fit(make, images, [backup, CutAfter(batches)], **options)
        assert len(list(folder.iterdir())) == 1  # the checkpoint, and no lock
    resumed = fit(make, images, [BackupAndRestore(folder, freq)], **options)
    assert same(outcome(resumed), straight)
    assert not folder.exists()


def test_other_callbacks_see_every_event_once(images, tmp_path):
    """But for the beginning of training; where they stand in the list is all one."""

    def run(cut, events):
        see = LambdaCallback(
            on_epoch_begin=lambda epoch, logs: events.append(("begin", epoch)),
            on_epoch_end=lambda epoch, logs: events.append(("end", epoch)),
            on_train_batch_end=lambda batch, logs: events.append(batch),
        )
        save = ModelCheckpoint(tmp_path / "{epoch}-{batch}.npz", save_freq=4)
        backup = BackupAndRestore(tmp_path / "backup", 1)
        fit(make, images, [backup, see, save, *cut], epochs=2)

    straight, cut = [], []
    run([], straight)
    files = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(Cut):
        run([CutAfter(7)], cut)
    assert cut.pop() == 1  # of a batch that was lost
    run([], cut)
    assert cut == straight
    assert sorted(path.name for path in tmp_path.iterdir()) == files


def test_a_run_that_had_ended_is_not_trained_on(images, tmp_path):
    """Killed between its last epoch and the end; stopped early, or not."""

    class Dies(Callback):
        def on_train_end(self, logs=None):
            raise Cut

    for epochs in (3, 9):
        folder = tmp_path / str(epochs)

        def run(*others, epochs=epochs, folder=folder):
            stop = EarlyStopping("loss", 9, 2, restore_best_weights=True)
            model = make()
            callbacks = [stop, *others, BackupAndRestore(folder)]
            model.fit(*images, 10, epochs, callbacks=callbacks, verbose=0)
            return model

        straight = run()
        with pytest.raises(Cut):
            run(Dies())
        model = run(CutAfter(1))  # which no batch comes to
        assert len(model.history.epoch) == 3
        assert same(outcome(model), outcome(straight))


# --- files ----------------------------------------------------------------------------


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def cut_run(images, folder, batches=12, freq=1, **options):
    with pytest.raises(Cut):
        backup = BackupAndRestore(folder, freq, **options)
        fit(make, images, [backup, CutAfter(batches)])


def test_the_last_are_kept(images, tmp_path):
    cut_run(images, tmp_path, keep=3)
    assert names(tmp_path) == [
        "epoch0001-batch000004.npz",
        "epoch0001-batch000005.npz",
        "epoch0002-batch000001.npz",
    ]


DAMAGES = {
    "truncated": lambda data: data[:-9],
    "empty": lambda data: b"",
    "bit": lambda data: data[:900] + bytes([data[900] ^ 4]) + data[901:],
    "text": lambda data: b"no checkpoint",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_one_is_passed_over(damage, images, tmp_path):
    straight = outcome(fit(make, images, []))
    cut_run(images, tmp_path)
    last = tmp_path / "epoch0002-batch000001.npz"
    last.write_bytes(damage(last.read_bytes()))
    text = rf"^{re.escape(str(last))}: .*\. This checkpoint is skipped"
    with pytest.warns(UserWarning, match=text) as caught:
        cut_run(images, tmp_path, batches=2)
    assert len(caught) == 1
    # the batch was trained again, and the damaged file replaced
    assert names(tmp_path)[-1] == last.name
    assert same(outcome(fit(make, images, [BackupAndRestore(tmp_path)])), straight)


def test_without_one_that_is_whole_training_begins_anew(images, tmp_path):
    straight = outcome(fit(make, images, []))
    cut_run(images, tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    with pytest.warns(UserWarning, match="is skipped") as caught:
        model = fit(make, images, [BackupAndRestore(tmp_path)])
    assert len(caught) == 2
    assert same(outcome(model), straight)


def test_checkpoints_that_stay(make_model, images, tmp_path, capsys):
    """A run that is through is not repeated; one of more epochs goes on."""

    def run(epochs, verbose=0):
        model = make_model()
        backup = BackupAndRestore(tmp_path, delete_checkpoint=False)
        options = {"epochs": epochs, "verbose": verbose, "callbacks": backup}
        return model, model.fit(*images, **options).history

    (first, history), (again, same_history) = run(2), run(2)
    assert names(tmp_path) == [f"epoch000{k}-batch000000.npz" for k in (1, 2)]
    assert same_history == history
    for a, b in zip(first.get_weights(), again.get_weights(), strict=True):
        assert_array_equal(a, b)
    assert not capsys.readouterr().out
    longer, whole = run(4, verbose=2)[1], make_model().fit(*images, epochs=4, verbose=0)
    assert longer == whole.history
    first_line = capsys.readouterr().out.splitlines()[0]
    path = tmp_path / "epoch0002-batch000000.npz"
    assert first_line == f"Continuing from {path}: epoch 3, batch 1"


def test_a_folder_that_stdout_cannot_show(images, tmp_path, monkeypatch):
    """Training goes on from it all the same."""
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stdout)
    folder = tmp_path / "donn\N{LATIN SMALL LETTER E WITH ACUTE}es"
    for epochs in (1, 2):
        backup = BackupAndRestore(folder, delete_checkpoint=False)
        history = make().fit(*images, epochs=epochs, callbacks=backup, verbose=2)
    stdout.flush()
    assert rb"donn\xe9es" in stdout.buffer.getvalue()
    assert history.epoch == [0, 1]


def test_a_full_disk(images, tmp_path, monkeypatch):
    """The error comes through; the checkpoint before stays; the lock is released."""
    straight = outcome(fit(make, images, []))
    fsync, calls = os.fsync, []

    def full(file):
        calls.append(file)
        if len(calls) == 13:  # two for each: the file, and the folder
            raise OSError(28, "No space left on device")
        fsync(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            fit(make, images, [BackupAndRestore(tmp_path, 1)])
    assert len(names(tmp_path)) == 2 and all("epoch" in n for n in names(tmp_path))
    assert same(outcome(fit(make, images, [BackupAndRestore(tmp_path)])), straight)


def test_a_state_that_no_file_can_hold(make_model, images, tmp_path):
    class Odd(Callback):
        def get_state(self):
            return {"deep": [1, {"file": sys.stdout}]}

    text = r"cannot hold .*, found at callbacks/0/deep/1/file"
    with pytest.raises(TypeError, match=text):
        backup = BackupAndRestore(tmp_path)
        make_model().fit(*images, callbacks=[Odd(), backup], verbose=0)
    assert not tmp_path.exists()


# --- refused --------------------------------------------------------------------------

OTHERS = {
    "layer": (
        {"make": lambda: make(filters=5)},
        [
            "model/layers/conv2d/1/config/filters: 4 in the checkpoint, 5 here",
            "model/layers/batch_normalization/0/2: 4 in the checkpoint, 5 here",
        ],
    ),
    "seed": ({"make": lambda: make(seed=1)}, ["model/seed: 0 in the checkpoint, 1"]),
    "optimizer": (
        {"make": lambda: make(Adam(0.01, beta_1=0.8))},
        ["optimizer/config/beta_1: 0.9 in the checkpoint, 0.8 here"],
    ),
    "metrics": (
        {"make": lambda: make(metrics=[])},
        ["metrics: ['accuracy'] in the checkpoint, [] here"],
    ),
    "batch-size-and-order": (
        {"batch_size": 5, "shuffle": False},
        ["data/batch_size: 10 in", "data/steps: 5 in", "data/shuffle: True in"],
    ),
    "samples": ({"samples": 49}, ["data/x: 'float32 (50, 8, 8, 1)' in the checkpoint"]),
    "values": ({"add": 1}, ["data/checksum of the first and last sample: "]),
    "callbacks": (
        {"more": [EarlyStopping()]},
        ["callbacks: ['ReduceLROnPlateau', 'EarlyStopping', 'History'] in the check"],
    ),
}


@pytest.mark.parametrize("other, lines", OTHERS.values(), ids=OTHERS)
def test_a_checkpoint_of_another_run_is_refused(other, lines, images, tmp_path):
    """All that differs is listed; neither the model nor the files change."""
    cut_run(images, tmp_path)
    before, files = [], {path: path.read_bytes() for path in tmp_path.iterdir()}
    other = dict(other)
    new, samples = other.pop("make", make), other.pop("samples", 50)

    def noted():
        model = new()
        before.append((model, model.get_weights()))
        return model

    data = images[0][:samples] + other.pop("add", 0), images[1][:samples]
    options = {"batch_size": 10, **other}
    backup = BackupAndRestore(tmp_path)
    callbacks = [ReduceLROnPlateau("loss"), EarlyStopping(), CutAfter(9)]
    callbacks += [*options.pop("more", []), backup]
    with pytest.raises(ValueError, match="is a checkpoint of another run") as caught:
        options |= {"validation_data": images, "callbacks": callbacks, "verbose": 0}
        noted().fit(*data, **options)
    for line in lines:
        assert f"\n  {line}" in str(caught.value)
    model, weights = before[0]
    for was, now in zip(weights, model.get_weights(), strict=True):
        assert_array_equal(was, now)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_a_forged_checkpoint_changes_nothing(images, tmp_path):
    cut_run(images, tmp_path, keep=1)
    (path,) = tmp_path.iterdir()
    about, state = checkpoint_module.read(path)
    state["model"]["layers"]["dense"]["params"]["bias"] = np.zeros(7)
    del state["model"]["optimizer"]["slots"]["v"]
    checkpoint_module.write(path, about, state)
    with pytest.raises(ValueError, match="dense/params/bias: float64 .7,. in") as error:
        fit(make, images, [BackupAndRestore(tmp_path)])
    assert "optimizer/slots/v: absent in the checkpoint" in str(error.value)


def test_a_checkpoint_of_the_version_before(images, tmp_path):
    """It says nothing of the parameters behind a moving average: there were none."""
    straight = outcome(fit(make, images, []))
    cut_run(images, tmp_path, keep=1)
    (path,) = tmp_path.iterdir()
    about, state = checkpoint_module.read(path)
    del state["last"]
    checkpoint_module.write(path, about, state)
    assert same(outcome(fit(make, images, [BackupAndRestore(tmp_path)])), straight)


# --- two runs -------------------------------------------------------------------------


def test_two_runs_on_one_folder(make_model, images, tmp_path):
    """The second is refused, and the first goes on."""

    class Second(Callback):
        def on_epoch_end(self, epoch, logs=None):
            text = rf"another run is using {re.escape(str(tmp_path))}"
            with pytest.raises(RuntimeError, match=text):
                backup = BackupAndRestore(tmp_path)
                make_model().fit(*images, callbacks=backup, verbose=0)

    callbacks = [Second(), BackupAndRestore(tmp_path)]
    history = make_model().fit(*images, epochs=2, callbacks=callbacks, verbose=0)
    assert history.epoch == [0, 1]


HOLD = """
import sys, time
from sora_np.saving.lock import Lock
lock = Lock(sys.argv[1])
print(lock.acquire(), flush=True)
time.sleep(60)
"""


def test_another_process_holds_the_folder_until_it_is_killed(
    make_model, images, tmp_path
):
    command = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "True\n"
        with pytest.raises(RuntimeError, match="another run is using"):
            backup = BackupAndRestore(tmp_path)
            make_model().fit(*images, callbacks=backup, verbose=0)
        other.kill()
    assert names(tmp_path) == ["lock"]  # a file, and no lock any more
    make_model().fit(*images, callbacks=BackupAndRestore(tmp_path), verbose=0)
    assert not tmp_path.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_does_not_keep_the_lock(tmp_path):
    """A worker may outlive a run that was killed."""
    code = (
        "import os, sys, time\nfrom sora_np.saving.lock import Lock\n"
        "lock = Lock(sys.argv[1])\nlock.acquire()\n"
        "child = os.fork()\nif child: print(child, flush=True)\ntime.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        time.sleep(0.2)
        parent.kill()
    try:
        from sora_np.saving.lock import Lock

        lock = Lock(tmp_path / "lock")
        assert lock.acquire()
        lock.release()
    finally:
        os.kill(child, 9)


# --- streams --------------------------------------------------------------------------


def endless(images, passed):
    while True:
        for number in range(5):
            passed.append(number)
            yield images[0][number::5], images[1][number::5]


def test_a_generator_is_run_through_again(images, tmp_path):
    def run(source, *callbacks):
        model = make()
        options = {"epochs": 3, "steps_per_epoch": 4, "verbose": 0}
        model.fit(source, callbacks=callbacks, **options)
        return model

    straight = outcome(run(endless(images, [])))
    with pytest.raises(Cut):
        run(endless(images, []), CutAfter(7), BackupAndRestore(tmp_path, 1))
    passed = []
    text = "a generator cannot return to its earlier position: its first 6 batches"
    with pytest.warns(UserWarning, match=text):
        model = run(endless(images, passed), BackupAndRestore(tmp_path, 1))
    assert same(outcome(model), straight)
    assert len(passed) == 12
    with pytest.raises(Cut):
        run(endless(images, []), CutAfter(7), BackupAndRestore(tmp_path, 1))
    short = (batch for batch, _ in zip(endless(images, []), range(3), strict=False))
    with (
        pytest.warns(UserWarning, match="cannot return"),
        pytest.raises(ValueError, match="ended 1 batches before the place"),
    ):
        run(short, BackupAndRestore(tmp_path, 1))


def test_a_source_that_changes_and_has_no_state(images, tmp_path):
    class Secret(Items):
        def on_epoch_end(self):
            self.x = self.x[::-1]

    def run(*callbacks):
        make().fit(Secret(*images), callbacks=callbacks, verbose=0, epochs=2)

    with pytest.raises(Cut):
        run(CutAfter(7), BackupAndRestore(tmp_path))
    with pytest.warns(
        UserWarning, match="the Secret has on_epoch_end, but neither get_"
    ):
        run(BackupAndRestore(tmp_path))


@pytest.mark.parametrize(
    "options, error, text",
    [
        ({"save_freq": "batch"}, TypeError, 'save_freq, if not "epoch",'),
        ({"keep": 0}, ValueError, "keep must be a positive whole number"),
        ({"double_checkpoint": True}, TypeError, "double_checkpoint"),
    ],
)
def test_mistakes(options, error, text, tmp_path):
    with pytest.raises(error, match=text):
        BackupAndRestore(tmp_path, **options)
