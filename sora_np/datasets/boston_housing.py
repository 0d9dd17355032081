"""Boston housing: 506 places in 1978, 13 features, and the price of a house in k$.

One of its features is computed from the share of Black people in a place, by an
unproven assumption of the authors: M. Carlisle, "Racist data destruction?" (2019).
Scikit-learn has therefore removed this data set; `california_housing` with
version="small" has about the same size.

Source: D. Harrison and D. L. Rubinfeld, "Hedonic Housing Prices and the Demand for
Clean Air", Journal of Environmental Economics and Management 5 (1978); the file is
Keras's.
"""

import os

from .npz import read_arrays
from .published import KERAS, Pair, PublishedFile, find, parted, shuffled

FEATURE_NAMES = tuple(
    "CRIM ZN INDUS CHAS NOX RM AGE DIS RAD TAX PTRATIO B LSTAT".split()
)

FILE = PublishedFile(
    f"{KERAS}boston_housing.npz",
    200_000,
    "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
)


def load_data(
    path: str | os.PathLike[str] = "boston_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> tuple[Pair, Pair]:
    """Return the training and the test set, as Keras does.

    Parameters
    ----------
    path : of the file, or of the download; relative to the cache folder
    test_split : the share of places in the test set, which are the last ones
    seed : of the order

    Returns
    -------
    x_train, y_train : (404, 13), (404,), thousands of dollars
    x_test, y_test : (102, 13), (102,)

    Raises
    ------
    FileNotFoundError : if the file is nowhere and could not be downloaded
    DataFileError : if it is not the published one

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
    """
    x, y = read_arrays(find("boston_housing", FILE, path), ["x", "y"])
    ((x, y),) = shuffled(seed, (x, y))
    train, test = parted(x, y, test_split)
    return train, test
