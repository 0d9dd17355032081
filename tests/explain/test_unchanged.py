"""Nothing that explains a model changes it, nor depends on what it was doing."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np import Dense, Layer, Sequential, explain
from sora_np.layers.generators import generators_of
from sora_np.losses import SparseCategoricalCrossentropy

TARGETS = np.array([0, 2, 1, 2, 0])
WAYS = {
    "saliency": lambda model, x: explain.saliency(model, x, TARGETS),
    "smooth_grad": lambda model, x: explain.smooth_grad(model, x, TARGETS, 3),
    "integrated": lambda model, x: explain.integrated_gradients(model, x, steps=9),
    "guided": lambda model, x: explain.guided_backpropagation(model, x),
    "occlusion": lambda model, x: explain.occlusion(model, x, window=4, stride=4),
    "grad_cam": lambda model, x: explain.grad_cam(model, x),
    "maximization": lambda model, x: explain.activation_maximization(model, 1, steps=3),
    "maps": lambda model, x: explain.feature_maps(model, x, "last"),
    "filters": lambda model, x: explain.filters(model, "last"),
    "embeddings": lambda model, x: explain.embeddings(model, x),
    "nearest": lambda model, x: explain.nearest_samples(model, x, x, count=2),
    "parameters": lambda model, x: explain.parameter_randomization(model, x, draws=1),
    "labels": lambda model, x: explain.label_randomization(
        model, x, TARGETS, x, epochs=2
    ),
}


def state_of(model):
    """Return all that a model is, as copies: arrays, flags, streams, what it keeps."""
    found = {}
    for name, layer in model.named_leaves():
        for table in ("params", "grads", "state"):
            for key, array in getattr(layer, table).items():
                found[name, table, key] = array.copy()
        streams = [rng.bit_generator.state for rng in generators_of(layer)]
        found[name, "rest"] = copy.deepcopy(
            (layer.trainable, layer._caches, streams, layer._batch.epoch)
        )
    optimizer = model.optimizer
    found["slots"] = {k: slot.copy() for k, slot in optimizer.slots.items()}
    found["rest"] = optimizer.batches, float(optimizer.learning_rate)
    found["rest"] += model.next_epoch, copy.deepcopy(model.history.history)
    found["stream"] = model._shuffle_rng.bit_generator.state
    return found


@pytest.fixture
def busy(model, x):
    """A model in the middle of a training, with a frozen layer and kept values."""
    loss = {"from_logits": model.layers[-1].activation.name == "linear"}
    model.layers[-1].trainable = False
    model.compile("adam", SparseCategoricalCrossentropy(**loss))
    model.fit(x, TARGETS, epochs=2, verbose=0)
    model(x, training=False)
    model.nodes[-1].layer.forward(
        np.ones((1, model.nodes[-1].layer.input_shape[0])), training=True
    )
    return model


@pytest.mark.filterwarnings("ignore:the integrated gradients")
@pytest.mark.parametrize("way", WAYS)
def test_the_model_stays_as_it_was(busy, x, way):
    before, given = state_of(busy), x.copy()
    identities = [id(a) for la in busy.leaves for a in la.params.values()]
    explained = WAYS[way](busy, x)
    assert explained is not None
    after = state_of(busy)
    assert before.keys() == after.keys()
    for key, value in before.items():
        np.testing.assert_equal(after[key], value, err_msg=str(key))
    assert identities == [id(a) for la in busy.leaves for a in la.params.values()]
    assert_array_equal(x, given)
    assert len(busy.nodes[-1].layer._caches) == 1, "what was kept for a backward"


def test_training_goes_on_to_the_same_bits(busy, x):
    twin = copy.deepcopy(busy)
    for epoch in range(2):
        for one in (busy, twin):
            one.fit(x, TARGETS, epochs=epoch + 1, initial_epoch=epoch, verbose=0)
        explain.saliency(busy, x, TARGETS)
        explain.grad_cam(busy, x)
    for a, b in zip(busy.get_weights(), twin.get_weights(), strict=True):
        assert_array_equal(a, b)


def test_a_call_that_is_broken_off_leaves_nothing(busy, x, monkeypatch):
    before = state_of(busy)

    def broken(self, dy):
        raise KeyboardInterrupt

    kind = type(next(la for la in busy.leaves if la.name == "last"))
    monkeypatch.setattr(kind, "backward", broken)
    with pytest.raises(KeyboardInterrupt):
        explain.saliency(busy, x)
    monkeypatch.undo()
    after = state_of(busy)
    for key, value in before.items():
        np.testing.assert_equal(after[key], value, err_msg=str(key))


class Doubles(Layer):
    """A layer of one's own, which does more in training where ``noise`` says so."""

    def __init__(self, noise=0.0, **options):
        super().__init__(**options)
        self.noise = noise

    def forward(self, x, *, training=False):
        y = 2 * self.check_input(x) + self.noise * training
        if training:
            self.remember(y)
        return y

    def backward(self, dy):
        (dy,) = self.recall(dy)
        return 2 * dy


def test_layers_of_ones_own_are_explained_where_training_is_prediction(rng):
    model = Sequential([Doubles(), Dense(2, use_bias=False)], dtype="float64")
    model.build((None, 3))
    x, kernel = rng.standard_normal((2, 3)), model.layers[1].params["kernel"]
    found = explain.saliency(model, x, 1, absolute=False)
    np.testing.assert_allclose(found, np.tile(2 * kernel[:, 1], (2, 1)))
    model.layers[0].noise = 0.5
    with pytest.raises(ValueError, match="other numbers with training=True"):
        explain.saliency(model, x, 1)
