"""The speed that nothing can pass: multiply-adds on the register tile, from L1."""

import os

import numba
import numpy as np

from benchmarks.peers import Variant
from benchmarks.problems import PEAK_FMAS
from sora_np.kernels.machine.tile import (
    VECTOR_BYTES,
    tile_fill,
    tile_fma,
    tile_rows,
    tile_store,
)

ROWS, VECTORS, DEPTH = 6, 2, 64
WIDTH = VECTORS * VECTOR_BYTES // 4  # float32 numbers in a row of the tile
REPEATS = PEAK_FMAS // (DEPTH * ROWS * WIDTH)


@numba.njit(nogil=True, parallel=True, error_model="numpy")
def _multiply_add(x, w, y):
    for thread in numba.prange(len(y)):
        rows = tile_rows(0, DEPTH, ROWS)
        acc = tile_fill(w, 0, WIDTH, ROWS, VECTORS)
        for _ in range(REPEATS):
            for c in range(DEPTH):
                acc = tile_fma(acc, x, rows, c, w, c * WIDTH, WIDTH)
        tile_store(y[thread], tile_rows(0, WIDTH, ROWS), acc, WIDTH)


def version():
    return numba.__version__


def variants(task):
    def make():
        x = np.full(ROWS * DEPTH, 1e-3, np.float32)
        w = np.full(DEPTH * WIDTH, 1e-3, np.float32)
        y = np.empty((int(os.environ["BENCHMARK_THREADS"]), ROWS * WIDTH), np.float32)
        return Variant(lambda: _multiply_add(x, w, y))

    return {"": make}
