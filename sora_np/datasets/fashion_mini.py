"""A part of Fashion-MNIST: 12,000 of its pictures, which come with the package.

It has the first 1,000 pictures of each class in the training file, and the first 200 of
each in the test file, all in the original order. Accuracies on it are not accuracies on
Fashion-MNIST: say which set a number comes from.

Source: `sora_np.datasets.fashion_mnist`. Copyright 2017 Zalando SE, MIT licence, whose
text is in the archive. From a folder with the four original files,
`python -m sora_np.datasets.fashion_mini FOLDER OUT.npz` makes the archive again.
"""

import hashlib
import io
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import fashion_mnist
from .fashion_mnist import CLASS_NAMES
from .fetch import Split
from .idx import DataFileError

__all__ = ["CLASS_NAMES", "build", "load_data"]

ARCHIVE = Path(__file__).with_name("fashion_mini.npz")
ARCHIVE_SHA256 = "1ba931fe5e19c5cda84f3b63069e5f8e27db174ad3da985062300b154de35105"

LICENSE = """\
A part of Fashion-MNIST, https://github.com/zalandoresearch/fashion-mnist

The MIT License (MIT)

Copyright © 2017 Zalando SE, https://tech.zalando.com

Permission is hereby granted, free of charge, to any person obtaining a copy of this
software and associated documentation files (the "Software"), to deal in the Software
without restriction, including without limitation the rights to use, copy, modify,
merge, publish, distribute, sublicense, and/or sell copies of the Software, and to
permit persons to whom the Software is furnished to do so, subject to the following
conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED,
INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR
PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE
LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT
OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR
OTHER DEALINGS IN THE SOFTWARE.
"""


def load_data() -> tuple[Split, Split]:
    """Return the training and the test set, in the form of Keras.

    Returns
    -------
    x_train, y_train : array of uint8 (10000, 28, 28), array of uint8 (10000,)
    x_test, y_test : array of uint8 (2000, 28, 28), array of uint8 (2000,)

    Raises
    ------
    DataFileError
        If the archive in the package is damaged.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, y_train.shape, x_test.shape, y_test.shape
    ((10000, 28, 28), (10000,), (2000, 28, 28), (2000,))
    >>> CLASS_NAMES[y_train[0]]
    'Ankle boot'
    """
    content = ARCHIVE.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != ARCHIVE_SHA256:
        raise DataFileError(
            ARCHIVE,
            f"its SHA-256 is {digest}, expected {ARCHIVE_SHA256}; install sora_np anew",
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return (
            (arrays["x_train"], arrays["y_train"]),
            (arrays["x_test"], arrays["y_test"]),
        )


def build(originals: str | os.PathLike[str], out: str | os.PathLike[str]) -> str:
    """Write the archive, the same bytes every time, and return its SHA-256.

    Parameters
    ----------
    originals : path-like
        A folder with the four files of Fashion-MNIST.
    out : path-like
        The .npz to write. Its bytes, not its arrays, depend on the version of zlib.

    Returns
    -------
    str
        In hexadecimal.

    Raises
    ------
    FileNotFoundError, DataFileError
        If the originals are missing or damaged.

    Examples
    --------
    >>> build("/usr/share/datasets/fashion-mnist", "mini.npz")  # doctest: +SKIP
    """
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data(originals)
    train, test = _first_of_each(y_train, 1000), _first_of_each(y_test, 200)
    members = {
        "LICENSE.txt": LICENSE.encode(),
        "x_train.npy": _npy(x_train[train]),
        "y_train.npy": _npy(y_train[train]),
        "x_test.npy": _npy(x_test[test]),
        "y_test.npy": _npy(y_test[test]),
    }
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)  # dated 1980-01-01
            info.create_system = 3  # Unix, wherever it is made
            archive.writestr(info, content, zipfile.ZIP_DEFLATED, 9)
    return hashlib.sha256(Path(out).read_bytes()).hexdigest()


def _first_of_each(y: NDArray[np.uint8], count: int) -> NDArray[np.intp]:
    """Return, ascending, where the first `count` labels of each class stand."""
    firsts = [np.flatnonzero(y == label)[:count] for label in range(len(CLASS_NAMES))]
    return np.sort(np.concatenate(firsts))


def _npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m sora_np.datasets.fashion_mini FOLDER OUT.npz")
    print(build(sys.argv[1], sys.argv[2]))
