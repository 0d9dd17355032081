"""Nuclei of cells: one micrograph of 512x512 pixels, with a mask of every nucleus.

It is the example of the package stardist (Schmidt, Weigert, Broaddus & Myers, 2018,
arXiv:1806.03535), BSD-3-Clause licence.  The left three quarters are for training, the
right quarter is for testing: parts of one picture, so a figure on them says nothing
about other microscopes.
"""

import os

import numpy as np
from numpy.typing import NDArray

from sora_np.datasets.image import pillow

from .installed import find

FILES = {
    "data/images/img2d.tif": (
        "f9ccc1571b92c861ff87e28463068b43f61bd47357ed0503f711e5cd1eb97750"
    ),
    "data/images/mask2d.tif": (
        "59ad5e820b7982ca9d13e946fa6e7f64e2714899e00a2ae6c69aa79aad53d46f"
    ),
}
CUT = 384  # the first column for testing
Part = tuple[NDArray[np.uint8], NDArray[np.uint16]]


def load_data(path: str | os.PathLike[str] | None = None) -> tuple[Part, Part]:
    """Return the picture and its mask, in a part for training and one for testing.

    Parameters
    ----------
    path : a folder with img2d.tif and mask2d.tif; by default the package stardist

    Returns
    -------
    x_train, y_train : bytes (512, 384), and the number of the nucleus of each pixel, 0
        for none
    x_test, y_test : (512, 128) likewise

    Raises
    ------
    ImportError : without the package, the extra ``nuclei``, or without Pillow
    FileNotFoundError, DataFileError : for a missing file, or another content

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
    """
    image = pillow().Image
    both = []
    for file in find("stardist", "nuclei", FILES, path):
        with image.open(file, formats=("TIFF",)) as opened:
            both.append(np.asarray(opened))
    x, y = both[0].astype(np.uint8), both[1].astype(np.uint16)
    return (x[:, :CUT], y[:, :CUT]), (x[:, CUT:], y[:, CUT:])
