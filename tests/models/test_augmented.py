"""Augmentation in models: by epoch and sample alone, joined to one warp, planned."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import Dense, Flatten, Layer, Sequential, load_model
from sora_np.engine import plan as plan_module
from sora_np.kernels.preprocessing.affine_warp import affine_warp
from sora_np.layers import (
    GaussianNoise,
    RandomBrightness,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
)
from sora_np.layers.base import Samples
from sora_np.layers.preprocessing.warp import joined_warps
from sora_np.optimizers import SGD

SHAPE = (6, 5, 2)


class Spy(Layer):
    """y = x; remembers, by the number in channel 1, the images of every epoch."""

    def __init__(self):
        super().__init__()
        self.seen = {}

    def forward(self, x, *, training=False):
        y = self.check_input(x).copy()
        if training:
            self.remember(y)
            for image in y:
                number = round(float(image[0, 0, 1]))
                self.seen.setdefault(number, []).append(image[..., 0].copy())
        return y

    def backward(self, dy):
        (dy,) = self.recall(dy)
        return dy.copy()


def geometric():
    return [
        RandomFlip("horizontal"),
        RandomRotation(0.1),
        RandomZoom(0.2),
        RandomTranslation(0.1, 0.1),
    ]


@pytest.fixture
def x(rng):
    """Twenty images; channel 1, which is constant, says which it is."""
    x = rng.random((20, *SHAPE))
    x[..., 1] = np.arange(20)[:, None, None]
    return x


def watched(x, layers=geometric, seed=0, calls=1, **options):
    """Return what every sample became, (20, epochs, H, W)."""
    spy = Spy()
    model = Sequential([*layers(), spy, Flatten(), Dense(1)], seed=seed)
    model.compile(SGD(0), "mse", fuse=options.pop("fuse", True))
    for _ in range(calls):
        model.fit(x, np.zeros((20, 1)), verbose=0, **options)
    return np.array([spy.seen[k] for k in range(20)])


def test_by_epoch_and_sample_alone(x):
    """Not by batches, their order, the plan or the number of calls."""
    expected = watched(x, epochs=3, batch_size=20, shuffle=False)
    assert expected.shape == (20, 3, *SHAPE[:2])
    for options in (
        {"batch_size": 7},
        {"batch_size": 7, "fuse": False},
        {"batch_size": 1, "shuffle": False},
    ):
        assert_array_equal(watched(x, epochs=3, **options), expected)
    assert_array_equal(watched(x, epochs=1, calls=3), expected)
    assert_array_equal(watched(x, initial_epoch=1, epochs=3), expected[:, 1:])
    for other in (expected[:, 1:], watched(x, epochs=3, seed=1)[:, :2]):
        assert not (other == expected[:, :2]).all(axis=(2, 3)).any()


def test_layers_in_a_row_are_one_warp(x):
    """The image is sampled once, by the product of the matrices."""
    seen = watched(x, epochs=1)
    layers = geometric()
    model = Sequential(layers)
    model.build((None, *SHAPE))
    product = np.eye(3)
    for layer in layers:
        layer.share(Samples(0, np.arange(20)))
        product = product @ layer.matrices(20)
    once = affine_warp(x.astype(np.float32), product)[..., 0]
    assert_allclose(seen[:, 0], once, atol=1e-6)


@pytest.mark.parametrize(
    "layers, names",
    [
        (geometric(), ["JoinedWarps"]),
        (
            [RandomRotation(0.1, "wrap"), RandomFlip(), RandomZoom(0.1, None, "wrap")],
            ["JoinedWarps"],
        ),
        (
            [RandomRotation(0.1, "wrap"), RandomFlip(), RandomZoom(0.1)],
            ["JoinedWarps", "RandomZoom"],
        ),
        (
            [
                RandomRotation(0.1, "constant", fill_value=1),
                RandomZoom(0.1, None, "constant"),
            ],
            ["RandomRotation", "RandomZoom"],
        ),
        ([RandomFlip(), RandomFlip()], ["JoinedWarps"]),
        (
            [RandomFlip(), RandomBrightness(0.1), RandomZoom(0.1)],
            ["RandomFlip", "RandomBrightness", "RandomZoom"],
        ),
    ],
    ids=lambda value: "-".join(v if isinstance(v, str) else v.name for v in value),
)
def test_what_is_joined(layers, names):
    model = Sequential(layers)
    model.build((None, *SHAPE))
    nodes = joined_warps(model.graph).nodes
    assert [type(node.layer).__name__ for node in nodes] == names


def test_a_subclass_that_computes_otherwise_is_left_alone():
    class Own(RandomFlip):
        def forward(self, x, *, training=False):
            return super().forward(x, training=training) + 1

    model = Sequential([RandomFlip(), Own(), RandomFlip(), Dense(2)])
    model.build((None, *SHAPE))
    assert joined_warps(model.graph) is model.graph
    plan = plan_module.Plan(model.graph, np.float32, 1, False)
    plan.load(np.zeros((1, *SHAPE)))
    assert_allclose(plan.forward(), model.layers[3](np.ones((1, *SHAPE))), rtol=1e-6)


@pytest.mark.parametrize("first", [[], [Dense(2)]], ids=["in-front", "behind"])
def test_plan_and_list_are_equal(first, rng):
    """Also in the gradients, where layers with parameters come before."""
    models = []
    for fuse in (True, False):
        layers = [*map(lambda layer: type(layer)(2), first), *geometric()]
        layers += [GaussianNoise(0.1), RandomBrightness(0.1, (-2, 2))]
        model = Sequential([*layers, Flatten(), Dense(3)], dtype="float64")
        model.build((None, *SHAPE))
        model.compile("adam", "mse", fuse=fuse)
        models.append(model)
    fused, plain = models
    for samples in (5, 1, 5):
        x, y = rng.random((samples, *SHAPE)), rng.random((samples, 3))
        a, b = fused.train_on_batch(x, y), plain.train_on_batch(x, y)
        assert_allclose(a, b, rtol=1e-12)
        assert_allclose(fused.flat.grads, plain.flat.grads, rtol=1e-10, atol=1e-13)
    assert_allclose(fused.predict_on_batch(x), plain.predict_on_batch(x), rtol=1e-12)


def test_prediction_costs_nothing():
    model = Sequential([*geometric(), GaussianNoise(1), Dense(2)])
    model.build((None, *SHAPE))
    plan = plan_module.Plan(model.graph, np.float32, 4, False)
    assert len(plan._forward) == 1


def test_saved_and_gone_on_with(x, tmp_path):
    """A model from a file augments as the one that was written."""
    y = np.zeros((20, 1))
    model = Sequential([*geometric(), Flatten(), Dense(1)], seed=5)
    model.compile("sgd", "mse")
    model.fit(x, y, epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz")
    options = {"initial_epoch": 2, "epochs": 4, "shuffle": False, "verbose": 0}
    a, b = (m.fit(x, y, **options).history["loss"] for m in (model, again))
    assert a == b
