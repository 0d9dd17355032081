"""Kuzushiji-MNIST: 70,000 grey pictures of Japanese handwriting, 28x28, in ten classes.

Source: T. Clanuwat et al., "Deep Learning for Classical Japanese Literature",
arXiv:1812.01718 (2018), https://github.com/rois-codh/kmnist; licence CC BY-SA 4.0.
"""

import os

from .fetch import IdxDataSet, IdxFile, Split, load

CLASS_NAMES = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")

DATA_SET = IdxDataSet(
    name="KMNIST",
    url="http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    files=(
        IdxFile(
            "train-images-idx3-ubyte",
            (60000, 28, 28),
            gz_sha256="51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        ),
        IdxFile(
            "train-labels-idx1-ubyte",
            (60000,),
            gz_sha256="e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        ),
        IdxFile(
            "t10k-images-idx3-ubyte",
            (10000, 28, 28),
            gz_sha256="edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte",
            (10000,),
            gz_sha256="20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
    ),
)


def load_data(path: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Return the training and the test set, in the form of ``mnist.load_data``.

    Parameters
    ----------
    path : the folder that holds the four .gz files; without it they come from the
        cache, or by download into it

    Returns
    -------
    x_train, y_train : uint8 (60000, 28, 28), uint8 (60000,)
    x_test, y_test : uint8 (10000, 28, 28), uint8 (10000,)

    Raises
    ------
    FileNotFoundError : if the files are nowhere and could not be downloaded
    DataFileError : if a file is not the published one

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
    >>> CLASS_NAMES[9]
    'wo'
    """
    return load(DATA_SET, path)
