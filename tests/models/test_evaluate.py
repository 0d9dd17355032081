"""evaluate, predict and single batches: what comes back, for whatever array comes."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np.layers import Dense
from sora_np.metrics import MeanLoss, SparseCategoricalAccuracy
from sora_np.models import Sequential
from sora_np.optimizers import SGD

LOSS = "sparse_categorical_crossentropy"


# --- what comes back ----------------------------------------------------------


def test_loss_alone_is_a_float(make_model, images):
    model = make_model()
    model.compile("adam", LOSS)
    for value in (
        model.evaluate(*images, verbose=0),
        model.test_on_batch(*images),
        model.train_on_batch(*images),
    ):
        assert type(value) is float
    assert model.metrics_names == ["loss"]


@pytest.mark.parametrize(
    "metrics, names",
    [
        (["accuracy"], ["accuracy"]),
        ("acc", ["acc"]),
        (("ce", "mse"), ["ce", "mse"]),
        ([SparseCategoricalAccuracy(name="hits")], ["hits"]),
        ([SparseCategoricalAccuracy], ["sparse_categorical_accuracy"]),
        (SparseCategoricalAccuracy, ["sparse_categorical_accuracy"]),
        ([MeanLoss(LOSS, "cost"), "accuracy"], ["cost", "accuracy"]),
        ([], []),
    ],
    ids=lambda case: re.sub(" at 0x[0-9a-f]*", "", str(case)),
)
def test_names_and_numbers_are_in_order(make_model, images, metrics, names):
    """Names as they were given, so that zip(metrics_names, evaluate()) is right."""
    x, y = images
    targets, loss = y, LOSS
    if "mse" in names:
        targets, loss = np.eye(3)[y], "categorical_crossentropy"
    model = make_model()
    model.compile(SGD(0), loss, metrics=metrics)
    assert model.metrics_names == ["loss", *names]
    named = model.evaluate(x, targets, verbose=0, return_dict=True)
    assert list(named) == ["loss", *names]
    values = model.evaluate(x, targets, verbose=0)
    assert values == (list(named.values()) if names else named["loss"])
    logs = model.fit(x, targets, 50, verbose=0, shuffle=False).history
    assert list(logs) == sorted(["loss", *names])
    assert {name: value for name, (value,) in logs.items()} == pytest.approx(named)
    for on_batch in (model.test_on_batch, model.train_on_batch):
        assert on_batch(x, targets, return_dict=True) == pytest.approx(named)


def test_evaluate_does_not_depend_on_batches(make_model, images):
    model = make_model()
    expected = model.evaluate(*images, 50, verbose=0)
    for size in (1, 7, 32, 1000):
        assert model.evaluate(*images, size, verbose=0) == pytest.approx(expected)


def test_metric_object_counts_every_pass_anew(make_model, images):
    model = make_model()
    model.compile("adam", LOSS, metrics=[SparseCategoricalAccuracy()])
    first = model.evaluate(*images, verbose=0)
    assert model.evaluate(*images, verbose=0) == first


def test_train_on_batch_is_a_fit_of_one_batch(make_model, images, same_weights):
    by_batch, by_fit = make_model(), make_model()
    weights = np.linspace(0, 2, 50)
    loss, accuracy = by_batch.train_on_batch(*images, weights)
    logs = by_fit.fit(
        *images, 50, sample_weight=weights, shuffle=False, verbose=0
    ).history
    assert logs == {"loss": [loss], "accuracy": [accuracy]}
    assert same_weights(by_batch, by_fit)
    by_class, by_sample = make_model(), make_model()
    by_class.train_on_batch(*images, class_weight={0: 2.0})
    by_sample.train_on_batch(*images, np.where(images[1] == 0, 2.0, 1.0))
    assert same_weights(by_class, by_sample)


def test_testing_changes_nothing(make_model, images, same_weights):
    model = make_model()
    model.test_on_batch(*images)
    model.evaluate(*images, verbose=0)
    model.predict(images[0], verbose=0)
    assert same_weights(model, make_model())


# --- predictions --------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 50, 1000])
def test_predict_is_row_by_row(make_model, images, dtype, size):
    model = make_model(dtype=dtype)
    y = model.predict(images[0], size, verbose=0)
    assert y.dtype == dtype and y.shape == (50, 3) and y.flags.writeable
    one_by_one = [model.predict_on_batch(image[None])[0] for image in images[0]]
    assert_allclose(y, one_by_one, rtol=1e-5)
    assert_allclose(y.sum(axis=1), 1, rtol=1e-6)


def test_predict_needs_no_compile(images):
    model = Sequential([Dense(2, "softmax")])
    assert model.predict(images[0][:, 0, :, 0], verbose=0).shape == (50, 2)


def as_memmap(x, folder):
    file = np.memmap(folder / "x", x.dtype, "w+", shape=x.shape)
    file[...] = x
    return np.memmap(folder / "x", x.dtype, "r", shape=x.shape)


def read_only(x, folder):
    x = x.copy()
    x.flags.writeable = False
    return x


def unaligned(x, folder):
    buffer = np.zeros(x.nbytes + 1, np.uint8)
    y = buffer[1:].view(x.dtype).reshape(x.shape)
    y[...] = x
    return y


class OwnArray:
    """Not an array, but NumPy can make one of it, as of tensors."""

    def __init__(self, x):
        self.x = x

    def __array__(self, dtype=None, copy=None):
        return np.array(self.x, dtype)


KINDS = {  # of one and the same x of small whole numbers
    "float64": lambda x, _: x.astype("f8"),
    "float16": lambda x, _: x.astype("f2"),
    "int64": lambda x, _: x.astype("i8"),
    "int8": lambda x, _: x.astype("i1"),
    "uint16": lambda x, _: x.astype("u2"),
    "bool": lambda x, _: x.astype(bool),
    "big-endian": lambda x, _: x.astype(">f4"),
    "big-endian-int": lambda x, _: x.astype(">i2"),
    "longdouble": lambda x, _: x.astype(np.longdouble),
    "fortran": lambda x, _: np.asfortranarray(x),
    "strided": lambda x, _: np.repeat(x, 2, axis=2)[:, :, ::2],
    "reversed": lambda x, _: x[::-1, ::-1].copy()[::-1, ::-1],
    "broadcast": lambda x, _: np.broadcast_to(x[:, :, :1], x.shape),
    "read-only": read_only,
    "unaligned": unaligned,
    "memmap": as_memmap,
    "list": lambda x, _: x.tolist(),
    "array-like": lambda x, _: OwnArray(x),
    "no-channel-axis": lambda x, _: x[..., 0],
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_any_array_of_real_numbers_will_do(make_model, tmp_path, kind):
    """Kernels check no bounds: what is handed in is converted, never believed."""
    rng = np.random.default_rng(0)
    x = np.repeat(rng.integers(0, 2, (9, 8, 1, 1)), 8, axis=2).astype(np.float32)
    y = np.arange(9) % 3
    given = kind(x, tmp_path)
    before = np.array(given, copy=True)
    model, plain = make_model(), make_model()
    expected = plain.predict(x, verbose=0)
    assert_array_equal(model.predict(given, verbose=0), expected)
    assert_array_equal(model(given), expected)
    a = model.fit(given, y.astype(">i2"), 4, epochs=2, verbose=0)
    b = plain.fit(x, y, 4, epochs=2, verbose=0)
    assert a.history == b.history
    assert_array_equal(np.array(given), before, err_msg="the user's array was changed")


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_any_targets_and_weights_will_do(tmp_path, kind):
    rng = np.random.default_rng(0)
    y = np.repeat(rng.integers(0, 2, (9, 8, 1, 1)), 8, axis=2).astype(np.float32)
    given = np.asarray(kind(y, tmp_path)).reshape(9, 64)
    if kind is KINDS["list"]:
        given = given.tolist()
    x, results = rng.standard_normal((9, 5)), []
    for targets, weights in ((y.reshape(9, 64), y[:, 0, 0, 0]), (given, None)):
        model = Sequential([Dense(64)])
        model.compile("sgd", "mse", metrics=["mae"])
        if weights is None:
            weights = np.asarray(given)[:, 0]
        results.append(
            model.fit(x, targets, 4, sample_weight=weights, verbose=0).history
        )
    assert results[0] == results[1]


def test_a_large_image_side_does_not_overflow():
    """2^31 and more entries in the product of sizes are counted, not allocated."""
    model = Sequential([Dense(1, use_bias=False, input_shape=(70_000, 70_000, 1))])
    assert model.output_shape == (None, 70_000, 70_000, 1)
    with pytest.raises(ValueError, match=r"\(N, 70000, 70000, 1\), got \(1, 2, 2, 1\)"):
        model.predict(np.zeros((1, 2, 2, 1)), verbose=0)
