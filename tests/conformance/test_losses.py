"""Every loss and its gradient against formulas in scipy.special, over the table."""

import numpy as np
import pytest
from conformance import cases
from scipy.special import (
    expit,
    huber,
    log_expit,
    log_softmax,
    rel_entr,
    softmax,
    xlogy,
)

from sora_np import losses as losses_module
from sora_np.losses import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Dice,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    Tversky,
)

# --- oracles: the loss of every sample, and its derivative, in float64 ----------------


def squared(t, p):
    return np.mean((p - t) ** 2, -1), 2 * (p - t) / p.shape[-1]


def absolute(t, p):
    return np.mean(np.abs(p - t), -1), np.sign(p - t) / p.shape[-1]


def percentage(t, p):
    shares = 100 / np.maximum(np.abs(t), 1e-7) / p.shape[-1]
    return np.sum(np.abs(p - t) * shares, -1), np.sign(p - t) * shares


def logarithmic(t, p):
    error = np.log1p(np.maximum(p, 1e-7)) - np.log1p(np.maximum(t, 1e-7))
    slope = np.where(p > 1e-7, 2 * error / (1 + p), 0)
    return np.mean(error**2, -1), slope / p.shape[-1]


def huber_2(t, p):
    return huber(2, p - t).mean(-1), np.clip(p - t, -2, 2) / p.shape[-1]


def log_cosh(t, p):
    return np.log(np.cosh(p - t)).mean(-1), np.tanh(p - t) / p.shape[-1]


def poisson(t, p):
    return np.mean(p - xlogy(t, p + 1e-7), -1), (1 - t / (p + 1e-7)) / p.shape[-1]


def hinge(t, p):
    margin = 1 - (2 * t - 1) * p
    return np.maximum(margin, 0).mean(-1), (1 - 2 * t) * (margin > 0) / p.shape[-1]


def divergence(t, p):
    t = np.clip(t, 1e-7, 1)
    return rel_entr(t, p).sum(-1), -t / p


def binary(t, p):
    losses = -(t * np.log(p) + (1 - t) * np.log1p(-p))
    return losses.mean(-1), (p - t) / (p * (1 - p)) / p.shape[-1]


def binary_logits(t, z):
    losses = -(t * log_expit(z) + (1 - t) * log_expit(-z))
    return losses.mean(-1), (expit(z) - t) / z.shape[-1]


def categorical(t, p):
    total = p.sum(-1, keepdims=True)
    losses = -np.sum(t * np.log(np.clip(p / total, 1e-7, 1 - 1e-7)), -1)
    return losses, t.sum(-1, keepdims=True) / total - t / p


def categorical_logits(t, z):
    losses = -np.sum(t * log_softmax(z, -1), -1)
    return losses, softmax(z, -1) * t.sum(-1, keepdims=True) - t


def squared_hinge(t, p):
    margin = np.maximum(1 - (2 * t - 1) * p, 0)
    return (margin**2).mean(-1), -2 * margin * (2 * t - 1) / p.shape[-1]


def categorical_hinge(t, p):
    wrong = np.where(t, 0, p)
    losses = np.maximum(1 + wrong.max(-1) - (t * p).sum(-1), 0)
    first = np.arange(p.shape[-1]) == wrong.argmax(-1)[..., None]
    return losses, (losses > 0)[..., None] * (first * (1 - t) - t)


def cosine(t, p):
    lengths = [np.linalg.norm(y, axis=-1, keepdims=True) for y in (t, p)]
    along = (t * p).sum(-1, keepdims=True) / lengths[0] / lengths[1]
    return -along[..., 0], (along * p / lengths[1] - t / lengths[0]) / lengths[1]


def dice(t, p):
    both, whole = (
        (2 * t * p).sum(-1, keepdims=True),
        1e-7 + (t + p).sum(-1, keepdims=True),
    )
    return 1 - (both / whole)[..., 0], both / whole**2 - 2 * t / whole


def tversky(t, p):
    both = (t * p).sum(-1, keepdims=True)
    whole = both + 1e-7 + (0.3 * t * (1 - p) + 0.8 * p * (1 - t)).sum(-1, keepdims=True)
    slope = both / whole**2 * (t - 0.3 * t + 0.8 * (1 - t)) - t / whole
    return 1 - (both / whole)[..., 0], slope


def focal(t, z):
    """Of targets 0 and 1, from logits, gamma 2."""
    p, q = expit(np.where(t, z, -z)), expit(np.where(t, -z, z))
    log_p = log_expit(np.where(t, z, -z))
    slope = np.where(t, 1, -1) * q**2 * (2 * p * log_p - q)
    return -(q**2 * log_p).mean(-1), slope / z.shape[-1]


def focal_categorical(t, z):
    """From logits, alpha 0.5, gamma 2."""
    p, log_p = softmax(z, -1), log_softmax(z, -1)
    slope = 0.5 * t * ((1 - p) ** 2 - 2 * (1 - p) * p * log_p)
    losses = -0.5 * np.sum(t * (1 - p) ** 2 * log_p, -1)
    return losses, p * slope.sum(-1, keepdims=True) - slope


def smoothed(oracle, share):
    """Return the oracle for targets t (1 - s) + s / K; a binary target has K = 2."""

    def loss(t, p):
        classes = 2 if oracle is binary_logits else p.shape[-1]
        return oracle(t * (1 - share) + share / classes, p)

    return loss


# --- data -----------------------------------------------------------------------------


def numbers(rng, shape):
    return rng.standard_normal(shape), rng.standard_normal(shape)


def positive(rng, shape):
    return rng.uniform(0.1, 3, shape), rng.uniform(0.1, 3, shape)


def counts(rng, shape):
    return rng.integers(0, 5, shape), rng.uniform(0.1, 3, shape)


def distributions(rng, shape):
    return rng.random(shape), rng.uniform(0.05, 1, shape)


def of_two(rng, shape):
    return rng.integers(0, 2, shape), rng.uniform(0.01, 0.99, shape)


def logits_of_two(rng, shape):
    return rng.integers(0, 2, shape), 4 * rng.standard_normal(shape)


def one_hot(rng, shape):
    return np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]


def of_classes(rng, shape):
    return one_hot(rng, shape), rng.uniform(0.05, 1, shape)  # whose sum is not 1


def logits_of_classes(rng, shape):
    return one_hot(rng, shape), 4 * rng.standard_normal(shape)


def soft_logits(rng, shape):
    return rng.random(shape), 4 * rng.standard_normal(shape)


LOSSES = {  # the loss, its oracle, its data; for sparse ones one-hot rows become labels
    "mse": (MeanSquaredError, squared, numbers),
    "mae": (MeanAbsoluteError, absolute, numbers),
    "mape": (MeanAbsolutePercentageError, percentage, positive),
    "msle": (MeanSquaredLogarithmicError, logarithmic, numbers),
    "huber": (lambda **o: Huber(2, **o), huber_2, numbers),
    "log-cosh": (LogCosh, log_cosh, numbers),
    "poisson": (Poisson, poisson, counts),
    "hinge": (Hinge, hinge, logits_of_two),
    "squared-hinge": (SquaredHinge, squared_hinge, logits_of_two),
    "categorical-hinge": (CategoricalHinge, categorical_hinge, logits_of_classes),
    "cosine": (CosineSimilarity, cosine, numbers),
    "dice": (lambda **o: Dice(axis=-1, **o), dice, distributions),
    "tversky": (
        lambda **o: Tversky(0.3, 0.8, axis=-1, **o),
        *(tversky, distributions),
    ),
    "focal": (
        lambda **o: BinaryFocalCrossentropy(from_logits=True, **o),
        *(focal, logits_of_two),
    ),
    "focal-categorical": (
        lambda **o: CategoricalFocalCrossentropy(0.5, from_logits=True, **o),
        *(focal_categorical, logits_of_classes),
    ),
    "kld": (KLDivergence, divergence, distributions),
    "bce": (BinaryCrossentropy, binary, of_two),
    "bce-logits": (
        lambda **o: BinaryCrossentropy(True, **o),
        binary_logits,
        logits_of_two,
    ),
    "bce-smoothed": (
        lambda **o: BinaryCrossentropy(True, 0.2, **o),
        *(smoothed(binary_logits, 0.2), logits_of_two),
    ),
    "ce": (CategoricalCrossentropy, categorical, of_classes),
    "ce-logits": (
        lambda **o: CategoricalCrossentropy(True, **o),
        *(categorical_logits, logits_of_classes),
    ),
    "ce-soft-targets": (
        lambda **o: CategoricalCrossentropy(True, **o),
        *(categorical_logits, soft_logits),
    ),
    "ce-smoothed": (
        lambda **o: CategoricalCrossentropy(True, 0.1, **o),
        *(smoothed(categorical_logits, 0.1), logits_of_classes),
    ),
    "sparse": (SparseCategoricalCrossentropy, categorical, of_classes),
    "sparse-logits": (
        lambda **o: SparseCategoricalCrossentropy(True, **o),
        *(categorical_logits, logits_of_classes),
    ),
}


def test_every_loss_is_here():
    made = {type(make()) for make, _, _ in LOSSES.values()}
    assert made == set(losses_module.CLASSES.values())


SHAPES = {
    **{f"{c}-wide": (5, c) for c in cases.CHANNELS},
    **{f"{n}-samples": (n, 4) for n in (0, 1, 63, 64, 65, 300)},
    "3-axes": (4, 3, 7),
    "4-axes": (2, 3, 1, 5),
}


def as_given(loss, t):
    return t.argmax(-1) if isinstance(loss, SparseCategoricalCrossentropy) else t


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("make, oracle, data", LOSSES.values(), ids=LOSSES)
def test_value_and_gradient(make, oracle, data, shape, dtype, close, rng):
    loss, (t, p) = make(), data(rng, shape)
    p = p.astype(dtype)
    losses, slopes = oracle(t, p.astype(float))
    value, gradient = loss.value_and_gradient(as_given(loss, t), p)
    scale = np.abs(losses).max(initial=0.1)
    rounding = {"float32": 1e-5, "float64": 1e-12}[dtype] * scale
    np.testing.assert_allclose(
        value, losses.mean() if losses.size else 0, rtol=0, atol=rounding
    )
    assert value == loss(as_given(loss, t), p)
    close(gradient, slopes / max(losses.size, 1), "gradient")


REDUCTIONS = {
    "sum_over_batch_size": lambda losses: losses.mean(),
    "mean": lambda losses: losses.mean(),
    "sum": lambda losses: losses.sum(),
    "none": lambda losses: losses,
    None: lambda losses: losses,
}


@pytest.mark.parametrize("weigh", ["all", "samples", "column", "entries", "zero"])
@pytest.mark.parametrize("reduction", REDUCTIONS, ids=str)
@pytest.mark.parametrize("make, oracle, data", LOSSES.values(), ids=LOSSES)
def test_weights_and_reductions(make, oracle, data, reduction, weigh, dtype, rng):
    """A loss of several entries a sample, as of pixels."""
    loss, (t, p) = make(reduction=reduction), data(rng, (6, 3, 4))
    losses, slopes = oracle(t, p)
    weights = {
        "all": None,
        "samples": rng.random(6),
        "column": rng.random((6, 1)),
        "entries": rng.random((6, 3)),
        "zero": np.zeros(6),
    }[weigh]
    wide = np.ones((6, 1)) if weights is None else weights.reshape(6, -1)
    weighted = losses * wide
    value, gradient = loss.value_and_gradient(
        as_given(loss, t), p.astype(dtype), weights
    )
    rtol = {"float32": 2e-5, "float64": 1e-12}[dtype]
    np.testing.assert_allclose(value, REDUCTIONS[reduction](weighted), rtol=rtol)
    count = losses.size if reduction in ("sum_over_batch_size", "mean") else 1
    expected = slopes * wide[..., None] / count
    rounding = rtol * np.abs(expected).max()
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=rounding)


@pytest.mark.parametrize("axis", [1, -2, 2, -1])
@pytest.mark.parametrize(
    "name",
    ["ce", "ce-logits", "ce-soft-targets", "ce-smoothed", "sparse", "sparse-logits"],
)
def test_axis_of_classes(name, axis, dtype, close, rng):
    make, oracle, data = LOSSES[name]
    loss, (t, p) = make(axis=axis), data(rng, (4, 3, 5))
    losses, slopes = oracle(t, p.astype(dtype).astype(float))
    targets = as_given(loss, t)
    if targets.ndim == 3:
        targets = np.moveaxis(t, -1, axis)
    value, gradient = loss.value_and_gradient(
        targets, np.moveaxis(p.astype(dtype), -1, axis)
    )
    np.testing.assert_allclose(value, losses.mean(), rtol=1e-5)
    close(gradient, np.moveaxis(slopes, -1, axis) / losses.size, "gradient")


# --- odd numbers, worked by hand ------------------------------------------------------

INF, NAN = np.inf, np.nan
CLIP = -np.log(1e-7)
ODD = {  # the loss, y_true, y_pred, the loss of every sample
    "bce-logits-1e4": ("bce-logits", [[0], [1], [0], [1]], [1e4, 1e4, -1e4, -1e4],
                       [1e4, 0, 0, 1e4]),
    "bce-0": ("bce", [[0], [1]], [0, 0], [0, CLIP]),
    "bce-logits-nan": ("bce-logits", [[1], [1]], [NAN, 0], [NAN, np.log(2)]),
    "ce-logits-1e4": ("ce-logits", [[1, 0], [0, 1]], [[1e4, -1e4]] * 2, [0, 2e4]),
    "ce-logits-minus-inf-elsewhere": ("ce-logits", [[0, 1]], [[-INF, 0]], [0]),
    "ce-logits-minus-inf-at-target": ("ce-logits", [[1, 0]], [[-INF, 0]], [INF]),
    "ce-logits-all-minus-inf": ("ce-logits", [[1, 0], [1, 0]], [[-INF] * 2, [0, 0]],
                                [NAN, np.log(2)]),
    "ce-logits-inf": ("ce-logits", [[1, 0], [1, 0]], [[INF, 0], [0, 0]],
                      [NAN, np.log(2)]),
    "ce-logits-nan": ("ce-logits", [[1, 0], [1, 0]], [[0, NAN], [0, 0]],
                      [NAN, np.log(2)]),
    "sparse-logits-1e4": ("sparse-logits", [0, 1], [[1e4, -1e4]] * 2, [0, 2e4]),
    "ce-0-and-1": ("ce", [[1, 0], [1, 0]], [[0, 1], [1, 0]], [CLIP, 0]),
    "mse-nan": ("mse", [[0], [1]], [[NAN], [0]], [NAN, 1]),
    "mse-inf": ("mse", [[0], [1]], [[INF], [0]], [INF, 1]),
    "mae-inf": ("mae", [[0], [1]], [[-INF], [0]], [INF, 1]),
}  # fmt: skip


@pytest.mark.parametrize("name, true, pred, expected", ODD.values(), ids=ODD)
def test_odd_numbers(name, true, pred, expected, dtype):
    loss = LOSSES[name][0](reduction="none")
    with np.errstate(invalid="ignore"):
        losses, gradient = loss.value_and_gradient(true, np.array(pred, dtype))
    np.testing.assert_allclose(np.ravel(losses), expected, rtol=1e-5, atol=2e-7)
    for loss, slopes in zip(np.ravel(losses), gradient, strict=True):
        assert np.isfinite(loss) <= np.isfinite(slopes).all()
        assert np.isnan(loss) <= np.isnan(slopes).any()


def test_probability_of_1_is_clipped(dtype):
    """1 - p is 1e-7, in float32 the nearest that there is to it, 2^-23."""
    losses = LOSSES["bce"][0](reduction="none")([[0], [1]], np.ones((2, 1), dtype))
    least = {"float32": 2.0**-23, "float64": 1e-7}[dtype]
    np.testing.assert_allclose(losses, [-np.log(least), least], rtol=1e-5)
