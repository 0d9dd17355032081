"""Keras 2's estimators, as scikit-learn's functions use them."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sora_np import keras
from sora_np.keras.wrappers.scikit_learn import KerasClassifier, KerasRegressor

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4)).astype("float32")
LABELS = np.where(X[:, 0] > 0, "yes", "no")


def binary(units=8, rate=0.05):
    model = keras.Sequential(seed=0)
    model.add(keras.layers.Dense(units, activation="relu", input_shape=(4,)))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    optimizer = keras.optimizers.Adam(rate)
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return model


def several(loss="categorical_crossentropy"):
    model = keras.Sequential([keras.layers.Dense(3, "softmax", input_shape=(4,))])
    model.compile(keras.optimizers.Adam(0.1), loss)
    return model


def line():
    model = keras.Sequential([keras.layers.Dense(1, input_shape=(4,))], seed=0)
    model.compile(keras.optimizers.Adam(0.1), "mse")
    return model


def test_two_classes():
    estimator = KerasClassifier(binary, epochs=20, batch_size=10, verbose=0)
    assert is_classifier(estimator) and clone(estimator).sk_params["epochs"] == 20
    history = estimator.fit(X, LABELS)
    assert len(history.history["loss"]) == 20
    predicted = estimator.predict(X)
    assert {*predicted} <= {"yes", "no"}
    share = np.mean(predicted == LABELS)
    assert share == estimator.score(X, LABELS) > 0.9
    proba = estimator.predict_proba(X)
    assert_allclose(proba.sum(1), 1, rtol=1e-6)
    assert_array_equal(estimator.classes_[proba.argmax(1)], predicted)


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_cro"])
def test_three_classes(loss):
    y = np.digitize(X[:, 1], [-0.4, 0.4]) + 5
    loss = loss if loss[0] == "c" else "sparse_categorical_crossentropy"
    estimator = KerasClassifier(several, loss=loss, epochs=30, verbose=0)
    estimator.fit(X, y)
    assert estimator.score(X, y) > 0.7 and {*estimator.predict(X)} <= {5, 6, 7}
    if loss[0] == "c":
        rows = np.eye(3)[y - 5]
        estimator.fit(X, rows)
        assert estimator.score(X, rows) > 0.7


def test_cross_validation_and_search():
    estimator = KerasClassifier(build_fn=binary, epochs=8, batch_size=5, verbose=0)
    folds = KFold(n_splits=3, shuffle=True, random_state=7)
    pipeline = make_pipeline(StandardScaler(), estimator)
    assert cross_val_score(pipeline, X, LABELS, cv=folds).mean() > 0.8
    grid = {"units": [2, 8], "epochs": [1, 8]}
    search = GridSearchCV(estimator, grid, cv=folds).fit(X, LABELS)
    assert search.best_params_["epochs"] == 8 and search.best_score_ > 0.8


def test_regression():
    y = X @ [1.0, -2.0, 0.5, 0.0] + 3
    estimator = KerasRegressor(line, epochs=60, verbose=0)
    estimator.fit(X, y)
    loss = np.mean((estimator.predict(X) - y) ** 2)
    assert estimator.predict(X).shape == (60,)
    assert_allclose(estimator.score(X, y), -loss, rtol=1e-4)
    assert loss < 0.1


class Own(KerasRegressor):
    def __call__(self):
        return line()


def test_mistakes():
    assert Own(epochs=1, verbose=0).fit(X, X[:, 0]).epoch == [0]
    with pytest.raises(ValueError, match="unit is no argument of build_fn, fit, pred"):
        KerasClassifier(binary, unit=3)
    with pytest.raises(ValueError, match="epoch is no argument"):
        KerasClassifier(binary).set_params(epoch=3)
    with pytest.raises(RuntimeError, match="call fit first"):
        KerasClassifier(binary).predict(X)
    with pytest.raises(RuntimeError, match="call fit first"):
        KerasRegressor(line).score(X, X[:, 0])
    with pytest.raises(ValueError, match=r"y must be \(N,\) or \(N, K\), got shape"):
        KerasClassifier(binary).fit(X, np.zeros((60, 2, 2)))
    with pytest.raises(AttributeError, match="SKLearnClassifier is not here: there"):
        keras.wrappers.SKLearnClassifier  # noqa: B018


def test_without_scikit_learn():
    program = "import sys; sys.modules['sklearn'] = None; from sora_np import keras; "
    program += "keras.wrappers.KerasClassifier"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert b"keras.wrappers needs scikit-learn: pip install" in done.stderr
