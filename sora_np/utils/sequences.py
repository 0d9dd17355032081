"""Sequences of different lengths as one array."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sora_np.common.arguments import as_count


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: DTypeLike = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> NDArray[Any]:
    """Return sequences as rows of one length, padded or truncated at one end.

    Parameters
    ----------
    sequences : lists or arrays (L, ...) of any lengths L
    maxlen : the length of the rows; None for that of the longest sequence
    dtype : of the result; object for text of any length
    padding, truncating : "pre", at the beginning, or "post", at the end
    value : fills missing elements

    Raises
    ------
    TypeError, ValueError : for other objects, and for elements of different shapes

    Examples
    --------
    >>> pad_sequences([[1], [2, 3, 4, 5]], maxlen=3)
    array([[0, 0, 1],
           [3, 4, 5]], dtype=int32)
    >>> pad_sequences([[1], [2, 3]], padding="post", value=-1)
    array([[ 1, -1],
           [ 2,  3]], dtype=int32)
    """
    for name, end in (("padding", padding), ("truncating", truncating)):
        if end not in ("pre", "post"):
            raise ValueError(f'{name} must be "pre" or "post", got {end!r}')
    for k, sequence in enumerate(sequences):
        if not hasattr(sequence, "__len__") or isinstance(sequence, (str, bytes)):
            raise ValueError(
                f"sequences must hold lists or arrays, got {sequence!r:.80} at {k}"
            )
    if maxlen is None:
        maxlen = max(map(len, sequences), default=0)
    length = as_count(maxlen, "maxlen", 0)
    is_text = np.issubdtype(dtype, np.str_) or np.issubdtype(dtype, np.bytes_)
    if isinstance(value, str) and np.dtype(dtype) != object and not is_text:
        raise ValueError(
            f"value={value!r} is text, which {np.dtype(dtype)} cannot hold: take "
            "dtype=object"
        )
    shape = next((np.shape(s)[1:] for s in sequences if len(s)), ())
    padded = np.full((len(sequences), length, *shape), value, dtype)
    for k, sequence in enumerate(sequences):
        cut = max(len(sequence) - length, 0)
        part = sequence[cut:] if truncating == "pre" else sequence[:length]
        kept = np.asarray(part, dtype)
        if len(kept) and kept.shape[1:] != shape:
            raise ValueError(
                f"the elements of sequence {k} have the shape {kept.shape[1:]}, those "
                f"before {shape}"
            )
        if len(kept):
            start = length - len(kept) if padding == "pre" else 0
            padded[k, start : start + len(kept)] = kept
    return padded
