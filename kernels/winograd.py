"""Winograd's convolution with 3x3 filters: a quarter of the multiplications.

Correlating 6 numbers with 3 gives 4 outputs, by 12 products; 6 are enough (F(4,3)).  In
two dimensions 6x6 inputs x of a tile give 4x4 outputs y by 36 products instead of 144
(for every n; p q over the window, c over the channels, h k over the inputs, a b over
the 6x6 products)::

    y[i, j, o]    = bias[o] + sum_ab  A[i, a] * A[j, b] * m[a, b, o]               (1)
    m[a, b, o]    = sum_c  v[a, b, c] * u[a, b, c, o]                              (2)
    v[a, b, c]    = sum_hk  B[a, h] * B[b, k] * x[h, k, c]                         (3)
    u[a, b, c, o] = sum_pq  G[a, p] * G[b, q] * w[p, q, c, o]                      (4)

in short Y = A [(G w G^T) * (B x B^T)] A^T; what the literature calls A^T and B^T are A
and B here.  (2) is 36 matrix products and takes two thirds of the time.  In one
dimension, for points t[0] .. t[4] and infinity as the sixth::

    A[i, a] = t[a]^i          G[a, p] = t[a]^p / prod_(b != a) (t[a] - t[b])
    B[a, h] = the coefficient of t^h in prod_(b != a) (t - t[b])

where infinity has no factor in a product, and of its powers the highest counts alone.

Error, measured in float32: 1.5e-6 of max|y| with 64 channels, 5e-6 with 512, 7e-6 with
1024; at most 2.5 times that of the direct sum.  With the usual points 0, 1, -1, 2, -2
it is four times as large.  NaN and infinity never vanish, but they spread over the 4x4
outputs of their tile, and an infinity may come out as NaN.

Where all inputs of a window are 0, the direct sum is exactly the bias, but (1) rounds
to numbers of 1e-6 on either side of it.  A ReLU would let gradients through half of
them, and on a black background a network would train otherwise than the formula says.
So the bias itself is written there, unless the filters hold NaN or infinity::

    y[i, j, o]    = bias[o]   where x[i + p, j + q, c] = 0 for all p, q, c         (5)

Source: Lavin & Gray, "Fast algorithms for convolutional neural networks",
arXiv:1509.09308; Winograd, "Arithmetic complexity of computations", 1980; for the
points Barabasz et al., "Error analysis and improving the accuracy of Winograd
convolution for deep neural networks", arXiv:1803.10986.
"""

import functools
import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import Array, Pads, Pair, empty, jit
from .images import conv2d_shape
from .kept import run_kept
from .list_backward import DEAD
from .matrices import transpose_task
from .products import TALLEST, cover, table, windows_over
from .tasks import THREADS, Task, scratch
from .tile import (
    VECTOR_BYTES,
    tile_fma,
    tile_load,
    tile_mix,
    tile_nonzero,
    tile_offsets,
    tile_pool,
    tile_relu,
    tile_rows,
    tile_store,
)

OUT, TAPS = 4, 3  # F(4,3)
IN = OUT + TAPS - 1
CELLS, TWO_IN, TWO_OUT = OUT // 2, 2 * IN, 2 * OUT  # of two rows of a tile
POINTS = [Fraction(t) for t in ("0", "2/3", "-2/3", "3/2", "-3/2")]


def _matrices(points: list[Fraction]) -> tuple[list[list[Fraction]], ...]:
    """Return A (OUT, IN), B (IN, IN) and G (IN, TAPS) for all points but infinity."""
    A = [[t**i for t in points] + [Fraction(i == OUT - 1)] for i in range(OUT)]
    B, G = [], []
    for a in range(IN):
        product = [Fraction(1)]  # its coefficients, from t^0 up
        for t in points[:a] + points[a + 1 :]:  # times (x - t)
            shifted, scaled = [Fraction(0), *product], [*product, Fraction(0)]
            product = [s - t * c for s, c in zip(shifted, scaled, strict=True)]
        B.append(product + [Fraction(0)] * (IN - len(product)))
    for a, t in enumerate(points):
        scale = math.prod(t - other for other in points[:a] + points[a + 1 :])
        G.append([t**p / scale for p in range(TAPS)])
    G.append([Fraction(p == TAPS - 1) for p in range(TAPS)])
    return A, B, G


A, B, G = ([[float(e) for e in row] for row in m] for m in _matrices(POINTS))

# --- reference: the formulas, tile by tile --------------------------------------


def winograd_reference(
    x: Array, w: Array, bias: Array, pads: Pads = ((0, 0), (0, 0))
) -> Array:
    """Return y (N, OH, OW, O) of (1) and (5); shapes as in :func:`winograd`."""
    y = np.empty(conv2d_shape(x.shape, w.shape, pads=pads), x.dtype)
    images, height, width, _ = y.shape
    rows, columns = -(-height // OUT), -(-width // OUT)
    (top, _), (left, _) = pads
    padded = np.zeros((images, rows * OUT + 2, columns * OUT + 2, x.shape[3]), x.dtype)
    padded[:, top : top + x.shape[1], left : left + x.shape[2]] = x
    to_y, to_v, to_u = (np.array(m, x.dtype) for m in (A, B, G))
    u = np.einsum("ap,bq,pqco->abco", to_u, to_u, w)
    for n, i, j in np.ndindex(images, rows, columns):
        i, j = i * OUT, j * OUT
        v = np.einsum("ah,bk,hkc->abc", to_v, to_v, padded[n, i : i + IN, j : j + IN])
        m = np.einsum("abc,abco->abo", v, u)
        tile = np.einsum("ia,jb,abo->ijo", to_y, to_y, m) + bias
        y[n, i : i + OUT, j : j + OUT] = tile[: height - i, : width - j]
    for n, i, j, o in np.ndindex(y.shape):
        if not padded[n, i : i + TAPS, j : j + TAPS].any() and np.isfinite(
            y[n, i, j, o]
        ):
            y[n, i, j, o] = bias[o]
    return y


# --- fast: blocks of tiles, whose v and m stay in the cache -----------------------

BLOCK = 48  # tiles in a block, at most: whole register tiles of 6 rows

_to_y, _to_v, _to_u = tile_mix(A), tile_mix(B), tile_mix(G)
# two rows of outputs from two of products, 2 x 2 cell after cell
_to_cells = tile_mix(
    [
        [*[0.0] * (IN * p), *A[2 * cell + q], *[0.0] * (IN - IN * p)]
        for cell, p, q in np.ndindex(CELLS, 2, 2)
    ]
)


class Tiles(NamedTuple):
    """How tiles cover the outputs of a batch, and who computes them."""

    total: int  # tiles of the batch
    rows: int  # of tiles in an image
    columns: int
    height: int  # of x
    width: int
    channels: int
    top: int
    left: int
    y_height: int
    y_width: int
    pooled_height: int  # of y after pooling, if there is any
    pooled_width: int
    filters: int
    block: int  # tiles in an item
    parts: int  # items that share a block of tiles, and
    part: int  # the filters of one
    panel: int  # columns of u that are neighbours, see _filters_item


def winograd(x: Array, w: Array, bias: Array, pads: Pads = ((0, 0), (0, 0))) -> Array:
    """Return y (N, OH, OW, O) of equations (1) and (5).

    Parameters
    ----------
    x : (N, H, W, C)
    w : (3, 3, C, O)
    bias : (O,)
    pads : ((top, bottom), (left, right))
    """
    y = empty(conv2d_shape(x.shape, w.shape, pads=pads), x.dtype)
    run_kept(winograd_tasks, x, w, bias, y, pads)
    return y


def winograd_tasks(
    x: Array,
    w: Array,
    bias: Array,
    y: Array,
    pads: Pads,
    relu: bool = False,
    argmax: NDArray[np.uint8] | None = None,
) -> list[Task]:
    """Return the tasks that write y of (1) and (5), or max(y, 0) where ``relu``.

    With ``argmax`` they write the maxima of max(y, 0) over cells of 2 x 2, and where in
    its cell each stood, or ``DEAD``: whole cells lie in a tile, so y itself is never in
    memory (32 to 64 channels on 13x13, batch 256: 3.5 instead of 4.6 ms).
    """
    images, height, width, channels = x.shape
    _, y_height, y_width, filters = conv2d_shape(x.shape, w.shape, pads=pads)
    _, pooled_height, pooled_width, _ = y.shape
    rows, columns = -(-y_height // OUT), -(-y_width // OUT)
    total = images * rows * columns
    lanes = VECTOR_BYTES // x.itemsize
    block, part = cut_tiles(total, filters, lanes)
    blocks, parts = -(-total // max(block, 1)), -(-filters // part)
    # few channels: to call for every pair of vectors would cost more (32 to 64: 8 %)
    panel = 2 * lanes if channels >= 64 else _whole(filters, 2 * lanes)
    tiles = Tiles(
        total, rows, columns, height, width, channels, pads[0][0], pads[1][0],
        y_height, y_width, pooled_height, pooled_width, filters, block, parts, part,
        panel,
    )  # fmt: skip
    tiles_of = cover(filters, x.itemsize, block=min(panel, part))
    outputs = _outputs if argmax is None else _pooled_outputs
    places = empty(0, np.uint8) if argmax is None else argmax.reshape(-1)
    u = empty(IN * IN * _step(channels * _whole(filters, panel)), x.dtype)
    patches = scratch(IN * IN * lanes, x.dtype)
    v = scratch(IN * IN * _step(block * channels), x.dtype)
    m = scratch(IN * IN * _step(block * part), x.dtype)
    h, j = np.arange(rows * OUT + 2) - pads[0][0], np.arange(columns * OUT)
    return [
        Task(_filters_item, channels, w.reshape(-1), tiles, u, patches),
        Task(
            _tiles_body(windows_over(tiles_of), outputs),
            blocks * parts, tiles, x.reshape(-1), u, bias,
            np.zeros(filters, x.dtype), np.ones(1, x.dtype), int(relu), y.reshape(-1),
            places, np.where((h >= 0) & (h < height), 0, -channels),
            np.where(j < y_width, 0, -filters),
            table(np.arange(block) * channels), np.arange(channels),
            table(np.arange(block) * part), patches, v, m, scratch(block, np.int64),
        ),
    ]  # fmt: skip


@functools.cache
def cut_tiles(total: int, filters: int, lanes: int) -> Pair:
    """Return the tiles and filters of an item, so that no thread has much to do.

    Filters are cut in pairs of vectors; each part transforms the inputs again, which
    costs as much as 16 filters.  To begin a block costs as much as 3 tiles.  (32 to 64
    channels on 13x13, batch 32 and 128: 0.41 and 1.60 instead of 0.44 and 1.72 ms with
    blocks of 30.)  No sum is cut: the bits are the same for any number of threads.

    Parameters
    ----------
    total : tiles of the batch
    lanes : numbers in a vector
    """
    pair = 2 * lanes
    found = []
    for block in range(6, BLOCK + 1, 6):
        for parts in range(1, min(-(-filters // pair), 2 * THREADS) + 1):
            part = -(-filters // (pair * parts)) * pair
            items = -(-total // block) * -(-filters // part)
            rounds = -(-items // THREADS)
            cost = rounds * (min(block, total) + 3) * (part + 16)
            found.append((cost, -block, part))
    _, block, part = min(found)
    return min(-block, total), part


def winograd_dx_tasks(dy: Array, w: Array, dx: Array, pads: Pads) -> list[Task]:
    """Return the tasks that write dx, the gradient by x of shapes as in (1).

    dx is itself a convolution: of dy with the filters turned by half a turn.  Where its
    padding is negative, the tiles begin inside dy.
    """
    channels, filters = w.shape[2:]
    turned = empty((9, filters, channels), w.dtype)
    (top, bottom), (left, right) = pads
    pads = (2 - top, 2 - bottom), (2 - left, 2 - right)
    given = w.reshape(9, channels, filters)
    turn = [transpose_task(given[8 - tap], turned[tap]) for tap in range(9)]
    filters_of = turned.reshape(3, 3, filters, channels)
    nothing = np.zeros(channels, dy.dtype)
    return [*turn, *winograd_tasks(dy, filters_of, nothing, dx, pads)]


@jit(from_python=True)
def _step(size):
    """Return how far the 36 parts of u, v or m, of ``size`` numbers, are apart.

    A line of the cache more than need be: steps of a power of two would share the sets
    of the cache (filters of 128 to 128 channels: 0.18 instead of 0.05 ms).
    """
    return size + 16


@jit(from_python=True)
def _whole(count, unit):
    """Return the next multiple of ``unit``."""
    return (count + unit - 1) // unit * unit


@jit()
def _filters_item(c, thread, w, tiles, u, patches):
    """Write u[a, b, c, o] of equation (4) for all a, b, o.

    In memory as u[a, b, o // panel, c, o % panel]: of many channels, the columns of a
    register tile are neighbours (128 to 128: 5 % of the time).
    """
    lanes, patch = VECTOR_BYTES // w.itemsize, patches[thread]
    channels, filters, panel = tiles.channels, tiles.filters, tiles.panel
    size, step = channels * filters, _step(channels * _whole(filters, panel))
    for o in range(0, filters, lanes):
        left, start = filters - o, (o // panel * channels + c) * panel + o % panel
        for q in range(TAPS):
            taps = tile_rows(c * filters + o + q * size, TAPS * size, TAPS)
            column = _to_u(tile_load(w, taps, left, 1))
            tile_store(patch, tile_rows(q * lanes, TAPS * lanes, IN), column, lanes)
        for a in range(IN):
            row = tile_load(patch, tile_rows(a * TAPS * lanes, lanes, TAPS), lanes, 1)
            tile_store(u, tile_rows(start + a * IN * step, step, IN), _to_u(row), left)


@functools.cache
def _tiles_body(windows: Any, outputs: Any) -> Any:
    @jit()
    def tiles_item(
        item, thread, tiles, x, u, bias, nothing, one, relu, y, argmax, above, beside,
        v_at, inputs, m_at, patches, vs, ms, zeros,
    ):  # fmt: skip
        patch, v, m, zero = patches[thread], vs[thread], ms[thread], zeros[thread]
        # a last block of few tiles overlaps the one before and writes the same numbers:
        # it has as many as a register tile has rows
        first = item // tiles.parts * tiles.block
        first = min(first, tiles.total - min(tiles.block, TALLEST))
        count = min(tiles.block, tiles.total - first)
        o = item % tiles.parts * tiles.part
        last = min(o + tiles.part, tiles.filters)
        v_step = _step(tiles.block * tiles.channels)
        m_step = _step(tiles.block * tiles.part)
        panel, channels = tiles.panel, tiles.channels
        u_step = _step(channels * _whole(tiles.filters, panel))
        for t in range(count):
            _inputs(tiles, first + t, x, above, patch, v, v_at[t], v_step)
            zero[t] = _zero_windows(tiles, first + t, x, above)
        for ab in range(IN * IN):
            for k in range(o, last, panel):
                u_at = ab * u_step + k // panel * (channels - 1) * panel
                windows(
                    v, ab * v_step, v_at, 0, count, inputs, u, u_at, panel, nothing, 0,
                    k, min(k + panel, last), m, ab * m_step - o, m_at, nothing,
                )  # fmt: skip
        for t in range(count):
            outputs(
                tiles, first + t, zero[t], m, m_at[t], m_step, o, last, bias, one, relu,
                beside, patch, y, argmax,
            )  # fmt: skip

    return tiles_item


@jit()
def _place(tiles, t):
    """Return where tile t is: its image, the row and column of its first output."""
    row, column = t // tiles.columns, t % tiles.columns
    return row // tiles.rows, row % tiles.rows * OUT, column * OUT


@jit()
def _inputs(tiles, t, x, above, patch, v, start, step):
    """Write v[a, b, c] of equation (3) of tile t for all a, b, c.

    Parameters
    ----------
    above : for each line of the padded image 0, or -C where it is outside x
    """
    lanes, channels = VECTOR_BYTES // x.itemsize, tiles.channels
    n, i, j = _place(tiles, t)
    line = tiles.width * channels
    corner = (n * tiles.height + i - tiles.top) * line + (j - tiles.left) * channels
    for c in range(0, channels, lanes):
        left = channels - c
        for k in range(IN):
            inside = 0 <= j + k - tiles.left < tiles.width
            lefts = tile_offsets(above, i, left if inside else 0, IN)
            pixels = tile_rows(corner + k * channels + c, line, IN)
            column = _to_v(tile_load(x, pixels, lefts, 1))
            tile_store(patch, tile_rows(k * lanes, IN * lanes, IN), column, lanes)
        for a in range(IN):
            row = tile_load(patch, tile_rows(a * IN * lanes, lanes, IN), lanes, 1)
            places = tile_rows(start + a * IN * step + c, step, IN)
            tile_store(v, places, _to_v(row), left)


@jit()
def _columns_of_outputs(m, start, step, left, patch):
    """Write sum_a A[i, a] * m[a, b, o] for all i, b: one dimension of equation (1)."""
    lanes = VECTOR_BYTES // m.itemsize
    for b in range(IN):
        products = tile_rows(start + b * step, IN * step, IN)
        column = _to_y(tile_load(m, products, left, 1))
        tile_store(patch, tile_rows(b * lanes, IN * lanes, OUT), column, lanes)


@jit()
def _outputs(
    tiles, t, word, m, start, step, first, last, bias, one, relu, beside, patch, y,
    argmax,
):  # fmt: skip
    """Write y[i, j, o] of equation (1) of tile t for all i, j, o = first .. last - 1.

    Parameters
    ----------
    word : the outputs for which equation (5) holds instead
    beside : for each column of the tiles 0, or -O where it is outside y
    """
    lanes, filters = VECTOR_BYTES // m.itemsize, tiles.filters
    n, i, j = _place(tiles, t)
    line = tiles.y_width * filters
    corner = (n * tiles.y_height + i) * line + j * filters
    for o in range(first, last, lanes):
        left = last - o
        _columns_of_outputs(m, start + o - first, step, left, patch)
        for k in range(min(OUT, tiles.y_height - i)):
            row = tile_load(patch, tile_rows(k * IN * lanes, lanes, IN), lanes, 1)
            row = tile_fma(_to_y(row), one, tile_rows(0, 0, OUT), 0, bias, o, left)
            if relu:
                row = tile_relu(row)
            pixels = tile_rows(corner + k * line + o, filters, OUT)
            tile_store(y, pixels, row, tile_offsets(beside, j, left, OUT))
    if word:
        _biases(tiles, t, word, first, last, bias, relu, y)


@jit()
def _pooled_outputs(
    tiles, t, word, m, start, step, first, last, bias, one, relu, beside, patch, y,
    argmax,
):  # fmt: skip
    """Write the maxima of tile t over cells of 2 x 2, and where they stood."""
    lanes, filters = VECTOR_BYTES // m.itemsize, tiles.filters
    n, i, j = _place(tiles, t)
    i, j = i // 2, j // 2
    for o in range(first, last, lanes):
        left = last - o
        lefts = (
            left if j < tiles.pooled_width else 0,
            (left if j + 1 < tiles.pooled_width else 0),
        )
        _columns_of_outputs(m, start + o - first, step, left, patch)
        for k in range(min(CELLS, tiles.pooled_height - i)):
            at = 2 * k * IN * lanes
            cells = _to_cells(tile_load(patch, tile_rows(at, lanes, TWO_IN), lanes, 1))
            zeros = tile_rows(0, 0, TWO_OUT)
            cells = tile_fma(cells, one, zeros, 0, bias, o, left)
            if word:
                places = tile_rows(at, lanes, TWO_OUT)
                tile_store(patch, places, cells, lanes)
                _biases_of_cells(word >> 2 * k, bias[o:], left, patch[at:], lanes)
                cells = tile_load(patch, places, lanes, 1)
            pixel = (n * tiles.pooled_height + i + k) * tiles.pooled_width + j
            pixels = tile_rows(pixel * filters + o, filters, CELLS)
            tile_pool(y, argmax, pixels, cells, lefts, DEAD)


# --- windows of zeros -------------------------------------------------------------

# bit IN * j + i of a word is output (i, j) of a tile, or input (i, j)
OUTPUTS = sum(1 << (IN * j + i) for i in range(OUT) for j in range(OUT))


@jit()
def _zero_windows(tiles, t, x, above):
    """Return the word of the outputs of tile t all of whose inputs are 0.

    The four inputs in the middle belong to all windows between them: where none of the
    four is 0, as is usual, no window is.
    """
    lanes, channels = VECTOR_BYTES // x.itemsize, tiles.channels
    n, i, j = _place(tiles, t)
    line = tiles.width * channels
    corner = (n * tiles.height + i - tiles.top) * line + (j - tiles.left) * channels
    found = 0
    for k in range(2, 4):
        left = channels if 0 <= j + k - tiles.left < tiles.width else 0
        lefts = tile_offsets(above, i + 2, left, 2)
        pixels = tile_rows(corner + 2 * line + k * channels, line, 2)
        found += tile_nonzero(tile_load(x, pixels, lefts, 1))
    if found == 6:
        return 0
    word = 0
    for k in range(IN):
        left = channels if 0 <= j + k - tiles.left < tiles.width else 0
        for c in range(0, left, lanes):
            lefts = tile_offsets(above, i, left - c, IN)
            pixels = tile_rows(corner + k * channels + c, line, IN)
            word |= tile_nonzero(tile_load(x, pixels, lefts, 1)) << (IN * k)
    word |= word >> 1 | word >> 2  # the inputs of three rows,
    word |= word >> IN | word >> (2 * IN)  # and of three columns
    return OUTPUTS & ~word


@jit()
def _biases(tiles, t, word, first, last, bias, relu, y):
    """Write y[i, j, o] of equation (5) for the outputs (i, j) of tile t in ``word``."""
    n, i, j = _place(tiles, t)
    values = bias[first:last]
    for k in range(min(OUT, tiles.y_height - i)):
        for h in range(min(OUT, tiles.y_width - j)):
            if word >> (IN * h + k) & 1:
                pixel = (n * tiles.y_height + i + k) * tiles.y_width + j + h
                row = y[pixel * tiles.filters + first :]
                for o in range(len(values)):
                    if abs(row[o]) < np.inf:
                        row[o] = 0 if relu and values[o] < 0 else values[o]


@jit()
def _biases_of_cells(word, bias, left, cells, lanes):
    """Write equation (5) into two rows of outputs, which ``_to_cells`` put in order."""
    for k in range(TWO_OUT):
        column, row = k // 4 * 2 + k % 2, k // 2 % 2
        if word >> (IN * column + row) & 1:
            for o in range(min(left, lanes)):
                if abs(cells[k * lanes + o]) < np.inf:
                    cells[k * lanes + o] = bias[o]
