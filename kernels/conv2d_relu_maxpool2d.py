"""Convolution, ReLU and max-pooling in one pass, and the list backward.

With z the convolution of x (equation (1) of conv2d.py) and windows that do not overlap,
for every n, i, j, o, over the cells (p, q) of the pooling window::

    y[n, i, j, o] = max_pq max(z[n, i*P + p, j*Q + q, o], 0)                    (1)

Only the cell of the maximum gets a gradient, and none where that is 0: the ReLU is dead
there.  So where a dense backward multiplies all of dz, at most one number in P * Q of
which is not 0, the list backward gathers, image by image and channel by channel, what
is not 0 as (where its window begins in x, value), and for every entry adds::

    dbias[o]     += value                                                       (2)
    dw[., ., ., o] += value * window of x                                       (3)
    window of dx += value * w[., ., ., o]                                       (4)

A dead entry is skipped, not multiplied by 0: a NaN or infinity in its window of x does
not come through, as it would in 0 * NaN.

Source: the source document, 3.1.1, 3.1.2 and 4.1.2; the list is the chain rule, with
the zeros left out.
"""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Array, Pads, Pair, jit
from .conv2d import conv2d_reference, conv2d_shape, conv2d_windows
from .maxpool2d import maxpool2d_reference, pool
from .products import outer, table, windows
from .sweeps import ITEMS, fold_task, pad, transpose_task
from .tasks import THREADS, Task, run, scratch
from .tile import (
    VECTOR_BYTES,
    tile_axpy,
    tile_load,
    tile_offsets,
    tile_rows,
    tile_store,
)

DEAD = 255  # argmax where no cell is above 0

# --- reference: the formulas ----------------------------------------------------


def conv2d_relu_maxpool2d_reference(
    x: Array,
    w: Array,
    bias: Array,
    window: Pair,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> tuple[Array, NDArray[np.uint8]]:
    """Return y of equation (1) and argmax; shapes as below."""
    z = conv2d_reference(x, w, bias, strides, pads, dilation)
    z[z < 0] = 0
    y, argmax = maxpool2d_reference(z, window, window)
    return y, np.where(y <= 0, DEAD, argmax).astype(np.uint8)


def conv2d_relu_maxpool2d_backward_reference(
    x: Array,
    dy: Array,
    argmax: NDArray[np.uint8],
    w: Array,
    window: Pair,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> tuple[Array, Array, Array]:
    """Return dx, dw and dbias of equations (4), (3) and (2)."""
    dx, dw, dbias = np.zeros_like(x), np.zeros_like(w), np.zeros_like(w[0, 0, 0])
    (s, t), (d, e), ((top, _), (left, _)) = strides, dilation, pads
    _, height, width, _ = x.shape
    for n, i, j, o in np.ndindex(dy.shape):
        if argmax[n, i, j, o] == DEAD:
            continue
        value = dy[n, i, j, o]
        a, b = divmod(int(argmax[n, i, j, o]), window[1])
        dbias[o] += value
        for p, q in np.ndindex(w.shape[:2]):
            h = (i * window[0] + a) * s + p * d - top
            v = (j * window[1] + b) * t + q * e - left
            if 0 <= h < height and 0 <= v < width:
                dw[p, q, :, o] += value * x[n, h, v]
                dx[n, h, v] += value * w[p, q, :, o]
    return dx, dw, dbias


# --- fast: forward --------------------------------------------------------------


def conv2d_relu_maxpool2d(
    x: Array,
    w: Array,
    bias: Array,
    window: Pair,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> tuple[Array, NDArray[np.uint8]]:
    """Return y of equation (1) and argmax, both (N, OH // P, OW // Q, O).

    Parameters
    ----------
    x, w, bias, strides, pads, dilation : as in ``conv2d``, with one group
    window : (P, Q), of the pooling; at most 255 cells

    Returns
    -------
    y, argmax : the maxima, and where in its window each stood: p * Q + q, or ``DEAD``
    """
    _, rows, columns, filters = conv2d_shape(x.shape, w.shape, strides, pads, dilation)
    y = np.empty((len(x), rows // window[0], columns // window[1], filters), x.dtype)
    argmax = np.empty(y.shape, np.uint8)
    run(
        *conv2d_relu_maxpool2d_tasks(
            x, w, bias, y, argmax, window, strides, pads, dilation
        )
    )
    return y, argmax


def conv2d_relu_maxpool2d_tasks(
    x: Array,
    w: Array,
    bias: Array,
    y: Array,
    argmax: NDArray[np.uint8],
    window: Pair,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> list[Task]:
    """Return the task that writes y of equation (1) and argmax."""
    images, x_at, taps, length = conv2d_windows(
        x.shape, w.shape, strides, pads, dilation, 1
    )
    _, _, columns, filters = conv2d_shape(x.shape, w.shape, strides, pads, dilation)
    # z of a band of rows stays in the L2 cache; few images are cut into more bands
    bands = min(max(1, ITEMS // max(len(x), 1)), y.shape[1])
    band = -(-y.shape[1] // bands)
    z = np.empty((THREADS, band * window[0], columns, filters), x.dtype)
    lines = strides[0], dilation[0] * (w.shape[0] - 1) + 1
    pixels = band * window[0] * columns
    return [
        Task(
            _forward_item, len(x) * bands, x.reshape(-1), images, lines,
            scratch(images.padded_size, x.dtype), table(x_at.reshape(-1)[:pixels]),
            np.ascontiguousarray(taps).reshape(-1), length, w.reshape(-1), bias,
            (bands, band), z, table(np.arange(pixels) * filters), window, y, argmax,
        )
    ]  # fmt: skip


@jit()
def _forward_item(
    item, thread, x, images, lines, padded, x_at, taps, length, w, bias, cut, z, z_at,
    window, y, argmax,
):  # fmt: skip
    bands, band = cut
    _, rows, columns, filters = y.shape
    n = item // bands
    first = min(item % bands * band, rows - band)  # the last band overlaps
    line = (images.left + images.width + images.right) * images.channels
    top = first * window[0] * lines[0]
    source, x0 = x, (n * images.height + top) * line
    if padded.size:
        source, x0 = padded[thread], top * line
        bottom = top + (band * window[0] - 1) * lines[0] + lines[1]
        pad(x, n, images, top, bottom, source)
    part = z[thread].reshape(-1)
    pixels = len(part) // filters
    windows(
        source, x0, x_at, 0, pixels, taps, length, w, 0, filters, bias, True,
        0, filters, part, 0, z_at,
    )  # fmt: skip
    pool(z, thread, 0, band, window, window, (0, 0), y, n, first, argmax)
    for i in range(first, first + band):
        for j in range(columns):
            for o in range(filters):
                position = argmax[n, i, j, o]
                dead = y[n, i, j, o] <= 0
                argmax[n, i, j, o] = np.uint8(DEAD) if dead else position


# --- fast: list backward --------------------------------------------------------


def conv2d_relu_maxpool2d_backward(
    x: Array,
    dy: Array,
    argmax: NDArray[np.uint8],
    w: Array,
    window: Pair,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> tuple[Array, Array, Array]:
    """Return dx, dw and dbias of equations (4), (3) and (2).

    Parameters
    ----------
    dy, argmax : (N, OH // P, OW // Q, O)
    """
    dx, dw, dbias = np.empty_like(x), np.empty_like(w), np.empty_like(w[0, 0, 0])
    run(
        *conv2d_relu_maxpool2d_backward_tasks(
            x, dy, argmax, w, dx, dw, dbias, window, strides, pads, dilation
        )
    )
    return dx, dw, dbias


def conv2d_relu_maxpool2d_backward_tasks(
    x: Array,
    dy: Array,
    argmax: NDArray[np.uint8],
    w: Array,
    dx: Array | None,
    dw: Array,
    dbias: Array,
    window: Pair,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> list[Task]:
    """Return the tasks that write dw, dbias and, but for None, dx."""
    images, _, taps, length = conv2d_windows(
        x.shape, w.shape, strides, pads, dilation, 1
    )
    chunks = max(1, min(len(x), ITEMS))
    parts = np.empty((chunks, *dw.shape), x.dtype)
    bias_parts = np.empty((chunks, *dbias.shape), x.dtype)
    steps = strides[0] * images.line, strides[1] * images.channels
    taps = np.ascontiguousarray(taps).reshape(-1)
    padded = scratch(images.padded_size, x.dtype)
    bias_task = fold_task(bias_parts, dbias)
    inputs, filters = dw.size // len(dbias), len(dbias)
    if dx is None and length * x.itemsize < VECTOR_BYTES:
        # windows narrower than a vector: dense in registers beats a list (1 to 32
        # channels on 28x28, batch 32: 65 us instead of 190)
        _, rows, columns, _ = dy.shape
        dz = (THREADS, rows * window[0], columns * window[1], filters)
        task = Task(
            _narrow_item, chunks, x.reshape(-1), images, padded, steps,
            table(taps[:, None] + np.arange(length)), dy, argmax, window,
            np.empty(dz, x.dtype), parts, table(np.arange(inputs) * filters),
            bias_parts,
        )  # fmt: skip
        return [task, fold_task(parts, dw), bias_task]
    _, rows, columns, _ = dy.shape
    i, j = np.arange(rows)[:, None] * window[0], np.arange(columns) * window[1]
    p, q = np.arange(window[0])[:, None], np.arange(window[1])
    cells = (i * steps[0] + j * steps[1]).reshape(-1)
    positions = (p * steps[0] + q * steps[1]).reshape(-1)
    w_t, dw_t = np.empty((2, filters, inputs), x.dtype)
    task = Task(
        _list_body(*_tile_shape(len(taps), length, x.itemsize)), chunks,
        x.reshape(-1), images, padded, dy.reshape(len(dy), cells.size, filters),
        argmax.reshape(len(dy), cells.size, filters), cells, positions,
        np.empty((THREADS, cells.size + 1), np.int64),
        scratch(cells.size + 1, x.dtype), table(taps), len(taps), length, w_t,
        parts.reshape(chunks, filters, inputs), bias_parts, int(dx is not None),
        np.empty_like(padded), (x if dx is None else dx).reshape(-1),
    )  # fmt: skip
    fold = [fold_task(parts, dw_t), transpose_task(dw_t, dw.reshape(inputs, filters))]
    turn = [] if dx is None else [transpose_task(w.reshape(inputs, filters), w_t)]
    return [*turn, task, *fold, bias_task]


@jit()
def _narrow_item(
    chunk, thread, x, images, padded, steps, inputs, dy, argmax, window, dz, parts,
    d_at, bias_parts,
):  # fmt: skip
    height, _, _, top, bottom, left, _ = images
    line = (left + images.width + images.right) * images.channels
    _, rows, columns, filters = dz.shape
    chunks = len(parts)
    parts[chunk] = 0
    bias_parts[chunk] = 0
    d = parts[chunk].reshape(-1)
    for n in range(chunk * len(dy) // chunks, (chunk + 1) * len(dy) // chunks):
        source, x0 = x, n * (top + height + bottom) * line
        if padded.size:
            source, x0 = padded[thread], 0
            pad(x, n, images, 0, top + height + bottom, source)
        unpool(dy, argmax, n, window, dz, thread)
        for i in range(dy.shape[1]):
            for j in range(dy.shape[2]):
                for o in range(filters):
                    live = argmax[n, i, j, o] != DEAD
                    slope = dy[n, i, j, o]
                    bias_parts[chunk, o] += slope if live else slope * 0
        outer(
            source, x0, steps[0], steps[1], inputs, 0, len(d) // filters,
            dz[thread].reshape(-1), 0, columns * filters, filters, rows, columns,
            0, filters, d, d_at,
        )  # fmt: skip


@jit()
def unpool(dy, argmax, n, window, dz, m):
    """Write dz[m]: dy[n] at every maximum, else 0."""
    _, rows, columns, filters = dy.shape
    zero = dz.dtype.type(0)
    for i in range(rows):
        for j in range(columns):
            for p in range(window[0]):
                for q in range(window[1]):
                    code = np.uint8(p * window[1] + q)
                    h, v = i * window[0] + p, j * window[1] + q
                    for o in range(filters):
                        is_it = argmax[n, i, j, o] == code
                        dz[m, h, v, o] = dy[n, i, j, o] if is_it else zero


def _tile_shape(taps: int, length: int, itemsize: int) -> tuple[int, int]:
    """Return R and NV of a tile that covers a window's R runs of NV vectors.

    It is held in registers while the list streams by: 24 of 32, or 12 of 16.
    """
    most = 24 if VECTOR_BYTES == 64 else 12
    vectors = min(-(-length * itemsize // VECTOR_BYTES), most)
    rows = max(r for r in range(1, taps + 1) if taps % r == 0 and r * vectors <= most)
    return rows, vectors


@functools.cache
def _list_body(R: int, NV: int) -> Any:
    @jit()
    def add_to_dw(x, x0, starts, values, count, taps, tap, start, left, d, d_at):
        acc = tile_load(d, d_at, left, NV)
        for e in range(count):
            window = tile_offsets(taps, tap, x0 + starts[e] + start, R)
            acc = tile_axpy(acc, values, e, tile_load(x, window, left, NV))
        tile_store(d, d_at, acc, left)

    @jit()
    def add_to_dx(dx, x0, starts, values, count, taps, tap, start, left, w, w_at):
        filters = tile_load(w, w_at, left, NV)
        for e in range(count):
            window = tile_offsets(taps, tap, x0 + starts[e] + start, R)
            acc = tile_axpy(tile_load(dx, window, left, NV), values, e, filters)
            tile_store(dx, window, acc, left)

    @jit()
    def list_item(
        chunk, thread, x, images, padded, dy, argmax, cells, positions, starts, values,
        taps, n_taps, length, w_t, parts, bias_parts, need_dx, padded_dx, dx,
    ):  # fmt: skip
        height, width, channels, top, bottom, left, _ = images
        line = (left + width + images.right) * channels
        size = (top + height + bottom) * line
        chunks, filters, inputs = parts.shape
        parts[chunk] = 0
        bias_parts[chunk] = 0
        d, w = parts.reshape(-1), w_t.reshape(-1)
        start_of, value_of = starts[thread], values[thread]
        width_of = NV * VECTOR_BYTES // x.itemsize
        for n in range(chunk * len(dy) // chunks, (chunk + 1) * len(dy) // chunks):
            source, target, x0 = x, dx, n * size
            if padded.size:
                source, target, x0 = padded[thread], padded_dx[thread], 0
                pad(x, n, images, 0, top + height + bottom, source)
            if need_dx:
                for k in range(x0, x0 + size):
                    target[k] = 0
            for o in range(filters):
                count = 0
                for cell in range(len(cells)):  # no "if": the next overwrites a dead
                    position = np.int64(argmax[n, cell, o])
                    live = position != DEAD
                    start_of[count] = cells[cell] + positions[position * live]
                    value_of[count] = dy[n, cell, o]
                    count += live
                for e in range(count):
                    bias_parts[chunk, o] += value_of[e]
                for tap in range(0, n_taps, R):
                    for k in range(0, length, width_of):
                        rows = tile_rows(o * inputs + tap * length + k, length, R)
                        d_at = tile_rows(
                            (chunk * filters + o) * inputs + tap * length + k, length, R
                        )
                        add_to_dw(
                            source, x0, start_of, value_of, count, taps, tap, k,
                            length - k, d, d_at,
                        )  # fmt: skip
                        if need_dx:
                            add_to_dx(
                                target, x0, start_of, value_of, count, taps, tap, k,
                                length - k, w, rows,
                            )  # fmt: skip
            if need_dx and padded.size:
                for h in range(height):
                    come = (top + h) * line + left * channels
                    to = (n * height + h) * width * channels
                    for k in range(width * channels):
                        dx[to + k] = target[come + k]

    return list_item
