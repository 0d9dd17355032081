"""Regularisers in a model: in the loss that is reported, and in the gradient."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np.layers import (
    ActivityRegularization,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    MaxPooling2D,
)
from sora_np.models import Sequential, load_model
from sora_np.optimizers import SGD
from sora_np.regularizers import L1, L1L2, L2, Regularizer


@pytest.fixture
def by_hand():
    """Predicts 3 for x = 0; penalties 0.1 * (4 + 1) + 0.5 * 3."""
    layer = Dense(1, kernel_regularizer=L2(0.1), bias_regularizer=L1(0.5))
    model = Sequential([layer])
    model.build((None, 2))
    layer.params["kernel"], layer.params["bias"] = [[2], [-1]], [3]
    model.compile(SGD(0.0), "mse")
    return model


ZEROS, THREES = np.zeros((5, 2)), np.full((5, 1), 3.0)


def test_reported_losses_include_the_penalty(by_hand):
    two = pytest.approx(2)
    assert by_hand.evaluate(ZEROS, THREES, batch_size=2, verbose=0) == two
    assert by_hand.test_on_batch(ZEROS, THREES) == two
    assert by_hand.train_on_batch(ZEROS, THREES) == two
    data = {"batch_size": 2, "validation_data": (ZEROS, THREES), "verbose": 0}
    logs = by_hand.fit(ZEROS, THREES, **data).history
    assert logs == {"loss": [two], "val_loss": [two]}


def test_a_step_follows_the_penalty(by_hand):
    """w - 0.2 * w, b - 0.5, where the error is 0."""
    by_hand.optimizer.learning_rate = 1.0
    by_hand.train_on_batch(ZEROS, THREES)
    kernel, bias = by_hand.get_weights()
    assert_allclose(kernel, [[1.6], [-0.8]], rtol=1e-6)
    assert_allclose(bias, [2.5], rtol=1e-6)


def test_a_frozen_layer_has_no_penalty(by_hand):
    """As in Keras."""
    by_hand.layers[0].trainable = False
    by_hand.compile(SGD(0.0), "mse")
    assert by_hand.evaluate(ZEROS, THREES, verbose=0) == 0
    assert by_hand.train_on_batch(ZEROS, THREES) == 0


def network(regularized, fuse=True):
    one, two, three = (L1(0.1), L2(0.2), "l1_l2") if regularized else (None,) * 3
    model = Sequential(
        [
            Conv2D(
                3, 2, kernel_regularizer=one, bias_regularizer=two, input_shape=SIZE
            ),
            BatchNormalization(beta_regularizer=L2(0.3), gamma_regularizer=L1(0.4))
            if regularized
            else BatchNormalization(),
            Flatten(),
            Dense(2, "softmax", True, "glorot_uniform", "ones", three, L1L2(0.5, 0.6)),
        ],
        dtype="float64",
    )
    if not regularized:
        model.layers[-1].bias_regularizer = None
    model.compile(SGD(0.0), "categorical_crossentropy", fuse=fuse)
    return model


SIZE = (4, 4, 1)


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "layers"])
def test_gradients_gain_the_slopes(fuse, rng):
    """Of every parameter, and of nothing else."""
    x, y = rng.standard_normal((6, *SIZE)), np.eye(2)[rng.integers(0, 2, 6)]
    plain, model = network(False, fuse), network(True, fuse)
    model.layers[0].params["bias"] = plain.layers[0].params["bias"] = [1, -2, 3]
    value, penalised = plain.train_on_batch(x, y), model.train_on_batch(x, y)
    conv, norm, _, dense = model.layers
    w = {**{f"conv/{k}": v for k, v in conv.params.items()}, **norm.params}
    slopes = [
        0.1 * np.sign(w["conv/kernel"]),
        2 * 0.2 * w["conv/bias"],
        0.4 * np.sign(w["gamma"]),
        2 * 0.3 * w["beta"],
        np.zeros_like(dense.params["kernel"]),  # "l1_l2" is 0 of both
        0.5 + 2 * 0.6 * dense.params["bias"],
    ]
    gained = model.flat.grads - plain.flat.grads
    assert_allclose(gained, np.concatenate([s.ravel() for s in slopes]), atol=1e-12)
    penalty = 0.1 * np.abs(w["conv/kernel"]).sum() + 0.2 * 14 + 0.4 * 3 + 0.5 * 2 + 1.2
    assert_allclose(penalised - value, penalty, rtol=1e-12)


class Centred(Regularizer):
    """strength * sum (w - 1)^2."""

    def __init__(self, strength=0.5):
        self.strength = strength

    def __call__(self, w):
        return self.strength * float(np.sum((w - 1) ** 2))

    def gradient(self, w):
        return 2 * self.strength * (w - 1)


def test_a_regulariser_of_ones_own_trains_and_is_saved(tmp_path):
    model = Sequential([Dense(2, kernel_regularizer=Centred(), input_shape=(3,))])
    model.compile(SGD(1.0), "mse")
    x, y = np.zeros((4, 3)), np.zeros((4, 2))
    assert model.evaluate(x, y, verbose=0) > 0.1
    model.fit(x, y, verbose=0)
    assert_allclose(model.get_weights()[0], 1, rtol=1e-6)
    with pytest.warns(UserWarning, match="^never registered, .*: Centred"):
        model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz", {"Centred": Centred})
    assert again.layers[0].kernel_regularizer.strength == 0.5
    with pytest.raises(ValueError, match="unknown regularizer 'Centred'"):
        load_model(tmp_path / "m.npz")


def test_saved_and_copied_models_keep_their_penalties(by_hand, tmp_path):
    by_hand.save(tmp_path / "m.npz")
    by_hand.train_on_batch(ZEROS, THREES)  # its arrays are bound
    for twin in (load_model(tmp_path / "m.npz"), copy.deepcopy(by_hand)):
        assert twin.evaluate(ZEROS, THREES, verbose=0) == pytest.approx(2)
        twin.optimizer.learning_rate = 1.0
        twin.train_on_batch(ZEROS, THREES)
        assert twin.get_weights()[1] == 2.5
    assert_array_equal(by_hand.get_weights()[1], 3)


# --- penalties on outputs -------------------------------------------------------------


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "layers"])
def test_a_penalty_on_outputs_is_keras_s(fuse):
    """Loss and weights after one step as Keras 3.15 gives them, with the same code."""
    x, options = np.arange(1, 9).reshape(4, 2) / 4, {"kernel_initializer": "ones"}
    layer = Dense(3, activity_regularizer=L1L2(0.1, 0.01), **options)
    model = Sequential([layer], dtype="float64")
    model.compile(SGD(0.1), "mse", fuse=fuse)
    assert model.train_on_batch(x, np.zeros((4, 3))) == pytest.approx(7.176875)
    first, second = model.get_weights()[0]
    assert_allclose(first, 0.7925833, atol=1e-7)
    assert_allclose(second, 0.7514583, atol=1e-7)


def convolutions(regularizer=None, *others):
    return Sequential(
        [
            Conv2D(3, 3, activation="relu", activity_regularizer=regularizer),
            *others,
            *(MaxPooling2D(2), Flatten()),
            Dense(2, "softmax", activity_regularizer=None),
        ]
    )


@pytest.mark.parametrize("make", [
    lambda model, path: model,
    lambda model, path: copy.deepcopy(model),
    lambda model, path: pickle.loads(pickle.dumps(model)),
    lambda model, path: saved(model, path),
], ids=["itself", "copy", "pickle", "file"])  # fmt: skip
@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "layers"])
def test_it_is_a_layer_of_penalties_behind(make, fuse, rng, tmp_path):
    x, y = rng.standard_normal((8, 6, 6, 2)), np.arange(8) % 2
    model = convolutions({"class_name": "L1", "config": {"l1": 0.2}})
    other = convolutions(None, ActivityRegularization(l1=0.2))
    for one in (model, other):
        one.build((None, 6, 6, 2))
        one.compile("sgd", "sparse_categorical_crossentropy", fuse=fuse)
    other.set_weights(model.get_weights())
    model = make(model, tmp_path / "model.npz")
    assert type(model.layers[0]).__name__ == "Conv2D" and isinstance(
        model.layers[0], Conv2D
    )
    assert model.layers[0].get_config()["activity_regularizer"]["config"] == {"l1": 0.2}
    for one in (model, other):
        one.fit(x, y, epochs=2, batch_size=4, verbose=0)
    assert model.evaluate(x, y, verbose=0) == pytest.approx(
        other.evaluate(x, y, verbose=0), rel=1e-6
    )
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def saved(model, path):
    model.save(path)
    return load_model(path)


def test_its_gradient_is_the_derivative_of_what_it_adds(rng):
    layer = Dense(3, "tanh", activity_regularizer=L2(0.3))
    x, dy, tiny = rng.standard_normal((4, 2)), rng.standard_normal((4, 3)), 1e-6

    def loss(x):
        return float((dy * layer(x, training=True)).sum() + layer.added_loss)

    loss(x)
    dx = layer.backward(dy)
    for n, k in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[n, k] = tiny
        slope = (loss(x + step) - loss(x - step)) / (2 * tiny)
        assert dx[n, k] == pytest.approx(slope, rel=1e-6)
