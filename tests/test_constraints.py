"""Constraints: values, names, mistakes; and in a model, after every step."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import constraints
from sora_np.constraints import Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from sora_np.layers import Conv2D, Dense, Flatten
from sora_np.models import Sequential, load_model
from sora_np.optimizers import SGD, Adam

W = np.array([[3.0, 0.3, 0], [4.0, 0.4, 0]])  # of norms 5, 0.5, 0
BY_HAND = {  # constraint, norms of the columns afterwards
    "max": (MaxNorm(2), [2, 0.5, 0]),
    "max-0": (MaxNorm(0), [0, 0, 0]),
    "unit": (UnitNorm(), [1, 1, 0]),
    "range": (MinMaxNorm(1, 2), [2, 1, 0]),
    "near": (MinMaxNorm(1, 2, 0.5), [3.5, 0.75, 0]),
    "default": (MinMaxNorm(), [1, 0.5, 0]),
}


@pytest.mark.parametrize("constraint, norms", BY_HAND.values(), ids=BY_HAND)
def test_norms_by_hand(constraint, norms, dtype):
    w = W.astype(dtype)
    projected = constraint(w)
    assert projected.dtype == dtype
    assert_allclose(projected, W / [5, 0.5, 1] * norms, rtol=1e-6, atol=1e-7)
    assert_array_equal(w, W.astype(dtype))
    constraint.apply(w)
    assert_array_equal(w, projected)


def test_axes_of_a_convolution():
    w = np.ones((2, 2, 4, 3))
    assert_allclose(UnitNorm((0, 1, 2))(w), 0.25, rtol=1e-6)
    assert_allclose(UnitNorm([-1])(w), 3**-0.5, rtol=1e-6)
    with pytest.raises(ValueError, match=r"axis \(0, 2\), which a parameter of shape"):
        UnitNorm((0, 2))(W)


def test_not_negative():
    assert_array_equal(NonNeg()([-1, 0, 2, np.nan]), [0, 0, 2, np.nan])


NAMES = {"max_norm": MaxNorm, "NonNeg": NonNeg, "UnitNorm": UnitNorm}
NAMES |= {"non_neg": NonNeg, "unit_norm": UnitNorm, "min_max_norm": MinMaxNorm}


@pytest.mark.parametrize("name, cls", NAMES.items(), ids=NAMES)
def test_names_and_configurations(name, cls):
    constraint = constraints.get(name)
    assert type(constraint) is cls and type(constraints.get(cls)) is cls
    config = {"class_name": cls.__name__, "config": constraint.get_config()}
    assert constraints.get(config).get_config() == constraint.get_config()


def test_mistakes():
    with pytest.raises(ValueError, match="unknown constraint 'maxnorm'; did you mean"):
        constraints.get("maxnorm")
    with pytest.raises(ValueError, match="max_value must be finite and not negative"):
        MaxNorm(-1)
    with pytest.raises(ValueError, match="min_value must be at most max_value, got 2"):
        MinMaxNorm(2)
    with pytest.raises(TypeError, match="axis must be a whole number, got 'a'"):
        UnitNorm("a")
    with pytest.raises(TypeError, match="a subclass of sora_np.constraints.Constraint"):
        constraints.get(np.abs)
    with pytest.raises(NotImplementedError, match="Constraint must define __call__"):
        Constraint()(W)


# --- in a model -----------------------------------------------------------------------


class Halved(Constraint):
    """w / factor, so that every projection is seen."""

    def __init__(self, factor=2):
        self.factor = factor

    def __call__(self, w):
        return w / self.factor


def network(fuse=True, optimizer=None, constraint=None, trainable=True):
    """Return a model whose gradients are 0, with all weights 1."""
    one = constraint or Halved()
    layers = [
        Conv2D(2, 2, kernel_constraint=one, bias_initializer="ones", input_shape=SIZE),
        Flatten(),
        Dense(1, bias_constraint=Halved(4), bias_initializer="ones"),
    ]
    layers[0].trainable = trainable
    model = Sequential(layers)
    for layer in (layers[0], layers[2]):
        layer.params["kernel"] = np.ones_like(layer.params["kernel"])
    model.compile(optimizer or SGD(0.0), "mse", fuse=fuse)
    return model


SIZE = (3, 3, 1)
X, Y = np.ones((6, *SIZE), np.float32), np.zeros((6, 1))


def means(model):
    return [float(w.mean()) for w in model.get_weights()]


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "layers"])
def test_every_step_is_followed_by_a_projection(fuse):
    model = network(fuse)
    model.fit(X, Y, batch_size=2, verbose=0)
    assert means(model) == [1 / 8, 1, 1, 1 / 64]
    model.train_on_batch(X, Y)
    assert means(model) == [1 / 16, 1, 1, 1 / 256]
    model.evaluate(X, Y, verbose=0)
    model.predict(X, verbose=0)
    assert means(model) == [1 / 16, 1, 1, 1 / 256]


def test_what_is_frozen_is_not_projected():
    model = network(trainable=False)
    model.train_on_batch(X, Y)
    assert means(model) == [1, 1, 1, 1 / 4]


def test_a_step_is_projected_after_it_was_made():
    """1 - 3 is made 0; it would stay negative if the step came after."""
    options = {"use_bias": False, "input_shape": (1,)}
    layer = Dense(1, kernel_constraint="non_neg", **options)
    model = Sequential([layer])
    layer.params["kernel"] = [[1.0]]
    model.compile(SGD(1.0), "mae")
    model.train_on_batch([[3.0]], [[0.0]])
    assert layer.params["kernel"] == 0


def test_averages_are_of_what_the_step_made():
    """As in Keras, whose average is taken before the projection."""
    options = {"use_ema": True, "ema_momentum": 0.5}
    model = network(optimizer=SGD(0.0, **options))
    model.fit(X, Y, batch_size=3, verbose=0)
    assert means(model)[0] == 0.75  # of 1 and 1/2; then 1/4 is put aside


def test_training_keeps_to_the_norm(rng):
    kinds = MaxNorm(0.5, (0, 1, 2)), MaxNorm(0.25)
    layers = [
        Conv2D(4, 2, activation="relu", kernel_constraint=kinds[0], input_shape=SIZE),
        *(Flatten(), Dense(3, "softmax", kernel_constraint=kinds[1])),
    ]
    model = Sequential(layers)
    model.compile(Adam(0.1), "sparse_categorical_crossentropy")
    x = rng.random((40, *SIZE))
    model.fit(x, rng.integers(0, 3, 40), epochs=3, verbose=0)
    norms = np.sqrt(np.sum(layers[0].params["kernel"] ** 2, axis=(0, 1, 2)))
    assert (norms <= 0.5 + 1e-6).all() and norms.max() > 0.49
    assert (np.linalg.norm(layers[2].params["kernel"], axis=0) <= 0.25 + 1e-6).all()


def test_saved_and_copied_models_keep_their_constraints(tmp_path):
    model = network(constraint=MaxNorm(0.5, (0, 1, 2)))
    model.layers[2].bias_constraint = None
    model.save(tmp_path / "m.npz")
    loaded = load_model(tmp_path / "m.npz")
    assert loaded.layers[0].kernel_constraint.get_config() == {
        **{"max_value": 0.5, "axis": [0, 1, 2]}
    }
    for twin in (loaded, copy.deepcopy(model)):
        twin.train_on_batch(X, Y)
        kernel = twin.layers[0].params["kernel"]
        assert_allclose(np.sum(kernel**2, axis=(0, 1, 2)), 0.25, rtol=1e-5)


def test_a_constraint_of_ones_own_is_saved_by_its_name(tmp_path):
    model = network()
    with pytest.warns(UserWarning, match="^never registered, .*: Halved"):
        model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz", {"Halved": Halved})
    assert again.layers[2].bias_constraint.factor == 4
    with pytest.raises(ValueError, match="unknown constraint 'Halved'"):
        load_model(tmp_path / "m.npz")


def test_a_constraint_of_another_shape_is_refused():
    class Wrong(Constraint):
        def __call__(self, w):
            return w.sum()

    with pytest.raises(
        ValueError, match=r"Wrong must return .* \(2, 2, 1, 2\), got \(\)"
    ):
        network(constraint=Wrong()).train_on_batch(X, Y)
