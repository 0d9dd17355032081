import numpy as np
import pytest

from sora_np import metrics


@pytest.mark.parametrize(
    "name, true, pred, cls",
    [
        ("accuracy", (8, 1), (8, 1), metrics.BinaryAccuracy),
        ("acc", (8,), (8, 10), metrics.SparseCategoricalAccuracy),
        ("accuracy", (8, 1), (8, 10), metrics.SparseCategoricalAccuracy),
        ("accuracy", (8, 10), (8, 10), metrics.CategoricalAccuracy),
        ("mse", (8, 1), (8, 1), metrics.MeanLoss),
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
    with pytest.raises(ValueError, match="arrays of one shape"):
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


def test_confusion_matrix_refuses_other_labels():
    with pytest.raises(ValueError, match=r"must lie in 0\.\.1"):
        metrics.confusion_matrix([0, 2], [0, 1], 2)
    with pytest.raises(ValueError, match="two arrays of labels"):
        metrics.confusion_matrix([0, 1], [0])
