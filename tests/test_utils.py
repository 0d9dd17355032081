import numpy as np
import pytest

from sora_np import activations
from sora_np.utils import PyDataset, Sequence, to_categorical


def test_one_hot():
    assert to_categorical([[1], [0]], 3).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert to_categorical(np.array([2.0])).tolist() == [[0, 0, 1]]
    assert to_categorical([], 4).shape == (0, 4)


@pytest.mark.parametrize("labels", [[-1, 0], [0, 3], [0.5]], ids=str)
def test_bad_labels(labels):
    with pytest.raises(ValueError, match="labels must"):
        to_categorical(labels, 3)


def test_activations_by_name():
    assert activations.get(activations.get("tanh")).name == "tanh"
    with pytest.raises(ValueError, match="did you mean 'softmax'"):
        activations.get("softmx")


def test_both_of_kerass_names():
    assert Sequence is PyDataset


def test_text_is_told_how_to_become_labels():
    with pytest.raises(
        TypeError, match="^labels must be whole numbers, got <U3; names"
    ):
        to_categorical(["cat", "dog"])
    names, labels = np.unique(["dog", "cat"], return_inverse=True)
    np.testing.assert_array_equal(to_categorical(labels), [[0, 1], [1, 0]])


@pytest.mark.parametrize("count, error", [("a", TypeError), (0, ValueError)])
def test_classes_that_are_no_number(count, error):
    with pytest.raises(error, match=f"^num_classes must be a .*, got {count!r}$"):
        to_categorical([0], count)
