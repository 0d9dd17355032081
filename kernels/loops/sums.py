"""Equation (2) of products.py, a gradient of weights, over all images of a batch.

It is a sum over all pixels, which is split into about ``ITEMS`` parts, chunks of images
or blocks of rows.  The split depends only on its size, so the results are the same to
the bit for any number of threads.
"""

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..machine.arrays import Array, empty, jit
from ..machine.tasks import Task, scratch
from ..machine.tile import VECTOR_BYTES
from .images import Images, pad_line, pad_line_in_vectors
from .products import PANEL, outer_cover, outer_over, table

ITEMS = 8
FOLD = 2048  # numbers in an item that adds up sums
# numbers in dw; eight sums of over 64k leave the L2 cache (128 to 128 channels, 3x3)
LARGEST = 262144


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

    The images are split into chunks with a sum each, and these sums are added in order.
    A large dw is split into blocks of rows instead, and has one sum.

    Parameters
    ----------
    x_at : where the inputs of a window are
    """
    rows, columns = x_at.size, dw.size // x_at.size
    chunks = max(1, min(pixels.images, ITEMS)) if dw.size <= LARGEST else 1
    tiles = outer_cover(rows, pixels.y_group, x.itemsize)
    unit = math.lcm(tiles.rows, tiles.last_rows or 1)
    block = -(-rows // (-(-ITEMS // chunks) * unit)) * unit
    blocks = -(-rows // block)
    taps = rows * pixels.groups // max(images.channels, 1)
    in_vectors = is_crowded(pixels, images, taps, x.itemsize)
    size, tasks = images.padded_size, []
    if in_vectors:
        pixels, x_at, size = _in_vectors(pixels, images, x_at, x.itemsize)
    if chunks == 1 and size:
        whole = empty((pixels.images, size), x.dtype)
        lines = images.top + images.height + images.bottom
        tasks.append(
            Task(
                _copy_item, pixels.images * lines, x.reshape(-1), images, lines,
                int(in_vectors), whole,
            )
        )  # fmt: skip
        x, size = whole, 0
        pixels = pixels._replace(x_image=whole.shape[1])
    sums = empty((chunks, dw.size), dw.dtype) if chunks > 1 else dw.reshape(1, -1)
    places = table(np.arange(rows) * columns)
    tasks.append(
        Task(
            _outer_body(outer_over(tiles)), chunks * blocks, pixels,
            (chunks, blocks, block, rows), x.reshape(-1), images, int(in_vectors),
            scratch(size, x.dtype), table(x_at),
            dy.reshape(-1), sums, places, scratch(PANEL // x.itemsize, x.dtype),
        )
    )  # fmt: skip
    return tasks + ([fold_task(sums, dw)] if chunks > 1 else [])


def is_crowded(pixels: Pixels, images: Images, taps: int, itemsize: int) -> bool:
    """Return whether it pays to copy images, one vector of channels after another.

    In the copy, pixels are neighbours.  In NHWC few of them fit into the L1 cache (see
    ``outer_over``), and a sum leaves the registers more often (3x3 on 16x16, 128 to 128
    channels: 13 instead of 15 ms; on 14x14, 512 to 512: 2.2 times faster).  It does not
    pay if a number of x is used fewer than 200 times, or for a product of matrices.
    """
    lanes, channels = VECTOR_BYTES // itemsize, images.channels // pixels.groups
    apart = (pixels.x_column & -pixels.x_column) * itemsize
    windows = pixels.rows * pixels.columns
    uses = taps * windows * pixels.y_group // max(images.height * images.width, 1)
    crowded = windows * apart > 6 * 4096
    return (
        crowded
        and taps > 1
        and uses >= 200
        and channels >= 4 * lanes
        and (channels % lanes == 0 or pixels.groups == 1)
    )


def _in_vectors(
    pixels: Pixels, images: Images, x_at: NDArray[np.int64], itemsize: int
) -> tuple[Pixels, NDArray[np.int64], int]:
    """Return pixels and x_at for images as (C / L, H, W, L), and an image's size."""
    lanes, channels = VECTOR_BYTES // itemsize, images.channels
    lines = images.top + images.height + images.bottom
    plane = lines * images.line // channels * lanes
    pixel, c = np.divmod(x_at.reshape(-1), channels)
    pixels = pixels._replace(
        x_row=pixels.x_row // channels * lanes,
        x_column=pixels.x_column // channels * lanes,
        x_group=pixels.x_group // lanes * plane,
    )
    size = -(-channels // lanes) * plane
    return pixels, c // lanes * plane + pixel * lanes + c % lanes, size


@jit()
def _copy_item(item, thread, x, images, lines, in_vectors, whole):
    _copy_line(x, item // lines, images, item % lines, in_vectors, whole[item // lines])


@jit()
def _copy_line(x, n, images, h, in_vectors, padded):
    """Copy the line h of the padded image n of x to its place in ``padded``."""
    if in_vectors:
        pad_line_in_vectors(x, n, images, h, padded)
    else:
        line = (images.left + images.width + images.right) * images.channels
        pad_line(x, n, images, h, padded, h * line)


@functools.cache
def _outer_body(outer: Any) -> Any:
    @jit()
    def outer_item(
        item, thread, pixels, cut, x, images, in_vectors, padded, x_at, dy, sums, d_at,
        panels,
    ):  # fmt: skip
        chunks, blocks, block, rows = cut
        chunk, ka = item // blocks, item % blocks * block
        kb = min(ka + block, rows)
        d = sums[chunk]
        height, _, _, top, bottom, _, _ = images
        first = chunk * pixels.images // chunks
        last = (chunk + 1) * pixels.images // chunks
        if first == last:  # an item without images
            d[:] = 0
        for n in range(first, last):
            source, x0 = x, n * pixels.x_image
            if padded.size:
                source, x0 = padded[thread], 0
                for h in range(top + height + bottom):
                    _copy_line(x, n, images, h, in_vectors, source)
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
    return Task(_fold_item, -(-total.size // FOLD), *flat)


@jit()
def _fold_item(item, thread, parts, total):
    part = slice(item * FOLD, min(item * FOLD + FOLD, total.size))
    total = total[part]
    for k in range(total.size):
        total[k] = 0
    for chunk in range(len(parts)):
        add = parts[chunk][part]
        for k in range(total.size):
            total[k] += add[k]
