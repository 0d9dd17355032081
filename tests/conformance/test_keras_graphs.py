"""Graphs of layers against Keras's, where it is installed: the same program for both.

Outputs, weights after one step of SGD, and weights and history after ``fit``.
"""

import os

import numpy as np
import pytest
from numpy.testing import assert_allclose

import sora_np
from sora_np import models

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings("ignore")


def skips(layers, model):
    x = layers.Input((8, 8, 3), name="x")
    a = layers.Conv2D(4, 3, padding="same", use_bias=False)(x)
    a = layers.Activation("relu")(layers.BatchNormalization()(a))
    b = layers.Conv2D(4, 3, padding="same", use_bias=False)(a)
    b = layers.BatchNormalization()(b)
    c = layers.ReLU()(layers.Add()([a, b]))
    d = layers.AveragePooling2D(2)(layers.SeparableConv2D(5, 3, activation="elu")(c))
    e = layers.Concatenate()(
        [layers.GlobalAveragePooling2D()(d), layers.GlobalMaxPooling2D()(c)]
    )
    return model(x, layers.Dense(3, activation="softmax")(e))


def shared(layers, model):
    a, b = layers.Input((6,), name="a"), layers.Input((6,), name="b")
    dense = layers.Dense(5, activation="tanh")
    u, v = dense(a), dense(b)
    merged = layers.Multiply()([u, layers.Subtract()([u, v])])
    return model([a, b], layers.Dense(3, activation="softmax")(merged))


def nested(layers, model):
    x = layers.Input((6,), name="x")
    inner_x = layers.Input((6,))
    h = layers.LayerNormalization()(layers.Dense(6, activation="gelu")(inner_x))
    inner = model(inner_x, layers.Add()([inner_x, h]), name="inner")
    y = layers.Dense(6, activation="silu")(inner(x))
    return model(x, layers.Dense(3, activation="softmax")(inner(y)))


def down_and_up(layers, model):
    x = layers.Input((8, 8, 2), name="x")
    a = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    b = layers.Conv2D(6, 3, padding="same", activation="relu")(
        layers.MaxPooling2D(2)(a)
    )
    c = layers.Concatenate()(
        [layers.Conv2DTranspose(4, 2, strides=2)(b), a, layers.UpSampling2D(2)(b)]
    )
    d = layers.DepthwiseConv2D(3, padding="same")(layers.LeakyReLU()(c))
    return model(x, layers.Dense(3, activation="softmax")(layers.Flatten()(d)))


def crossed(layers, model):
    """Layers that Keras orders by depth, not as they were written."""
    x = layers.Input((6,), name="x")
    a = layers.Dense(4, name="late")(x)
    b = layers.Dense(4, name="early")(x)
    for k in range(3):
        b = layers.Dense(4, activation="tanh", name=f"middle_{k}")(b)
    both = layers.Average()([layers.Maximum()([a, b]), layers.Minimum()([a, b]), b])
    return model(x, layers.Dense(3, activation="softmax")(both))


GRAPHS = {f.__name__: f for f in (skips, shared, nested, down_and_up, crossed)}


def pair(make):
    theirs = make(keras.layers, keras.Model)
    ours = make(sora_np.layers, models.Model)
    assert [w.shape for w in theirs.get_weights()] == [
        w.shape for w in ours.get_weights()
    ]
    rng = np.random.default_rng(0)
    weights = [w + 0.1 * rng.random(w.shape, np.float32) for w in theirs.get_weights()]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    return ours, theirs, rng


def batch(model, samples, rng):
    shapes = model.graph.input_shapes
    xs = [rng.standard_normal((samples, *shape)).astype("f") for shape in shapes]
    y = np.eye(3, dtype="f")[rng.integers(0, 3, samples)]
    return (xs if len(xs) > 1 else xs[0]), y


def assert_weights(ours, theirs, atol):
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert_allclose(mine, other, rtol=2e-4, atol=atol)


@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("make", GRAPHS.values(), ids=GRAPHS)
def test_outputs_gradients_and_fit(make, fuse):
    ours, theirs, rng = pair(make)
    x, y = batch(ours, 20, rng)
    assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), atol=2e-5)
    for model, package in ((ours, sora_np), (theirs, keras)):
        options = {"fuse": fuse} if model is ours else {}
        sgd = package.optimizers.SGD(0.5)
        model.compile(sgd, "categorical_crossentropy", **options)
        model.train_on_batch(x, y)
    assert_weights(ours, theirs, 2e-4)
    logs = []
    for model, package in ((ours, sora_np), (theirs, keras)):
        adam = package.optimizers.Adam(0.003)
        model.compile(adam, "categorical_crossentropy", metrics=["accuracy"])
        given = {"batch_size": 8, "epochs": 3, "shuffle": False, "verbose": 0}
        logs.append(model.fit(x, y, validation_data=(x, y), **given).history)
    assert logs[0].keys() == logs[1].keys()
    for name in logs[0]:
        assert_allclose(logs[0][name], logs[1][name], rtol=2e-3, atol=2e-3)
    assert_weights(ours, theirs, 2e-3)


def test_several_outputs():
    def make(layers, model):
        x = layers.Input((6,), name="x")
        h = layers.Dense(5, activation="tanh")(x)
        kind = layers.Dense(3, activation="softmax", name="kind")(h)
        return model(x, [kind, layers.Dense(1, name="size")(h)])

    ours, theirs, rng = pair(make)
    x = rng.standard_normal((20, 6)).astype("f")
    y = {"kind": rng.integers(0, 3, 20), "size": rng.standard_normal((20, 1))}
    y["size"] = y["size"].astype("f")
    logs = []
    for model, package in ((ours, sora_np), (theirs, keras)):
        model.compile(
            package.optimizers.SGD(0.1),
            {"kind": "sparse_categorical_crossentropy", "size": "mse"},
            loss_weights={"kind": 0.5, "size": 2.0},
            metrics={"kind": "accuracy", "size": "mae"},
        )
        # Keras does not weigh a shorter last batch in kind_loss and size_loss
        fitted = model.fit(x, y, batch_size=10, epochs=2, shuffle=False, verbose=0)
        logs.append(fitted.history)
    assert logs[0].keys() == logs[1].keys()
    for name in logs[0]:
        assert_allclose(logs[0][name], logs[1][name], rtol=2e-4, atol=2e-5)
    assert_weights(ours, theirs, 2e-4)
    for mine, other in zip(
        ours.predict(x, verbose=0), theirs.predict(x, verbose=0), strict=True
    ):
        assert_allclose(mine, other, rtol=2e-4, atol=2e-5)
