"""e^x, e^x - 1 and erf x of one number, for loops that the compiler can vectorise.

A loop that calls the mathematical library does not vectorise.  These functions use only
sums and products (e^x in float32: 0.36 instead of 3.4 ns per number)::

    n = round(x / log 2)     r = x - n log 2     e^x = 2^n e^r,  e^r by its power series

2^n is built from its bits.  log 2 is subtracted in two parts, the first with so few
digits that n times it is exact.  Beyond the last power of 2 the result is infinity, and
below the first it is 0; NaN stays NaN.

erf x in float32 is a quotient of polynomials, from -4 to 4; in float64 it is the
library's function.

Without the JIT, all are NumPy's and Python's own functions.

Source: Cody & Waite (1980), "Software manual for the elementary functions", chapter 6;
for erf Eigen's ``generic_fast_erf_float``.  Measured: the error of e^x is at most 2
units in the last place.
"""

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.extending import overload


def exp(x: Any) -> Any:
    """Return e^x."""
    return np.exp(x)


def expm1(x: Any) -> Any:
    """Return e^x - 1, accurate near 0, too."""
    return np.expm1(x)


def erf(x: Any) -> Any:
    """Return 2 / sqrt(pi) times the integral of e^-t^2 from 0 to x."""
    return type(x)(math.erf(x))


def _parts(real: Any, whole: Any, places: Any, terms: int) -> Callable[[Any], Any]:
    """Return a function x -> (2^n, e^r - 1)."""
    bits, bias = whole(places[0]), whole(places[1])
    high, low = real(places[2]), real(places[3])  # parts of log 2
    per_log2, half, zero = real(1 / math.log(2)), real(0.5), real(0)
    first, last = real(-places[1] / math.log2(math.e)), real((places[1] + 1.3) * 0.6931)
    largest = real(places[1])  # 2^n must be finite
    series = tuple(real(1 / math.factorial(k)) for k in range(terms, 0, -1))
    count = len(series)

    def parts(x):
        x = first if x < first else x
        x = last if x > last else x
        n = np.floor(x * per_log2 + half)
        n = largest if n > largest else n
        r = x - n * high - n * low
        power = whole(n if n == n else zero)  # NaN does not convert to a whole number
        total = series[0]
        for k in range(1, count):
            total = total * r + series[k]
        return whole((power + bias) << bits).view(real), total * r

    return parts


_PLACES32 = 23, 127, 0.693359375, -2.12194440e-4
_PLACES64 = 52, 1023, 6.93145751953125e-1, 1.42860682030941723212e-6
_PARTS = {
    numba.float32: _parts(np.float32, np.int32, _PLACES32, 7),
    numba.float64: _parts(np.float64, np.int64, _PLACES64, 13),
}
_ONE = {numba.float32: np.float32(1), numba.float64: np.float64(1)}


@overload(exp)
def _exp(x):
    parts, one = numba.extending.register_jitable(_PARTS[x]), _ONE[x]

    def exp(x):
        scale, rest = parts(x)
        return scale * (one + rest)

    return exp


@overload(expm1)
def _expm1(x):
    parts, one = numba.extending.register_jitable(_PARTS[x]), _ONE[x]

    def expm1(x):
        scale, rest = parts(x)
        return scale * rest + (scale - one)

    return expm1


_ABOVE = tuple(
    np.float32(a)
    for a in (
        *(-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06),
        *(-5.69250639462346e-05, -7.34990630326855e-04, -2.95459980854025e-03),
        -1.60960333262415e-02,
    )
)
_BELOW = tuple(
    np.float32(b)
    for b in (
        *(-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03),
        *(-7.37332916720468e-03, -1.42647390514189e-02),
    )
)
_FOUR = np.float32(4)


@overload(erf)
def _erf(x):
    if x == numba.float64:
        return lambda x: math.erf(x)

    def erf(x):
        x = -_FOUR if x < -_FOUR else x
        x = _FOUR if x > _FOUR else x
        square = x * x
        above, below = _ABOVE[0], _BELOW[0]
        for k in range(1, 7):
            above = above * square + _ABOVE[k]
        for k in range(1, 5):
            below = below * square + _BELOW[k]
        return x * above / below

    return erf
