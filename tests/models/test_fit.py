import math
import os
import subprocess
import sys

import numpy as np
import pytest

from sora_np.callbacks import Callback
from sora_np.layers import Conv2D, Dense, Dropout, Flatten, Layer, MaxPool, Softmax
from sora_np.losses import CategoricalCrossentropy
from sora_np.models import Sequential
from sora_np.optimizers import SGD, Adam
from sora_np.sora_model import create_sora_model
from sora_np.utils import to_categorical


def cnn(**options):
    return Sequential(
        [
            Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)),
            MaxPool(2),
            Flatten(),
            Dense(3, "softmax"),
        ],
        **options,
    )


@pytest.fixture
def images(rng):
    labels = rng.integers(0, 3, 40)
    x = rng.random((40, 8, 8, 1)) + labels[:, None, None, None] / 3
    return x.astype(np.float32), labels


def compiled(model, loss="sparse_categorical_crossentropy", optimizer="adam"):
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def test_initial_loss_is_that_of_chance(images):
    """With small weights every class has about probability 1 / 10: loss ln 10."""
    model = create_sora_model((12, 12, 1))
    for layer in model.layers[-1:]:
        layer.params["kernel"] = layer.params["kernel"] * 0.01
    x = np.random.default_rng(0).random((20, 12, 12, 1))
    loss, _ = model.evaluate(x, to_categorical(np.arange(20) % 10), verbose=0)
    np.testing.assert_allclose(loss, math.log(10), rtol=1e-2)


def test_twenty_images_are_overfitted_and_every_parameter_moves(images):
    x, labels = images
    model = compiled(cnn(), optimizer="rmsprop")
    before = model.get_weights()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.learning_rate = 0.01
    model.fit(x[:20], labels[:20], batch_size=5, epochs=80, verbose=0)
    assert model.evaluate(x[:20], labels[:20], verbose=0)[1] == 1.0
    for a, b in zip(before, model.get_weights(), strict=True):
        assert np.all(a != b)


def test_history_holds_means_of_samples(images):
    """With a rate of 0 nothing changes: uneven batches must give the exact mean."""
    x, labels = images
    model = compiled(cnn(), optimizer=SGD(0))
    history = model.fit(
        x, labels, batch_size=16, epochs=2, validation_data=(x, labels), verbose=0
    )
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert history.epoch == [0, 1]
    assert history.params == {"verbose": 0, "epochs": 2, "steps": 3}
    loss, accuracy = model.evaluate(x, labels, batch_size=40, verbose=0)
    for name, value in (("loss", loss), ("accuracy", accuracy)):
        np.testing.assert_allclose(history.history[name], value, rtol=1e-6)
        np.testing.assert_allclose(history.history[f"val_{name}"], value, rtol=1e-6)


def test_what_evaluate_returns(images):
    x, labels = images
    model = compiled(cnn())
    loss, accuracy = model.evaluate(x, labels, verbose=0)
    assert model.metrics_names == ["loss", "accuracy"]
    assert model.evaluate(x, labels, verbose=0, return_dict=True) == {
        "loss": loss,
        "accuracy": accuracy,
    }
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert model.evaluate(x, labels, verbose=0) == loss
    assert model.test_on_batch(x, labels) == pytest.approx(loss)


def test_same_seed_same_bits(images):
    x, labels = images
    weights = []
    for seed in (0, 0, 1):
        model = compiled(cnn(seed=seed))
        model.add(Dropout(0.2))
        model.pop()
        model.fit(x, labels, epochs=2, batch_size=8, verbose=0)
        weights.append(np.concatenate([w.ravel() for w in model.get_weights()]))
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_bits_of_augmentation_do_not_depend_on_threads():
    program = (
        "import numpy as np, hashlib\n"
        "from sora_np.sora_model import create_sora_model\n"
        "from sora_np import Sequential, RandomRotation, RandomZoom, GaussianNoise\n"
        "front = [RandomRotation(0.1), RandomZoom(0.1), GaussianNoise(0.1)]\n"
        "m = Sequential([*front, *create_sora_model((12, 12, 1)).layers])\n"
        "m.compile('adam', 'categorical_crossentropy')\n"
        "rng = np.random.default_rng(0)\n"
        "x, y = rng.random((50, 12, 12, 1)), np.eye(10)[rng.integers(0, 10, 50)]\n"
        "m.fit(x, y, batch_size=20, epochs=2, verbose=0)\n"
        "print(hashlib.sha256(m.flat.values.tobytes()).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ
            | {"NUMBA_NUM_THREADS": str(threads), "NUMBA_THREADING_LAYER": layer},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads, layer in ((1, "default"), (2, "default"), (2, "workqueue"))
    }
    assert len(digests) == 1


def test_validation_split_takes_the_last_samples_before_shuffling(images):
    x, labels = images
    by_split, by_data = compiled(cnn()), compiled(cnn())
    a = by_split.fit(x, labels, validation_split=0.25, verbose=0)
    b = by_data.fit(
        x[:30], labels[:30], validation_data=(x[30:], labels[30:]), verbose=0
    )
    assert a.history == b.history


def test_weights_of_samples_and_classes(images):
    x, labels = images
    class_weight = {0: 0.0, 1: 2.0, 2: 1.0}
    weights = np.array([class_weight[label] for label in labels])
    losses = []
    for options in ({"class_weight": class_weight}, {"sample_weight": weights}):
        model = compiled(cnn())
        losses.append(model.train_on_batch(x, labels, **options)[0])
        again = model.get_weights()
    np.testing.assert_allclose(losses[0], losses[1])
    model = compiled(cnn())
    model.train_on_batch(x, to_categorical(labels).argmax(1), weights)
    for a, b in zip(again, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="sample_weight or class_weight, not both"):
        model.fit(x, labels, sample_weight=weights, class_weight={0: 1.0})


def test_frozen_layers_stay(images):
    x, labels = images
    model = cnn()
    model.layers[0].trainable = False
    model = compiled(model)
    before = model.get_weights()
    model.fit(x, labels, verbose=0)
    pairs = zip(before, model.get_weights(), strict=True)
    moved = [not np.array_equal(a, b) for a, b in pairs]
    assert moved == [False, False, True, True]


@pytest.mark.parametrize("end", ["dense", "layer"])
def test_softmax_trains_from_the_logits(end):
    """Where softmax gives 0 in float32, the gradient of the loss is not lost."""
    ends = [Dense(2, "softmax")] if end == "dense" else [Dense(2), Softmax()]
    model = Sequential([*ends])
    model.build((None, 1))
    model.layers[0].params["kernel"] = [[200.0, 0.0]]
    model.compile(SGD(1.0), "categorical_crossentropy")
    assert model.predict([[1.0]], verbose=0).tolist() == [[1, 0]]
    loss = model.train_on_batch(np.ones((1, 1)), np.array([[0, 1]]))
    assert loss == 200
    np.testing.assert_array_equal(model.get_weights()[0], [[199, 1]])


def test_regression_and_binary(rng):
    x = rng.standard_normal((64, 3))
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile(SGD(0.1), "mse", metrics=["mae"])
    history = model.fit(x, x @ [1, -2, 3] + 1, epochs=60, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0][:, 0], [1, -2, 3], atol=1e-2)
    assert history.history["mae"][-1] < 0.02
    model = Sequential([Dense(1, "sigmoid", input_shape=(3,))])
    model.compile(SGD(1.0), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, x[:, 0] > 0, epochs=40, verbose=0)
    assert model.evaluate(x, x[:, 0] > 0, verbose=0)[1] > 0.95


def test_predict_is_a_copy_in_the_models_dtype(images, dtype):
    x, _ = images
    model = cnn(dtype=dtype)
    y = model.predict(x, batch_size=7, verbose=0)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, model(x), rtol=1e-5)
    y[:] = 0
    assert model.predict(x, verbose=0).min() > 0


def test_images_without_their_channel_axis(images):
    x, labels = images
    model = compiled(cnn())
    a = model.predict(x, verbose=0)
    np.testing.assert_array_equal(model.predict(x[..., 0], verbose=0), a)


class Recorder(Callback):
    def __init__(self, stop_at=None, raise_at=None):
        self.events, self.stop_at, self.raise_at = [], stop_at, raise_at

    def on_train_begin(self, logs=None):
        self.events.append("begin")

    def on_epoch_end(self, epoch, logs=None):
        self.events.append(f"epoch {epoch}")
        self.logs = logs
        self.model.stop_training = epoch == self.stop_at

    def on_train_batch_end(self, batch, logs=None):
        if self.raise_at is not None and len(self.events) == 1:
            raise self.raise_at

    def on_train_end(self, logs=None):
        self.events.append("end")


def test_callbacks(images):
    x, labels = images
    recorder = Recorder(stop_at=3)
    history = compiled(cnn()).fit(
        x, labels, epochs=9, initial_epoch=2, callbacks=recorder, verbose=0
    )
    assert recorder.events == ["begin", "epoch 2", "epoch 3", "end"]
    assert history.epoch == [2, 3]
    assert recorder.logs.keys() == {"loss", "accuracy"}
    with pytest.raises(TypeError, match="must be sora_np.callbacks.Callback"):
        compiled(cnn()).fit(x, labels, callbacks=[print])


@pytest.mark.parametrize("error", [RuntimeError("oh"), KeyboardInterrupt()])
def test_an_exception_leaves_the_model_usable(images, error):
    x, labels = images
    model = compiled(cnn())
    with pytest.raises(type(error)):
        model.fit(x, labels, callbacks=Recorder(raise_at=error), verbose=0)
    model.predict(x, verbose=0)
    model.fit(x, labels, verbose=0)
    assert not any(layer._caches for layer in model.layers)


def test_a_users_own_layer_trains(images):
    class Halve(Layer):
        def forward(self, x, *, training=False):
            y = self.check_input(x) / 2
            if training:
                self.remember(y)
            return y

        def backward(self, dy):
            return self.recall(dy)[0] / 2

    x, labels = images
    model = Sequential([Halve(input_shape=(8, 8, 1)), Flatten(), Dense(3, "softmax")])
    history = compiled(model).fit(x, labels, epochs=5, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_lines_without_a_terminal(images, capsys):
    x, labels = images
    compiled(cnn()).fit(x, labels, epochs=2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" - ")[:2] for line in lines] == [
        ["Epoch 1/2", "2/2"],
        ["Epoch 2/2", "2/2"],
    ]
    assert all("accuracy: 0." in line and "loss: " in line for line in lines)
    compiled(cnn()).fit(x, labels, verbose=0)
    assert capsys.readouterr().out == ""


X, Y = np.zeros((6, 8, 8, 1), np.float32), np.zeros(6, int)
MISTAKES = {
    "rank": (X[0, 0], Y, {}, ValueError, r"takes x of shape \(N, 8, 8, 1\), got"),
    "no-batch-axis": (X[0], Y, {}, ValueError, "did you forget the batch axis"),
    "channels": (np.zeros((6, 8, 8, 3)), Y, {}, ValueError, r"got \(6, 8, 8, 3\)"),
    "lengths": (X, Y[:5], {}, ValueError, "equally many samples, got 6 and 5"),
    "empty": (X[:0], Y[:0], {}, ValueError, "x is empty"),
    "text": (np.array(["a"]), Y, {}, TypeError, "x must be numbers, got text"),
    "ragged": ([[1], [1, 2]], Y, {}, ValueError, "x must be an array of one shape"),
    "label": (X, Y + 3, {}, ValueError, r"labels from 0 to 2 .* got 3 at y_true\[0\]"),
    "one-hot": (X, np.eye(6, 3), {}, ValueError, "loss='categorical_crossentropy'"),
    "batch-0": (X, Y, {"batch_size": 0}, ValueError, "batch_size must be a positive"),
    "batch-2.5": (X, Y, {"batch_size": 2.5}, TypeError, "batch_size must be"),
    "epochs-0": (X, Y, {"epochs": 0}, ValueError, "epochs must be a positive"),
    "split": (X, Y, {"validation_split": 1.0}, ValueError, "between 0 and 1"),
    "split-empty": (X, Y, {"validation_split": 0.99}, ValueError, "one side empty"),
    "validation": (X, Y, {"validation_data": X}, ValueError, "validation_data must be"),
    "weights": (X, Y, {"sample_weight": [1, 2]}, ValueError, "each of the 6 samples"),
    "verbose": (X, Y, {"verbose": 3}, ValueError, 'verbose must be "auto"'),
    "keyword": (X, Y, {"batches": 2}, TypeError, "batches"),
}


@pytest.mark.parametrize("x, y, options, error, text", MISTAKES.values(), ids=MISTAKES)
def test_mistakes(x, y, options, error, text):
    model = compiled(cnn())
    before = model.get_weights()
    with pytest.raises(error, match=text):
        model.fit(x, y, **{"verbose": 0, **options})
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.fit(X, Y, verbose=0)


def test_not_compiled():
    with pytest.raises(RuntimeError, match="compile the model first"):
        cnn().fit(X, Y)
    model = cnn()
    model.compile("adam")
    with pytest.raises(RuntimeError, match="without a loss"):
        model.evaluate(X, Y)
    for options, text in (
        ({"optimizer": "adm"}, "did you mean 'adam'"),
        ({"loss": "msee"}, "did you mean 'mse'"),
        ({"metrics": ["accurracy"]}, "did you mean 'accuracy'"),
    ):
        with pytest.raises(ValueError, match=text):
            model.compile(**options)


def test_the_default_optimizer():
    model = cnn()
    model.compile(loss="sparse_categorical_crossentropy")
    assert model.optimizer.name == "rmsprop"


WARNINGS = {
    "nan": (np.where(np.arange(6)[:, None, None, None] == 2, np.nan, X), "1 of 6"),
    "bytes": (np.full(X.shape, 200, np.uint8), "bytes up to 200"),
}


@pytest.mark.parametrize("x, text", WARNINGS.values(), ids=WARNINGS)
def test_odd_values_are_warned_of(x, text):
    with pytest.warns(UserWarning, match=text):
        compiled(cnn()).fit(x, Y, verbose=0)


def test_softmax_and_from_logits_is_warned_of():
    with pytest.warns(UserWarning, match="drop one of the two"):
        compiled(cnn(), CategoricalCrossentropy(True)).evaluate(
            X, np.eye(6, 3), verbose=0
        )
    model = Sequential([Flatten(input_shape=(8, 8, 1)), Dense(3)])
    with pytest.warns(UserWarning, match="from_logits=True"):
        compiled(model).evaluate(X + 1, Y, verbose=0)


@pytest.mark.parametrize("filters", [4, 5], ids=["equal", "of-another-size"])
def test_a_second_model_has_a_copy_of_the_optimiser(images, filters):
    """Each trains as with an optimiser of its own; programs for GANs share one."""
    shared = Adam(0.02)
    shared.learning_rate = 0.01

    def models(optimizer, other):
        layers = [Conv2D(filters, 3, activation="relu"), MaxPool(2), Flatten()]
        second = Sequential([*layers, Dense(3, "softmax")])
        return compiled(cnn(), optimizer=optimizer), compiled(second, optimizer=other)

    both, apart = models(shared, shared), models(Adam(0.01), Adam(0.01))
    for first, second in (both, apart):
        first.fit(*images, verbose=0)
        if second is both[1]:
            text = "^this adam trains another model .* so 'sequential' gets a copy"
            with pytest.warns(UserWarning, match=text):
                second.train_on_batch(*images)
        else:
            second.train_on_batch(*images)
        first.fit(*images, verbose=0)
        second.fit(*images, verbose=0)
    for one, other in zip(both, apart, strict=True):
        assert one.optimizer.iterations == other.optimizer.iterations
        for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    assert both[0].optimizer is shared is not both[1].optimizer
