"""Folders of images for the command: for training, tests and predictions."""

import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sora_np.datasets.image import MODES, TOGETHER, read_images
from sora_np.datasets.image_files import image_files
from sora_np.datasets.image_folder import ImageFolder
from sora_np.kernels.machine.arrays import Shape
from sora_np.layers import (
    Input,
    Layer,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
    Rescaling,
)
from sora_np.models import Sequential
from sora_np.utils import image_dataset_from_directory

COLOURS = {len(letters): mode for mode, letters in MODES.items()}  # by their channels
Form = tuple[str, tuple[int, int]]  # the colours and the size of images


def training_folders(
    path: Path, size: int, share: float, seed: int
) -> tuple[ImageFolder, ImageFolder]:
    """Return the images for training, and a share of every class for tests."""
    folder = _folder(path, ("rgb", (size, size)), label_mode="categorical")
    return folder.split(share, seed)


def test_folder(path: Path, model: Sequential) -> ImageFolder:
    """Return the images for tests, with the model's labels of their class names.

    Raises ValueError for a class that the model does not know.
    """
    folder = _folder(path, form_of(model), label_mode="int")
    names = model.class_names
    if names is None:
        return folder
    if unknown := [name for name in folder.class_names if name not in names]:
        raise ValueError(
            f"{path} has the folder {unknown[0]!r}, and the model knows the classes "
            f"{', '.join(names)}"
        )
    own = np.array([names.index(name) for name in folder.class_names])
    folder.labels, folder.class_names = own[folder.labels], list(names)
    return folder


def _folder(path: Path, form: Form, label_mode: str) -> ImageFolder:
    """Read a folder into memory, and report skipped files at once."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*the report of what is returned says more")
        folder = image_dataset_from_directory(
            path,
            label_mode=label_mode,
            color_mode=form[0],
            image_size=form[1],
            shuffle=False,
        )
    print(f"{path}: {folder.report}", file=sys.stderr)
    cached: ImageFolder = folder.cache()
    return cached


def form_of(model: Sequential) -> Form:
    """Return the form of a model's input images."""
    shape: Shape = model.sample_shape or ()
    grey = len(shape) == 2  # images without a channel axis
    channels = 1 if grey else shape[2] if len(shape) == 3 else 0
    if channels not in COLOURS:
        raise ValueError(f"this model takes {shape}, not grey or colour images")
    return COLOURS[channels], (shape[0], shape[1])


def with_front(model: Sequential, scales: bool, augments: bool) -> Sequential:
    """Return a compiled model with added first layers, for bytes and augmentation."""
    front: list[Layer] = [Rescaling(1 / 255)] if scales else []
    if augments:
        front += [RandomFlip("horizontal"), RandomRotation(0.05)]
        front += [RandomTranslation(0.1, 0.1), RandomZoom(0.1)]
    if not front:
        return model
    layers = [Input(model.sample_shape), *front, *model.layers]
    changed = Sequential(layers, name=model.name, seed=model.seed)
    assert model.optimizer is not None  # a recipe compiles
    changed.compile(model.optimizer, model.loss, metrics=["accuracy"])
    return changed


def found(paths: Sequence[Path]) -> list[Path]:
    """Return files; each folder is replaced by the images in it.

    Raises ValueError for a folder without one.
    """
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = [*image_files(path, Counter())]
        if not inside:
            raise ValueError(f"{path} holds no image: files such as .jpg are expected")
        files += inside
    return files


def batches(
    files: Sequence[Path], form: Form
) -> Iterator[tuple[Sequence[Path], NDArray[np.uint8], list[str | None]]]:
    """Yield some of the files, the images of those that can be read, and all errors."""
    for start in range(0, len(files), TOGETHER):
        some = files[start : start + TOGETHER]
        read = [*read_images(some, *form)]
        images = [image[0] for image in read if not isinstance(image, Exception)]
        errors = [str(one) if isinstance(one, Exception) else None for one in read]
        yield some, np.array(images, np.uint8), errors
