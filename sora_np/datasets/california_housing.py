"""California housing: 20,640 districts in 1990, 8 features, and the price of a house.

Source: R. K. Pace and R. Barry, "Sparse Spatial Autoregressions", Statistics and
Probability Letters 33 (1997); the file is Keras's.
"""

import os

from .npz import read_arrays
from .published import KERAS, Pair, PublishedFile, find, parted, shuffled

FEATURE_NAMES = (
    *("MedInc", "HouseAge", "AveRooms", "AveBedrms"),
    *("Population", "AveOccup", "Latitude", "Longitude"),
)

FILE = PublishedFile(
    f"{KERAS}california_housing.npz",
    2_000_000,
    "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
)


def load_data(
    version: str = "large",
    path: str | os.PathLike[str] = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> tuple[Pair, Pair]:
    """Return the training and the test set, as Keras does.

    Parameters
    ----------
    version : "large", or "small" for the first 600 districts
    path : of the file, or of the download; relative to the cache folder
    test_split : the share of districts in the test set, which are the last ones
    seed : of the order

    Returns
    -------
    x_train, y_train : (16512, 8), (16512,), dollars
    x_test, y_test : (4128, 8), (4128,)

    Raises
    ------
    FileNotFoundError : if the file is nowhere and could not be downloaded
    DataFileError : if it is not the published one

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
    """
    if version not in ("large", "small"):
        raise ValueError(f'version must be "large" or "small", got {version!r}')
    x, y = read_arrays(find("california_housing", FILE, path), ["x", "y"])
    count = 600 if version == "small" else len(x)
    ((x, y),) = shuffled(seed, (x[:count], y[:count]))
    train, test = parted(x, y, test_split)
    return train, test
