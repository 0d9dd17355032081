"""The operations of tile.py as formulas in NumPy, which check every index.

A tile is an array (R, NV*L).  These functions run with NUMBA_DISABLE_JIT=1.
"""

import os

import numpy as np
from numba.core.registry import cpu_target


def _vector_bytes():
    """Return the width of a vector, for the CPU for which numba compiles.

    The environment variable SORA_NP_VECTOR_BYTES (16, 32 or 64; for tests) overrides
    it; any width runs on any CPU.  numba's disk cache has the CPU in its key, but not
    this variable, so the key of every cached kernel (and caller of one) includes it.
    Ready machine code must match the width, too; SORA_NP_READY=0 turns it off
    (ready.py).
    """
    forced = os.environ.get("SORA_NP_VECTOR_BYTES")
    if forced not in (None, "16", "32", "64"):
        raise ValueError(f"SORA_NP_VECTOR_BYTES must be 16, 32 or 64, got {forced!r}")
    # not this machine's CPU: NUMBA_CPU_NAME and NUMBA_CPU_FEATURES may set another
    features = cpu_target.target_context.codegen().magic_tuple()[2].split(",")
    widest = 64 if "+avx512f" in features else 32 if "+avx" in features else 16
    return int(forced or widest)


VECTOR_BYTES = _vector_bytes()


def _span(op, a, start, count):
    """Return the view a[start : start + count]; raise if it is not inside ``a``."""
    for index in (start, start + count - 1) if count > 0 else ():
        if not 0 <= index < a.size:
            raise IndexError(f"{op}: index {index} in an array of size {a.size}")
    return a[start : start + count] if count > 0 else a[:0]


def tile_offsets_reference(table, p, base, R):
    """Return R ints, rows[r] = base + table[p + r], such as where R pixels begin."""
    return tuple(base + int(t) for t in _span("tile_offsets", table, p, R))


def tile_rows_reference(start, stride, R):
    """Return R ints, rows[r] = start + r*stride."""
    return tuple(start + r * stride for r in range(R))


def tile_fill_reference(a, start, left, R, NV):
    """Return a tile of equal rows, acc[r, k] = a[start + k]: sums start at a bias."""
    return tile_load_reference(a, (start,) * R, left, NV, "tile_fill")


def tile_load_reference(a, rows, left, NV, op="tile_load"):
    """Return a tile, acc[r, k] = a[rows[r] + k]."""
    acc = np.zeros((len(rows), NV * VECTOR_BYTES // a.itemsize), a.dtype)
    lefts = np.broadcast_to(left, len(rows))
    for r, row in enumerate(rows):
        columns = _span(op, a, row, min(lefts[r], acc.shape[1]))
        acc[r, : columns.size] = columns
    return acc


def tile_fma_reference(acc, x, rows, j, w, start, left):
    """Return the tile acc[r, k] + x[rows[r] + j] * w[start + k]."""
    factors = np.concatenate([_span("tile_fma", x, row + j, 1) for row in rows])
    columns = _span("tile_fma", w, start, min(left, acc.shape[1]))
    result = acc.copy()
    result[:, : columns.size] += np.multiply.outer(factors, columns)
    return result


def tile_pick_reference(a, codes, start, code, left, NV):
    """Return a tile of one row: a[start + k] where codes[start + k] == code, else 0."""
    acc = tile_load_reference(a, (start,), left, NV, "tile_pick")
    columns = _span("tile_pick", codes, start, min(left, acc.shape[1]))
    acc[0, : columns.size][columns != code] = 0
    return acc


def tile_find_reference(codes, start, code, W):
    """Return an int whose bit k < W is codes[start + k] == code.

    As an int64 it may be negative.  ``word & word - 1`` removes the lowest bit.
    """
    found = _span("tile_find", codes, start, W) == code
    return sum(1 << k for k in range(W) if found[k])


def tile_first_reference(word):
    """Return the lowest k for which bit k is 1, for a word that is not 0."""
    return (word & -word).bit_length() - 1


def tile_nonzero_reference(acc):
    """Return an int whose bit r says whether acc[r, k] != 0 for some k."""
    return sum(1 << r for r, row in enumerate(acc) if row.any())


def tile_axpy_reference(acc, a, i, other):
    """Return the tile acc[r, k] + a[i] * other[r, k]."""
    return acc + _span("tile_axpy", a, i, 1) * other


def tile_relu_reference(acc):
    """Return the tile max(acc[r, k], 0), where NaN stays NaN."""
    return np.where(acc < 0, acc.dtype.type(0), acc)


def tile_transpose_reference(acc):
    """Return the tile acc[k, r], for L rows of one vector."""
    return acc.T.copy()


def tile_store_reference(a, rows, acc, left):
    """Write a[rows[r] + k] = acc[r, k], row after row."""
    lefts = np.broadcast_to(left, len(rows))
    for r, row in enumerate(rows):
        columns = _span("tile_store", a, row, min(lefts[r], acc.shape[1]))
        columns[:] = acc[r, : columns.size]


def tile_pool_reference(a, codes, rows, acc, left, dead):
    """Write a[rows[r] + k] = max(0, acc[4r, k], .., acc[4r + 3, k]), 2 x 2 cells.

    Write to ``codes`` which of the four it was, the first of equal ones, or ``dead`` if
    none is above 0.  NaN is larger than all numbers.
    """
    for r, four in enumerate(acc.reshape(len(rows), 4, -1)):
        best, place = four[0].copy(), np.zeros(acc.shape[1], np.uint8)
        for q in range(1, 4):
            wins = (four[q] > best) | (np.isnan(four[q]) & ~np.isnan(best))
            best[wins], place[wins] = four[q, wins], q
        place[best <= 0], best[best <= 0] = dead, 0
        some = np.broadcast_to(left, len(rows))[r]
        tile_store_reference(a, rows[r : r + 1], best[None], some)
        columns = _span("tile_pool", codes, rows[r], min(some, place.size))
        columns[:] = place[: columns.size]


def tile_mul_reference(acc, x, rows, j, w, start, left, op="tile_mul"):
    """Return the tile acc[r, k] + x[rows[r] + j + k] * w[start + k]."""
    columns = _span(op, w, start, min(left, acc.shape[1]))
    result = acc.copy()
    for r, row in enumerate(rows):
        factors = _span(op, x, row + j, columns.size)
        result[r, : columns.size] += factors * columns
    return result


def tile_slide_reference(acc, x, at, step, w, taps, left):
    """Return the tile acc[r, k] + sum_u x[at + (r+u)*step + k] * w[taps[u] + k].

    Rows and terms share vectors of x: R + len(taps) - 1 are enough for all products.
    """
    rows = tile_rows_reference(at, step, len(acc))
    for u, tap in enumerate(taps):
        acc = tile_mul_reference(acc, x, rows, u * step, w, tap, left, "tile_slide")
    return acc


def tile_mix_reference(matrix):
    """Return mix(acc), the tile of the sums over s of matrix[r][s] * acc[s, k]."""

    def mix(acc):
        mixed = np.zeros((len(matrix), acc.shape[1]), acc.dtype)
        for r, factors in enumerate(matrix):
            for factor, row in zip(factors, acc, strict=True):
                if factor:  # 0 times infinity must not enter the sum
                    mixed[r] += acc.dtype.type(factor) * row
        return mixed

    return mix
