"""Each sick model or data set is named; the healthy one beside it passes."""

import re

import numpy as np
import pytest

from sora_np import BatchNormalization, Conv2D, Dense, Flatten, ReLU, Rescaling, sanity
from sora_np.initializers import RandomNormal
from sora_np.layers import Layer
from sora_np.losses import SparseCategoricalCrossentropy
from sora_np.optimizers import SGD, Adam
from sora_np.optimizers.schedules import ExponentialDecay


class Lost(Layer):
    """y = x, whose backward forgets what comes."""

    def forward(self, x, *, training=False):
        y = self.check_input(x)
        if training:
            self.remember(y)
        return y

    def backward(self, dy):
        (dy,) = self.recall(dy)
        return 0 * dy


class Scale(Layer):
    """y = x s, which cannot unlearn what stands before it."""

    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        self._add_param("s", (1, 1), lambda rng, shape, dtype: np.ones(shape), rng)
        return self.input_shape

    def forward(self, x, *, training=False):
        x = self.check_input(x)
        if training:
            self.remember(x, x)
        return x * self.params["s"]

    def backward(self, dy):
        dy, x = self.recall(dy)
        self.grads["s"] = np.sum(dy * x, keepdims=True).reshape(1, 1)
        return dy * self.params["s"]


def with_(array, place, value):
    array = array.copy()
    array[place] = value
    return array


def images(x, scale=1.0):
    """Bright where x is large, (240, 6, 6, 1) of 0 to 1 times scale."""
    return (np.clip(x / 4 + 0.5, 0, 1) * scale)[:, :, None, None].repeat(6, axis=2)


def rare(x, y):
    """All samples but those of class 0, and five of these."""
    places = np.concatenate([np.flatnonzero(y), np.flatnonzero(y == 0)[:5]])
    return x[places], y[places]


DATA = {  # what is sick about the data: finding, x and y, x_test and y_test, words
    "nan-in-x": (
        "finite numbers",
        lambda x, y: (with_(x, (3, 2), np.nan), y),
        "1 samples of x hold NaN or infinity",
    ),
    "a-class-is-missing": (
        "class balance",
        lambda x, y: (x[y > 0], y[y > 0]),
        "no sample has label 0, though the model has 3 outputs",
    ),
    "a-class-is-rare": (
        "class balance",
        rare,
        "samples, class 0 only 5: always answering",
    ),
    "a-class-of-the-test-is-missing": (
        "class balance",
        lambda x, y: (x[y > 0], y[y > 0], x[y == 0], y[y == 0]),
        "y_test has label 0, but y does not",
    ),
    "equal-samples": (
        "duplicates in x",
        lambda x, y: (np.concatenate([x, x[:9]]), np.concatenate([y, y[:9]])),
        "3.6% of the samples are equal to an earlier one",
    ),
    "equal-samples-of-other-classes": (
        "duplicates in x",
        lambda x, y: (np.concatenate([x, x[:9]]), np.concatenate([y, (y[:9] + 1) % 3])),
        "9 of them have a different y, which cannot be learnt",
    ),
    "equal-but-for-the-sign-of-0": (
        "duplicates in x",
        lambda x, y: (with_(x, (slice(0, 10)), np.float32([[0], [-0.0]] * 5)), y),
        "3.8% of the samples are equal to an earlier one",
    ),
    "test-among-training": (
        "test samples in x",
        lambda x, y: (x, y, np.concatenate([x[:2], x[:20] + 1]), None),
        "9.1% of the test samples are training samples, too",
    ),
    "constant-column": (
        "constant features",
        lambda x, y: (with_(x, (slice(None), 4), 2.5), y),
        "column 4 of x is the same in all samples",
    ),
    "blank-images": (
        "constant features",
        lambda x, y: (with_(images(x), (..., slice(0, 4), 0), 0), y),
        "67% of the pixels are the same in all images",
    ),
    "bytes": (
        "scale of inputs",
        lambda x, y: (images(x, 255).astype(np.uint8), y),
        "Scale in the model: Rescaling(1 / 255) for bytes",
    ),
    "tiny-numbers": (
        "scale of inputs",
        lambda x, y: (1e-4 * x, y),
        "takes numbers of 9.9",
    ),
    "columns-of-other-units": (
        "scale of inputs",
        lambda x, y: (x * np.float32([1, 1, 1, 1, 1, 1e-3]), y),
        "the standard deviations of the columns differ by",
    ),
    "test-not-scaled": (
        "scale of test data",
        lambda x, y: (x[:200], y[:200], 255 * x[200:], y[200:]),
        "was only one of them scaled?",
    ),
    "only-test-scaled": (
        "scale of test data",
        lambda x, y: (x[:200], y[:200], x[200:] / 255, y[200:]),
        "was only one of them scaled?",
    ),
    "out-of-step": (
        "shuffled labels",
        lambda x, y: (x, np.random.default_rng(0).permutation(y)),
        "Were x and y shuffled separately",
    ),
    "twenty-samples-of-two-minds": (
        "20 samples",
        lambda x, y: (x[:7].repeat(3, axis=0), np.tile([0, 1, 2], 7)),
        "do equal samples have different y?",
    ),
}


@pytest.mark.parametrize("name, spoil, text", DATA.values(), ids=DATA)
def test_sick_data(name, spoil, text, data, make):
    layers = [Flatten(), Dense(16, "relu"), Dense(3, "softmax")]
    sick = spoil(*data)
    report = sanity.check(make(layers), *sick)
    finding = report[name]
    assert finding.verdict == "suspect" and not report.passed
    assert re.search(re.escape(text), finding.diagnosis), finding.diagnosis


def head(*before):
    return [*before, Dense(3, "softmax")]


def deep(activation, count=8, **options):
    return head(*(Dense(16, activation, **options) for _ in range(count)))


MODELS = {  # what is sick about the model: finding, layers, optimiser, words
    "sure-of-wrong-answers": (
        "initial loss",
        lambda: [Dense(3, "softmax", kernel_initializer=RandomNormal(stddev=20))],
        "adam",
        "the model is sure of wrong answers",
    ),
    "vanishing": (
        "gradients",
        lambda: deep("sigmoid"),
        "adam",
        "the gradient vanishes",
    ),
    "exploding": (
        "gradients",
        lambda: deep("linear", kernel_initializer=RandomNormal(stddev=2)),
        "adam",
        "the first steps diverge",
    ),
    "zeros": (
        "gradients",
        lambda: head(Dense(16, "relu", kernel_initializer="zeros")),
        "adam",
        "no gradient reaches dense",
    ),
    "a-wrong-backward": (
        "gradients",
        lambda: head(Dense(16, "relu"), Lost()),
        "adam",
        "no gradient reaches dense",
    ),
    "all-frozen": (
        "gradients",
        lambda: [Dense(3, "softmax", trainable=False)],
        "adam",
        "no layer with weights is trainable",
    ),
    "dead": (
        "dead ReLUs",
        lambda: head(Dense(16, "relu", bias_initializer=RandomNormal(-9, 1))),
        "adam",
        "100% of the units of dense give 0 for every sample",
    ),
    "dead-layer-relu": (
        "dead ReLUs",
        lambda: head(Dense(16, bias_initializer=RandomNormal(-9, 1)), ReLU()),
        "adam",
        "100% of the units of re_lu give 0",
    ),
    "rate-too-large": ("update / weight", None, SGD(30.0), "is too large"),
    "rate-too-small": ("update / weight", None, Adam(1e-8), "is too small"),
    "schedule-too-small": (
        "update / weight",
        None,
        Adam(ExponentialDecay(1e-8, 10, 0.9)),
        "is too small",
    ),
    "rate-runs-away": ("update / weight", None, SGD(1e38), "the steps diverge"),
    "learns-nothing-by-heart": (
        "20 samples",
        lambda: head(Dense(16, "relu", trainable=False), Lost(), Dense(1)),
        "adam",
        "which any network with a right gradient can memorise",
    ),
}


@pytest.mark.parametrize("name, layers, optimizer, text", MODELS.values(), ids=MODELS)
def test_sick_models(name, layers, optimizer, text, data, make):
    report = sanity.check(make(layers and layers(), optimizer), *data)
    finding = report[name]
    assert finding.verdict == "suspect" and not report.passed
    assert re.search(re.escape(text), finding.diagnosis), finding.diagnosis


def test_answers_known_before_training(data, make):
    """Weights that were loaded: the loss is near 0 at once, whoever trained them."""
    learnt = make(optimizer=Adam(0.03))
    learnt.fit(*data, epochs=60, verbose=0)
    model = make()
    model.build((None, 6))
    model.set_weights(learnt.get_weights())
    finding = sanity.check(model, *data)["initial loss"]
    assert finding.verdict == "suspect"
    assert "before any training" in finding.diagnosis
    report = sanity.check(learnt, *data)
    assert report["initial loss"].verdict == "left out"
    assert report["shuffled labels"].verdict == "ok"  # copies begin anew


def test_targets_far_away(data, make):
    x, _ = data
    model = make([Dense(8, "relu"), Dense(1)], loss="mse")
    finding = sanity.check(model, x, 500 + x[:, 0])["initial loss"]
    assert finding.verdict == "suspect" and "Standardise y" in finding.diagnosis


def test_frozen_weights_that_know_the_answers(data, make):
    """Shuffled targets teach nothing, yet the model does better than a constant."""
    learnt = make([Dense(3, "softmax")], optimizer=Adam(0.03))
    learnt.fit(*data, epochs=30, verbose=0)
    known = Dense(3, trainable=False)
    loss = SparseCategoricalCrossentropy(from_logits=True)
    model = make([known, Scale()], loss=loss)
    model.build((None, 6))
    known.params["kernel"], known.params["bias"] = learnt.get_weights()
    finding = sanity.check(model, *data)["shuffled labels"]
    assert finding.verdict == "suspect"
    assert "the model knows the true ones already" in finding.diagnosis


def test_normalised_inputs_need_no_scale(data, make):
    x, y = data
    report = sanity.check(
        make(head(BatchNormalization(), Dense(16, "relu"))), 99 * x, y
    )
    assert report["scale of inputs"].verdict == "left out"
    layers = [Conv2D(4, 3, activation="relu"), Flatten()]
    report = sanity.check(make(head(Rescaling(1 / 255), *layers)), images(x, 255), y)
    assert report["scale of inputs"].verdict == "ok"
