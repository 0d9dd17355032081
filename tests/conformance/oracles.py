"""What layers and losses must give, from SciPy and NumPy, in float64.

Nothing here shares a line with the package; ``test_oracles.py`` holds them to numbers
worked by hand.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import convolve, correlate


def same_pads(size, window, stride, dilation=1):
    """Return the zeros before and after an axis, as Keras and TensorFlow set them."""
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + dilation * (window - 1) + 1 - size, 0)
    return total // 2, total - total // 2


def spread(a, steps):
    """Return ``a`` with steps - 1 zeros between neighbours of its first two axes."""
    sizes = [step * (size - 1) + 1 for size, step in zip(a.shape, steps, strict=False)]
    apart = np.zeros((*sizes, *a.shape[2:]))
    apart[:: steps[0], :: steps[1]] = a
    return apart


def channels_of(o, w, groups):
    """Return the input channels that filter o sees."""
    first = o // (w.shape[3] // groups) * w.shape[2]
    return slice(first, first + w.shape[2])


def conv2d(x, w, bias, strides, pads, dilation, groups):
    """Return y, by ``scipy.signal.correlate`` of every image with every filter."""
    x = np.pad(x.astype(float), ((0, 0), *pads, (0, 0)))
    taps = spread(w, dilation)
    y = [
        [
            correlate(
                image[..., channels_of(o, w, groups)], taps[..., o], "valid", "direct"
            )[:: strides[0], :: strides[1], 0]
            for o in range(w.shape[3])
        ]
        for image in x
    ]
    rows, columns = ((x.shape[a + 1] - taps.shape[a]) // strides[a] + 1 for a in (0, 1))
    maps = np.reshape(y, (len(x), w.shape[3], rows, columns))
    return np.moveaxis(maps, 1, -1) + bias


def conv2d_backward(x, w, dy, strides, pads, dilation, groups):
    """Return dx, dw and dbias: correlations of x with dy, convolutions of dy with w."""
    x = np.pad(x.astype(float), ((0, 0), *pads, (0, 0)))
    dx, dw, taps = np.zeros(x.shape), np.zeros(w.shape), spread(w, dilation)
    for n, o in np.ndindex(len(x), w.shape[3]):
        slopes, seen = spread(dy[n, :, :, o, None], strides), channels_of(o, w, groups)
        product = correlate(x[n, ..., seen], slopes, "valid", "direct")
        last = [d * (k - 1) + 1 for d, k in zip(dilation, w.shape, strict=False)]
        dw[..., o] += product[: last[0] : dilation[0], : last[1] : dilation[1]]
        rows = convolve(slopes, taps[..., o], "full", "direct")
        dx[n, : rows.shape[0], : rows.shape[1], seen] += rows
    (top, bottom), (left, right) = pads
    height, width = x.shape[1] - bottom, x.shape[2] - right
    return dx[:, top:height, left:width], dw, dy.astype(float).sum(axis=(0, 1, 2))


def max_pooling(x, window, strides, pads):
    """Return y, and of every window which cell was the first maximum."""
    margins = (0, 0), *pads, (0, 0)
    padded = np.pad(x.astype(float), margins, constant_values=-np.inf)
    inside = np.pad(np.ones(x.shape, bool), margins)
    cells, real = (
        sliding_window_view(a, window, axis=(1, 2))[:, :: strides[0], :: strides[1]]
        for a in (padded, inside)
    )
    flat = (*cells.shape[:4], window[0] * window[1])
    cells, real = cells.reshape(flat), real.reshape(flat)
    y = cells.max(axis=-1)  # NaN, where there is one
    largest = (cells == y[..., None]) | np.isnan(cells)
    return y, (real & largest).argmax(axis=-1)


def max_pooling_backward(x_shape, dy, places, window, strides, pads):
    """Return dx: each dy added where its window's maximum stood."""
    dx = np.zeros(x_shape)
    for n, i, j, c in np.ndindex(dy.shape):
        p, q = divmod(int(places[n, i, j, c]), window[1])
        h, v = i * strides[0] + p - pads[0][0], j * strides[1] + q - pads[1][0]
        dx[n, h, v, c] += dy[n, i, j, c]
    return dx
