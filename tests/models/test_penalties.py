"""Regularisers in a model: in the loss that is reported, and in the gradient."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np.layers import BatchNormalization, Conv2D, Dense, Flatten
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


@pytest.mark.parametrize("name", ["activity_regularizer"])
@pytest.mark.parametrize(
    "make", [lambda **o: Dense(2, **o), lambda **o: Conv2D(2, 3, **o)]
)
def test_what_there_is_not_is_named(make, name):
    with pytest.raises(TypeError, match=name):
        make(**{name: "l2"})
