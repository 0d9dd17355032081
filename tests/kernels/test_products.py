import functools

import guards
import numba
import numpy as np
import pytest

from sora_np.kernels.loops import packing
from sora_np.kernels.loops import products as k
from sora_np.kernels.machine.tasks import Program

GROUPS, TAPS, RUN, PIXELS = 2, 3, 18, 13  # of packed weights


@functools.cache
def from_python(function):
    """Return what Python may call; kernels call these functions."""

    @numba.njit
    def call(*args):
        function(*args)

    return call


@pytest.mark.parametrize("pixels", [1, 5, 13, 61])
@pytest.mark.parametrize("columns", [(0, 3), (2, 26), (2, 40), (0, 65)], ids=str)
@pytest.mark.parametrize("relu", [False, True], ids=["linear", "relu"])
def test_windows_is_the_formula(pixels, columns, relu, dtype, close, rng):
    ldw, inputs = 66, np.array([0, 1, 2, 10, 11, 17])
    x = rng.standard_normal(2 * pixels + 40).astype(dtype)
    w = rng.standard_normal(2 + len(inputs) * ldw).astype(dtype)
    bias = rng.standard_normal(ldw).astype(dtype)
    x_at, y_at = k.table(np.arange(pixels) * 2), k.table(np.arange(pixels) * ldw)
    y = np.zeros((pixels + 1) * ldw, dtype)
    expected = y.copy()
    args = (x, 4, x_at, 0, pixels, inputs, w, 2, ldw, bias, relu, *columns)
    tiles = k.cover(columns[1] - columns[0], x.itemsize, pixels)
    fast = from_python(k.windows_over(tiles))
    fast(*args, y, 1, y_at)
    k.windows_reference(*args, expected, 1, y_at)
    close(y, expected)


@pytest.mark.parametrize("rows", [1, 7, 23])
@pytest.mark.parametrize("columns", [(0, 3), (2, 26), (2, 40), (0, 65)], ids=str)
@pytest.mark.parametrize("fresh", [False, True], ids=["add", "write"])
def test_outer_is_the_formula(rows, columns, fresh, dtype, close, rng):
    ld, height, width = 66, 3, 4
    x = rng.standard_normal(60).astype(dtype)
    dy = rng.standard_normal(height * width * ld + 1).astype(dtype)
    x_at, d_at = k.table(np.arange(rows)), k.table(np.arange(rows) * ld)
    d = rng.standard_normal(rows * ld).astype(dtype)
    expected = d.copy()
    args = (
        x,
        2,
        8,
        2,
        x_at,
        0,
        rows,
        dy,
        1,
        width * ld,
        ld,
        height,
        width,
        fresh,
        *columns,
    )
    panel = np.empty(k.PANEL // x.itemsize, dtype)
    fast = from_python(k.outer_over(k.cover(columns[1] - columns[0], x.itemsize)))
    fast(*args, d, d_at, panel)
    k.outer_reference(*args, expected, d_at, panel)
    close(d, expected)


@pytest.mark.parametrize("columns", [3, 9, 17, 24], ids=str)
def test_outer_of_many_pixels_keeps_to_its_panel(columns, dtype, close, rng):
    rows, height, width = 25, 20, 30
    x = rng.standard_normal(height * width + rows).astype(dtype)
    dy = rng.standard_normal(height * width * columns).astype(dtype)
    x_at, d_at = k.table(np.arange(rows)), k.table(np.arange(rows) * columns)
    d, expected = np.empty((2, rows * columns), dtype)
    size = k.PANEL // x.itemsize
    memory = np.full(8 * size, 7, dtype)
    strides = 0, width, 1, x_at, 0, rows, dy, 0, width * columns, columns
    args = x, *strides, height, width, True, 0, columns
    fast = from_python(k.outer_over(k.cover(columns, x.itemsize)))
    fast(*args, d, d_at, memory[:size])
    k.outer_reference(*args, expected, d_at, memory)
    close(d, expected)
    np.testing.assert_array_equal(memory[size:], 7)


@pytest.mark.parametrize("columns", [3, 17, 40, 64, 65])
@pytest.mark.parametrize("turned", [False, True], ids=["as they are", "turned"])
def test_windows_of_packed_weights_are_the_formula(columns, turned, dtype, close, rng):
    rows = TAPS * RUN
    w = rng.standard_normal((GROUPS, rows, columns)).astype(dtype)
    if turned:  # in memory (taps, columns, groups, run)
        memory = w.reshape(GROUPS, TAPS, RUN, columns).transpose(1, 3, 0, 2)
        at = np.arange(TAPS) * memory[0].size
        how = {"group": RUN, "step": GROUPS * RUN, "run": RUN}
    else:  # (rows, groups, columns)
        memory, how = w.transpose(1, 0, 2), {"group": columns}
        at = np.arange(rows) * GROUPS * columns
    weights = packing.Weights(memory.reshape(-1), at, **how)
    tiles = k.cover(columns, w.itemsize, wide=True)
    task, packed = packing.pack_task(weights, GROUPS, columns, tiles)
    guards.run_guarded(Program([task]))
    x = rng.standard_normal(PIXELS + rows).astype(dtype)
    inputs, bias = np.arange(rows), rng.standard_normal(columns).astype(dtype)
    x_at, y_at = k.table(np.arange(PIXELS)), k.table(np.arange(PIXELS) * columns)
    fast = from_python(k.windows_over(tiles))
    for g in range(GROUPS):
        y, expected = np.zeros((2, PIXELS * columns), dtype)
        image, sums = (x, 0, x_at, 0, PIXELS, inputs), (bias, False, 0, columns)
        fast(*image, packed, g * packed.size // GROUPS, 0, *sums, y, 0, y_at)
        of_group = w[g].reshape(-1), 0, columns
        k.windows_reference(*image, *of_group, *sums, expected, 0, y_at)
        close(y, expected)
