"""Tasks of matrices: w transposed, and products part by part of their sums."""

import functools
from typing import Any

import numpy as np

from .arrays import Array, empty, jit
from .products import MANY, PANEL, cover, outer_over, table
from .sums import ITEMS
from .sweeps import cut
from .tasks import Task, scratch
from .tile import (
    VECTOR_BYTES,
    tile_fill,
    tile_fma,
    tile_load,
    tile_rows,
    tile_store,
    tile_transpose,
)

LONG_ROW = 128 * 1024  # bytes of w: of less nothing is gained


def transpose_task(w: Array, w_t: Array) -> Task:
    """Return the task w_t (O, K) = w (K, O) transposed."""
    lanes = VECTOR_BYTES // w.itemsize
    if min(w.shape) < lanes:
        return Task(_transpose_small_item, 1, w, w_t)
    rows, columns = w.shape
    count = -(-rows // lanes)
    body = _transpose_body(lanes)
    return Task(body, count, w.reshape(-1), w_t.reshape(-1), rows, columns)


@jit()
def _transpose_small_item(item, thread, w, w_t):
    for o in range(w.shape[1]):
        for k in range(len(w)):
            w_t[o, k] = w[k, o]


@functools.cache
def _transpose_body(lanes: int) -> Any:
    """Return the body for squares of L x L in registers: 1600 x 128 in 15 us of 115."""

    @jit()
    def transpose_item(item, thread, w, w_t, rows, columns):
        k = min(item * lanes, rows - lanes)  # the last squares overlap
        for o in range(0, columns, lanes):
            o = min(o, columns - lanes)
            square = tile_load(w, tile_rows(k * columns + o, columns, lanes), lanes, 1)
            to = tile_rows(o * rows + k, rows, lanes)
            tile_store(w_t, to, tile_transpose(square), lanes)

    return transpose_item


def tasks_by_parts(x: Array, w: Array, bias: Array, relu: bool, y: Array) -> list[Task]:
    """Return the tasks y = f(x w + bias) part by part of its sums; [] where slower."""
    shape = *x.shape, len(bias), x.itemsize
    if is_deep(*shape):
        return [deep_task(x, w, bias, relu, y)]
    return long_row_tasks(x, w, bias, relu, y) if is_long_row(*shape) else []


def is_deep(rows: int, inputs: int, outputs: int, itemsize: int) -> bool:
    """Return whether y = x w is for :func:`deep_task`.

    Rows so few that columns of w are not worth copying, inputs so many that two vectors
    of columns leave the L1 cache between one tile of rows and the next; not where rows
    are cut (1600 to 128: of 32 rows 89 instead of 102 us, of 128 rows 291 and 278).
    """
    leaves = inputs * 2 * VECTOR_BYTES > PANEL
    return leaves and 1 < rows < MANY and cut(1, rows, 1, outputs, itemsize)[0] == 1


def deep_task(x: Array, w: Array, bias: Array, relu: bool, y: Array) -> Task:
    """Return the task y (N, O) = f(x w + bias), for x (N, K), w (K, O), bias (O,).

    f(z) = max(z, 0) where ``relu``, else z.  Every sum is taken part by part, as in (2)
    of products.py, and in the order of the inputs: to the bit as in (1).
    """
    (rows, inputs), outputs = x.shape, len(bias)
    _, _, blocks, block = cut(1, rows, 1, outputs, x.itemsize)
    n = np.arange(rows)
    return Task(
        _deep_body(outer_over(cover(outputs, x.itemsize, block=block))), blocks,
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
            # slice by slice, the message of numba's check would take 2 s to compile
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


def is_long_row(rows: int, inputs: int, outputs: int, itemsize: int) -> bool:
    """Return whether y = x w is for :func:`long_row_tasks`: one row, many inputs."""
    return rows == 1 and inputs >= 256 and inputs * outputs * itemsize >= LONG_ROW


def long_row_tasks(x: Array, w: Array, bias: Array, relu: bool, y: Array) -> list[Task]:
    """Return the tasks y (1, O) = f(x w + bias) of one row, for x (1, K).

    The inputs are cut into ``ITEMS`` parts, by their number alone, each with a sum of
    its own, and these are added in order.  So a thread reads neighbouring rows of w: of
    a block of columns it would read pieces, a power of two apart, that share places of
    its caches (1600 to 128: 8 instead of 10 us; 1024 to 1024: 37 instead of 110).
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
