"""Layers that reshape, pad, crop and resize: NumPy, and what Keras 3.15.1 gives."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np.layers import (
    CenterCrop,
    Cropping1D,
    Cropping2D,
    Permute,
    RandomCrop,
    RepeatVector,
    Reshape,
    Resizing,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)

X = np.arange(15.0).reshape(1, 3, 5, 1)
IMAGES = {  # of X, by Keras 3.15.1 on TensorFlow 2.21
    "bilinear": (
        lambda: Resizing(2, 4),
        [[1.375, 2.625, 3.875, 5.125], [8.875, 10.125, 11.375, 12.625]],
    ),
    "nearest": (lambda: Resizing(4, 2, "nearest"), [[1, 3], [6, 8], [6, 8], [11, 13]]),
    "cropped": (
        lambda: Resizing(2, 2, crop_to_aspect_ratio=True),
        [[2.5, 4], [10, 11.5]],
    ),
    "padded": (
        lambda: Resizing(4, 3, pad_to_aspect_ratio=True, fill_value=9.0),
        [
            [7.91667, 8.125, 8.33333],
            [2.20833, 3.875, 5.54167],
            [8.45833, 10.125, 11.79167],
            [9.16667, 9.375, 9.58333],
        ],
    ),
    "padded-nearest": (
        lambda: Resizing(5, 2, "nearest", pad_to_aspect_ratio=True),
        [[0, 0], [0, 0], [6, 8], [0, 0], [0, 0]],
    ),
    "center-crop": (lambda: CenterCrop(1, 3), [[6, 7, 8]]),
    "center-crop-even": (lambda: CenterCrop(3, 2), [[1, 2], [6, 7], [11, 12]]),
    "center-crop-resized": (
        lambda: CenterCrop(4, 4),
        [
            [1, 1.625, 2.375, 3],
            [4.125, 4.75, 5.5, 6.125],
            [7.875, 8.5, 9.25, 9.875],
            [11, 11.625, 12.375, 13],
        ],
    ),
    "up-sampling": (
        lambda: UpSampling2D((2, 1), interpolation="bilinear"),
        [
            [0, 1, 2, 3, 4],
            [1.25, 2.25, 3.25, 4.25, 5.25],
            [3.75, 4.75, 5.75, 6.75, 7.75],
            [6.25, 7.25, 8.25, 9.25, 10.25],
            [8.75, 9.75, 10.75, 11.75, 12.75],
            [10, 11, 12, 13, 14],
        ],
    ),
}


@pytest.mark.parametrize("make, expected", IMAGES.values(), ids=IMAGES)
def test_images_are_keras(make, expected, dtype):
    y = make()(X.astype(dtype))
    assert_allclose(y[0, :, :, 0], expected, atol=1e-5)


SAME = {  # id: layer, shape of x, what NumPy makes of it
    "reshape": (
        lambda: Reshape((3, -1)),
        (2, 4, 6),
        lambda x: x.reshape(2, 3, 8),
    ),
    "permute": (
        lambda: Permute((3, 1, 2)),
        (2, 3, 4, 5),
        lambda x: np.transpose(x, (0, 3, 1, 2)),
    ),
    "repeat": (lambda: RepeatVector(3), (2, 4), lambda x: np.stack([x] * 3, axis=1)),
    "pad-1d": (
        lambda: ZeroPadding1D((2, 1)),
        (2, 3, 2),
        lambda x: np.pad(x, ((0, 0), (2, 1), (0, 0))),
    ),
    "pad-2d": (
        lambda: ZeroPadding2D((1, (0, 2))),
        (2, 3, 4, 2),
        lambda x: np.pad(x, ((0, 0), (1, 1), (0, 2), (0, 0))),
    ),
    "crop-1d": (lambda: Cropping1D((2, 1)), (2, 5, 2), lambda x: x[:, 2:4]),
    "crop-2d": (
        lambda: Cropping2D((1, (0, 2))),
        (2, 4, 5, 3),
        lambda x: x[:, 1:3, 0:3],
    ),
    "up-1d": (lambda: UpSampling1D(3), (2, 4, 2), lambda x: x.repeat(3, axis=1)),
    "up-2d": (
        lambda: UpSampling2D((2, 3)),
        (2, 3, 4, 2),
        lambda x: x.repeat(2, axis=1).repeat(3, axis=2),
    ),
}


@pytest.mark.parametrize("make, shape, formula", SAME.values(), ids=SAME)
def test_numbers_are_numpys(make, shape, formula, rng):
    """To the bit; and dx is what the same moves give of dy, by <dy, y> = <dx, x>."""
    x = rng.standard_normal(shape)
    layer = make()
    y = layer(x, training=True)
    assert_array_equal(y, formula(x))
    dy = rng.standard_normal(y.shape)
    assert_allclose(np.sum(layer.backward(dy) * x), np.sum(dy * y), rtol=1e-12)


def test_numbers_stand_for_more_sides():
    assert ZeroPadding2D(2).padding == ((2, 2), (2, 2))
    assert ZeroPadding2D((1, 2)).padding == ((1, 1), (2, 2))
    assert ZeroPadding1D(2).padding == (2, 2)
    assert Cropping1D().cropping == (1, 1)
    assert Cropping2D().cropping == ((0, 0), (0, 0))


# --- RandomCrop: what test_augmentation.py leaves out --------------------------------


def test_random_crops_are_windows_anywhere(rng):
    x = rng.random((600, 4, 6, 2))
    layer = RandomCrop(3, 4, seed=0)
    y = layer(x, training=True)
    places = [(r, s) for r in range(2) for s in range(3)]
    same = np.array(
        [(y == x[:, r : r + 3, s : s + 4]).all((1, 2, 3)) for r, s in places]
    )
    assert_array_equal(same.sum(axis=0), 1)
    share = same.mean(axis=1)  # each as often as the other: 4 standard deviations
    assert np.abs(share - 1 / 6).max() < 4 * np.sqrt(1 / 6 * 5 / 6 / 600)
    dx = layer.backward(np.ones_like(y))
    for image, where in zip(dx, same.argmax(axis=0), strict=True):
        r, s = places[where]
        assert image[r : r + 3, s : s + 4].min() == 1 and image.sum() == 24


def test_random_crop_outside_training():
    """The largest window in the middle, resized: of 3 x 5 for 1 x 1 that of 3 x 3."""
    assert_array_equal(RandomCrop(3, 3)(X, training=False), X[:, :, 1:4])
    assert_array_equal(RandomCrop(1, 1)(X, training=False), X[:, 1:2, 2:3])


def test_images_too_small_for_a_random_crop_are_resized():
    layer = RandomCrop(4, 4)
    assert_allclose(layer(X, training=True), CenterCrop(4, 4)(X))
    assert_array_equal(layer(X, training=True), layer(X, training=False))


def test_a_random_crop_as_large_as_the_image(rng):
    x = rng.random((3, 4, 6, 2))
    assert_array_equal(RandomCrop(4, 6)(x, training=True), x)
    y = RandomCrop(4, 2, seed=0)(x, training=True)  # its rows are all there
    assert y.shape == (3, 4, 2, 2)
