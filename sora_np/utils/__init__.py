"""Functions that Keras users look for in ``keras.utils``.

``__init__.py`` has ``to_categorical``, ``normalize`` and ``set_random_seed``;
``images.py`` reads and writes single pictures, ``files.py`` downloads, and
``sequences.py`` makes one array of sequences.  Users call it, and ``keras/utils.py``.
"""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sora_np.common.arguments import as_count, classes_up_to
from sora_np.common.inputs import as_numbers
from sora_np.datasets.image_folder import image_dataset_from_directory

from .files import get_file
from .images import array_to_img, img_to_array, load_img, save_img
from .sequences import pad_sequences

__all__ = [
    "PyDataset",
    "Sequence",
    "array_to_img",
    "get_file",
    "image_dataset_from_directory",
    "img_to_array",
    "load_img",
    "normalize",
    "pad_sequences",
    "save_img",
    "set_random_seed",
    "to_categorical",
]


def to_categorical(
    x: ArrayLike, num_classes: int | None = None, dtype: DTypeLike = "float32"
) -> NDArray[Any]:
    """Return labels as one-hot rows.

    Parameters
    ----------
    x : labels (...) or (..., 1), whole numbers from 0
    num_classes : K; by default the largest label plus 1, up to 65,536
    dtype : of the result

    Returns
    -------
    array (..., K) : 1 at the label, otherwise 0

    Raises
    ------
    ValueError : for a label that is not a whole number from 0 to K - 1
    TypeError : for text, and for a num_classes that is not a number

    Examples
    --------
    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    labels = as_numbers(x, "labels")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is not None:
        num_classes = as_count(num_classes, "num_classes")
    with np.errstate(invalid="ignore"):  # NaN and infinity are not equal to it
        whole = labels.astype(np.int64)
    if not np.array_equal(whole, labels):
        raise ValueError(f"labels must be whole numbers, got {labels.dtype}")
    classes = num_classes or classes_up_to(whole.max(initial=-1))
    if whole.size and not (0 <= whole.min() and whole.max() < classes):
        raise ValueError(
            f"labels must lie in 0..{classes - 1}, got {whole.min()} to {whole.max()}: "
            "number them from 0, and give num_classes or leave it out"
        )
    one_hot = np.zeros((*labels.shape, classes), dtype)
    np.put_along_axis(one_hot, whole[..., None], 1, axis=-1)
    return one_hot


def normalize(x: ArrayLike, axis: int = -1, order: int = 2) -> NDArray[Any]:
    """Return x divided by its norms along an axis; x stays 0 where a norm is 0.

    Whole numbers become float64; float32 stays float32.

    Examples
    --------
    >>> normalize([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    array = np.atleast_1d(as_numbers(x, "x"))
    norms = np.linalg.norm(array, order, axis, keepdims=True)
    norms[norms == 0] = 1
    divided: NDArray[Any] = array / norms
    return divided


def set_random_seed(seed: int) -> None:
    """Seed the generators of Python (``random``) and of NumPy (``np.random``).

    This repeats shuffles and splits of your program.  Models do not use these
    generators: the weights, masks and order of samples of a model depend on its
    argument ``seed``, which is 0 by default.  Give ``Sequential(..., seed=1)`` for
    other weights.

    Parameters
    ----------
    seed : a whole number, 0 to 2**32 - 1

    Examples
    --------
    >>> set_random_seed(3)
    >>> first = np.random.rand(), random.random()
    >>> set_random_seed(3)
    >>> first == (np.random.rand(), random.random())
    True
    """
    if as_count(seed, "seed", 0) >= 2**32:
        raise ValueError(f"seed must be smaller than 2**32, got {seed}")
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002


class PyDataset:
    """A base class for sources of numbered batches, as in Keras.

    A subclass defines ``__len__``, the number of batches, and ``__getitem__``, which
    returns a batch (x, y) or (x, y, sample_weight).  ``fit`` gets them in any order.
    Any other class with both methods works, too.

    Examples
    --------
    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 2
    ...     def __getitem__(self, index):
    ...         x = np.arange(3 * index, 3 * index + 3)[:, None]
    ...         return x, x**2
    >>> Squares()[1][1].ravel()
    array([ 9, 16, 25])
    """

    def __init__(
        self,
        workers: int = 1,
        use_multiprocessing: bool = False,
        max_queue_size: int = 10,
    ) -> None:
        """Accept the arguments of Keras; they have no effect."""

    def __len__(self) -> int:
        """Return how many batches there are."""
        raise NotImplementedError(f"{type(self).__name__} must define __len__")

    def __getitem__(self, index: int) -> Any:
        """Return batch number ``index``."""
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__")

    def __iter__(self) -> Iterator[Any]:
        """Yield every batch once; without this method, loops would not end."""
        return (self[index] for index in range(len(self)))

    def on_epoch_end(self) -> None:
        """Do something between epochs, such as shuffling; called by ``fit``."""


Sequence = PyDataset  # the older name, which Keras still has
