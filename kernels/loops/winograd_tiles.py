"""The tiles of Winograd's convolution: into the 36 products and back.

The formulas, (1) to (5), are in winograd.py.  A tile is read from an image, one vector
of channels after another, and transformed along its columns, then along its rows (3).
Its products are transformed back in the same way (1), and written or pooled.
"""

import functools
import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ..machine.arrays import Array, Pads, jit
from ..machine.tile import (
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
from .list_backward import DEAD

OUT, TAPS = 4, 3  # F(4,3)
IN = OUT + TAPS - 1
CELLS, TWO_IN, TWO_OUT = OUT // 2, 2 * IN, 2 * OUT  # for two rows of a tile
POINTS = [Fraction(t) for t in ("0", "2/3", "-2/3", "3/2", "-3/2")]


def _matrices(points: list[Fraction]) -> tuple[list[list[Fraction]], ...]:
    """Return A (OUT, IN), B (IN, IN) and G (IN, TAPS) for these points and infinity."""
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

to_y, to_v, to_u = tile_mix(A), tile_mix(B), tile_mix(G)
# and backward: each gradient is mixed by the transposed matrix
to_e, to_dw = (tile_mix([list(row) for row in zip(*m, strict=True)]) for m in (A, G))
# two rows of outputs from two rows of products, one 2 x 2 cell after another
_to_cells = tile_mix(
    [
        [*[0.0] * (IN * p), *A[2 * cell + q], *[0.0] * (IN - IN * p)]
        for cell, p, q in np.ndindex(CELLS, 2, 2)
    ]
)


class Tiles(NamedTuple):
    """How tiles cover the outputs of a batch, and are split into items."""

    total: int  # tiles of the batch
    rows: int  # of tiles in an image
    columns: int
    height: int  # of x
    width: int
    x_pixel: int  # channels of x
    channels: int  # channels of a group
    top: int
    left: int
    y_height: int
    y_width: int
    pooled_height: int  # of y after pooling, if it is pooled
    pooled_width: int
    y_pixel: int  # channels of y
    filters: int  # channels of a group
    groups: int
    block: int  # tiles in an item
    parts: int  # items that share a block of tiles and a group
    part: int  # filters of each of them
    ldw: int  # from a channel of w to the next
    w_group: int  # from a group of w to the next
    u_step: int  # from one of the 36 products to the next in u,
    v_step: int  # in v,
    m_step: int  # and in m


def padded_for(x: Array, rows: int, columns: int, pads: Pads) -> Array:
    """Return x with zeros around, as rows and columns of tiles read it: a reference."""
    (top, _), (left, _) = pads
    shape = len(x), rows * OUT + IN - OUT, columns * OUT + IN - OUT, x.shape[3]
    padded = np.zeros(shape, x.dtype)
    padded[:, top : top + x.shape[1], left : left + x.shape[2]] = x
    return padded


@jit()
def _place(tiles, t):
    """Return where tile t is: its image, and the row and column of its first output."""
    row, column = t // tiles.columns, t % tiles.columns
    return row // tiles.rows, row % tiles.rows * OUT, column * OUT


@jit()
def corner_of(tiles, t, g):
    """Return where the inputs of tile t begin in x, for the channels of group g."""
    n, i, j = _place(tiles, t)
    row = n * tiles.height + i - tiles.top
    pixel = row * tiles.width + j - tiles.left
    return pixel * tiles.x_pixel + g * tiles.channels


@functools.cache
def make_inputs(whole: int, side: int = IN, mix: Any = to_v) -> Any:
    """Return the jitted inputs(...) for channels that fill vectors of ``whole`` lanes.

    The number of columns that are left is then a constant, and inside the image no load
    needs a mask (32 channels: 150 instead of 250 ns per tile).  0 is for others.

    Parameters
    ----------
    side, mix : rows of a tile, and the operation that makes IN rows of them
    """

    @jit()
    def inputs(tiles, t, corner, x, above, channels, patch, v, start):
        """Write v[a, b, c] of equation (3) of tile t for all a, b, c.

        Parameters
        ----------
        above : for each line of the padded image 0, or -C if it is outside x
        """
        lanes = VECTOR_BYTES // x.itemsize
        pixel, line = tiles.x_pixel, tiles.width * tiles.x_pixel
        _, i, j = _place(tiles, t)
        top, beside = i - tiles.top, j - tiles.left
        is_inside = (
            0 <= top <= tiles.height - side and 0 <= beside <= tiles.width - side
        )
        for c in range(0, channels, lanes):
            left = whole or channels - c
            for k in range(side):
                pixels = tile_rows(corner + k * pixel + c, line, side)
                if is_inside:
                    column = tile_load(x, pixels, left, 1)
                else:
                    inside = 0 <= beside + k < tiles.width
                    lefts = tile_offsets(above, i, left if inside else 0, side)
                    column = tile_load(x, pixels, lefts, 1)
                places = tile_rows(k * lanes, side * lanes, IN)
                tile_store(patch, places, mix(column), whole or lanes)
            for a in range(IN):
                places = tile_rows(a * side * lanes, lanes, side)
                row = mix(tile_load(patch, places, whole or lanes, 1))
                places = tile_rows(start + a * IN * tiles.v_step + c, tiles.v_step, IN)
                tile_store(v, places, row, left)

    return inputs


@functools.cache
def _make_columns(lanes: int) -> Any:
    @jit()
    def columns_of_outputs(m, start, step, patch):
        """Write sum_a A[i, a] * m[a, b, o] for all i, b: of (1), one dimension."""
        for b in range(IN):
            products = tile_rows(start + b * step, IN * step, IN)
            # unused columns are loaded, too: m has space for them
            column = to_y(tile_load(m, products, lanes, 1))
            tile_store(patch, tile_rows(b * lanes, IN * lanes, OUT), column, lanes)

    return columns_of_outputs


@functools.cache
def make_outputs(lanes: int, is_whole: bool) -> Any:
    """Return the jitted outputs(...) for vectors of L, all of them used or not."""
    columns_of_outputs = _make_columns(lanes)

    @jit()
    def outputs(
        tiles, t, word, m, start, first, last, bias, one, relu, beside, patch, y, argmax
    ):  # fmt: skip
        """Write y[i, j, o] of (1) of tile t for all i, j, o = first .. last - 1.

        Parameters
        ----------
        word : the outputs for which equation (5) holds instead
        beside : for each column of the tiles 0, or -O if it is outside y
        """
        filters = tiles.y_pixel
        n, i, j = _place(tiles, t)
        line = tiles.y_width * filters
        corner = (n * tiles.y_height + i) * line + j * filters
        for o in range(first, last, lanes):
            left = lanes if is_whole else last - o
            columns_of_outputs(m, start + o - first, tiles.m_step, patch)
            for k in range(min(OUT, tiles.y_height - i)):
                places = tile_rows(k * IN * lanes, lanes, IN)
                row = to_y(tile_load(patch, places, lanes, 1))
                row = tile_fma(row, one, tile_rows(0, 0, OUT), 0, bias, o, left)
                if relu:
                    row = tile_relu(row)
                pixels = tile_rows(corner + k * line + o, filters, OUT)
                if j + OUT <= tiles.y_width:
                    tile_store(y, pixels, row, left)
                else:
                    tile_store(y, pixels, row, tile_offsets(beside, j, left, OUT))
        if word:
            _biases(tiles, t, word, first, last, bias, relu, y)

    return outputs


@functools.cache
def make_pooled_outputs(lanes: int, is_whole: bool) -> Any:
    """Return the jitted function of the same form for outputs that are pooled."""
    columns_of_outputs = _make_columns(lanes)

    @jit()
    def pooled_outputs(
        tiles, t, word, m, start, first, last, bias, one, relu, beside, patch, y, argmax
    ):  # fmt: skip
        """Write the maxima of tile t over cells of 2 x 2, and their places."""
        filters = tiles.y_pixel
        n, i, j = _place(tiles, t)
        i, j = i // 2, j // 2
        for o in range(first, last, lanes):
            left = lanes if is_whole else last - o
            lefts = (
                left if j < tiles.pooled_width else 0,
                left if j + 1 < tiles.pooled_width else 0,
            )
            columns_of_outputs(m, start + o - first, tiles.m_step, patch)
            for k in range(min(CELLS, tiles.pooled_height - i)):
                at = 2 * k * IN * lanes
                places = tile_rows(at, lanes, TWO_IN)
                cells = _to_cells(tile_load(patch, places, lanes, 1))
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

    return pooled_outputs


# --- windows of zeros -------------------------------------------------------------

# bit IN * j + i of a word is output (i, j) of a tile, or input (i, j)
OUTPUTS = sum(1 << (IN * j + i) for i in range(OUT) for j in range(OUT))


@jit()
def zero_windows(tiles, t, corner, x, above):
    """Return the word of the outputs of tile t whose inputs are all 0.

    Every window contains one of the four inputs in the middle.  If none of these is 0,
    as is usual, no window is all 0.
    """
    lanes, channels = VECTOR_BYTES // x.itemsize, tiles.channels
    pixel, line = tiles.x_pixel, tiles.width * tiles.x_pixel
    _, i, j = _place(tiles, t)
    found = 0
    for k in range(2, 4):
        left = channels if 0 <= j + k - tiles.left < tiles.width else 0
        lefts = tile_offsets(above, i + 2, left, 2)
        pixels = tile_rows(corner + 2 * line + k * pixel, line, 2)
        found += tile_nonzero(tile_load(x, pixels, lefts, 1))
    if found == 6:
        return 0
    word = 0
    for k in range(IN):
        left = channels if 0 <= j + k - tiles.left < tiles.width else 0
        for c in range(0, left, lanes):
            lefts = tile_offsets(above, i, left - c, IN)
            pixels = tile_rows(corner + k * pixel + c, line, IN)
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
                row = y[pixel * tiles.y_pixel + first :]
                for o in range(len(values)):
                    if abs(row[o]) < np.inf:
                        row[o] = 0 if relu and values[o] < 0 else values[o]


@jit()
def _biases_of_cells(word, bias, left, cells, lanes):
    """Write equation (5) to two rows of outputs, in the order of ``_to_cells``."""
    for k in range(TWO_OUT):
        column, row = k // 4 * 2 + k % 2, k // 2 % 2
        if word >> (IN * column + row) & 1:
            for o in range(min(left, lanes)):
                if abs(cells[k * lanes + o]) < np.inf:
                    cells[k * lanes + o] = bias[o]
