"""Data sets: arrays as Keras returns them, from verified files, or drawn.

====================  ======================================================
`fashion_mini`        10,000 + 2,000 clothes, 28x28; comes with the package
`fashion_mnist`       60,000 + 10,000 clothes, 28x28; Debian package or download
`mnist`               60,000 + 10,000 handwritten digits, 28x28; download
`kmnist`              60,000 + 10,000 Japanese letters, 28x28; download
`emnist`              letters and digits, 28x28, in six sets; download
`cifar10`             50,000 + 10,000 colour photos, 32x32; download
`cifar100`            the same size, 100 classes in 20 groups; download
`imdb`                25,000 + 25,000 reviews as numbers of words; download
`reuters`             11,228 texts of news, 46 topics; download
`california_housing`  20,640 districts, prices of houses; download
`boston_housing`      506 places, prices of houses; download
`shapes`              coloured discs, squares, triangles; two moons: drawn
====================  ======================================================

Each has `load_data()`, with Keras's arguments if Keras has the data set; most have
`CLASS_NAMES`.  These modules read your own files, with a clear error for every fault:

====================  ======================================================
`idx`                 arrays in the format in which MNIST is published
`npz`                 x_train, y_train, x_test and y_test of `np.savez`
`table`               columns of numbers in text, with a target: CSV
`image_folder`        images in folders, one folder for each class
====================  ======================================================

A module is imported when it is first used.  Open `mnist` first.  Shared files: `fetch`
and `published` find or download files and verify them; `cifar` and `words` have the
common code of two data sets each; `pickles` reads pickled data without running
anything; `image` reads one image, `image_files` searches folders for images, and
`pipeline` has the operations on batches.  The folder ``pictures/`` has pictures with
masks and boxes.  Users, ``command/`` and ``recipes/`` call these modules.

Examples
--------
>>> from sora_np.datasets import fashion_mini
>>> (x_train, y_train), (x_test, y_test) = fashion_mini.load_data()
>>> x_train.shape, x_test.shape
((10000, 28, 28), (2000, 28, 28))
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import (
        boston_housing,
        california_housing,
        cifar10,
        cifar100,
        emnist,
        fashion_mini,
        fashion_mnist,
        idx,
        image_folder,
        imdb,
        kmnist,
        mnist,
        npz,
        reuters,
        shapes,
        table,
    )

__all__ = [
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "emnist",
    "fashion_mini",
    "fashion_mnist",
    "idx",
    "image_folder",
    "imdb",
    "kmnist",
    "mnist",
    "npz",
    "reuters",
    "shapes",
    "table",
]


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
