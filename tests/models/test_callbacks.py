"""What fit and evaluate call, when and with what; and when a callback raises."""

import copy
import inspect
import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np.callbacks import Callback, History, LambdaCallback
from sora_np.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    RandomFlip,
    ReLU,
)
from sora_np.metrics import Recall, SparseCategoricalAccuracy
from sora_np.models import Sequential, clone_model
from sora_np.optimizers import SGD

OLD = ("on_batch_begin", "on_batch_end")  # called by on_train_batch_*, as in Keras
EVENTS = [n for n in vars(Callback) if n.startswith("on_") and n not in OLD]


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
    with pytest.raises(TypeError, match="History.*: create an object, History..$"):
        make_model().fit(*images, callbacks=[History], verbose=0)


def test_callbacks_that_are_no_list(make_model, images):
    with pytest.raises(TypeError, match="sora_np.callbacks.Callback objects, got"):
        make_model().fit(*images, callbacks=print, verbose=0)


class OfKeras(Callback):
    def on_predict_end(self, logs=None):
        raise AssertionError


def test_methods_that_are_no_events_are_warned_of(make_model, images):
    """A script of Keras's must not lose what it does there without a word."""
    text = (
        "^on_predict_end of OfKeras is never called. The events are: on_train_begin, "
    )
    with pytest.warns(UserWarning, match=text) as caught:
        make_model().fit(*images, callbacks=OfKeras(), verbose=0)
    assert len(caught) == 1 and caught[0].filename == __file__


class LossHistory(Callback):
    def on_train_begin(self, logs=None):
        self.begun, self.losses = [], []

    def on_batch_begin(self, batch, logs=None):
        self.begun.append(batch)

    def on_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])


def test_batches_by_their_old_names(make_model, images):
    """Keras's on_train_batch_end calls on_batch_end, and so at the beginning."""
    history = LossHistory()
    make_model().fit(*images, callbacks=[history], epochs=2, verbose=0)
    count = len(history.begun) // 2
    assert history.begun == [*range(count)] * 2 and count > 0
    assert len(history.losses) == 2 * count


# --- a callback that uses the model -------------------------------------------


def own_accuracy(y_true, y_pred):
    return np.mean(y_true == y_pred.argmax(axis=1))


USES = {  # what a callback may do with the model whose epoch is running
    "evaluate": lambda model, x, y: model.evaluate(x, y, verbose=0),
    "other-labels": lambda model, x, y: model.evaluate(
        x[:7], y[:7].astype(np.int8), 7, verbose=0
    ),
    "test_on_batch": lambda model, x, y: model.test_on_batch(x, y),
    "predict": lambda model, x, y: model.predict(x, 10, verbose=0),
    "call": lambda model, x, y: model(x),
    "layer_outputs": lambda model, x, y: model.layer_outputs(x),
    "many-plans": lambda model, x, y: [
        model.evaluate(x[:n], y[:n], n, verbose=0) for n in range(1, 9)
    ],
    "another-model": lambda model, x, y: other_of(model).evaluate(x, y, verbose=0),
    "another-fit": lambda model, x, y: other_of(model).fit(x, y, verbose=0),
    "copy": lambda model, x, y: copy.deepcopy(model).fit(x, y, verbose=0),
}


def other_of(model):
    """Return another model with the very same metric objects."""
    other = clone_model(model)
    other.compile("sgd", model.loss, metrics=model._steps.metrics)
    return other


def drawing_model(average):
    """A model in which everything is there that an evaluation could disturb."""
    layers = [
        *(RandomFlip("horizontal", input_shape=(8, 8, 1)), Conv2D(2, 3), ReLU()),
        *(BatchNormalization(), Flatten(), Dropout(0.5), Dense(3, "softmax")),
    ]
    model = Sequential(layers)
    measures = ["accuracy", SparseCategoricalAccuracy("s"), Recall(0.2), own_accuracy]
    optimizer = SGD(0.01, 0.9, use_ema=average)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=measures)
    return model


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_using_the_model_disturbs_nothing(images, use):
    """Metrics given as objects, random streams, moving statistics, plans, averages."""
    runs = []
    for call in (None, use):
        model = drawing_model(average=True)

        class Use(Callback):
            def act(self, *args, call=call):
                if call is not None:
                    call(self.model, *images)

            on_train_batch_end = on_epoch_begin = on_epoch_end = on_test_batch_end = act

        options = {"validation_data": images, "epochs": 2, "verbose": 0}
        history = model.fit(*images, 20, callbacks=Use(), **options).history
        runs.append((history, model.get_weights(), model.optimizer.slots["ema"]))
    (a, weights, average), (b, others, its) = runs
    assert a == b and len(a) == 10
    assert_array_equal(average, its)
    for weight, wanted in zip(others, weights, strict=True):
        assert_array_equal(weight, wanted)


def test_evaluate_within_evaluate(images):
    """The one within gets its own numbers, too."""
    model, found = drawing_model(average=False), []
    expected = model.evaluate(*images, 20, verbose=0)
    x, y = images
    part = model.evaluate(x[:9], y[:9], verbose=0)
    within = LambdaCallback(
        on_test_batch_end=lambda *_: found.append(
            model.evaluate(x[:9], y[:9], verbose=0)
        )
    )
    assert model.evaluate(x, y, 20, callbacks=within, verbose=0) == expected
    assert found == [part] * 3
    metric = model._steps.metrics[1]
    assert metric.result() == expected[2], "the object given holds the last pass"


@pytest.mark.parametrize("way", ["fit", "partial_fit"])
def test_fit_within_fit_is_refused(make_model, images, way):
    model, plain, said = make_model(), make_model(), []

    def again(*_):
        with pytest.raises(RuntimeError, match=f"^{way} was called while fit is tr"):
            getattr(model, way)(*images)
        said.append(1)

    callback = LambdaCallback(on_train_batch_end=again, on_epoch_end=again)
    history = model.fit(*images, 25, callbacks=callback, verbose=0)
    assert len(said) == 3 and model.history is history
    plain.fit(*images, 25, verbose=0)
    assert_array_equal(model.flat.values, plain.flat.values)
    model.fit(*images, verbose=0)


def test_fit_at_the_end_of_fit(make_model, images):
    """As in Keras: training is over, and a callback may go on with more of it."""
    model, plain, inner = make_model(), make_model(), []
    callback = LambdaCallback(
        on_train_end=lambda *_: inner.append(model.fit(*images, 25, verbose=0))
    )
    history = model.fit(*images, 25, callbacks=callback, verbose=0)
    assert len(inner) == 1 and inner[0] is not history
    for _ in range(2):
        plain.fit(*images, 25, verbose=0)
    assert_array_equal(model.flat.values, plain.flat.values)


def test_a_metric_that_cannot_be_copied_is_named(make_model, images):
    """Not reset in the middle of the epoch, which would be silent."""

    class Locked(SparseCategoricalAccuracy):
        def __init__(self):
            super().__init__("locked")
            self.lock = threading.Lock()

    model = make_model()
    model.compile("sgd", model.loss, metrics=[Locked()])
    model.fit(*images, verbose=0)
    within = LambdaCallback(
        on_train_batch_end=lambda *_: model.evaluate(*images, verbose=0)
    )
    with pytest.raises(TypeError, match="the metric locked is in use by another"):
        model.fit(*images, callbacks=within, verbose=0)
    model.evaluate(*images, verbose=0)


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
