"""Keras's ``ImageDataGenerator``: batches of images, changed at random.

In new programs prefer layers (``RandomRotation`` and others), which are part of the
model and of its file; this class is for programs that were written for it.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sora_np.common.arguments import as_finite, as_flag
from sora_np.common.warn import warn
from sora_np.kernels.preprocessing.affine_warp import FILL_MODES, affine_warp
from sora_np.kernels.regularization.philox import uniform
from sora_np.layers.preprocessing.warp import identities
from sora_np.utils import array_to_img, img_to_array, load_img, save_img

from .changes import both_sides, brightened, matrices_of, shifts, whitening
from .flow_options import as_images, as_range, as_shift
from .flows import DataFrameIterator, DirectoryIterator, Flow, NumpyArrayIterator

__all__ = [
    "DataFrameIterator",
    "DirectoryIterator",
    "Flow",
    "ImageDataGenerator",
    "NumpyArrayIterator",
    "array_to_img",
    "img_to_array",
    "load_img",
    "save_img",
]

DRAWN = 12  # uniform numbers for every image, for any options
Images = NDArray[Any]


class ImageDataGenerator:
    """Makes batches of images, with new random changes in every epoch.

    An image goes through one affine map, about its centre, with (x, y) counted to the
    right and down::

        M = R(theta) T(tx, ty) S(shear) Z(zx, zy)        y(p) = x(M p)

    Then its colours and brightness are changed, and at last it is scaled by
    ``standardize``.  The random numbers depend only on seed, epoch and the number of
    the sample.

    ``apply_transform`` has the numbers of Keras 3.15 on square images, for the fill
    modes "nearest" and "reflect".  The modes "constant" and "wrap" are those of
    ``kernels/preprocessing/affine_warp.py``; Keras uses SciPy's modes of these names.
    Two things differ from Keras: ``height_shift_range`` moves up and down and
    ``width_shift_range`` to the left and right, as their names say (Keras 3 exchanges
    them), and an image that is not square rotates about its own centre.

    Parameters
    ----------
    featurewise_center, featurewise_std_normalization : whether to scale by the mean and
        the deviation of every channel, which ``fit`` measures
    samplewise_center, samplewise_std_normalization : by those of the image itself
    zca_whitening : whether to make the pixels uncorrelated, with variances 1, by the
        symmetric matrix that ``fit`` measures; it replaces
        featurewise_std_normalization.  Source: Krizhevsky (2009), "Learning multiple
        layers of features from tiny images", appendix A
    zca_epsilon : added to the singular values for zca_whitening
    rotation_range : in degrees, to both sides
    width_shift_range, height_shift_range : a share below 1, or pixels; a list to choose
        from, to both sides; or a whole number n, for pixels of -(n - 1) to n - 1
    brightness_range : (least, most) factor
    shear_range : in degrees, to both sides
    zoom_range : (least, most), below 1 is nearer; or z for (1 - z, 1 + z)
    channel_shift_range : the largest number added to all channels, within the image's
        range
    fill_mode : beyond the borders "constant", "nearest", "reflect" or "wrap"
    cval : the constant
    horizontal_flip, vertical_flip : whether to mirror half of the images
    rescale : a factor
    preprocessing_function : image (H, W, C) -> image of the same shape, before rescale
    validation_split : the share of ``subset="validation"``, the first samples
    interpolation_order, data_format : only these values are supported
    dtype : of the batches; None for float32

    Examples
    --------
    >>> flow = ImageDataGenerator(rescale=1 / 255, horizontal_flip=True).flow(
    ...     np.full((5, 4, 4, 3), 255), np.arange(5), batch_size=2, seed=0)
    >>> len(flow), flow[0][0].shape, float(flow[0][0].max())
    (3, (2, 4, 4, 3), 1.0)
    >>> model.fit(flow, epochs=10)  # doctest: +SKIP
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: Any = 0.0,
        height_shift_range: Any = 0.0,
        brightness_range: Sequence[float] | None = None,
        shear_range: float = 0.0,
        zoom_range: Any = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[Images], Images] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: DTypeLike | None = None,
    ) -> None:
        for name, value, only in (
            ("data_format", data_format, (None, "channels_last")),
            ("interpolation_order", interpolation_order, (1,)),
        ):
            if value not in only:
                raise ValueError(
                    f"{name}={value!r} is not supported here: leave {name} out"
                )
        if fill_mode not in FILL_MODES:
            known = ", ".join(map(repr, FILL_MODES))
            raise ValueError(f"fill_mode must be one of {known}, got {fill_mode!r}")
        self.zca_whitening = as_flag(zca_whitening, "zca_whitening")
        self.zca_epsilon = as_finite(zca_epsilon, "zca_epsilon")
        if zca_whitening and featurewise_std_normalization:
            warn("zca_whitening replaces featurewise_std_normalization, as in Keras")
            featurewise_std_normalization = False
        self.featurewise_std_normalization = featurewise_std_normalization
        self.featurewise_center = bool(
            featurewise_center or featurewise_std_normalization or zca_whitening
        )
        self.samplewise_std_normalization = samplewise_std_normalization
        self.samplewise_center = samplewise_center or samplewise_std_normalization
        self.rotation_range = as_finite(rotation_range, "rotation_range")
        self.width_shift_range = as_shift(width_shift_range, "width_shift_range")
        self.height_shift_range = as_shift(height_shift_range, "height_shift_range")
        self.brightness_range = None
        if brightness_range is not None:
            self.brightness_range = as_range(brightness_range, "brightness_range")
        self.shear_range = as_finite(shear_range, "shear_range")
        if isinstance(zoom_range, Real):
            zoom_range = 1 - float(zoom_range), 1 + float(zoom_range)
        self.zoom_range = as_range(zoom_range, "zoom_range")
        self.channel_shift_range = as_finite(channel_shift_range, "channel_shift_range")
        self.fill_mode, self.cval = fill_mode, as_finite(cval, "cval")
        self.horizontal_flip = as_flag(horizontal_flip, "horizontal_flip")
        self.vertical_flip = as_flag(vertical_flip, "vertical_flip")
        self.rescale = None if rescale is None else as_finite(rescale, "rescale")
        if not (preprocessing_function is None or callable(preprocessing_function)):
            raise TypeError(
                f"preprocessing_function must be a function, got "
                f"{type(preprocessing_function).__name__}"
            )
        self.preprocessing_function = preprocessing_function
        if not 0 <= validation_split < 1:
            raise ValueError(
                "validation_split must be a share from 0 to less than 1, got "
                f"{validation_split!r}"
            )
        self.validation_split = float(validation_split)
        self.dtype = np.dtype(np.float32 if dtype is None else dtype)
        self.zca_whitening_matrix: Images | None = None
        self.mean: Images | None = None
        self.std: Images | None = None

    # --- what flows ---------------------------------------------------------------

    def flow(
        self,
        x: ArrayLike,
        y: ArrayLike | None = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> NumpyArrayIterator:
        """Return batches of arrays, for ``fit``.

        Parameters
        ----------
        x : (N, H, W, C)
        y, sample_weight : (N, ...), or None
        seed : of the order and of the changes; None for a new one every time
        save_to_dir, save_prefix, save_format : a folder for the changed images, and the
            names and format of its files
        ignore_class_split : without effect; a subset may lack classes here
        subset : "training" or "validation", where there is a ``validation_split``
        """
        flow = NumpyArrayIterator(
            self, x, y, sample_weight, subset, batch_size, shuffle, seed
        )
        return flow.saving(save_to_dir, save_prefix, save_format)

    def flow_from_directory(
        self,
        directory: str | os.PathLike[str],
        target_size: Sequence[int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> DirectoryIterator:
        """Return batches of the images in a folder that has a folder for every class.

        Unreadable images are left out, with a warning, as in
        ``utils.image_dataset_from_directory``.

        Parameters
        ----------
        target_size : (height, width)
        color_mode : "rgb", "grayscale" or "rgba"
        classes : the folders, in the order of their labels; None for all, by name
        class_mode : y is "categorical" (one-hot rows), "binary" (0 or 1), "sparse"
            (labels), "input" (the images themselves), or None for no y
        save_to_dir, save_prefix, save_format : as in ``flow``
        follow_links, keep_aspect_ratio : have no other value than these
        subset : "training" or "validation", where there is a ``validation_split``
        """
        if follow_links or keep_aspect_ratio:
            raise ValueError(
                "links to folders are not followed, and images are not cropped: leave "
                "follow_links and keep_aspect_ratio out"
            )
        flow = DirectoryIterator(
            *(self, directory, target_size, color_mode, classes, class_mode),
            *(subset, interpolation, batch_size, shuffle, seed),
        )
        return flow.saving(save_to_dir, save_prefix, save_format)

    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: str | os.PathLike[str] | None = None,
        x_col: str = "filename",
        y_col: Any = "class",
        weight_col: str | None = None,
        target_size: Sequence[int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
    ) -> DataFrameIterator:
        """Return batches of images whose names are in a column of a table.

        Parameters
        ----------
        dataframe : of pandas, or a dictionary of lists
        directory : what the names are relative to
        x_col, y_col, weight_col : columns of names, of classes or numbers, of weights
        class_mode : also "raw", for the numbers in one column or in several
        validate_filenames : without effect: every image is tried
        save_to_dir, save_prefix, save_format : as in ``flow``
        """
        flow = DataFrameIterator(
            *(self, dataframe, directory, (x_col, y_col, weight_col), target_size),
            *(color_mode, classes, class_mode, subset, interpolation),
            *(batch_size, shuffle, seed),
        )
        return flow.saving(save_to_dir, save_prefix, save_format)

    # --- what is done to images -----------------------------------------------------

    def fit(
        self,
        x: ArrayLike,
        augment: bool = False,
        rounds: int = 1,
        seed: int | None = None,
    ) -> None:
        """Measure mean and deviation of every channel, for the featurewise options.

        For ``zca_whitening`` also measure the matrix that makes pixels uncorrelated, of
        (H W C)^2 numbers: colour images of 32x32 need 38 MB.
        """
        images = as_images(x, "x").astype(self.dtype)
        if self.rescale is not None:
            images *= self.rescale
        if augment:
            key, samples = _as_key(seed), np.arange(len(images))
            made = [self.augmented(images, key, r, samples) for r in range(rounds)]
            images = np.concatenate(made)
        self.mean = images.mean(axis=(0, 1, 2), keepdims=True)[0]
        self.std = images.std(axis=(0, 1, 2), keepdims=True)[0]
        if self.zca_whitening:
            self.zca_whitening_matrix = whitening(images - self.mean, self.zca_epsilon)

    def standardize(self, x: Images) -> Images:
        """Return scaled images (N, H, W, C), or one (H, W, C); x does not change."""
        one, x = x.ndim == 3, x[None] if x.ndim == 3 else x
        if self.preprocessing_function is not None:
            x = np.stack([self.preprocessing_function(image.copy()) for image in x])
        y = x.astype(self.dtype)
        if self.rescale is not None:
            y *= self.rescale
        if self.samplewise_center:
            y -= y.mean(axis=(1, 2, 3), keepdims=True)
        if self.samplewise_std_normalization:
            y /= y.std(axis=(1, 2, 3), keepdims=True) + 1e-6
        if self.featurewise_center:
            if self.mean is None or self.std is None:
                warn(
                    "featurewise_center, featurewise_std_normalization and "
                    "zca_whitening do nothing before fit(x) of the ImageDataGenerator "
                    "has measured the data"
                )
            else:
                y -= self.mean
                if self.featurewise_std_normalization:
                    y /= self.std + 1e-6
        if self.zca_whitening_matrix is not None:
            rows = y.reshape(len(y), -1) @ self.zca_whitening_matrix
            y = rows.reshape(y.shape)
        return y[0] if one else y

    def get_random_transform(
        self, img_shape: Sequence[int], seed: int | None = None
    ) -> dict[str, Any]:
        """Return random changes of one image, for ``apply_transform``."""
        drawn = self._drawn(_as_key(seed), 0, np.zeros(1, np.int64), img_shape)
        return {name: v if v is None else v[0].item() for name, v in drawn.items()}

    def apply_transform(
        self, x: Images, transform_parameters: Mapping[str, Any]
    ) -> Images:
        """Return an image (H, W, C) with the given changes; x does not change."""
        params = {
            k: np.array([v]) for k, v in transform_parameters.items() if v is not None
        }
        return self._applied(as_images(x[None], "x").astype(self.dtype), params)[0]

    def random_transform(self, x: Images, seed: int | None = None) -> Images:
        """Return an image (H, W, C) changed at random; x does not change."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def augmented(
        self, x: Images, key: int, epoch: int, samples: NDArray[np.int64]
    ) -> Images:
        """Return images (N, H, W, C) with the random changes of these samples."""
        return self._applied(x, self._drawn(key, epoch, samples, x.shape[1:]))

    def _drawn(
        self, key: int, epoch: int, samples: NDArray[np.int64], shape: Sequence[int]
    ) -> dict[str, Any]:
        u = uniform(key, epoch, samples, DRAWN).T
        zoom = self.zoom_range
        least, most = self.brightness_range or (1, 1)
        shifted, bright = (
            self.channel_shift_range != 0,
            self.brightness_range is not None,
        )
        return {
            "theta": both_sides(u[0], self.rotation_range),
            "tx": shifts(u[1], u[2], self.width_shift_range, shape[1]),
            "ty": shifts(u[3], u[4], self.height_shift_range, shape[0]),
            "shear": both_sides(u[5], self.shear_range),
            "zx": zoom[0] + u[6] * (zoom[1] - zoom[0]),
            "zy": zoom[0] + u[7] * (zoom[1] - zoom[0]),
            "flip_horizontal": (u[8] < 0.5) & self.horizontal_flip,
            "flip_vertical": (u[9] < 0.5) & self.vertical_flip,
            "channel_shift_intensity": both_sides(u[10], self.channel_shift_range)
            if shifted
            else None,
            "brightness": least + u[11] * (most - least) if bright else None,
        }

    def _applied(self, x: Images, params: Mapping[str, Any]) -> Images:
        matrices = matrices_of(params, x.shape)
        y = x
        if (matrices != identities(len(x))).any():
            y = affine_warp(
                np.ascontiguousarray(x), matrices, self.fill_mode, self.cval
            )
        shift = params.get("channel_shift_intensity")
        if shift is not None:
            low = y.min(axis=(1, 2, 3), keepdims=True)
            high = y.max(axis=(1, 2, 3), keepdims=True)
            y = np.clip(y + _column(shift, y.dtype), low, high)
        factor = params.get("brightness")
        if factor is not None:
            y = np.stack([*map(brightened, y, factor)]) if len(y) else y
        return y.copy() if y is x else y


def _column(values: Any, dtype: DTypeLike) -> Images:
    return np.asarray(values, dtype)[:, None, None, None]


def _as_key(seed: int | None) -> int:
    rng = np.random.default_rng(seed)
    return int(rng.integers(2**64, dtype=np.uint64))
