"""The check is checked: broken backward passes fail, each at the right tensor."""

import numpy as np
import pytest

from sora_np import gradcheck
from sora_np.kernels.convolutional.conv2d import conv2d_dx
from sora_np.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Layer,
    MaxPool,
    ReLU,
    Sigmoid,
    Softmax,
)


def broken(layer, change):
    """Let ``change(layer, dy, dx, kept)`` say what backward returns.

    ``kept`` : what forward has kept
    """
    right = layer.backward

    def backward(dy):
        kept = layer._caches[-1][1:]
        return change(layer, dy, right(dy), kept)

    layer.backward = backward
    return layer


def changed_grad(name, change):
    """Return a change of one parameter's gradient; dx stays."""

    def both(layer, dy, dx, kept):
        layer.grads[name] = change(layer.grads[name], dy, kept)
        return dx

    return both


class Accumulating(Dense):
    def backward(self, dy):
        before = self.grads["kernel"].copy()
        dx = super().backward(dy)
        self.grads["kernel"] += before
        return dx


class Forgetful(Dense):
    """Keeps the first batch for ever."""

    def forward(self, x, *, training=False):
        y = super().forward(x, training=training)
        if training:
            self.first = getattr(self, "first", self._caches[-1][1])
            shape, _, *others = self._caches.pop()
            self._caches.append((shape, self.first, *others))
        return y


class Unwritten(Layer):
    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        self.params["gain"] = np.full(input_shape, 2.0, dtype)
        return input_shape

    def forward(self, x, *, training=False):
        return x * self.params["gain"]

    def backward(self, dy):
        return dy * self.params["gain"]


class Gain(Layer):
    """y = a x with one number a, of shape ()."""

    def __init__(self, write=lambda grads, parts: grads.update(a=parts.sum()), a=2.0):
        super().__init__()
        self.write, self.start = write, a

    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        self.add_weight((), "zeros", name="a")
        self.params["a"] = self.start
        return input_shape

    def forward(self, x, *, training=False):
        self.remember(x, x)
        return self.params["a"] * x

    def backward(self, dy):
        dy, x = self.recall(dy)
        self.write(self.grads, dy * x)
        return dy * self.params["a"]


def padded_on_the_other_side(layer, dy, dx, kept):
    strides, ((top, bottom), (left, right)), dilation, groups = layer._window
    pads = (bottom, top), (right, left)
    window = strides, pads, dilation, groups
    return conv2d_dx(dy, layer.params["kernel"], dx.shape, *window)


def first_group_alone(layer, dy, dx, kept):
    dx[..., 2:] = 0
    return dx


def without_term(which):
    """Return batch normalisation's dx without dbeta / M, or without x^ dgamma / M."""

    def change(layer, dy, dx, kept):
        rows, mean, variance, _ = kept
        deviation = np.sqrt(variance + layer.epsilon)
        normalised = ((rows - mean) / deviation).reshape(dx.shape)
        axes = tuple(range(dx.ndim - 1))
        terms = {
            "mean": dy.mean(axis=axes),
            "slope": normalised * np.mean(dy * normalised, axis=axes),
        }
        return dx + layer.params["gamma"] / deviation * terms[which]

    return change


IMAGES, ROWS = (3, 6, 5, 4), (5, 4)
BROKEN = {  # id: layer, shape of x, change of backward, wrong tensor, diagnosis
    "sign": (Dense(3), ROWS, lambda layer, dy, dx, kept: -dx, "x", "opposite sign"),
    "twice": (
        *(Dense(3), ROWS, changed_grad("kernel", lambda g, *_: 2 * g)),
        *("kernel", "2 times what it should be"),
    ),
    "mean-for-sum": (
        *(Dense(3), ROWS, changed_grad("bias", lambda g, dy, _: dy.mean(axis=0))),
        *("bias", "5 times too small; 5 is the batch size: a mean instead of a sum?"),
    ),
    "mean-over-pixels": (
        *(Conv2D(2, 3), IMAGES),
        changed_grad("bias", lambda g, dy, _: dy.mean(axis=(0, 1, 2))),
        *("bias", "36 times too small; 36 is the size along axes 0, 1, 2"),
    ),
    "times-batch": (
        *(Dense(3), ROWS, lambda layer, dy, dx, kept: -5 * dx, "x"),
        "5 times too large, and of the opposite sign; 5 is the batch size",
    ),
    "transposed": (
        *(Dense(4), ROWS, changed_grad("kernel", lambda g, *_: g.T.copy())),
        *("kernel", "transposed: right would be its axes in the order (1, 0)"),
    ),
    "reshaped": (
        *(Dense(3), ROWS, changed_grad("kernel", lambda g, *_: g.T.reshape(g.shape))),
        *("kernel", "out of order: reshaped instead of transposed by (1, 0)"),
    ),
    "filters-turned": (
        *(Conv2D(2, 3), IMAGES, changed_grad("kernel", lambda g, *_: g[::-1, ::-1])),
        *("kernel", "turned round: right would be reversed along axis 0, 1"),
    ),
    "remainder-on-the-wrong-side": (
        *(Conv2D(2, 3, strides=2), IMAGES),
        lambda layer, dy, dx, kept: np.roll(dx, 1, axis=1),
        *("x", "shifted: right would be moved by -1 along axis 1"),
    ),
    "wrong-side-of-the-padding": (
        *(Conv2D(2, 2, padding="same"), IMAGES, padded_on_the_other_side, "x"),
        "",  # shifted along two axes at once
    ),
    "images-in-another-order": (
        *(MaxPool(2), IMAGES, lambda layer, dy, dx, kept: dx[::-1], "x"),
        "turned round: right would be reversed along axis 0",
    ),
    "zeros": (
        *(Conv2D(2, 3), IMAGES, changed_grad("bias", lambda g, *_: 0 * g)),
        *("bias", "all zeros: the gradient is disconnected"),
    ),
    "never-written": (
        *(Unwritten(), ROWS, lambda layer, dy, dx, kept: dx),
        *("gain", "its gradient was not written"),
    ),
    "a-group-dropped": (
        *(Conv2D(4, 3, groups=2), IMAGES, first_group_alone, "x"),
        "wrong where axis 3 is 2..3 (zeros there), right where it is 0..1",
    ),
    "a-filter-dropped": (
        *(Conv2D(3, 3), IMAGES),
        changed_grad("kernel", lambda g, *_: g * [1, 1, 0.5]),
        *("kernel", "wrong where axis 3 is 2, right where it is 0..1"),
    ),
    "last-row-dropped": (
        *(Conv2D(2, 3, padding="same"), IMAGES),
        lambda layer, dy, dx, kept: dx * (np.arange(6) < 5)[:, None, None],
        *("x", "wrong where axis 1 is 5 (zeros there), right where it is 0..4"),
    ),
    "mask-of-dy": (
        *(ReLU(), IMAGES, lambda layer, dy, dx, kept: dy * (dy > 0), "x"),
        "right but for zeros in the wrong places: is the mask of another tensor?",
    ),
    "no-mask": (
        *(ReLU(), IMAGES, lambda layer, dy, dx, kept: dy.copy()),
        *("x", "it is dy, unchanged"),
    ),
    "mask-drawn-anew": (
        *(Dropout(0.5, seed=1), IMAGES),
        lambda layer, dy, dx, kept: 2 * dy * (layer.rng.random(dy.shape) > 0.5),
        *("x", "right but for zeros in the wrong places"),
    ),
    "accumulated": (
        *(Accumulating(3), ROWS, lambda layer, dy, dx, kept: dx),
        *("kernel", "the gradient of the backward pass before is still in it"),
    ),
    "batch-of-before": (
        *(Forgetful(3), ROWS, lambda layer, dy, dx, kept: dx, "kernel", ""),
    ),
    "batch-normalization-mean": (
        *(BatchNormalization(), IMAGES, without_term("mean"), "x"),
        "a term is missing: a constant, for each index of axis 3",
    ),
    "path-through-a-mean": (
        *(Sigmoid(), IMAGES),
        lambda layer, dy, dx, kept: dx + dy.mean(axis=(1, 2), keepdims=True),
        *("x", "a constant, for each index of axes 0 and 3; is the path through a sum"),
    ),
    "batch-normalization-slope": (
        *(BatchNormalization(), IMAGES, without_term("slope"), "x"),
        "a term is missing: a multiple of x, plus a constant, for each index of axis 3",
    ),
    "batch-normalization-not-normalised": (
        *(BatchNormalization(), (7, 3)),
        changed_grad("gamma", lambda g, dy, kept: np.sum(dy * kept[0], axis=0)),
        *("gamma", ""),
    ),
    "softmax-sum": (
        *(Softmax(), (5, 6), lambda layer, dy, dx, kept: kept[0] * dy, "x"),
        "a term is missing: a multiple of y, plus a constant, for each index of axis 0",
    ),
    "sigmoid-of-x": (
        *(Sigmoid(), ROWS, lambda layer, dy, dx, kept: dy * dx * (1 - dx), "x", ""),
    ),
    "one-entry": (
        *(Dense(3), ROWS, lambda layer, dy, dx, kept: dx + 1e-4 * np.eye(*ROWS)),
        *("x", ""),
    ),
    "nan": (
        *(Dense(3), ROWS, lambda layer, dy, dx, kept: dx * np.nan),
        *("x", "20 of 20 numbers are NaN or infinite"),
    ),
}


@pytest.mark.parametrize(
    "layer, shape, change, name, diagnosis", BROKEN.values(), ids=BROKEN
)
def test_a_broken_layer_fails_at_the_right_tensor(
    layer, shape, change, name, diagnosis, rng
):
    x = rng.permutation(np.prod(shape)).reshape(shape) / 10 - 3.123  # no ties
    layer.build(shape[1:], rng, np.float64)
    if not isinstance(layer, Unwritten):
        layer = broken(layer, change)
    report = gradcheck.check_layer(layer, x)
    wrong = [check for check in report if not check.passed]
    assert [check.name for check in wrong] == [name], report
    assert diagnosis in wrong[0].diagnosis, report
    assert bool(diagnosis) == bool(wrong[0].diagnosis), report
    assert not report.passed
    fast = gradcheck.check_layer(layer, x, samples=0)
    assert [check.name for check in fast if not check.passed] == [name], fast


@pytest.mark.parametrize(
    "write, diagnosis",
    [
        (
            lambda grads, parts: grads.update(a=grads["a"] + parts.sum()),
            "the gradient of the backward pass before is still in it: use =, not +=",
        ),
        (
            lambda grads, parts: grads.update(a=parts.mean()),
            "20 times too small; 20 is the size along axes 0, 1: a mean instead of a "
            "sum?",
        ),
        (
            lambda grads, parts: None,
            "all zeros: the gradient is disconnected, or never written",
        ),
        (lambda grads, parts: grads.update(a=parts[-1].sum()), ""),
    ],
    ids=["added", "mean", "never", "last"],
)
def test_the_gradient_of_a_single_number_is_diagnosed(write, diagnosis, rng):
    report = gradcheck.check_layer(Gain(write), rng.standard_normal(ROWS))
    assert [check.passed for check in report] == [True, False]
    assert report[1].diagnosis == diagnosis


def test_a_parameter_of_ones_is_no_check_of_its_factor(rng):
    x = rng.standard_normal(ROWS)
    report = gradcheck.check_layer(Gain(a=1.0), x)
    assert report.passed and "all its numbers are 1" in report[1].diagnosis
    for layer in (Gain(), BatchNormalization()):  # 2.0; and one that is tested here
        assert not any(check.diagnosis for check in gradcheck.check_layer(layer, x))
