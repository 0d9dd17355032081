"""What users hand in, as an array of numbers: taken, or refused at every door.

The doors are all public functions that take arrays; pandas and SciPy are real here.
"""

import re
import tracemalloc
from array import array
from collections import deque
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix

from sora_np import Sequential, gradcheck, losses, metrics, plots, report, sanity
from sora_np.batches.ranges import seen_in
from sora_np.constraints import MaxNorm
from sora_np.layers import Dense, Normalization, Rescaling
from sora_np.preprocessing import clean, plot_augmented, robust_z_score
from sora_np.regularizers import L2
from sora_np.utils import PyDataset, to_categorical


class Endless(PyDataset):
    """Batches that never end for whoever asks until an IndexError comes."""

    def __len__(self):
        return 2

    def __getitem__(self, number):
        assert number < 1000, "it was read on and on"
        return np.ones((2, 3)), np.ones((2, 1))


class OldEndless:
    def __getitem__(self, number):
        return Endless()[number]


def regression_model():
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def built(layer):
    layer.build((3,), np.random.default_rng(0), np.float32)
    return layer


A, B = np.ones((2, 3)), np.ones((2, 1))
DOORS = {  # where an array is wanted
    "adapt": lambda a: Normalization().adapt(a),
    "mean": lambda a: Normalization(None, a, 1),
    "layer": lambda a: Dense(2)(a),
    "forward": lambda a: built(Dense(2)).forward(a),
    "layer-weights": lambda a: built(Dense(2)).set_weights([a, np.zeros(2)]),
    "params": lambda a: built(Dense(2)).params.__setitem__("kernel", a),
    "model": lambda a: regression_model()(a),
    "layer-outputs": lambda a: regression_model().layer_outputs(a),
    "predict-on-batch": lambda a: regression_model().predict_on_batch(a),
    "train-on-batch": lambda a: regression_model().train_on_batch(a, B),
    "test-on-batch": lambda a: regression_model().test_on_batch(a, B),
    "y": lambda a: regression_model().fit(A, a, verbose=0),
    "y-of-evaluate": lambda a: regression_model().evaluate(A, a, verbose=0),
    "sample-weight": lambda a: regression_model().fit(A, B, sample_weight=a),
    "validation": lambda a: regression_model().fit(A, B, validation_data=(A, a)),
    "model-weights": lambda a: regression_model().set_weights([a, np.zeros(1)]),
    "loss": lambda a: losses.MeanSquaredError()(A, a),
    "loss-y-true": lambda a: losses.SparseCategoricalCrossentropy()(a, A),
    "loss-weight": lambda a: losses.MeanSquaredError()(A, A, a),
    "metric": lambda a: metrics.MeanAbsoluteError()(A, a),
    "metric-y-true": lambda a: metrics.SparseCategoricalAccuracy()(a, A),
    "metric-weight": lambda a: metrics.MeanAbsoluteError()(A, A, a),
    "precision": lambda a: metrics.Precision()(a, A),
    "f1": lambda a: metrics.F1Score()(A, a),
    "r2": lambda a: metrics.R2Score()(a, A),
    "auc": lambda a: metrics.AUC()(A, a),
    "iou": lambda a: metrics.BinaryIoU()(a, A),
    "loss-function": lambda a: losses.mean_squared_error(A, a),
    "accuracy-function": lambda a: metrics.categorical_accuracy(A, a),
    "function-metric": lambda a: metrics.FunctionMetric(np.subtract)(a, A),
    "report": lambda a: metrics.classification_report(a, [0, 1]),
    "confusion": lambda a: metrics.confusion_matrix([0, 1], a),
    "scores": lambda a: metrics.precision_recall_f1(a),
    "to-categorical": lambda a: to_categorical(a),
    "clean": lambda a: clean(a),
    "clean-y": lambda a: clean(A, a),
    "z-score": lambda a: robust_z_score(a),
    "sanity": lambda a: sanity.check(regression_model(), a, B),
    "sanity-test": lambda a: sanity.check(regression_model(), A, B, a),
    "gradcheck-layer": lambda a: gradcheck.check_layer(Dense(2), a),
    "gradcheck-loss": lambda a: gradcheck.check_loss(losses.Poisson(), A, a),
    "gradcheck-function": lambda a: gradcheck.check_function(
        np.square, a, backward=lambda dy, x: 2 * x * dy
    ),
    "regularizer": lambda a: L2(1.0)(a),
    "constraint": lambda a: MaxNorm()(a),
    "plot-mistakes": lambda a: plots.plot_mistakes(a, [0, 1], np.eye(2)),
    "plot-confusion": lambda a: plots.plot_confusion_matrix([0, 1], a),
    "plot-feature-maps": lambda a: plots.plot_feature_maps(None, a),
    "plot-augmented": lambda a: plot_augmented(a, []),
    "page": lambda a: report.write("page.html", regression_model(), a, B),
}
HIDDEN = np.ma.array(np.ones((2, 3)), mask=np.eye(2, 3))
WRONG = {  # what is handed in: error, and what it says of it
    "dataset": (
        Endless(),
        TypeError,
        "must be an array, got Endless: fit, evaluate",
    ),
    "no-length": (OldEndless(), TypeError, "must be an array, got OldEndless: fit"),
    "within": (
        [Endless()],
        TypeError,
        "must be an array, got Endless: fit, evaluate",
    ),
    "class": (Endless, TypeError, "must be an array, got the class Endless"),
    "generator": ((a for a in A), TypeError, "must be an array, got generator: fit"),
    "masked": (HIDDEN, ValueError, "is a masked array that hides 2 of 6 numbers: "),
    "masked-rows": ([*HIDDEN], ValueError, "is a masked array that hides 1 of 3"),
    "masked-number": ([1, np.ma.masked], ValueError, "is a masked array that hides 1"),
    "sparse": (csr_matrix(A), TypeError, "must be an array, got the sparse csr_matrix"),
    "complex": (A + 1j, TypeError, "must be an array of real numbers, got dtype compl"),
    "dates": (A.astype("M8[s]"), TypeError, "must be an array of real numbers, got dt"),
    "digits": (A.astype(str), TypeError, "must be numbers, got text: np.asarray("),
    "ragged": ([[1, 2], [3]], ValueError, "must be an array of one shape: "),
    "none": ([1, None], TypeError, "is None: write a missing number as np.nan"),
    "objects": (np.array([1, object()]), TypeError, "[1] is of type object"),
    "dates-in-a-list": ([1, date(2020, 1, 1)], TypeError, "[1] is of type date"),
    "missing": ([1, pd.NA], TypeError, "[1] is of type NAType"),
    "object": (object(), TypeError, "must be an array, got object"),
    "dictionary": ({"x": A}, TypeError, "must be an array, got dict"),
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_wrong_at_every_door(door):
    """Said at once, and nothing is written: a dataset would be read for ever."""
    for given, error, text in WRONG.values():
        with pytest.raises(error, match=re.escape(text)):
            door(given)


NUMBERS = np.array([[1.0, 0.0, 2.0], [0.5, 1.0, 0.25]])


class Tensor:
    """What NumPy knows by its __array__ alone, as PyTorch's tensors and polars's."""

    def __init__(self, array, error=None):
        self.array, self.error = array, error

    def __array__(self, dtype=None, copy=None):
        if self.error:
            raise RuntimeError(self.error)
        return self.array

    def __iter__(self):
        pytest.fail("it was read one by one")

    def __getitem__(self, number):
        pytest.fail("it was read one by one")


TAKEN = {
    "fractions": [[*map(Fraction, row)] for row in NUMBERS],
    "decimals": np.array([[Decimal(v) for v in row] for row in NUMBERS]),
    "objects": NUMBERS.astype(object),
    "list-of-arrays": [*NUMBERS],
    "tuple-of-lists": tuple(row.tolist() for row in NUMBERS),
    "deque": deque(NUMBERS.tolist()),
    "buffers": [array("d", row) for row in NUMBERS],
    "tensor": Tensor(NUMBERS),
    "nothing-masked": np.ma.array(NUMBERS),
    "matrix": np.asmatrix(NUMBERS),
    "dataframe": pd.DataFrame(NUMBERS, index=[7, 3], columns=["a", "b", "c"]),
    "nullable": pd.DataFrame(NUMBERS).astype("Float64"),
    "mixed": pd.DataFrame(NUMBERS).astype({0: object, 2: "float32"}),
    "categories": pd.DataFrame(NUMBERS).astype("category"),
}


@pytest.mark.parametrize("given", TAKEN.values(), ids=TAKEN)
def test_taken_for_what_it_holds(given):
    model = regression_model()
    y = model.predict(NUMBERS, verbose=0)
    assert_array_equal(model.predict(given, verbose=0), y)
    assert_array_equal(model(given), y)
    assert_array_equal(Rescaling(2.0)(given), 2 * np.float64(NUMBERS))
    assert losses.MeanSquaredError()(given, NUMBERS) == 0
    assert metrics.MeanAbsoluteError()(given, NUMBERS) == 0
    assert_array_equal(clean(given, verbose=0).x, NUMBERS)
    layer = Normalization()
    layer.adapt(given)
    assert_allclose(layer.state["mean"], NUMBERS.mean(axis=0))


def test_a_tensor_that_will_not_be_read():
    """The error of its maker says how: PyTorch's of a tensor that needs a gradient."""
    given = Tensor(NUMBERS, "Use tensor.detach().numpy() instead.")
    for door in DOORS.values():
        with pytest.raises(TypeError, match=r"Use tensor\.detach"):
            door(given)


def test_a_list_of_batches_is_no_stream():
    batches = [(np.ones((4, 3)), np.ones((4, 1)))] * 2
    with pytest.raises(
        ValueError, match=r"x\[0\] holds arrays of shapes \(4, 3\), \(4, 1\)"
    ):
        regression_model().fit(batches, verbose=0)
    regression_model().fit((batch for batch in batches), verbose=0)


def test_a_list_in_itself():
    given = []
    given.append(given)
    with pytest.raises(ValueError, match="must be nested at most 64 lists deep"):
        regression_model()(given)


WITH_LARGE = "predict", "evaluate", "fit", "partial_fit", "y", "sample_weight", "adapt"


@pytest.mark.parametrize("door", WITH_LARGE)
def test_numbers_too_large_for_float32(door):
    """They would become infinite, and all weights NaN."""
    large = np.ones((70, 3))
    large[66, 1] = -1e39
    y, column = np.ones((70, 1)), large[:, 1:2]
    use = {
        "predict": lambda model: model.predict(large, verbose=0),
        "evaluate": lambda model: model.evaluate(large, y, verbose=0),
        "fit": lambda model: model.fit(large, y, verbose=0),
        "partial_fit": lambda model: model.partial_fit(large, y),
        "y": lambda model: model.fit(np.ones((70, 3)), column, verbose=0),
        "sample_weight": lambda model: model.fit(
            np.ones((70, 3)), y, sample_weight=-column[:, 0], verbose=0
        ),
        "adapt": lambda model: built(Normalization()).adapt(large),
    }[door]
    model = regression_model()
    before = model.get_weights()
    names = {"y": "y", "sample_weight": "sample_weight", "adapt": "data"}
    name = names.get(door, "x")
    text = rf"^{name} holds -?1e\+39 at \[66.*\], and the largest number of float32 is "
    with pytest.raises(ValueError, match=text + f"3.4e[+]38: rescale {name}, or make"):
        use(model)
    for was, now in zip(before, model.get_weights(), strict=True):
        assert_array_equal(now, was)
    double = Sequential([Dense(1, input_shape=(3,))], dtype="float64")
    assert np.isfinite(double.predict(large, verbose=0)).all()
    last = np.float64(np.finfo(np.float32).max)
    nearly = np.full((1, 3), last * (1 + 2**-26))  # rounds down to it
    assert regression_model().predict(nearly * [[0, 1, 0]], verbose=0).shape == (1, 1)


def test_what_is_not_used_is_not_read():
    """x may be larger than memory, and a prediction of one batch is soon over."""
    large = np.ones((70, 3))
    large[66, 1] = 1e39
    model = regression_model()
    assert model.predict(large, 32, steps=2, verbose=0).shape == (64, 1)
    found = model.evaluate(large, large[:, :1], 32, steps=2, verbose=0)
    assert np.isfinite(found).all()


def test_the_range_of_large_images_is_seen_in_some_of_them():
    """1,000 of them, as of small ones, would be 3 GB, and twice that for a while."""
    one = np.linspace(0, 1, 512 * 512 * 3, dtype=np.float32).reshape(512, 512, 3)
    one[0, 0] = np.nan
    x = np.broadcast_to(one, (1000, *one.shape))
    tracemalloc.start()
    low, high = seen_in(x)
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()
    assert 0 < low < 1e-5 and high == 1


# --- pandas --------------------------------------------------------------------------


AGES = {"age": [30.0, 41.0, 52.0], "n": [1, 2, 3]}
FRAMES = {  # columns, what is said
    "text": (
        {"colour": ["red", "blue", "red"]},
        "column 'colour' of x must be numbers, got text: drop it, or turn it into "
        "numbers, as pandas.get_dummies does",
    ),
    "categories": (
        {"colour": pd.Categorical(["red", "blue", "red"])},
        "column 'colour' of x must be numbers, got text: drop it, or turn it into "
        "numbers, as pandas.get_dummies does",
    ),
    "digits": (
        {"zip": ["11", None, "12"]},
        "column 'zip' of x must be numbers, got text: np.asarray(x, float) turns "
        "such text into numbers",
    ),
    "dates": (
        {"when": pd.to_datetime(["2020-01-01"] * 3)},
        "x must be an array of real numbers, got dtype object: column 'when' holds "
        "values of type Timestamp",
    ),
    "complex": (
        {"z": [1j, 2, 3]},
        "x must be an array of real numbers, got dtype complex128 in column 'z'",
    ),
    "arrays": (
        {"pixels": [np.zeros(2)] * 3},
        "x must be an array of real numbers, got dtype object: column 'pixels' holds "
        "values of type ndarray",
    ),
}


@pytest.mark.parametrize("columns, text", FRAMES.values(), ids=FRAMES)
def test_a_column_that_is_no_number_is_named(columns, text):
    frame = pd.DataFrame(AGES | columns)
    model = regression_model()
    for use in (
        lambda: model.fit(frame, [0, 1, 2]),
        lambda: model.predict(frame),
        lambda: clean(frame),
    ):
        with pytest.raises(TypeError, match=f"^{re.escape(text)}"):
            use()


def test_frames_and_series_are_taken_by_position():
    """The index says nothing, as in scikit-learn: Keras and NumPy do the same."""
    x = pd.DataFrame(NUMBERS, index=[1, 0], columns=["a", "b", "c"])
    y = pd.Series([0.0, 1.0], index=[0, 1])
    weights = pd.Series([1.0, 3.0], index=[5, 0])
    framed, plain = regression_model(), regression_model()
    a = framed.fit(x, y, sample_weight=weights, epochs=2, verbose=0)
    b = plain.fit(NUMBERS, [0, 1], sample_weight=[1, 3], epochs=2, verbose=0)
    assert a.history == b.history
    assert_array_equal(framed.get_weights()[0], plain.get_weights()[0])
    assert framed.evaluate(x, y, verbose=0) == plain.evaluate(NUMBERS, [0, 1])


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean", object])
def test_what_pandas_says_is_missing_is_nan(dtype):
    """Then clean can drop it, and fit warns with the name of the column."""
    ages = pd.Series([1, None, 0], dtype=dtype)
    frame = pd.DataFrame({"n": [4, 5, 6], "age": ages, "m": [7.0, 8.0, 8.5]})
    assert_array_equal(clean(frame, verbose=0).x, [[4, 1, 7], [6, 0, 8.5]])
    match = "1 of 3 samples in x hold NaN or infinity, in the columns 'age'"
    with pytest.warns() as seen:
        regression_model().fit(frame, [0, 1, 2], verbose=0)
    assert [str(w.message) for w in seen if w.category is UserWarning] == [match]


def test_labels_with_a_gap_are_refused():
    model = Sequential([Dense(2, "softmax", input_shape=(3,))])
    model.compile("sgd", "sparse_categorical_crossentropy")
    y = pd.Series([1, None], dtype="Int64")
    with pytest.raises(ValueError, match="takes whole-number labels, got y_true of"):
        model.fit(NUMBERS, y)
    with pytest.raises(TypeError, match="names, y = np.unique"):
        model.fit(NUMBERS, pd.Series(["cat", "dog"]))


def test_a_column_without_a_number_is_named():
    frame = pd.DataFrame({"a": [1.0, 2, 3], "empty": [None] * 3})
    with pytest.raises(ValueError, match="^column 'empty' of x has no finite number"):
        clean(frame, non_finite="repair")


def test_a_constant_column_is_named():
    x = pd.DataFrame(np.random.default_rng(0).random((40, 3)), columns=["a", "b", "c"])
    report = sanity.check(regression_model(), x.assign(b=1.0), x["a"])
    assert "column 'b' of x is the same" in report["constant features"].diagnosis


@pytest.mark.parametrize("given", [3.0, [], np.zeros((0, 3))])
def test_what_has_no_samples(given):
    for door in ("adapt", "predict-on-batch", "y", "clean", "z-score"):
        with pytest.raises(ValueError, match=r"empty|axis|\(N, \.\.\.\)"):
            DOORS[door](given)
