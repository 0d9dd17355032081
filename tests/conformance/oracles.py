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
    # of many channels 30 times as fast, but 0 may come out as 1e-17
    method = "fft" if w.shape[2] > 16 else "direct"
    for n, o in np.ndindex(len(x), w.shape[3]):
        slopes, seen = spread(dy[n, :, :, o, None], strides), channels_of(o, w, groups)
        product = correlate(x[n, ..., seen], slopes, "valid", "direct")
        last = [d * (k - 1) + 1 for d, k in zip(dilation, w.shape, strict=False)]
        dw[..., o] += product[: last[0] : dilation[0], : last[1] : dilation[1]]
        rows = convolve(slopes, taps[..., o], "full", method)
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


def average_pooling(x, window, strides, pads):
    """Return y: sums of windows over how many cells of each are inside."""
    margins = (0, 0), *pads, (0, 0)
    sums, counts = (
        sliding_window_view(np.pad(a.astype(float), margins), window, axis=(1, 2))[
            :, :: strides[0], :: strides[1]
        ].sum(axis=(-2, -1))
        for a in (x, np.ones_like(x))
    )
    return sums / counts


def average_pooling_backward(x_shape, dy, window, strides, pads):
    """Return dx: each dy added, in equal parts, to the cells of its window."""
    dx = np.zeros(x_shape)
    for i, j in np.ndindex(dy.shape[1:3]):
        top, left = i * strides[0] - pads[0][0], j * strides[1] - pads[1][0]
        rows = slice(max(top, 0), top + window[0])
        columns = slice(max(left, 0), left + window[1])
        cells = dx[:, rows, columns]
        cells += dy[:, i, None, j, None] / (cells.shape[1] * cells.shape[2])
    return dx


def transposed_places(sizes, kernel, strides, dilation, padding, more):
    """Return of each axis (size of y, where in the full convolution y begins).

    As Keras documents them.
    """
    found = []
    for axis, size in enumerate(sizes):
        stride, extent = strides[axis], dilation[axis] * (kernel[axis] - 1) + 1
        full = (size - 1) * stride + extent
        if padding == "valid":
            out = full + (max(stride - extent, 0) if more is None else more[axis])
        elif more is None:
            out = size * stride
        else:
            out = (size - 1) * stride + extent % 2 + more[axis]
        found.append((out, max(full - out, 0) // 2))
    return found


def transposed(x, w, bias, strides, dilation, places):
    """Return y, by ``scipy.signal.convolve`` of x, spread out, with every filter."""
    taps, ((rows, top), (columns, left)) = spread(w, dilation), places
    y = np.zeros((len(x), rows, columns, w.shape[2])) + bias
    for n, o, c in np.ndindex(len(x), *w.shape[2:]):
        one = spread(x[n, :, :, c].astype(float), strides)
        full = convolve(one, taps[:, :, o, c], "full", "direct")
        seen = full[top : top + rows, left : left + columns]
        y[n, : seen.shape[0], : seen.shape[1], o] += seen
    return y
