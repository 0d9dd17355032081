"""Mistakes that the networks of ``sora-np gradcheck`` must bring to light."""

import numpy as np
import pytest

from sora_np import gradcheck, regularizers
from sora_np.__main__ import main
from sora_np.command import gradcheck as command
from sora_np.command.specimens import losses_alone, specimens
from sora_np.engine.fusion import affine, batch_normalization
from sora_np.gradcheck import judge
from sora_np.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    RandomCrop,
    ReLU,
    ZeroPadding2D,
)
from sora_np.layers.convolutional import conv2d
from sora_np.layers.preprocessing import framing
from sora_np.layers.reshaping import up_sampling2d
from sora_np.losses import BinaryCrossentropy, CategoricalCrossentropy
from sora_np.models import Sequential

NAMES = ["windows", "pictures", "rows", "bits", "sequences", "shapes", "mobile"]
NAMES += ["signals", "smooth"]


@pytest.fixture(scope="module")
def made():
    return {specimen.model.name: specimen for specimen in specimens()}


@pytest.fixture(autouse=True)
def no_long_diagnoses(monkeypatch):
    monkeypatch.setattr(judge, "MORE", 5)


def reports(specimen, samples=0):
    """Yield all that the command finds of a network, by directions alone."""
    how = {"samples": samples, "seed": 0}
    rng = np.random.default_rng(0)
    return command._gradchecks(specimen.model, rng, how, specimen)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_right_passes(name, made, capsys):
    found = list(reports(made[name], 2))
    assert all(report.passed for report in found)
    assert capsys.readouterr().out == "", "only what is wrong is shown"
    names = [check.name for check in found[-1]]
    assert names[0].endswith("y in prediction"), "every one has moving statistics"
    assert any(name.endswith("moving_variance by the plan") for name in names)


def swapped(right):
    """Return ``conv2d_dx`` or its tasks with the dilation as the stride."""

    def wrong(dz, w, dx, strides, pads, dilation, groups=1):
        if max(dilation) > 1:
            strides, dilation = dilation, strides
        return right(dz, w, dx, strides, pads, dilation, groups)

    return wrong


def one_axis(right):
    """Return a backward whose bias gradient is a sum over the images alone."""

    def backward(self, dy):
        dz = self.activation.backward(dy, self._caches[-1][2])
        dx = right(self, dy)
        if self.use_bias:
            self.grads["bias"] = dz.sum(axis=0)[0, 0]
        return dx

    return backward


def first_rows(right):
    """Return the plan's ``bias_relu_dz_tasks``, whose bias is that of half the rows."""

    def tasks(dy, y, dz, dbias):
        half = len(dy) // 2
        unused = np.empty_like(dbias)
        some = dy[:half], None if y is None else y[:half], dz[:half], dbias
        rest = dy[half:], None if y is None else y[half:], dz[half:], unused
        return [*right(*some), *right(*rest)]

    return tasks


def unbiased(right):
    """Return a forward of BN whose moving variance is that of a sample."""

    def forward(self, x, *, training=False):
        before = self.state["moving_variance"].copy()
        y = right(self, x, training=training)
        if training:
            count = x.size // x.shape[self.axis]
            variance = self.state["moving_variance"]
            variance += (variance - self.momentum * before) / (count - 1)
        return y

    return forward


def other_rates(right):
    def task(y, x, rates):
        return right(y, x, rates * [1, 1.1])

    return task


def without_2(right):
    def bind(self, w, dw):
        penalise = right(self, w, dw)

        def less():
            value = penalise()
            dw[...] -= self.l2 * w
            return value

        return less

    return bind


def drawn_anew(right):
    def backward(self, dy):
        shape, mask = self._caches.pop()
        self._caches.append((shape, self.rng.permuted(mask)))
        return right(self, dy)

    return backward


def unsmoothed(right):
    """Return a gradient by targets as they were before smoothing."""

    def gradient(self, y_true, y_pred):
        return right(self, np.round(y_true), y_pred)

    return gradient


def plain_relu(right):
    def backward(self, dy):
        bends, self._bends = self._bends, (0.0, 0.0, np.inf)
        try:
            return right(self, dy)
        finally:
            self._bends = bends

    return backward


def last_group_lost(right):
    def backward(self, dy):
        dx = right(self, dy)
        if self.groups > 1:
            self.grads["kernel"][..., -1] = 0
        return dx

    return backward


def wrong_side(right):
    """Return a backward that takes the padding of "same" from the other side."""

    def backward(self, dy):
        strides, pads, *rest = self._window
        self._window = (strides, tuple(pad[::-1] for pad in pads), *rest)
        try:
            return right(self, dy)
        finally:
            self._window = (strides, pads, *rest)

    return backward


def without_padding(right):
    """Return a backward of ZeroPadding2D whose window is a line off."""

    def backward(self, dy):
        return np.roll(right(self, dy), 1, axis=1)

    return backward


def unweighted(right):
    """Return a gradient of resizing by the pixels of "nearest", whatever there was."""

    def wrong(dy, size, interpolation, *antialias):
        return right(dy, size, "nearest", *antialias)

    return wrong


def other_crop(right):
    """Return a backward whose crops are those of the next image."""

    def backward(self, dy):
        shape, frame, starts = self._caches.pop()
        self._caches.append((shape, frame, np.roll(starts, 1, axis=0)))
        return right(self, dy)

    return backward


def dy_overwritten(right):
    def backward(self, dy):
        dx = right(self, dy)
        dy *= 2
        return dx

    return backward


MISTAKES = {  # where, of what, the mistake, the network that shows it
    "dilation-for-stride": (conv2d, "conv2d_dx", swapped, "windows"),
    "dilation-for-stride-plan": (affine, "conv2d_dx_tasks", swapped, "windows"),
    "bias-over-one-axis": (Conv2D, "backward", one_axis, "windows"),
    "bias-over-half-plan": (affine, "bias_relu_dz_tasks", first_rows, "windows"),
    "variance-unbiased": (BatchNormalization, "forward", unbiased, "rows"),
    "variance-unbiased-axis": (BatchNormalization, "forward", unbiased, "pictures"),
    "moving-rates-plan": (batch_normalization, "axpby_task", other_rates, "windows"),
    "l2-without-2": (regularizers.L1L2, "bind", without_2, "windows"),
    "l2-of-dense": (regularizers.L1L2, "bind", without_2, "bits"),
    "mask-drawn-anew": (Dropout, "backward", drawn_anew, "rows"),
    "smoothing-binary": (BinaryCrossentropy, "dlosses", unsmoothed, "bits"),
    "slope-of-relu": (ReLU, "backward", plain_relu, "rows"),
    "a-group-lost": (Conv2D, "backward", last_group_lost, "windows"),
    "padding-of-conv": (Conv2D, "backward", wrong_side, "windows"),
    "padding-of-zeros": (ZeroPadding2D, "backward", without_padding, "shapes"),
    "up-sampling": (up_sampling2d, "resize2d_dx", unweighted, "shapes"),
    "resizing": (framing, "resize2d_dx", unweighted, "shapes"),
    "crop-of-another": (RandomCrop, "backward", other_crop, "shapes"),
    "dy-overwritten": (Dense, "backward", dy_overwritten, "bits"),
}


@pytest.mark.parametrize(
    "where, name, mistake, network", MISTAKES.values(), ids=MISTAKES
)
def test_a_mistake_is_noticed(where, name, mistake, network, made, monkeypatch, capsys):
    monkeypatch.setattr(where, name, mistake(getattr(where, name)))
    assert not all(report.passed for report in reports(made[network]))
    assert capsys.readouterr().out


def test_a_loss_whose_mistake_no_network_shows(monkeypatch):
    """Behind softmax the cross-entropy is taken from logits, by code of its own."""
    checked = [
        gradcheck.check_loss(*given, [1, 2, 0.5, 3, 1.5]) for given in losses_alone()
    ]
    assert all(report.passed for report in checked)
    right = CategoricalCrossentropy.dlosses
    monkeypatch.setattr(CategoricalCrossentropy, "dlosses", unsmoothed(right))
    assert not all(gradcheck.check_loss(*given).passed for given in losses_alone())


def test_weights_of_samples_that_are_forgotten(made, monkeypatch):
    """In the gradient alone: the plan's ``weigh``."""
    specimen = made["rows"]
    loss, right = (
        type(specimen.model.loss),
        type(specimen.model.loss).value_and_gradient,
    )

    def wrong(self, y_true, y_pred, sample_weight=None):
        return right(self, y_true, y_pred)

    assert gradcheck.check_model(*specimen, samples=0).passed
    monkeypatch.setattr(loss, "value_and_gradient", wrong)
    assert not gradcheck.check_model(*specimen, samples=0).passed


def test_statistics_are_those_of_the_textbook(rng):
    """By hand: x = 1, 3 has mean 2, variance 1, not 2; of M - 1 it would be 2."""
    layer = BatchNormalization(momentum=0.5, input_shape=(1,))
    model = Sequential([layer], dtype="float64")
    layer.state["moving_mean"], layer.state["moving_variance"] = [4.0], [3.0]
    x = np.array([[1.0], [3.0]])
    assert gradcheck.check_statistics(model, x).passed
    assert layer.state["moving_mean"] == 4, "it is left as it was"
    model.compile("sgd", "mse")
    model.train_on_batch(x, x)
    assert layer.state["moving_mean"] == 3 and layer.state["moving_variance"] == 2
    assert gradcheck.check_statistics(Sequential([Dense(2)], dtype="float64"), x) == []


def test_the_command_checks_all_of_them(monkeypatch, capsys):
    """Without the source document's network here, which takes its time."""

    def small(shape, seed, dtype):
        return Sequential([Dense(2, input_shape=(3,))], dtype=dtype, seed=seed)

    made = specimens()[2:]
    monkeypatch.setattr(command, "create_sora_model", small)
    monkeypatch.setattr(command, "specimens", lambda seed: made)
    assert main(["gradcheck", "--samples", "0"]) == 0
    text = capsys.readouterr().out
    assert all(f"\n{name}: " in text for name in NAMES[2:])
    assert "rows: Normalization, Dense, BatchNormalization, Activation" in text
    assert text.endswith("all gradients agree\n")
    monkeypatch.setattr(Dropout, "backward", drawn_anew(Dropout.backward))
    assert main(["gradcheck", "--samples", "0"]) == 1
    text = capsys.readouterr().out
    assert "dropout (Dropout) alone" in text and text.endswith("WRONG gradients\n")
