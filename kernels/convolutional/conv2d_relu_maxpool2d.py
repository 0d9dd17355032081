"""Convolution, ReLU and max-pooling in one pass, and the list backward.

With z the convolution of x (equation (1) of conv2d.py) and windows that do not overlap,
for every n, i, j, o, over the cells (p, q) of the pooling window::

    y[n, i, j, o] = max_pq max(z[n, i*P + p, j*Q + q, o], 0)                    (1)

Only the cell of the maximum gets a gradient, and no cell if the maximum is 0, since the
ReLU is dead there.  So at most one number of P * Q in dz is not 0.  A dense backward
pass multiplies all of dz; the list backward collects the numbers that are not 0, image
by image, and adds for each of them::

    dbias[o]     += value                                                       (2)
    dw[., ., ., o] += value * window of x                                       (3)
    window of dx += value * w[., ., ., o]                                       (4)

A dead entry is skipped, not multiplied by 0.  So NaN or infinity in its window of x has
no effect, although 0 * NaN would be NaN.

Source: the source document, 3.1.1, 3.1.2 and 4.1.2; the list is the chain rule, with
the zeros left out.
"""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..loops.images import pad
from ..loops.list_backward import DEAD, dw_tasks, dx_tasks
from ..loops.packing import Weights, pack_task
from ..loops.products import Cover, cover, table, windows_over
from ..loops.sweeps import cut
from ..machine.arrays import Array, Pads, Pair, conv2d_shape, empty, jit
from ..machine.tasks import THREADS, Task, run_kept, scratch
from ..machine.tile import (
    VECTOR_BYTES,
    tile_fill,
    tile_fma,
    tile_offsets,
    tile_pool,
)
from ..pooling.maxpool2d import maxpool2d_reference, maxpool2d_tasks, pool_over
from .conv2d import conv2d_reference, conv2d_windows, inputs_of, suits_winograd
from .winograd import winograd_tasks

Z_BYTES = 262144  # of z at a time: half of an L2 cache
CELLS = 3 if VECTOR_BYTES == 64 else 1  # of 2 x 2 pixels, with 32 or 16 registers

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
    y, argmax : the maxima, and the place of each in its window: p * Q + q, or ``DEAD``;
        of equal cells the first, apart from rounding if Winograd's sums are used
    """
    _, rows, columns, filters = conv2d_shape(x.shape, w.shape, strides, pads, dilation)
    y = empty((len(x), rows // window[0], columns // window[1], filters), x.dtype)
    argmax = empty(y.shape, np.uint8)
    given = x, w, bias, y, argmax
    run_kept(conv2d_relu_maxpool2d_tasks, *given, window, strides, pads, dilation)
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
    """Return the tasks that write y of equation (1) and argmax.

    Winograd's convolution gains more than one pass does (32 to 64 channels on 13x13).
    With either, windows of 2 x 2 are pooled in registers, and z is never in memory.
    """
    z_shape = conv2d_shape(x.shape, w.shape, strides, pads, dilation)
    in_registers = tuple(window) == (2, 2)
    if suits_winograd(z_shape, w, strides, dilation, 1):
        if in_registers:
            return winograd_tasks(x, w, bias, y, pads, argmax=argmax)
        z = empty(z_shape, x.dtype)
        convolution = winograd_tasks(x, w, bias, z, pads, relu=True)
        pooling = maxpool2d_tasks(z, y, argmax, window, window, dead=DEAD)
        return [*convolution, *pooling]
    images, x_at, taps, length = conv2d_windows(
        x.shape, w.shape, strides, pads, dilation, 1
    )
    filters, columns = z_shape[3], y.shape[2] * window[1]  # of the part of z in windows
    rows = y.shape[1]
    bands, _, blocks, block = cut(
        len(x), rows, window[0] * columns, filters, x.itemsize
    )
    # a band of z stays in the L2 cache: 8 images, 224x224x3 to 64, 9.7 instead of 14 ms
    most = max(1, Z_BYTES // max(window[0] * columns * block * x.itemsize, 1))
    band = -(-rows // max(bands, -(-rows // most), 1))
    bands = -(-rows // max(band, 1))
    pixels, inputs = band * window[0] * columns, inputs_of(taps, length)
    x_at = x_at.reshape(z_shape[1:3])[: band * window[0], :columns]
    given = (
        x.reshape(-1), images, (strides[0], dilation[0] * (w.shape[0] - 1) + 1),
        scratch(images.padded_size, x.dtype),
    )  # fmt: skip
    single = -(-block * x.itemsize // VECTOR_BYTES) % 2 == 1
    tiles = cover(block, x.itemsize)
    if in_registers:
        tiles = Cover(4 * CELLS, 2, 4 * CELLS, int(single))
    weights = Weights(w.reshape(-1), np.arange(inputs.size) * filters)
    pack, packed = pack_task(weights, 1, filters, tiles)
    sums = inputs, packed, bias, (bands, band, blocks, block)
    if in_registers:
        cells = x_at.reshape(band, 2, -1, 2).transpose(0, 2, 1, 3).reshape(-1, 4)
        cells_at = np.concatenate([cells, cells[-1:].repeat(CELLS, 0)]).reshape(-1)
        y_at = table(np.arange(band * y.shape[2]) * filters)
        return [
            pack,
            Task(
                _pooled_body(single), len(x) * bands * blocks, *given, cells_at, *sums,
                y, argmax, y_at,
            ),
        ]  # fmt: skip
    z = empty((THREADS, band * window[0], columns, block), x.dtype)
    pool = pool_over(window, window, (0, 0), z_shape, y.shape)
    return [
        pack,
        Task(
            _forward_body(windows_over(tiles), pool),
            len(x) * bands * blocks, *given, table(x_at), *sums,
            z, table(np.arange(pixels) * block), window, y, argmax,
        ),
    ]  # fmt: skip


@jit()
def _window_lines(item, thread, x, images, lines, padded, cut, rows, height):
    """Return the lines of x for an item's band of windows with ``height`` rows of z.

    Returns
    -------
    source, x0 : the image, padded if needed, and the offset of the band in it
    """
    bands, band, blocks, _ = cut
    n, own = item // blocks // bands, item // blocks % bands * band
    first = min(own, rows - band)  # the last band overlaps the one before
    line = (images.left + images.width + images.right) * images.channels
    top = first * height * lines[0]
    if padded.size == 0:
        return x, (n * images.height + top) * line
    bottom = top + (band * height - 1) * lines[0] + lines[1]
    pad(x, n, images, top, bottom, padded[thread])
    return padded[thread], top * line


@functools.cache
def _make_pooled(NV: int) -> Any:
    R = 4 * CELLS

    @jit()
    def pooled(
        x, x0, x_at, cells, inputs, w, bias, o, last, y, argmax, y0, y_at
    ):  # fmt: skip
        left, columns = last - o, NV * VECTOR_BYTES // w.itemsize
        for cell in range(0, cells, CELLS):
            cell = max(min(cell, cells - CELLS), 0)  # the last tile overlaps
            rows = tile_offsets(x_at, 4 * cell, x0, R)
            acc = tile_fill(bias, o, left, R, NV)
            start = o * len(inputs)  # w is packed
            for k in range(len(inputs)):
                acc = tile_fma(acc, x, rows, inputs[k], w, start, left)
                start += columns
            places = tile_offsets(y_at, cell, y0 + o, CELLS)
            tile_pool(y, argmax, places, acc, left, DEAD)

    return pooled


@functools.cache
def _pooled_body(single: bool) -> Any:
    """Return the body of a task for windows of 2 x 2.

    Windows of x are ordered cell by cell, so that a register tile holds whole cells (1
    to 32 channels on 28x28, batch 256: 0.95 instead of 1.83 ms).

    Parameters
    ----------
    single : whether the filters of a block are an odd number of vectors
    """
    by_pairs, by_one = _make_pooled(2), _make_pooled(1 if single else 2)

    @jit()
    def pooled_item(
        item, thread, x, images, lines, padded, x_at, inputs, w, bias, cut, y, argmax,
        y_at,
    ):  # fmt: skip
        bands, band, blocks, block = cut
        _, rows, columns, filters = y.shape
        source, x0 = _window_lines(item, thread, x, images, lines, padded, cut, rows, 2)
        n, own = item // blocks // bands, item // blocks % bands * band
        y0 = (n * rows + min(own, rows - band)) * columns * filters
        lanes, o = VECTOR_BYTES // w.itemsize, item % blocks * block
        last = min(o + block, filters)
        end = last
        if single and (last - o + lanes - 1) // lanes % 2:
            end = o + (last - o - 1) // lanes * lanes
        maxima, places = y.reshape(-1), argmax.reshape(-1)
        for k in range(o, end, 2 * lanes):
            by_pairs(
                source, x0, x_at, band * columns, inputs, w, bias, k, last, maxima,
                places, y0, y_at,
            )  # fmt: skip
        if end < last:
            by_one(
                source, x0, x_at, band * columns, inputs, w, bias, end, last, maxima,
                places, y0, y_at,
            )  # fmt: skip

    return pooled_item


@functools.cache
def _forward_body(windows: Any, pool: Any) -> Any:
    @jit()
    def forward_item(
        item, thread, x, images, lines, padded, x_at, inputs, w, bias, cut, z, z_at,
        window, y, argmax,
    ):  # fmt: skip
        bands, band, blocks, block = cut
        _, rows, _, filters = y.shape
        source, x0 = _window_lines(
            item, thread, x, images, lines, padded, cut, rows, window[0]
        )
        n, o = item // blocks // bands, item % blocks * block
        last = min(o + block, filters)
        # the last band overlaps the one before; only its own rows are pooled
        own = item // blocks % bands * band
        first = min(own, rows - band)
        part = z[thread].reshape(-1)
        windows(
            source, x0, x_at, 0, len(part) // block, inputs, w, 0, 0, bias, 1, o, last,
            part, -o, z_at,
        )  # fmt: skip
        pool(
            z, thread, own - first, band, last - o, window, window, (0, 0), y, n, first,
            o, argmax, DEAD,
        )  # fmt: skip

    return forward_item


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
    given = x, dy, argmax, w, dx, dw, dbias, window, strides, pads, dilation
    run_kept(conv2d_relu_maxpool2d_backward_tasks, *given)
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
    """Return the tasks that write dw, dbias and, unless it is None, dx."""
    images, _, taps, length = conv2d_windows(
        x.shape, w.shape, strides, pads, dilation, 1
    )
    steps = strides[0] * images.line, strides[1] * images.channels
    sweep = images, steps, taps, length, window
    work = dw_tasks(x, dy, argmax, dw, dbias, sweep)
    return work if dx is None else [*work, *dx_tasks(dy, argmax, w, dx, sweep)]
