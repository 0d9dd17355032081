"""What fit and evaluate call, when and with what; and when a callback raises."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np.callbacks import Callback, History
from sora_np.layers import Layer
from sora_np.optimizers import SGD

EVENTS = [name for name in vars(Callback) if name.startswith("on_")]


class Log(Callback):
    """Writes down every call, and does what it is told at one of them."""

    def __init__(self, at=None, do=None):
        self.calls, self.at, self.do = [], at, do

    def note(self, event, *args):
        *number, logs = args
        self.calls.append((event, *number))
        assert isinstance(logs, dict)
        if (event, *number) == self.at:
            self.do(self.model)

    def names(self):
        return [
            " ".join(map(str, call)).removeprefix("on_").replace("batch_", "")
            for call in self.calls
        ]


for name in EVENTS:
    setattr(Log, name, lambda self, *args, name=name: self.note(name, *args))


def test_order_of_an_epoch_with_validation(make_model, images):
    log = Log()
    make_model().fit(*images, 25, validation_data=images, callbacks=[log], verbose=0)
    assert log.names() == [
        *("train_begin", "epoch_begin 0"),
        *("train_begin 0", "train_end 0", "train_begin 1", "train_end 1"),
        "test_begin",
        *("test_begin 0", "test_end 0", "test_begin 1", "test_end 1"),
        "test_end",
        *("epoch_end 0", "train_end"),
    ]


def test_evaluate_calls_the_test_events(make_model, images):
    log = Log()
    make_model().evaluate(*images, 25, callbacks=log, verbose=0)
    assert log.names() == [
        *("test_begin", "test_begin 0", "test_end 0", "test_begin 1", "test_end 1"),
        "test_end",
    ]


def test_callbacks_are_called_in_turn(make_model, images):
    order = []
    first, second = (
        Log(("on_epoch_end", 0), lambda _, k=k: order.append(k)) for k in "ab"
    )
    make_model().fit(*images, callbacks=(first, second), verbose=0)
    assert order == ["a", "b"]


def test_logs_are_means_so_far(make_model, images):
    seen = []

    class Means(Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(logs)

        def on_test_batch_end(self, batch, logs=None):
            seen.append(logs)

    (x, y), model = images, make_model(SGD(0))
    model.fit(
        x, y, 20, shuffle=False, validation_data=images, callbacks=Means(), verbose=0
    )
    for k, logs in enumerate(seen):
        end = (20, 40, 50)[k % 3]
        expected = model.evaluate(x[:end], y[:end], verbose=0, return_dict=True)
        assert logs == pytest.approx(expected), "kept logs stay as they were"


def test_params_and_model(make_model, images):
    model, log = make_model(), Log()
    model.fit(*images, 20, epochs=2, callbacks=log, verbose=0)
    assert log.model is model
    assert log.params == {
        **{"verbose": 0, "epochs": 2, "steps": 3},
        "validation_freq": 0,
    }
    assert model.history.params == {"verbose": 0, "epochs": 2, "steps": 3}


# --- stopping -----------------------------------------------------------------


def stop(model):
    model.stop_training = True


def test_stop_after_an_epoch(make_model, images):
    model, log = make_model(), Log(("on_epoch_end", 1), stop)
    history = model.fit(*images, epochs=9, callbacks=log, verbose=0)
    assert history.epoch == [0, 1] and log.calls[-1] == ("on_train_end",)
    model.fit(*images, epochs=2, verbose=0)
    assert model.history.epoch == [0, 1], "the next fit runs as usual"


def test_stop_within_an_epoch(make_model, images):
    """The epoch ends with that batch; validated and noted all the same."""
    model, log = make_model(), Log(("on_train_batch_end", 1), stop)
    history = model.fit(
        *images, 10, epochs=9, validation_data=images, callbacks=log, verbose=0
    )
    assert ("on_train_batch_begin", 2) not in log.calls
    assert history.epoch == [0] and len(history.history["val_loss"]) == 1


# --- the history --------------------------------------------------------------


def test_history_is_returned_and_kept(make_model, images):
    model = make_model()
    history = model.fit(
        *images, epochs=5, initial_epoch=3, validation_data=images, verbose=0
    )
    assert isinstance(history, History) and model.history is history
    assert history.model is model and history.epoch == [3, 4]
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    for values in history.history.values():
        assert len(values) == 2 and {type(v) for v in values} == {float}
    assert repr(history) == (
        "<History of 2 epochs: accuracy, loss, val_accuracy, val_loss>"
    )


def test_nothing_is_left_to_do(make_model, images, same_weights):
    """``epochs`` is the number of the last epoch."""
    model = make_model()
    history = model.fit(*images, epochs=3, initial_epoch=3, verbose=0)
    assert history.history == {} and same_weights(model, make_model())


@pytest.mark.parametrize("value, error", [(-1, ValueError), (1.5, TypeError)])
def test_initial_epoch_is_a_count(make_model, images, value, error):
    with pytest.raises(error, match=f"initial_epoch must be .* got {value}"):
        make_model().fit(*images, initial_epoch=value, verbose=0)


def test_callbacks_numbers_join_the_history(make_model, images):
    class Rate(Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["learning_rate"] = self.model.optimizer.learning_rate
            self.model.optimizer.learning_rate /= 2

    logs = make_model("sgd").fit(*images, epochs=2, callbacks=Rate(), verbose=0)
    assert logs.history["learning_rate"] == [0.01, 0.005]


@pytest.mark.parametrize("thing", [print, Callback, Layer(), "history"], ids=repr)
def test_only_callbacks_are_taken(make_model, images, thing):
    model = make_model()
    for use in (model.fit, model.evaluate):
        with pytest.raises(TypeError, match="sora_np.callbacks.Callback objects, got"):
            use(*images, callbacks=[thing], verbose=0)


def test_a_class_of_callbacks_is_told_from_an_object(make_model, images):
    with pytest.raises(TypeError, match="History.*: make one, History..$"):
        make_model().fit(*images, callbacks=[History], verbose=0)


def test_callbacks_that_are_no_list(make_model, images):
    with pytest.raises(TypeError, match="sora_np.callbacks.Callback objects, got"):
        make_model().fit(*images, callbacks=print, verbose=0)


class OfKeras(Callback):
    def on_batch_end(self, batch, logs=None):
        raise AssertionError


def test_methods_that_are_no_events_are_warned_of(make_model, images):
    """A script of Keras's must not lose what it does there without a word."""
    text = "^on_batch_end of OfKeras is never called. The events are: on_train_begin, "
    with pytest.warns(UserWarning, match=text) as caught:
        make_model().fit(*images, callbacks=OfKeras(), verbose=0)
    assert len(caught) == 1 and caught[0].filename == __file__


# --- a callback that raises ---------------------------------------------------


class Oh(Exception):
    pass


@pytest.mark.parametrize("error", [Oh, KeyboardInterrupt])
@pytest.mark.parametrize("event", EVENTS)
def test_an_exception_leaves_the_model_usable(make_model, images, event, error):
    """What was trained stays, and the history of the epochs that ended."""

    def fail(model):
        raise error

    epochs = {"train_begin": 0, "train_end": 3}.get(event.removeprefix("on_"), 1)
    number = len(inspect.signature(getattr(Callback, event)).parameters) - 2
    at = (event, *[1 - ("batch" in event)] * number)
    if event in ("on_test_begin", "on_test_end"):
        epochs = 0
    if "batch" in event:
        epochs = 0
    model = make_model()
    options = {"validation_data": images, "epochs": 3, "verbose": 0}
    with pytest.raises(error):
        model.fit(*images, callbacks=Log(at, fail), **options)
    assert model.history.epoch == list(range(epochs))
    assert not any(layer._caches for layer in model.layers)
    weights = model.get_weights()
    assert np.isfinite(model.predict(images[0], verbose=0)).all()
    model.evaluate(*images, verbose=0)
    assert_array_equal(model.get_weights()[0], weights[0])
    history = model.fit(*images, **options)
    assert history.epoch == [0, 1, 2]
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_an_exception_in_a_layer_leaves_the_model_usable(make_model, images):
    model = make_model()
    broken = model.layers[2]
    broken.backward = lambda dy: 1 / 0
    with pytest.raises(ZeroDivisionError):
        model.fit(*images, verbose=0)
    with pytest.raises(ZeroDivisionError):
        model.train_on_batch(*images)
    del broken.backward
    model.fit(*images, verbose=0)
    assert not any(layer._caches for layer in model.layers)


def test_interrupted_training_goes_on(make_model, images):
    """Ctrl-C after an epoch, then a fit from there: as if nothing had happened."""

    def interrupt(model):
        raise KeyboardInterrupt

    stopped, straight = make_model(), make_model()
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(*images, callbacks=Log(("on_epoch_end", 1), interrupt), epochs=9)
    stopped.fit(*images, epochs=4, initial_epoch=2, verbose=0)
    straight.fit(*images, epochs=4, verbose=0)
    assert_array_equal(stopped.flat.values, straight.flat.values)
