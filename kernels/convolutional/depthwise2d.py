"""Depthwise 2-D cross-correlation: each channel has a filter of its own; gradients.

For every n, i, j, c (and p, q over the window)::

     y[n, i, j, c]  = bias[c] + sum_pq  x[n, h, v, c] * w[p, q, 0, c]           (1)
    dw[p, q, 0, c]  = sum_nij  x[n, h, v, c] * dy[n, i, j, c]                   (2)
    dx[n, h, v, c]  = sum_pq  w[p, q, 0, c] * dy[n, i, j, c]                    (3)

    where  h = i*s + p*d - top,  v = j*t + q*e - left

for strides (s, t), dilation (d, e), padding ((top, bottom), (left, right)).  It is
conv2d with as many groups as channels.  Pixels outside x are zero; (3) sums over all
i, p (and j, q) that meet in h (and v).

Source: Sifre, "Rigid-motion scattering for image classification", PhD thesis, 2014;
Howard et al., "MobileNets", arXiv:1704.04861, equation (3).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..loops.images import Images, conv2d_shape, pad_line
from ..loops.products import table
from ..loops.sums import ITEMS, fold_task
from ..loops.sweeps import residues
from ..machine.arrays import Array, Pads, Pair, Shape, empty, jit
from ..machine.kept import run_kept
from ..machine.tasks import Task, scratch
from ..machine.tile import (
    VECTOR_BYTES,
    tile_fill,
    tile_load,
    tile_mul,
    tile_offsets,
    tile_relu,
    tile_rows,
    tile_slide,
    tile_store,
)

# --- reference: the formulas, loop by loop ------------------------------------


def depthwise2d_reference(
    x: Array,
    w: Array,
    bias: Array,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> Array:
    """Return y (N, OH, OW, C) of equation (1); shapes as in :func:`depthwise2d`."""
    y = np.empty(conv2d_shape(x.shape, w.shape, strides, pads, dilation), x.dtype)
    (s, t), (d, e), ((top, _), (left, _)) = strides, dilation, pads
    _, height, width, _ = x.shape
    for n, i, j, c in np.ndindex(y.shape):
        y[n, i, j, c] = bias[c]
        for p, q in np.ndindex(w.shape[:2]):
            h, v = i * s + p * d - top, j * t + q * e - left
            if 0 <= h < height and 0 <= v < width:
                y[n, i, j, c] += x[n, h, v, c] * w[p, q, 0, c]
    return y


def depthwise2d_dw_reference(
    x: Array,
    dy: Array,
    w_shape: Shape,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> Array:
    """Return dw (KH, KW, 1, C) of (2); shapes as in :func:`depthwise2d_dw`."""
    dw = np.zeros(w_shape, x.dtype)
    (s, t), (d, e), ((top, _), (left, _)) = strides, dilation, pads
    _, height, width, _ = x.shape
    for n, i, j, c in np.ndindex(dy.shape):
        for p, q in np.ndindex(w_shape[:2]):
            h, v = i * s + p * d - top, j * t + q * e - left
            if 0 <= h < height and 0 <= v < width:
                dw[p, q, 0, c] += x[n, h, v, c] * dy[n, i, j, c]
    return dw


def depthwise2d_dx_reference(
    dy: Array,
    w: Array,
    x_shape: Shape,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> Array:
    """Return dx (N, H, W, C) of (3); shapes as in :func:`depthwise2d_dx`."""
    dx = np.zeros(x_shape, dy.dtype)
    (s, t), (d, e), ((top, _), (left, _)) = strides, dilation, pads
    _, height, width, _ = x_shape
    for n, i, j, c in np.ndindex(dy.shape):
        for p, q in np.ndindex(w.shape[:2]):
            h, v = i * s + p * d - top, j * t + q * e - left
            if 0 <= h < height and 0 <= v < width:
                dx[n, h, v, c] += w[p, q, 0, c] * dy[n, i, j, c]
    return dx


# --- fast: lines of pixels, a vector of channels at a time ----------------------
#
# A tile is 8 neighbouring pixels of y, or 9 taps of dw, by one vector of channels.
# Lines are copied into scratch memory just before they are used: padded, in the first
# cache and aligned (vectors that cross cache lines take twice as long to load).
# They are a ring: line h of an image lies at h % extent.  Where the window's taps
# are as far apart as the pixels, tile_slide loads each x once for 3 of them.


def depthwise2d(
    x: Array,
    w: Array,
    bias: Array,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> Array:
    """Return y (N, OH, OW, C) of equation (1).

    Parameters
    ----------
    x : (N, H, W, C)
    w : (KH, KW, 1, C)
    bias : (C,)
    strides, pads, dilation : (s, t), ((top, bottom), (left, right)), (d, e)
    """
    y = empty(conv2d_shape(x.shape, w.shape, strides, pads, dilation), x.dtype)
    run_kept(depthwise2d_tasks, x, w, bias, y, strides, pads, dilation)
    return y


def depthwise2d_dw(
    x: Array,
    dy: Array,
    w_shape: Shape,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> Array:
    """Return dw (KH, KW, 1, C) of (2) for x (N, H, W, C) and dy (N, OH, OW, C)."""
    dw = empty(w_shape, x.dtype)
    run_kept(depthwise2d_dw_tasks, x, dy, dw, strides, pads, dilation)
    return dw


def depthwise2d_dx(
    dy: Array,
    w: Array,
    x_shape: Shape,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> Array:
    """Return dx (N, H, W, C) of equation (3) for dy (N, OH, OW, C)."""
    dx = empty(x_shape, dy.dtype)
    run_kept(depthwise2d_dx_tasks, dy, w, dx, strides, pads, dilation)
    return dx


def depthwise2d_tasks(
    x: Array,
    w: Array,
    bias: Array,
    y: Array,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    relu: bool = False,
) -> list[Task]:
    """Return the tasks that write y of equation (1), or max(y, 0) where ``relu``."""
    _, height, width, channels = x.shape
    images = Images(height, width, channels, *pads[0], *pads[1])
    p_at, q_at = (
        [(tap, tap * dilation[a]) for tap in range(w.shape[a])] for a in (0, 1)
    )
    _, rows, columns, _ = y.shape
    places = Places(rows, columns, 0, columns * channels, channels)
    return [_lines_task(x, images, strides, p_at, q_at, w, bias, relu, y, places)]


def depthwise2d_dx_tasks(
    dy: Array,
    w: Array,
    dx: Array,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> list[Task]:
    """Return the tasks that write dx of equation (3).

    (3) is itself such a sum over dy, padded, with the taps in reverse; with strides,
    one for each class of pixels of dx that see the same taps, as in conv2d_dx_tasks.
    """
    _, height, width, channels = dx.shape
    _, rows, columns, _ = dy.shape
    row_classes, above, below = residues(
        height, rows, w.shape[0], strides[0], pads[0][0], dilation[0]
    )
    column_classes, before, after = residues(
        width, columns, w.shape[1], strides[1], pads[1][0], dilation[1]
    )
    images = Images(rows, columns, channels, above, below, before, after)
    nothing = np.zeros(channels, dy.dtype)
    tasks = []
    for h0, in_h, p_at in row_classes:
        for v0, in_v, q_at in column_classes:
            places = Places(
                in_h, in_v, (h0 * width + v0) * channels,
                strides[0] * width * channels, strides[1] * channels,
            )  # fmt: skip
            i_at = [(p, i + above) for p, i in p_at]
            j_at = [(q, j + before) for q, j in q_at]
            tasks.append(
                _lines_task(
                    dy, images, (1, 1), i_at, j_at, w, nothing, False, dx, places
                )
            )
    return tasks


class Places(NamedTuple):
    """Where the pixels that a sweep writes are in an image; steps in numbers."""

    rows: int
    columns: int
    start: int
    row: int  # from a row to the next
    column: int


class Lines(NamedTuple):
    """How windows sweep over padded images; steps in numbers."""

    bands: int  # of rows of an image; an item each
    rows: int
    columns: int
    stride: int  # lines from a row of windows to the next,
    extent: int  # in a row of windows
    line: int  # from a line to the next
    x_column: int  # from a window to the next
    pitch: int  # from a tap of w to the next
    y_image: int
    y_start: int
    y_row: int
    y_column: int


def _lines_task(
    x: Array,
    images: Images,
    strides: Pair,
    p_at: Sequence[Pair],
    q_at: Sequence[Pair],
    w: Array,
    bias: Array,
    relu: bool,
    y: Array,
    places: Places,
) -> Task:
    """Return the task that writes the sums at ``places`` in all images of y.

    Parameters
    ----------
    p_at, q_at : of the window (tap, how far from its corner in the padded image)
    """
    channels, line, kw = images.channels, images.line, w.shape[1]
    taps = np.array(
        [  # of a tap: its line and its column in the window, its place in w
            [(h * line, v * channels, (p * kw + q) * channels) for q, v in q_at]
            for p, h in p_at
        ],
        np.int64,
    ).reshape(len(p_at), len(q_at), 3)
    far = np.diff([v for _, v in q_at])
    slides = bool(np.all(far == strides[1]))
    tripled = len(q_at) // 3 * 3 if slides else 0
    lines = Lines(
        bands=max(1, min(-(-ITEMS // max(len(x), 1)), places.rows)),
        rows=places.rows, columns=places.columns, stride=strides[0],
        extent=max([h + 1 for _, h in p_at], default=0), line=line,
        x_column=strides[1] * channels,
        pitch=int(taps[0, 1, 2] - taps[0, 0, 2]) if tripled and p_at else 0,
        y_image=y[:1].size, y_start=places.start, y_row=places.row,
        y_column=places.column,
    )  # fmt: skip
    padded = scratch(lines.extent * line, x.dtype)
    return Task(
        _lines_item, len(x) * lines.bands, lines, x.reshape(-1), images, padded,
        np.ascontiguousarray(taps[:, :tripled:3]).reshape(-1, 3),
        np.ascontiguousarray(taps[:, tripled:]).reshape(-1, 3),
        w.reshape(-1), bias, int(relu), y.reshape(-1),
    )  # fmt: skip


@jit()
def _lines_item(
    item, thread, lines, x, images, padded, triples, singles, w, bias, relu, y
):  # fmt: skip
    n, band = item // lines.bands, item % lines.bands
    first = band * lines.rows // lines.bands
    ring, ready = padded[thread], first * lines.stride
    for i in range(first, (band + 1) * lines.rows // lines.bands):
        corner = i * lines.stride
        for h in range(max(ready, corner), corner + lines.extent):
            pad_line(x, n, images, h, ring, h % lines.extent * lines.line)
        ready = corner + lines.extent
        x0 = corner % max(lines.extent, 1) * lines.line
        y0 = n * lines.y_image + lines.y_start + i * lines.y_row
        if lines.columns >= 8:
            _row_8(ring, x0, lines, triples, singles, w, bias, relu, y, y0)
        elif lines.columns >= 4:
            _row_4(ring, x0, lines, triples, singles, w, bias, relu, y, y0)
        else:
            _row_1(ring, x0, lines, triples, singles, w, bias, relu, y, y0)


def _make_row(R):
    @jit()
    def row(x, x0, lines, triples, singles, w, bias, relu, y, y0):
        """Write a row of y, R pixels by a vector of channels at a time."""
        size = lines.extent * lines.line
        for j in range(0, lines.columns, R):
            j = min(j, lines.columns - R)  # the last tile overlaps the one before
            for c in range(0, bias.size, VECTOR_BYTES // w.itemsize):
                left, pixel = bias.size - c, j * lines.x_column + c
                acc = tile_fill(bias, c, left, R, 1)
                for t in range(len(triples)):
                    line = x0 + triples[t, 0]
                    at = (line if line < size else line - size) + triples[t, 1] + pixel
                    taps = tile_rows(triples[t, 2] + c, lines.pitch, 3)
                    acc = tile_slide(acc, x, at, lines.x_column, w, taps, left)
                for t in range(len(singles)):
                    line = x0 + singles[t, 0]
                    at = (line if line < size else line - size) + singles[t, 1] + pixel
                    pixels = tile_rows(at, lines.x_column, R)
                    acc = tile_mul(acc, x, pixels, 0, w, singles[t, 2] + c, left)
                if relu:
                    acc = tile_relu(acc)
                at = y0 + j * lines.y_column + c
                tile_store(y, tile_rows(at, lines.y_column, R), acc, left)

    return row


_row_8, _row_4, _row_1 = _make_row(8), _make_row(4), _make_row(1)


def depthwise2d_dw_tasks(
    x: Array,
    dy: Array,
    dw: Array,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> list[Task]:
    """Return the tasks that write dw of equation (2).

    The rows of dy, of all images, are cut into chunks, each with a sum of its own.
    """
    _, height, width, channels = x.shape
    images = Images(height, width, channels, *pads[0], *pads[1])
    _, rows, columns, _ = dy.shape
    kh, kw, _, _ = dw.shape
    chunks = max(1, min(len(x) * rows, ITEMS))
    window = Window(
        total=len(x) * rows, chunks=chunks, rows=rows, columns=columns,
        kh=kh, kw=kw, stride=strides[0], extent=dilation[0] * (kh - 1) + 1,
        line=images.line, step=strides[1] * channels,
        slides=int(strides[1] == dilation[1] and kw % 3 == 0),
    )  # fmt: skip
    sums = empty((chunks, dw.size), dw.dtype) if chunks > 1 else dw.reshape(1, -1)
    p, q = np.divmod(np.arange(kh * kw), kw)
    below, beside = table(p * dilation[0]), table(q * dilation[1] * channels)
    task = Task(
        _dw_item, chunks, window, x.reshape(-1), images,
        scratch(window.extent * window.line, x.dtype), below, beside,
        scratch(below.size, np.int64), dy.reshape(-1), sums,
        table(np.arange(kh * kw) * channels),
    )  # fmt: skip
    return [task, fold_task(sums, dw)] if chunks > 1 else [task]


class Window(NamedTuple):
    """How the window of dw sweeps over padded images; steps in numbers."""

    total: int  # rows of all images
    chunks: int
    rows: int
    columns: int
    kh: int
    kw: int
    stride: int  # lines from a row of windows to the next,
    extent: int  # in a row of windows
    line: int  # from a line to the next
    step: int  # from a window to the next
    slides: int  # whether taps are as far apart as windows


@jit()
def _dw_item(
    chunk, thread, window, x, images, padded, below, beside, places, dy, sums, d_at
):  # fmt: skip
    channels, d = images.channels, sums[chunk]
    ring, taps = padded[thread], places[thread]
    for k in range(d.size):
        d[k] = 0
    first = chunk * window.total // window.chunks
    ready = 0
    for row in range(first, (chunk + 1) * window.total // window.chunks):
        n, i = row // window.rows, row % window.rows
        corner = i * window.stride
        if row == first or i == 0:
            ready = corner
        for h in range(max(ready, corner), corner + window.extent):
            pad_line(x, n, images, h, ring, h % window.extent * window.line)
        ready = corner + window.extent
        top = corner % window.extent
        for k in range(len(below)):
            h = top + below[k]
            h -= window.extent if h >= window.extent else 0
            taps[k] = h * window.line + beside[k]
        y0 = row * window.columns * channels
        for c in range(0, channels, VECTOR_BYTES // d.itemsize):
            if window.slides:
                _sliding(ring, window, channels, taps, dy, y0, c, d, d_at)
            else:
                _nine(ring, window, channels, taps, dy, y0, c, d, d_at)


@jit()
def _nine(x, window, channels, taps, dy, y0, c, d, d_at):
    """Add a row of dy to a vector of channels of d, 9 taps at a time."""
    left = channels - c
    for k in range(0, window.kh * window.kw, 9):
        inputs, sums = tile_offsets(taps, k, 0, 9), tile_offsets(d_at, k, c, 9)
        acc = tile_load(d, sums, left, 1)
        pixel, slope = c, y0 + c
        for _ in range(window.columns):
            acc = tile_mul(acc, x, inputs, pixel, dy, slope, left)
            pixel += window.step
            slope += channels
        tile_store(d, sums, acc, left)


@jit()
def _sliding(x, window, channels, taps, dy, y0, c, d, d_at):
    """Do the same for 3 x 3 taps at a time, as far apart as pixels."""
    left, step = channels - c, window.step
    for p in range(0, window.kh, 3):
        for q in range(0, window.kw, 3):
            # where less than 3 rows are left, the last one is computed thrice
            k0 = p * window.kw + q
            k1 = min(p + 1, window.kh - 1) * window.kw + q
            k2 = min(p + 2, window.kh - 1) * window.kw + q
            sums_0 = tile_offsets(d_at, k0, c, 3)
            sums_1 = tile_offsets(d_at, k1, c, 3)
            sums_2 = tile_offsets(d_at, k2, c, 3)
            acc_0 = tile_load(d, sums_0, left, 1)
            acc_1 = tile_load(d, sums_1, left, 1)
            acc_2 = tile_load(d, sums_2, left, 1)
            x_1, x_2 = taps[k1] - taps[k0], taps[k2] - taps[k0]
            at, slope = taps[k0] + c, y0 + c
            for _ in range(window.columns // 4):
                four = tile_rows(slope, channels, 4)
                acc_0 = tile_slide(acc_0, x, at, step, dy, four, left)
                acc_1 = tile_slide(acc_1, x, at + x_1, step, dy, four, left)
                acc_2 = tile_slide(acc_2, x, at + x_2, step, dy, four, left)
                at += 4 * step
                slope += 4 * channels
            for _ in range(window.columns % 4):
                pixels = tile_rows(at, step, 3)
                acc_0 = tile_mul(acc_0, x, pixels, 0, dy, slope, left)
                acc_1 = tile_mul(acc_1, x, pixels, x_1, dy, slope, left)
                acc_2 = tile_mul(acc_2, x, pixels, x_2, dy, slope, left)
                at += step
                slope += channels
            tile_store(d, sums_0, acc_0, left)
            tile_store(d, sums_1, acc_1, left)
            tile_store(d, sums_2, acc_2, left)
