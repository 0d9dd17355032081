"""The parts of recipes whose networks predict masks or boxes."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from sora_np.models import Sequential

Images = NDArray[Any]


class Pictures(NamedTuple):
    """Training data and test data.

    Attributes
    ----------
    x_train, y_train, x_test, y_test : (N, H, W, C), as ``fit`` takes them
    truth : for each test picture, the truth that ``judge`` compares with
    groups : name -> the test pictures of this group
    """

    x_train: Images
    y_train: Images
    x_test: Images
    y_test: Images
    truth: Sequence[Any]
    groups: Mapping[str, slice] = {"in all": slice(None)}


class Judged(NamedTuple):
    """Scores of a network's outputs, and pictures to show.

    Attributes
    ----------
    scores : name -> number, for all test pictures together
    rows : for each test picture a caption, and pictures to show: name -> pixels
        (H, W, C) in [0, 1], C = 1 or 3
    """

    scores: Mapping[str, float]
    rows: Sequence[tuple[str, Mapping[str, Images]]]


class PictureRecipe(NamedTuple):
    """How to train on pictures of one data set.

    Attributes
    ----------
    data : the data and their split, in words
    epochs, batch_size : arguments of ``fit``
    load : path -> the data; path is a folder with the data, or None for the Python
        package that contains them
    make : (input_shape, seed, steps) -> compiled model; steps is the number of batches
        in all epochs, for a schedule
    judge : (outputs of the model for the test pictures, data) -> scores and pictures
    """

    data: str
    epochs: int
    batch_size: int
    load: Callable[[str | os.PathLike[str] | None], Pictures]
    make: Callable[[Sequence[int], int, int], Sequential]
    judge: Callable[[Images, Pictures], Judged]
