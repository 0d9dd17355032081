"""Generative adversarial networks: two models share layers, and train by turns.

They compile a discriminator, freeze it, and compile generator and discriminator
together.  The discriminator goes on learning, because it was trainable when it was
compiled, and the other model does not change it.
"""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    Input,
    LeakyReLU,
    Reshape,
    UpSampling2D,
)
from sora_np.models import Model, Sequential, load_model
from sora_np.optimizers import SGD, Adam

LOSS = "binary_crossentropy"
COPY = "ignore:this .* trains another model"
FROZEN = "ignore:trainable of .* was changed after compile"
pytestmark = [pytest.mark.filterwarnings(COPY), pytest.mark.filterwarnings(FROZEN)]


def discriminator(dtype="float32"):
    layers = [
        Conv2D(4, 3, strides=2, padding="same", input_shape=(28, 28, 1)),
        *(LeakyReLU(negative_slope=0.2), BatchNormalization(momentum=0.8)),
        *(Flatten(), Dense(1, "sigmoid", kernel_regularizer="l2")),
    ]
    return Sequential(layers, seed=1, dtype=dtype)


def generator(dtype="float32"):
    layers = [
        Dense(7 * 7 * 2, "relu", input_shape=(5,)),
        *(Reshape((7, 7, 2)), BatchNormalization(momentum=0.8), UpSampling2D(4)),
        Conv2D(1, 3, padding="same", activation="tanh"),
    ]
    return Sequential(layers, seed=2, dtype=dtype)


def program(fuse, optimizer, dtype="float32"):
    """Return discriminator, generator and both, as tutorials compile them."""
    d, g = discriminator(dtype), generator(dtype)
    d.compile(loss=LOSS, optimizer=optimizer, metrics=["accuracy"], fuse=fuse)
    z = Input((5,))
    d.trainable = False
    both = Model(z, d(g(z)), dtype=dtype)
    both.compile(loss=LOSS, optimizer=optimizer, fuse=fuse)
    return d, g, both


def batches(rng, steps):
    for _ in range(steps):
        yield rng.standard_normal((6, 28, 28, 1)), rng.standard_normal((6, 5))


def moved(before, model):
    return [(a != b).any() for a, b in zip(before, model.get_weights(), strict=True)]


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "layers"])
def test_the_program_of_the_tutorials(fuse, rng):
    """With Keras's one optimiser: real, fake, and then the generator."""
    d, g, both = program(fuse, Adam(0.0002, 0.5))
    for real, noise in batches(rng, 3):
        fake = g.predict(noise, verbose=0)
        for images, labels in ((real, np.ones((6, 1))), (fake, np.zeros((6, 1)))):
            before = d.get_weights()
            d.train_on_batch(images, labels)
            assert all(moved(before, d))
        one, other = d.get_weights(), g.get_weights()
        both.train_on_batch(noise, np.ones((6, 1)))
        assert not any(moved(one, d)) and all(moved(other, g))
        assert not d.trainable
    assert (d.optimizer.iterations, both.optimizer.iterations) == (6, 3)


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "layers"])
def test_the_discriminator_learns_as_if_it_were_alone(fuse, rng):
    """To the last bit, and so do its moving statistics and the reported numbers."""
    d, _, both = program(fuse, Adam(0.01))
    alone = discriminator()
    alone.compile(loss=LOSS, optimizer=Adam(0.01), metrics=["accuracy"], fuse=fuse)
    for real, noise in batches(rng, 3):
        y = np.ones((6, 1))
        assert d.train_on_batch(real, y) == alone.train_on_batch(real, y)
        both.train_on_batch(noise, y)
        assert d.evaluate(real, y, verbose=0) == alone.evaluate(real, y, verbose=0)
    for a, b in zip(d.get_weights(), alone.get_weights(), strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "layers"])
def test_the_generator_learns_through_a_frozen_discriminator(fuse, rng):
    """By one step of SGD: the step is the gradient of its loss, by differences."""
    d, g, both = program(fuse, SGD(1.0), "float64")
    real, noise = next(batches(rng, 1))
    y = np.ones((6, 1))
    d.train_on_batch(real, y)

    def loss():  # BatchNormalization of the generator in training, the other's not
        h = noise
        for layer in g.layers:
            h = layer(h, training=True)
        p = d.predict(h, verbose=0)
        return -np.log(p).mean()

    bias = g.layers[-1].params["bias"]
    high, low = 1e-6, -1e-6
    values = []
    for shift in (high, low):
        bias += shift
        values.append(loss())
        bias -= shift
    slope, before = (values[0] - values[1]) / (high - low), bias[0]
    both.train_on_batch(noise, y)
    after = g.layers[-1].params["bias"][0]  # the other model moved it to its vector
    assert_allclose(before - after, slope, rtol=1e-6)


def test_a_frozen_layer_is_trained_until_compile(images):
    model = Sequential([Flatten(), Dense(4, "relu"), Dense(3, "softmax")])
    model.compile(Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(*images, verbose=0)
    model.layers[1].trainable = False
    for result, train in (
        ([True] * 4, lambda m: m.fit(*images, verbose=0)),
        ([True] * 4, lambda m: m.partial_fit(*images)),
        ([True] * 4, lambda m: m.train_on_batch(*images)),
        ([False] * 2 + [True] * 2, lambda m: m.compile("adam", m.loss)),
    ):
        before = model.get_weights()
        train(model)
        model.train_on_batch(*images)
        assert moved(before, model) == result


def from_file(model, folder):
    model.save(folder / "model.npz")
    return load_model(folder / "model.npz")


@pytest.mark.parametrize(
    "copied",
    [
        lambda model, _: copy.deepcopy(model),
        lambda model, _: pickle.loads(pickle.dumps(model)),
        from_file,
    ],
    ids=["deepcopy", "pickle", "file"],
)
def test_a_copy_trains_what_the_model_trains(copied, rng, tmp_path):
    d, _, both = program(True, Adam(0.01))
    (real, noise), y = next(batches(rng, 1)), np.ones((6, 1))
    d.train_on_batch(real, y)
    both.train_on_batch(noise, y)
    for model, x in ((d, real), (both, noise)):
        twin = copied(model, tmp_path)
        assert [a.trainable for a in twin.leaves] == [a.trainable for a in model.leaves]
        model.train_on_batch(x, y)
        twin.train_on_batch(x, y)
        for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
            assert_array_equal(a, b)


def test_a_file_with_unknown_layers_is_refused():
    d, _, _ = program(True, Adam(0.01))
    for names in (["conv2d", "other"], "conv2d", [["conv2d"]], None):
        with pytest.raises((ValueError, TypeError)):
            d._steps.as_compiled.names = names
    assert d._steps.as_compiled.names == [layer.name for layer in d.layers]


def test_the_average_of_parameters_is_of_what_was_trained(images):
    """``use_ema`` ends with the averages of layers that were trainable at compile."""
    weights = []
    for freeze in (False, True):
        model = Sequential([Flatten(), Dense(3, "softmax")], seed=3)
        model.compile(SGD(0.5, use_ema=True), "sparse_categorical_crossentropy")
        model.layers[1].trainable = not freeze
        model.fit(*images, epochs=2, verbose=0)
        weights.append(model.get_weights()[0])
    assert_array_equal(*weights)


def test_an_error_leaves_trainable_as_it_was(rng):
    d, _, _ = program(True, Adam(0.01))
    with pytest.raises(ValueError, match="takes x of shape"):
        d.train_on_batch(rng.standard_normal((6, 28, 28, 3)), np.ones((6, 1)))

    def broken(x, *, training=False):
        raise ZeroDivisionError

    d.layers[3].forward = broken
    with pytest.raises(ZeroDivisionError):
        d.train_on_batch(rng.standard_normal((6, 28, 28, 1)), np.ones((6, 1)))
    assert not any(layer.trainable for layer in d.layers)
