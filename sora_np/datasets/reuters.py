"""Reuters: 11,228 short texts of news as numbers of words, in 46 topics.

Source: D. D. Lewis, "Reuters-21578 Text Categorization Collection" (1997); the numbers
are Keras's file, and the names of topics those of https://martin-thoma.com/nlp-reuters/.
"""

import os

import numpy as np

from . import words
from .published import KERAS, Pair, PublishedFile, find, parted, shuffled

CLASS_NAMES = tuple(
    """
    cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade
    reserves ship cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed alum
    oilseed gold tin strategic-metal livestock retail ipi iron-steel rubber heat jobs
    lei bop zinc orange pet-chem dlr gas silver wpi hog lead
    """.split()
)

FILE = PublishedFile(
    f"{KERAS}reuters.npz",
    5_000_000,
    "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
)
INDEX = PublishedFile(
    f"{KERAS}reuters_word_index.json", 2_000_000, "4d44cc38712099c9e383dc6e5f11a921"
)


def load_data(
    path: str | os.PathLike[str] = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[Pair, Pair]:
    """Return the training and the test set, as Keras does.

    Parameters
    ----------
    path, num_words, skip_top, maxlen, seed, start_char, oov_char, index_from : as in
        :func:`sora_np.datasets.imdb.load_data`
    test_split : the share of texts in the test set, which are the last ones

    Returns
    -------
    x_train, y_train : objects (8982,), lists of numbers; int64 (8982,), 0 to 45
    x_test, y_test : (2246,)

    Raises
    ------
    FileNotFoundError : if the file is nowhere and could not be downloaded
    DataFileError : if it is not the published one

    Examples
    --------
    >>> (x_train, y_train), _ = load_data(num_words=10_000)  # doctest: +SKIP
    >>> CLASS_NAMES[3]
    'earn'
    """
    x, y = words.read(find("reuters", FILE, path), ["x", "y"])
    ((x, y),) = shuffled(seed, (x, y))
    texts, y = words.shorter(words.marked(x, start_char, index_from), y, maxlen)
    kept = words.as_objects(words.common(texts, num_words, skip_top, oov_char))
    train, test = parted(kept, np.asarray(y), test_split)
    return train, test


def get_word_index(
    path: str | os.PathLike[str] = "reuters_word_index.json",
) -> dict[str, int]:
    """Return word -> its number, to which ``load_data`` adds ``index_from``."""
    return words.word_index("reuters", INDEX, path)


def get_label_names() -> tuple[str, ...]:
    """Return the names of the topics, in the order of their labels."""
    return CLASS_NAMES
