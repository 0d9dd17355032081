"""Trees from above: two aerial pictures of a forest, with a box of every tree.

They are examples of the package deepforest (Weinstein et al., 2020, Methods in Ecology
and Evolution 11), MIT licence, taken by the National Ecological Observatory Network in
Yellowstone, a pixel being 10 cm.  One shows an open wood, the other a dense forest.
"""

import os
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from sora_np.datasets.image import read_image

from .installed import find

WOOD = "data/2019_YELL_2_528000_4978000_image_crop2"
FOREST = "data/2019_YELL_2_541000_4977000_image_crop"
FILES = {
    f"{WOOD}.png": "a9bdb0f4447fdd899d22f567e0e20ba8320c5413b2ad0cd0ac8d9f3b6e0f9767",
    f"{WOOD}.xml": "bd431af6a5086d721eb731b22f5ea28cd8a8eab06883efc1c665391acbc68e11",
    f"{FOREST}.png": "178e58a23cc2642226a364a30f71bd9258ddc1b012c826f12250914a90c7a131",
    f"{FOREST}.xml": "cefe4b96888bacbf8af1674f000082e549aa707aa6590d545effb23e43f26631",
}
Part = tuple[NDArray[np.uint8], NDArray[np.int64]]


def load_data(path: str | os.PathLike[str] | None = None) -> tuple[Part, Part]:
    """Return both pictures, the open wood first, with the boxes of their trees.

    Parameters
    ----------
    path : a folder with the four files; by default the package deepforest

    Returns
    -------
    wood, boxes : bytes (2472, 2299, 3), and boxes (574, 4) as left, top, right,
        bottom
    forest, boxes : bytes (1035, 1249, 3), and boxes (279, 4)

    Raises
    ------
    ImportError : without the package, the extra ``trees``, or without Pillow
    FileNotFoundError, DataFileError : for a missing file, or another content

    Examples
    --------
    >>> (wood, boxes), (forest, others) = load_data()  # doctest: +SKIP
    """
    image, marks, other, others = find("deepforest", "trees", FILES, path)
    return _read(image, marks), _read(other, others)


def _read(image: Path, marks: Path) -> Part:
    boxes = [
        [int(box.findtext(side, "")) for side in ("xmin", "ymin", "xmax", "ymax")]
        for box in ElementTree.parse(marks).iter("bndbox")
    ]
    return read_image(image, "rgb", None)[0], np.array(boxes)
