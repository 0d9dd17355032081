"""The register tile: R x NV vectors of sums that a kernel keeps in the CPU's registers.

Convolution, its gradients and the dense layer are sums of products.  They run near the
peak speed of a CPU if a block of sums stays in vector registers while the factors
stream by, so that every number loaded is used in many multiplications.  This block is
the tile; a vector has L = ``VECTOR_BYTES // itemsize`` numbers (16 float32, AVX-512)::

                 columns k = 0 .. NV*L - 1, e.g. output channels
                 +----------- L ----------+----------- L ----------+
    rows   r = 0 |        vector 0        |        vector 1        |
    e.g.       1 |                        |                        |   6 x 2 vectors:
    pixels    .. |                        |                        |   12 registers
             R-1 |                        |                        |
                 +------------------------+------------------------+

The operations use flat (1-D, contiguous) arrays of one dtype, with element offsets::

    tile_offsets(table, p, base, R)      rows[r]   = base + table[p + r]
    tile_rows(start, stride, R)          rows[r]   = start + r*stride
    tile_fill(a, start, left, R, NV)     acc[r, k] = a[start + k]
    tile_load(a, rows, left, NV)         acc[r, k] = a[rows[r] + k]
    tile_fma(acc, x, rows, j, w, start, left)
                                         acc[r, k] + x[rows[r] + j] * w[start + k]
    tile_axpy(acc, a, i, other)          acc[r, k] + a[i] * other[r, k]
    tile_mul(acc, x, rows, j, w, start, left)
                                         acc[r, k] + x[rows[r] + j + k] * w[start + k]
    tile_slide(acc, x, at, step, w, taps, left)
                         acc[r, k] + sum_u x[at + (r+u)*step + k] * w[taps[u] + k]
    tile_pick(a, codes, start, code, left, NV)
                       acc[0, k] = a[start + k] if codes[start + k] == code else 0
    tile_find(codes, start, code, W)     word, whose bit k is codes[start + k] == code
    tile_first(word)                     the lowest k whose bit is 1, in a word not 0
    tile_nonzero(acc)                    word, whose bit r is acc[r, k] != 0 for some k
    tile_relu(acc)                       0 if acc[r, k] < 0 else acc[r, k]
    tile_transpose(acc)                  acc[k, r], for L rows of one vector
    tile_store(a, rows, acc, left)       a[rows[r] + k] = acc[r, k]
    tile_pool(a, codes, rows, acc, left, dead)
                               a[rows[r] + k] = max(0, acc[4r, k], .., acc[4r + 3, k])
    mix = tile_mix(matrix); mix(acc)     sum over s of matrix[r][s] * acc[s, k]

``left`` is the number of columns that are left: only columns k < left are read from an
array or written to one, so no size has to be a multiple of L.  tile_load, tile_store
and tile_pool also accept one such number per row: 0 for a pixel outside an image.  R,
NV, W (1, 2, 4, ... or 64) and a matrix are constants.
The product y (N, O) = x (N, C) w (C, O) + bias in 6 x 2 tiles, for N >= 6 (the last
tile of rows overlaps the one before it; fewer rows need a lower tile, such as 4 x 2)::

    for o in range(0, O, 2 * VECTOR_BYTES // w.itemsize):
        for n in range(0, N, 6):
            n = min(n, N - 6)
            acc = tile_fill(bias, o, O - o, 6, 2)
            for c in range(C):
                acc = tile_fma(acc, x, tile_rows(n * C, C, 6), c, w, c * O + o, O - o)
            tile_store(y, tile_rows(n * O + o, O, 6), acc, O - o)

Every operation exists twice.  The ``*_reference`` of tile_formulas.py is the formula in
NumPy: it checks every index, and runs with NUMBA_DISABLE_JIT=1.  The one here emits
instructions of LLVM, numba's compiler, by tile_emitter.py, and checks nothing.

Source: Goto & van de Geijn, "Anatomy of high-performance matrix multiplication",
ACM TOMS 34(3), 2008; for convolutions Georganas et al., arXiv:1808.05567.
"""

import functools
from itertools import product

from llvmlite import ir
from numba import types
from numba.core.errors import TypingError

from .tile_emitter import INT1, INT8, INT32, INT64, Tile, constant, operation, rows_of
from .tile_formulas import VECTOR_BYTES as VECTOR_BYTES
from .tile_formulas import (
    tile_axpy_reference,
    tile_fill_reference,
    tile_find_reference,
    tile_first_reference,
    tile_fma_reference,
    tile_load_reference,
    tile_mix_reference,
    tile_mul_reference,
    tile_nonzero_reference,
    tile_offsets_reference,
    tile_pick_reference,
    tile_pool_reference,
    tile_relu_reference,
    tile_rows_reference,
    tile_slide_reference,
    tile_store_reference,
    tile_transpose_reference,
)


@operation(tile_offsets_reference, lambda table, p, base, R: rows_of(R))
def tile_offsets(e, table, p, base, R):  # noqa: D103
    rows = range(e.result.count)
    return [e.builder.add(base, e.number(table, p, INT64(r))) for r in rows]


@operation(tile_rows_reference, lambda start, stride, R: rows_of(R))
def tile_rows(e, start, stride, R):  # noqa: D103
    build, rows = e.builder, range(e.result.count)
    return [build.add(start, build.mul(stride, INT64(r))) for r in rows]


@operation(
    tile_fill_reference,
    lambda a, start, left, R, NV: Tile(a.dtype, constant(R), constant(NV)),
)
def tile_fill(e, a, start, left, R, NV):  # noqa: D103
    return e.columns(a, start, left) * e.tile.R


@operation(
    tile_load_reference,
    lambda a, rows, left, NV: Tile(a.dtype, rows.count, constant(NV)),
)
def tile_load(e, a, rows, left, NV):  # noqa: D103
    lefts = left if isinstance(left, list) else [left] * len(rows)
    rows = zip(rows, lefts, strict=True)
    return [vector for row, left in rows for vector in e.columns(a, row, left)]


@operation(tile_fma_reference, lambda acc, *_: acc)
def tile_fma(e, acc, x, rows, j, w, start, left):  # noqa: D103
    columns = e.columns(w, start, left)
    factors = [e.spread(e.number(x, row, j)) for row in rows]
    # not llvm.fma: a CPU without this instruction would call a library, 18 times slower
    return [
        e.call("fmuladd", total.type, factor, column, total)
        for (factor, column), total in zip(product(factors, columns), acc, strict=True)
    ]


@operation(
    tile_pick_reference,
    lambda a, codes, start, code, left, NV: Tile(a.dtype, 1, constant(NV)),
)
def tile_pick(e, a, codes, start, code, left, NV):  # noqa: D103
    code = e.spread(e.builder.trunc(code, INT8))
    vectors = zip(e.columns(a, start, left), e.columns(codes, start, left), strict=True)
    return [
        e.builder.select(e.builder.icmp_unsigned("==", found, code), vector, zero)
        for zero in [e.tile.vector(None)]
        for vector, found in vectors
    ]


@operation(tile_find_reference, lambda codes, start, code, W: types.int64)
def tile_find(e, codes, start, code, W):  # noqa: D103
    # with AVX2, this is six instructions for 64 codes
    build, count = e.builder, constant(e.types[3])
    vector = ir.VectorType(INT8, count)
    address = build.bitcast(build.gep(codes, [start]), vector.as_pointer())
    wanted = e.spread(build.trunc(code, INT8), count)
    found = build.icmp_unsigned("==", build.load(address, align=1), wanted)
    word = build.bitcast(found, ir.IntType(count))
    return word if count == 64 else build.zext(word, INT64)


@operation(tile_first_reference, lambda word: types.int64)
def tile_first(e, word):  # noqa: D103
    return e.builder.cttz(word, INT1(1))


@operation(tile_nonzero_reference, lambda acc: types.int64)
def tile_nonzero(e, acc):  # noqa: D103
    build, lanes, word = e.builder, e.tile.vector.count, INT64(0)
    zero, none = e.tile.vector(None), ir.IntType(lanes)(0)
    for r in range(e.tile.R):
        row = acc[r * e.tile.NV : (r + 1) * e.tile.NV]
        found = [build.fcmp_unordered("!=", vector, zero) for vector in row]
        bits = functools.reduce(build.or_, found)
        any_found = build.icmp_unsigned("!=", build.bitcast(bits, none.type), none)
        bit = build.shl(build.zext(any_found, INT64), INT64(r))
        word = build.or_(word, bit)
    return word


@operation(tile_axpy_reference, lambda acc, *_: acc)
def tile_axpy(e, acc, a, i, other):  # noqa: D103
    factor = e.spread(e.number(a, i, INT64(0)))
    return [
        e.call("fmuladd", total.type, factor, value, total)
        for value, total in zip(other, acc, strict=True)
    ]


@operation(tile_relu_reference, lambda acc: acc)
def tile_relu(e, acc):  # noqa: D103
    zero = e.tile.vector(None)
    negative = [e.builder.fcmp_ordered("<", total, zero) for total in acc]
    return [e.builder.select(n, zero, t) for n, t in zip(negative, acc, strict=True)]


@operation(tile_transpose_reference, lambda acc: acc)
def tile_transpose(e, acc):  # noqa: D103
    lanes = e.tile.vector.count
    if (e.tile.R, e.tile.NV) != (lanes, 1):
        raise TypingError(f"tile_transpose needs {lanes} rows of one vector")
    rows, step = list(acc), 1
    while step < lanes:  # in every 2*step x 2*step, swap the squares off the diagonal
        above = [k - step + lanes if k & step else k for k in range(lanes)]
        below = [k + lanes if k & step else k + step for k in range(lanes)]
        masks = [ir.VectorType(INT32, lanes)(mask) for mask in (above, below)]
        for r in (r for r in range(lanes) if not r & step):
            pair = rows[r], rows[r + step]
            rows[r], rows[r + step] = (
                e.builder.shuffle_vector(*pair, mask) for mask in masks
            )
        step *= 2
    return rows


@operation(tile_store_reference, lambda *_: types.void)
def tile_store(e, a, rows, acc, left):  # noqa: D103
    lefts = left if isinstance(left, list) else [left] * len(rows)
    for r, row in enumerate(rows):
        e.columns(a, row, lefts[r], store=acc[r * e.tile.NV : (r + 1) * e.tile.NV])


@operation(tile_pool_reference, lambda *_: types.void)
def tile_pool(e, a, codes, rows, acc, left, dead):  # noqa: D103
    build, NV, zero = e.builder, e.tile.NV, e.tile.vector(None)
    lefts = left if isinstance(left, list) else [left] * len(rows)
    numbers = ir.VectorType(INT32, zero.type.count)
    bytes_ = ir.VectorType(INT8, zero.type.count)
    unused = e.spread(build.trunc(dead, INT32))
    for r, row in enumerate(rows):
        maxima, places = [], []
        for v in range(NV):
            best, *others = (acc[(4 * r + q) * NV + v] for q in range(4))
            place = numbers(None)
            for q, other in enumerate(others, 1):
                wins = build.fcmp_unordered(">", other, best)
                wins = build.and_(wins, build.fcmp_ordered("ord", best, best))
                best = build.select(wins, other, best)
                place = build.select(wins, numbers([q] * numbers.count), place)
            is_dead = build.fcmp_ordered("<=", best, zero)
            maxima.append(build.select(is_dead, zero, best))
            places.append(build.trunc(build.select(is_dead, unused, place), bytes_))
        e.columns(a, row, lefts[r], store=maxima)
        e.columns(codes, row, lefts[r], store=places)


@operation(tile_mul_reference, lambda acc, *_: acc)
def tile_mul(e, acc, x, rows, j, w, start, left):  # noqa: D103
    columns = e.columns(w, start, left) * e.tile.R
    places = [e.builder.add(row, j) for row in rows]
    factors = [vector for at in places for vector in e.columns(x, at, left)]
    return [
        e.call("fmuladd", total.type, factor, column, total)
        for factor, column, total in zip(factors, columns, acc, strict=True)
    ]


@operation(tile_slide_reference, lambda acc, *_: acc)
def tile_slide(e, acc, x, at, step, w, taps, left):  # noqa: D103
    R, NV, sums = e.tile.R, e.tile.NV, list(acc)
    columns = [e.columns(w, tap, left) for tap in taps]
    for shared in range(R + len(taps) - 1):  # vector r + u of x serves several rows
        factors = e.columns(x, at, left)
        at = e.builder.add(at, step)
        for r in range(max(0, shared - len(taps) + 1), min(R, shared + 1)):
            for v, (factor, column) in enumerate(
                zip(factors, columns[shared - r], strict=True)
            ):
                total = sums[r * NV + v]
                sums[r * NV + v] = e.call("fmuladd", total.type, factor, column, total)
    return sums


def tile_mix(matrix):
    """Return the operation mix(acc) for a matrix, a sequence of rows of numbers."""

    def result(acc):
        if any(len(factors) != acc.R for factors in matrix):
            raise TypingError(f"tile_mix needs rows of {acc.R} factors, got {matrix}")
        return Tile(acc.dtype, len(matrix), acc.NV)

    @operation(tile_mix_reference(matrix), result)
    def mix(e, acc):
        mixed = []
        for factors in matrix:
            terms = [(f, s * e.tile.NV) for s, f in enumerate(factors) if f]
            terms.sort(key=lambda term: term[0] != 1)  # a 1 first saves a product
            for v in range(e.tile.NV):
                total = None
                for factor, s in terms:
                    f = e.tile.vector([factor] * e.tile.vector.count)
                    if total:
                        total = e.call("fmuladd", f.type, f, acc[s + v], total)
                    else:
                        x = acc[s + v]
                        total = x if factor == 1 else e.builder.fmul(f, x)
                mixed.append(total)
        return mixed

    return mix
