"""Images in folders, one folder a class, read while they are trained on."""

import copy
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.common.arguments import as_count, as_flag, as_pair

from .image import MODES, pillow, read_image
from .image_files import ImageReport, class_folders, folders_within, scan, warn_of


class ImageFolder:
    """Batches of images from files, and their labels: a source for ``fit``.

    ``evaluate``, ``predict`` and validation read it in the order of ``file_paths`` and
    ``labels``, so that predictions belong to these; ``fit`` reads it in a new order
    every epoch, if it is shuffled, as does ``folder[number]``.

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
        seed: int | None,
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

    def in_order(self) -> "ImageFolder":
        """Return the same images in the order of ``file_paths``, every time."""
        stored = copy.copy(self)
        stored._order, stored._rng = np.arange(len(self.file_paths)), None
        return stored

    def get_state(self) -> dict[str, Any]:
        """Return what a checkpoint must hold: this epoch's order, and the stream."""
        stream = None if self._rng is None else self._rng.bit_generator.state
        return {"order": self._order, "stream": stream}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``get_state`` of an equal folder returned."""
        self._order = np.array(state["order"])
        if self._rng is not None:
            self._rng.bit_generator.state = state["stream"]

    def _about(self) -> dict[str, Any]:
        """Return what tells this folder from others, for checkpoints."""
        named = hashlib.sha256()
        for path, label in zip(self.file_paths, self.labels.tolist(), strict=True):
            named.update(
                f"{path.parent.name}/{path.name}\0{label}\0".encode(
                    "utf-8", "surrogateescape"
                )
            )
        return {
            "images": len(self.file_paths),
            "names and labels": named.hexdigest()[:16],
            "class_names": self.class_names,
            "label_mode": self.label_mode,
            "color_mode": self.color_mode,
            "image_size": list(self.image_size),
            "batch_size": self.batch_size,
            "shuffled": self._rng is not None,
        }


def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    *,
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int = 32,
    image_size: int | tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = 0,
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
    hidden, __MACOSX and the like       passed over, files and folders
    links to folders, links to nothing  passed over; skipped
    ==================================  ================================================

    Parameters
    ----------
    directory : its folders are the classes, in the order of their names; images are
        BMP, GIF, JPEG, PNG, TIFF and WebP files with the usual suffixes, at any depth.
        Images in other formats are passed over with a warning.  A folder without an
        image is no class, with a warning, unless ``class_names`` names it
    label_mode : "int", "categorical" (one-hot rows), "binary" (0 or 1, (n, 1)), or None
        for x alone, and then no folders are wanted
    class_names : the folders, in the order that is wanted; None for all
    color_mode : "grayscale", "rgb" or "rgba"
    batch_size : images a batch
    image_size : (height, width)
    shuffle : whether to draw a new order every epoch
    seed : of the order and of the split; None for another one every time
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
    if seed is None and subset in ("training", "validation"):
        raise ValueError(
            f"subset={subset!r} needs a seed, so that the other one holds the other "
            'images; or take subset="both"'
        )
    if seed is None:
        entropy = np.random.default_rng()
        seed = int(entropy.integers(2**32))
    seed = as_count(seed, "seed", 0)
    size = as_pair(image_size, "image_size")
    root = Path(directory)
    folders = {} if label_mode is None else class_folders(root, class_names)
    paths, labels, report = scan(root, folders, color_mode, size)
    names = [*folders]
    if class_names is None and report.empty_classes:
        kept = [k for k, name in enumerate(names) if name not in report.empty_classes]
        names, labels = [names[k] for k in kept], np.searchsorted(kept, labels)
    if label_mode == "binary" and len(names) != 2:
        raise ValueError(f'label_mode="binary" is for two classes, got {names}')
    inner = folders_within(root, paths) if len(names) > 1 else []
    warn_of(root, report, names, inner, keeps=class_names is not None)
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
