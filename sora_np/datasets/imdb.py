"""IMDB: 50,000 reviews of films as numbers of words, each positive or negative.

Source: A. L. Maas et al., "Learning Word Vectors for Sentiment Analysis", ACL 2011,
https://ai.stanford.edu/~amaas/data/sentiment/; the numbers are Keras's file.
"""

import os

import numpy as np

from . import words
from .published import KERAS, Pair, PublishedFile, find, shuffled

CLASS_NAMES = ("negative", "positive")

FILE = PublishedFile(
    f"{KERAS}imdb.npz",
    20_000_000,
    "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
)
INDEX = PublishedFile(
    f"{KERAS}imdb_word_index.json", 2_000_000, "bfafd718b763782e994055a2d397834f"
)


def load_data(
    path: str | os.PathLike[str] = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[Pair, Pair]:
    """Return the training and the test set, as Keras does.

    Parameters
    ----------
    path : of the file, or of the download; relative to the cache folder
    num_words : keep only words with smaller numbers, the commonest; None for all
    skip_top : drop words with smaller numbers
    maxlen : leave out texts of so many words or more; None for no limit
    seed : of the order
    start_char : put before every text; None for nothing
    oov_char : replaces words that are not kept; None for nothing
    index_from : added to the number of every word: 0 is for padding, 1 the start, 2 a
        word that is not kept

    Returns
    -------
    x_train, y_train : objects (25000,), lists of numbers; int64 (25000,), 0 or 1
    x_test, y_test : the same of other films

    Raises
    ------
    FileNotFoundError : if the file is nowhere and could not be downloaded
    DataFileError : if it is not the published one

    Examples
    --------
    >>> (x_train, y_train), _ = load_data(num_words=10_000)  # doctest: +SKIP
    >>> x = pad_sequences(x_train, maxlen=200)  # doctest: +SKIP
    """
    arrays = words.read(
        find("imdb", FILE, path), ["x_train", "y_train", "x_test", "y_test"]
    )
    texts, labels, counts = [], [], []
    train, test = (arrays[0], arrays[1]), (arrays[2], arrays[3])
    for x, y in shuffled(seed, train, test):
        some, own = words.shorter(words.marked(x, start_char, index_from), y, maxlen)
        if not some:
            raise ValueError(
                f"no text has less than maxlen={maxlen} words: use a larger maxlen"
            )
        texts += some
        labels.append(own)
        counts.append(len(some))
    all_texts = words.as_objects(words.common(texts, num_words, skip_top, oov_char))
    y, cut = np.concatenate(labels), counts[0]
    return (all_texts[:cut], y[:cut]), (all_texts[cut:], y[cut:])


def get_word_index(
    path: str | os.PathLike[str] = "imdb_word_index.json",
) -> dict[str, int]:
    """Return word -> its number, to which ``load_data`` adds ``index_from``."""
    return words.word_index("imdb", INDEX, path)
