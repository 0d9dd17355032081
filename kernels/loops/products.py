"""The two loops of convolution and the dense layer, with register tiles.

All arrays are flat; offsets say where things are.  For pixels p = pa .. pb - 1, the
inputs k of a window, and columns o = first .. last - 1::

    windows:  y[y0 + y_at[p] + o] = f(bias[o]                                      (1)
                           + sum_k x[x0 + x_at[p] + inputs[k]] * w[w0 + k * ldw + o])
    outer:    d[d_at[k] + o] += sum_ij x[x0 + x_at[k] + i*si + j*sj]               (2)
                                     * dy[y0 + i*zi + j*zj + o]      (= if ``fresh``)

with f(z) = max(z, 0) if ``relu``, else z.  ``inputs`` are the offsets of a window's
inputs from its first.  So (1) is the forward pass of a convolution, dilated or not;
with inputs 0, 1, 2, ... it is a matrix product.  (2) is the gradient with respect to
the weights: pixels (i, j) stream by while a tile of d stays in registers.

Names: ``x_at[p]`` is where window p begins in x, relative to ``x0``, where its image
begins; ``y_at`` and ``y0`` are the same for y.  ``ldw`` is the distance between rows of
w.  ``si`` and ``sj`` are the distances from a pixel of x to the next one below and to
the right, ``zi`` and ``zj`` those of dy.

Tables end in copies of their last entry (:func:`table`), so that a tile of rows may
reach beyond the end: it then computes the last row again, and stores the same numbers.
"""

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..machine.arrays import Array, jit
from ..machine.tile import (
    VECTOR_BYTES,
    tile_fill,
    tile_fma,
    tile_load,
    tile_offsets,
    tile_relu,
    tile_rows,
    tile_store,
)

TALLEST = 12  # rows of a tile
ROW = 4  # vectors of the tile of a single row
PANEL = 24576 if VECTOR_BYTES == 64 else 16384  # bytes: half an L1 cache
LEAVES = 36864  # bytes of a panel that does not fit into an L1 cache of 48 KB
MANY = 60  # pixels: with 25, copying columns of w cost more than it gained

# --- reference: the formulas, loop by loop ------------------------------------


def windows_reference(
    x: Array,
    x0: int,
    x_at: NDArray[np.int64],
    pa: int,
    pb: int,
    inputs: NDArray[np.int64],
    w: Array,
    w0: int,
    ldw: int,
    bias: Array,
    relu: bool,
    first: int,
    last: int,
    y: Array,
    y0: int,
    y_at: NDArray[np.int64],
) -> None:
    """Write y of equation (1)."""
    for p in range(pa, pb):
        for o in range(first, last):
            z = bias[o]
            for k in range(len(inputs)):
                z += x[x0 + x_at[p] + inputs[k]] * w[w0 + k * ldw + o]
            y[y0 + y_at[p] + o] = max(z, 0) if relu else z


def outer_reference(
    x: Array,
    x0: int,
    si: int,
    sj: int,
    x_at: NDArray[np.int64],
    ka: int,
    kb: int,
    dy: Array,
    y0: int,
    zi: int,
    zj: int,
    height: int,
    width: int,
    fresh: bool,
    first: int,
    last: int,
    d: Array,
    d_at: NDArray[np.int64],
    panel: Array,
) -> None:
    """Add the sum of equation (2) to the rows k = ka .. kb - 1 of d, or write it."""
    for k in range(ka, kb):
        for o in range(first, last):
            if fresh:
                d[d_at[k] + o] = 0
            for i, j in np.ndindex(height, width):
                pixel = x[x0 + x_at[k] + i * si + j * sj]
                d[d_at[k] + o] += pixel * dy[y0 + i * zi + j * zj + o]


# --- fast: tiles of 6 x 2 vectors, and other tiles for the columns that remain ------
#
# Columns are covered by pairs of vectors.  If their number is odd, the last three
# vectors have tiles of 4 x 3; a single vector has 10 x 1.  A single pixel, such as a
# batch of one before a dense layer, has 1 x 4: in 6 x 2 it would be computed six times
# (1600 to 128: 20 instead of 10 us).  AVX-512 has 32 registers, enough for 6 x 4 and
# 12 x 2.  A kernel is compiled only with the tiles that its columns need (first step of
# a network: 11 instead of 17 s).


class Cover(NamedTuple):
    """The tiles of all columns, or of all but the last, and of the last."""

    rows: int
    vectors: int
    last_rows: int
    last_vectors: int  # 0 if there is no other tile


ROWS = {1: 10, 2: 6, 3: 4}  # vectors of a tile -> its rows, with 16 registers
# (rows, vectors) with 32 registers: only a few, since each is another kernel to compile
WIDE = ((4, 4), (6, 4), (4, 2), (6, 2), (9, 2), (11, 2))


def cover(
    columns: int, itemsize: int, pixels: int = 0, block: int = 0, wide: bool = False
) -> Cover:
    """Return the tiles for this many columns, optionally in blocks of whole tiles.

    Parameters
    ----------
    pixels : of (1), if there may be only one
    wide : whether to use tiles of 6 x 4 if registers and columns allow them

    >>> lanes = VECTOR_BYTES // 4
    >>> [cover(n * lanes, 4)[1::2] for n in (1, 2, 3, 4, 5)]
    [(1, 0), (2, 0), (3, 0), (2, 0), (2, 3)]
    """
    vectors = -(-columns * itemsize // VECTOR_BYTES)
    blocks = block * itemsize // VECTOR_BYTES if 0 < block < columns else 0
    if pixels == 1:
        return Cover(1, ROW, 0, 0)
    if wide and VECTOR_BYTES == 64 and vectors % 4 == blocks % 4 == 0:
        return Cover(6, 4, 0, 0)
    if vectors in (1, 3) and not blocks:
        return Cover(ROWS[vectors], vectors, 0, 0)
    if vectors % 2:
        last = 1 if blocks else 3
        return Cover(ROWS[2], 2, ROWS[last], last)
    return Cover(ROWS[2], 2, 0, 0)


def outer_cover(rows: int, columns: int, itemsize: int) -> Cover:
    """Return the tiles of (2) for this many rows of d.

    With 32 registers, it is the cheapest of the tiles that fit and cover whole columns.
    A product in registers costs 1, and loading a number or a vector costs 2/3 (32 rows
    of 8 vectors: 4 x 4, 87 instead of 104 us; 75 rows of 2 vectors: 11 x 2).
    """
    vectors = -(-columns * itemsize // VECTOR_BYTES)
    if VECTOR_BYTES < 64 or vectors % 2:
        return cover(columns, itemsize)
    found = []
    for R, NV in WIDE:
        if vectors % NV == 0:
            cost = -(-rows // R) * (R * NV + (R + NV) * 2 / 3) / NV
            found.append((cost, Cover(R, NV, 0, 0)))
    return min(found)[1]


@functools.cache
def _make_windows(R, NV):
    @jit()
    def windows(
        x, x0, x_at, pa, pb, inputs, w, w0, ldw, bias, relu, o, last, y, y0, y_at
    ):  # fmt: skip
        left = last - o
        for p in range(pa, pb, R):
            p = max(min(p, pb - R), pa)  # the last tile overlaps the one before
            rows = tile_offsets(x_at, p, x0, R)
            acc = tile_fill(bias, o, left, R, NV)
            start = w0
            # One table of offsets, not runs of neighbours: an address is the row's plus
            # k's, with no other counting (1 to 32 channels, 3x3: 185, not 248 us).
            for k in range(len(inputs)):
                acc = tile_fma(acc, x, rows, inputs[k], w, start, left)
                start += ldw
            if relu:
                acc = tile_relu(acc)
            tile_store(y, tile_offsets(y_at, p, y0 + o, R), acc, left)

    return windows


@functools.cache
def make_outer(R: int, NV: int) -> Any:
    """Return the jitted outer(...) for tiles of R x NV, and columns of one tile."""

    @jit()
    def outer(
        x, x0, si, sj, x_at, ka, kb, dy, y0, zi, zj, height, width, fresh, o, last,
        d, d_at, panel,
    ):  # fmt: skip
        left, lanes = last - o, VECTOR_BYTES // d.itemsize
        slopes, start = dy, y0 + o
        # it is read often enough to be copied, and its pixels are no neighbours
        if kb - ka > 2 * R and zj != NV * lanes:
            to = 0
            for i in range(height):
                slope = start + i * zi
                for _ in range(width):
                    vectors = tile_load(dy, tile_rows(slope, 0, 1), left, NV)
                    tile_store(panel, tile_rows(to, 0, 1), vectors, left)
                    slope += zj
                    to += NV * lanes
            slopes, start, zi, zj = panel, 0, width * NV * lanes, NV * lanes
        for k in range(ka, kb, R):
            inputs = tile_offsets(x_at, k, 0, R)
            sums = tile_offsets(d_at, k, o, R)
            # with 0 columns left nothing is read, and the tile holds zeros
            acc = tile_load(d, sums, 0 if fresh else left, NV)
            for i in range(height):
                pixel, slope = x0 + i * si, start + i * zi
                for _ in range(width):
                    acc = tile_fma(acc, x, inputs, pixel, slopes, slope, left)
                    pixel += sj
                    slope += zj
            tile_store(d, sums, acc, left)

    return outer


@functools.cache
def windows_over(tiles: Cover) -> Any:
    """Return the jitted windows(...), as its reference, for columns of this cover.

    If ``ldw`` is 0, w is packed for these tiles (packing.py): row k of the tile that
    begins at column o is at w0 + o * len(inputs) + k * (columns of this tile).
    """
    R, NV, last_R, last_NV = tiles
    by_whole = _make_windows(R, NV)
    by_last = _make_windows(last_R, last_NV) if last_NV else by_whole

    @jit()
    def windows(
        x, x0, x_at, pa, pb, inputs, w, w0, ldw, bias, relu, first, last, y, y0, y_at
    ):  # fmt: skip
        lanes = VECTOR_BYTES // w.itemsize
        vectors, spread = (last - first + lanes - 1) // lanes, 1
        step, last_step = ldw, ldw
        if ldw == 0:
            spread, step, last_step = len(inputs), NV * lanes, last_NV * lanes
        end = last
        if last_NV and vectors % 2:
            end = first + (vectors - last_NV) * lanes
        for o in range(first, end, NV * lanes):
            by_whole(
                x, x0, x_at, pa, pb, inputs, w, w0 + o * spread, step, bias, relu, o,
                last, y, y0, y_at,
            )  # fmt: skip
        if last_NV and end < last:
            by_last(
                x, x0, x_at, pa, pb, inputs, w, w0 + end * spread, last_step, bias,
                relu, end, last, y, y0, y_at,
            )  # fmt: skip

    return windows


@functools.cache
def outer_over(tiles: Cover) -> Any:
    """Return the jitted outer(...), as its reference, for columns of this cover.

    Columns of dy may be copied into ``panel`` (PANEL bytes), where their pixels are
    neighbours.  In dy itself they are often a power of two apart, and would share a few
    places of the L1 cache (64 to 256 channels, 1x1: 1.9 instead of 2.3 ms).  The same
    holds for pixels of x, so only as many are used at a time as have places.
    """
    R, NV, last_R, last_NV = tiles
    by_whole = make_outer(R, NV)
    by_last = make_outer(last_R, last_NV) if last_NV else by_whole

    @jit()
    def outer(
        x, x0, si, sj, x_at, ka, kb, dy, y0, zi, zj, height, width, fresh, first, last,
        d, d_at, panel,
    ):  # fmt: skip
        lanes = VECTOR_BYTES // d.itemsize
        vectors = (last - first + lanes - 1) // lanes
        end = last
        if last_NV and vectors % 2:
            end = first + (vectors - last_NV) * lanes
        apart = (sj & -sj) * d.itemsize  # the largest power of two dividing the step
        places = 6 * 4096 // max(apart, 64)  # 6 of 8 ways of a cache with 64 lines each
        pixels = min(PANEL // (max(NV, last_NV) * VECTOR_BYTES), places)
        columns = max(1, min(width, pixels))
        rows = pixels // columns
        for i in range(0, max(height, 1), rows):  # without pixels: to write zeros
            for j in range(0, max(width, 1), columns):
                pixel, slope = x0 + i * si + j * sj, y0 + i * zi + j * zj
                high, wide = min(rows, height - i), min(columns, width - j)
                new = fresh and i + j == 0
                for o in range(first, end, NV * lanes):
                    by_whole(
                        x, pixel, si, sj, x_at, ka, kb, dy, slope, zi, zj, high, wide,
                        new, o, last, d, d_at, panel,
                    )  # fmt: skip
                if last_NV and end < last:
                    by_last(
                        x, pixel, si, sj, x_at, ka, kb, dy, slope, zi, zj, high, wide,
                        new, end, last, d, d_at, panel,
                    )  # fmt: skip

    return outer


def table(offsets: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return flat offsets, and as many copies of the last one as a tile has rows."""
    flat = np.asarray(offsets, np.int64).reshape(-1)
    return np.concatenate([flat, np.full(TALLEST, flat[-1] if flat.size else 0)])
