"""elu, gelu, silu, mish, hard_sigmoid and hard_silu, and the numbers under them."""

import math

import numba
import numpy as np
import pytest
from scipy import special

from sora_np.kernels.activations import activations as k
from sora_np.kernels.loops import elementary
from sora_np.kernels.machine.arrays import jit
from sora_np.kernels.machine.tasks import BLOCK, Task, run

ODD = [-np.inf, -1e4, -90.0, -3.5, -3.0, -1e-6, -0.0, 0.0, 0.25, 3.0, 7.0, 90.0, 1e4]
ODD = [*ODD, np.inf, np.nan]
CASES = {  # id: (function, its gradient, options, whether that is taken from y)
    "elu": (k.elu, k.elu_dx, (), True),
    "elu-alpha": (k.elu, k.elu_dx, (0.3,), True),
    "selu": (k.elu, k.elu_dx, (1.67, 1.05), True),
    "gelu": (k.gelu, k.gelu_dx, (), False),
    "gelu-approximate": (k.gelu, k.gelu_dx, (True,), False),
    "silu": (k.silu, k.silu_dx, (), False),
    "mish": (k.mish, k.mish_dx, (), False),
    "hard-sigmoid": (k.hard_sigmoid, k.hard_sigmoid_dx, (), True),
    "hard-silu": (k.hard_silu, k.hard_silu_dx, (), False),
}


def reference(function):
    return getattr(k, f"{function.__name__}_reference")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("shape", [(15,), (0,), (2, 3, 5), (2, 60)], ids=str)
def test_all_are_the_formula(case, shape, dtype, rng):
    function, gradient, options, of_y = case
    x = (4 * rng.standard_normal(shape)).astype(dtype)
    if shape == (15,):
        x = np.array(ODD, dtype)
    dy = rng.standard_normal(shape).astype(dtype)
    before = x.copy(), dy.copy()
    with np.errstate(all="ignore"):
        expected = reference(function)(x, *options)
        seen = expected if of_y else x
        slopes = reference(gradient)(dy, seen, *options)
    tolerance = {"rtol": 2e-6, "atol": 2e-6} if dtype == "float32" else {"rtol": 1e-13}
    tolerance.setdefault("atol", 1e-14)
    y = function(x, *options)
    dx = gradient(dy, seen, *options)
    assert y.dtype == dx.dtype == dtype
    np.testing.assert_allclose(y, expected, **tolerance)
    finite = np.isfinite(x)  # at infinity a slope may be 0 times infinity
    np.testing.assert_allclose(dx[finite], slopes[finite], **tolerance)
    np.testing.assert_array_equal((x, dy), before)


FROM_OUTSIDE = {  # by SciPy, and by the identities of the docstring
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "gelu": lambda x: x * special.ndtr(x),
    "gelu-approximate": lambda x: (
        x * special.expit(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    ),
    "silu": lambda x: x * special.expit(x),
    "mish": lambda x: x * np.tanh(special.log1p(np.exp(x))),
    "hard-sigmoid": lambda x: np.minimum(np.maximum(x + 3, 0), 6) / 6,
    "hard-silu": lambda x: x * np.minimum(np.maximum(x + 3, 0), 6) / 6,
}


@pytest.mark.parametrize("name", FROM_OUTSIDE)
def test_values_and_slopes_from_outside(name):
    """Values by SciPy, slopes by central differences of these."""
    function, gradient, options, of_y = CASES[name]
    exact, eps = FROM_OUTSIDE[name], 1e-5
    x = np.linspace(-9.03, 9.07, 1001)
    y = function(x, *options)
    np.testing.assert_allclose(y, exact(x), rtol=1e-12, atol=1e-12)
    slope = (exact(x + eps) - exact(x - eps)) / (2 * eps)
    dx = gradient(np.ones_like(x), y if of_y else x, *options)
    np.testing.assert_allclose(dx, slope, rtol=0, atol=2e-9)


def test_at_the_kinks():
    x = np.array([-3.0, 0.0, 3.0])
    ones = np.ones(3)
    np.testing.assert_array_equal(k.hard_silu_dx(ones, x), [0, 0.5, 1])
    np.testing.assert_array_equal(k.hard_sigmoid(x), [0, 0.5, 1])
    dx = k.hard_sigmoid_dx(ones, k.hard_sigmoid(x))
    np.testing.assert_allclose(dx, [0, 1 / 6, 0])
    np.testing.assert_array_equal(k.elu_dx(ones, k.elu(x, 0.5), 0.5)[1:], [0.5, 1])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_several_blocks(case, dtype, rng):
    function, gradient, options, of_y = case
    x, dy = rng.standard_normal((2, 2 * BLOCK + 5)).astype(dtype)
    y, ends = function(x, *options), [0, BLOCK - 1, BLOCK, 2 * BLOCK, -1]
    np.testing.assert_array_equal(y[ends], function(x[ends], *options))
    seen = y if of_y else x
    dx = gradient(dy, seen, *options)
    np.testing.assert_array_equal(dx[ends], gradient(dy[ends], seen[ends], *options))


# --- elementary -------------------------------------------------------------------


@jit()
def _item(item, thread, x, y):
    for i in range(x.size):
        y[0, i] = elementary.exp(x[i])
        y[1, i] = elementary.expm1(x[i])
        y[2, i] = elementary.erf(x[i])


def elementary_of(x):
    y = np.empty((3, x.size), x.dtype)
    run(Task(_item, 1, x, y))
    return y


def test_elementary_functions(dtype):
    """Against SciPy, over all numbers of which e^x is one of the dtype's."""
    most = 87 if dtype == "float32" else 708
    x = np.concatenate([np.linspace(-most, most, 5001), np.linspace(-1, 1, 3001)])
    x = np.concatenate([x, np.geomspace(1e-30, 5, 500)]).astype(dtype)
    exact = x.astype(float)
    expected = np.exp(exact), np.expm1(exact), special.erf(exact)
    for actual, wanted in zip(elementary_of(x), expected, strict=True):
        rtol = 4 * np.finfo(dtype).eps
        np.testing.assert_allclose(actual, wanted, rtol=rtol)


def test_elementary_functions_at_the_ends(dtype):
    x = np.array([np.nan, np.inf, 1e4, -np.inf, -1e4, 0.0], dtype)
    expected = [
        [np.nan, np.inf, np.inf, 0, 0, 1],
        [np.nan, np.inf, np.inf, -1, -1, 0],
        [np.nan, 1, 1, -1, -1, 0],
    ]
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(elementary_of(x), expected, rtol=1e-6)
    last = np.log(np.finfo(dtype).max) - 1e-3
    x = np.array([last, last + 0.01], dtype)
    with np.errstate(all="ignore"):
        y = elementary_of(x)
    assert np.isfinite(y[:, 0]).all() and np.isinf(y[:2, 1]).all()


@pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1 compiles nothing"
)
def test_loops_over_them_are_vectors():
    fresh = numba.njit(error_model="numpy")(k._silu_item.py_func)  # not from the cache
    array = numba.float32[::1]
    signature = numba.int64, numba.int64, array, array
    fresh.compile(signature)
    code = fresh.inspect_llvm(signature)
    assert " x float> " in code
    assert "llvm.exp" not in code and "@expf" not in code  # of the library
