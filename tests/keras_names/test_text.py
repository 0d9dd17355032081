"""Words of texts as numbers and rows, as those of the Tokenizer of Keras 3.15."""

import numpy as np
import pytest

from sora_np.keras.preprocessing.text import (
    Tokenizer,
    hashing_trick,
    one_hot,
    text_to_word_sequence,
    tokenizer_from_json,
)

TEXTS = ["The cat sat, on the mat!", "the dog; sat_down on THE cat's mat"]


def fitted(**options):
    tokenizer = Tokenizer(**options)
    tokenizer.fit_on_texts(TEXTS)
    return tokenizer


def test_numbers_of_words():
    tokenizer = fitted(oov_token="?", num_words=5)
    assert tokenizer.word_index == {
        **{"?": 1, "the": 2, "sat": 3, "on": 4, "mat": 5, "cat": 6, "dog": 7},
        **{"down": 8, "cat's": 9},
    }
    sequences = tokenizer.texts_to_sequences(["the mat on a cat", ["sat"]])
    assert sequences == [[2, 1, 4, 1, 1], [3]]
    assert tokenizer.sequences_to_texts(sequences) == ["the ? on ? ?", "sat"]
    assert fitted().texts_to_sequences(["the mat on a cat"]) == [[1, 4, 3, 5]]
    assert tokenizer.word_docs["the"] == 2 and tokenizer.word_counts["the"] == 4
    twin = tokenizer_from_json(tokenizer.to_json())
    assert twin.texts_to_sequences(TEXTS) == tokenizer.texts_to_sequences(TEXTS)


ROWS = {
    "binary": [0, 1, 1, 0, 0],
    "count": [0, 2, 1, 0, 0],
    "freq": [0, 2 / 3, 1 / 3, 0, 0],
    "tfidf": [0, (1 + np.log(2)) * np.log(1 + 2 / 3), np.log(1 + 2 / 3), 0, 0],
}


@pytest.mark.parametrize("mode", ROWS)
def test_rows(mode):
    rows = fitted(num_words=5).texts_to_matrix(["the the sat dog", "?"], mode)
    np.testing.assert_allclose(rows, [ROWS[mode], np.zeros(5)])


def test_words():
    assert text_to_word_sequence("A\tb-c  D.", lower=False) == ["A", "b", "c", "D"]
    assert hashing_trick("the cat", 9, "md5") == [8, 1]
    assert all(1 <= k < 9 for k in one_hot(TEXTS[0], 9))


def test_mistakes():
    with pytest.raises(ValueError, match="mode must be one of binary"):
        fitted().texts_to_matrix(TEXTS, "counts")
    with pytest.raises(ValueError, match="give num_words"):
        Tokenizer().sequences_to_matrix([[1]])
    with pytest.raises(ValueError, match="tfidf"):
        Tokenizer(num_words=3).sequences_to_matrix([[1]], "tfidf")
