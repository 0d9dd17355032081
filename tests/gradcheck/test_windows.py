"""The two classic mistakes in a convolution's gradients are said, and no others."""

import numpy as np
import pytest
from scipy import signal

from sora_np import gradcheck
from sora_np.layers import Conv2D, Layer

ROTATED = "right for a kernel rotated by 180 degrees"
OVERLAP = "of overlapping windows only the last counts: = instead of +="
WINDOW = "only the last window counts: = instead of +="
SAMPLE = "only the last sample counts: = instead of +="


class Convolution(Layer):
    """A convolution as loops over places; each mistake replaces ``part``."""

    def __init__(self, strides=1, size=2, filters=2, **options):
        super().__init__(**options)
        self.strides, self.size, self.filters = strides, size, filters

    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        shape = (self.size, self.size, input_shape[2], self.filters)
        self.add_weight(shape, name="kernel", rng=rng)
        places = [*self.places(input_shape)]
        return places[-1][0] + 1, places[-1][1] + 1, self.filters

    def places(self, shape):
        p, s = self.size, self.strides
        for i in range((shape[0] - p) // s + 1):
            for j in range((shape[1] - p) // s + 1):
                yield i, j, slice(i * s, i * s + p), slice(j * s, j * s + p)

    def forward(self, x, *, training=False):
        self.x = x
        kernel, places = self.forward_kernel(), [*self.places(x.shape[1:])]
        shape = len(x), places[-1][0] + 1, places[-1][1] + 1, self.filters
        y = np.zeros(shape, x.dtype)
        for i, j, rows, columns in places:
            y[:, i, j] = np.tensordot(x[:, rows, columns], kernel, 3)
        return y

    def forward_kernel(self):
        return self.params["kernel"]

    def backward(self, dy):
        dx, dkernel = np.zeros_like(self.x), np.zeros_like(self.params["kernel"])
        for i, j, rows, columns in self.places(self.x.shape[1:]):
            self.part(dx[:, rows, columns], dy[:, i, j])
            self.dkernel(dkernel, self.x[:, rows, columns], dy[:, i, j])
        self.grads["kernel"] = dkernel
        return dx

    def part(self, dx, dy):
        dx += np.einsum("no,pqco->npqc", dy, self.params["kernel"])

    def dkernel(self, dkernel, x, dy):
        dkernel += np.einsum("npqc,no->pqco", x, dy)


class Rotated(Convolution):
    def part(self, dx, dy):
        kernel = self.params["kernel"][::-1, ::-1]
        dx += np.einsum("no,pqco->npqc", dy, kernel)


class RotatedForward(Convolution):
    """A convolution as mathematics has it, with the gradient of networks'."""

    def forward_kernel(self):
        return self.params["kernel"][::-1, ::-1]

    def dkernel(self, dkernel, x, dy):
        super().dkernel(dkernel[::-1, ::-1], x, dy)


class Full(Convolution):
    """dx by SciPy's correlation of dy with the kernel: not rotated."""

    def backward(self, dy):
        dx = super().backward(dy)
        dx[...] = 0
        kernel = self.params["kernel"]
        for n, c, o in np.ndindex(len(dx), dx.shape[3], self.filters):
            dx[n, ..., c] += signal.correlate2d(dy[n, ..., o], kernel[..., c, o])
        return dx


class Overwriting(Convolution):
    def part(self, dx, dy):
        dx[...] = np.einsum("no,pqco->npqc", dy, self.params["kernel"])


class OverwritingFilters(Convolution):
    def part(self, dx, dy):
        for n in range(len(dx)):
            for o in range(self.filters):
                dx[n] = dy[n, o] * self.params["kernel"][..., o]


class LastWindow(Convolution):
    def dkernel(self, dkernel, x, dy):
        dkernel[...] = np.einsum("npqc,no->pqco", x, dy)


class LastOfAll(Convolution):
    def dkernel(self, dkernel, x, dy):
        for n in range(len(x)):
            dkernel[...] = x[n][..., None] * dy[n]


class LastSample(Convolution):
    def dkernel(self, dkernel, x, dy):
        dkernel += x[-1][..., None] * dy[-1]


class Pooling(Convolution):
    """The largest number of each window."""

    def build(self, input_shape, rng, dtype):
        shape = super().build(input_shape, rng, dtype)
        self.params.clear(), self.grads.clear()
        return *shape[:2], input_shape[2]

    def forward(self, x, *, training=False):
        self.x, places = x, [*self.places(x.shape[1:])]
        y = np.zeros((len(x), places[-1][0] + 1, places[-1][1] + 1, x.shape[3]))
        for i, j, rows, columns in places:
            y[:, i, j] = x[:, rows, columns].max(axis=(1, 2))
        return y

    def backward(self, dy):
        dx = np.zeros_like(self.x)
        for i, j, rows, columns in self.places(self.x.shape[1:]):
            window = self.x[:, rows, columns]
            top = window == window.max(axis=(1, 2), keepdims=True)
            part = dx[:, rows, columns]
            n, p, q, c = np.nonzero(top)
            self.give(part, (n, p, q, c), dy[:, i, j][n, c])
        return dx

    def give(self, dx, place, dy):
        dx[place] += dy


class PoolingReplaced(Pooling):
    def give(self, dx, place, dy):
        dx[place] = dy


def report_of(layer, shape=(2, 4, 5, 2)):
    x = np.random.default_rng(3).permutation(int(np.prod(shape))).reshape(shape) / 7
    return gradcheck.check_layer(layer, x - 2.1)


WRONG = {  # layer, the wrong tensor, what is said
    "rotated": (Rotated(), "x", ROTATED),
    "rotated-strides": (Rotated(2, 3), "x", ROTATED),
    "rotated-forward": (RotatedForward(), "x", ROTATED),
    "full": (Full(), "x", ROTATED),
    "overwriting": (Overwriting(), "x", OVERLAP),
    "overwriting-strides": (Overwriting(2, 3), "x", OVERLAP),
    "overwriting-filters": (OverwritingFilters(), "x", OVERLAP),
    "pooling": (PoolingReplaced(1, 2), "x", OVERLAP),
    "last-window": (LastWindow(), "kernel", WINDOW),
    "last-of-all": (LastOfAll(), "kernel", WINDOW),
    "last-sample": (LastSample(), "kernel", SAMPLE),
}


@pytest.mark.parametrize("layer, name, text", WRONG.values(), ids=WRONG)
def test_a_classic_mistake_is_said(layer, name, text):
    report = report_of(layer)
    wrong = [check for check in report if not check.passed]
    assert [check.name for check in wrong] == [name], report
    assert wrong[0].diagnosis.startswith(text), report


@pytest.mark.parametrize(
    "layer",
    [Convolution(), Convolution(2, 3), Convolution(3, 2), Pooling(1, 2), Conv2D(2, 2)],
    ids=["plain", "strides", "gaps", "pooling", "ours"],
)
def test_a_right_layer_passes(layer):
    report = report_of(layer)
    assert report.passed and not any(check.diagnosis for check in report), report


def test_windows_that_do_not_overlap_are_right_either_way():
    assert report_of(Overwriting(2, 2)).passed
    assert report_of(Rotated(1, 1)).passed


class Other(Convolution):
    """Wrong in another way."""

    def __init__(self, change, **options):
        super().__init__(**options)
        self.change = change

    def backward(self, dy):
        return self.change(super().backward(dy))


def noisy(dx):
    return dx + np.random.default_rng(0).standard_normal(dx.shape) / 100


def partly(dx):
    dx[:, -1] = 0
    return dx


@pytest.mark.parametrize("change", [noisy, partly, np.negative, np.zeros_like, np.tanh])
def test_another_mistake_is_not_taken_for_it(change):
    report = report_of(Other(change))
    check = next(check for check in report if check.name == "x")
    assert not check.passed
    for text in (ROTATED, OVERLAP, WINDOW, SAMPLE):
        assert text not in check.diagnosis


def test_both_mistakes_at_once_are_neither():
    class Both(Rotated):
        def part(self, dx, dy):
            dx[...] = 0
            super().part(dx, dy)

    diagnosis = report_of(Both())[0].diagnosis
    assert ROTATED not in diagnosis and OVERLAP not in diagnosis


def test_one_more_mistake_beside_it_is_not_that():
    class More(Overwriting):
        def backward(self, dy):
            dx = super().backward(dy)
            dx[0, 0] += 0.1
            return dx

    assert OVERLAP not in report_of(More())[0].diagnosis


def test_the_kernel_is_as_it_was():
    layer = Rotated()
    layer.build((4, 5, 2), np.random.default_rng(0), np.float64)
    before = layer.params["kernel"].copy()
    assert ROTATED in report_of(layer)[0].diagnosis
    np.testing.assert_array_equal(layer.params["kernel"], before)


def test_a_function_of_one_channel():
    def convolve(image, kernel):
        return signal.correlate2d(image, kernel, "valid")

    def backward(dy, image, kernel):
        dkernel = signal.correlate2d(image, dy, "valid")
        return signal.correlate2d(dy, kernel), dkernel  # full, not rotated

    def right(dy, image, kernel):
        return signal.convolve2d(dy, kernel), backward(dy, image, kernel)[1]

    rng = np.random.default_rng(0)
    arrays = rng.standard_normal((5, 4)), rng.standard_normal((2, 3))
    report = gradcheck.check_function(convolve, *arrays, backward=backward)
    assert report[0].diagnosis.startswith(ROTATED) and report[1].passed
    assert gradcheck.check_function(convolve, *arrays, backward=right).passed


def test_a_turned_dkernel_is_a_rotation():
    class Turned(Convolution):
        def dkernel(self, dkernel, x, dy):
            super().dkernel(dkernel[::-1, ::-1], x, dy)

    check = report_of(Turned())[1]
    assert "reversed along axis 0, 1, which is rotated by 180" in check.diagnosis


def test_what_backward_returns_is_named():
    class Tuple(Convolution):
        def backward(self, dy):
            return (super().backward(dy),)

    with pytest.raises(TypeError, match="backward of Tuple 'tuple' must return dx, an"):
        report_of(Tuple())

    class Shape(Convolution):
        def backward(self, dy):
            self.grads["kernel"] = np.ones(3)
            return dy

    with pytest.raises(ValueError, match="backward of Shape 'shape': kernel has shape"):
        report_of(Shape())
