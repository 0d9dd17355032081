"""What recipes are whose networks answer with a picture: masks, or boxes."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from sora_np.models import Sequential

Images = NDArray[Any]


class Pictures(NamedTuple):
    """Arrays to train on, and others to test by.

    Attributes
    ----------
    x_train, y_train, x_test, y_test : (N, H, W, C), as ``fit`` takes them
    truth : what ``judge`` compares with, for each test picture
    groups : name -> which test pictures, where they are of several sorts
    """

    x_train: Images
    y_train: Images
    x_test: Images
    y_test: Images
    truth: Sequence[Any]
    groups: Mapping[str, slice] = {"in all": slice(None)}


class Judged(NamedTuple):
    """What a network's outputs are worth.

    Attributes
    ----------
    scores : name -> number, for all test pictures together
    rows : for each test picture a caption, and what is shown: name -> pixels
        (H, W, C) in [0, 1], C = 1 or 3
    """

    scores: Mapping[str, float]
    rows: Sequence[tuple[str, Mapping[str, Images]]]


class PictureRecipe(NamedTuple):
    """How to train on pictures of one data set.

    Attributes
    ----------
    data : the data and their split, in words
    epochs, batch_size : of ``fit``
    load : path -> the data; path is a folder that has them, or None for the package
        that brings them
    make : (input_shape, seed, steps) -> compiled model; steps is how many batches there
        will be in all, for a schedule
    judge : (outputs of the model for the test pictures, data) -> scores and pictures
    """

    data: str
    epochs: int
    batch_size: int
    load: Callable[[str | os.PathLike[str] | None], Pictures]
    make: Callable[[Sequence[int], int, int], Sequential]
    judge: Callable[[Images, Pictures], Judged]
