"""How an operation of tile.py becomes instructions of LLVM, numba's compiler."""

import functools

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic, models, register_model

from .tile_formulas import VECTOR_BYTES


class Tile(types.Type):
    """The type of a tile in jitted code: R*NV vectors <L x dtype>, row after row."""

    def __init__(self, dtype, R, NV):
        if dtype not in (types.float32, types.float64):
            raise TypingError(f"a tile must hold float32 or float64, got {dtype}")
        super().__init__(f"Tile({dtype}, {R}, {NV})")
        self.dtype, self.R, self.NV = dtype, R, NV
        number = ir.FloatType() if dtype == types.float32 else ir.DoubleType()
        self.vector = ir.VectorType(number, VECTOR_BYTES * 8 // dtype.bitwidth)


@register_model(Tile)
class _TileModel(models.PrimitiveModel):
    def __init__(self, manager, tile):
        super().__init__(manager, tile, ir.ArrayType(tile.vector, tile.R * tile.NV))


INT1, INT8, INT32, INT64 = (ir.IntType(bits) for bits in (1, 8, 32, 64))


class Emitter:
    """Emits the instructions of one operation; an array is given by its address."""

    def __init__(self, builder, tile, result, given):
        self.builder, self.tile, self.result = builder, tile, result
        self.types = given  # the types of the arguments

    def number(self, a, i, j):
        """Return a[i + j]."""
        return self.builder.load(self.builder.gep(a, [self.builder.add(i, j)]))

    def spread(self, number, lanes=0):
        """Return a vector with ``number`` in all L (or ``lanes``) places."""
        lanes = lanes or self.tile.vector.count
        vector = ir.VectorType(number.type, lanes)(ir.Undefined)
        vector = self.builder.insert_element(vector, number, INT32(0))
        element_0 = ir.VectorType(INT32, lanes)(None)  # the index 0, L times
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
        aligned = INT32(1 if element == INT8 else bits // 8)  # aligned to an element

        def access(masks):
            loaded = []
            for v, mask in enumerate(masks):
                address = build.gep(a, [build.add(start, INT64(v * lanes))])
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
        all_left = build.icmp_signed(">=", left, INT64(width))
        with build.if_else(all_left) as (then, otherwise):
            with then:
                ones = ir.VectorType(INT1, lanes)([1] * lanes)
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
    """Raise TypingError for argument types that the instructions would misread."""
    dtype = tile.dtype if tile else types.int64
    for t in args:
        flat = isinstance(t, types.Array) and (t.ndim, t.layout, t.dtype)
        second = op in ("tile_pick", "tile_pool") and t is args[1]
        codes = op == "tile_find" or second
        wanted = types.uint8 if codes else dtype
        if flat and (flat != (1, "C", wanted) or (writes and not t.mutable)):
            raise TypingError(f"{op} needs a flat contiguous {wanted} array, got {t}")
        if isinstance(t, types.BaseTuple):
            count = t.count if op == "tile_slide" else tile.R  # its taps are not rows
            count = tile.R // 4 if op == "tile_pool" else count
            if t != types.UniTuple(types.int64, count):
                raise TypingError(f"{op} needs {count} rows of int64, got {t}")


def operation(reference, result):
    """Return a decorator that makes ``emit`` numba's version of ``reference``.

    ``result`` returns the result's type for the types of the arguments.  ``emit`` gets
    an emitter and the arguments (an array as its address, rows as R ints, a tile as
    R*NV vectors).  It returns the elements of the result, or a number.
    """

    def decorate(emit):
        @functools.wraps(emit)  # keeps the names of the arguments, too
        def typing(_, *args):
            returns = result(*args)
            tile = next((t for t in (returns, *args) if isinstance(t, Tile)), None)
            _check(emit.__name__, args, tile, returns == types.void)
            # R, NV and W stay literal: numba finds versions by their signature
            plain = [types.int64 if type(t) is types.Integer else t for t in args]

            def generate(context, builder, signature, values):
                given = list(values)
                for i, t in enumerate(args):
                    if isinstance(t, types.Array):
                        array = context.make_array(t)(context, builder, given[i])
                        given[i] = array.data
                    elif isinstance(t, types.BaseTuple | Tile):
                        given[i] = cgutils.unpack_tuple(builder, given[i])
                made = emit(Emitter(builder, tile, returns, args), *given)
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


def constant(number):
    """Return the value of a type that is a constant."""
    if isinstance(number, types.IntegerLiteral):
        return number.literal_value
    raise TypingError(f"R, NV and W must be constants of the kernel, got {number}")


def rows_of(R):
    """Return the type of R rows."""
    return types.UniTuple(types.int64, constant(R))
