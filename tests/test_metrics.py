import numpy as np
import pytest
from sklearn import metrics as sklearn

from sora_np import losses, metrics
from sora_np.layers import Activation
from sora_np.metrics import (
    F1Score,
    FBetaScore,
    FunctionMetric,
    Precision,
    R2Score,
    Recall,
)
from sora_np.models import Sequential


@pytest.mark.parametrize(
    "name, true, pred, cls",
    [
        ("accuracy", (8, 1), (8, 1), metrics.BinaryAccuracy),
        ("acc", (8,), (8, 10), metrics.SparseCategoricalAccuracy),
        ("accuracy", (8, 1), (8, 10), metrics.SparseCategoricalAccuracy),
        ("accuracy", (8, 10), (8, 10), metrics.CategoricalAccuracy),
        ("mse", (8, 1), (8, 1), metrics.MeanLoss),
        ("precision", (8, 1), (8, 1), metrics.Precision),
        ("f1_score", (8, 3), (8, 3), metrics.F1Score),
        ("r2_score", (8, 1), (8, 1), metrics.R2Score),
        ("top_k_categorical_accuracy", *[(8, 9)] * 2, metrics.TopKCategoricalAccuracy),
        ("categorical_accuracy", (8, 2), (8, 2), metrics.CategoricalAccuracy),
    ],
)
def test_by_name_and_shapes(name, true, pred, cls):
    metric = metrics.get(name, true, pred)
    assert type(metric) is cls
    assert metric.name == name


def test_uneven_batches_give_the_mean_of_samples(rng):
    true, pred = rng.integers(0, 3, 10), rng.random((10, 3))
    metric = metrics.SparseCategoricalAccuracy()
    metric.update_state(true[:7], pred[:7])
    metric.update_state(true[7:], pred[7:])
    assert metric.result() == np.mean(true == pred.argmax(axis=1))
    metric.reset_state()
    assert metric.result() == 0


def test_weights():
    assert metrics.Accuracy()([1, 2], [1, 3], sample_weight=[3, 1]) == 0.75


def test_no_broadcasting():
    with pytest.raises(ValueError, match="y_true and y_pred of the same shape"):
        metrics.CategoricalAccuracy()([[1, 0]], [[0.2, 0.3, 0.5]])
    assert metrics.BinaryAccuracy()([1, 0], [[0.9], [0.6]]) == 0.5


def test_unknown_name():
    with pytest.raises(ValueError, match="did you mean 'accuracy'"):
        metrics.get("acuracy", (1, 1), (1, 1))


def test_scores_by_hand():
    """Class 2 is never predicted, class 3 never there: 0, not 0/0."""
    matrix = metrics.confusion_matrix([0, 0, 0, 1, 2], [0, 0, 1, 1, 1], 4)
    assert matrix.tolist() == [[2, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0] * 4]
    expected = [[1, 2 / 3, 0.8], [1 / 3, 1, 0.5], [0, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(metrics.precision_recall_f1(matrix), expected)


def test_a_confusion_matrix_is_not_made_of_probabilities():
    """They would all count as 0."""
    with pytest.raises(ValueError, match="got fractions: convert probabilities by"):
        metrics.confusion_matrix([0, 1], [0.2, 0.9])
    with pytest.raises(ValueError, match=r"labels must lie in 0..1, got -1 to 3"):
        metrics.confusion_matrix([0, -1], [0, 3], 2)
    assert metrics.confusion_matrix([], []).shape == (0, 0)


def test_confusion_matrix_refuses_other_labels():
    with pytest.raises(ValueError, match=r"must lie in 0\.\.1"):
        metrics.confusion_matrix([0, 2], [0, 1], 2)
    with pytest.raises(ValueError, match="two arrays of labels"):
        metrics.confusion_matrix([0, 1], [0])


# --- precision, recall, F1: by hand --------------------------------------------

BINARY = [0, 1, 1, 1, 0], [0.9, 0.8, 0.5, 0.1, 0.2]  # above 0.5: the first two
ROWS = [[0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.1, 0.5, 0.4], [0.45, 0.25, 0.3]]
LABELS = [0, 2, 2, 1]  # the largest of ROWS stand at 0, 2, 1, 0
SCORES = {  # metric, y_true, y_pred, result
    "precision": (Precision(), *BINARY, 1 / 2),
    "recall": (Recall(), *BINARY, 1 / 3),
    "precision-lists": (Precision([0.05, 0.85, 0.95]), *BINARY, [3 / 5, 0, 0]),
    "recall-lists": (Recall([0.05, 0.15, 0.95]), *BINARY, [1, 2 / 3, 0]),
    "precision-top-1": (Precision(top_k=1), LABELS, ROWS, 2 / 4),
    "recall-top-2": (Recall(top_k=2), LABELS, ROWS, 3 / 4),
    "top-and-threshold": (Precision(0.5, top_k=1), LABELS, ROWS, 1 / 1),
    "precision-class": (Precision(0.4, class_id=0), LABELS, ROWS, 1 / 2),
    "recall-class": (Recall(top_k=1, class_id=2), LABELS, ROWS, 1 / 2),
    "column": (Recall(top_k=1), [[k] for k in LABELS], ROWS, 2 / 4),
    "one-hot": (Recall(top_k=1), np.eye(3)[LABELS], ROWS, 2 / 4),
    "several-labels": (Recall(0.4), [[1, 1, 0]] * 2, [[0.5, 0.1, 0.5]] * 2, 1 / 2),
    "nothing-taken": (Precision(), [1, 1], [0.1, 0.2], 0),
    "no-member": (Recall(), [0, 0], [0.1, 0.9], 0),
    # of equal ones the first
    "top-3-of-ties": (Precision(top_k=3), [0, 1, 2, 3], np.ones((4, 40)), 3 / 12),
    "nan-is-not-taken": (Precision(top_k=1), [0, 0], [[1, np.nan], [0, 1]], 1 / 2),
    # class 0: 1 of 2 taken, 1 of 1; class 1: 0 of 1, 0 of 1; class 2: 1 of 1, 1 of 2
    "f1": (F1Score(), LABELS, ROWS, [2 / 3, 0, 2 / 3]),
    "f1-macro": (F1Score("macro"), LABELS, ROWS, 4 / 9),
    "f1-micro": (F1Score("micro"), LABELS, ROWS, 1 / 2),
    "f1-weighted": (F1Score("weighted"), LABELS, ROWS, (2 + 0 + 4) / 3 / 4),
    "f1-one-hot": (F1Score("micro"), np.eye(3)[LABELS], ROWS, 1 / 2),
    "f1-threshold": (F1Score("micro", 0.4), LABELS, ROWS, 2 * 2 / (4 + 4)),
    "f1-one-output": (F1Score("micro"), *BINARY, 2 * 1 / (2 + 3)),
}


@pytest.mark.parametrize("metric, true, pred, score", SCORES.values(), ids=SCORES)
def test_scores_of_batches(metric, true, pred, score):
    """All at once and in two batches; twice, for what is left over."""
    true, pred = np.array(true), np.array(pred)
    for cut in (len(true), 1):
        metric.reset_state()
        metric.update_state(true[:cut], pred[:cut])
        if cut < len(true):
            metric.update_state(true[cut:], pred[cut:])
        np.testing.assert_allclose(metric.result(), score, rtol=1e-12)
        assert np.ndim(metric.result()) == np.ndim(score)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_equals_a_threshold_is_not_above_it(dtype):
    """In float32, too, where 0.2 is a little more than it is in float64."""
    p = np.array([0.2, 0.9], dtype)
    assert Precision(0.2)([0, 1], p) == Precision([0.2, 0.1])([0, 1], p)[0] == 1
    assert Recall(0.2)([1, 1], p) == 0.5
    assert F1Score(threshold=0.2)([0, 1], p) == 1
    assert metrics.BinaryAccuracy(threshold=0.2)([0, 1], p) == 1


def test_weighted_scores():
    """Taken: weights 1 and 2; members: 2, 3, 4."""
    weights = [1, 2, 3, 4, 5]
    assert Precision()(*BINARY, weights) == pytest.approx(2 / 3)
    assert Recall()(*BINARY, weights) == pytest.approx(2 / 9)
    assert F1Score("micro")(*BINARY, weights) == pytest.approx(2 * 2 / (3 + 9))


def test_predictions_of_three_samples_are_no_softmax():
    """They may sum to 1; a warning would be an error here."""
    precision = Precision()
    precision.update_state([1, 0, 1], [0.1, 0.3, 0.6])
    assert precision.result() == 1


def test_softmax_meets_the_threshold_one_half():
    """Said once, with what to take instead."""
    metric = Recall()
    text = "recall counts .* none of 3 classes is above 0.5: use Recall.top_k=1. for"
    with pytest.warns(UserWarning, match=text) as caught:
        metric.update_state(LABELS, ROWS)
        metric.update_state(LABELS, ROWS)
    assert len(caught) == 1 and caught[0].filename == __file__
    Recall()(LABELS, np.array(ROWS) * 0.9)  # no distribution: several labels a row
    Recall()([0, 1], [[0.9, 0.1], [0.2, 0.8]])  # of two, one is above 0.5
    Recall(0.5)(LABELS, ROWS)  # asked for


BAD_SCORES = {
    "label": (
        Precision(top_k=1),
        [0, 3, 0, 0],
        ROWS,
        "labels from 0 to 2, got 3 at y_t",
    ),
    "fraction": (F1Score(), [0, 0.5, 0, 0], ROWS, "got 0.5 at y_true.1."),
    "length": (Recall(), [0, 1], [0.1, 0.2, 0.3], "expected y_true and y_pred of the"),
    "class": (
        Precision(class_id=3),
        LABELS,
        np.array(ROWS) * 0.9,
        "has class_id 3, but y_",
    ),
}


@pytest.mark.parametrize(
    "metric, true, pred, text", BAD_SCORES.values(), ids=BAD_SCORES
)
def test_what_does_not_suit(metric, true, pred, text):
    with pytest.raises(ValueError, match=text):
        metric.update_state(true, pred)


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: Precision(1.5), "each threshold must be at most 1"),
        (
            lambda: Recall([0.1, -1]),
            "each threshold must be at most 1 and not negative",
        ),
        (lambda: Precision(top_k=0), "top_k must be a positive whole number"),
        (
            lambda: Precision(class_id=-1),
            "class_id must be a whole number, not negative",
        ),
        (lambda: F1Score("mean"), 'average must be None, "micro", "macro" or "weigh'),
        (lambda: FBetaScore(beta=0), "beta must be positive, got 0"),
        (lambda: R2Score("mean"), "class_aggregation must be one of"),
        (lambda: metrics.TopKCategoricalAccuracy(0), "k must be a positive whole numb"),
    ],
)
def test_impossible_arguments(make, text):
    with pytest.raises(ValueError, match=text):
        make()


# --- scikit-learn's numbers ------------------------------------------------------


@pytest.fixture
def classified(rng):
    """Labels of 5 classes, one of them rare, probabilities, weights."""
    labels = rng.choice(5, 200, p=[0.3, 0.3, 0.25, 0.14, 0.01])
    logits = rng.standard_normal((200, 5)) + 2 * np.eye(5)[labels]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels, p, rng.random(200)


def of_batches(metric, true, pred, weights=None):
    for part in np.array_split(np.arange(len(true)), 7):
        share = None if weights is None else weights[part]
        metric.update_state(true[part], pred[part], share)
    return metric.result()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("average", [None, "micro", "macro", "weighted"])
def test_f1_is_scikit_learns(classified, average, weighted):
    labels, p, weights = classified
    weights = weights if weighted else None
    expected = sklearn.f1_score(
        *(labels, p.argmax(axis=1)),
        **{"labels": range(5), "average": average, "sample_weight": weights},
        zero_division=0,
    )
    actual = of_batches(F1Score(average), labels, p, weights)
    np.testing.assert_allclose(actual, expected, rtol=1e-12)


@pytest.mark.parametrize("beta", [0.5, 2.0])
@pytest.mark.parametrize("average", [None, "micro", "weighted"])
def test_fbeta_is_scikit_learns(classified, average, beta):
    labels, p, weights = classified
    expected = sklearn.fbeta_score(
        *(labels, p.argmax(axis=1)),
        **{"beta": beta, "labels": range(5), "average": average},
        **{"sample_weight": weights, "zero_division": 0},
    )
    actual = of_batches(FBetaScore(average, beta), labels, p, weights)
    np.testing.assert_allclose(actual, expected, rtol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["precision", "recall"])
def test_precision_and_recall_are_scikit_learns(classified, name, weighted):
    labels, p, weights = classified
    weights = weights if weighted else None
    kind = {"precision": Precision, "recall": Recall}[name]
    score = getattr(sklearn, f"{name}_score")
    for class_id in range(5):
        options = {"sample_weight": weights, "zero_division": 0}
        expected = score(labels == class_id, p[:, class_id] > 0.3, **options)
        actual = of_batches(kind(0.3, class_id=class_id), labels, p, weights)
        np.testing.assert_allclose(actual, expected, rtol=1e-12)
    options = {"average": "micro", "sample_weight": weights}
    expected = score(np.eye(5)[labels] > 0, p > 0.25, **options)
    actual = of_batches(kind(0.25), labels, p, weights)
    np.testing.assert_allclose(actual, expected, rtol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_top_k_is_scikit_learns(classified, k, weighted):
    labels, p, weights = classified
    weights = weights if weighted else None
    expected = sklearn.top_k_accuracy_score(
        labels, p, k=k, labels=range(5), sample_weight=weights
    )
    sparse = metrics.SparseTopKCategoricalAccuracy
    rows = metrics.TopKCategoricalAccuracy
    for metric, true in (
        (sparse(k), labels),
        (sparse(k), labels[:, None]),
        (rows(k), np.eye(5)[labels]),
    ):
        actual = of_batches(metric, true, p, weights)
        np.testing.assert_allclose(actual, expected, rtol=1e-12)


@pytest.mark.parametrize("kind", ["sparse", "categorical"])
def test_of_equal_predictions_the_first_counts(kind):
    """As NumPy's argmax, scikit-learn's and Keras's."""
    y, p = np.array([0, 0, 2, 1]), [[1, 1, 0], [1, 1, 0], [0, 1, 1], [0, 1, 1]]
    name = "sparse_categorical_accuracy" if kind == "sparse" else "categorical_accuracy"
    metric = metrics.get(name, (4,), (4, 3))
    assert metric(y if kind == "sparse" else np.eye(3)[y], np.array(p)) == 0.75


def test_top_k_with_ties_and_nan():
    """Of equal ones the first count; a row with NaN is never right."""
    top = metrics.SparseTopKCategoricalAccuracy(2)
    tied = np.array([[0.2, 0.5, 0.2]] * 3)
    assert top.values(np.arange(3), tied).tolist() == [True, True, False]
    for row in ([np.nan, 0.2, 0.2], [0.1, np.nan, 0.2]):
        assert not top.values(np.arange(3), np.array([row] * 3)).any()


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_collapsed_model_is_right_in_k_of_the_classes(k):
    """scikit-learn's number, where Keras has 1.0."""
    labels, p = np.repeat(np.arange(5), 4), np.full((20, 5), 0.2)
    expected = sklearn.top_k_accuracy_score(labels, p, k=k, labels=range(5))
    assert expected == k / 5
    assert metrics.SparseTopKCategoricalAccuracy(k)(labels, p) == expected
    assert metrics.TopKCategoricalAccuracy(k)(np.eye(5)[labels], p) == expected
    if k == 1:
        assert metrics.SparseCategoricalAccuracy()(labels, p) == expected


def test_top_k_of_no_more_classes_is_warned_of():
    """As scikit-learn does; once."""
    metric = metrics.SparseTopKCategoricalAccuracy(3)
    with pytest.warns(UserWarning, match="the 3 largest of 3 classes, so it is al"):
        assert metric(LABELS, ROWS) == 1
    metric.update_state(LABELS, ROWS)


# --- what a label says, and what a weight weighs -------------------------------


SAME = {  # y_true that says what one-hot rows of LABELS say
    "one-hot": np.eye(3)[LABELS],
    "smoothed": np.eye(3)[LABELS] * 0.9 + 0.1 / 3,
    "much-smoothed": np.eye(3)[LABELS] * 0.2 + 0.8 / 3,
    "signs": 2 * np.eye(3)[LABELS] - 1,
    "float32": (np.eye(3)[LABELS] * 0.9 + 0.1 / 3).astype(np.float32),
    "flags": np.eye(3, dtype=bool)[LABELS],
}


@pytest.mark.parametrize("true", SAME.values(), ids=SAME)
def test_smoothed_and_signed_rows_say_what_one_hot_rows_do(true):
    """Not: all that is not 0 is positive, with Recall 0.33 for a perfect model."""
    p = np.eye(3)[LABELS] * 0.8 + 0.1
    for metric in (Precision(), Recall(), F1Score("macro"), Recall(top_k=1)):
        assert metric(true, p) == 1, metric.name
    assert metrics.BinaryAccuracy()(true, p) == 1
    assert metrics.CategoricalAccuracy()(true, p) == 1
    assert Recall(top_k=1)(true, ROWS) == 2 / 4


def test_several_labels_a_row_stay_several():
    assert Recall()([[1, 1, 0]], [[0.9, 0.1, 0.9]]) == 1 / 2
    assert Recall()([[0.95, 0.95, 0.05]], [[0.9, 0.1, 0.9]]) == 1 / 2


@pytest.mark.parametrize("true", [[1, 2], [0, 255], [-1, 2]], ids=str)
@pytest.mark.parametrize("metric", [metrics.BinaryAccuracy, Precision, Recall, F1Score])
def test_labels_that_are_no_yes_or_no(metric, true):
    with pytest.raises(ValueError, match="takes targets from -1 to 1, got 2"):
        metric()(true, [0.1, 0.9])


WEIGHED = {  # metric, y_true, y_pred: of two samples, of weights 1 and 3, one is right
    "binary": (metrics.BinaryAccuracy(), [1, 0], [0.9, 0.9], 1 / 4),
    "sparse": (metrics.SparseCategoricalAccuracy(), [0, 0], np.eye(2), 1 / 4),
    "categorical": (metrics.CategoricalAccuracy(), [[1, 0]] * 2, np.eye(2), 1 / 4),
    "top-k": (metrics.SparseTopKCategoricalAccuracy(1), [0, 0], np.eye(2), 1 / 4),
    "precision": (Precision(), [1, 0], [0.9, 0.9], 1 / 4),
    "recall": (Recall(), [1, 1], [0.9, 0.1], 1 / 4),
    "f1": (F1Score("micro"), [0, 0], np.eye(2), 1 / 4),
    "mae": (metrics.MeanAbsoluteError(), [0, 0], [0, 2], 6 / 4),
    "mse-of-two": (metrics.MeanSquaredError(), np.zeros((2, 2)), np.eye(2) * 2, 8 / 4),
    "loss": (metrics.MeanLoss("mse"), [[0], [0]], [[0.0], [2.0]], 12 / 4),
    # 1 - (0 + 3 * 1) / (1 * (3/4)^2 + 3 * (1/4)^2)
    "r2": (R2Score(), [0, 1], [0, 2], 1 - 3 / (3 / 4)),
}


@pytest.mark.parametrize("metric, true, pred, value", WEIGHED.values(), ids=WEIGHED)
@pytest.mark.parametrize("column", [False, True])
def test_weights_as_a_column_weigh_the_same(metric, true, pred, value, column):
    """(N,) and (N, 1), whichever of y_true and y_pred is (N, 1)."""
    weights = np.array([[1.0], [3.0]] if column else [1.0, 3.0])
    true, pred = np.array(true), np.array(pred)
    shapes = [(true, pred)]
    if true.ndim == pred.ndim == 1:
        columns = true[:, None], pred[:, None]
        shapes += [columns, (true, columns[1]), (columns[0], pred)]
    for one, other in shapes:
        metric.reset_state()
        assert metric(one, other, weights) == pytest.approx(value)


@pytest.mark.parametrize("metric, true, pred, _", WEIGHED.values(), ids=WEIGHED)
@pytest.mark.parametrize("shape", [(1,), (3,), (1, 2), (2, 3)], ids=str)
def test_no_weight_is_spread_over_samples(metric, true, pred, _, shape):
    text = rf"sample_weight has shape \({', '.join(map(str, shape))},?\), but the"
    with pytest.raises(ValueError, match=text):
        metric.update_state(true, pred, np.ones(shape))


def test_weights_by_position():
    true, pred = np.array([[0, 1], [1, 1]]), np.eye(2)[[[0, 0], [1, 0]]]
    weights = np.array([[1.0, 2], [4, 8]])
    accuracy = metrics.SparseCategoricalAccuracy()
    assert accuracy(true, pred, weights) == (1 + 4) / 15
    assert accuracy(true[..., None], pred, weights[..., None]) == (1 + 4) / 15


@pytest.mark.parametrize("cls", sorted(set(metrics.CLASSES.values()), key=str))
def test_nothing_counts_as_nothing(cls):
    """No NumPy error and no warning for a batch without samples."""
    metric = cls(*ARGUMENTS.get(cls, ()))
    metric.update_state(np.zeros((0, 9)) if "Sparse" not in str(cls) else [], NOTHING)
    assert not np.any(metric.result())


NOTHING = np.zeros((0, 9))
ARGUMENTS = {  # of those that need some
    **dict.fromkeys((metrics.IoU, metrics.OneHotIoU), (9, [0, 3])),
    **dict.fromkeys((metrics.MeanIoU, metrics.OneHotMeanIoU), (9,)),
    **dict.fromkeys((metrics.PrecisionAtRecall, metrics.RecallAtPrecision), (0.5,)),
    metrics.SensitivityAtSpecificity: (0.5,),
    metrics.SpecificityAtSensitivity: (0.5,),
}


@pytest.mark.parametrize(
    "metric, true",
    [
        (metrics.BinaryAccuracy(), np.eye(3)),
        (metrics.CategoricalAccuracy(), np.eye(3)),
        (metrics.SparseCategoricalAccuracy(), np.arange(3)),
        (metrics.SparseTopKCategoricalAccuracy(2), np.arange(3)),
        (F1Score("macro"), np.arange(3)),
        (Precision(top_k=1), np.arange(3)),
        (Recall(), np.arange(3)),
    ],
    ids=lambda one: getattr(one, "name", ""),
)
def test_nan_predicts_nothing(metric, true):
    """Not the first class, as argmax would have it."""
    assert metric(true, np.full((3, 3), np.nan)) == 0


def test_one_output_has_no_largest():
    """It would always be right, as in Keras."""
    for cls in (metrics.CategoricalAccuracy, metrics.TopKCategoricalAccuracy):
        with pytest.raises(ValueError, match="two or more classes, got y_pred .2, 1."):
            cls()([[0], [1]], [[0.9], [0.1]])


def test_shapes_of_one_size_are_not_all_one():
    with pytest.raises(ValueError, match="y_true and y_pred of the same shape"):
        metrics.MeanAbsoluteError()(np.zeros((6, 1)), np.zeros((2, 3, 1)))


REGRESSION = {
    "mean_absolute_error": metrics.MeanAbsoluteError,
    "mean_squared_error": metrics.MeanSquaredError,
    "root_mean_squared_error": metrics.RootMeanSquaredError,
    "r2_score": R2Score,
}


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", REGRESSION)
def test_regression_is_scikit_learns(name, weighted, outputs, rng):
    """Far from 0, where sums of squares would cancel."""
    true = rng.standard_normal((50, outputs)) * [1, 2, 3][:outputs] + 1e7
    pred = true + rng.standard_normal((50, outputs)) / 2
    weights = rng.random(50) if weighted else None
    score = getattr(sklearn, name)
    expected = score(true, pred, sample_weight=weights)
    if name == "root_mean_squared_error":  # ours is of all entries, as Keras's
        expected = sklearn.mean_squared_error(true, pred, sample_weight=weights) ** 0.5
    metric = REGRESSION[name]()
    assert metric.name == name
    actual = of_batches(metric, true, pred, weights)
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


@pytest.mark.parametrize("ours", [None, "uniform_average", "variance_weighted_average"])
def test_r2_of_several_outputs_is_scikit_learns(ours, rng):
    true, noise = rng.standard_normal((2, 50, 4))
    true[:, 2:] = 1.5  # which do not vary: one is met, one is not
    pred = true + noise / 2 * [1, 1, 0, 1]
    theirs = {None: "raw_values", "variance_weighted_average": "variance_weighted"}
    expected = sklearn.r2_score(true, pred, multioutput=theirs.get(ours, ours))
    np.testing.assert_allclose(of_batches(R2Score(ours), true, pred), expected)


def test_r2_of_a_constant_that_is_rounded():
    """The mean of ten times 0.1 is not 0.1; scikit-learn has 1.0 and 0.0 as well."""
    for true in ([0.1] * 10, [1e6 + 0.1] * 7, [0.3] * 3):
        near = [*true[:-1], true[-1] + 0.5]
        assert R2Score()(true, true) == sklearn.r2_score(true, true) == 1
        assert of_batches(R2Score(), np.array(true), np.array(near)) == 0


def test_r2_is_adjusted_for_regressors():
    """Of n = 4, R2 = 1 - 1 / 5 and p = 2: 1 - 1/5 * 3/1; too few samples warn."""
    true, pred = [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 5.0]
    assert R2Score(num_regressors=2)(true, pred) == pytest.approx(0.4)
    # a sample of weight 0 counts in n: Keras 3.15 has 1 - 1/5 * 4/2
    zero = [*true, 9.0], [*pred, 0.0], [1, 1, 1, 1, 0]
    assert R2Score(num_regressors=2)(*zero) == pytest.approx(0.6)
    with pytest.warns(UserWarning, match="3 regressors need more than 4 entries, got"):
        assert R2Score(num_regressors=3)(true, pred) == pytest.approx(0.8)


def test_r2_by_hand():
    """1 - (1 + 0 + 1) / (4 + 0 + 4), and before the first sample."""
    assert R2Score().result() == 0
    assert R2Score()([1.0, 3.0, 5.0], [[2.0], [3.0], [4.0]]) == 0.75


# --- functions -------------------------------------------------------------------


def test_a_function_sees_all_samples_once(classified):
    labels, p, _ = classified
    shapes = []

    def auc(y_true, y_pred):
        shapes.append((y_true.shape, y_pred.shape))
        return sklearn.roc_auc_score(y_true, y_pred, multi_class="ovr")

    metric = metrics.get(auc, (1,), (1, 5))
    expected = sklearn.roc_auc_score(labels, p, multi_class="ovr")
    assert metric.name == "auc"
    assert of_batches(metric, labels, p) == pytest.approx(expected)
    assert shapes == [((200,), (200, 5))]
    metric.reset_state()
    assert metric.result() == 0


def test_a_function_of_samples_is_averaged_and_of_classes_is_not():
    samples = FunctionMetric(lambda t, p: np.abs(t - p).sum(axis=1), "sums")
    assert (
        samples([[1, 2], [3, 4], [5, 6]], [[1, 1], [1, 1], [1, 1]]) == (1 + 5 + 9) / 3
    )
    classes = FunctionMetric(lambda t, p: np.abs(t - p).mean(axis=0))
    assert classes([[1, 2], [3, 4], [5, 6]], np.ones((3, 2))).tolist() == [2, 3]


def test_as_many_classes_as_samples():
    """Which of both an array is, is seen by twice the samples."""
    true, pred = np.zeros((3, 3)), np.arange(9.0).reshape(3, 3)
    classes = FunctionMetric(lambda t, p: np.abs(t - p).mean(axis=0))
    samples = FunctionMetric(lambda t, p: np.abs(t - p).mean(axis=1))
    for _ in range(2):
        classes.reset_state()
        samples.reset_state()
        assert classes(true, pred).tolist() == [3, 4, 5]
        assert samples(true, pred) == 4
    scores = FunctionMetric(
        lambda t, p: sklearn.f1_score(t, p.argmax(axis=1), average=None), "f1"
    )
    assert scores([0, 1], np.eye(2)[[0, 0]]).tolist() == [2 / 3, 0]


def test_a_function_keeps_copies():
    """Of buffers that the next batch overwrites."""
    metric, pred = FunctionMetric(lambda t, p: p.sum()), np.ones(2)
    metric.update_state([0, 0], pred)
    pred[:] = 5
    assert metric.result() == 2
    metric.update_state([0, 0], pred, [1, 1])
    with pytest.raises(TypeError, match="is a function without sample_weight"):
        metric.result()


# --- reports ----------------------------------------------------------------------


def test_report_is_scikit_learns(classified):
    """Also for a class that is never predicted."""
    labels, p, _ = classified
    predicted, names = p[:, :4].argmax(axis=1), list("abcde")
    assert set(labels) == set(range(5))
    options = {"labels": range(5), "target_names": names, "zero_division": 0}
    expected = sklearn.classification_report(
        labels, predicted, output_dict=True, **options
    )
    actual = metrics.classification_report(labels, predicted, names, output_dict=True)
    assert actual.keys() == expected.keys()
    for name, numbers in expected.items():
        assert actual[name] == pytest.approx(numbers), name
    matrix = metrics.confusion_matrix(labels, predicted, 5)
    theirs = sklearn.confusion_matrix(labels, predicted, labels=range(5))
    np.testing.assert_array_equal(matrix, theirs)


ABSENT = {  # y_true, y_pred: labels that leave classes out
    "perfect": ([1, 2, 3, 3], [1, 2, 3, 3]),
    "first-and-last": ([1, 2, 1, 4], [2, 2, 1, 4]),
    "never-true": ([1, 1, 3], [1, 2, 3]),
}


@pytest.mark.parametrize("true, pred", ABSENT.values(), ids=ABSENT)
def test_what_neither_truth_nor_prediction_has_is_in_no_mean(true, pred):
    """scikit-learn's numbers; Keras counts such a class as 0 (0.75 for a perfect one).

    With names every class has a row, without those that are there.
    """
    expected = sklearn.classification_report(
        true, pred, output_dict=True, zero_division=0
    )
    actual = metrics.classification_report(true, pred, output_dict=True)
    assert actual.keys() - {"accuracy"} == expected.keys() - {"accuracy"}
    for name in actual.keys() & expected.keys():
        assert actual[name] == pytest.approx(expected[name]), name
    named = metrics.classification_report(true, pred, list("abcde"), output_dict=True)
    assert named["macro avg"] == actual["macro avg"] and named["a"]["support"] == 0
    macro = F1Score("macro")(np.array(true), np.eye(5)[pred])
    assert macro == pytest.approx(expected["macro avg"]["f1-score"])


def test_names_that_are_the_same():
    """Each class has a row; a dictionary would lose one."""
    true = [0, 1, 1]
    lines = str(metrics.classification_report(true, true, ["a", "a"])).splitlines()
    assert [line.split()[-1] for line in lines[1:3]] == ["1", "2"]
    for names in (["a", "a"], ["a", "accuracy"], ["macro avg", "b"]):
        with pytest.raises(ValueError, match="the names must differ from one another"):
            metrics.classification_report(true, true, names, output_dict=True)
    numbered = metrics.classification_report(true, true, [0, 1], output_dict=True)
    assert numbered["1"]["support"] == 2


@pytest.mark.parametrize(
    "labels, error, text",
    [
        (["cat", "dog"], TypeError, "return_inverse=True"),
        ([0, np.nan], ValueError, "got NaN: convert prob"),
        ([0, 2**40], ValueError, "would make 1099511627777 classes: number"),
        ([[0], [1]], ValueError, r"arrays of labels \(N,\), got \(2, 1\)"),
    ],
    ids=["text", "nan", "large", "column"],
)
def test_labels_that_no_report_can_be_made_of(labels, error, text):
    with pytest.raises(error, match=text):
        metrics.classification_report(labels, labels)


def test_report_of_nothing():
    report = metrics.classification_report([], [], ["a"], output_dict=True)
    assert report["accuracy"] == report["macro avg"]["recall"] == 0
    assert "weighted avg" in metrics.classification_report([], [], ["a"])


# --- what compile is given ----------------------------------------------------------


@pytest.mark.parametrize(
    "given, names",
    [
        (None, []),
        ("acc", ["acc"]),
        (Recall, ["recall"]),
        ([Recall(), Recall(0.7), "mse"], ["recall", "recall_1", "mse"]),
        (sklearn.r2_score, ["r2_score"]),
        ((m for m in ["mae", F1Score()]), ["mae", "f1_score"]),
    ],
)
def test_collect(given, names):
    found = metrics.collect(given)
    assert [m if isinstance(m, str) else m.name for m in found] == names


def test_one_name_twice():
    with pytest.raises(ValueError, match="two metrics have the name 'acc'"):
        metrics.collect(["acc", "acc"])


@pytest.mark.parametrize("name, cls", metrics.CLASSES.items())
def test_every_metric_says_which_way_is_better(name, cls):
    less = "Error", "False", "Hinge", "Poisson", "KLD", "Crossentropy"
    wanted = "min" if any(part in cls.__name__ for part in less) else "max"
    assert cls.direction == wanted
    if cls not in ARGUMENTS:
        assert metrics.direction(name) == wanted


@pytest.mark.parametrize("cls", sorted(set(metrics.CLASSES.values()), key=str))
def test_configurations_make_equal_metrics(cls):
    metric = cls(*ARGUMENTS.get(cls, ()), name="mine")
    again = cls(**metric.get_config())
    assert again.get_config() == metric.get_config() and again.name == "mine"
    assert again.direction == metric.direction


# --- areas, points of curves, counts --------------------------------------------------

Y, P = [0, 0, 1, 1, 1, 0], [0.1, 0.45, 0.35, 0.8, 0.6, 0.6]
KERAS = {  # name, arguments, the result of Keras 3.15.1 for Y and P
    "AUC-0": ("AUC", {}, 0.7222222),
    "AUC-1": ("AUC", {"num_thresholds": 4}, 0.7777778),
    "AUC-2": ("AUC", {"curve": "PR"}, 0.776122),
    "AUC-3": ("AUC", {"curve": "PRGAIN"}, 0.4583333),
    "AUC-4": (
        "AUC",
        {"curve": "PR", "summation_method": "minoring", "num_thresholds": 11},
        0.3888889,
    ),
    "AUC-5": ("AUC", {"summation_method": "majoring", "num_thresholds": 5}, 0.8888888),
    "AUC-6": ("AUC", {"thresholds": [0.4, 0.7]}, 0.6111111),
    "AUC-7": ("AUC", {"from_logits": True}, 0.7222222),
    "SensitivityAtSpecificity-8": (
        "SensitivityAtSpecificity",
        {"specificity": 0.6},
        0.6666667,
    ),
    "SpecificityAtSensitivity-9": (
        "SpecificityAtSensitivity",
        {"sensitivity": 0.6, "num_thresholds": 3},
        0.6666667,
    ),
    "PrecisionAtRecall-10": ("PrecisionAtRecall", {"recall": 0.5}, 0.6666667),
    "RecallAtPrecision-11": ("RecallAtPrecision", {"precision": 0.7}, 0.3333333),
    "TruePositives-12": ("TruePositives", {}, 2.0),
    "FalsePositives-13": ("FalsePositives", {"thresholds": [0.3, 0.5]}, [2.0, 1.0]),
    "TrueNegatives-14": ("TrueNegatives", {"thresholds": 0.5}, 2.0),
    "FalseNegatives-15": ("FalseNegatives", {}, 1.0),
    "BinaryIoU-16": ("BinaryIoU", {}, 0.5),
}


@pytest.mark.parametrize("name, options, expected", KERAS.values(), ids=KERAS)
def test_the_numbers_of_keras(name, options, expected):
    for cut in (6, 2):
        metric = getattr(metrics, name)(**options)
        metric.update_state(Y[:cut], np.array(P[:cut], np.float32))
        if cut < 6:
            metric.update_state(Y[cut:], np.array(P[cut:], np.float32))
        np.testing.assert_allclose(metric.result(), expected, rtol=1e-5)


def test_area_under_roc_is_scikit_learns(rng):
    """With as many thresholds as tell all predictions apart, and with weights."""
    y, p, w = rng.integers(0, 2, 300), rng.integers(1, 100, 300) / 99, rng.random(300)
    auc, ap = metrics.AUC(100), metrics.AUC(100, "PR", "majoring")
    for metric in (auc, ap):
        metric.update_state(y[:100], p[:100], w[:100])
        metric.update_state(y[100:], p[100:], w[100:])
    assert auc.result() == pytest.approx(sklearn.roc_auc_score(y, p, sample_weight=w))
    best = sklearn.average_precision_score(y, p, sample_weight=w)
    assert ap.result() == pytest.approx(best, abs=0.02)


def test_areas_of_labels(rng):
    y, p = rng.integers(0, 2, (200, 3)), rng.integers(1, 50, (200, 3)) / 49
    each = [sklearn.roc_auc_score(y[:, k], p[:, k]) for k in range(3)]
    assert metrics.AUC(50, multi_label=True)(y, p) == pytest.approx(np.mean(each))
    weights = [1, 0, 3]
    weighted = metrics.AUC(50, multi_label=True, label_weights=weights)(y, p)
    assert weighted == pytest.approx(np.average(each, weights=weights))
    flat = sklearn.roc_auc_score(
        y.ravel(), p.ravel(), sample_weight=np.tile(weights, 200)
    )
    assert metrics.AUC(50, label_weights=weights)(y, p) == pytest.approx(flat)
    rows = np.eye(3)[y.argmax(axis=1)]
    assert metrics.AUC(50)(y.argmax(axis=1), p) == metrics.AUC(50)(rows, p)


def test_guesses_and_the_best_have_the_areas_that_they_should():
    assert metrics.AUC()([0, 1], [0.5, 0.5]) == 0.5
    assert metrics.AUC()([0, 1], [0.2, 0.9]) == 1
    assert metrics.AUC()([0, 0], [0.2, 0.9]) == 0  # no curve: 0/0 is 0
    assert metrics.AUC()([0, 1], [-0.5, 7]) == 1  # outside it counts as 0 or 1
    assert metrics.AUC(from_logits=True)([0, 1, 0], [-9, 900, 0]) == 1
    assert metrics.AUC()([0, 1, 1], [0.2, np.nan, 0.9]) == 0.5  # recall ends at 0.5


BAD_CURVES = {
    "curve": (lambda: metrics.AUC(curve="ROK"), "unknown curve 'ROK'; did you mean"),
    "sum": (lambda: metrics.AUC(summation_method="mean"), "unknown summation_method"),
    "thresholds": (lambda: metrics.AUC(thresholds=[2]), "each threshold must be at mo"),
    "one": (lambda: metrics.AUC(1), "num_thresholds"),
    "labels": (lambda: metrics.AUC(num_labels=2), "num_labels needs multi_label=True"),
    "weights": (
        lambda: metrics.AUC(label_weights=[1, 2])(Y, P),
        "has 2 label_weights, but y_pred is",
    ),
    "rank": (
        lambda: metrics.AUC(multi_label=True)(Y, P),
        r"takes y_pred \(N, labels\)",
    ),
    "least": (lambda: metrics.PrecisionAtRecall(2), "recall must be at most 1"),
    "class": (
        lambda: metrics.RecallAtPrecision(0.5, class_id=1)(Y, P),
        "has class_id 1, but y_pred is",
    ),
}


@pytest.mark.parametrize("make, text", BAD_CURVES.values(), ids=BAD_CURVES)
def test_curves_that_cannot_be(make, text):
    with pytest.raises(ValueError, match=text):
        make()


# --- intersection over union ----------------------------------------------------------

TRUE, PRED = [0, 1, 2, 2, 1, 0], [0, 2, 2, 2, 1, 1]
IOUS = {  # of class 0 it is 1/2, of 1 1/3, of 2 2/3; class 3 is not there
    "mean": (metrics.MeanIoU(4), TRUE, PRED, (1 / 2 + 1 / 3 + 2 / 3) / 3),
    "some": (metrics.IoU(4, [2, 3]), TRUE, PRED, 2 / 3),
    "column": (metrics.IoU(3, [1]), [[t] for t in TRUE], PRED, 1 / 3),
    # without class 2 in y_true: 1/2, 1/2, 0/1
    "ignored": (metrics.MeanIoU(3, ignore_class=2), TRUE, PRED, (1 / 2 + 1 / 3) / 3),
    "one-hot": (
        *(metrics.OneHotMeanIoU(3), np.eye(3)[TRUE], np.eye(3)[PRED]),
        (1 / 2 + 1 / 3 + 2 / 3) / 3,
    ),
    "scores": (metrics.MeanIoU(3, sparse_y_pred=False), TRUE, np.eye(3)[PRED], 0.5),
    "axis": (
        metrics.OneHotIoU(3, [0], axis=1),
        *(np.eye(3)[[TRUE]].swapaxes(1, 2), np.eye(3)[[PRED]].swapaxes(1, 2), 1 / 2),
    ),
    "binary": (metrics.BinaryIoU(), [0, 1, 1, 0], [0.1, 0.5, 0.4, 0.7], 1 / 3),
    "threshold": (
        metrics.BinaryIoU([1], 0.4),
        [0, 1, 1, 0],
        [0.1, 0.5, 0.4, 0.7],
        2 / 3,
    ),
}


@pytest.mark.parametrize("metric, true, pred, expected", IOUS.values(), ids=IOUS)
def test_intersection_over_union_by_hand(metric, true, pred, expected):
    assert metric(true, pred) == pytest.approx(expected)


def test_positions_and_classes_on_the_last_axis(rng):
    true, scores = rng.integers(0, 3, (2, 5)), rng.random((2, 5, 3))
    pred = scores.argmax(axis=-1)
    expected = metrics.MeanIoU(3)(true, pred)
    assert metrics.MeanIoU(3, sparse_y_pred=False)(true, scores) == expected
    assert metrics.OneHotMeanIoU(3)(np.eye(3)[true], scores) == expected
    one = metrics.IoU(3, [1], sparse_y_true=False)(np.eye(3)[true], pred)
    assert metrics.OneHotIoU(3, [1])(np.eye(3)[true], scores) == one
    weights = rng.random((2, 5))
    by_position = metrics.MeanIoU(3)(true, pred, weights)
    assert by_position == metrics.MeanIoU(3)(
        true.ravel(), pred.ravel(), weights.ravel()
    )


def test_no_and_yes_are_averaged():
    """Of both 1 of 3; then 2 of 3 and 1 of 2."""
    true, pred = [0, 0, 0, 1], [0.1, 0.9, 0.8, 0.9]
    each = [metrics.BinaryIoU([k])(true, pred) for k in (0, 1)]
    np.testing.assert_allclose(each, [1 / 3, 1 / 3])
    assert metrics.BinaryIoU()([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.9]) == pytest.approx(
        (2 / 3 + 1 / 2) / 2
    )


def test_what_is_ignored_may_be_any_label():
    assert metrics.MeanIoU(2, ignore_class=255)([0, 255, 1], [0, 1, 1]) == 1
    with pytest.raises(ValueError, match=r"got 255 at y_pred\[1\]"):
        metrics.MeanIoU(2, ignore_class=255)([0, 255, 1], [0, 255, 1])


def test_labels_are_looked_at_before_training():
    model = Sequential([Activation("linear", input_shape=(2,))])
    model.compile("sgd", "mse", metrics=[metrics.OneHotMeanIoU(3)])
    with pytest.raises(ValueError, match=r"takes y_pred with 3 classes along axis -1"):
        model.fit(np.eye(2), np.eye(2), verbose=0)
    one = metrics.MeanIoU(2)
    with pytest.raises(ValueError, match=r"got 2 at y_true\[1\]"):
        one.check_targets([0, 2], np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"with 3 classes along axis -1, got \(3,\)"):
        metrics.OneHotMeanIoU(3)([0, 1, 2], [0, 1, 2])


def test_weights_of_intersections():
    """Of class 0: 1 of 1 + 6; of class 1: 5 of 2 + 5 + 6; of class 2: 7 of 9."""
    found = metrics.MeanIoU(3)(TRUE, PRED, [1, 2, 3, 4, 5, 6])
    assert found == pytest.approx((1 / 7 + 5 / 13 + 7 / 9) / 3)


def test_labels_that_no_intersection_is_of():
    with pytest.raises(
        ValueError, match=r"labels from 0 to 1 .*, got 2 at y_true\[2\]"
    ):
        metrics.MeanIoU(2)(TRUE, [0] * 6)
    with pytest.raises(ValueError, match=r"got 3 at y_pred\[1\]"):
        metrics.MeanIoU(3)([0, 1], [0, 3])
    with pytest.raises(ValueError, match="number for every class: use sparse_y_pred=F"):
        metrics.MeanIoU(3)(TRUE, np.eye(3)[PRED])
    with pytest.raises(ValueError, match="number for every class: use sparse_y_pred=F"):
        metrics.MeanIoU(3)([[t] for t in TRUE], np.eye(3)[PRED])
    for ids in ([0, 3], []):
        with pytest.raises(ValueError, match="must be classes from 0 to 2, got "):
            metrics.IoU(3, ids)


# --- losses as metrics, functions -----------------------------------------------------


def test_losses_as_metrics_are_means_of_samples(rng):
    y, p, w = rng.random((7, 3)), rng.random((7, 3)), rng.random(7)
    for cls in metrics.CLASSES.values():
        if issubclass(cls, metrics.MeanLoss) and "Sparse" not in cls.__name__:
            metric = cls()
            metric.update_state(y[:3], p[:3], w[:3])
            metric.update_state(y[3:], p[3:], w[3:])
            each = metric.loss.losses(metric.loss.targets(y, p), p)
            assert metric.result() == pytest.approx(np.average(each, weights=w))


def test_what_a_metric_ignores_does_not_count():
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=9)
    p = [[0.5, 0.5], [0.1, 0.9], [0.25, 0.75]]
    assert metric([0, 9, 0], p) == pytest.approx((np.log(2) + np.log(4)) / 2)


def test_cosine_similarity_is_better_when_it_is_more():
    assert metrics.get("cosine_similarity", (1, 2), (1, 2)).direction == "max"
    metric = metrics.get("CosineSimilarity", (1, 2), (1, 2))
    assert metric([[1, 0], [0, 1]], [[3, 4], [3, 4]]) == pytest.approx(0.7)


def test_functions_are_their_classes(rng):
    y, p = np.eye(4)[rng.integers(0, 4, 9)], rng.random((9, 4))
    labels, highest = y.argmax(axis=1), p.argmax(axis=1)
    right = (labels == highest) * 1.0
    np.testing.assert_array_equal(metrics.categorical_accuracy(y, p), right)
    np.testing.assert_array_equal(metrics.sparse_categorical_accuracy(labels, p), right)
    top = metrics.top_k_categorical_accuracy(y, p, 2)
    assert top.mean() == sklearn.top_k_accuracy_score(labels, p, k=2)
    sparse = metrics.sparse_top_k_categorical_accuracy(labels, p, k=2)
    np.testing.assert_array_equal(sparse, top)
    entries = metrics.binary_accuracy(y, p, threshold=0.3)
    np.testing.assert_array_equal(entries, (p > 0.3) == y)
    assert metrics.mse is losses.mean_squared_error
    given = [metrics.categorical_accuracy, losses.mse, metrics.AUC]
    found = metrics.collect(given)
    assert [type(m) for m in found[:3]] == [
        *(metrics.CategoricalAccuracy, metrics.MeanLoss, metrics.AUC),
    ]
    assert found[0].name == "categorical_accuracy"
    assert found[1].name == "mean_squared_error"


@pytest.mark.parametrize("name", ["auc", "AUC"])
def test_auc_by_name(name):
    """From logits, too, of which a model makes probabilities first."""
    model = Sequential([Activation("linear", input_shape=(1,))])
    model.compile("sgd", losses.BinaryCrossentropy(True), metrics=[name])
    z, y = np.array([[-3.0], [-1], [2], [4]]), [[0], [1], [0], [1]]
    assert model.evaluate(z, y, verbose=0)[1] == pytest.approx(0.75)


def test_functions_in_compile():
    model = Sequential([Activation("softmax", input_shape=(2,))])
    given = [metrics.categorical_accuracy, metrics.mean_squared_error]
    model.compile("sgd", losses.categorical_crossentropy, metrics=given)
    found = model.evaluate([[0, 1], [0, 1]], np.eye(2), verbose=0, return_dict=True)
    names = {"loss", "categorical_accuracy", "mean_squared_error"}
    assert found.keys() == names and found["categorical_accuracy"] == 0.5
    assert type(model.loss) is losses.CategoricalCrossentropy


def test_variables_of_a_metric_of_ones_own():
    """As programs for Keras reset them; metrics of this package have none."""

    class Wrong(metrics.Metric):
        def __init__(self, name="wrong"):
            super().__init__(name)
            self.total = self.add_weight(name="total", initializer="zeros")
            self.each = self.add_weight(shape=(2,), name="each")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.total.assign_add(np.sum(y_true != y_pred))
            self.each.assign_add(np.sum(y_true != y_pred, axis=0))

        def result(self):
            return self.total

        def reset_state(self):
            for variable in self.variables:
                variable.assign(0)

    metric = Wrong()
    metric.update_state(np.zeros((3, 2)), np.array([[1, 0], [1, 0], [0, 1]]))
    assert [v.tolist() for v in metric.variables] == [3.0, [2.0, 1.0]]
    metric.reset_state()
    assert [v.tolist() for v in metric.variables] == [0.0, [0.0, 0.0]]
    with pytest.raises(AttributeError, match=r"AUC has no variables: result\(\)"):
        _ = metrics.AUC().variables
