"""The batches of an ``ImageDataGenerator``, by number and as endless iterators."""

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.batches.arrays import as_targets
from sora_np.common.arguments import as_count, as_flag
from sora_np.common.inputs import as_numbers
from sora_np.common.warn import warn
from sora_np.datasets.image import MODES, pillow, read_images
from sora_np.datasets.image_files import class_folders, scan, warn_of
from sora_np.utils import array_to_img

from .flow_options import form_of, part_of


class Flow:
    """Batches of randomly changed images; a subclass has the images.

    ``flow[k]`` is batch k of this epoch; ``next(flow)`` and loops never end, as in
    Keras, but ``fit`` takes one epoch at a time.  The order depends on seed and epoch,
    the changes of an image also on its number.

    Attributes
    ----------
    samples : the number of images, also ``n``
    epoch : the number of finished epochs
    """

    def __init__(
        self,
        generator: Any,
        samples: int,
        batch_size: int,
        shuffle: bool,
        seed: int | None,
    ) -> None:
        if samples == 0:
            raise ValueError("there is no image in this subset")
        self.image_data_generator = generator
        self.samples = self.n = samples
        self.batch_size = as_count(batch_size, "batch_size")
        self.shuffle, self.seed = as_flag(shuffle, "shuffle"), seed
        entropy = np.random.default_rng(seed)
        self._key = int(entropy.integers(2**64, dtype=np.uint64))
        self.epoch = self.batch_index = 0
        self._place: tuple[Path, str, str] | None = None  # of what is saved

    def __len__(self) -> int:
        return -(-self.samples // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        """Return batch number ``index``: x, (x, y) or (x, y, sample_weight)."""
        if not 0 <= index < len(self):
            raise IndexError(f"batch must be below {len(self)}, got {index}")
        order = np.arange(self.samples)
        if self.shuffle:
            rng = np.random.default_rng([self._key, self.epoch])
            order = rng.permutation(order)
        places = order[index * self.batch_size :][: self.batch_size]
        generator = self.image_data_generator
        x = self._images(places).astype(generator.dtype)
        x = generator.augmented(x, self._key, self.epoch, places)
        x = generator.standardize(x)
        self._save(x, places)
        y, weights = self._targets(places, x), self._weights(places)
        given = [part for part in (x, y, weights) if part is not None]
        return x if len(given) == 1 else tuple(given)

    def saving(self, folder: Any, prefix: str = "", file_format: str = "png") -> Any:
        """Write every image of later batches into a folder; return the flow.

        The names are prefix_sample_epoch.png, so no epoch overwrites another one.
        """
        if folder is not None:
            pillow()
            if file_format not in ("png", "jpeg", "jpg", "bmp"):
                raise ValueError(
                    f'save_format must be "png", "jpeg" or "bmp", got {file_format!r}'
                )
            Path(folder).mkdir(parents=True, exist_ok=True)
            self._place = Path(folder), prefix, file_format
        return self

    def _save(self, x: NDArray[Any], places: NDArray[np.intp]) -> None:
        if self._place is None:
            return
        folder, prefix, file_format = self._place
        for image, number in zip(x, places.tolist(), strict=True):
            name = f"{prefix}_{number}_{self.epoch}.{file_format}"
            array_to_img(image).save(folder / name)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        batch = self[self.batch_index]
        self.batch_index += 1
        if self.batch_index == len(self):
            self.reset()
            self.on_epoch_end()
        return batch

    def next(self) -> Any:
        """Return the next batch."""
        return next(self)

    def reset(self) -> None:
        """Let ``next`` begin with the first batch of the epoch."""
        self.batch_index = 0

    def on_epoch_end(self) -> None:
        """Begin another epoch, with a new order and new changes."""
        self.epoch += 1

    def in_order(self) -> "Flow":
        """Return the same images in the stored order, for predictions."""
        stored = copy.copy(self)
        stored.shuffle = False
        return stored

    def get_state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"key": self._key, "epoch": self.epoch}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from the state that ``get_state`` of an equal flow returned."""
        self._key, self.epoch = int(state["key"]), int(state["epoch"])

    def _images(self, places: NDArray[np.intp]) -> NDArray[Any]:
        raise NotImplementedError

    def _targets(self, places: NDArray[np.intp], x: NDArray[Any]) -> Any:
        raise NotImplementedError

    def _weights(self, places: NDArray[np.intp]) -> NDArray[Any] | None:
        return None


class NumpyArrayIterator(Flow):
    """Batches of arrays."""

    def __init__(
        self,
        generator: Any,
        x: ArrayLike,
        y: ArrayLike | None,
        sample_weight: ArrayLike | None,
        subset: str | None,
        batch_size: int,
        shuffle: bool,
        seed: int | None,
    ) -> None:
        images = as_numbers(x, "x")
        if images.ndim != 4:
            raise ValueError(
                f"x must be images (N, H, W, C), got shape {images.shape}: is the "
                "batch or the channel axis missing?"
            )
        count = len(images)
        given = [images, None, None]
        if y is not None:
            given[1] = as_targets(y, count)
        if sample_weight is not None:
            given[2] = as_targets(sample_weight, count)
        part = part_of(generator, subset, count)
        self.x, self.y, self.sample_weight = (
            None if a is None else a[part] for a in given
        )
        assert self.x is not None
        super().__init__(generator, len(self.x), batch_size, shuffle, seed)

    def _images(self, places: NDArray[np.intp]) -> NDArray[Any]:
        assert self.x is not None
        return self.x[places]

    def _targets(self, places: NDArray[np.intp], x: NDArray[Any]) -> Any:
        return None if self.y is None else self.y[places]

    def _weights(self, places: NDArray[np.intp]) -> NDArray[Any] | None:
        return None if self.sample_weight is None else self.sample_weight[places]


class FileFlow(Flow):
    """Batches of images from files; several threads decode them.

    Attributes
    ----------
    filenames, filepaths : of every image
    classes : the label of every image (N,)
    class_indices : class name -> label
    num_classes : how many there are
    class_names : in the order of their labels
    """

    def __init__(
        self,
        generator: Any,
        paths: Sequence[Path],
        filenames: Sequence[str],
        names: Sequence[str],
        labels: NDArray[Any] | None,
        form: tuple[str, tuple[int, int], str],
        class_mode: str | None,
        batch_size: int,
        shuffle: bool,
        seed: int | None,
        weights: NDArray[Any] | None = None,
    ) -> None:
        if class_mode == "binary" and len(names) != 2:
            raise ValueError(f'class_mode="binary" is for two classes, got {[*names]}')
        self.filepaths, self.filenames = [str(p) for p in paths], [*filenames]
        self.class_names = [*names]
        self.class_indices = {name: k for k, name in enumerate(names)}
        self.num_classes, self.class_mode = len(names), class_mode
        self.classes = self.labels = labels
        self.color_mode, self.target_size, self.interpolation = form
        self.sample_weight = weights
        self.image_shape = (*self.target_size, len(MODES[self.color_mode]))
        super().__init__(generator, len(paths), batch_size, shuffle, seed)

    def _images(self, places: NDArray[np.intp]) -> NDArray[np.uint8]:
        paths = [self.filepaths[place] for place in places]
        form = self.color_mode, self.target_size, self.interpolation
        images = []
        for image in read_images(paths, *form):
            if isinstance(image, Exception):
                raise image
            images.append(image[0])
        return np.stack(images)

    def _targets(self, places: NDArray[np.intp], x: NDArray[Any]) -> Any:
        if self.class_mode == "input":
            return x.copy()
        if self.class_mode is None or self.labels is None:
            return None
        labels = self.labels[places]
        if self.class_mode == "categorical":
            return np.eye(self.num_classes, dtype=np.float32)[labels]
        return labels.astype(np.float32) if self.class_mode == "binary" else labels

    def _weights(self, places: NDArray[np.intp]) -> NDArray[Any] | None:
        return None if self.sample_weight is None else self.sample_weight[places]


class DirectoryIterator(FileFlow):
    """Batches of the images in a folder that has a folder for every class."""

    def __init__(
        self,
        generator: Any,
        directory: str | os.PathLike[str],
        target_size: Sequence[int],
        color_mode: str,
        classes: Sequence[str] | None,
        class_mode: str | None,
        subset: str | None,
        interpolation: str,
        batch_size: int,
        shuffle: bool,
        seed: int | None,
    ) -> None:
        if class_mode == "raw":
            raise ValueError('class_mode="raw" is for flow_from_dataframe')
        form = form_of(color_mode, target_size, interpolation, class_mode)
        root = Path(directory)
        folders = class_folders(root, classes or None)
        paths, labels, self.report = scan(root, folders, form[0], form[1])
        warn_of(root, self.report, [*folders], [], keeps=True)
        places = np.concatenate(
            [
                own[part_of(generator, subset, len(own))]
                for own in (np.flatnonzero(labels == k) for k in range(len(folders)))
            ]
        )
        chosen = [paths[place] for place in places]
        filenames = [os.path.relpath(path, root) for path in chosen]
        self.directory = directory
        super().__init__(
            *(generator, chosen, filenames, [*folders], labels[places], form),
            *(class_mode, batch_size, shuffle, seed),
        )
        print(f"Found {len(chosen)} images belonging to {len(folders)} classes.")


class DataFrameIterator(FileFlow):
    """Batches of the images whose names are in a column of a table."""

    def __init__(
        self,
        generator: Any,
        dataframe: Any,
        directory: str | os.PathLike[str] | None,
        columns: tuple[str, Any, str | None],
        target_size: Sequence[int],
        color_mode: str,
        classes: Sequence[str] | None,
        class_mode: str | None,
        subset: str | None,
        interpolation: str,
        batch_size: int,
        shuffle: bool,
        seed: int | None,
    ) -> None:
        form = form_of(color_mode, target_size, interpolation, class_mode)
        x_col, y_col, weight_col = columns
        filenames = [str(name) for name in dataframe[x_col]]
        paths = [Path(directory or "", name) for name in filenames]
        usable = np.array(
            [not isinstance(read, Exception) for read in read_images(paths, *form)],
            bool,
        )
        if not usable.all():
            first = filenames[int(usable.argmin())]
            warn(
                f"{np.count_nonzero(~usable)} of {len(usable)} images cannot be read "
                f"and are left out, the first of them {first}"
            )
        names: list[str] = []
        labels: NDArray[Any] | None = None
        if class_mode == "raw":
            several = isinstance(y_col, (list, tuple))
            values = (
                [as_numbers(list(dataframe[c]), c) for c in y_col] if several else 0
            )
            labels = (
                np.stack(values, axis=1)  # type: ignore[arg-type]
                if several
                else as_numbers(list(dataframe[y_col]), y_col)
            )
        elif class_mode not in ("input", None):
            given = [str(label) for label in dataframe[y_col]]
            names = [*classes] if classes else sorted(set(given))
            known = {name: k for k, name in enumerate(names)}
            labels = np.array([known.get(label, -1) for label in given], np.int64)
            usable &= labels >= 0
        places = np.flatnonzero(usable)
        places = places[part_of(generator, subset, len(places))]
        weights = None
        if weight_col is not None:
            weights = as_numbers(list(dataframe[weight_col]), weight_col)[places]
        super().__init__(
            generator,
            [paths[k] for k in places],
            [filenames[k] for k in places],
            names,
            None if labels is None else labels[places],
            form,
            class_mode,
            batch_size,
            shuffle,
            seed,
            weights,
        )
        text = f"Found {len(places)} validated image filenames"
        print(text + (f" belonging to {len(names)} classes." if names else "."))
