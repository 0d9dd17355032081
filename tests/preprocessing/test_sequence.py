"""pad_sequences: examples by hand, and what Keras 3.15 gives."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np.preprocessing.sequence import pad_sequences

TEXTS = [[1], [2, 3], [4, 5, 6], []]
CASES = {
    "longest": ({}, [[0, 0, 1], [0, 2, 3], [4, 5, 6], [0, 0, 0]]),
    "post": ({"padding": "post"}, [[1, 0, 0], [2, 3, 0], [4, 5, 6], [0, 0, 0]]),
    "cut-pre": ({"maxlen": 2}, [[0, 1], [2, 3], [5, 6], [0, 0]]),
    "cut-post": (
        {"maxlen": 2, "truncating": "post", "value": -1},
        [[-1, 1], [2, 3], [4, 5], [-1, -1]],
    ),
    "longer": (
        {"maxlen": 4, "padding": "post", "value": 9},
        [[1, 9, 9, 9], [2, 3, 9, 9], [4, 5, 6, 9], [9, 9, 9, 9]],
    ),
    "none": ({"maxlen": 0}, np.zeros((4, 0))),
}


@pytest.mark.parametrize("options, expected", CASES.values(), ids=CASES)
def test_lists(options, expected):
    assert_array_equal(
        pad_sequences(TEXTS, **options), np.array(expected, "i4"), strict=True
    )


def test_vectors_and_text():
    rows = pad_sequences(
        [np.ones((1, 2)), np.zeros((2, 2))], dtype="float32", value=0.5
    )
    assert_array_equal(
        rows, np.float32([[[0.5, 0.5], [1, 1]], [[0, 0], [0, 0]]]), strict=True
    )
    words = pad_sequences([["a"], ["b", "cc"]], dtype=object, value="")
    assert words.tolist() == [["", "a"], ["b", "cc"]]
    assert pad_sequences([]).shape == (0, 0)


def test_mistakes():
    with pytest.raises(ValueError, match="lists or arrays, got 3 at 1"):
        pad_sequences([[1], 3])
    with pytest.raises(ValueError, match='padding must be "pre" or "post", got'):
        pad_sequences([[1]], padding="before")
    with pytest.raises(
        ValueError, match=r"sequence 1 have the shape \(\), those before"
    ):
        pad_sequences([np.zeros((1, 2)), [1.0]])
    with pytest.raises(ValueError, match="which int32 cannot hold: take dtype=object"):
        pad_sequences([[1]], value="none")
