import numpy as np
import pytest

from sora_np import activations, metrics
from sora_np.utils import PyDataset, Sequence, to_categorical


def confusion_of(y):
    return metrics.confusion_matrix(y, y)


def report_of(y):
    return metrics.classification_report(y, y)


def test_one_hot():
    assert to_categorical([[1], [0]], 3).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert to_categorical(np.array([2.0])).tolist() == [[0, 0, 1]]
    assert to_categorical([], 4).shape == (0, 4)


@pytest.mark.parametrize("labels", [[-1, 0], [0, 3], [0.5]], ids=str)
def test_bad_labels(labels):
    with pytest.raises(ValueError, match="labels must"):
        to_categorical(labels, 3)


@pytest.mark.parametrize("label", [2**40, 2**62, 1e18, 65_536])
@pytest.mark.parametrize("count", [to_categorical, confusion_of, report_of])
def test_a_label_that_is_no_number_of_a_class(label, count):
    """Columns for 2^40 classes took all memory, or all time: told at once."""
    with pytest.raises(
        ValueError, match=f"largest label is .*{int(label) + 1} classes"
    ):
        count(np.array([0, label]))


def test_labels_that_are_not_finite_are_no_whole_numbers():
    for label in (np.nan, np.inf):
        with pytest.raises(ValueError, match="labels must be whole numbers, got float"):
            to_categorical([0, label])


def test_activations_by_name():
    assert activations.get(activations.get("tanh")).name == "tanh"
    with pytest.raises(ValueError, match="did you mean 'softmax'"):
        activations.get("softmx")


def test_both_of_kerass_names():
    assert Sequence is PyDataset


def test_text_is_told_how_to_become_labels():
    text = (
        "labels must be numbers, got text: for the labels of names, labels = np.unique"
    )
    with pytest.raises(TypeError, match=f"^{text}"):
        to_categorical(["cat", "dog"])
    names, labels = np.unique(["dog", "cat"], return_inverse=True)
    np.testing.assert_array_equal(to_categorical(labels), [[0, 1], [1, 0]])


@pytest.mark.parametrize("count, error", [("a", TypeError), (0, ValueError)])
def test_classes_that_are_no_number(count, error):
    with pytest.raises(error, match=f"^num_classes must be a .*, got {count!r}$"):
        to_categorical([0], count)
