"""Losses that are plain functions: derivatives by recording NumPy's operations."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special

from sora_np import Sequential, keras, losses
from sora_np.common.recorded import (
    CONSTANT,
    FUNCTIONS,
    SPECIAL,
    UFUNCS,
    Recorded,
    gradient,
)
from sora_np.keras import backend as K
from sora_np.layers import Conv2D, Dense
from sora_np.losses import Dice, FunctionLoss, MeanSquaredError
from sora_np.models import load_model

ONE = {  # of one array, with entries from 0.5 to 2
    "negative": lambda x: -x,
    "positive": lambda x: +x,
    "square": np.square,
    "sqrt": np.sqrt,
    "absolute": lambda x: abs(x - 1.2),
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "log2": np.log2,
    "tanh": np.tanh,
    "sin": np.sin,
    "cos": np.cos,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "arctan": np.arctan,
    "sigmoid": keras.ops.sigmoid,
    "softmax": keras.ops.softmax,
    "gelu": keras.activations.gelu,
    "reciprocal": np.reciprocal,
    "add": lambda x: x + W + x[0],
    "subtract": lambda x: W - x - (x - W[:1]),
    "multiply": lambda x: x * W * x[:, :1],
    "true_divide": lambda x: x / W + W / x + x / x[:1],
    "power": lambda x: x**3 + 2**x + x**x + x**0,
    "maximum": lambda x: np.maximum(x, 1.1) * np.maximum(W, x),
    "minimum": lambda x: np.minimum(x, 1.1) * np.minimum(W, x),
    "sum": lambda x: np.sum(x * x) * x.sum(0) * np.sum(x, axis=1, keepdims=True),
    "mean": lambda x: np.mean(x * x) * x.mean((0, 1)) * np.mean(x, -1, keepdims=True),
    "max": lambda x: np.max(x) * np.max(x, axis=1, keepdims=True) + np.max(x, 0),
    "min": lambda x: np.min(x) * np.min(x, axis=1, keepdims=True) + np.min(x, 0),
    "clip": lambda x: np.clip(x, 0.8, 1.5) * x + np.clip(x, None, 1.1),
    "where": lambda x: np.where(x > 1.2, x * x, 3 * x) + np.where(W > 1, 2.0, x),
    "reshape": lambda x: np.reshape(x, (3, 2)) * W.reshape(3, 2) * x.reshape(-1, 2),
    "transpose": lambda x: np.transpose(x, (1, 0)) * W.T * x.T,
    "concatenate": lambda x: np.concatenate([x, W, x * x], axis=1) * 3,
    "ravel": lambda x: np.ravel(x) * W.ravel(),
    "squeeze": lambda x: np.squeeze(np.expand_dims(x, 1), 1) * x,
    "expand_dims": lambda x: np.expand_dims(x, -1) * x[:, None],
    "getitem": lambda x: x[0, 1:] * x[1, ::2][..., :2] + x[[0, 0]][:, :2],
    "matmul": lambda x: (x @ W.T) * (W[0] @ x.T) + x @ W[1] + (x @ x.T)[0],
    "matrices": lambda x: np.matmul(x[:, None], V) + np.matmul(V, x[0, :, None]).sum(),
    "log10": np.log10,
    "exp2": np.exp2,
    "cbrt": np.cbrt,
    "tan": lambda x: np.tan(x / 2),
    "arcsin": lambda x: np.arcsin(x / 2),
    "arccos": lambda x: np.arccos(x / 2),
    "arcsinh": np.arcsinh,
    "arccosh": lambda x: np.arccosh(x + 1),
    "arctanh": lambda x: np.arctanh(x / 2),
    "arctan2": lambda x: np.arctan2(x, W) + np.arctan2(W, x),
    "hypot": lambda x: np.hypot(x, W * x),
    "logaddexp": lambda x: np.logaddexp(x, W) + np.logaddexp(W[0], x),
    "remainder": lambda x: np.remainder(x, 0.7) + W % (x / 3),
    "erf": special.erf,
    "expit": special.expit,
    "stack": lambda x: np.stack([x, W, x * x], axis=1) * 2,
    "split": lambda x: np.split(x, [1], axis=1)[1] * np.split(x, 3, 1)[0],
    "var": lambda x: np.var(x, 1, keepdims=True) + np.var(x) + np.var(x, 0, ddof=1),
    "std": lambda x: np.std(x) * np.std(x, axis=0),
    "prod": lambda x: np.prod(x) + np.prod(x, 1, keepdims=True) + np.prod(x, -2),
    "cumsum": lambda x: np.cumsum(x * x, 1) + np.cumsum(x, axis=0),
    "norm": lambda x: np.linalg.norm(x) * np.linalg.norm(x, axis=1, keepdims=True),
    "pad": lambda x: (
        np.pad(x, 1, constant_values=3)[1:, :4] * np.pad(x, 1, "edge")[1:, :4]
    ),
    "dot": lambda x: np.dot(x, W.T) + np.dot(2.0, x)[:, :2] + np.dot(W[:1], x.T),
    "einsum": lambda x: (
        np.einsum("ij,kj->ik", x, W) * np.einsum("ij->i", x)
        + (np.einsum("ij,ij,k->ij", x, x, W[0])[:, :2])
    ),
    "tensordot": lambda x: (
        np.tensordot(x, W, ([1], [1])) + np.tensordot(W.T, x, 1)[:2, :2]
    ),
    "moveaxis": lambda x: np.moveaxis(x, 0, 1) * W.T,
    "swapaxes": lambda x: np.swapaxes(x, 0, 1) * W.T,
    "flip": lambda x: np.flip(x, 1) * x,
    "roll": lambda x: np.roll(x, 1, axis=1) * x,
    "repeat": lambda x: np.repeat(x, 2, axis=1) * np.repeat(W, 2, 1),
    "tile": lambda x: np.tile(x, (2, 2)) * np.tile(W, (2, 2)) ** 2,
    "broadcast_to": lambda x: np.broadcast_to(x[:1], (4, 3)) * W[0],
    "take": lambda x: np.take(x, [2, 0, 2], axis=1) * W,
    "take_along_axis": lambda x: np.take_along_axis(x, np.array([[1, 1], [2, 0]]), 1),
    "diagonal": lambda x: np.diagonal(x) ** 2,
    "rot90": lambda x: np.rot90(x) * W.T,
    "methods": lambda x: x.max(1) * x.min() + x.flatten().reshape((2, 3))[:, 0],
    "transposed": lambda x: x.transpose(1, 0) * x.squeeze().transpose() ** 2,
    "used twice": lambda x: (lambda y: y * y + np.exp(y) * x)(x * W),
}
W = np.array([[0.9, 1.3, 0.6], [1.7, 0.5, 1.4]])
V = np.linspace(-1, 1, 2 * 3 * 3).reshape(2, 3, 3)


def numeric(f, x, dy):
    dx = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = 1e-6
        dx[place] = ((f(x + step) - f(x - step)) * dy).sum() / 2e-6
    return dx


@pytest.mark.parametrize("name", ONE)
def test_rules_are_derivatives(name, rng):
    x, f = rng.permutation(np.linspace(0.53, 1.93, 6)).reshape(2, 3), ONE[name]
    recorded = Recorded(x)
    y = f(recorded)
    assert_array_equal(y.value, f(x))
    dy = rng.standard_normal(y.shape)
    assert_allclose(gradient(y, recorded, dy), numeric(f, x, dy), rtol=1e-7, atol=1e-8)


def test_every_rule_is_tried():
    tried = {*ONE, np.true_divide.__name__}  # "divide" in NumPy 2
    assert {ufunc.__name__ for ufunc in UFUNCS} <= tried
    assert {*SPECIAL} <= tried
    assert {f.__name__.removeprefix("a") for f in FUNCTIONS} <= {*ONE}


def test_kinks_are_tensorflow_s():
    x = Recorded(np.array([1.0, 1.0, 0.0]))
    assert_array_equal(gradient(np.max(x), x), [0.5, 0.5, 0])
    assert_array_equal(gradient(np.sum(abs(x)), x), [1, 1, 0])
    assert_array_equal(gradient(np.sum(np.maximum(x, 1.0)), x), [1, 1, 0])
    assert_array_equal(gradient(np.sum(np.maximum(1.0, x)), x), [0, 0, 0])
    assert_array_equal(gradient(np.sum(np.clip(x, 0, 1)), x), [1, 1, 1])
    for ufunc in CONSTANT - {np.isnan, np.isfinite}:
        given = (x,) if ufunc.nin == 1 else (x, 0.5)
        assert not isinstance(ufunc(*given), Recorded), ufunc


def dice(y_true, y_pred, smooth=1.0):
    true, pred = K.flatten(y_true), K.flatten(y_pred)
    both = K.sum(true * pred)
    return 1 - (2.0 * both + smooth) / (K.sum(true) + K.sum(pred) + smooth)


def focal(y_true, y_pred):
    p = K.clip(y_pred, K.epsilon(), 1 - K.epsilon())
    right = keras.ops.where(K.equal(y_true, 1), p, 1 - p)
    return -K.mean(0.25 * K.pow(1.0 - right, 2.0) * K.log(right))


def both(y_true, y_pred):
    return losses.binary_crossentropy(y_true, y_pred) + 0.5 * dice(y_true, y_pred)


# the losses of two steps of SGD(0.5) and the kernel behind them, as Keras 3.15 gives
# them with TensorFlow for the same functions
KERAS = {
    "dice": (dice, [0.360080361, 0.358141840], [1.025351286, 1.004430056]),
    "focal": (focal, [0.055853236, 0.054883841], [0.996907413, 0.976306319]),
    "both": (both, [0.889146924, 0.884498835], [1.018157125, 0.940389276]),
}


def small(loss, **options):
    model = Sequential([Dense(1, "sigmoid", kernel_initializer="ones")])
    model.build((None, 2))
    model.compile(keras.optimizers.SGD(0.5), loss, **options)
    return model


X = np.array([[1.0, -1.0], [0.5, 0.25], [-0.5, 1.5], [0.0, 0.0]])
Y = np.array([[1.0], [0.0], [1.0], [0.0]])


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "layers"])
@pytest.mark.parametrize("name", KERAS)
def test_programs_functions_give_keras_s_numbers(name, fuse):
    function, expected, kernel = KERAS[name]
    model = small(function, fuse=fuse)
    found = [model.train_on_batch(X, Y) for _ in range(2)]
    assert_allclose(found, expected, rtol=2e-6)
    assert_allclose(model.get_weights()[0].ravel(), kernel, rtol=2e-6)


def test_it_is_the_class_of_the_same_formula(rng):
    true, pred = rng.random((5, 3)), rng.random((5, 3))
    weights = rng.random(5)

    def squares(y_true, y_pred):
        return np.mean((y_true - y_pred) ** 2, axis=-1)

    for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight"):
        one, other = FunctionLoss(squares, reduction), MeanSquaredError(reduction)
        for weight in (None, weights):
            value, slope = one.value_and_gradient(true, pred, weight)
            expected = other.value_and_gradient(true, pred, weight)
            assert value == pytest.approx(expected[0])
            assert_allclose(slope, expected[1])
    assert_allclose(dice(true, pred, 0), Dice(None)(true.ravel(), pred.ravel()))


def test_fit_save_and_load(tmp_path):
    model = small(both, metrics=["mae"])
    model.fit(X, Y, epochs=2, batch_size=2, verbose=0, validation_data=(X, Y))
    model.save(tmp_path / "m.npz")
    with pytest.warns(UserWarning, match="loss 'both' is your own function"):
        assert load_model(tmp_path / "m.npz").loss is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = load_model(tmp_path / "m.npz", custom_objects={"both": both})
    for _ in range(2):
        assert again.train_on_batch(X, Y) == model.train_on_batch(X, Y)


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("name", ["binary_crossentropy", "categorical_crossentropy"])
def test_crossentropies_of_the_backend(name, from_logits, rng):
    """Those of the classes, which are held to Keras's."""
    true, pred = np.eye(3)[[0, 2, 1]], rng.random((3, 3)) + 0.1
    pred = pred * 8 - 4 if from_logits else pred / pred.sum(-1, keepdims=True)
    function = getattr(K, name)
    one = FunctionLoss(lambda t, p: np.mean(function(t, p, from_logits=from_logits)))
    kind = getattr(losses, name.title().replace("_C", "C"))
    other = kind(from_logits=from_logits)
    value, slope = one.value_and_gradient(true, pred)
    assert value == pytest.approx(other(true, pred))
    if name[0] == "b" or from_logits:  # the other one also divides by the sum
        assert_allclose(slope, other.gradient(true, pred), rtol=1e-6)
    assert_array_equal(K.batch_flatten(np.ones((2, 3, 4))), np.ones((2, 12)))


class Asymmetric(losses.Loss):
    """As Keras's programs write a class, with ``call``."""

    def __init__(self, below=3.0, **options):
        super().__init__(**options)
        self.below = below

    def call(self, y_true, y_pred):
        error = y_true - y_pred
        return K.mean(keras.ops.where(error > 0, self.below * error, -error), axis=-1)


def test_a_class_with_call(tmp_path):
    model = small(Asymmetric(2.0, name="asymmetric"))
    value = model.evaluate(X, Y, verbose=0)
    error = Y - model.predict(X, verbose=0)
    assert value == pytest.approx(np.mean(np.where(error > 0, 2 * error, -error)))
    model.fit(X, Y, epochs=3, verbose=0)
    assert model.evaluate(X, Y, verbose=0) < value
    with pytest.warns(UserWarning, match="custom_objects={.Asymmetric"):
        model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz", custom_objects={"Asymmetric": Asymmetric})
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    assert again.loss.made_of.below == 2.0


def test_labels_of_another_shape():
    """Classes (N,) for probabilities (N, 2), as sparse losses have them."""

    def of_classes(y_true, y_pred):
        chosen = np.concatenate([1 - y_true[:, None], y_true[:, None]], axis=1)
        return -np.sum(chosen * np.log(y_pred), axis=-1)

    loss, labels = FunctionLoss(of_classes), np.array([0, 1])
    assert loss(labels, [[0.5, 0.5], [0.25, 0.75]]) == pytest.approx(
        -np.log([0.5, 0.75]).mean()
    )


BAD = {
    "plain array": (lambda t, p: np.mean((t - np.asarray(p)) ** 2), "np.asarray"),
    "no rule": (lambda t, p: np.mean(np.fmod(p, t)), "np.fmod has no derivative"),
    "another function": (lambda t, p: np.median(p), "np.median has no derivative"),
    "if": (lambda t, p: p.sum() if p.sum() > Recorded(0.0) else 0, None),
    "float": (lambda t, p: float(np.sum(p)), r"float\(\)"),
    "options": (lambda t, p: keras.ops.softmax(p, 0), "softmax with 0 takes arrays"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_has_no_rule_is_named_before_training(name):
    function, text = BAD[name]
    model = small(function)
    before = model.get_weights()
    if text is None:
        assert np.isfinite(model.train_on_batch(X, Y))
        return
    with pytest.raises(TypeError, match=text):
        model.fit(X, Y, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        assert_array_equal(a, b)


def test_results_of_another_length():
    with pytest.raises(ValueError, match="losses of 1 samples, got shape .3,"):
        small(lambda t, p: np.concatenate([p, p, p])).train_on_batch(X, Y)


def test_a_map_of_losses(rng):
    """Losses (N, H, W) of an image, with a weight for every sample."""
    model = Sequential([Conv2D(1, 3, padding="same", activation="sigmoid")])
    x, y = rng.random((4, 5, 5, 1)), rng.integers(0, 2, (4, 5, 5, 1))
    twin = Sequential([Conv2D(1, 3, padding="same", activation="sigmoid")])
    for one, loss in (
        (model, lambda t, p: np.mean(np.square(t - p), axis=-1)),
        (twin, "mse"),
    ):
        one.compile("sgd", loss)
        one.fit(x, y, batch_size=2, verbose=0, sample_weight=np.arange(4.0))
    for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert_allclose(a, b, rtol=1e-5, atol=1e-7)
