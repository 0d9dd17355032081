"""Random numbers by counting: each is a function of a key and of its position.

Philox4x32-10 turns a key (k0, k1) and a counter (c0, c1, c2, c3), all words of 32 bits,
into four random words.  Ten times, with high and low the halves of a product::

    c0, c1 = high(M1 c2) ^ c1 ^ k0,  low(M1 c2)
    c2, c3 = high(M0 c0) ^ c3 ^ k1,  low(M0 c0)            (c0 as it was)
    k0, k1 = k0 + W0,  k1 + W1                             (mod 2^32)

Here the key is a layer's, and the counter is (block, sample, sample / 2^32, epoch).  So
a sample's numbers in an epoch do not depend on other samples, their order or threads.

A uniform number is word / 2^32, in [0, 1).  Normal ones come in pairs, from two words
(Box & Muller, 1958), with u = (word + 1) / 2^32 in (0, 1] and v = word / 2^32::

    sqrt(-2 log u) cos(2 pi v),  sqrt(-2 log u) sin(2 pi v)

Source: Salmon et al. (2011), "Parallel random numbers: as easy as 1, 2, 3", SC '11.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..machine.arrays import Array, jit
from ..machine.tasks import Task, run_kept

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _HALF = np.uint64(2**32 - 1), np.uint64(32)

# --- reference ------------------------------------------------------------------


def philox_reference(key: tuple[int, int], counter: tuple[int, ...]) -> list[int]:
    """Return four words for a key of two and a counter of four."""
    k0, k1 = key
    c0, c1, c2, c3 = counter
    for _ in range(10):
        a, b = int(_M0) * c0, int(_M1) * c2
        c0, c1 = (b >> 32) ^ c1 ^ k0, b % 2**32
        c2, c3 = (a >> 32) ^ c3 ^ k1, a % 2**32
        k0, k1 = (k0 + int(_W0)) % 2**32, (k1 + int(_W1)) % 2**32
    return [c0, c1, c2, c3]


def _words_reference(key: int, epoch: int, sample: int, block: int) -> list[int]:
    counter = block, sample % 2**32, sample >> 32, epoch
    return philox_reference((key % 2**32, key >> 32), counter)


def uniform_reference(
    key: int, epoch: int, samples: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    """Return ``count`` numbers in [0, 1) for every sample (N, count)."""
    out = np.empty((len(samples), count))
    for n in range(len(samples)):
        for k in range(count):
            words = _words_reference(int(key), epoch, int(samples[n]), k // 4)
            out[n, k] = words[k % 4] / 2**32
    return out


def normal_reference(
    key: int,
    epoch: int,
    samples: NDArray[np.int64],
    count: int,
    dtype: DTypeLike = np.float64,
) -> Array:
    """Return ``count`` standard normal numbers for every sample (N, count)."""
    out = np.empty((len(samples), count), dtype)
    for n in range(len(samples)):
        for k in range(count):
            words = _words_reference(int(key), epoch, int(samples[n]), k // 4)
            first = k % 4 // 2 * 2
            radius = math.sqrt(-2 * math.log((words[first] + 1) / 2**32))
            angle = 2 * math.pi * words[first + 1] / 2**32
            out[n, k] = radius * (math.sin(angle) if k % 2 else math.cos(angle))
    return out


# --- fast -----------------------------------------------------------------------


def uniform(
    key: int, epoch: int, samples: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    """Return ``count`` numbers in [0, 1) for every sample (N, count).

    Parameters
    ----------
    key : 0 .. 2^64 - 1
    epoch : 0 .. 2^32 - 1
    samples : (N,), numbers from 0
    """
    out = np.empty((len(samples), count))
    _run(_uniform_task, key, epoch, samples, out)
    return out


def normal(
    key: int,
    epoch: int,
    samples: NDArray[np.int64],
    count: int,
    dtype: DTypeLike = np.float64,
) -> Array:
    """Return ``count`` standard normal numbers for every sample (N, count)."""
    out = np.empty((len(samples), count), dtype)
    _run(_normal_task, key, epoch, samples, out)
    return out


def _run(
    make: Callable[..., Task],
    key: int,
    epoch: int,
    samples: NDArray[np.int64],
    out: Array,
) -> None:
    place = np.array([key, epoch], np.uint64)
    run_kept(make, place, np.ascontiguousarray(samples), out)


def _uniform_task(
    place: NDArray[np.uint64], samples: NDArray[np.int64], out: Array
) -> Task:
    return Task(_uniform_item, len(samples), place, samples, out)


def _normal_task(
    place: NDArray[np.uint64], samples: NDArray[np.int64], out: Array
) -> Task:
    return Task(_normal_item, len(samples), place, samples, out)


@jit()
def _words(key, epoch, sample, block):
    k0, k1 = key & _LOW, key >> _HALF
    c0, c1, c2, c3 = block, sample & _LOW, sample >> _HALF, epoch
    for _ in range(10):
        a, b = _M0 * c0, _M1 * c2
        c0, c1 = (b >> _HALF) ^ c1 ^ k0, b & _LOW
        c2, c3 = (a >> _HALF) ^ c3 ^ k1, a & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@jit()
def _uniform_item(n, thread, place, samples, out):
    count, sample = out.shape[1], np.uint64(samples[n])
    for first in range(0, count, 4):
        words = _words(place[0], place[1], sample, np.uint64(first // 4))
        for k in range(min(4, count - first)):
            out[n, first + k] = words[k] * 2.0**-32


@jit()
def _normal_item(n, thread, place, samples, out):
    count, real = out.shape[1], out.dtype.type
    sample = np.uint64(samples[n])
    for first in range(0, count, 4):
        words = _words(place[0], place[1], sample, np.uint64(first // 4))
        for k in range(0, min(4, count - first), 2):
            radius = np.sqrt(-2 * np.log((words[k] + 1.0) * 2.0**-32))
            angle = words[k + 1] * (2 * np.pi * 2.0**-32)
            out[n, first + k] = real(radius * np.cos(angle))
            if first + k + 1 < count:
                out[n, first + k + 1] = real(radius * np.sin(angle))
