"""CIFAR-10: 60,000 colour photos, 32x32, in ten classes.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009),
https://www.cs.toronto.edu/~kriz/cifar.html.  Some of its labels are wrong: C. G.
Northcutt et al. (2021), arXiv:2103.14749, count 0.54 % of the test set.
"""

import os

from .cifar import batches
from .published import Pair, PublishedFile, find

CLASS_NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)

FILE = PublishedFile(
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    180_000_000,
    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
)
TRAIN = [f"cifar-10-batches-py/data_batch_{k}" for k in range(1, 6)]
TEST = ["cifar-10-batches-py/test_batch"]


def load_data(path: str | os.PathLike[str] | None = None) -> tuple[Pair, Pair]:
    """Return the training and the test set, as Keras does.

    Parameters
    ----------
    path : of cifar-10-python.tar.gz, or of its folder; without it, it comes from the
        cache, or by download into it

    Returns
    -------
    x_train, y_train : uint8 (50000, 32, 32, 3), uint8 (50000, 1)
    x_test, y_test : uint8 (10000, 32, 32, 3), uint8 (10000, 1)

    Raises
    ------
    FileNotFoundError : if the file is nowhere and could not be downloaded
    DataFileError : if it is not the published one

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
    >>> CLASS_NAMES[3]
    'cat'
    """
    archive = find("cifar10", FILE, path)
    train, test = batches(archive, [TRAIN, TEST], "labels")
    return train, test
