"""Tasks of matrices: w transposed, and products whose sums are split into parts."""

import functools
from typing import Any

import numpy as np

from ..machine.arrays import Array, empty, jit
from ..machine.tasks import BLOCK, Task, scratch
from ..machine.tile import (
    VECTOR_BYTES,
    tile_fill,
    tile_fma,
    tile_load,
    tile_rows,
    tile_store,
    tile_transpose,
)
from .packing import inside, make_turn
from .products import (
    LEAVES,
    PANEL,
    ROWS,
    Cover,
    outer_cover,
    outer_over,
    table,
    windows_over,
)
from .sums import ITEMS
from .sweeps import cut

DEEP = 100  # rows; beyond this, packing w is faster (2 threads, 128: 228, not 277 us)
LONG_ROW = 128 * 1024  # bytes of w; below this, nothing is gained


def transpose_task(w: Array, w_t: Array) -> Task:
    """Return the task w_t (O, K) = w (K, O) transposed."""
    lanes = VECTOR_BYTES // w.itemsize
    if min(w.shape) < lanes:
        return Task(_transpose_small_item, 1, w, w_t)
    rows, columns = w.shape
    squares = -(-rows // lanes)
    some = max(1, BLOCK // (lanes * columns))  # waking the threads takes 2 us
    body = _transpose_body(lanes)
    sizes = rows, columns, some
    return Task(body, -(-squares // some), w.reshape(-1), w_t.reshape(-1), *sizes)


@jit()
def _transpose_small_item(item, thread, w, w_t):
    for o in range(w.shape[1]):
        for k in range(len(w)):
            w_t[o, k] = w[k, o]


@functools.cache
def _transpose_body(lanes: int) -> Any:
    """Return the body for squares of L x L in registers: 1600 x 128 in 15 us of 115."""

    @jit()
    def transpose_item(item, thread, w, w_t, rows, columns, some):
        first = item * some * lanes
        for k in range(first, min(first + some * lanes, rows), lanes):
            k = min(k, rows - lanes)  # the last squares overlap
            for o in range(0, columns, lanes):
                o = min(o, columns - lanes)
                places = tile_rows(k * columns + o, columns, lanes)
                square = tile_load(w, places, lanes, 1)
                to = tile_rows(o * rows + k, rows, lanes)
                tile_store(w_t, to, tile_transpose(square), lanes)

    return transpose_item


def tasks_by_parts(x: Array, w: Array, bias: Array, relu: bool, y: Array) -> list[Task]:
    """Return the tasks y = f(x w + bias) with sums in parts, or [] if slower."""
    shape = *x.shape, len(bias), x.itemsize
    if is_deep(*shape):
        return [deep_task(x, w, bias, relu, y)]
    return long_row_tasks(x, w, bias, relu, y) if is_long_row(*shape) else []


def is_deep(rows: int, inputs: int, outputs: int, itemsize: int) -> bool:
    """Return whether :func:`deep_task` is best for y = x w.

    It is for so few rows that packing w hardly pays, and so many inputs that two
    vectors of columns leave the L1 cache between one tile of rows and the next, unless
    rows are split among threads (1600 to 128, 64 rows: 179 instead of 200 us).
    """
    leaves = inputs * 2 * VECTOR_BYTES > PANEL
    return leaves and 1 < rows <= DEEP and cut(1, rows, 1, outputs, itemsize)[0] == 1


def deep_task(x: Array, w: Array, bias: Array, relu: bool, y: Array) -> Task:
    """Return the task y (N, O) = f(x w + bias), for x (N, K), w (K, O), bias (O,).

    f(z) = max(z, 0) if ``relu``, else z.  Every sum is split into parts, as in (2) of
    products.py, in the order of the inputs, so the result equals (1) to the bit.
    """
    (rows, inputs), outputs = x.shape, len(bias)
    _, _, blocks, block = cut(1, rows, 1, outputs, x.itemsize)
    n = np.arange(rows)
    return Task(
        _deep_body(outer_over(outer_cover(rows, block, x.itemsize))), blocks,
        x.reshape(-1), table(n * inputs), w.reshape(-1), bias, int(relu), y,
        table(n * outputs), block, scratch(PANEL // x.itemsize, x.dtype),
    )  # fmt: skip


@functools.cache
def _deep_body(outer: Any) -> Any:
    @jit()
    def deep_item(item, thread, x, x_at, w, bias, relu, y, y_at, block, panels):
        rows, outputs = y.shape
        first, last = item * block, min(item * block + block, outputs)
        for n in range(rows):
            # element by element: numba's check of slices would take 2 s to compile
            for o in range(first, last):
                y[n, o] = bias[o]
        outer(
            x, 0, 0, 1, x_at, 0, rows, w, 0, 0, outputs, 1, len(x) // rows, False,
            first, last, y.reshape(-1), y_at, panels[thread],
        )  # fmt: skip
        if relu:
            for n in range(rows):
                z = y[n, first:last]
                for o in range(len(z)):
                    z[o] = 0 if z[o] < 0 else z[o]

    return deep_item


def turned_task(dy: Array, w: Array, dx: Array) -> Task:
    """Return the task dx (N, K) = dy (N, O) times w (K, O) transposed, for many rows.

    An item transposes rows of w into a tile's columns, a panel in its L1 cache, for all
    rows of dy.  So w is read once, from end to end (1600 to 128, 128 rows: 0.37 instead
    of 0.47 ms with w transposed as a whole).
    """
    (rows, outputs), inputs = dy.shape, len(w)
    lanes = VECTOR_BYTES // w.itemsize
    wide = VECTOR_BYTES == 64 and outputs * 4 * VECTOR_BYTES <= LEAVES
    NV = 4 if wide and inputs % (4 * lanes) == 0 else 2
    return Task(
        _turned_body(make_turn(lanes), windows_over(Cover(ROWS[2], NV, 0, 0)), NV),
        -(-inputs // (NV * lanes)), dy.reshape(-1), table(np.arange(rows) * outputs),
        np.arange(outputs), np.zeros(1, np.int64), w.reshape(-1),
        *inside(outputs, inputs, lanes), scratch(outputs * NV * lanes, w.dtype),
        np.zeros(inputs, w.dtype), dx.reshape(-1), table(np.arange(rows) * inputs),
        rows,
    )  # fmt: skip


@functools.cache
def _turned_body(turn: Any, windows: Any, NV: int) -> Any:
    @jit()
    def turned_item(
        item, thread, dy, y_at, outputs_at, at, w, rows_in, columns_in, panels, nothing,
        dx, x_at, rows,
    ):  # fmt: skip
        inputs, outputs, panel = len(nothing), len(outputs_at), panels[thread]
        lanes = VECTOR_BYTES // w.itemsize
        first = item * NV * lanes
        last = min(first + NV * lanes, inputs)
        for k in range(first, last, lanes):
            turn(
                w, at, k * outputs, outputs, outputs, rows_in, columns_in[k:], panel,
                k - first, NV * lanes,
            )  # fmt: skip
        windows(
            dy, 0, y_at, 0, rows, outputs_at, panel, -first * outputs, 0, nothing, 0,
            first, last, dx, 0, x_at,
        )  # fmt: skip

    return turned_item


def is_long_row(rows: int, inputs: int, outputs: int, itemsize: int) -> bool:
    """Return whether :func:`long_row_tasks` is best: for one row with many inputs."""
    return rows == 1 and inputs >= 256 and inputs * outputs * itemsize >= LONG_ROW


def long_row_tasks(x: Array, w: Array, bias: Array, relu: bool, y: Array) -> list[Task]:
    """Return the tasks y (1, O) = f(x w + bias) of one row, for x (1, K).

    The inputs are split into ``ITEMS`` parts, which depends only on their number.  Each
    part has its own sum, and these are added in order.  So a thread reads neighbouring
    rows of w.  Of a block of columns it would read pieces that are a power of two
    apart, and these compete for the same places in its caches (1600 to 128: 8 instead
    of 10 us; 1024 to 1024: 37 instead of 110).
    """
    inputs, outputs = w.shape
    part = -(-inputs // ITEMS)
    sums = empty((-(-inputs // part), outputs), y.dtype)
    zeros = np.zeros(outputs, y.dtype)
    body = _long_row_body(8 if outputs * y.itemsize > 4 * VECTOR_BYTES else 4)
    item = Task(
        body, len(sums), x.reshape(-1), w.reshape(-1), part, zeros, sums.reshape(-1)
    )
    return [item, Task(_long_row_sum_item, 1, sums, bias, int(relu), y.reshape(-1))]


@functools.cache
def _long_row_body(NV: int) -> Any:
    """Return the body for tiles of 1 x NV vectors."""

    @jit()
    def long_row_item(item, thread, x, w, part, zeros, sums):
        outputs, lanes = len(zeros), VECTOR_BYTES // w.itemsize
        first, last = item * part, min(item * part + part, len(x))
        row = tile_rows(0, 0, 1)
        for o in range(0, outputs, NV * lanes):
            left = outputs - o
            acc = tile_fill(zeros, o, left, 1, NV)
            for k in range(first, last):
                acc = tile_fma(acc, x, row, k, w, k * outputs + o, left)
            tile_store(sums, tile_rows(item * outputs + o, 0, 1), acc, left)

    return long_row_item


@jit()
def _long_row_sum_item(item, thread, sums, bias, relu, y):
    for o in range(len(y)):
        y[o] = bias[o]
    for part in range(len(sums)):
        add = sums[part]
        for o in range(len(y)):
            y[o] += add[o]
    if relu:
        for o in range(len(y)):
            y[o] = 0 if y[o] < 0 else y[o]
