"""What is healthy passes, whatever it is trained with; nothing given is changed."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from sora_np import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
    Sequential,
    losses,
    sanity,
)
from sora_np.layers import Normalization, RandomTranslation, Rescaling
from sora_np.losses import CategoricalCrossentropy, SparseCategoricalCrossentropy
from sora_np.optimizers import SGD, Adam, AdamW
from sora_np.optimizers.schedules import CosineDecay, OneCycle
from sora_np.regularizers import L2
from sora_np.sanity import copies, start, trials
from sora_np.utils import to_categorical

COMPILED = {  # optimiser, loss, whether the last layer has softmax
    "sgd": (lambda: SGD(0.01), "sparse_categorical_crossentropy"),
    "momentum": (lambda: SGD(0.05, 0.9, True), "sparse_categorical_crossentropy"),
    "rmsprop": (lambda: "rmsprop", "crossentropy"),
    "logits": (lambda: Adam(), SparseCategoricalCrossentropy(from_logits=True)),
    "sum": (lambda: Adam(), SparseCategoricalCrossentropy(reduction="sum")),
    "one-hot": (lambda: Adam(), CategoricalCrossentropy(label_smoothing=0.1)),
    "warm-up": (
        lambda: AdamW(CosineDecay(0.0, 9999, warmup_target=0.003, warmup_steps=9999)),
        "sparse_categorical_crossentropy",
    ),
    "one-cycle": (
        lambda: SGD(OneCycle(0.05, 400), 0.9, use_ema=True),
        "sparse_categorical_crossentropy",
    ),
    "gathered": (
        lambda: Adam(gradient_accumulation_steps=4),
        "sparse_categorical_crossentropy",
    ),
}


@pytest.mark.parametrize("optimizer, loss", COMPILED.values(), ids=COMPILED)
def test_optimisers_and_losses(optimizer, loss, data, make):
    x, y = data
    logits = getattr(loss, "from_logits", False)
    layers = [Dense(16, "relu"), Dense(3, "linear" if logits else "softmax")]
    y = to_categorical(y, 3) if isinstance(loss, CategoricalCrossentropy) else y
    report = sanity.check(
        make(layers, optimizer(), loss), x[40:], y[40:], x[:40], y[:40]
    )
    assert report.passed, str(report)
    assert {f.verdict for f in report} == {"ok"} and len(report.findings) == 13


def test_images(make):
    """scikit-learn's digits: 1,797 images of 8x8, of which 5 % of pixels never vary."""
    x, y = load_digits(return_X_y=True)
    x = x.reshape(-1, 8, 8, 1).astype(np.uint8)
    layers = [
        *(Rescaling(1 / 16), RandomTranslation(0.1, 0.1), Conv2D(16, 3)),
        *(BatchNormalization(), Activation("relu"), MaxPool(), Flatten()),
        *(Dropout(0.3), Dense(32, "relu", kernel_regularizer="l2")),
        *(Dropout(0.5), Dense(10, "softmax")),
    ]
    report = sanity.check(make(layers, AdamW(0.003)), x[:1500], y[:1500], x[1500:])
    assert report.passed, str(report)
    assert report["constant features"].value > 0


def test_regression():
    x, y = load_diabetes(return_X_y=True, scaled=False)
    before, after = Normalization(), Normalization(axis=None)
    before.adapt(x)
    after.adapt(y[:, None])
    model = Sequential([before, Dense(16, "relu"), Dense(1), after.inverse()])
    model.compile("adam", "mse")
    report = sanity.check(model, x, y)
    assert report.passed, str(report)
    assert report["class balance"].verdict == "left out"


def test_two_classes():
    x, y = load_breast_cancer(return_X_y=True)
    scale = Normalization()
    scale.adapt(x)
    model = Sequential([scale, Dense(16, "relu"), Dense(1, "sigmoid")], dtype="float64")
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    report = sanity.check(model, x, y)
    assert report.passed, str(report)
    assert report["class balance"].found == "0.59 (212 / 357)"


def state_of(thing):
    """Return all that a model holds, deeply, arrays as bytes."""
    if isinstance(thing, np.ndarray):
        return thing.dtype.str, thing.shape, thing.tobytes()
    if isinstance(thing, np.random.Generator):
        return repr(thing.bit_generator.state)
    if isinstance(thing, dict):
        return {key: state_of(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [state_of(value) for value in thing]
    if hasattr(thing, "__dict__") and type(thing).__module__.startswith("sora_np"):
        left = {
            "_work",
            "history",
            "_flat",
            "model",
            "network",
            "runner",
            "_batch",
            *("origin", "_chain", "_wiring"),  # the layers once more
        }
        own = vars(thing)
        if type(thing).__name__ == "Steps":
            own = thing.__getstate__()
        return {k: state_of(v) for k, v in own.items() if k not in left}
    return repr(thing) if not callable(thing) else getattr(thing, "__name__", "")


@pytest.mark.parametrize("trained", [False, True], ids=["new", "trained"])
def test_nothing_given_is_changed(trained, data, make):
    """Bit for bit: weights, optimiser, random streams, arrays; it trains on alike."""
    x, y = data
    layers = [
        Dense(16, "relu"),
        Dropout(0.5),
        BatchNormalization(),
        Dense(3, "softmax"),
    ]
    model, other = make(copy.deepcopy(layers)), make(layers)
    if trained:
        for one in (model, other):
            one.fit(x, y, epochs=2, verbose=0)
    before, arrays = state_of(model), (x.copy(), y.copy())
    sanity.check(model, x, y, x[:9], y[:9])
    assert state_of(model) == before and model.built is trained
    assert_array_equal(x, arrays[0])
    assert_array_equal(y, arrays[1])
    a, b = (m.fit(x, y, epochs=2, verbose=0).history for m in (model, other))
    assert a == b
    for w, v in zip(model.get_weights(), other.get_weights(), strict=True):
        assert_array_equal(w, v)


def test_every_finding_leaves_its_model(data, make):
    """And its random streams, so that what comes first changes nothing later."""
    x, y = data
    model = make([Dense(16, "relu"), Dropout(0.5), Dense(3, "softmax")])
    model.build((None, 6))
    loss, before = model._steps.loss_for(y), state_of(model)
    for find in (
        lambda: start.scale_at_first_weights(model, x),
        lambda: start.initial_loss(model, loss, x, y),
        lambda: start.gradients_by_layer(model, loss, x, y),
        lambda: start.dead_relus(model, x),
        lambda: start.update_ratio(model, x, y),
        lambda: trials.overfit(model, loss, x, y),
        lambda: trials.shuffled_labels(
            model, loss, x, y, 0.01, np.random.default_rng(0)
        ),
    ):
        find()
        assert state_of(model) == before


def test_penalties_and_chance_are_left_out(data, make):
    """A loss of 5 by weight decay, or half of it by dropout, is no sickness."""
    layers = [Dense(16, "relu", kernel_regularizer=L2(1.0)), Dropout(0.95)]
    report = sanity.check(make([*layers, Dense(3, "softmax")]), *data)
    assert report["initial loss"].verdict == "ok"
    assert report["20 samples"].verdict == "ok"
    smoothed = CategoricalCrossentropy(label_smoothing=0.1, reduction="sum")
    assert copies.plain(smoothed)(np.eye(3), np.eye(3)) < 1e-6
    assert smoothed.label_smoothing == 0.1


def test_it_says_the_same_again(data, make):
    model = make()
    first, again = (str(sanity.check(model, *data)) for _ in range(2))
    assert first == again
    assert str(sanity.check(model, *data, seed=1)) != first


def test_a_part_of_what_is_large(tmp_path, make, rng, monkeypatch):
    """A file of 256 MB: no more than some numbers are looked at."""
    x = np.memmap(tmp_path / "x.bin", np.uint8, "w+", shape=(2**18, 1024))
    y = np.arange(len(x)) % 3
    monkeypatch.setattr(sanity.data, "HASHED", 1000)
    x[:] = (rng.integers(0, 2, (len(x), 1), np.uint8) + y[:, None]) * 60
    x.flush()
    layers = [Rescaling(1 / 255), Dense(8, "relu"), Dense(3, "softmax")]
    report = sanity.check(make(layers), x, y)
    assert report["duplicates in x"].found.endswith("of 1000")
    assert report["shuffled labels"].verdict == "ok"


def test_few_samples(data, make):
    report = sanity.check(make(), data[0][:30], data[1][:30])
    assert report["shuffled labels"].verdict == "left out"
    assert "expected at least 60" in report["shuffled labels"].diagnosis
    report = sanity.check(make(), *(a[data[1] == 1][:9] for a in data))
    assert report["20 samples"].verdict == "left out"


@pytest.mark.parametrize(
    "loss, y, shape, value",
    [  # worked by hand
        ("mse", [[0.0], [2.0]], (1,), 1.0),
        ("mae", [[0.0], [0.0], [12.0]], (1,), 4.0),  # the median 0; the mean: 16 / 3
        ("sparse_categorical_crossentropy", [0, 0, 1, 1], (2,), np.log(2)),
        ("categorical_crossentropy", np.eye(4), (4,), np.log(4)),
        ("binary_crossentropy", [0, 1, 1, 0], (1,), np.log(2)),
    ],
    ids=["mean", "median", "sparse", "one-hot", "binary"],
)
def test_the_best_constant_answer(loss, y, shape, value):
    found = copies.constant_loss(losses.get(loss), np.array(y), shape)
    assert found == pytest.approx(value, rel=1e-6)
