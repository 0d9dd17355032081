"""Images in folders, one folder for each class, read during training."""

import copy
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.common.arguments import as_count, as_flag, as_pair

from .image import MODES, pillow, read_images
from .image_files import ImageReport, class_folders, folders_within, scan, warn_of
from .pipeline import Batch, Stages


class ImageFolder(Stages):
    """Batches of images from files, and their labels: a source for ``fit``.

    ``evaluate``, ``predict`` and validation read it in the order of ``file_paths`` and
    ``labels``, so that predictions have this order.  If it is shuffled, ``fit`` and
    ``folder[number]`` use a new order every epoch.  Several threads decode the images
    of a batch.  ``map``, ``take`` and other methods of TensorFlow's data sets are in
    ``pipeline.py``.

    Attributes
    ----------
    file_paths, labels : of every image, (N,)
    samples : N
    class_names : the name of each label
    report : counts of images that were found, skipped and converted
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
        self._kept: tuple[NDArray[np.uint8], NDArray[np.bool_]] | None = None
        self._order = np.arange(len(file_paths))
        self._rng = np.random.default_rng(seed) if as_flag(shuffle, "shuffle") else None
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self.file_paths) // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        """Return batch number ``index``: x (n, H, W, C) in bytes and y, or x alone."""
        if not 0 <= index < len(self):
            raise IndexError(f"batch must be below {len(self)}, got {index}")
        places = self._order[index * self.batch_size :][: self.batch_size]
        x = self._images(places).view(Batch)
        if self.label_mode is None:
            return x
        return x, self._targets(places).view(Batch)

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    @property
    def samples(self) -> int:
        """How many images there are."""
        return len(self.file_paths)

    def _images(self, places: NDArray[np.intp]) -> NDArray[np.uint8]:
        if self._kept is None:
            return self._decoded(places)
        images, known = self._kept
        wanted = places[~known[places]]
        if len(wanted):
            images[wanted] = self._decoded(wanted)
            known[wanted] = True
        return images[places]

    def _decoded(self, places: NDArray[np.intp]) -> NDArray[np.uint8]:
        paths = [self.file_paths[place] for place in places]
        images = []
        for image in read_images(paths, self.color_mode, self.image_size):
            if isinstance(image, Exception):
                raise image
            images.append(image[0])
        return np.stack(images)

    def _targets(self, places: NDArray[np.intp]) -> NDArray[Any]:
        labels = self.labels[places]
        if self.label_mode == "categorical":
            return np.eye(len(self.class_names), dtype=np.float32)[labels]
        if self.label_mode == "binary":
            return labels[:, None].astype(np.float32)
        return labels

    def arrays(self) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        """Return all images (N, H, W, C) and targets, in the order of ``file_paths``.

        With ``label_mode=None`` the targets are zeros.
        """
        places = np.arange(self.samples)
        return self._images(places), self._targets(places)

    def cache(self) -> "ImageFolder":
        """Return the same images, kept in memory as bytes after decoding.

        Every epoch still has a new order.  In TensorFlow, all epochs have the order of
        the first.
        """
        channels = len(MODES[self.color_mode])
        images = np.empty((self.samples, *self.image_size, channels), np.uint8)
        return self._with(_kept=(images, np.zeros(self.samples, bool)))

    def split(self, share: float, seed: int = 0) -> tuple["ImageFolder", "ImageFolder"]:
        """Return two folders, the second with that share of every class, by ``seed``.

        A class of two images or more has at least one in both.
        """
        if not 0 < share < 1:
            raise ValueError(f"the share must lie between 0 and 1, got {share!r}")
        rng = np.random.default_rng([as_count(seed, "seed", 0), 2])
        apart = np.zeros(self.samples, bool)
        for label in range(max(len(self.class_names), 1)):
            own = rng.permutation(np.flatnonzero(self.labels == label))
            most = max(len(own) - 1, 0)
            apart[own[: min(max(round(len(own) * share), 1), most)]] = True
        if apart.all() or not apart.any():
            raise ValueError(
                f"{share} of {self.samples} images leaves one side empty: at "
                "least one class needs two or more images"
            )
        return self._part(~apart), self._part(apart)

    def _part(self, chosen: NDArray[np.bool_]) -> "ImageFolder":
        places = np.flatnonzero(chosen)
        part = self._with(
            file_paths=[self.file_paths[place] for place in places],
            labels=self.labels[places],
            _kept=None if self._kept is None else tuple(a[places] for a in self._kept),
            _order=np.arange(len(places)),
            _rng=copy.deepcopy(self._rng),
        )
        part.on_epoch_end()
        return part

    def on_epoch_end(self) -> None:
        """Draw a new order, if the folder is shuffled."""
        if self._rng is not None:
            self._order = self._rng.permutation(len(self.file_paths))

    def in_order(self) -> "ImageFolder":
        """Return the same images in the order of ``file_paths``, every time."""
        return self._with(_order=np.arange(self.samples), _rng=None)

    def _with(self, **attributes: Any) -> "ImageFolder":
        """Return a copy with some attributes changed."""
        changed = copy.copy(self)
        vars(changed).update(attributes)
        return changed

    def get_state(self) -> dict[str, Any]:
        """Return the state for a checkpoint: this epoch's order, and the stream."""
        stream = None if self._rng is None else self._rng.bit_generator.state
        return {"order": self._order, "stream": stream}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from the state that ``get_state`` of an equal folder returned."""
        self._order = np.array(state["order"])
        if self._rng is not None:
            self._rng.bit_generator.state = state["stream"]

    def _about(self) -> dict[str, Any]:
        """Return what identifies this folder, for checkpoints."""
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
    labels: str | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int = 32,
    image_size: int | tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = 0,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    verbose: bool = True,
) -> Any:
    """Return batches of the images in a folder that has a folder for every class.

    All images are opened and decoded once, so that none fails during training;
    afterwards each batch is read when it is needed.  Unusable images are skipped, and
    others are converted, as follows.  ``report`` counts them, and a warning names
    skipped ones.

    ==================================  ================================================
    empty, damaged or no image at all   skipped
    above 89 million pixels             skipped: a decompression bomb, or a poster
    palette, grey, CMYK, ...            converted to ``color_mode``
    transparent                         only the colours, unless "rgba"
    16 bits a channel                   the upper 8 bits
    turned by EXIF                      upright
    several frames                      the first
    another size                        scaled to ``image_size`` (bilinear, smoothed)
    hidden, __MACOSX and the like       ignored, files and folders
    links to folders, links to nothing  ignored; skipped
    ==================================  ================================================

    Parameters
    ----------
    directory : its folders are the classes, in the order of their names; images are
        BMP, GIF, JPEG, PNG, TIFF and WebP files with the usual suffixes, at any depth.
        Images in other formats are ignored with a warning.  A folder without images is
        not a class, with a warning, unless ``class_names`` names it
    labels : "inferred" from the folders, or None for x alone
    label_mode : "int", "categorical" (one-hot rows), "binary" (0 or 1, (n, 1)), or None
        for x alone, which needs no folders
    class_names : the folders, in the order of their labels; None for all
    color_mode : "grayscale", "rgb" or "rgba"
    batch_size : images a batch
    image_size : (height, width)
    shuffle : whether to draw a new order every epoch
    seed : of the order and of the split; None for a new one every time
    validation_split : the share to keep apart, drawn by ``seed``
    subset : "training", "validation" or "both" (a pair), with a validation_split
    interpolation, follow_links, crop_to_aspect_ratio, pad_to_aspect_ratio,
    data_format : only these values are supported
    verbose : without effect: a warning names skipped images

    Returns
    -------
    ImageFolder, or two : for ``fit``, ``evaluate`` and ``predict``; x is in bytes, so
        let a model begin with ``Rescaling(1 / 255)``

    Raises
    ------
    ImportError : without Pillow, the extra ``image``
    FileNotFoundError, NotADirectoryError : for no such folder
    ValueError : for a folder without class folders or images, or invalid options

    Examples
    --------
    >>> train, test = image_dataset_from_directory(
    ...     "photos", image_size=(64, 64), validation_split=0.2, subset="both"
    ... )  # doctest: +SKIP
    >>> model.fit(train, validation_data=test)  # doctest: +SKIP
    """
    pillow()
    if labels is None:
        label_mode = None
    only = {
        "labels": (labels, ("inferred", None)),
        "interpolation": (interpolation, ("bilinear",)),
        "follow_links": (follow_links, (False,)),
        "crop_to_aspect_ratio": (crop_to_aspect_ratio, (False,)),
        "pad_to_aspect_ratio": (pad_to_aspect_ratio, (False,)),
        "data_format": (data_format, (None, "channels_last")),
    }
    for name, (value, allowed) in only.items():
        if not any(value is one or value == one for one in allowed):
            raise ValueError(
                f"{name} must be {' or '.join(map(repr, allowed))}, got {value!r:.80}"
            )
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
    paths, numbers, report = scan(root, folders, color_mode, size)
    names = [*folders]
    if class_names is None and report.empty_classes:
        kept = [k for k, name in enumerate(names) if name not in report.empty_classes]
        names, numbers = [names[k] for k in kept], np.searchsorted(kept, numbers)
    if label_mode == "binary" and len(names) != 2:
        raise ValueError(f'label_mode="binary" is for two classes, got {names}')
    inner = folders_within(root, paths) if len(names) > 1 else []
    warn_of(root, report, names, inner, keeps=class_names is not None)
    options: dict[str, Any] = {
        **{"label_mode": label_mode, "color_mode": color_mode, "image_size": size},
        **{"batch_size": as_count(batch_size, "batch_size"), "seed": seed},
    }

    def made(places: NDArray[np.intp], shuffled: bool) -> ImageFolder:
        files, own = [paths[place] for place in places], numbers[places]
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
