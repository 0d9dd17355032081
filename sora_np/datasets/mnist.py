"""MNIST: 70,000 grey pictures of handwritten digits, 28x28.

Source: Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten
digits", http://yann.lecun.com/exdb/mnist/; the method is that of Y. LeCun, L. Bottou,
Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86 (1998). Copyright Y. LeCun and C. Cortes; a derivative of
NIST's data; licence CC BY-SA 3.0, as Keras's documentation states it.
"""

import os

from .fetch import IdxDataSet, IdxFile, Split, load

CLASS_NAMES = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")

DATA_SET = IdxDataSet(
    name="MNIST",
    url="https://ossci-datasets.s3.amazonaws.com/mnist/",
    files=(
        IdxFile(
            "train-images-idx3-ubyte",
            (60000, 28, 28),
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        IdxFile(
            "train-labels-idx1-ubyte",
            (60000,),
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        IdxFile(
            "t10k-images-idx3-ubyte",
            (10000, 28, 28),
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte",
            (10000,),
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
)


def load_data(path: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Return the training and the test set, as Keras does.

    Parameters
    ----------
    path : path-like, optional
        The folder that holds the four IDX files, with or without .gz. Without it they
        come from the cache, or by download into it.

    Returns
    -------
    x_train, y_train : array of uint8 (60000, 28, 28), array of uint8 (60000,)
    x_test, y_test : array of uint8 (10000, 28, 28), array of uint8 (10000,)

    Raises
    ------
    FileNotFoundError
        If the files are nowhere and could not be downloaded.
    DataFileError
        If a file is not the published one.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
    >>> CLASS_NAMES[9]
    '9'
    """
    return load(DATA_SET, path)
