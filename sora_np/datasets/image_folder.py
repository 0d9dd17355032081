"""Images in folders, one folder a class, read while they are trained on."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.warn import warn
from sora_np.windows import as_count, as_flag, as_pair

from .idx import DataFileError
from .image import MODES, pillow, read_image

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


class ImageReport(NamedTuple):
    """What was found in a folder; ``print`` shows it.

    Attributes
    ----------
    images : how many can be read
    skipped : file -> why it cannot
    converted : what was done to some images -> how many
    other_files : how many are no images by their names
    empty_classes : folders without an image that can be read
    """

    images: int
    skipped: dict[str, str]
    converted: dict[str, int]
    other_files: int
    empty_classes: list[str]

    def __str__(self) -> str:
        lines = [f"{self.images} images, {self.other_files} other files"]
        lines += [f"skipped {file}: {why}" for file, why in self.skipped.items()]
        lines += [f"{what}: {count}" for what, count in self.converted.items()]
        lines += [f"no images of {name!r}" for name in self.empty_classes]
        return "\n  ".join(lines)


class ImageFolder:
    """Batches of images from files, and their labels: a source for ``fit``.

    Attributes
    ----------
    file_paths, labels : of every image, (N,)
    class_names : what the labels stand for
    report : what was found, skipped and converted
    """

    def __init__(
        self,
        file_paths: Sequence[Path],
        labels: NDArray[np.int64],
        class_names: list[str],
        report: ImageReport,
        *,
        label_mode: str | None,
        color_mode: str,
        image_size: tuple[int, int],
        batch_size: int,
        shuffle: bool,
        seed: int,
    ) -> None:
        self.file_paths, self.labels = list(file_paths), labels
        self.class_names, self.report = class_names, report
        self.label_mode, self.color_mode = label_mode, color_mode
        self.image_size, self.batch_size = image_size, batch_size
        self._order = np.arange(len(file_paths))
        self._rng = np.random.default_rng(seed) if as_flag(shuffle, "shuffle") else None
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self.file_paths) // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        """Return batch number ``index``: x (n, H, W, C) in bytes and y, or x alone."""
        if not 0 <= index < len(self):
            raise IndexError(f"there are {len(self)} batches, not one {index}")
        places = self._order[index * self.batch_size :][: self.batch_size]
        form = self.color_mode, self.image_size
        x = np.stack([read_image(self.file_paths[k], *form)[0] for k in places])
        labels = self.labels[places]
        if self.label_mode is None:
            return x
        if self.label_mode == "categorical":
            return x, np.eye(len(self.class_names), dtype=np.float32)[labels]
        if self.label_mode == "binary":
            return x, labels[:, None].astype(np.float32)
        return x, labels

    def on_epoch_end(self) -> None:
        """Draw a new order, if the folder is shuffled."""
        if self._rng is not None:
            self._order = self._rng.permutation(len(self.file_paths))


def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    *,
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int = 32,
    image_size: int | tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int = 0,
    validation_split: float | None = None,
    subset: str | None = None,
) -> Any:
    """Return batches of the images in a folder that has a folder for every class.

    All images are opened and decoded once, so that none fails in the middle of a
    training; afterwards a batch is read when it is wanted.  What cannot be used is
    skipped, and what has another form is converted, as follows; ``report`` counts it,
    and a warning says so where something was skipped.

    ==================================  ================================================
    empty, damaged or no image at all   skipped
    above 89 million pixels             skipped: a decompression bomb, or a poster
    palette, grey, CMYK, ...            converted to ``color_mode``
    transparent                         the colours alone, unless "rgba"
    16 bits a channel                   the upper 8 bits
    turned by EXIF                      upright
    several frames                      the first
    another size                        scaled to ``image_size`` (bilinear, smoothed)
    ==================================  ================================================

    Parameters
    ----------
    directory : its folders are the classes, in the order of their names; images are
        .bmp, .gif, .jpeg, .jpg and .png files, at any depth
    label_mode : "int", "categorical" (one-hot rows), "binary" (0 or 1, (n, 1)), or None
        for x alone, and then no folders are wanted
    class_names : the folders, in the order that is wanted; None for all
    color_mode : "grayscale", "rgb" or "rgba"
    batch_size : images a batch
    image_size : (height, width)
    shuffle : whether to draw a new order every epoch
    seed : of the order and of the split
    validation_split : the share to keep apart, drawn by ``seed``
    subset : "training", "validation" or "both" (a pair), where there is a split

    Returns
    -------
    ImageFolder, or two : for ``fit``, ``evaluate`` and ``predict``; x is in bytes, so
        let a model begin with ``Rescaling(1 / 255)``

    Raises
    ------
    ImportError : without Pillow, the extra ``image``
    FileNotFoundError, NotADirectoryError : for no such folder
    ValueError : for a folder without class folders or images, or unknown options

    Examples
    --------
    >>> train, test = image_dataset_from_directory(
    ...     "photos", image_size=(64, 64), validation_split=0.2, subset="both"
    ... )  # doctest: +SKIP
    >>> model.fit(train, validation_data=test)  # doctest: +SKIP
    """
    pillow()
    if label_mode not in ("int", "categorical", "binary", None):
        raise ValueError(
            'label_mode must be "int", "categorical", "binary" or None, got '
            f"{label_mode!r}"
        )
    if color_mode not in MODES:
        raise ValueError(
            f'color_mode must be "grayscale", "rgb" or "rgba", got {color_mode!r}'
        )
    subsets = ("training", "validation", "both")
    if (subset not in subsets) if validation_split is not None else subset is not None:
        raise ValueError(
            'subset must be "training", "validation" or "both" with a '
            f"validation_split, and None without, got {subset!r}"
        )
    if validation_split is not None and not 0 < validation_split < 1:
        raise ValueError(
            f"validation_split must lie between 0 and 1, got {validation_split!r}"
        )
    size = as_pair(image_size, "image_size")
    root = Path(directory)
    folders = {} if label_mode is None else _class_folders(root, class_names)
    names = [*folders]
    if label_mode == "binary" and len(names) != 2:
        raise ValueError(f'label_mode="binary" is for two classes, got {names}')
    paths, labels, report = _scan(root, folders, color_mode, size)
    options: dict[str, Any] = {
        **{"label_mode": label_mode, "color_mode": color_mode, "image_size": size},
        **{"batch_size": as_count(batch_size, "batch_size"), "seed": seed},
    }

    def made(places: NDArray[np.intp], shuffled: bool) -> ImageFolder:
        files, own = [paths[place] for place in places], labels[places]
        return ImageFolder(files, own, names, report, shuffle=shuffled, **options)

    if validation_split is None:
        return made(np.arange(len(paths)), shuffle)
    rng = np.random.default_rng([seed, 1])
    drawn = rng.permutation(len(paths))
    cut = round(len(paths) * (1 - validation_split))
    if cut in (0, len(paths)):
        raise ValueError(
            f"validation_split={validation_split} of {len(paths)} images leaves one "
            "side empty"
        )
    parts = made(np.sort(drawn[:cut]), shuffle), made(np.sort(drawn[cut:]), False)
    return parts if subset == "both" else parts[subset == "validation"]


def _class_folders(root: Path, wanted: Sequence[str] | None) -> dict[str, str]:
    """Return class name -> folder; Unicode writes one name in two ways, as e + accent.

    The composed one is the class's name, whatever the file system has.
    """
    names = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    names = [name for name in names if not name.startswith(".")]
    found = {unicodedata.normalize("NFC", name): name for name in names}
    if len(found) < len(names):
        raise ValueError(f"{root} has folders of one name, written in two ways")
    if wanted is not None:
        missing = [name for name in wanted if name not in found]
        if missing:
            raise ValueError(f"{root} has no folder {missing[0]!r}, but {[*found]}")
        return {name: found[name] for name in wanted}
    if not found:
        raise ValueError(
            f"{root} has no folders: a folder for every class is wanted, or "
            "label_mode=None"
        )
    return dict(sorted(found.items()))


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(parent, name)


def _scan(
    root: Path, folders: dict[str, str], color_mode: str, size: tuple[int, int]
) -> tuple[list[Path], NDArray[np.int64], ImageReport]:
    """Return the images that can be read, their labels, and a report."""
    paths: list[Path] = []
    labels: list[int] = []
    skipped: dict[str, str] = {}
    converted: Counter[str] = Counter()
    other = 0
    for label, folder in enumerate(folders.values() or [""]):
        for path in _files(root / folder):
            if path.suffix.lower() not in SUFFIXES:
                other += 1
                continue
            try:
                _, notes = read_image(path, color_mode, size)
            except DataFileError as error:
                skipped[os.path.relpath(path, root)] = error.reason
                continue
            converted.update(notes)
            paths.append(path)
            labels.append(label)
    seen = set(labels)
    empty = [name for label, name in enumerate(folders) if label not in seen]
    report = ImageReport(len(paths), skipped, dict(converted), other, empty)
    if not paths:
        raise ValueError(f"{root} holds no image that can be read: {report}")
    faults = [f"{len(skipped)} images were skipped"] * bool(skipped)
    faults += [f"no images of {', '.join(empty)}"] * bool(empty)
    faults += ["there is one class alone"] * (len(folders) == 1)
    if faults:
        warn(f"{root}: {'; '.join(faults)}; the report of what is returned says more")
    return paths, np.array(labels), report
