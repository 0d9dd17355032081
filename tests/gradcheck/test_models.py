"""Gradient checks of whole models, by their layers and by their plan."""

import numpy as np
import pytest

from sora_np import gradcheck
from sora_np.engine.fusion.conv2d_relu_maxpool2d import ConvPoolStage
from sora_np.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    MaxPool,
    RandomRotation,
    RandomZoom,
)
from sora_np.models import Sequential
from sora_np.regularizers import L1L2
from sora_np.sora_model import create_sora_model


def network(fuse=True, **options):
    layers = [
        *(Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)), MaxPool(2)),
        *(BatchNormalization(), Flatten(), Dropout(0.3)),
        *(Dense(6, "tanh", name="hidden"), Dense(3, "softmax", name="last")),
    ]
    model = Sequential(layers, dtype="float64", **options)
    model.compile("adam", "categorical_crossentropy", fuse=fuse)
    return model


@pytest.fixture
def batch(rng):
    return rng.standard_normal((4, 8, 8, 1)), np.eye(3)[[0, 2, 1, 1]]


NAMES = [
    *("x", "conv2d/kernel", "conv2d/bias"),
    *("batch_normalization/gamma", "batch_normalization/beta"),
    *("hidden/kernel", "hidden/bias", "last/kernel", "last/bias"),
]


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "list"])
def test_a_whole_model(fuse, batch):
    x, y = batch
    model = network(fuse)
    for targets in (None, y):
        report = gradcheck.check_model(model, x, targets)
        assert report.passed, report
        assert [check.name for check in report] == NAMES


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "list"])
def test_a_model_is_left_as_it_was(fuse, batch, same_bits):
    """It trains on, to the bit, as one that was not checked."""
    model, twin = network(fuse), network(fuse)
    for m in (model, twin):
        m.fit(*batch, batch_size=2, verbose=0)
    weights = model.get_weights()
    gradcheck.check_model(model, *batch)
    same_bits(model.get_weights(), weights)
    same_bits([model.flat.grads], [twin.flat.grads])
    for m in (model, twin):
        m.fit(*batch, batch_size=2, verbose=0)
    same_bits(model.get_weights(), twin.get_weights())


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "list"])
def test_augmentation_is_held_still(fuse, batch):
    """In training the two geometric layers are one."""
    layers = [RandomRotation(0.2), RandomZoom(0.2), GaussianNoise(0.1), Flatten()]
    model = Sequential([*layers, Dense(3, "softmax")], dtype="float64")
    model.compile("adam", "categorical_crossentropy", fuse=fuse)
    x, y = batch
    for targets in (None, y):
        report = gradcheck.check_model(model, x, targets)
        assert report.passed, report


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "list"])
def test_penalties_and_frozen_layers(fuse, batch):
    """As in training: an L1 penalty has a kink where a weight is 0, frozen none."""
    model = Sequential(dtype="float64")
    model.add(Flatten(input_shape=(8, 8, 1)))
    model.add(Dense(4, "tanh", kernel_regularizer="l2", name="frozen"))
    model.add(Dense(3, kernel_regularizer=L1L2(0.3, 0.1), bias_regularizer="l1"))
    model.layers[1].trainable = False
    model.compile("adam", "mse", fuse=fuse)
    x, y = batch
    report = gradcheck.check_model(model, x, y)
    assert report.passed, report
    assert [check.name for check in report] == ["x", "dense/kernel", "dense/bias"]
    places = {kink.place for kink in report[2].kinks}
    assert places >= {(0,), (1,), (2,)}, "the biases are 0"
    assert [c.name for c in gradcheck.check_model(model, x)][1] == "frozen/kernel"
    model.layers[2].kernel_regularizer.gradient = lambda w: 0 * w
    model.layers[2].kernel_regularizer.bind = lambda w, dw: lambda: 0.0
    report = gradcheck.check_model(model, x, y)
    assert [c.name for c in report if not c.passed] == ["dense/kernel"]


@pytest.fixture
def same_bits():
    def check(a, b):
        assert [x.tobytes() for x in a] == [x.tobytes() for x in b]

    return check


def test_an_unbuilt_model_stays_unbuilt(rng):
    model = Sequential([Dense(2)], dtype="float64")
    assert gradcheck.check_model(model, rng.standard_normal((2, 3))).passed
    assert not model.built
    with pytest.raises(TypeError, match="float64 model, got float32: make the same"):
        gradcheck.check_model(Sequential([Dense(2)]), np.zeros((1, 3)))


def test_the_layer_that_breaks_the_chain_is_named(batch):
    model = network()
    layer = model.get_layer("hidden")
    right = layer.backward
    layer.backward = lambda dy: right(dy)[:, ::-1]
    report = gradcheck.check_model(model, *batch)
    assert [check.name for check in report if not check.passed] == NAMES[:5]
    text = (
        "all before Dense 'hidden' are wrong: look at its dx, or that of a layer "
        "between"
    )
    assert text in str(report)


def test_a_parameter_alone_is_named(batch):
    model = network()
    layer = model.get_layer("conv2d")
    right = layer.backward

    def backward(dy):
        dx = right(dy)
        layer.grads["kernel"] *= -1
        return dx

    layer.backward = backward
    report = gradcheck.check_model(model, *batch)
    (wrong,) = [check for check in report if not check.passed]
    assert wrong.name == "conv2d/kernel"
    assert wrong.diagnosis == "it has the opposite sign"


def test_a_mistake_of_the_plan_alone(batch, monkeypatch):
    """The layers are right, the fused step is not."""
    right = ConvPoolStage.backward

    def backward(self, x, y, dy, dx):
        def double():
            self.layer.grads["kernel"] *= 2

        return [*right(self, x, y, dy, dx), double]

    monkeypatch.setattr(ConvPoolStage, "backward", backward)
    assert gradcheck.check_model(network(), batch[0]).passed
    assert gradcheck.check_model(network(fuse=False), *batch).passed
    report = gradcheck.check_model(network(), *batch)
    assert [c.name for c in report if not c.passed] == ["conv2d/kernel"]
    assert report[1].diagnosis == "2 times what it should be"


@pytest.mark.parametrize("training", [False, True], ids=["dy", "loss"])
def test_the_reference_network(training, rng):
    """With random inputs and biases: all tensors below 1e-6, few entries on kinks."""
    model = create_sora_model((28, 28, 1), dtype="float64")
    for layer in model.layers:
        if "bias" in layer.params:
            layer.params["bias"] = rng.normal(0, 0.1, layer.params["bias"].shape)
    x, y = rng.random((2, 28, 28, 1)), np.eye(10)[[3, 7]]
    report = gradcheck.check_model(model, x, y if training else None)
    assert len(report) == 9 and max(check.error for check in report) < 1e-6, report
    assert report.kink_share < 0.01, report
    assert all(kink.is_inside for check in report for kink in check.kinks)
