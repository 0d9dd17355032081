"""The loops of products.py over all images of a batch, as tasks.

An image that needs padding is copied into scratch memory of the thread first (as a pass
of its own that cost 30 %).  A gradient by the weights is a sum over all pixels: it is
cut into about ``ITEMS`` parts, chunks of images or blocks of rows, by its size alone,
so that the bits are the same for any number of threads.  Equation (1) has no sum that
would be cut: images are shared out among the threads there are, and where they are few,
bands of their rows and blocks of their channels (``cut``; prediction of one image: 43
instead of 51 us).
"""

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import Array, empty, jit
from .images import Images, pad
from .products import PANEL, ROW, cover, outer_over, panel_size, table, windows_over
from .tasks import BLOCK, THREADS, Task, scratch
from .tile import VECTOR_BYTES

ITEMS = 8


@functools.cache
def cut(
    images: int, rows: int, columns: int, filters: int, itemsize: int
) -> tuple[int, int, int, int]:
    """Return how images are cut, if they are few, so that no thread has much to do.

    Of all cuts into at most two parts a thread that is taken whose busiest thread has
    the fewest register tiles to compute; of equal ones that with the fewest parts, then
    that which reads the least.

    Parameters
    ----------
    rows, columns : of windows in an image; only whole rows are cut
    filters : columns of w, cut in whole tiles

    Returns
    -------
    bands, band : an image is cut into so many bands of so many rows
    blocks, block : and its filters into so many blocks of so many

    >>> cut(100, 13, 13, 64, 4)
    (1, 13, 1, 64)
    """
    unit = VECTOR_BYTES // itemsize * (ROW if rows * columns == 1 else 2)
    most = max(1, 2 * THREADS // max(images, 1))
    found = []
    for p in range(1, most + 1):
        for q in range(1, most // p + 1):
            band, block = -(-rows // p), -(-filters // (q * unit)) * unit
            bands, blocks = -(-rows // max(band, 1)), -(-filters // max(block, 1))
            rounds = -(-images * bands * blocks // THREADS)
            tiles = -(-band * columns // 6) * (block // unit)
            reads = bands * filters + blocks * rows * columns
            parts = bands, band, blocks, min(block, filters)
            found.append((rounds * tiles, bands * blocks, reads, parts))
    return min(found)[3]


class Sweep(NamedTuple):
    """How windows sweep over images; counts, and steps in numbers of the arrays."""

    images: int  # N
    rows: int  # of windows, in an image
    columns: int
    x_image: int  # from an image to the next
    y_image: int
    x_row: int  # from a row of windows to the next
    y_row: int
    lines: int  # of the padded image: from a row of windows to the next, and
    extent: int  # in a row of windows
    y_start: int  # in an image
    w_start: int
    ldw: int  # from a row of w to the next
    groups: int
    x_group: int  # channels of a group
    y_group: int


def windows_task(
    sweep: Sweep,
    x: Array,
    images: Images,
    x_at: NDArray[np.int64],
    inputs: NDArray[np.int64],
    w: Array,
    bias: Array,
    relu: bool,
    y: Array,
    y_at: NDArray[np.int64],
) -> Task:
    """Return the task of equation (1) for all images, bands of rows, blocks of columns.

    Parameters
    ----------
    x_at, y_at : where the windows of an image, and their outputs, are
    inputs : where the inputs of a window are
    """
    bands, band, blocks, block = cut(
        sweep.images, sweep.rows, sweep.columns, sweep.y_group, x.itemsize
    )
    part = band * sweep.columns
    padded = scratch(images.padded_size, x.dtype)
    tiles = cover(sweep.y_group, x.itemsize, sweep.rows * sweep.columns, block)
    return Task(
        _windows_body(windows_over(tiles)), sweep.images * bands * blocks,
        sweep, (bands, band, blocks, block), x.reshape(-1), images, padded,
        table(x_at.reshape(-1)[:part]), np.ascontiguousarray(inputs).reshape(-1),
        w.reshape(-1), bias, int(relu),
        y.reshape(-1), table(y_at.reshape(-1)[:part]),
        scratch(panel_size(inputs.size, part, x.itemsize), x.dtype),
    )  # fmt: skip


@functools.cache
def _windows_body(windows: Any) -> Any:
    @jit()
    def windows_item(
        item, thread, sweep, cut, x, images, padded, x_at, inputs, w, bias, relu, y,
        y_at, panels,
    ):  # fmt: skip
        bands, band, blocks, block = cut
        image_band, block_of = item // blocks, item % blocks
        n, band_of = image_band // bands, image_band % bands
        # the last band overlaps the one before it and writes the same numbers
        i = min(band_of * band, sweep.rows - band)
        source, x0 = x, n * sweep.x_image + i * sweep.x_row
        if padded.size:
            source, x0 = padded[thread], i * sweep.x_row
            top = i * sweep.lines
            bottom = top + (band - 1) * sweep.lines + sweep.extent
            pad(x, n, images, top, bottom, source)
        y0 = n * sweep.y_image + i * sweep.y_row + sweep.y_start
        for g in range(sweep.groups):
            first = g * sweep.y_group + block_of * block
            last = min(first + block, (g + 1) * sweep.y_group)
            windows(
                source, x0 + g * sweep.x_group, x_at, 0, band * sweep.columns, inputs,
                w, sweep.w_start, sweep.ldw, bias, relu, first, last, y, y0, y_at,
                panels[thread],
            )  # fmt: skip

    return windows_item


def residues(
    size: int, outputs: int, taps: int, stride: int, before: int, dilation: int
) -> tuple[list[tuple[int, int, list[tuple[int, int]]]], int, int]:
    """Return, along an axis, which pixels of dx see which pixels of dy.

    Returns
    -------
    classes : for each the first pixel of dx, their number, and every (p, i): tap p of
        the filter with the pixel i of dy that the first sees; the next sees i + 1
    below, above : by how much i may be below 0, and above outputs - 1
    """
    classes = []
    for first in range(min(stride, size)):
        seen = [
            (p, (first + before - p * dilation) // stride)
            for p in reversed(range(taps))
            if (first + before - p * dilation) % stride == 0
        ]
        classes.append((first, -(-(size - first) // stride), seen))
    ends = [(i, i + count - 1) for _, count, seen in classes for _, i in seen]
    below = max([0, *(-i for i, _ in ends)])
    above = max([0, *(i - outputs + 1 for _, i in ends)])
    # every class sweeps over the same padded dy
    above = max(above, *(count - below - outputs for _, count, _ in classes))
    return classes, below, above


class Pixels(NamedTuple):
    """The pixels of (2): counts, and steps in numbers of the arrays."""

    images: int  # N
    rows: int  # of windows, in an image
    columns: int
    x_image: int  # from an image to the next
    y_image: int
    x_row: int  # from a row of windows to the next
    y_row: int
    x_column: int  # from a window to the next
    y_column: int
    groups: int
    x_group: int  # channels of a group
    y_group: int


def outer_tasks(
    pixels: Pixels,
    x: Array,
    images: Images,
    x_at: NDArray[np.int64],
    dy: Array,
    dw: Array,
) -> list[Task]:
    """Return the tasks of dw = the sum of equation (2) over all images.

    The images are cut into chunks, each with a sum of its own; these are added in
    order.  A large dw is cut into blocks of rows instead, and has one sum.

    Parameters
    ----------
    x_at : where the inputs of a window are
    """
    rows, columns = x_at.size, dw.size // x_at.size
    # eight sums of more than 64k numbers leave the L2 cache: 128 to 128 channels, 3x3
    chunks = max(1, min(pixels.images, ITEMS)) if dw.size <= 262144 else 1
    unit = 12 if pixels.y_group > VECTOR_BYTES // x.itemsize else 10  # whole tiles
    block = -(-rows // (-(-ITEMS // chunks) * unit)) * unit
    blocks = -(-rows // block)
    tasks = []
    if chunks == 1 and images.padded_size:
        whole = empty((pixels.images, images.padded_size), x.dtype)
        tasks.append(Task(_pad_item, len(whole), x.reshape(-1), images, whole))
        x, images = whole, Images(1, 1, 1)
        pixels = pixels._replace(x_image=whole.shape[1])
    sums = empty((chunks, dw.size), dw.dtype) if chunks > 1 else dw.reshape(1, -1)
    padded = scratch(images.padded_size, x.dtype)
    places = table(np.arange(rows) * columns)
    tasks.append(
        Task(
            _outer_body(outer_over(cover(pixels.y_group, x.itemsize))),
            chunks * blocks, pixels, (chunks, blocks, block, rows),
            x.reshape(-1), images, padded, table(x_at), dy.reshape(-1), sums, places,
            scratch(PANEL // x.itemsize, x.dtype),
        )
    )  # fmt: skip
    return tasks + ([fold_task(sums, dw)] if chunks > 1 else [])


@jit()
def _pad_item(n, thread, x, images, padded):
    height, _, _, top, bottom, _, _ = images
    pad(x, n, images, 0, top + height + bottom, padded[n])


@functools.cache
def _outer_body(outer: Any) -> Any:
    @jit()
    def outer_item(
        item, thread, pixels, cut, x, images, padded, x_at, dy, sums, d_at, panels
    ):  # fmt: skip
        chunks, blocks, block, rows = cut
        chunk, ka = item // blocks, item % blocks * block
        kb = min(ka + block, rows)
        d = sums[chunk]
        height, _, _, top, bottom, _, _ = images
        first = chunk * pixels.images // chunks
        last = (chunk + 1) * pixels.images // chunks
        if first == last:  # no image at all
            d[:] = 0
        for n in range(first, last):
            source, x0 = x, n * pixels.x_image
            if padded.size:
                source, x0 = padded[thread], 0
                pad(x, n, images, 0, top + height + bottom, source)
            for g in range(pixels.groups):
                outer(
                    source, x0 + g * pixels.x_group, pixels.x_row, pixels.x_column,
                    x_at, ka, kb, dy, n * pixels.y_image, pixels.y_row, pixels.y_column,
                    pixels.rows, pixels.columns, n == first, g * pixels.y_group,
                    (g + 1) * pixels.y_group, d, d_at, panels[thread],
                )  # fmt: skip

    return outer_item


def fold_task(parts: Array, total: Array) -> Task:
    """Return the task total = parts[0] + parts[1] + ..., added in this order."""
    flat = parts.reshape(len(parts), -1), total.reshape(-1)
    return Task(_fold_item, -(-total.size // BLOCK), *flat)


@jit()
def _fold_item(item, thread, parts, total):
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, total.size))
    total = total[part]
    for k in range(total.size):
        total[k] = 0
    for chunk in range(len(parts)):
        add = parts[chunk][part]
        for k in range(total.size):
            total[k] += add[k]
