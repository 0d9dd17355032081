"""The list backward: gradients after convolution, ReLU and max-pooling.

The formulas, (2) to (4), and their references are in conv2d_relu_maxpool2d.py.  The
nonzero entries of dz are collected image by image.  For dw, the list is made for each
channel, with pairs (where the window begins, value): then a tile of dw stays in
registers while the list streams by.  For dx, there is a word of bits for each cell and
position in it, which shows the channels of its nonzero entries: then a window of dx
stays in registers.
"""

import functools
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..machine.arrays import Array, Pair, empty, jit
from ..machine.tasks import Task, scratch
from ..machine.tile import (
    VECTOR_BYTES,
    tile_axpy,
    tile_find,
    tile_first,
    tile_load,
    tile_offsets,
    tile_pick,
    tile_rows,
    tile_store,
)
from .images import Images, pad
from .matrices import transpose_task
from .products import PANEL, make_outer, table
from .sums import ITEMS, fold_task

DEAD = 255  # argmax if no cell is above 0

# images, steps to the next window (down, right), taps, their length, pooling window
Sweep: TypeAlias = tuple[Images, Pair, NDArray[np.int64], int, Pair]


def dw_tasks(
    x: Array,
    dy: Array,
    argmax: NDArray[np.uint8],
    dw: Array,
    dbias: Array,
    sweep: Sweep,
) -> list[Task]:
    """Return the tasks that write dw and dbias of equations (3) and (2)."""
    images, steps, taps, length, window = sweep
    chunks = max(1, min(len(x), ITEMS))
    parts, bias_parts = (
        empty((chunks, *dw.shape), x.dtype),
        empty((chunks, len(dbias)), x.dtype),
    )
    inputs, filters = dw.size // len(dbias), len(dbias)
    _, rows, columns, _ = dy.shape
    padded = scratch(images.padded_size, x.dtype)
    if length * x.itemsize < VECTOR_BYTES:
        # for windows narrower than a vector, all of dz is faster than a list (1 to 32
        # channels on 28x28, batch 32: 65 us instead of 190), and parts of it in the L1
        # cache are faster than the whole (other CPU, batch 128: 0.55, not 0.83 ms)
        tile = _narrow_tile(inputs, filters, x.itemsize)
        cell = window[0] * window[1] * tile[1] * VECTOR_BYTES
        cells = max(1, PANEL // cell)  # cells whose dz fits into the panel
        task = Task(
            _narrow_body(*tile, *window), chunks,
            x.reshape(-1), images, padded, steps,
            table(taps[:, None] + np.arange(length)), dy.reshape(-1),
            argmax.reshape(-1), dy.shape, parts.reshape(chunks, dw.size),
            table(np.arange(inputs) * filters), bias_parts, np.ones(1, x.dtype),
            scratch(cells * cell // x.itemsize, x.dtype), cells,
        )  # fmt: skip
        return [task, fold_task(parts, dw), fold_task(bias_parts, dbias)]
    cells, positions = _places(steps, window, rows, columns)
    dw_t = empty((filters, inputs), x.dtype)
    tile = _tile_shape(len(taps), length, x.itemsize)
    whole = _whole(length, tile[1], x.itemsize)
    task = Task(
        _dw_body(*tile, whole), chunks,
        x.reshape(-1), images, padded, dy.reshape(len(dy), cells.size, filters),
        argmax.reshape(len(dy), cells.size, filters), cells, positions,
        scratch(cells.size + 1, np.int64), scratch(cells.size + 1, x.dtype),
        table(taps), len(taps), length, parts.reshape(chunks, filters, inputs),
        bias_parts,
    )  # fmt: skip
    turn = transpose_task(dw_t, dw.reshape(inputs, filters))
    return [task, fold_task(parts, dw_t), turn, fold_task(bias_parts, dbias)]


def dx_tasks(
    dy: Array, argmax: NDArray[np.uint8], w: Array, dx: Array, sweep: Sweep
) -> list[Task]:
    """Return the tasks that write dx of equation (4)."""
    images, steps, taps, length, window = sweep
    _, rows, columns, filters = dy.shape
    inputs = w.size // filters
    cells, positions = _places(steps, window, rows, columns)
    w_t = empty((filters, inputs), w.dtype)
    # runs of 384 bytes, so that those of 64 filters stay in the L1 cache, and as many
    # runs as fit into registers, so that a word is found once for all of them (64-byte
    # vectors, 32 to 64 channels on 13x13, batch 128: 0.87 instead of 1.00 ms)
    tile = _tile_shape(len(taps), min(length, 384 // w.itemsize), w.itemsize)
    whole = _whole(length, tile[1], w.itemsize)
    word = min(1 << filters.bit_length() - 1, 64)
    task = Task(
        _dx_body(*tile, whole, word), len(dx), dy.reshape(-1), argmax.reshape(-1),
        filters, cells, positions, taps, length, w_t.reshape(-1), images,
        scratch(images.padded_size, w.dtype), dx.reshape(-1),
    )  # fmt: skip
    return [transpose_task(w.reshape(inputs, filters), w_t), task]


def _places(
    steps: Pair, window: Pair, rows: int, columns: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where windows begin in x: for each cell, and for positions in a cell."""
    i, j = np.arange(rows)[:, None] * window[0], np.arange(columns) * window[1]
    p, q = np.arange(window[0])[:, None], np.arange(window[1])
    cells, positions = (a * steps[0] + b * steps[1] for a, b in ((i, j), (p, q)))
    return cells.reshape(-1), positions.reshape(-1)


def _tile_shape(taps: int, length: int, itemsize: int) -> Pair:
    """Return R and NV of a tile that covers a window's R runs of NV vectors.

    It stays in registers while the list streams by: 24 of 32 registers, or 12 of 16.
    """
    most = 24 if VECTOR_BYTES == 64 else 12
    vectors = min(-(-length * itemsize // VECTOR_BYTES), most)
    rows = max(r for r in range(1, taps + 1) if taps % r == 0 and r * vectors <= most)
    return rows, vectors


def _whole(length: int, vectors: int, itemsize: int) -> int:
    """Return the columns of a tile if such tiles exactly fill a run, else 0.

    It is a constant of the kernels: if masks needed registers, too, LLVM would keep a
    sum in memory (dx, 32 to 64 channels on 13x13, batch 128: 1.35 instead of 0.97 ms).
    """
    columns = vectors * VECTOR_BYTES // itemsize
    return columns if length % columns == 0 else 0


def _narrow_tile(inputs: int, filters: int, itemsize: int) -> Pair:
    """Return R and NV of the tiles that cover (inputs, filters) with least waste."""
    vectors = 1 if filters * itemsize <= VECTOR_BYTES else 2
    most = (24 if VECTOR_BYTES == 64 else 10) // vectors
    return -(-inputs // -(-inputs // most)), vectors


@functools.cache
def _narrow_body(R: int, NV: int, P: int, Q: int) -> Any:
    outer = make_outer(R, NV)

    @jit()
    def unpool(
        dy, argmax, start, step, rows, columns, filters, left, total, one, panel
    ):  # fmt: skip
        """Write dz of some rows and columns of cells to ``panel``; return its sum."""
        pixel = NV * VECTOR_BYTES // dy.itemsize
        line = columns * Q * pixel
        for i in range(rows):
            for j in range(columns):
                cell = tile_load(one, tile_rows(0, 0, 1), 0, NV)  # zeros
                for k in range(P * Q):
                    slopes = tile_pick(dy, argmax, start + j * filters, k, left, NV)
                    cell = tile_axpy(cell, one, 0, slopes)
                    to = (i * P + k // Q) * line + (j * Q + k % Q) * pixel
                    tile_store(panel, tile_rows(to, 0, 1), slopes, pixel)
                total = tile_axpy(total, one, 0, cell)
            start += step
        return total

    @jit()
    def narrow_item(
        chunk, thread, x, images, padded, steps, x_at, dy, argmax, shape, parts, d_at,
        bias_parts, one, panels, cells,
    ):  # fmt: skip
        height, width, channels, top, bottom, left, right = images
        size = (top + height + bottom) * (left + width + right) * channels
        count, rows, columns, filters = shape
        chunks, panel = len(parts), panels[thread]
        d, dbias = parts[chunk], bias_parts[chunk]
        d[:] = 0
        dbias[:] = 0
        pixel = NV * VECTOR_BYTES // x.itemsize
        wide = min(columns, cells)
        high = min(rows, cells // wide)
        for n in range(chunk * count // chunks, (chunk + 1) * count // chunks):
            source, x0 = x, n * size
            if padded.size:
                source, x0 = padded[thread], 0
                pad(x, n, images, 0, top + height + bottom, source)
            for o in range(0, filters, pixel):
                place = tile_rows(o, 0, 1)
                total = tile_load(dbias, place, filters - o, NV)
                for i in range(0, rows, high):
                    for j in range(0, columns, wide):
                        h, v = min(high, rows - i), min(wide, columns - j)
                        total = unpool(
                            dy, argmax, ((n * rows + i) * columns + j) * filters + o,
                            columns * filters, h, v, filters, filters - o, total, one,
                            panel,
                        )  # fmt: skip
                        corner = x0 + i * P * steps[0] + j * Q * steps[1]
                        for k in range(0, d.size // filters, R):
                            outer(
                                source, corner, steps[0], steps[1], x_at, k, k + R,
                                panel, -o, v * Q * pixel, pixel, h * P, v * Q, False, o,
                                filters, d, d_at, panel,
                            )  # fmt: skip
                tile_store(dbias, place, total, filters - o)

    return narrow_item


@functools.cache
def _dw_body(R: int, NV: int, whole: int) -> Any:
    @jit()
    def dw_item(
        chunk, thread, x, images, padded, dy, argmax, cells, positions, starts, values,
        taps, n_taps, length, parts, bias_parts,
    ):  # fmt: skip
        height, width, channels, top, bottom, left, right = images
        size = (top + height + bottom) * (left + width + right) * channels
        chunks, filters, inputs = parts.shape
        columns = NV * VECTOR_BYTES // x.itemsize
        parts[chunk] = 0
        bias_parts[chunk] = 0
        d, start_of, value_of = parts.reshape(-1), starts[thread], values[thread]
        for n in range(chunk * len(dy) // chunks, (chunk + 1) * len(dy) // chunks):
            source, x0 = x, n * size
            if padded.size:
                source, x0 = padded[thread], 0
                pad(x, n, images, 0, top + height + bottom, source)
            for cell in range(len(cells)):
                slopes, place_of = dy[n, cell], argmax[n, cell]
                total_of = bias_parts[chunk]
                for o in range(filters):
                    slope = slopes[o] if place_of[o] != DEAD else x.dtype.type(0)
                    total_of[o] += slope
            for o in range(filters):
                count = 0
                for cell in range(len(cells)):  # no "if": dead ones are overwritten
                    position = np.int64(argmax[n, cell, o])
                    live = position != DEAD
                    start_of[count] = cells[cell] + positions[position * live]
                    value_of[count] = dy[n, cell, o]
                    count += live
                row = (chunk * filters + o) * inputs
                for tap in range(0, n_taps, R):
                    for k in range(0, length, columns):
                        some = whole or length - k
                        d_at = tile_rows(row + tap * length + k, length, R)
                        acc = tile_load(d, d_at, some, NV)
                        for e in range(count):
                            window = tile_offsets(taps, tap, x0 + start_of[e] + k, R)
                            pixels = tile_load(source, window, some, NV)
                            acc = tile_axpy(acc, value_of, e, pixels)
                        tile_store(d, d_at, acc, some)

    return dw_item


@functools.cache
def _dx_body(R: int, NV: int, whole: int, W: int) -> Any:
    @jit()
    def dx_item(
        n, thread, dy, argmax, filters, cells, positions, taps, length, w_t, images,
        padded, dx,
    ):  # fmt: skip
        height, width, channels, top, bottom, left, right = images
        line = (left + width + right) * channels
        size, inputs = (top + height + bottom) * line, len(taps) * length
        columns = NV * VECTOR_BYTES // dx.itemsize
        target, x0 = dx, n * size
        if padded.size:
            target, x0 = padded[thread], 0
        image = target[x0 : x0 + size]
        for k in range(size):
            image[k] = 0
        for tap in range(0, len(taps), R):
            for k in range(0, length, columns):
                some, w0 = whole or length - k, tap * length + k
                for cell in range(len(cells)):
                    at = (n * len(cells) + cell) * filters
                    for p in range(len(positions)):
                        start = x0 + cells[cell] + positions[p] + k
                        window = tile_offsets(taps, tap, start, R)
                        acc = tile_load(target, window, some, NV)
                        for o in range(0, filters, W):
                            # the last word overlaps the one before
                            first = min(o, filters - W)
                            word = tile_find(argmax, at + first, p, W)
                            word = word >> o - first << o - first
                            while word != 0:
                                e = first + tile_first(word)
                                word &= word - 1
                                w_at = tile_rows(w0 + e * inputs, length, R)
                                taps_of = tile_load(w_t, w_at, some, NV)
                                acc = tile_axpy(acc, dy, at + e, taps_of)
                        tile_store(target, window, acc, some)
        if padded.size:
            for h in range(height):
                inside = target[(top + h) * line + left * channels :]
                outside = dx[(n * height + h) * width * channels :]
                for k in range(width * channels):
                    outside[k] = inside[k]

    return dx_item
