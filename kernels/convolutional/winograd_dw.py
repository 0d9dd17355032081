"""The gradient by the filters of Winograd's convolution.

The chain rule, applied to (1), (3) and (4) of winograd.py, for every tile of a batch::

    e[a, b, o]     = sum_ij    A[i, a] * A[j, b] * dy[i, j, o]                     (6)
    du[a, b, c, o] = sum_tiles v[a, b, c] * e[a, b, o]                             (7)
    dw[p, q, c, o] = sum_ab    G[a, p] * G[b, q] * du[a, b, c, o]                  (8)

(7) is 36 products of matrices and has a quarter of the direct sum's multiplications.
A pixel outside y has a gradient of 0.  Where a channel of x or of dy is 0, so is dw.

Error, measured in float32 for nine shapes: at most 2.2e-6 of max|dw|; that of the
direct sum was at most 1.4e-6.

Source: as in winograd.py.
"""

import functools
from typing import Any

import numpy as np

from ..loops.products import outer_cover
from ..loops.winograd_tiles import (
    IN,
    OUT,
    TAPS,
    A,
    B,
    G,
    Tiles,
    corner_of,
    make_inputs,
    padded_for,
    to_dw,
    to_e,
)
from ..machine.arrays import Array, Pads, Pair, Shape, conv2d_shape, empty, jit
from ..machine.tasks import Task, run_kept, scratch
from ..machine.tile import (
    VECTOR_BYTES,
    tile_axpy,
    tile_fma,
    tile_load,
    tile_rows,
    tile_store,
)

BLOCK = 48  # tiles whose v and e stay in the cache
SUMS = 8  # items, at most: each has a sum of its own
LARGEST = 1 << 19  # bytes of such a sum


def winograd_dw_reference(
    x: Array, dy: Array, w_shape: Shape, pads: Pads = ((0, 0), (0, 0)), groups: int = 1
) -> Array:
    """Return dw (3, 3, C/G, O) of (6) to (8); shapes as in :func:`winograd_dw`."""
    if groups > 1:
        shape = *w_shape[:3], w_shape[3] // groups
        split = np.split(x, groups, 3), np.split(dy, groups, 3)
        of_groups = zip(*split, strict=True)
        parts = [winograd_dw_reference(*g, shape, pads) for g in of_groups]
        return np.concatenate(parts, 3)
    images, height, width, filters = dy.shape
    rows, columns = -(-height // OUT), -(-width // OUT)
    padded = padded_for(x, rows, columns, pads)
    slopes = np.zeros((images, rows * OUT, columns * OUT, filters), dy.dtype)
    slopes[:, :height, :width] = dy
    of_y, of_v, of_u = (np.array(m, x.dtype) for m in (A, B, G))
    du = np.zeros((IN, IN, *w_shape[2:]), x.dtype)
    for n, i, j in np.ndindex(images, rows, columns):
        i, j = i * OUT, j * OUT
        v = np.einsum("ah,bk,hkc->abc", of_v, of_v, padded[n, i : i + IN, j : j + IN])
        tile = slopes[n, i : i + OUT, j : j + OUT]
        e = np.einsum("ia,jb,ijo->abo", of_y, of_y, tile)
        du += np.einsum("abc,abo->abco", v, e)
    return np.einsum("ap,bq,abco->pqco", of_u, of_u, du)


def winograd_dw(
    x: Array, dy: Array, w_shape: Shape, pads: Pads = ((0, 0), (0, 0)), groups: int = 1
) -> Array:
    """Return dw (3, 3, C/G, O) of equations (6) to (8).

    Parameters
    ----------
    x : (N, H, W, C)
    dy : (N, OH, OW, O)
    w_shape : (3, 3, C/G, O)
    pads, groups : ((top, bottom), (left, right)), G
    """
    dw = empty(w_shape, x.dtype)
    run_kept(winograd_dw_tasks, x, dy, dw, pads, groups)
    return dw


def winograd_dw_tasks(
    x: Array, dy: Array, dw: Array, pads: Pads, groups: int = 1
) -> list[Task]:
    """Return the tasks that write dw of equations (6) to (8).

    The tiles are cut into chunks, and the filters into parts: each chunk and part has a
    sum du of its own, which are added in order.  The cuts depend on sizes alone, so
    that the bits are the same for any number of threads.
    """
    images, height, width, x_pixel = x.shape
    _, y_height, y_width, y_pixel = conv2d_shape(x.shape, dw.shape, pads=pads)
    channels, filters = x_pixel // groups, y_pixel // groups
    rows, columns = -(-y_height // OUT), -(-y_width // OUT)
    total, lanes = images * rows * columns, VECTOR_BYTES // x.itemsize
    R, NV = tile_of(channels, filters, x.itemsize)
    du_rows, unit = -(-channels // R) * R, NV * lanes
    part = max(LARGEST // (IN * IN * du_rows * x.itemsize) // unit, 1) * unit
    part = min(part, -(-filters // unit) * unit)
    parts = -(-filters // part)
    chunks = max(1, min(SUMS // (parts * groups), 2 * total // BLOCK))
    chunks = 1 << chunks.bit_length() - 1  # for every usual number of threads
    v_step, e_step = BLOCK * du_rows + 16, BLOCK * part + 16
    du_step = du_rows * part + 16  # 16: see winograd.py
    tiles = Tiles(
        total, rows, columns, height, width, x_pixel, channels, pads[0][0], pads[1][0],
        y_height, y_width, 0, 0, y_pixel, filters, groups, BLOCK, parts, part,
        y_pixel, filters, 0, v_step, m_step=du_step,
    )  # fmt: skip
    slopes = tiles._replace(
        height=y_height, width=y_width, x_pixel=y_pixel, channels=filters,
        top=0, left=0, v_step=e_step,
    )  # fmt: skip
    h, i = np.arange(rows * OUT + 2) - pads[0][0], np.arange(rows * OUT)
    body = _dw_body(
        R, NV, filters % unit == 0, make_inputs(0 if channels % lanes else lanes),
        make_inputs(0 if filters % lanes else lanes, OUT, to_e),
    )  # fmt: skip
    patches = scratch(IN * IN * lanes, x.dtype)
    du = empty((chunks * groups * parts, IN * IN * du_step), x.dtype)
    return [
        Task(
            body, len(du), tiles, slopes, chunks, x.reshape(-1), dy.reshape(-1),
            np.where((h >= 0) & (h < height), 0, -channels),
            np.where(i < y_height, 0, -filters), patches,
            scratch(IN * IN * v_step, x.dtype), scratch(IN * IN * e_step, x.dtype), du,
        ),
        Task(
            _filters_item, groups * channels, tiles, chunks, du,
            np.ones(1, x.dtype), patches, dw.reshape(-1),
        ),
    ]  # fmt: skip


def tile_of(channels: int, filters: int, itemsize: int) -> Pair:
    """Return the rows and vectors of the tiles of (7): few of their rows are unused."""
    vectors = -(-filters * itemsize // VECTOR_BYTES)
    if VECTOR_BYTES == 64 and vectors % 2:
        return (16, 1) if vectors == 1 or channels > 16 else (8, 1)
    tiles = outer_cover(channels, filters, itemsize)
    return tiles.rows, tiles.vectors


@functools.cache
def _dw_body(
    R: int, NV: int, is_whole: bool, load_inputs: Any, load_slopes: Any
) -> Any:
    @jit()
    def dw_item(
        item, thread, tiles, slopes, chunks, x, dy, above, below, patches, vs, es, dus
    ):  # fmt: skip
        patch, v, e, du = patches[thread], vs[thread], es[thread], dus[item]
        lanes = VECTOR_BYTES // x.itemsize
        o = item % tiles.parts * tiles.part
        g = item // tiles.parts % tiles.groups
        chunk = item // tiles.parts // tiles.groups
        filters = min(tiles.part, tiles.filters - o)
        v_row = (tiles.channels + R - 1) // R * R  # a register tile has whole rows
        for k in range(v.size if v_row > tiles.channels else 0):
            v[k] = 0
        for k in range(du.size):
            du[k] = 0
        first = chunk * tiles.total // chunks
        last = (chunk + 1) * tiles.total // chunks
        for begin in range(first, last, tiles.block):
            count = min(tiles.block, last - begin)
            for t in range(count):
                corner = corner_of(tiles, begin + t, g)
                load_inputs(
                    tiles, begin + t, corner, x, above, tiles.channels, patch, v,
                    t * v_row,
                )  # fmt: skip
                corner = corner_of(slopes, begin + t, g) + o
                load_slopes(
                    slopes, begin + t, corner, dy, below, filters, patch, e,
                    t * tiles.part,
                )  # fmt: skip
            for ab in range(IN * IN):
                for c in range(0, tiles.channels, R):
                    for k in range(0, filters, NV * lanes):
                        left = NV * lanes if is_whole else filters - k
                        at = ab * tiles.m_step + c * tiles.part + k
                        places = tile_rows(at, tiles.part, R)
                        acc = tile_load(du, places, left, NV)
                        pixel = ab * tiles.v_step + c
                        slope = ab * slopes.v_step + k
                        for _ in range(count):
                            inputs = tile_rows(pixel, 1, R)
                            acc = tile_fma(acc, v, inputs, 0, e, slope, left)
                            pixel += v_row
                            slope += tiles.part
                        tile_store(du, places, acc, left)

    return dw_item


@jit()
def _filters_item(item, thread, tiles, chunks, dus, one, patches, dw):
    """Write dw[p, q, c, o] of equation (8) for all p, q, o of channel c."""
    lanes, patch = VECTOR_BYTES // dw.itemsize, patches[thread]
    g, c = item // tiles.channels, item % tiles.channels
    for o in range(0, tiles.filters, lanes):
        left, k = tiles.filters - o, g * tiles.parts + o // tiles.part
        at = c * tiles.part + o % tiles.part
        for b in range(IN):
            places = tile_rows(at + b * tiles.m_step, IN * tiles.m_step, IN)
            column = tile_load(dus[k], places, left, 1)
            for chunk in range(1, chunks):
                sums = dus[chunk * tiles.groups * tiles.parts + k]
                column = tile_axpy(column, one, 0, tile_load(sums, places, left, 1))
            tile_store(
                patch, tile_rows(b * lanes, IN * lanes, TAPS), to_dw(column), lanes
            )
        for p in range(TAPS):
            row = to_dw(
                tile_load(patch, tile_rows(p * IN * lanes, lanes, IN), lanes, 1)
            )
            tap = p * TAPS * tiles.channels + c
            places = tile_rows(
                tap * tiles.ldw + g * tiles.w_group + o,
                tiles.channels * tiles.ldw,
                TAPS,
            )
            tile_store(dw, places, row, left)
