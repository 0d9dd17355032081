"""The register tile: R x NV vectors of sums that a kernel keeps in the CPU's registers.

Convolution, its gradients and the dense layer are sums of products.  They run near the
peak of a CPU when a block of sums stays in vector registers while the factors stream
by, so that every number loaded serves many multiplications.  That block is the tile; a
vector holds L = ``VECTOR_BYTES // itemsize`` numbers (16 float32 with AVX-512)::

                 columns k = 0 .. NV*L - 1, e.g. output channels
                 +----------- L ----------+----------- L ----------+
    rows   r = 0 |        vector 0        |        vector 1        |
    e.g.       1 |                        |                        |   6 x 2 vectors:
    pixels    .. |                        |                        |   12 registers
             R-1 |                        |                        |
                 +------------------------+------------------------+

The operations, on flat (1-D, contiguous) arrays of one dtype, addressed by element::

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
and tile_pool also take such numbers row by row: 0 for a pixel outside an image.  R, NV,
W (1, 2, 4, ... or 64) and a matrix are constants.
The product y (N, O) = x (N, C) w (C, O) + bias in 6 x 2 tiles, for N >= 6 (the last
tile of rows overlaps the one before it)::

    for o in range(0, O, 2 * VECTOR_BYTES // w.itemsize):
        for n in range(0, N, 6):
            n = min(n, N - 6)
            acc = tile_fill(bias, o, O - o, 6, 2)
            for c in range(C):
                acc = tile_fma(acc, x, tile_rows(n * C, C, 6), c, w, c * O + o, O - o)
            tile_store(y, tile_rows(n * O + o, O, 6), acc, O - o)

Every operation is here twice.  The ``*_reference`` is the formula in NumPy: a tile is
an array (R, NV*L), every index is checked, and it is what NUMBA_DISABLE_JIT=1 runs.
The other emits instructions of LLVM, numba's compiler, and checks nothing.

Source: Goto & van de Geijn, "Anatomy of high-performance matrix multiplication",
ACM TOMS 34(3), 2008; for convolutions Georganas et al., arXiv:1808.05567.
"""

import functools
import os
from itertools import product

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.core.registry import cpu_target
from numba.extending import intrinsic, models, register_model


def _vector_bytes():
    """Return the width of a vector: that of the CPU for which numba compiles.

    The environment variable SORA_NP_VECTOR_BYTES (16, 32 or 64; for tests) overrides
    it; any width runs on any CPU.  numba has the CPU in the key of its disk cache, but
    not this variable: it belongs in the key of every cached kernel (or caller of one).
    Ready machine code is chosen by the width as well; SORA_NP_READY=0 leaves it unused
    (ready.py).
    """
    forced = os.environ.get("SORA_NP_VECTOR_BYTES")
    if forced not in (None, "16", "32", "64"):
        raise ValueError(f"SORA_NP_VECTOR_BYTES must be 16, 32 or 64, got {forced!r}")
    # not this machine's CPU: NUMBA_CPU_NAME and NUMBA_CPU_FEATURES may name another
    features = cpu_target.target_context.codegen().magic_tuple()[2].split(",")
    widest = 64 if "+avx512f" in features else 32 if "+avx" in features else 16
    return int(forced or widest)


VECTOR_BYTES = _vector_bytes()

# --- reference: the formulas in NumPy, every index checked --------------------


def _span(op, a, start, count):
    """Return the view a[start : start + count], or refuse what is not inside ``a``."""
    for index in (start, start + count - 1) if count > 0 else ():
        if not 0 <= index < a.size:
            raise IndexError(f"{op}: index {index} in an array of size {a.size}")
    return a[start : start + count] if count > 0 else a[:0]


def tile_offsets_reference(table, p, base, R):
    """Return R ints, rows[r] = base + table[p + r], e.g. where R pixels start."""
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

    As an int64 it may be negative.  ``word & word - 1`` is without the lowest bit.
    """
    found = _span("tile_find", codes, start, W) == code
    return sum(1 << k for k in range(W) if found[k])


def tile_first_reference(word):
    """Return the lowest k of which bit k is 1, for a word that is not 0."""
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

    And in ``codes`` which of the four it was, the first of equals; ``dead`` where none
    is above 0.  NaN is above all.
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

    Rows and terms share vectors of x: R + len(taps) - 1 serve R * len(taps) products.
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
                if factor:  # 0 times infinity is no part of the sum
                    mixed[r] += acc.dtype.type(factor) * row
        return mixed

    return mix


# --- fast: the same as instructions of LLVM -----------------------------------


class Tile(types.Type):
    """The type of a tile in jitted code: R*NV vectors <L x dtype>, row after row."""

    def __init__(self, dtype, R, NV):
        if dtype not in (types.float32, types.float64):
            raise TypingError(f"a tile holds float32 or float64, got {dtype}")
        super().__init__(f"Tile({dtype}, {R}, {NV})")
        self.dtype, self.R, self.NV = dtype, R, NV
        number = ir.FloatType() if dtype == types.float32 else ir.DoubleType()
        self.vector = ir.VectorType(number, VECTOR_BYTES * 8 // dtype.bitwidth)


@register_model(Tile)
class _TileModel(models.PrimitiveModel):
    def __init__(self, manager, tile):
        super().__init__(manager, tile, ir.ArrayType(tile.vector, tile.R * tile.NV))


_INT1, _INT8, _INT32, _INT64 = (ir.IntType(bits) for bits in (1, 8, 32, 64))


class _Emitter:
    """Emits the instructions of one operation; an array is given by its address."""

    def __init__(self, builder, tile, result, given):
        self.builder, self.tile, self.result = builder, tile, result
        self.types = given  # of the arguments

    def number(self, a, i, j):
        """Return a[i + j]."""
        return self.builder.load(self.builder.gep(a, [self.builder.add(i, j)]))

    def spread(self, number, lanes=0):
        """Return a vector of L, or ``lanes``, times ``number``."""
        lanes = lanes or self.tile.vector.count
        vector = ir.VectorType(number.type, lanes)(ir.Undefined)
        vector = self.builder.insert_element(vector, number, _INT32(0))
        element_0 = ir.VectorType(_INT32, lanes)(None)  # L times
        return self.builder.shuffle_vector(vector, vector, element_0)

    def call(self, name, returns, *args):
        """Return the result of LLVM's function llvm.<name>.v<L><type>."""
        kind = ir.FunctionType(returns, [arg.type for arg in args])
        vector = args[0].type if isinstance(returns, ir.VoidType) else returns
        name = f"llvm.{name}.v{vector.count}{vector.element.intrinsic_name}"
        name += ".p0" if "masked" in name else ""
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, args)

    def columns(self, a, start, left, store=()):
        """Return NV vectors a[start + k], 0 for k >= left; or write ``store`` there."""
        build, lanes, element = self.builder, self.tile.vector.count, a.type.pointee
        bits, width = self.tile.dtype.bitwidth, self.tile.NV * lanes
        vector = ir.VectorType(element, lanes)
        aligned = _INT32(1 if element == _INT8 else bits // 8)  # to an element

        def access(masks):
            loaded = []
            for v, mask in enumerate(masks):
                address = build.gep(a, [build.add(start, _INT64(v * lanes))])
                address = build.bitcast(address, vector.as_pointer())
                where = address, aligned, mask
                if store:
                    self.call("masked.store", ir.VoidType(), store[v], *where)
                else:
                    zeros = vector(None)
                    loaded.append(self.call("masked.load", vector, *where, zeros))
            return loaded, build.block

        # A mask of ones: a plain access.  The branch is for CPUs without masks (SSE,
        # NEON): with SSE2 47 GFLOP/s instead of 29; with AVX it makes no difference.
        all_left = build.icmp_signed(">=", left, _INT64(width))
        with build.if_else(all_left) as (then, otherwise):
            with then:
                ones = ir.VectorType(_INT1, lanes)([1] * lanes)
                paths = [access([ones] * self.tile.NV)]
            with otherwise:
                end = self.spread(build.trunc(left, ir.IntType(bits)))
                ks = [list(range(k, k + lanes)) for k in range(0, width, lanes)]
                paths += [
                    access([build.icmp_signed("<", end.type(k), end) for k in ks])
                ]
        result = [build.phi(vector) for _ in paths[0][0]]  # of the path that was taken
        for loaded, block in paths:
            for phi, value in zip(result, loaded, strict=True):
                phi.add_incoming(value, block)
        return result


def _check(op, args, tile, writes):
    """Refuse arguments whose types the instructions would misread."""
    dtype = tile.dtype if tile else types.int64
    for t in args:
        flat = isinstance(t, types.Array) and (t.ndim, t.layout, t.dtype)
        second = op in ("tile_pick", "tile_pool") and t is args[1]
        codes = op == "tile_find" or second
        wanted = types.uint8 if codes else dtype
        if flat and (flat != (1, "C", wanted) or (writes and not t.mutable)):
            raise TypingError(f"{op} needs a flat contiguous {wanted} array, got {t}")
        if isinstance(t, types.BaseTuple):
            count = t.count if op == "tile_slide" else tile.R  # its taps are no rows
            count = tile.R // 4 if op == "tile_pool" else count
            if t != types.UniTuple(types.int64, count):
                raise TypingError(f"{op} needs {count} rows of int64, got {t}")


def _operation(reference, result):
    """Return a decorator that makes ``emit`` numba's version of ``reference``.

    ``result`` gives the type of the result from the types of the arguments.  ``emit``
    gets an emitter and the arguments (an array as its address, rows as R ints, a tile
    as R*NV vectors) and returns the elements of the result, or the number that it is.
    """

    def decorate(emit):
        @functools.wraps(emit)  # its names of the arguments too
        def typing(_, *args):
            returns = result(*args)
            tile = next((t for t in (returns, *args) if isinstance(t, Tile)), None)
            _check(emit.__name__, args, tile, returns == types.void)
            # R, NV and W stay literal: numba looks versions up by the signature
            plain = [types.int64 if type(t) is types.Integer else t for t in args]

            def generate(context, builder, signature, values):
                given = list(values)
                for i, t in enumerate(args):
                    if isinstance(t, types.Array):
                        array = context.make_array(t)(context, builder, given[i])
                        given[i] = array.data
                    elif isinstance(t, types.BaseTuple | Tile):
                        given[i] = cgutils.unpack_tuple(builder, given[i])
                made = emit(_Emitter(builder, tile, returns, args), *given)
                if returns == types.void:
                    return context.get_dummy_value()
                if returns == types.int64:
                    return made
                return cgutils.pack_array(builder, made)

            return returns(*plain), generate

        if numba.config.DISABLE_JIT:
            return reference
        typing.__doc__ = reference.__doc__
        return intrinsic(prefer_literal=True)(typing)

    return decorate


def _constant(number):
    if isinstance(number, types.IntegerLiteral):
        return number.literal_value
    raise TypingError(f"R, NV and W must be constants of the kernel, got {number}")


def _rows(R):
    return types.UniTuple(types.int64, _constant(R))


@_operation(tile_offsets_reference, lambda table, p, base, R: _rows(R))
def tile_offsets(e, table, p, base, R):  # noqa: D103
    rows = range(e.result.count)
    return [e.builder.add(base, e.number(table, p, _INT64(r))) for r in rows]


@_operation(tile_rows_reference, lambda start, stride, R: _rows(R))
def tile_rows(e, start, stride, R):  # noqa: D103
    build, rows = e.builder, range(e.result.count)
    return [build.add(start, build.mul(stride, _INT64(r))) for r in rows]


@_operation(
    tile_fill_reference,
    lambda a, start, left, R, NV: Tile(a.dtype, _constant(R), _constant(NV)),
)
def tile_fill(e, a, start, left, R, NV):  # noqa: D103
    return e.columns(a, start, left) * e.tile.R


@_operation(
    tile_load_reference,
    lambda a, rows, left, NV: Tile(a.dtype, rows.count, _constant(NV)),
)
def tile_load(e, a, rows, left, NV):  # noqa: D103
    lefts = left if isinstance(left, list) else [left] * len(rows)
    rows = zip(rows, lefts, strict=True)
    return [vector for row, left in rows for vector in e.columns(a, row, left)]


@_operation(tile_fma_reference, lambda acc, *_: acc)
def tile_fma(e, acc, x, rows, j, w, start, left):  # noqa: D103
    columns = e.columns(w, start, left)
    factors = [e.spread(e.number(x, row, j)) for row in rows]
    # not llvm.fma: a CPU without that instruction would call a library, 18 times slower
    return [
        e.call("fmuladd", total.type, factor, column, total)
        for (factor, column), total in zip(product(factors, columns), acc, strict=True)
    ]


@_operation(
    tile_pick_reference,
    lambda a, codes, start, code, left, NV: Tile(a.dtype, 1, _constant(NV)),
)
def tile_pick(e, a, codes, start, code, left, NV):  # noqa: D103
    code = e.spread(e.builder.trunc(code, _INT8))
    vectors = zip(e.columns(a, start, left), e.columns(codes, start, left), strict=True)
    return [
        e.builder.select(e.builder.icmp_unsigned("==", found, code), vector, zero)
        for zero in [e.tile.vector(None)]
        for vector, found in vectors
    ]


@_operation(tile_find_reference, lambda codes, start, code, W: types.int64)
def tile_find(e, codes, start, code, W):  # noqa: D103
    # with AVX2, 64 codes in six instructions
    build, count = e.builder, _constant(e.types[3])
    vector = ir.VectorType(_INT8, count)
    address = build.bitcast(build.gep(codes, [start]), vector.as_pointer())
    wanted = e.spread(build.trunc(code, _INT8), count)
    found = build.icmp_unsigned("==", build.load(address, align=1), wanted)
    word = build.bitcast(found, ir.IntType(count))
    return word if count == 64 else build.zext(word, _INT64)


@_operation(tile_first_reference, lambda word: types.int64)
def tile_first(e, word):  # noqa: D103
    return e.builder.cttz(word, _INT1(1))


@_operation(tile_nonzero_reference, lambda acc: types.int64)
def tile_nonzero(e, acc):  # noqa: D103
    build, lanes, word = e.builder, e.tile.vector.count, _INT64(0)
    zero, none = e.tile.vector(None), ir.IntType(lanes)(0)
    for r in range(e.tile.R):
        row = acc[r * e.tile.NV : (r + 1) * e.tile.NV]
        found = [build.fcmp_unordered("!=", vector, zero) for vector in row]
        bits = functools.reduce(build.or_, found)
        any_found = build.icmp_unsigned("!=", build.bitcast(bits, none.type), none)
        bit = build.shl(build.zext(any_found, _INT64), _INT64(r))
        word = build.or_(word, bit)
    return word


@_operation(tile_axpy_reference, lambda acc, *_: acc)
def tile_axpy(e, acc, a, i, other):  # noqa: D103
    factor = e.spread(e.number(a, i, _INT64(0)))
    return [
        e.call("fmuladd", total.type, factor, value, total)
        for value, total in zip(other, acc, strict=True)
    ]


@_operation(tile_relu_reference, lambda acc: acc)
def tile_relu(e, acc):  # noqa: D103
    zero = e.tile.vector(None)
    negative = [e.builder.fcmp_ordered("<", total, zero) for total in acc]
    return [e.builder.select(n, zero, t) for n, t in zip(negative, acc, strict=True)]


@_operation(tile_transpose_reference, lambda acc: acc)
def tile_transpose(e, acc):  # noqa: D103
    lanes = e.tile.vector.count
    if (e.tile.R, e.tile.NV) != (lanes, 1):
        raise TypingError(f"tile_transpose needs {lanes} rows of one vector")
    rows, step = list(acc), 1
    while step < lanes:  # of every 2*step x 2*step, swap the squares off the diagonal
        above = [k - step + lanes if k & step else k for k in range(lanes)]
        below = [k + lanes if k & step else k + step for k in range(lanes)]
        masks = [ir.VectorType(_INT32, lanes)(mask) for mask in (above, below)]
        for r in (r for r in range(lanes) if not r & step):
            pair = rows[r], rows[r + step]
            rows[r], rows[r + step] = (
                e.builder.shuffle_vector(*pair, mask) for mask in masks
            )
        step *= 2
    return rows


@_operation(tile_store_reference, lambda *_: types.void)
def tile_store(e, a, rows, acc, left):  # noqa: D103
    lefts = left if isinstance(left, list) else [left] * len(rows)
    for r, row in enumerate(rows):
        e.columns(a, row, lefts[r], store=acc[r * e.tile.NV : (r + 1) * e.tile.NV])


@_operation(tile_pool_reference, lambda *_: types.void)
def tile_pool(e, a, codes, rows, acc, left, dead):  # noqa: D103
    build, NV, zero = e.builder, e.tile.NV, e.tile.vector(None)
    lefts = left if isinstance(left, list) else [left] * len(rows)
    numbers = ir.VectorType(_INT32, zero.type.count)
    bytes_ = ir.VectorType(_INT8, zero.type.count)
    unused = e.spread(build.trunc(dead, _INT32))
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


@_operation(tile_mul_reference, lambda acc, *_: acc)
def tile_mul(e, acc, x, rows, j, w, start, left):  # noqa: D103
    columns = e.columns(w, start, left) * e.tile.R
    places = [e.builder.add(row, j) for row in rows]
    factors = [vector for at in places for vector in e.columns(x, at, left)]
    return [
        e.call("fmuladd", total.type, factor, column, total)
        for factor, column, total in zip(factors, columns, acc, strict=True)
    ]


@_operation(tile_slide_reference, lambda acc, *_: acc)
def tile_slide(e, acc, x, at, step, w, taps, left):  # noqa: D103
    R, NV, sums = e.tile.R, e.tile.NV, list(acc)
    columns = [e.columns(w, tap, left) for tap in taps]
    for shared in range(R + len(taps) - 1):  # vector r + u of x
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

    @_operation(tile_mix_reference(matrix), result)
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
