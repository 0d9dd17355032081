"""Fashion-MNIST: 70,000 grey pictures of clothes, 28x28, in ten classes.

Source: H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for
Benchmarking Machine Learning Algorithms", arXiv:1708.07747 (2017),
https://github.com/zalandoresearch/fashion-mnist. Copyright 2017 Zalando SE, MIT
licence. Debian and Ubuntu have it: `apt install dataset-fashion-mnist`.
"""

import os

from .fetch import IdxDataSet, IdxFile, Split, load

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

DATA_SET = IdxDataSet(
    name="Fashion-MNIST",
    url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    files=(
        IdxFile(
            "train-images-idx3-ubyte",
            (60000, 28, 28),
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        IdxFile(
            "train-labels-idx1-ubyte",
            (60000,),
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
        IdxFile(
            "t10k-images-idx3-ubyte",
            (10000, 28, 28),
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte",
            (10000,),
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
    package="dataset-fashion-mnist",
    package_folder="/usr/share/datasets/fashion-mnist",
)


def load_data(path: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Return the training and the test set, as Keras does.

    Parameters
    ----------
    path : path-like, optional
        The folder that holds the four IDX files, with or without .gz. Without it they
        come from the cache, from Debian's package, or by download into the cache.

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
    'Ankle boot'
    """
    return load(DATA_SET, path)
