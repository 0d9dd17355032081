"""The loops of depthwise2d.py: sums over windows, channel by channel.

A tile is 8 neighbouring pixels of y, or 9 taps of dw, for one vector of channels.  Just
before lines are used, they are copied into scratch memory.  There they are padded, in
the L1 cache and aligned (vectors that cross cache lines take twice as long to load).
Line h of an image is at h % extent, as in a ring buffer.  If the window's taps are as
far apart as the pixels, tile_slide loads each x once for 3 of them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..machine.arrays import Array, Pair, jit
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
from .images import Images, pad_line
from .sums import ITEMS


class Places(NamedTuple):
    """Where the pixels that a sweep writes are in an image; steps in numbers."""

    rows: int
    columns: int
    start: int
    row: int  # from a row to the next
    column: int


class Lines(NamedTuple):
    """How windows sweep over padded images; steps in numbers."""

    bands: int  # of rows of an image; each is an item
    rows: int
    columns: int
    stride: int  # lines from one row of windows to the next
    extent: int  # lines in a row of windows
    line: int  # from a line to the next
    x_column: int  # from a window to the next
    pitch: int  # from a tap of w to the next
    y_image: int
    y_start: int
    y_row: int
    y_column: int


def lines_task(
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
    p_at, q_at : of the window (tap, its distance from the corner in the padded image)
    """
    channels, line, kw = images.channels, images.line, w.shape[1]
    taps = np.array(
        [  # for each tap: its line and column in the window, its place in w
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


class Window(NamedTuple):
    """How the window of dw sweeps over padded images; steps in numbers."""

    total: int  # rows of all images
    chunks: int
    rows: int
    columns: int
    kh: int
    kw: int
    stride: int  # lines from one row of windows to the next
    extent: int  # lines in a row of windows
    line: int  # from a line to the next
    step: int  # from a window to the next
    slides: int  # whether taps are as far apart as windows


@jit()
def dw_item(
    chunk, thread, window, x, images, padded, below, beside, places, dy, sums, d_at
):  # fmt: skip
    """Add up dw over a chunk of the rows of dy."""
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
    """Do the same for 3 x 3 taps at a time, which are as far apart as the pixels."""
    left, step = channels - c, window.step
    for p in range(0, window.kh, 3):
        for q in range(0, window.kw, 3):
            # if fewer than 3 rows are left, the last one is computed three times
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
