"""Where there is no derivative: found, listed, and held to the subgradient interval."""

import numpy as np
import pytest

from sora_np import gradcheck
from sora_np.layers import Conv2D, Dense, Flatten, Layer, MaxPool, ReLU, Softmax
from sora_np.losses import Loss
from sora_np.models import Sequential


def check(f, x, backward, **options):
    (found,) = gradcheck.check_function(f, x, backward=backward, **options)
    return found


# --- kinks of functions -----------------------------------------------------------


def sign(dy, x):
    return dy * np.sign(x)


def test_a_kink_near_by():
    """At 2e-6 the step of 1e-5 crosses the kink of |x|; a tenth of it does not."""
    found = check(np.abs, [-1.0, 2e-6, 1.0], sign, directions=0)
    ((place, given, low, high),) = found.kinks
    assert place == (1,) and found.passed
    np.testing.assert_allclose([low, high], given, rtol=1e-6)
    found = check(np.abs, [-1.0, 2e-6, 1.0], lambda dy, x: dy * [-1, 0.999, 1])
    assert not found.passed and not found.kinks[0].is_inside


def test_a_kink_itself_has_an_interval():
    found = check(np.abs, [-1.0, 0.0, 1.0], sign, directions=0)
    ((place, given, low, high),) = found.kinks
    assert place == (1,) and given == 0
    np.testing.assert_allclose([low, high], [-high, high], rtol=1e-6)
    assert found.passed
    report = gradcheck.Report([found])
    assert "1 of 3 differences cross a kink (about 33.33% of all" in str(report)
    assert f"[1]  0 in [{low:.6g}, {high:.6g}]" in str(report)


@pytest.mark.parametrize("slope", [-1, -0.3, 0.999, 1])
def test_every_subgradient_is_right(slope):
    found = check(np.abs, [0.0], lambda dy, x: slope * dy, directions=0)
    assert found.passed and len(found.kinks) == 1


@pytest.mark.parametrize("slope", [-1.001, 1.001, 2, np.nan])
def test_what_is_no_subgradient_is_wrong(slope):
    found = check(np.abs, [0.0, 0.0], lambda dy, x: slope * dy, directions=0)
    assert not found.passed and len(found.kinks) == 2
    if slope == slope:
        assert "OUTSIDE" in str(gradcheck.Report([found]))


@pytest.mark.parametrize("place", [0, 1e-8, 3.3e-6, -2e-6, 9e-7, 9.09e-7, 9.9e-6])
@pytest.mark.parametrize("jump", [1, 1e-3, -0.03])
def test_no_kink_is_taken_for_a_mistake(place, jump):
    """f = sin x, whose slope grows by ``jump`` at ``place``, wherever that is."""

    def f(x):
        return np.sin(x) + jump * np.maximum(x - place, 0)

    def slope(dy, x):
        return dy * (np.cos(x) + jump * (x > place))

    found = check(f, [0.0], slope)
    assert found.passed, found
    assert found.kinks or abs(place) > 9e-6, found


STEEP = {
    "exp": (np.exp, np.exp),
    "square-at-its-vertex": (np.square, lambda x: 2 * x),
    "blurred-by-rounding": (lambda x: 1e5 + np.sin(x), np.cos),
    "sharp": (lambda x: np.tanh(300 * x), lambda x: 300 / np.cosh(300 * x) ** 2),
}


@pytest.mark.parametrize("f, slope", STEEP.values(), ids=STEEP)
@pytest.mark.parametrize("wrong", [1e-5, 1e-3, 1])
def test_no_mistake_is_taken_for_a_kink(f, slope, wrong):
    """However bent or large a smooth function is, a wrong slope of it is wrong."""
    x = np.array([0.0, 1e-6, -3e-6, 0.002, 1e-4])
    right = check(f, x, lambda dy, x: dy * slope(x))
    assert right.passed and not right.kinks, right
    found = check(f, x, lambda dy, x: dy * (slope(x) + wrong * slope(x).max()))
    assert not found.passed and not found.kinks, found


BENT = {  # differentiable, but bent on one side of 0 only: d(-f)/d(-x) is tried too
    "square of ReLU": (lambda x: np.maximum(x, 0) ** 2 + 3 * x, 3),
    "Huber's loss at delta": (lambda x: np.where(x < 0, (1 + x) ** 2 / 2, x + 0.5), 1),
    "flat before": (lambda x: 1 + 100 * np.maximum(x, 0) ** 2, 0),
}


@pytest.mark.parametrize("f, slope", BENT.values(), ids=BENT)
@pytest.mark.parametrize("side", [1, -1])
def test_a_bend_that_begins_here_is_no_mistake(f, slope, side):
    """Central differences err by O(step) there."""

    def backward(dy, x):
        return dy * slope

    def mirrored(x):
        return side * f(side * x)

    assert check(mirrored, [0.0, 0.0], backward, directions=0).passed
    wrong = check(mirrored, [0.0, 0.0], lambda dy, x: dy * (slope + 1e-4), directions=0)
    assert not wrong.passed


def test_black_images_and_balanced_classes(rng):
    """The loss is flat on one side of every bias: it meets its least value there."""
    layers = [Conv2D(3, 3, activation="relu"), Flatten(), Dense(2, "softmax")]
    model = Sequential(layers, dtype="float64")
    model.compile("sgd", "sparse_categorical_crossentropy")
    report = gradcheck.check_model(model, np.zeros((4, 8, 8, 1)), [0, 1, 1, 0])
    assert report.passed, str(report)


def test_kinks_that_hide_one_another():
    """relu(x) - relu(-x) = x is smooth, but 0 is what backward passes make of 0."""

    def both(x):
        return np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)])

    def slope(dy, x):
        return dy[:1] * (x > 0) - dy[1:] * (x < 0)

    found = check(both, [0.0], slope, directions=0)
    assert found.passed and len(found.kinks) == 1
    found = check(both, [0.0], lambda dy, x: np.abs(dy).sum(keepdims=True) * 1.01)
    assert not found.passed


class Halves(Loss):
    """relu(p) for the first sample, -relu(-p) for the second."""

    def losses(self, y_true, y_pred):
        return np.array([np.maximum(y_pred[0, 0], 0), np.minimum(y_pred[1, 0], 0)])

    def dlosses(self, y_true, y_pred):
        return np.array([y_pred[0] > 0, y_pred[1] < 0]) * 1.0


def test_kinks_that_hide_one_another_in_a_sum():
    """In the direction (1, 1) the sum of the losses is straight, each is bent."""
    loss, zeros = Halves(reduction="none"), np.zeros((2, 1))
    (found,) = gradcheck.check_loss(loss, zeros, zeros, directions=1)
    assert found.passed and [kink.place for kink in found.kinks] == [
        *((0, 0), (1, 0), "direction 0"),
    ]


def test_a_jump_is_no_kink():
    found = check(np.floor, [0.5, 1.0, 2.0], lambda dy, x: 0 * x, directions=0)
    assert found.error == np.inf
    assert found.diagnosis == "the function itself jumps there"


# --- ties in layers ---------------------------------------------------------------


class Pool(MaxPool):
    """Max-pooling 2x2 of one image whose cells tie, by a rule of one's own."""

    def __init__(self, share):
        super().__init__(2)
        self.share = np.array(share)

    def backward(self, dy):
        dx = super().backward(dy)
        cells = dx.reshape(1, 2, 2, 2, 2, 1).sum(axis=(2, 4))[:, :, None, :, None]
        tied = np.broadcast_to(cells, (1, 2, 2, 2, 2, 1))
        return (tied * self.share[None, None, :, None, :, None]).reshape(dx.shape)


TIES = {  # what each of four equal cells gets
    "first": ([[1, 0], [0, 0]], True),
    "last": ([[0, 0], [0, 1]], True),
    "equal-shares": ([[0.25, 0.25], [0.25, 0.25]], True),
    "each-the-whole": ([[1, 1], [1, 1]], False),
    "none": ([[0, 0], [0, 0]], False),
}


@pytest.mark.parametrize("share, right", TIES.values(), ids=TIES)
def test_ties_in_pooling(share, right):
    """Any rule that gives dy away once is a subgradient; the first direction counts.

    (That ours is the first cell is held by the worked examples of the layers.)
    """
    (found,) = gradcheck.check_layer(Pool(share), np.ones((1, 4, 4, 1)), samples=None)
    assert found.passed == right, found
    assert {kink.place for kink in found.kinks} >= set(np.ndindex(1, 4, 4, 1))


def with_black_borders(rng):
    x = np.zeros((2, 16, 16, 1))
    x[:, 7:9, 7:9] = rng.random((2, 2, 2, 1))
    return x


def convolutions(relu):
    return [
        *(Conv2D(4, 3, padding="same"), relu(), MaxPool(2)),
        *(Conv2D(3, 3, activation="relu"), MaxPool(2)),
        *(Flatten(), Dense(5, "relu"), Dense(3), Softmax()),
    ]


@pytest.mark.parametrize("y", [None, [[1, 0, 0], [0, 1, 0]]], ids=["dy", "loss"])
@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "list"])
def test_black_borders_and_biases_of_zero(y, fuse, rng):
    """Every border pixel and every bias of the convolutions sits on kinks and ties."""
    model = Sequential(convolutions(ReLU), dtype="float64")
    model.compile("sgd", "categorical_crossentropy", fuse=fuse)
    x = with_black_borders(rng)
    report = gradcheck.check_model(model, x, y, samples=25)
    assert report.passed, report
    kinks = {check.name: check.kinks for check in report}
    black = [kink for kink in kinks["x"] if not isinstance(kink.place, str)]
    assert black and all(x[kink.place] == 0 for kink in black)
    assert len(kinks["conv2d/bias"]) >= 4 and len(kinks["conv2d_1/bias"]) >= 3


class Odd(ReLU):
    """Right but for x = 0, where the slope is 2."""

    def backward(self, dy):
        dy, x = self.recall(dy)
        return dy * np.where(x == 0, 2, x > 0)


def test_a_mistake_at_kinks_alone_is_found(rng):
    model = Sequential(convolutions(Odd), dtype="float64")
    report = gradcheck.check_model(model, with_black_borders(rng), samples=25)
    wrong = [check.name for check in report if not check.passed]
    assert "conv2d/bias" in wrong and "conv2d_1/kernel" not in wrong, report
    assert "OUTSIDE" in str(report)


class Split(Layer):
    """relu(x) and relu(-x), one beside the other."""

    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        return (2 * input_shape[0],)

    def forward(self, x, *, training=False):
        x = self.check_input(x)
        if training:
            self.remember(np.concatenate([x, x], axis=1), x)
        return np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=1)

    def backward(self, dy):
        dy, x = self.recall(dy)
        half = x.shape[1]
        return dy[:, :half] * (x > 0) - dy[:, half:] * (x < 0)


def test_kinks_that_meet_in_the_next_layer(rng):
    """There they may add up to something smooth: each is followed by itself."""
    model = Sequential([Split(), Dense(6, "relu"), Split(), Dense(1)], dtype="float64")
    x = rng.standard_normal((3, 4))
    x[:, 1:3] = 0
    report = gradcheck.check_model(model, x)
    assert report.passed, report
    assert len(report[0].kinks) >= 6
