"""weighted_metrics of compile: held to Keras 3.15.1 (TensorFlow, float32).

Its numbers come from this file's models, data and arguments, five digits of each.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sora_np import Input, Model, Sequential, load_model
from sora_np.layers import Dense
from sora_np.metrics import AUC, Precision, SparseTopKCategoricalAccuracy
from sora_np.optimizers import SGD

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 4)).astype("f4")
Y = rng.integers(0, 3, 50)
W = rng.uniform(0, 3, 50).astype("f4")
WEIGHTS = [rng.normal(size=(4, 3)).astype("f4"), np.zeros(3, "f4")]
WEIGHTS += [rng.normal(size=(4, 1)).astype("f4"), np.zeros(1, "f4")]
CROSSENTROPY = "sparse_categorical_crossentropy"


def one_output(**metrics):
    x = Input((4,))
    model = Model(x, Dense(3, "softmax", name="a")(x))
    model.set_weights(WEIGHTS[:2])
    model.compile(SGD(0.1), CROSSENTROPY, **metrics)
    return model


def two_outputs(**metrics):
    x = Input((4,))
    a, b = Dense(3, "softmax", name="a")(x), Dense(1, "sigmoid", name="b")(x)
    model = Model(x, [a, b])
    model.set_weights(WEIGHTS)
    model.compile(SGD(0.1), [CROSSENTROPY, "binary_crossentropy"], **metrics)
    return model


def same(found, expected):
    assert found.keys() >= expected.keys()
    for name, numbers in expected.items():
        assert_allclose(found[name], numbers, atol=1.1e-5, rtol=0, err_msg=name)


FIT = {"batch_size": 16, "shuffle": False, "verbose": 0}


def test_the_samples_weigh():
    both = {"metrics": ["accuracy"], "weighted_metrics": ["accuracy"]}
    model = one_output(**both)
    held_out = X[:20], Y[:20], W[:20]
    history = model.fit(
        X, Y, sample_weight=W, epochs=2, validation_data=held_out, **FIT
    )
    expected = {
        "accuracy": [0.32, 0.36],
        "weighted_accuracy": [0.28008, 0.31949],
        "val_accuracy": [0.4, 0.4],
        "val_weighted_accuracy": [0.3363, 0.3363],
    }
    same(history.history, expected)


def test_the_classes_weigh():
    model = one_output(metrics=["accuracy"], weighted_metrics=["accuracy"])
    weights = {0: 1.0, 1: 3.0, 2: 0.5}
    held_out = X[:20], Y[:20]
    logs = model.fit(X, Y, class_weight=weights, validation_data=held_out, **FIT)
    expected = {
        "accuracy": 0.3,
        "weighted_accuracy": 0.16547,
        "val_accuracy": 0.4,
        "val_weighted_accuracy": 0.4,
    }
    same({name: values[0] for name, values in logs.history.items()}, expected)
    assert model.metrics_names == ["loss", "accuracy", "weighted_accuracy"]
    found = model.evaluate(X, Y, sample_weight=W, verbose=0)
    assert_allclose(found, [3.54452, 0.3, 0.25656], atol=1.1e-5)
    on_batch = model.test_on_batch(X, Y, sample_weight=W, return_dict=True)
    same(on_batch, {"loss": 3.54452, "accuracy": 0.3, "weighted_accuracy": 0.25656})


def test_losses_and_objects():
    model = one_output(weighted_metrics=["accuracy", CROSSENTROPY])
    history = model.fit(X, Y, sample_weight=W, epochs=2, **FIT)
    expected = {"accuracy": [0.28008, 0.31949], CROSSENTROPY: [2.20913, 2.04138]}
    same(history.history, expected)
    top = SparseTopKCategoricalAccuracy
    model = one_output(metrics=[top(2)], weighted_metrics=[top(2)])
    history = model.fit(X, Y, sample_weight=W, epochs=2, **FIT).history
    name = "sparse_top_k_categorical_accuracy"
    expected = {name: [0.66, 0.68], f"weighted_{name}": [0.6783, 0.70335]}
    same(history, expected)


def test_two_outputs():
    model = two_outputs(
        metrics=[["accuracy"], ["accuracy"]],
        weighted_metrics=[["accuracy"], ["accuracy", AUC(name="auc")]],
    )
    y, w = [Y, (Y[:, None] > 0).astype("f4")], [W, W[::-1]]
    history = model.fit(X, y, sample_weight=w, epochs=2, **FIT)
    expected = {
        "a_accuracy": [0.32, 0.36],
        "a_weighted_accuracy": [0.28008, 0.31949],
        "b_accuracy": [0.52, 0.52],
        "b_auc": [0.52665, 0.53024],
        "b_weighted_accuracy": [0.55168, 0.55168],
    }
    same(history.history, expected)
    names = ["loss", "a_loss", "b_loss", "a_accuracy", "b_accuracy"]
    names += ["a_weighted_accuracy", "b_weighted_accuracy", "b_auc"]
    assert model.metrics_names == names
    found = model.evaluate(X, y, sample_weight=w, verbose=0)
    expected = [0.38, 0.56, 0.33448, 0.61475, 0.53193]
    assert_allclose(found[3:], expected, atol=1.1e-5)


def test_two_outputs_by_name():
    model = two_outputs(weighted_metrics={"b": ["mse", Precision(name="precision")]})
    y, w = [Y, (Y[:, None] > 0).astype("f4")], [W, W[::-1]]
    history = model.fit(X, y, sample_weight=w, epochs=2, **FIT).history
    same(history, {"b_mse": [0.31189, 0.30397], "b_precision": [0.67884, 0.67884]})
    with pytest.raises(ValueError, match="weighted_metrics names 'c'"):
        two_outputs(weighted_metrics={"c": ["mse"]})


def test_functions_weigh_what_they_return_for_every_sample():
    def error(y_true, y_pred):
        return np.abs(y_true - y_pred).mean(axis=-1)

    def by_hand(y_true, y_pred, sample_weight=None):
        return np.average((y_true - y_pred)[:, 0], weights=sample_weight)

    def largest(y_true, y_pred):
        return np.abs(y_true - y_pred).max()

    model = Sequential([Dense(1, input_shape=(4,))])
    model.compile("sgd", "mse", metrics=[error], weighted_metrics=[error, by_hand])
    y = X.sum(axis=1, keepdims=True)
    logs = model.evaluate(X, y, 7, 0, sample_weight=W, return_dict=True)
    gap = y - model.predict(X, verbose=0)
    assert_allclose(logs["error"], np.abs(gap).mean(), rtol=1e-5)
    expected = np.average(np.abs(gap)[:, 0], weights=W)
    assert_allclose(logs["weighted_error"], expected, rtol=1e-5)
    assert_allclose(logs["by_hand"], np.average(gap[:, 0], weights=W), rtol=1e-4)
    model.compile("sgd", "mse", weighted_metrics=[largest])
    assert_allclose(model.evaluate(X, y, verbose=0)[1], np.abs(gap).max(), rtol=1e-5)
    with pytest.raises(TypeError, match="does not return a number for every"):
        model.evaluate(X, y, sample_weight=W, verbose=0)


def test_labels_that_the_loss_ignores_weigh_nothing():
    from sora_np.losses import SparseCategoricalCrossentropy

    x = Input((4,))
    model = Model(x, Dense(3, "softmax")(x))
    loss = SparseCategoricalCrossentropy(ignore_class=2)
    model.compile("sgd", loss, weighted_metrics=["accuracy"])
    hit = model.predict(X, verbose=0).argmax(-1) == Y
    expected = np.average(hit[Y != 2], weights=W[Y != 2])
    found = model.evaluate(X, Y, sample_weight=W, verbose=0)[1]
    assert_allclose(found, expected, rtol=1e-6)


def test_a_file_keeps_them(tmp_path):
    model = one_output(metrics=["accuracy"], weighted_metrics=["accuracy"])
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    assert loaded.metrics_names == ["loss", "accuracy", "weighted_accuracy"]
    given = X, Y, 16, 0, W
    assert loaded.evaluate(*given) == model.evaluate(*given)
