"""use_ema: which weights fit ends with, validates, restores and saves; and which stay.

The oracle is a model without an average that takes the same steps, averaged here: Keras
3.15 (``average = momentum * average + (1 - momentum) * weights``, the weights at the
first step) agrees with it.
"""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np.callbacks import (
    BackupAndRestore,
    Callback,
    EarlyStopping,
    LambdaCallback,
    ModelCheckpoint,
)
from sora_np.layers import BatchNormalization, Dense
from sora_np.models import Sequential, load_model
from sora_np.optimizers import SGD

MOMENTUM, RATE = 0.75, 0.1


@pytest.fixture
def data(rng):
    x = rng.standard_normal((40, 3))
    return x, x @ [[1.0], [-2.0], [0.5]] + 0.3 * rng.standard_normal((40, 1))


def make(use_ema=True, momentum=MOMENTUM, **options):
    model = Sequential([Dense(2, "tanh", input_shape=(3,)), Dense(1)], dtype="float64")
    model.compile(SGD(RATE, use_ema=use_ema, ema_momentum=momentum, **options), "mse")
    return model


def averages(model, data, epochs, average=None):
    """Train without an average; return the average after every epoch, by hand."""
    x, y = data
    found = []
    for _ in range(epochs):
        for k in range(0, 40, 10):
            model.train_on_batch(x[k : k + 10], y[k : k + 10])
            now = model.flat.values.copy()
            if average is None:
                average = now
            average = MOMENTUM * average + (1 - MOMENTUM) * now
        found.append(average)
    return found


IN_ORDER = {"batch_size": 10, "shuffle": False, "verbose": 0}


def test_validation_measures_the_average_and_training_goes_on_without_it(data):
    """As with Keras's SwapEMAWeights: fit ends with the weights that it measured."""
    x, y = data
    seen = []
    see = LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.flat.values.copy())
    )
    model, plain, other = make(), make(use_ema=False), make()
    expected = averages(plain, data, 3)
    options = {"epochs": 3, "callbacks": see, **IN_ORDER}
    history = model.fit(x, y, validation_data=(x, y), **options).history
    assert_allclose(seen, expected, rtol=1e-12)
    assert_array_equal(model.flat.values, seen[-1])
    assert model.evaluate(x, y, verbose=0) == history["val_loss"][-1]
    without = other.fit(x, y, epochs=3, **IN_ORDER).history
    assert without["loss"] == history["loss"], "nothing of it stays in training"
    assert_array_equal(other.flat.values, model.flat.values)


def test_another_fit_begins_with_the_average(data):
    """As in Keras 3.15, where it has taken the place of the weights."""
    model, plain = make(), make(use_ema=False)
    first = averages(plain, data, 1)[-1]
    model.fit(*data, **IN_ORDER)
    plain.flat.values[...] = first
    second = averages(plain, data, 1, first)[-1]
    model.fit(*data, **IN_ORDER)
    assert_allclose(model.flat.values, second, rtol=1e-12)


WAYS = {  # to set weights before another fit
    "set_weights": lambda model, weights, path: model.set_weights(weights),
    "load_weights": lambda model, weights, path: model.load_weights(path),
    "layer": lambda model, weights, path: [
        layer.set_weights(weights[2 * k : 2 * k + 2])
        for k, layer in enumerate(model.layers)
    ],
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_weights_that_are_set_before_another_fit_hold(data, tmp_path, way):
    """In Keras the average that they replaced comes back."""
    model, other = make(momentum=0.999), make(use_ema=False)
    model.fit(*data, epochs=2, **IN_ORDER)
    other.set_weights([weight + 3 for weight in other.get_weights()])
    other.save_weights(tmp_path / "w.npz")
    way(model, other.get_weights(), tmp_path / "w.npz")
    before = model.flat.values.copy()
    model.optimizer.learning_rate = 1e-6
    model.fit(*data, **IN_ORDER)
    assert_allclose(model.flat.values, before, atol=1e-3)


@pytest.mark.parametrize("event", ["on_train_begin", "on_epoch_end", "on_train_end"])
def test_weights_that_a_callback_sets_hold(data, event):
    model = make(momentum=0.999)
    wanted = [weight + 3 for weight in model.get_weights()]
    model.fit(*data, **IN_ORDER)
    setting = LambdaCallback(**{event: lambda *_: model.set_weights(wanted)})
    model.optimizer.learning_rate = 1e-6
    model.fit(*data, callbacks=setting, **IN_ORDER)
    for weight, value in zip(model.get_weights(), wanted, strict=True):
        assert_allclose(weight, value, atol=1e-3)


@pytest.mark.parametrize("overwrite", [None, 2])
def test_frozen_layers_keep_their_bits(data, overwrite):
    """What they were loaded with, and not an average of before."""
    model = make(ema_overwrite_frequency=overwrite)
    model.fit(*data, epochs=2, **IN_ORDER)
    frozen = model.layers[0]
    frozen.set_weights([weight + 1 for weight in frozen.get_weights()])
    frozen.trainable = False
    kept = frozen.get_weights()
    model.compile(model.optimizer, "mse")
    model.fit(*data, epochs=2, validation_split=0.25, **IN_ORDER)
    for weight, before in zip(frozen.get_weights(), kept, strict=True):
        assert_array_equal(weight, before)


def test_a_layer_that_a_callback_freezes_stays_as_it_was_then(data):
    """If it also calls ``compile``; otherwise it warns, and the layer is trained."""
    model, seen = make(), []

    class Freeze(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                model.layers[0].trainable = False
                model.compile(model.optimizer, model.loss)
                seen.extend(model.layers[0].get_weights())

    model.fit(*data, epochs=3, callbacks=Freeze(), **IN_ORDER)
    for weight, before in zip(model.layers[0].get_weights(), seen, strict=True):
        assert_array_equal(weight, before)
    assert len(seen) == 2

    model, other = make(), make()
    freeze = LambdaCallback(
        on_epoch_begin=lambda *_: setattr(model.layers[0], "trainable", False)
    )
    with pytest.warns(UserWarning, match="^trainable of .* was changed") as caught:
        model.fit(*data, epochs=3, callbacks=freeze, **IN_ORDER)
    assert len(caught) == 1 and caught[0].filename == __file__
    other.fit(*data, epochs=3, **IN_ORDER)
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        assert_array_equal(a, b)


def test_portions_are_learnt_at_full_speed(data):
    """As without an average, which is there when it is asked for."""
    x, y = data
    model, plain = make(), make(use_ema=False)
    expected = averages(make(use_ema=False), data, 2)[-1]
    for k in 2 * [0, 10, 20, 30]:
        for one in (model, plain):
            one.partial_fit(x[k : k + 10], y[k : k + 10])
    assert_array_equal(model.flat.values, plain.flat.values)
    model.optimizer.finalize(model.flat.values)
    assert_allclose(model.flat.values, expected, rtol=1e-12)


# --- the best weights -------------------------------------------------------------


def rising(data):
    """Validation targets that training moves away from after the second epoch."""
    model, plain = make(), make(use_ema=False)
    second = averages(plain, data, 2)[-1]
    model.flat.values[...] = second
    return data[0], model.predict(data[0], verbose=0)


@pytest.mark.parametrize("patience", [1, 9], ids=["stopped", "to-the-end"])
def test_early_stopping_restores_the_average_that_was_best(data, patience):
    expected = averages(make(use_ema=False), data, 2)[-1]
    model, stop = make(), EarlyStopping(patience=patience, restore_best_weights=True)
    checked = {"validation_data": rising(data), "callbacks": stop}
    history = model.fit(*data, epochs=5, **checked, **IN_ORDER).history
    assert stop.best_epoch == 1 and len(history["loss"]) == (3 if patience == 1 else 5)
    assert_allclose(model.flat.values, expected, rtol=1e-12)
    assert model.evaluate(*rising(data), verbose=0) == min(history["val_loss"])
    model.fit(*data, epochs=5, initial_epoch=5, **IN_ORDER)
    assert_allclose(model.flat.values, expected, rtol=1e-12)


@pytest.mark.parametrize("alone", [True, False], ids=["weights", "model"])
def test_the_best_file_holds_the_average_that_was_measured(data, tmp_path, alone):
    path, model = tmp_path / "best.npz", make()
    options = {"save_best_only": True, "save_weights_only": alone}
    checked = {"validation_data": rising(data)}
    checked["callbacks"] = ModelCheckpoint(path, **options)
    history = model.fit(*data, epochs=4, **checked, **IN_ORDER).history
    saved = make()
    if alone:
        saved.load_weights(path)
    else:
        saved = load_model(path)
    assert saved.evaluate(*rising(data), verbose=0) == min(history["val_loss"])


def test_moving_statistics_come_back_with_the_best_weights(data):
    """Those of the epoch that was best, too."""
    model = Sequential([BatchNormalization(momentum=0.5), Dense(1)], dtype="float64")
    model.compile(SGD(0.05), "mse")
    x, y = data
    seen = []
    see = LambdaCallback(on_epoch_end=lambda *_: seen.append(model.get_weights()))
    stop = EarlyStopping("loss", mode="max", patience=9, restore_best_weights=True)
    history = model.fit(x, y, 10, epochs=4, callbacks=[see, stop], verbose=0)
    best = int(np.argmax(history.history["loss"]))
    assert best == 0 and len(seen[0]) == 6
    for weight, wanted in zip(model.get_weights(), seen[best], strict=True):
        assert_array_equal(weight, wanted)
    assert (seen[-1][2] != seen[best][2]).any(), "the moving mean went on"


# --- resuming, copies -------------------------------------------------------------


@pytest.mark.parametrize("event", ["on_epoch_end", "on_train_batch_end"])
def test_resuming_is_exact(data, tmp_path, event):
    """Checkpoints between epochs are made while the average is shown."""

    class Cut(Exception):
        pass

    def cut(*_):
        if model.optimizer.iterations == 8:
            raise Cut

    options = {"validation_data": data, "epochs": 4, "verbose": 0}
    model = straight = make()
    expected = straight.fit(*data, 10, **options).history
    for freq in ("epoch", 1):
        model = make()
        backup = BackupAndRestore(tmp_path / f"cut{freq}", save_freq=freq)
        stopping = LambdaCallback(**{event: cut})
        with pytest.raises(Cut):
            model.fit(*data, 10, callbacks=[backup, stopping], **options)
        model = make()
        history = model.fit(*data, 10, callbacks=backup, **options).history
        assert history == expected
        assert_array_equal(model.flat.values, straight.flat.values)


def test_an_exception_leaves_the_last_weights(data):
    """As one within an epoch does; the average is in the optimiser."""

    def fail(epoch, logs):
        raise KeyError

    model, plain = make(), make(use_ema=False)
    with pytest.raises(KeyError):
        model.fit(*data, callbacks=LambdaCallback(on_epoch_end=fail), **IN_ORDER)
    averages(plain, data, 1)
    assert_array_equal(model.flat.values, plain.flat.values)


def test_a_step_of_a_callbacks_own_goes_on_from_the_last_weights(data):
    x, y = data
    step = LambdaCallback(on_epoch_end=lambda *_: model.train_on_batch(x[:10], y[:10]))
    model, plain = make(), make(use_ema=False)
    average = averages(plain, data, 1)[-1]
    plain.train_on_batch(x[:10], y[:10])
    average = MOMENTUM * average + (1 - MOMENTUM) * plain.flat.values
    model.fit(x, y, callbacks=step, **IN_ORDER)
    assert_allclose(model.flat.values, average, rtol=1e-12)


def test_a_copy_that_a_callback_makes_is_of_the_average(data):
    copies = []
    keep = LambdaCallback(on_epoch_end=lambda *_: copies.append(copy.deepcopy(model)))
    model = make()
    model.fit(*data, callbacks=keep, **IN_ORDER)
    assert_array_equal(copies[0].flat.values, model.flat.values)
    copies[0].fit(*data, **IN_ORDER)
