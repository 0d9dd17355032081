"""Real measurements, prepared, learnt and predicted in their own units."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

from sora_np import Dense, Sequential, load_model
from sora_np.layers import Normalization
from sora_np.preprocessing import clean


@pytest.fixture(scope="module")
def diabetes():
    """442 patients, ten measurements, how far the disease went in a year (25 to 346).

    Efron, Hastie, Johnstone & Tibshirani (2004), Least Angle Regression; by
    scikit-learn.
    """
    x, y = load_diabetes(return_X_y=True, scaled=False)
    order = np.random.default_rng(0).permutation(len(x))
    train, test = order[:342], order[342:]
    return (x[train], y[train]), (x[test], y[test])


def test_regression(diabetes, tmp_path):
    """As good as least squares, which no method beats by much on these data."""
    (x, y), (x_test, y_test) = diabetes
    x, y, report = clean(x, y, outliers="report", verbose=0)
    assert len(x) == 342 and len(report["outliers"].samples) > 0
    before, after = Normalization(), Normalization(axis=None)
    before.adapt(x)
    after.adapt(y[:, None])
    model = Sequential([before, Dense(16, "relu"), Dense(1), after.inverse()])
    model.compile("adam", "mse", metrics=["mae", "r2_score"])
    model.optimizer.learning_rate = 0.01
    model.fit(x, y[:, None], epochs=60, validation_split=0.1, verbose=0)
    model.save(tmp_path / "m.npz")
    predicted = load_model(tmp_path / "m.npz").predict(x_test, verbose=0)[:, 0]
    r2 = 1 - np.mean((predicted - y_test) ** 2) / np.var(y_test)
    linear = LinearRegression().fit(x, y).score(x_test, y_test)
    assert linear > 0.3
    assert r2 > linear - 0.1, f"{r2:.3f}, least squares {linear:.3f}"
    _, _, measured = model.evaluate(x_test, y_test[:, None], verbose=0)
    assert_allclose(measured, r2, rtol=1e-5)
