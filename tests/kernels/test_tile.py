import ctypes
import functools
import mmap
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import FunctionType

import numba
import numpy as np
import pytest
from numba.core.errors import TypingError
from numpy.testing import assert_array_equal

from sora_np.kernels.machine import tile
from sora_np.kernels.machine.tile import (
    VECTOR_BYTES,
    tile_fill,
    tile_find,
    tile_first,
    tile_fma,
    tile_load,
    tile_mix,
    tile_mul,
    tile_nonzero,
    tile_offsets,
    tile_pick,
    tile_pool,
    tile_relu,
    tile_rows,
    tile_slide,
    tile_store,
)

ROOT = Path(__file__).parents[2]
DTYPES = (np.float32, np.float64)
OPERATIONS = sorted(
    name.removesuffix("_reference")
    for name in vars(tile)
    if name.endswith("_reference")
)
needs_jit = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1 compiles nothing"
)


# --- kernels: a tile lives in jitted code only, so each loads and stores ------
#
# They have 3 rows and 2 vectors.  Rows of y are ``stride`` apart.

jit = functools.partial(numba.njit, error_model="numpy")


def twin(kernel):
    """The same source as plain Python over the ``*_reference`` operations."""
    python = getattr(kernel, "py_func", kernel)
    names = {name: getattr(tile, f"{name}_reference") for name in OPERATIONS}
    names["mix_4_of_3"] = tile.tile_mix_reference(MATRIX)
    code, closure = python.__code__, python.__closure__
    return FunctionType(code, {**globals(), **names}, closure=closure)


@jit
def offsets(table, p, base, rows):
    found = tile_offsets(table, p, base, 3)
    for r in range(3):
        rows[r] = found[r]


@jit
def rows(start, stride, rows):
    found = tile_rows(start, stride, 3)
    for r in range(3):
        rows[r] = found[r]


@jit
def fill(a, start, left, y, stride):
    acc = tile_fill(a, start, left, 3, 2)
    tile_store(y, tile_rows(0, stride, 3), acc, left)


@jit
def load(a, table, left, y, stride):
    acc = tile_load(a, tile_offsets(table, 0, 0, 3), left, 2)
    tile_store(y, tile_rows(0, stride, 3), acc, left)


@jit
def fma(x, table, j, w, start, left, y, stride):
    acc = tile_load(y, tile_rows(0, stride, 3), left, 2)
    acc = tile_fma(acc, x, tile_offsets(table, 0, 0, 3), j, w, start, left)
    tile_store(y, tile_rows(0, stride, 3), acc, left)


@jit
def relu(left, y, stride):
    acc = tile_relu(tile_load(y, tile_rows(0, stride, 3), left, 2))
    tile_store(y, tile_rows(0, stride, 3), acc, left)


@jit
def mul(x, table, j, w, start, left, y, stride):
    acc = tile_load(y, tile_rows(0, stride, 3), left, 2)
    acc = tile_mul(acc, x, tile_offsets(table, 0, 0, 3), j, w, start, left)
    tile_store(y, tile_rows(0, stride, 3), acc, left)


@jit
def slide(x, at, step, w, start, pitch, left, y, stride):
    acc = tile_load(y, tile_rows(0, stride, 3), left, 2)
    acc = tile_slide(acc, x, at, step, w, tile_rows(start, pitch, 2), left)
    tile_store(y, tile_rows(0, stride, 3), acc, left)


@jit
def pick(a, codes, start, code, left, y):
    tile_store(y, tile_rows(0, 0, 1), tile_pick(a, codes, start, code, left, 2), left)


@jit
def lefts(a, table, lefts, y, stride):
    left = tile_offsets(lefts, 0, 0, 3)
    acc = tile_load(a, tile_offsets(table, 0, 0, 3), left, 2)
    tile_store(y, tile_rows(0, stride, 3), acc, left)


@jit
def places(codes, start, code, found):
    """Write where the bits of each size of words are 1, and behind them -1."""
    n = 0
    for word in (
        tile_find(codes, start, code, 1),
        tile_find(codes, start, code, 4),
        tile_find(codes, start, code, 16),
        tile_find(codes, start, code, 32),
        tile_find(codes, start, code, 64),
    ):
        while word != 0:
            found[n] = tile_first(word)
            word &= word - 1
            n += 1
        found[n] = -1
        n += 1


@jit
def nonzero(a, table, left, found):
    found[0] = tile_nonzero(tile_load(a, tile_offsets(table, 0, 0, 3), left, 2))


@jit
def pool(x, left, right, y, codes, stride):
    acc = tile_load(x, tile_rows(0, x.size // 8, 8), x.size // 8, 2)
    rows, lefts = tile_rows(0, stride, 2), tile_rows(left, right - left, 2)
    tile_pool(y, codes, rows, acc, lefts, 255)


MATRIX = [[1, 0, -1], [0, 2, 0], [3, 0.5, 1], [-1, 1, 1]]
mix_4_of_3 = tile_mix(MATRIX)


@jit
def mix(a, table, left, y, stride):
    acc = tile_load(a, tile_offsets(table, 0, 0, 3), left, 2)
    tile_store(y, tile_rows(0, stride, 4), mix_4_of_3(acc), left)


def make_product(R, NV):
    width = NV * VECTOR_BYTES  # closed over, so in the key of numba's disk cache

    def product(x, w, bias, channels, y):
        """y (N, O) = max(x (N, C) w (C, O) + bias, 0), N >= R."""
        outputs = bias.size
        images = y.size // outputs
        for o in range(0, outputs, width // w.itemsize):
            left = outputs - o
            for n in range(0, images, R):
                n = min(n, images - R)  # the last tile overlaps
                x_rows = tile_rows(n * channels, channels, R)
                acc = tile_fill(bias, o, left, R, NV)
                for c in range(channels):
                    acc = tile_fma(acc, x, x_rows, c, w, c * outputs + o, left)
                y_rows = tile_rows(n * outputs + o, outputs, R)
                tile_store(y, y_rows, tile_relu(acc), left)

    return product


# --- data ---------------------------------------------------------------------


def lanes(dtype):
    return VECTOR_BYTES // np.dtype(dtype).itemsize


def tails(dtype):
    return range(-1, 2 * lanes(dtype) + 2)


def whole_numbers(size, dtype, seed=0):
    """Small integers: sums of products are exact, fused or not."""
    return np.random.default_rng(seed).integers(-9, 10, size).astype(dtype)


def equal(kernel, *args):
    """Run kernel and twin; every array must end up the same, canaries included."""
    fast, formula = (
        [a.copy() if isinstance(a, np.ndarray) else a for a in args] for _ in range(2)
    )
    kernel(*fast)
    twin(kernel)(*formula)
    for i, (actual, expected) in enumerate(zip(fast, formula, strict=True)):
        assert_array_equal(actual, expected, f"argument {i} of {kernel.__name__}")
    return fast


# --- the operations against numbers worked by hand ----------------------------


def test_every_operation_has_its_formula():
    public = {name for name in vars(tile) if name.startswith("tile_")}
    fast = {name for name in public if not name.endswith("_reference")}
    assert fast == set(OPERATIONS)


def test_offsets_by_hand():
    found = np.zeros(3, np.int64)
    offsets(np.array([0, 3, 7, 12, 99]), 1, 100, found)
    assert found.tolist() == [103, 107, 112]


def test_rows_by_hand():
    found = np.zeros(3, np.int64)
    rows(5, -2, found)
    assert found.tolist() == [5, 3, 1]


@pytest.mark.parametrize("dtype", DTYPES)
def test_fill_by_hand(dtype):
    y = np.full(12, 77, dtype)
    fill(np.array([9, 1, 2, 3, 9], dtype), 1, 3, y, 4)
    assert y.tolist() == [1, 2, 3, 77] * 3


@pytest.mark.parametrize("dtype", DTYPES)
def test_load_by_hand(dtype):
    y = np.full(9, 77, dtype)
    load(np.arange(10, 20).astype(dtype), np.array([8, 0, 3]), 2, y, 3)
    assert y.tolist() == [18, 19, 77, 10, 11, 77, 13, 14, 77]


@pytest.mark.parametrize("dtype", DTYPES)
def test_fma_by_hand(dtype):
    x = np.array([0, 10, 0, 0, 20, 30], dtype)
    y = np.array([1, 2, 77, 3, 4, 77, 5, 6, 77], dtype)
    fma(x, np.array([0, 3, 4]), 1, np.array([9, 1, 2], dtype), 1, 2, y, 3)
    # rows 1 2, 3 4, 5 6 plus 10, 20, 30 times 1 2
    assert y.tolist() == [11, 22, 77, 23, 44, 77, 35, 66, 77]


@pytest.mark.parametrize("dtype", DTYPES)
def test_mul_by_hand(dtype):
    x = np.array([0, 10, 20, 0, 30, 40], dtype)
    y = np.array([1, 2, 77, 3, 4, 77, 5, 6, 77], dtype)
    mul(x, np.array([0, 3, 0]), 1, np.array([9, 1, 2], dtype), 1, 2, y, 3)
    # rows 1 2, 3 4, 5 6 plus 10 20, 30 40, 10 20, each times 1 2
    assert y.tolist() == [11, 42, 77, 33, 84, 77, 15, 46, 77]


@pytest.mark.parametrize("dtype", DTYPES)
def test_slide_by_hand(dtype):
    x = np.array([9, 1, 2, 9, 3, 4, 9, 5, 6, 9, 7, 8], dtype)
    w = np.array([10, 100, 9, 9, 1, 10], dtype)
    y = np.array([0, 0, 77, 0, 0, 77, 0, 1000, 77], dtype)
    slide(x, 1, 3, w, 4, -4, 2, y, 3)
    # row r is x's pair r times 1 10, plus its pair r + 1 times 10 100
    assert y.tolist() == [31, 420, 77, 53, 640, 77, 75, 1860, 77]


@pytest.mark.parametrize("dtype", DTYPES)
def test_pick_by_hand(dtype):
    a, y = np.array([9, 1, 2, 3, 4, 9], dtype), np.full(5, 77, dtype)
    pick(a, np.array([5, 5, 255, 4, 5, 5], np.uint8), 1, 5, 4, y)
    assert y.tolist() == [1, 0, 0, 4, 77]
    pick(a, np.array([5, 5, 255, 4, 5, 5], np.uint8), 1, 255, 4, y)
    assert y.tolist() == [0, 2, 0, 0, 77]


def test_nonzero_by_hand(dtype):
    """Rows 0 and 2 of three begin at a[0] and a[2 * L + 1]; row 1 holds -0 and 0."""
    width, found = 2 * lanes(dtype), np.zeros(1, np.int64)
    a = np.zeros(3 * width, dtype)
    a[[width - 1, -1]], a[width] = [np.nan, 1e-45], -0.0
    table = np.arange(3) * width
    nonzero(a, table, width, found)
    assert found[0] == 0b101
    nonzero(a, table, width - 1, found)  # the last columns are left out
    assert found[0] == 0


def test_pool_by_hand(dtype):
    """Two cells of four rows: ties, what is dead, NaN, and columns that are left."""
    nan, width = np.nan, 2 * lanes(dtype)
    x = np.zeros((8, width), dtype)
    x[:4, :4] = np.transpose(
        [[1, 3, 3, 2], [-1, -2, -1, -3], [0, -0.0, 0, 0], [2, nan, 5, nan]]
    )
    x[4:, :2] = np.transpose([[-1, 1, 2, 7], [nan, 1, 1, 1]])
    y, codes = np.full(2 * width, -9, dtype), np.full(2 * width, 77, np.uint8)
    pool(x.reshape(-1), 4, 2, y, codes, width)
    some = slice(min(5, width))  # the next cell begins at 4 in vectors of 16 bytes
    assert_array_equal(y[some], [3, 0, 0, nan, -9][some])
    assert_array_equal(codes[some], [1, 255, 255, 1, 77][some])
    assert_array_equal(y[width : width + 3], [7, nan, -9])
    assert_array_equal(codes[width : width + 3], [3, 0, 77])


@pytest.mark.parametrize("right", [0, 3])
def test_pool_is_its_formula(dtype, right):
    width = 2 * lanes(dtype)
    x = whole_numbers(8 * width, dtype)
    x[::7] = np.nan
    for left in tails(dtype):
        y, codes = (
            np.full(2 * width + 4, -9, dtype),
            np.full(2 * width + 4, 77, np.uint8),
        )
        equal(pool, x, left, right, y, codes, width)


def test_find_and_first_by_hand():
    codes, found = np.full(70, 5, np.uint8), np.zeros(22, np.int64)
    codes[[3, 4, 6, 18, 66, 67]] = 255
    places(codes, 3, 255, found)  # codes[67] is beyond the longest word
    words = [[0], [0, 1, 3], [0, 1, 3, 15], [0, 1, 3, 15], [0, 1, 3, 15, 63]]
    expected = [k for word in words for k in (*word, -1)]
    assert found.tolist() == expected


def test_pick_is_no_product():
    a, y = np.array([np.nan, np.inf, np.nan]), np.zeros(3)
    pick(a, np.array([0, 0, 1], np.uint8), 0, 1, 3, y)
    assert_array_equal(y, [0, 0, np.nan])


@pytest.mark.parametrize("dtype", DTYPES)
def test_relu_keeps_nan_and_infinity(dtype):
    y = np.array([-1, np.nan, np.inf, -np.inf, 2, -0.0] * 3, dtype)
    relu(6, y, 6)
    assert_array_equal(y, np.array([0, np.nan, np.inf, 0, 2, 0] * 3, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_fma_keeps_nan_and_infinity(dtype):
    x, w = np.array([0, 1, np.inf], dtype), np.array([1, np.nan, np.inf], dtype)
    y = np.zeros(9, dtype)
    with np.errstate(invalid="ignore"):  # the twin's 0 * inf
        fma(x, np.arange(3), 0, w, 0, 3, y, 3)
    nan, inf = np.nan, np.inf
    assert_array_equal(y, [0, nan, nan, 1, nan, inf, inf, nan, inf])


@pytest.mark.parametrize("dtype", DTYPES)
def test_mix_by_hand(dtype):
    y = np.zeros(12, dtype)
    mix(np.array([1, 2, 10, 20, 100, 200], dtype), np.array([0, 2, 4]), 2, y, 3)
    expected = [-99, -198, 0, 20, 40, 0, 108, 216, 0, 109, 218, 0]
    assert y.tolist() == expected


@pytest.mark.parametrize("dtype", DTYPES)
def test_mix_keeps_nan_and_infinity_and_skips_what_is_not_in_the_sum(dtype):
    y = np.zeros(8, dtype)
    mix(np.array([1, 2, np.inf, np.nan, 3, 4], dtype), np.array([0, 2, 4]), 2, y, 2)
    nan, inf = np.nan, np.inf
    assert_array_equal(y, [-2, -2, inf, nan, inf, nan, inf, nan])


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_row_may_have_a_left_of_its_own(dtype):
    a, y = np.arange(1, 10, dtype=dtype), np.full(9, 77, dtype)
    beyond = a.size + 10**6  # nothing is left there, so nothing is touched
    lefts(a, np.array([0, beyond, 6]), np.array([2, -1, 3]), y, 3)
    assert y.tolist() == [1, 2, 77, 77, 77, 77, 7, 8, 9]


# --- the operations against their formula, every tail -------------------------


@needs_jit
def test_offsets_and_rows_equal_their_formula():
    table, out = np.arange(0, 700, 7), np.zeros(3, np.int64)
    for p in (0, 5, 97):
        equal(offsets, table, p, 10 * p, out)
        equal(rows, p, 3 * p - 20, out)


@needs_jit
@pytest.mark.parametrize("dtype", DTYPES)
def test_operations_equal_their_formula(dtype):
    size = 2 * lanes(dtype) + 3
    a, y = whole_numbers(4 * size, dtype, 0), whole_numbers(3 * size, dtype, 1)
    table = np.array([2 * size, 5, 0])
    codes = (a % 3).astype(np.uint8)
    for left in tails(dtype):
        equal(fill, a, 7, left, y, size)
        equal(load, a, table, left, y, size)
        equal(relu, left, y, size)
        equal(fma, a, table, 2, a, 9, left, y, size)
        equal(mul, a, table, 2, a, 9, left, y, size)
        equal(slide, a, 5, 3, a, 9, 4, left, y, size)
        equal(pick, a, codes, 7, 1, left, y)
        equal(lefts, a, table, np.array([left, 0, left + 1]), y, size)
        equal(mix, a, table, left, np.append(y, y), size)


@needs_jit
def test_words_equal_their_formula():
    codes = np.random.default_rng(0).integers(0, 3, 80).astype(np.uint8)
    codes[[9, 72]] = 7  # of the first and the last bit
    for start, code in [(0, 0), (9, 7), (16, 1), (5, 2), (3, 200)]:
        equal(places, codes, start, code, np.zeros(130, np.int64))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(10, 1), (6, 2), (4, 3)], ids=str)
def test_product_with_tiles_of_any_shape(shape, dtype):
    product = jit(make_product(*shape))
    for outputs in (1, 2 * lanes(dtype), 3 * lanes(dtype) + 1):
        x = whole_numbers((11, 5), dtype, 0)
        w = whole_numbers((5, outputs), dtype, 1)
        bias = whole_numbers(outputs, dtype, 2)
        y = np.full((11, outputs), np.nan, dtype)
        product(x.reshape(-1), w.reshape(-1), bias, 5, y.reshape(-1))
        assert_array_equal(
            y, np.maximum(np.einsum("nc,co->no", x, w) + bias, 0), f"{outputs} outputs"
        )


@jit
def shapes_1_3_1(a, i, y):
    tile_store(y, tile_rows(i, 2, 1), tile_fill(a, i, 2, 1, 1), 2)
    tile_store(y, tile_rows(i + 2, 2, 3), tile_fill(a, i + 2, 2, 3, 2), 2)
    tile_store(y, tile_rows(i + 8, 2, 1), tile_fill(a, i + 4, 2, 1, 1), 2)


def test_tiles_of_different_shapes_in_one_kernel():
    y = np.zeros(12)
    shapes_1_3_1(np.arange(1.0, 7.0), 0, y)
    assert y.tolist() == [1, 2, 3, 4, 3, 4, 3, 4, 5, 6, 0, 0]


# --- what is refused ----------------------------------------------------------

ONE = np.ones((1, VECTOR_BYTES // 4), np.float32)  # a tile of the twins
A = np.arange(7, dtype=np.float32)
OUTSIDE = [
    ("tile_offsets", (np.arange(7), 5, 0, 3), 7),
    ("tile_offsets", (np.arange(7), -1, 0, 3), -1),
    ("tile_fill", (A, 5, 3, 1, 1), 7),
    ("tile_load", (A, (0, 7), 1, 1), 7),
    ("tile_load", (A, (-2,), 1, 1), -2),
    ("tile_fma", (ONE, A, (6,), 1, A, 0, 1), 7),
    ("tile_fma", (ONE, A, (0,), 0, A, 6, 2), 7),
    ("tile_mul", (ONE, A, (5,), 1, A, 0, 2), 7),
    ("tile_mul", (ONE, A, (0,), 0, A, 6, 2), 7),
    ("tile_pick", (A, np.zeros(9, "u1"), -1, 0, 2, 1), -1),
    ("tile_pick", (np.ones(9), np.zeros(7, "u1"), 6, 0, 2, 1), 7),
    ("tile_find", (np.zeros(7, "u1"), 4, 0, 4), 7),
    ("tile_slide", (ONE, A, 0, 6, A, (0, 0), 2), 7),
    ("tile_slide", (ONE, A, 0, 1, A, (0, -1), 2), -1),
    ("tile_store", (A, (4,), ONE, 4), 7),
]


@pytest.mark.parametrize("name, args, index", OUTSIDE)
def test_formula_refuses_an_index_outside(name, args, index):
    message = f"{name}: index {index} in an array of size 7"
    with pytest.raises(IndexError, match=f"^{re.escape(message)}$"):
        getattr(tile, f"{name}_reference")(*args)


@jit
def mix_2_rows(a):
    mix_4_of_3(tile_fill(a, 0, 1, 2, 1))


def test_formula_of_mix_refuses_another_number_of_rows():
    with pytest.raises(ValueError, match="zip"):
        tile.tile_mix_reference(MATRIX)(ONE)


@needs_jit
@pytest.mark.parametrize(
    "kernel, args, message",
    [
        (fill, (A.reshape(1, 7), 0, 1, A, 1), "tile_fill needs a flat contiguous"),
        (fill, (A[::2], 0, 1, A, 1), "tile_fill needs a flat contiguous"),
        (fill, (A, 0, 1, A.astype(float), 1), "tile_store needs a flat .* float32"),
        (fill, (np.arange(3), 0, 1, A, 1), "hold float32 or float64, got int64"),
        (load, (A, np.arange(3, dtype="i4"), 1, A, 1), "tile_offsets needs .* int64"),
        (fill, (A, 0, 1, np.frombuffer(bytes(12), "f4"), 1), "tile_store needs"),
        (pick, (A, A, 0, 0, 1, A), "tile_pick needs a flat contiguous uint8"),
        (places, (A, 0, 0, np.zeros(9, int)), "tile_find needs a flat .* uint8"),
        (mix_2_rows, (A,), "tile_mix needs rows of 2 factors, got .*0.5"),
    ],
    ids=[
        "2-D",
        "strided",
        "dtypes",
        "integers",
        "int32 table",
        "read-only",
        "codes",
        "words",
        "matrix",
    ],
)
def test_wrong_types_are_refused(kernel, args, message):
    with pytest.raises(TypingError, match=message):
        kernel(*args)


# --- in fresh processes -------------------------------------------------------


def run(*command, **env):
    forced = "SORA_NP_", "NUMBA_CPU_"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(forced)}
    return subprocess.run(
        [sys.executable, *command],
        env={**clean, "PYTHONPATH": str(ROOT), **env},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


@needs_jit
@pytest.mark.parametrize(
    "env",
    [
        {"NUMBA_CPU_NAME": "generic"},
        {"NUMBA_DISABLE_JIT": "1"},
        {"SORA_NP_VECTOR_BYTES": "16"},
        {"SORA_NP_VECTOR_BYTES": "32"},
    ],
    ids=str,
)
@pytest.mark.slow
def test_all_of_this_in_a_process_with(env):
    pytest_here = "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__
    done = run(*pytest_here, "-k", "not process", **env)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "env, width",
    [
        ({"NUMBA_CPU_NAME": "generic"}, 16),
        ({"NUMBA_CPU_FEATURES": "+avx,+avx2"}, 32),
        ({"NUMBA_CPU_FEATURES": "+avx,+avx512f"}, 64),
        ({"NUMBA_CPU_NAME": "generic", "SORA_NP_VECTOR_BYTES": "64"}, 64),
    ],
    ids=str,
)
def test_width_in_a_process_with(env, width):
    code = "from sora_np.kernels.machine import tile; print(tile.VECTOR_BYTES)"
    assert run("-c", code, **env).stdout == f"{width}\n"


def test_wrong_width_in_a_process():
    done = run("-c", "import sora_np.kernels.machine.tile", SORA_NP_VECTOR_BYTES="24")
    assert "SORA_NP_VECTOR_BYTES must be 16, 32 or 64, got '24'" in done.stderr


CACHED = """
import numba, numpy as np, test_tile
f = numba.njit(cache=True)(test_tile.make_product(6, 2))
x, w, bias, y = (np.ones(size, "f4") for size in (7 * 2, 2 * 40, 40, 7 * 40))
f(x, w, bias, 2, y)
print(sum(f.stats.cache_hits.values()), set(y.tolist()))
"""


@needs_jit
def test_disk_cache_across_processes(tmp_path):
    """Machine code is found again, but for another width where that is in the key."""
    env = {"NUMBA_CACHE_DIR": str(tmp_path)}
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}){CACHED}"
    widths = ["64", "64", "16", "16"]
    done = [run("-c", code, **env, SORA_NP_VECTOR_BYTES=width) for width in widths]
    found = [process.stdout.split(" ", 1)[0] for process in done]
    assert found == ["0", "1", "0", "1"], done
    assert {process.stdout[2:] for process in done} == {"{3.0}\n"}, done


guard_pages = pytest.mark.skipif(
    sys.platform != "linux", reason="guard pages are made by Linux's mprotect"
)


@guard_pages
@needs_jit
@pytest.mark.parametrize(
    "width",
    [pytest.param(str(w), marks=[pytest.mark.slow] * (w != 32)) for w in (16, 32, 64)],
)
def test_nothing_beyond_an_array_is_touched_in_a_process(width):
    done = run(__file__, "0", SORA_NP_VECTOR_BYTES=width)
    assert done.returncode == 0, done.stderr


@guard_pages
@needs_jit
def test_guard_pages_catch_one_element_too_many_in_a_process():
    assert run(__file__, "1").returncode == -signal.SIGSEGV


def guarded(array, protected=[]):  # noqa: B006  (keeps the pages alive)
    """A copy of ``array`` that ends where an unreadable page begins."""
    page = mmap.PAGESIZE
    size = -(-array.nbytes // page) * page
    memory = mmap.mmap(-1, size + page)
    protected.append(memory)
    end = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + size
    no_access = 0
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(end), page, no_access) == 0
    copy = np.frombuffer(memory, array.dtype, array.size, size - array.nbytes)
    copy[:] = array
    return copy


def touch_everything(overrun):
    """Run every operation up to the last element of its arrays (+ ``overrun``)."""
    for dtype in DTYPES:
        for left in range(1, 2 * lanes(dtype) + 2):
            columns = min(left, 2 * lanes(dtype))
            a = guarded(whole_numbers(2 * columns, dtype))
            y = guarded(whole_numbers(3 * columns, dtype))
            w = guarded(whole_numbers(columns, dtype))
            x = guarded(whole_numbers(7, dtype))
            table = guarded(np.array([0, columns, 1]))
            fill(w, 0, left + overrun, y, columns)
            load(a, table, left, y, columns)
            relu(left, y, columns)
            lefts(a, table, guarded(np.array([left, left, 0])), y, columns)
            mix(a, table, left, guarded(np.zeros(4 * columns, dtype)), columns)
            fma(x, guarded(np.array([4, 0, 2])), 2, w, 0, left, y, columns)
            mul(a, table, 0, w, 0, left, y, columns)
            pick(w, guarded(np.zeros(columns, "u1")), 0, 0, left, w)
            shared = guarded(whole_numbers(columns + 3, dtype))
            slide(shared, 0, 1, w, 0, 0, left, y, columns)
    places(guarded(np.zeros(64, "u1")), 0, 0, np.zeros(130, np.int64))


if __name__ == "__main__":
    touch_everything(overrun=int(sys.argv[1]))
