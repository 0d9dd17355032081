"""Average and global poolings, and those of sequences, against NumPy over the table."""

import numpy as np
import pytest
from conformance import cases, oracles

from sora_np.layers import (
    AveragePooling1D,
    AveragePooling2D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    MaxPooling1D,
)


def passes(layer, x, rng):
    """Return y and dx of a layer, and the dy that was given."""
    layer.build(x.shape[1:], rng, x.dtype)
    y = layer.forward(x, training=True)
    dy = rng.standard_normal(y.shape).astype(x.dtype)
    return y, layer.backward(dy), dy


def pads_of(x, window, strides, padding):
    if padding == "valid":
        return (0, 0), (0, 0)
    sizes = zip(x.shape[1:3], window, strides, strict=True)
    return tuple(oracles.same_pads(*size) for size in sizes)


@pytest.mark.parametrize("case", cases.MAX_POOLING.values(), ids=cases.MAX_POOLING)
def test_average_pooling(case, dtype, close, rng):
    shape, args = case
    layer, x = AveragePooling2D(*args), rng.standard_normal(shape).astype(dtype)
    y, dx, dy = passes(layer, x, rng)
    sizes = layer.pool_size, layer.strides
    window = *sizes, pads_of(x, *sizes, layer.padding)
    close(y, oracles.average_pooling(x, *window), "y")
    close(dx, oracles.average_pooling_backward(shape, dy, *window), "dx")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_average_pooling_of_odd_numbers(value, dtype):
    """They reach the windows that hold them, and no other channel."""
    x = np.ones((1, 4, 4, 2), dtype)
    x[0, 1, 1, 0] = value
    for size in (2, 4, (1, 2), 3):
        y = AveragePooling2D(size, padding="same")(x)
        np.testing.assert_array_equal(y[..., 1], 1)
        odd = y[~np.isfinite(y)]
        np.testing.assert_array_equal(odd, [value])


GLOBAL = {
    **{f"{c}-channels": (2, 5, 6, c) for c in cases.CHANNELS},
    **{f"{n}-images": (n, 3, 4, 2) for n in cases.IMAGES},
    **{f"{side}-wide": (2, side, side, 3) for side in (1, 2, 15, 16, 17, 40)},
}


@pytest.mark.parametrize("keepdims", [False, True], ids=["plain", "keepdims"])
@pytest.mark.parametrize("shape", GLOBAL.values(), ids=GLOBAL)
def test_global_poolings(shape, keepdims, dtype, close, rng):
    x = rng.standard_normal(shape).astype(dtype)
    steps = x.reshape(len(x), shape[1] * shape[2], shape[3])
    for axes, given, mean, largest in (
        ((1, 2), x, GlobalAveragePooling2D, GlobalMaxPooling2D),
        ((1,), steps, GlobalAveragePooling1D, GlobalMaxPooling1D),
    ):
        y, dx, dy = passes(mean(keepdims=keepdims), given, rng)
        close(y, given.mean(axes, dtype=float, keepdims=keepdims), "mean")
        dy = dy.reshape(len(x), *[1] * len(axes), shape[3])
        expected = np.broadcast_to(dy / steps.shape[1], given.shape)
        close(dx, expected, "dx of mean")

        y, dx, dy = passes(largest(keepdims=keepdims), given, rng)
        np.testing.assert_array_equal(y, given.max(axes, keepdims=keepdims))
        is_it = steps == steps.max(1, keepdims=True)  # no two are alike
        expected = np.where(is_it, dy.reshape(len(x), 1, shape[3]), 0)
        np.testing.assert_array_equal(dx.reshape(steps.shape), expected)


@pytest.mark.parametrize("padding", cases.PADDINGS)
@pytest.mark.parametrize("strides", [None, 1, 2, 5])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("shape", [(2, 7, 3), (1, 20, 17), (0, 7, 2)], ids=str)
def test_poolings_of_sequences(shape, size, strides, padding, dtype, close, rng):
    x = rng.standard_normal(shape).astype(dtype)
    image = x[:, :, None]
    window = (size, 1), (strides or size, 1)
    window = *window, pads_of(image, *window, padding)
    y, dx, dy = passes(AveragePooling1D(size, strides, padding), x, rng)
    close(y, oracles.average_pooling(image, *window)[:, :, 0], "average")
    given = image.shape, dy[:, :, None]
    close(dx, oracles.average_pooling_backward(*given, *window)[:, :, 0], "dx")
    y, dx, dy = passes(MaxPooling1D(size, strides, padding), x, rng)
    expected, places = oracles.max_pooling(image, *window)
    np.testing.assert_array_equal(y, expected[:, :, 0])
    given = image.shape, dy[:, :, None], places
    close(dx, oracles.max_pooling_backward(*given, *window)[:, :, 0], "dx of max")
