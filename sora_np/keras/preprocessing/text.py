"""Keras's ``keras.preprocessing.text``: words of texts as numbers, and as rows.

``Tokenizer`` counts words, numbers them from 1 by how frequent they are, and makes rows
of them for a network of dense layers:

>>> tokenizer = Tokenizer()
>>> tokenizer.fit_on_texts(["The cat sat.", "The dog sat on the cat!"])
>>> tokenizer.word_index
{'the': 1, 'cat': 2, 'sat': 3, 'dog': 4, 'on': 5}
>>> tokenizer.texts_to_sequences(["the dog sat", "a dog"])
[[1, 4, 3], [4]]
>>> tokenizer.texts_to_matrix(["the dog and the cat"], mode="count")
array([[0., 2., 1., 0., 1., 0.]])
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
MODES = "binary", "count", "freq", "tfidf"


def text_to_word_sequence(
    input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " "
) -> list[str]:
    """Return the words of a text, without the characters of ``filters``.

    >>> text_to_word_sequence("Good work, well done!")
    ['good', 'work', 'well', 'done']
    """
    text = input_text.lower() if lower else input_text
    text = text.translate(dict.fromkeys(map(ord, filters), split))
    return [word for word in text.split(split) if word]


def hashing_trick(
    text: str,
    n: int,
    hash_function: str | Callable[[str], int] | None = None,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], Sequence[str]] | None = None,
) -> list[int]:
    """Return a number from 1 to n - 1 for each word; two words may share one.

    Parameters
    ----------
    hash_function : a function of a word; "md5" gives the same numbers in every process;
        None is Python's ``hash``, which does not

    Examples
    --------
    >>> hashing_trick("well done", 50, "md5") == hashing_trick("Well, done", 50, "md5")
    True
    """
    of: Any = hash_function or hash
    if of == "md5":
        of = _md5
    words = (
        text_to_word_sequence(text, filters, lower, split)
        if analyzer is None
        else analyzer(text)
    )
    return [of(word) % (n - 1) + 1 for word in words]


def one_hot(
    input_text: str,
    n: int,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], Sequence[str]] | None = None,
) -> list[int]:
    """Return ``hashing_trick`` by Python's ``hash``: numbers of words, no rows."""
    return hashing_trick(input_text, n, None, filters, lower, split, analyzer)


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


class Tokenizer:
    """Numbers the words of texts, the most frequent first; 0 is no word.

    Parameters
    ----------
    num_words : keep only the words of numbers below this one; None for all
    filters, lower, split : see ``text_to_word_sequence``
    char_level : whether each character counts as a word
    oov_token : a word that takes the place of those that are not kept, with the number
        1; None to leave them out
    analyzer : a function that returns the words of a text

    Attributes
    ----------
    word_counts : word -> how often it occurs
    word_docs : word -> in how many texts it occurs
    word_index, index_word : word -> number, and number -> word
    index_docs : number -> in how many texts it occurs
    document_count : how many texts there were
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        document_count: int = 0,
        analyzer: Callable[[str], Sequence[str]] | None = None,
    ) -> None:
        self.num_words, self.filters, self.lower = num_words, filters, lower
        self.split, self.char_level, self.oov_token = split, char_level, oov_token
        self.document_count, self.analyzer = document_count, analyzer
        self.word_counts: Counter[str] = Counter()
        self.word_docs: Counter[str] = Counter()
        self.index_docs: Counter[int] = Counter()
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Count and number the words of texts, or of lists of words."""
        for text in texts:
            words = self._words(text)
            self.document_count += 1
            self.word_counts.update(words)
            self.word_docs.update(set(words))
        first = [] if self.oov_token is None else [self.oov_token]
        words = [*first, *(word for word, _ in self.word_counts.most_common())]
        self.word_index = {w: k for k, w in enumerate(dict.fromkeys(words), 1)}
        self.index_word = {k: w for w, k in self.word_index.items()}
        self.index_docs = Counter(
            {self.word_index[w]: count for w, count in self.word_docs.items()}
        )

    def fit_on_sequences(self, sequences: Iterable[Sequence[int]]) -> None:
        """Count in how many sequences each number occurs, for ``mode="tfidf"``."""
        for sequence in sequences:
            self.document_count += 1
            self.index_docs.update(set(sequence))

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """Return the numbers of the words that are kept, a list for each text."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """Yield the numbers of the words that are kept, a list for each text."""
        oov = self.word_index.get(self.oov_token) if self.oov_token else None
        for text in texts:
            found = (self.word_index.get(word) for word in self._words(text))
            kept = (k if k is not None and self._keeps(k) else oov for k in found)
            yield [k for k in kept if k is not None]

    def sequences_to_texts(self, sequences: Iterable[Sequence[int]]) -> list[str]:
        """Return texts of the words that are kept, with blanks between them."""
        texts = []
        for sequence in sequences:
            words = (
                self.index_word.get(k) if self._keeps(k) else None for k in sequence
            )
            kept = (self.oov_token if word is None else word for word in words)
            texts.append(" ".join(word for word in kept if word is not None))
        return texts

    def texts_to_matrix(
        self, texts: Iterable[Any], mode: str = "binary"
    ) -> NDArray[np.float64]:
        """Return a row for each text: see ``sequences_to_matrix``."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(
        self, sequences: Sequence[Sequence[int]], mode: str = "binary"
    ) -> NDArray[np.float64]:
        """Return a row (num_words,) for each sequence of numbers.

        Parameters
        ----------
        mode : "binary", 1 where a number occurs; "count", how often; "freq", its share
            of the sequence; "tfidf", (1 + ln count) * ln(1 + texts / (1 + texts with
            it))

        Raises
        ------
        ValueError : for another mode; without num_words before ``fit_on_texts``; for
            "tfidf" before texts or sequences were counted

        Examples
        --------
        >>> Tokenizer(num_words=4).sequences_to_matrix([[1, 3, 3, 7]], mode="count")
        array([[0., 1., 0., 2.]])
        """
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")
        if not self.num_words and not self.word_index:
            raise ValueError("give num_words, or call fit_on_texts before")
        if mode == "tfidf" and not self.document_count:
            raise ValueError('mode="tfidf" needs counts: call fit_on_texts before')
        rows = np.zeros((len(sequences), self.num_words or len(self.word_index) + 1))
        for row, sequence in zip(rows, sequences, strict=True):
            for k, count in Counter(sequence).items():
                if self._keeps(k):
                    row[k] = self._entry(mode, k, count, len(sequence))
        return rows

    def _entry(self, mode: str, k: int, count: int, length: int) -> float:
        if mode == "tfidf":
            rare = np.log(1 + self.document_count / (1 + self.index_docs[k]))
            return float((1 + np.log(count)) * rare)
        return {"binary": 1, "count": count, "freq": count / length}[mode]

    def _keeps(self, k: int) -> bool:
        return not self.num_words or k < self.num_words

    def _words(self, text: Any) -> list[str]:
        """Return the words of a text, or of a list of words."""
        if self.char_level or isinstance(text, (list, tuple)):
            return [word.lower() if self.lower else word for word in text]
        if self.analyzer is not None:
            return list(self.analyzer(text))
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def get_config(self) -> dict[str, Any]:
        """Return arguments and counts as plain values."""
        return {
            name: dict(value) if isinstance(value, dict) else value
            for name, value in vars(self).items()
            if name != "analyzer"
        }

    def to_json(self, **options: Any) -> str:
        """Return class and config as a text; ``tokenizer_from_json`` reads it."""
        config = {"class_name": "Tokenizer", "config": self.get_config()}
        return json.dumps(config, **options)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """Return the tokenizer that ``Tokenizer.to_json`` described.

    >>> tokenizer = Tokenizer()
    >>> tokenizer.fit_on_texts(["a cat"])
    >>> tokenizer_from_json(tokenizer.to_json()).texts_to_sequences(["cat"])
    [[2]]
    """
    config = json.loads(json_string)["config"]
    made = Tokenizer()
    for name in vars(made):
        if name not in config:
            continue
        value = config[name]
        if name in ("index_word", "index_docs"):
            value = {int(k): v for k, v in value.items()}
        is_counter = isinstance(getattr(made, name), Counter)
        setattr(made, name, Counter(value) if is_counter else value)
    return made
