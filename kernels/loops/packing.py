"""Weights packed for the tiles of equation (1) of products.py.

A tile reads its columns of w row after row, and all tiles of pixels read them again, so
reading is faster if they are neighbours (128 to 128 channels, 3x3: 6.7 instead of 9.0
ms).  Packing happens once per call.  The tiles come one after another; a tile has its
rows, and a row its columns, in order::

    w (K, 5 vectors)         packed for tiles of 2 and 3 vectors
    k=0  0 1|2 3 4           k=0  0 1     k=0  2 3 4
    k=1  0 1|2 3 4           k=1  0 1     k=1  2 3 4      one piece of memory
    ..                       ..           ..

Weights for a gradient dx are transposed on the way.  So a matrix is read and written
once, and each piece from end to end.
"""

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..machine.arrays import Array, empty, jit
from ..machine.tasks import BLOCK, Task
from ..machine.tile import (
    VECTOR_BYTES,
    tile_load,
    tile_offsets,
    tile_rows,
    tile_store,
    tile_transpose,
)
from .products import Cover


class Weights(NamedTuple):
    """Where the weights are in a flat array: row k, column o of group g.

    They are at at[k] + g * group + o; or, if they are transposed (``run`` is not 0), at
    at[k // run] + k % run + g * group + o * step.
    """

    w: Array
    at: NDArray[np.int64]
    group: int = 0
    step: int = 1
    run: int = 0

    @property
    def rows(self) -> int:
        """The number of rows: the inputs of a window."""
        return int(self.at.size) * (self.run or 1)


class Packing(NamedTuple):
    """What an item packs: ``some`` units, which are rows or transposed vectors."""

    some: int
    units: int
    groups: int
    rows: int
    columns: int  # of a group
    group: int
    step: int


def pack_task(
    weights: Weights, groups: int, columns: int, tiles: Cover
) -> tuple[Task, Array]:
    """Return the task that packs weights, and its flat array, group after group.

    Parameters
    ----------
    columns : of a group
    """
    lanes, rows, run = VECTOR_BYTES // weights.w.itemsize, weights.rows, weights.run
    to = packed_at(columns, rows, tiles, lanes)
    packed = empty(groups * packed_size(columns, rows, tiles, lanes), weights.w.dtype)
    units = groups * (len(to) if run else rows)
    some = max(1, BLOCK * units // max(packed.size, 1))
    how = Packing(some, units, groups, rows, columns, weights.group, weights.step)
    given = how, weights.w, weights.at, to, packed
    if not run:
        return Task(_pack_item, -(-units // some), *given), packed
    tables = inside(run, columns, lanes)
    body = _pack_turned_body(lanes)
    return Task(body, -(-units // some), *given, run, *tables), packed


def packed_at(columns: int, rows: int, tiles: Cover, lanes: int) -> NDArray[np.int64]:
    """Return, for each vector of columns, where its rows 0 and 1 are.

    The second number counts from the first.

    >>> packed_at(5, 100, Cover(6, 2, 4, 3), 1).tolist()
    [[0, 2], [1, 2], [200, 3], [201, 3], [202, 3]]
    """
    vectors = -(-columns // lanes)
    v, last = np.arange(vectors), (vectors % 2) * tiles.last_vectors
    whole = vectors - last
    begin = np.where(v < whole, v // tiles.vectors * tiles.vectors, whole)
    width = np.where(v < whole, tiles.vectors, last)
    return np.stack([(begin * rows + v - begin) * lanes, width * lanes], 1)


def packed_size(columns: int, rows: int, tiles: Cover, lanes: int) -> int:
    """Return how many numbers the packed columns of a group need."""
    vectors = -(-columns // lanes)
    if not vectors % 2 * tiles.last_vectors:
        vectors = -(-vectors // tiles.vectors) * tiles.vectors
    return vectors * lanes * rows


@jit()
def _pack_item(item, thread, how, w, at, to, packed):
    lanes, size = VECTOR_BYTES // w.itemsize, len(packed) // how.groups
    first = item * how.some
    for unit in range(first, min(first + how.some, how.units)):
        g, k = unit // how.rows, unit % how.rows
        start = at[k] + g * how.group
        for v in range(len(to)):
            row = tile_rows(start + v * lanes, 0, 1)
            vector = tile_load(w, row, how.columns - v * lanes, 1)
            place = g * size + to[v, 0] + k * to[v, 1]
            tile_store(packed, tile_rows(place, 0, 1), vector, lanes)


def inside(
    rows: int, columns: int, lanes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the tables that tell ``turn`` which rows and columns of squares exist.

    For rows: L if the row exists, else 0.  For columns: 0 if the column exists, else a
    number so small that no row is left.
    """
    k, o = (np.arange(-(-n // lanes) * lanes) for n in (rows, columns))
    return np.where(k < rows, lanes, 0), np.where(o < columns, 0, -rows)


@functools.cache
def make_turn(lanes: int) -> Any:
    """Return the jitted turn(...), which packs a vector of transposed columns."""

    @jit()
    def turn(w, at, corner, step, run, rows_in, columns_in, packed, start, pitch):
        """Copy w[at[t] + corner + o * step + k] to row t * run + k, column o: squares.

        Parameters
        ----------
        rows_in, columns_in : see :func:`inside`
        """
        for t in range(len(at)):
            for k in range(0, run, lanes):
                rows = tile_rows(at[t] + corner + k, step, lanes)
                lefts = tile_offsets(columns_in, 0, run - k, lanes)
                square = tile_transpose(tile_load(w, rows, lefts, 1))
                rows = tile_rows(start + (t * run + k) * pitch, pitch, lanes)
                tile_store(packed, rows, square, tile_offsets(rows_in, k, 0, lanes))

    return turn


@functools.cache
def _pack_turned_body(lanes: int) -> Any:
    turn = make_turn(lanes)

    @jit()
    def pack_turned_item(
        item, thread, how, w, at, to, packed, run, rows_in, columns_in
    ):  # fmt: skip
        size, first = len(packed) // how.groups, item * how.some
        for unit in range(first, min(first + how.some, how.units)):
            g, v = unit // len(to), unit % len(to)
            corner = g * how.group + v * lanes * how.step
            turn(
                w, at, corner, how.step, run, rows_in, columns_in[v * lanes :], packed,
                g * size + to[v, 0], to[v, 1],
            )  # fmt: skip

    return pack_turned_item
