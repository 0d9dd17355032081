"""Equation (1) of products.py over all images of a batch, as a task.

An image that needs padding is first copied into the thread's scratch memory (a separate
pass over all images cost 30 % more).  No sum is split.  So images may be distributed
over the threads, and few images also as bands of rows and blocks of filters (``cut``;
prediction of one image: 43 instead of 51 us).
"""

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..machine.arrays import Array, jit
from ..machine.tasks import THREADS, Task, scratch
from ..machine.tile import VECTOR_BYTES
from .images import Images, pad
from .packing import Weights, pack_task
from .products import LEAVES, MANY, ROW, cover, table, windows_over


@functools.cache
def cut(
    images: int, rows: int, columns: int, filters: int, itemsize: int
) -> tuple[int, int, int, int]:
    """Return how to split a few images, so that no thread has too much work.

    Try every split with at most two parts per thread.  Choose the one whose busiest
    thread computes the fewest register tiles; among equal ones the one with the fewest
    parts, then the one that reads the least.

    Parameters
    ----------
    rows, columns : of windows in an image; only whole rows are split
    filters : columns of w, split into whole tiles

    Returns
    -------
    bands, band : the number of bands of an image, and the rows in each
    blocks, block : the number of blocks of its filters, and the filters in each

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
    lines: int  # of the padded image, from one row of windows to the next
    extent: int  # lines in a row of windows
    y_start: int  # the first output in an image
    groups: int
    x_group: int  # channels of a group
    y_group: int
    ldw: int = 0  # from a row of w to the next; 0 if w is packed
    w_group: int = 0  # from a group's columns to the next group's


def windows_tasks(
    sweep: Sweep,
    x: Array,
    images: Images,
    x_at: NDArray[np.int64],
    inputs: NDArray[np.int64],
    weights: Weights,
    bias: Array,
    relu: bool,
    y: Array,
    y_at: NDArray[np.int64],
) -> list[Task]:
    """Return the tasks of (1) for all images, bands of rows, blocks of columns.

    Parameters
    ----------
    x_at, y_at : where the windows of an image, and their outputs, are
    inputs : where the inputs of a window are
    """
    bands, band, blocks, block = cut(
        sweep.images, sweep.rows, sweep.columns, sweep.y_group, x.itemsize
    )
    part, pixels = band * sweep.columns, sweep.rows * sweep.columns
    padded = scratch(images.padded_size, x.dtype)
    wide = inputs.size * 2 * VECTOR_BYTES > LEAVES
    tiles = cover(sweep.y_group, x.itemsize, pixels, block, wide)
    tasks, w, columns = [], weights.w, sweep.y_group
    if weights.run or sweep.images * pixels >= MANY:
        pack, w = pack_task(weights, sweep.groups, columns, tiles)
        tasks = [pack]
        size = w.size // sweep.groups - columns * weights.rows
        sweep = sweep._replace(w_group=size)
    elif weights.rows > 1:
        sweep = sweep._replace(ldw=int(weights.at[1] - weights.at[0]))
    windows = Task(
        _windows_body(windows_over(tiles)), sweep.images * bands * blocks,
        sweep, (bands, band, blocks, block), x.reshape(-1), images, padded,
        table(x_at.reshape(-1)[:part]), np.ascontiguousarray(inputs).reshape(-1),
        w, bias, int(relu), y.reshape(-1), table(y_at.reshape(-1)[:part]),
    )  # fmt: skip
    return [*tasks, windows]


@functools.cache
def _windows_body(windows: Any) -> Any:
    @jit()
    def windows_item(
        item, thread, sweep, cut, x, images, padded, x_at, inputs, w, bias, relu, y,
        y_at,
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
                w, g * sweep.w_group, sweep.ldw, bias, relu, first, last, y, y0, y_at,
            )  # fmt: skip

    return windows_item


def residues(
    size: int, outputs: int, taps: int, stride: int, before: int, dilation: int
) -> tuple[list[tuple[int, int, list[tuple[int, int]]]], int, int]:
    """Return, along an axis, which pixels of dx depend on which pixels of dy.

    Returns
    -------
    classes : for each class its first pixel of dx, the number of its pixels, and all
        (p, i): the first pixel uses tap p of the filter with pixel i of dy, the next
        pixel uses i + 1
    below, above : how far i goes below 0, and above outputs - 1
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
    # all classes sweep over the same padded dy
    above = max(above, *(count - below - outputs for _, count, _ in classes))
    return classes, below, above
