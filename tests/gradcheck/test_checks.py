"""What the checks of layers, functions and losses promise."""

import copy

import numpy as np
import pytest

from sora_np import gradcheck
from sora_np.layers import BatchNormalization, Dense, Dropout, Layer
from sora_np.losses import CategoricalCrossentropy, MeanSquaredError
from sora_np.models import Sequential


def test_numerical_gradient_of_a_known_function(rng):
    a = rng.standard_normal((2, 3))
    before = a.copy()
    gradient = gradcheck.numerical_gradient(lambda: float(np.sum(a**3)), a)
    np.testing.assert_allclose(gradient, 3 * a**2, rtol=1e-6, atol=1e-8)
    np.testing.assert_array_equal(a, before)
    with pytest.raises(TypeError, match="float64"):
        gradcheck.numerical_gradient(lambda: 0.0, np.zeros(1, np.float32))


SIZES = np.array([1.25, -2.5, 3.75, -0.5])
ANY_SIZE = {  # f, its derivative, where
    "square-1e6": (np.square, lambda x: 2 * x, 1e6 * SIZES),
    "cube-1e9": (lambda x: x**3, lambda x: 3 * x**2, 1e9 * SIZES),
    "sine-1e6": (np.sin, np.cos, 1e6 * SIZES),
    "log-1e-5": (np.log, lambda x: 1 / x, 1e-5 * np.abs(SIZES)),
    "log-mixed": (np.log, lambda x: 1 / x, np.array([1e-5, 1e5, 1, 2e-3])),
    "reciprocal-1e-8": (lambda x: 1 / x, lambda x: -1 / x**2, 1e-8 * SIZES),
    "square-1e-6": (np.square, lambda x: 2 * x, 1e-6 * SIZES),
    "root": (np.sqrt, lambda x: 0.5 / np.sqrt(x), 1e-7 * np.abs(SIZES)),
    "beside-1e6": (lambda x: x + 1e6, np.ones_like, SIZES),
}


@pytest.mark.parametrize("f, slope, x", ANY_SIZE.values(), ids=ANY_SIZE)
def test_numbers_of_any_size(f, slope, x):
    """A step of 1e-5 alone is nothing beside 1e6, and leaves the domain of log."""
    report = gradcheck.check_function(f, x, backward=lambda dy, x: dy * slope(x))
    assert report.passed and not report[0].kinks, report
    assert "rounding" not in report[0].diagnosis, report
    for factor in (1.001, 0, -1):
        wrong = gradcheck.check_function(
            f, x, backward=lambda dy, x, c=factor: c * dy * slope(x)
        )
        assert not wrong.passed, wrong
    a = x.copy()
    gradient = gradcheck.numerical_gradient(lambda: float(np.sum(f(a[:1]))), a[:1])
    np.testing.assert_allclose(gradient, slope(a[:1]), rtol=1e-5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [2, 3, 8])
def test_batch_normalization_of_few_samples(count, seed):
    """Of 2 samples y is 1 and -1 whatever x is: its slope is next to nothing."""
    x = np.random.default_rng(seed).standard_normal((count, 6))
    for scale in (1, 100):
        report = gradcheck.check_layer(
            BatchNormalization(), scale * x, samples=None, seed=seed
        )
        assert report.passed, report


# --- how much is checked ----------------------------------------------------------


def counts(report):
    return [(c.entries, c.checked, c.directions) for c in report]


def test_samples_and_directions(rng):
    x = rng.standard_normal((2, 7))
    report = gradcheck.check_layer(Dense(5), x, samples=6, directions=2)
    assert counts(report) == [(14, 6, 2), (35, 6, 2), (5, 5, 2)]
    report = gradcheck.check_layer(Dense(5), x, samples=None, directions=0)
    assert counts(report) == [(14, 14, 0), (35, 35, 0), (5, 5, 0)]


@pytest.mark.parametrize(
    "options, text",
    [
        ({"samples": 0, "directions": 0}, "not both 0, got 0 and 0"),
        ({"samples": -1}, "got -1 and 3"),
        ({"directions": -2}, "and -2"),
        ({"eps": 0}, "eps must be a positive number, got 0"),
    ],
)
def test_settings_that_check_nothing(options, text):
    with pytest.raises(ValueError, match=text):
        gradcheck.check_layer(Dense(1), np.ones((1, 2)), **options)


class Counted(Dense):
    calls = 0

    def forward(self, x, *, training=False):
        type(self).calls += 1
        return super().forward(x, training=training)


def test_directions_alone_cost_two_forward_passes_each(rng):
    """However large the tensor: here 8, and a constant to begin with."""
    costs = []
    for directions in (1, 5):
        Counted.calls = 0
        x = rng.standard_normal((2, 40))
        gradcheck.check_layer(Counted(50), x, samples=0, directions=directions)
        costs.append(Counted.calls)
    assert costs[1] - costs[0] == 2 * 4 * 3  # of three tensors
    assert costs[0] < 2 * 3 + 8


def test_the_place_is_named(rng):
    def backward(dy, x, w):
        dx, dw = dy * w, np.sum(dy * x, axis=0)
        dx[1, 2] *= 1.5
        return dx, dw

    x, w = rng.standard_normal((3, 4)), rng.standard_normal(4)
    report = gradcheck.check_function(lambda x, w: x * w, x, w, backward=backward)
    assert [check.name for check in report] == ["x", "w"]
    assert report[0].place == (1, 2) and not report[0].passed and report[1].passed
    assert report[0].error == pytest.approx(1 / 3)  # |1.5 - 1| / 1.5
    assert str(report).splitlines()[1].split()[-3:] == ["[1,", "2]", "wrong"]


BANDS = {0: "good", 1e-7: "good", 1e-6: "ok", 1e-4: "too high", 1e-2: "suspicious"}


@pytest.mark.parametrize("error, verdict", [*BANDS.items(), (0.011, "wrong")])
def test_verdicts_are_those_of_cs231n(error, verdict):
    check = gradcheck.Check("x", error, (0,), 1, 1)
    assert check.verdict == verdict
    assert check.passed == (verdict in ("good", "ok"))
    assert gradcheck.Check("x", error * 1.01 + 1e-9, (0,), 1, 1).error > error


# --- functions of one's own -------------------------------------------------------


class Affine:
    """As in many courses: a cache, forward by calling, backward."""

    def __init__(self, factor=1):
        self.factor = factor

    def __call__(self, x, w, b):
        self.cache = x, w
        return x @ w + b

    def backward(self, dy):
        x, w = self.cache
        return dy @ w.T, self.factor * x.T @ dy, dy.sum(axis=0)


def test_an_object_with_backward(rng):
    arrays = [rng.standard_normal(shape) for shape in ((4, 3), (3, 2), 2)]
    assert gradcheck.check_function(Affine(), *arrays).passed
    report = gradcheck.check_function(Affine(0.25), *arrays)
    assert [(c.name, c.passed) for c in report] == [
        *(("x", True), ("w", False), ("b", True)),
    ]
    hint = "4 times too small; 4 is the batch size: a mean instead of a sum?"
    assert report[1].diagnosis == hint


def test_numbers_and_arguments_without_a_name():
    def slope(dy, *arrays):
        return [dy * np.exp(a) for a in arrays]

    def f(*arrays):
        return sum(np.exp(a) for a in arrays)

    report = gradcheck.check_function(f, 0.5, -1.0, backward=slope)
    assert report.passed and [check.name for check in report] == ["x0", "x1"]


UNUSABLE = {
    "float32": (
        lambda x: x.astype(np.float32),
        lambda dy, x: dy,
        *(TypeError, "must return float64, got float32"),
    ),
    "count": (
        lambda x: x,
        lambda dy, x: (dy, dy),
        *(ValueError, "must return 1 gradients, for x, got 2"),
    ),
    "random": (
        lambda x: x * np.random.default_rng().random(),
        lambda dy, x: dy,
        *(ValueError, "two forward passes .* differ"),
    ),
}


@pytest.mark.parametrize("f, backward, error, text", UNUSABLE.values(), ids=UNUSABLE)
def test_functions_that_cannot_be_checked(f, backward, error, text):
    with pytest.raises(error, match=text):
        gradcheck.check_function(f, [1.0], backward=backward)


def test_shapes_and_none_are_findings():
    def check(gradient):
        report = gradcheck.check_function(np.exp, np.ones((2, 3)), backward=gradient)
        return report[0].passed, report[0].diagnosis

    assert check(lambda dy, x: dy.T) == (
        *(False, "its gradient must have shape (2, 3), got (3, 2)"),
    )
    assert check(lambda dy, x: [None]) == (False, "its gradient was not written")


def test_gradients_no_larger_than_rounding_are_told():
    """They pass, for nothing can be seen of them; but not in silence."""

    def check(scale):
        return gradcheck.check_function(
            lambda x: 1 + scale * x, np.ones(3), backward=lambda dy, x: 2 * scale * dy
        )[0]

    assert check(1e-12).passed
    assert check(1e-12).diagnosis == "0, or no larger than the rounding error of f"
    assert not check(1e-6).passed


# --- layers -----------------------------------------------------------------------


def test_float32_is_refused():
    layer = Dense(1)
    layer(np.zeros((1, 1), np.float32))
    with pytest.raises(TypeError, match="float32"):
        gradcheck.check_layer(layer, np.zeros((1, 1)))


def test_a_layer_that_changes_x_is_refused():
    class InPlace(Layer):
        def forward(self, x, *, training=False):
            x[x < 0] = 0
            return x

    with pytest.raises(ValueError, match="changes x in place"):
        gradcheck.check_layer(InPlace(), [[1.0, -1.0]])


WRITTEN = {
    "dy": lambda layer, dy, x: dy.__imul__(2),
    "x": lambda layer, dy, x: x.__isub__(1),
    "kernel": lambda layer, dy, x: layer.params["kernel"].__iadd__(1),
}


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("whole", [False, True], ids=["alone", "model"])
def test_a_backward_that_writes_to_what_it_is_given_is_found(name, whole, rng):
    """Its gradients are right; those who still need dy, x or the weights go wrong."""

    class Writing(Dense):
        def backward(self, dy):
            x = self._caches[-1][1]
            dx = super().backward(dy.copy())
            WRITTEN[name](self, dy, x)
            return dx

    x = rng.standard_normal((4, 3))
    if whole:
        model = Sequential([Dense(3), Writing(2)], dtype="float64")
        report = gradcheck.check_model(model, x)
    else:
        report = gradcheck.check_layer(Writing(2), x)
    (wrong,) = [check for check in report if not check.passed]
    assert wrong.name == ("writing/" * whole + name)
    text = "backward of Writing 'writing' changes it in place: let it work on a copy"
    assert wrong.diagnosis == text and text in str(report)


def test_a_forward_that_changes_params_is_refused():
    class Clipping(Dense):
        def forward(self, x, *, training=False):
            np.clip(self.params["kernel"], -0.1, 0.1, out=self.params["kernel"])
            return super().forward(x, training=training)

    with pytest.raises(ValueError, match="forward pass of .* changes its params in"):
        gradcheck.check_layer(Clipping(2), [[1.0, -1.0]])


ODD = {
    "list": (
        lambda dx: dx.tolist(),
        "its gradient must be an array of floats, got list",
    ),
    "complex": (
        lambda dx: dx * 1j,
        "its gradient must be an array of floats, got complex128",
    ),
    "whole": (
        lambda dx: dx.astype(int),
        "its gradient must be an array of floats, got int64",
    ),
    "none": (
        lambda dx: None,
        "its gradient was not written: backward returned None; is there a return at "
        "its end?",
    ),
}


@pytest.mark.parametrize("change, text", ODD.values(), ids=ODD)
def test_what_is_no_gradient_is_a_finding(change, text):
    class Odd(Dense):
        def backward(self, dy):
            return change(super().backward(dy))

    report = gradcheck.check_layer(Odd(2), [[1.0, -1.0]])
    assert [check.diagnosis for check in report if not check.passed] == [text]
    model = Sequential([Dense(2), Odd(2)], dtype="float64")
    with pytest.raises((TypeError, ValueError), match="backward of Odd 'odd' must ret"):
        gradcheck.check_model(model, [[1.0, -1.0]])


class Noisy(Layer):
    """Draws from a generator under a name of its own, and counts its batches."""

    def __init__(self, **options):
        super().__init__(**options)
        self.noise = [np.random.default_rng(3)]
        self.batches, self.means = 0, np.zeros(3)

    def forward(self, x, *, training=False):
        x = self.check_input(x)
        factors = self.noise[0].standard_normal(x.shape)
        if training:
            self.batches += 1
            self.means += x.mean(axis=0)
            self.remember(x, factors)
        return x * factors

    def backward(self, dy):
        dy, factors = self.recall(dy)
        return dy * factors


class Drifting(Layer):
    """Scales by the mean of the batches so far."""

    def build(self, input_shape, rng, dtype):
        shape = super().build(input_shape, rng, dtype)
        self.state["mean"] = np.ones(input_shape, dtype)
        return shape

    def forward(self, x, *, training=False):
        x = self.check_input(x)
        y = x * self.state["mean"]
        if training:
            self.remember(y, self.state["mean"].copy())
            self.state["mean"] = 0.9 * self.state["mean"] + 0.1 * x.mean(axis=0)
        return y

    def backward(self, dy):
        dy, mean = self.recall(dy)
        return dy * mean


LAYERS = [Drifting(), Dropout(0.5), BatchNormalization(), Noisy(), Dense(2, "tanh")]


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_layer_is_left_as_it_was(layer, rng):
    x, dy = rng.standard_normal((2, 4, 3))
    layer.build((3,), rng, np.float64)
    dy = dy[:, : layer.forward(x, training=True).shape[1]]
    twin = copy.deepcopy(layer)
    grads = dict(layer.grads)
    assert gradcheck.check_layer(layer, x).passed
    assert all(layer.grads[name] is grad for name, grad in grads.items())
    # what it kept, its weights, state and random numbers are those of the twin
    for _ in range(2):
        np.testing.assert_array_equal(layer.backward(dy), twin.backward(dy))
        a, b = layer.forward(x, training=True), twin.forward(x, training=True)
        np.testing.assert_array_equal(a, b)
        for name in ("params", "grads", "state"):
            for key, array in getattr(twin, name).items():
                np.testing.assert_array_equal(getattr(layer, name)[key], array)
    if isinstance(layer, Noisy):
        assert layer.batches == twin.batches == 3
        np.testing.assert_array_equal(layer.means, twin.means)


def test_an_unbuilt_layer_stays_unbuilt(rng):
    layer = Dense(2)
    assert gradcheck.check_layer(layer, rng.standard_normal((2, 3))).passed
    assert layer.input_shape is None and not layer.params


# --- losses -----------------------------------------------------------------------

TARGETS = np.eye(3)[[0, 2, 1, 1]]
WEIGHTS = [1, 2, 0.5, 3]


def unweighted(self, y_true, y_pred, sample_weight=None):
    """Forget the weights of samples."""
    return super(type(self), self).gradient(y_true, y_pred)


def summed(self, y_true, y_pred, sample_weight=None):
    """Forget to divide by the batch size."""
    return len(y_pred) * super(type(self), self).gradient(y_true, y_pred, sample_weight)


BROKEN = {
    "unweighted": (
        *(MeanSquaredError, unweighted),
        "each index of axis 0 is off by a factor of its own: 1, 0.5, 2, 0.333",
    ),
    "summed": (CategoricalCrossentropy, summed, "4 times too large; 4 is the batch"),
}


@pytest.mark.parametrize("loss, gradient, text", BROKEN.values(), ids=BROKEN)
def test_broken_losses(loss, gradient, text, rng):
    y = rng.random((4, 3)) + 0.1
    broken = type("Broken", (loss,), {"gradient": gradient})()
    assert gradcheck.check_loss(loss(), TARGETS, y, WEIGHTS).passed
    (check,) = gradcheck.check_loss(broken, TARGETS, y, WEIGHTS)
    assert check.name == "y_pred" and not check.passed
    assert text in check.diagnosis


def test_losses_one_by_one(rng):
    loss = MeanSquaredError(reduction="none")
    assert gradcheck.check_loss(loss, TARGETS, rng.random((4, 3)), WEIGHTS).passed


def test_a_function_without_a_backward_pass():
    with pytest.raises(
        TypeError, match="^<ufunc 'exp'> has no backward to check: give"
    ):
        gradcheck.check_function(np.exp, [1.0])
