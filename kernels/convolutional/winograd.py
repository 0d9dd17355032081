"""Winograd's convolution with 3x3 filters: a quarter of the multiplications.

Correlating 6 numbers with 3 gives 4 outputs with 12 products, but 6 products are enough
(F(4,3)).  In two dimensions, a tile of 6x6 inputs x gives 4x4 outputs y with 36
products instead of 144 (for every n; p q over the window, c over the channels, h k over
the inputs, a b over the 6x6 products)::

    y[i, j, o]    = bias[o] + sum_ab  A[i, a] * A[j, b] * m[a, b, o]               (1)
    m[a, b, o]    = sum_c  v[a, b, c] * u[a, b, c, o]                              (2)
    v[a, b, c]    = sum_hk  B[a, h] * B[b, k] * x[h, k, c]                         (3)
    u[a, b, c, o] = sum_pq  G[a, p] * G[b, q] * w[p, q, c, o]                      (4)

in short Y = A [(G w G^T) * (B x B^T)] A^T; the literature writes A^T and B^T for our A
and B.  (2) is 36 matrix products and takes two thirds of the time.  In one dimension,
for points t[0] .. t[4] and infinity as the sixth::

    A[i, a] = t[a]^i          G[a, p] = t[a]^p / prod_(b != a) (t[a] - t[b])
    B[a, h] = the coefficient of t^h in prod_(b != a) (t - t[b])

where infinity has no factor in a product, and only its highest power counts.

The error, measured in float32, is 1.5e-6 of max|y| with 64 channels, 5e-6 with 512,
7e-6 with 1024; at most 2.5 times that of the direct sum.  With the usual points 0, 1,
-1, 2, -2 it is four times as large.  NaN and infinity never vanish, but they spread
over the 4x4 outputs of their tile, and an infinity may become NaN.

If all inputs of a window are 0, the direct sum is exactly the bias, but (1) gives
rounding errors of 1e-6 above or below it.  A ReLU would let gradients through about
half of them, and on a black background a network would not train as the formula says.
So the bias itself is written there, unless the filters contain NaN or infinity::

    y[i, j, o]    = bias[o]   where x[i + p, j + q, c] = 0 for all p, q, c         (5)

Source: Lavin & Gray, "Fast algorithms for convolutional neural networks",
arXiv:1509.09308; Winograd, "Arithmetic complexity of computations", 1980; for the
points Barabasz et al., "Error analysis and improving the accuracy of Winograd
convolution for deep neural networks", arXiv:1803.10986.
"""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..loops.packing import Weights, pack_task, packed_at, packed_size
from ..loops.products import TALLEST, Cover, cover, table, windows_over
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
    make_outputs,
    make_pooled_outputs,
    padded_for,
    to_u,
    zero_windows,
)
from ..machine.arrays import Array, Pads, Pair, Shape, conv2d_shape, empty, jit
from ..machine.tasks import THREADS, Task, run_kept, scratch
from ..machine.tile import VECTOR_BYTES, tile_load, tile_rows, tile_store

# --- reference: the formulas, tile by tile --------------------------------------


def winograd_reference(
    x: Array, w: Array, bias: Array, pads: Pads = ((0, 0), (0, 0)), groups: int = 1
) -> Array:
    """Return y (N, OH, OW, O) of (1) and (5); shapes as in :func:`winograd`."""
    if groups > 1:
        of_x, of_w = np.split(x, groups, 3), np.split(w, groups, 3)
        of_groups = zip(of_x, of_w, np.split(bias, groups), strict=True)
        return np.concatenate([winograd_reference(*g, pads) for g in of_groups], 3)
    y = np.empty(conv2d_shape(x.shape, w.shape, pads=pads), x.dtype)
    images, height, width, _ = y.shape
    rows, columns = -(-height // OUT), -(-width // OUT)
    padded = padded_for(x, rows, columns, pads)
    of_y, of_v, of_u = (np.array(m, x.dtype) for m in (A, B, G))
    u = np.einsum("ap,bq,pqco->abco", of_u, of_u, w)
    for n, i, j in np.ndindex(images, rows, columns):
        i, j = i * OUT, j * OUT
        v = np.einsum("ah,bk,hkc->abc", of_v, of_v, padded[n, i : i + IN, j : j + IN])
        m = np.einsum("abc,abco->abo", v, u)
        tile = np.einsum("ia,jb,abo->ijo", of_y, of_y, m) + bias
        y[n, i : i + OUT, j : j + OUT] = tile[: height - i, : width - j]
    for n, i, j, o in np.ndindex(y.shape):
        if not padded[n, i : i + TAPS, j : j + TAPS].any() and np.isfinite(
            y[n, i, j, o]
        ):
            y[n, i, j, o] = bias[o]
    return y


# --- fast: blocks of tiles, whose v and m stay in the cache -----------------------

BLOCK = 48  # tiles in a block, at most: whole register tiles of 6 rows


def winograd(
    x: Array, w: Array, bias: Array, pads: Pads = ((0, 0), (0, 0)), groups: int = 1
) -> Array:
    """Return y (N, OH, OW, O) of equations (1) and (5).

    Parameters
    ----------
    x : (N, H, W, C)
    w : (3, 3, C/G, O)
    bias : (O,)
    pads, groups : ((top, bottom), (left, right)), G
    """
    y = empty(conv2d_shape(x.shape, w.shape, pads=pads), x.dtype)
    run_kept(winograd_tasks, x, w, bias, y, pads, groups)
    return y


def winograd_tasks(
    x: Array,
    w: Array,
    bias: Array,
    y: Array,
    pads: Pads,
    groups: int = 1,
    relu: bool = False,
    argmax: NDArray[np.uint8] | None = None,
) -> list[Task]:
    """Return the tasks that write y of (1) and (5), or max(y, 0) if ``relu``.

    With ``argmax`` they write the maxima of max(y, 0) over cells of 2 x 2, and the
    place of each in its cell, or ``DEAD``.  A tile has whole cells, so y itself is
    never in memory (32 to 64 channels on 13x13, batch 256: 3.5 instead of 4.6 ms).
    """
    filters = w.shape[3]
    z_shape = conv2d_shape(x.shape, w.shape, pads=pads)
    return _tasks(
        x, w.reshape(-1), (filters, filters // groups), bias, y, z_shape, pads, groups,
        relu, argmax,
    )  # fmt: skip


def _tasks(
    x: Array,
    w: Array,
    w_steps: Pair,
    bias: Array,
    y: Array,
    z_shape: Shape,
    pads: Pads,
    groups: int,
    relu: bool = False,
    argmax: NDArray[np.uint8] | None = None,
) -> list[Task]:
    """Return the tasks of :func:`winograd_tasks`.

    Parameters
    ----------
    w, w_steps : flat; the steps from a channel to the next, and from a group's filters
        to the next group's
    z_shape : of y before pooling
    """
    images, height, width, x_pixel = x.shape
    _, y_height, y_width, y_pixel = z_shape
    _, pooled_height, pooled_width, _ = y.shape
    channels, filters = x_pixel // groups, y_pixel // groups
    rows, columns = -(-y_height // OUT), -(-y_width // OUT)
    total, lanes = images * rows * columns, VECTOR_BYTES // x.itemsize
    block, part = cut_tiles(total, filters, lanes, groups)
    blocks, parts = -(-total // max(block, 1)), -(-filters // part)
    cover_of = cover(filters, x.itemsize, block=part, wide=True)
    u_step = _step(packed_size(filters, channels, cover_of, lanes))
    v_step, m_step = _step(block * channels), _step(block * part)
    tiles = Tiles(
        total, rows, columns, height, width, x_pixel, channels, pads[0][0], pads[1][0],
        y_height, y_width, pooled_height, pooled_width, y_pixel, filters, groups, block,
        parts, part, *w_steps, u_step, v_step, m_step,
    )  # fmt: skip
    load_inputs = make_inputs(0 if channels % lanes else lanes)
    make = make_outputs if argmax is None else make_pooled_outputs
    outputs = make(lanes, filters % lanes == 0)
    places = empty(0, np.uint8) if argmax is None else argmax.reshape(-1)
    u = empty(groups * IN * IN * u_step, x.dtype)
    patches = scratch(IN * IN * lanes, x.dtype)
    v, m = (scratch(IN * IN * step, x.dtype) for step in (v_step, m_step))
    h, j = np.arange(rows * OUT + 2) - pads[0][0], np.arange(columns * OUT)
    return [
        Task(
            _filters_item, groups * channels, w, tiles,
            packed_at(filters, channels, cover_of, lanes), u, patches,
        ),
        Task(
            _tiles_body(windows_over(cover_of), load_inputs, outputs),
            blocks * groups * parts, tiles, x.reshape(-1), u, bias,
            np.zeros(filters, x.dtype), np.ones(1, x.dtype), int(relu), y.reshape(-1),
            places, np.where((h >= 0) & (h < height), 0, -channels),
            np.where(j < y_width, 0, -y_pixel), table(np.arange(block) * channels),
            np.arange(channels), table(np.arange(block) * part), patches, v, m,
            scratch(block, np.int64),
        ),
    ]  # fmt: skip


@functools.cache
def cut_tiles(total: int, filters: int, lanes: int, groups: int = 1) -> Pair:
    """Return the tiles and filters of an item, so that no thread has too much work.

    Filters are split in pairs of vectors.  Each part transforms the inputs again, which
    costs as much as 16 filters.  Starting a block costs as much as 3 tiles.  (32 to 64
    channels on 13x13, batch 32 and 128: 0.41 and 1.60 instead of 0.44 and 1.72 ms with
    blocks of 30.)  No sum is split: results are equal for any number of threads.

    Parameters
    ----------
    total : tiles of the batch
    filters : of one of the groups
    lanes : numbers in a vector
    """
    pair = 2 * lanes
    found = []
    for block in range(6, BLOCK + 1, 6):
        for parts in range(1, min(-(-filters // pair), 2 * THREADS) + 1):
            part = -(-filters // (pair * parts)) * pair
            items = -(-total // block) * -(-filters // part) * groups
            rounds = -(-items // THREADS)
            cost = rounds * (min(block, total) + 3) * (part + 16)
            found.append((cost, -block, part))
    _, block, part = min(found)
    return min(-block, total), part


def winograd_dx_tasks(
    dy: Array, w: Array, dx: Array, pads: Pads, groups: int = 1
) -> list[Task]:
    """Return the tasks that write dx, with shapes as in (1).

    dx is itself a convolution, of dy with the filters rotated by half a turn.  If its
    padding is negative, the tiles begin inside dy.
    """
    channels, filters = w.shape[2], w.shape[3] // groups
    (top, bottom), (left, right) = pads
    pads = (2 - top, 2 - bottom), (2 - left, 2 - right)
    at = np.arange(8, -1, -1) * w[0, 0].size  # tap by tap, from the last
    given = Weights(w.reshape(-1), at, filters, w.shape[3], filters)
    lanes = VECTOR_BYTES // w.itemsize
    whole = Cover(1, -(-channels // lanes), 0, 0)  # one tile is a whole row
    turn, turned = pack_task(given, groups, channels, whole)
    steps = whole.vectors * lanes, turned.size // groups
    nothing = np.zeros(dx.shape[3], dy.dtype)
    return [
        turn,
        *_tasks(dy, turned, steps, nothing, dx, dx.shape, pads, groups),
    ]


def _step(size: int) -> int:
    """Return the distance between the 36 parts of u, v or m, of ``size`` numbers each.

    It is a cache line more than needed: with steps of a power of two, the parts would
    share the sets of the cache (128 to 128 channels: 0.18 instead of 0.05 ms).
    """
    return size + 16


@jit()
def _filters_item(item, thread, w, tiles, to, u, patches):
    """Write u[a, b, c, o] of equation (4) for all a, b, o, packed as in packing.py."""
    lanes, patch = VECTOR_BYTES // w.itemsize, patches[thread]
    g, c = item // tiles.channels, item % tiles.channels
    size, corner = tiles.channels * tiles.ldw, c * tiles.ldw + g * tiles.w_group
    for k in range(len(to)):
        o = k * lanes
        left = tiles.filters - o
        for q in range(TAPS):
            taps = tile_rows(corner + o + q * size, TAPS * size, TAPS)
            column = to_u(tile_load(w, taps, left, 1))
            tile_store(patch, tile_rows(q * lanes, TAPS * lanes, IN), column, lanes)
        start = g * IN * IN * tiles.u_step + to[k, 0] + c * to[k, 1]
        for a in range(IN):
            row = tile_load(patch, tile_rows(a * TAPS * lanes, lanes, TAPS), lanes, 1)
            rows = tile_rows(start + a * IN * tiles.u_step, tiles.u_step, IN)
            tile_store(u, rows, to_u(row), lanes)


@functools.cache
def _tiles_body(windows: Any, load_inputs: Any, outputs: Any) -> Any:
    @jit()
    def tiles_item(
        item, thread, tiles, x, u, bias, nothing, one, relu, y, argmax, above, beside,
        v_at, inputs, m_at, patches, vs, ms, zeros,
    ):  # fmt: skip
        patch, v, m, zero = patches[thread], vs[thread], ms[thread], zeros[thread]
        of_block, of_part = item // tiles.parts, item % tiles.parts
        # a last block of few tiles overlaps the one before and writes the same numbers:
        # it has as many tiles as a register tile has rows
        first = of_block // tiles.groups * tiles.block
        first = min(first, tiles.total - min(tiles.block, TALLEST))
        count = min(tiles.block, tiles.total - first)
        g, o = of_block % tiles.groups, of_part * tiles.part
        last, start = min(o + tiles.part, tiles.filters), g * tiles.filters
        for t in range(count):
            corner = corner_of(tiles, first + t, g)
            load_inputs(
                tiles, first + t, corner, x, above, tiles.channels, patch, v, v_at[t]
            )
            zero[t] = zero_windows(tiles, first + t, corner, x, above)
        for ab in range(IN * IN):
            windows(
                v, ab * tiles.v_step, v_at, 0, count, inputs, u,
                (g * IN * IN + ab) * tiles.u_step, 0, nothing, 0, o, last, m,
                ab * tiles.m_step - o, m_at,
            )  # fmt: skip
        for t in range(count):
            outputs(
                tiles, first + t, zero[t], m, m_at[t], start + o, start + last, bias,
                one, relu, beside, patch, y, argmax,
            )  # fmt: skip

    return tiles_item
