"""2-D resizing of NHWC images, and its gradient.

Pixels are squares, and their position is their centre ("half-pixel centres").  If an
axis of ``size`` pixels is resized to ``outputs``, the centre of output i is at::

    r = (i + 1/2) size / outputs - 1/2                                          (1)

Every output is a sum over the taps of both axes, with weights a and b that sum to 1::

    y[n, i, j, c]  = sum_h a[i, h] sum_v b[j, v] x[n, h, v, c]                  (2)
    dx[n, h, v, c] = sum_i a[i, h] sum_j b[j, v] dy[n, i, j, c]                 (3)

    ==========  ==================================================================
    "nearest"   the pixel that contains the centre, floor(r + 1/2), with weight 1
    "bilinear"  floor(r) with 1 - p and floor(r) + 1 with p = r - floor(r); beyond
                the borders, the last pixel is used
    "bicubic"   four pixels by Keys' cubic with a = -1/2; those beyond the borders
                are left out, and the rest is divided by its sum
    ==========  ==================================================================

With antialiasing, an axis that becomes s = size / outputs > 1 times shorter takes the
pixels around r whose weights are not 0, and divides the weights by their sum::

    "bilinear"  1 - d / s at the distance d < s
    "bicubic"   Keys' cubic of d / s at the distance d < 2 s

"nearest" has no antialiasing.  Repeating every pixel k times is "nearest" with k times
the size.  Pixels of weight 0 are not read.

Source: Keys (1981), "Cubic convolution interpolation for digital image processing",
IEEE Trans. ASSP 29, equation (15); ``tf.image.resize`` of TensorFlow 2.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..machine.arrays import Array, Pair, empty, jit
from ..machine.rungs import rungs
from ..machine.tasks import Task, run_kept, scratch

INTERPOLATIONS = ("nearest", "bilinear", "bicubic")
Taps = dict[int, float]  # pixel -> weight

# --- reference: the formulas, loop by loop ----------------------------------------


def resize2d_reference(
    x: Array, size: Pair, interpolation: str, antialias: bool = False
) -> Array:
    """Return y (N, OH, OW, C) of equation (2)."""
    y = np.zeros((len(x), *size, x.shape[3]), x.dtype)
    how = interpolation, antialias
    rows, columns = (_taps(x.shape[k + 1], size[k], *how) for k in (0, 1))
    for n, i, j, c in np.ndindex(y.shape):
        for h, a in rows[i].items():
            for v, b in columns[j].items():
                y[n, i, j, c] += x.dtype.type(a * b) * x[n, h, v, c]
    return y


def resize2d_dx_reference(
    dy: Array, size: Pair, interpolation: str, antialias: bool = False
) -> Array:
    """Return dx (N, H, W, C) of equation (3)."""
    dx = np.zeros((len(dy), *size, dy.shape[3]), dy.dtype)
    how = interpolation, antialias
    rows, columns = (_taps(size[k], dy.shape[k + 1], *how) for k in (0, 1))
    for n, i, j, c in np.ndindex(dy.shape):
        for h, a in rows[i].items():
            for v, b in columns[j].items():
                dx[n, h, v, c] += dy.dtype.type(a * b) * dy[n, i, j, c]
    return dx


def _taps(size: int, outputs: int, interpolation: str, antialias: bool) -> list[Taps]:
    """Return, for every output along an axis, the weights of its pixels."""
    if interpolation == "nearest":  # in integers, which do not round
        return [{(2 * i + 1) * size // (2 * outputs): 1.0} for i in range(outputs)]
    scale = max(size / outputs, 1.0) if antialias else 1.0
    weigh, radius = WINDOWS[interpolation]
    found = []
    for i in range(outputs):
        r = (i + 0.5) * size / outputs - 0.5
        first, p = math.floor(r), r - math.floor(r)
        taps: Taps = {}
        if interpolation == "bilinear" and scale == 1:
            for place, weight in ((first, 1 - p), (first + 1, p)):
                inside = min(max(place, 0), size - 1)
                taps[inside] = taps.get(inside, 0.0) + weight
        else:
            start, last = math.ceil(r - radius * scale), math.floor(r + radius * scale)
            for place in range(max(start, 0), min(last + 1, size)):
                taps[place] = weigh(abs(r - place) / scale)
            total = sum(taps.values())
            taps = {place: weight / total for place, weight in taps.items()}
        found.append({place: weight for place, weight in taps.items() if weight})
    return found


def _line(d: float) -> float:
    """Return the weight of a pixel at distance d from 0 to 1."""
    return 1 - d


def _cubic(d: float) -> float:
    """Return the weight of a pixel at distance d from 0 to 2."""
    if d <= 1:
        return (1.5 * d - 2.5) * d * d + 1
    return ((-0.5 * d + 2.5) * d - 4) * d + 2


WINDOWS: dict[str, tuple[Callable[[float], float], int]] = {
    "bilinear": (_line, 1),
    "bicubic": (_cubic, 2),
}  # the weight by the distance, and the largest distance


# --- fast: one axis, then the other; rows in parallel -------------------------------


@rungs(resize2d_reference, numpy=resize2d_reference)
def resize2d(
    x: Array, size: Pair, interpolation: str, antialias: bool = False
) -> Array:
    """Return y (N, OH, OW, C) of equation (2) for x (N, H, W, C).

    Parameters
    ----------
    size : (OH, OW)
    interpolation : one of ``INTERPOLATIONS``
    antialias : whether an axis that becomes shorter has antialiasing
    """
    y = empty((len(x), *size, x.shape[3]), x.dtype)
    run_kept(resize2d_tasks, x, y, interpolation, antialias)
    return y


@rungs(resize2d_dx_reference, numpy=resize2d_dx_reference)
def resize2d_dx(
    dy: Array, size: Pair, interpolation: str, antialias: bool = False
) -> Array:
    """Return dx (N, H, W, C) of equation (3) for dy (N, OH, OW, C), size (H, W)."""
    dx = empty((len(dy), *size, dy.shape[3]), dy.dtype)
    run_kept(resize2d_dx_tasks, dy, dx, interpolation, antialias)
    return dx


def resize2d_tasks(
    x: Array, y: Array, interpolation: str, antialias: bool = False
) -> list[Task]:
    """Return the task that writes y of equation (2)."""
    how = interpolation, antialias
    axes = [_taps(x.shape[k], y.shape[k], *how) for k in (1, 2)]
    return [_task(x, axes, y)]


def resize2d_dx_tasks(
    dy: Array, dx: Array, interpolation: str, antialias: bool = False
) -> list[Task]:
    """Return the task that writes dx of (3), which is (2) with transposed matrices."""
    axes, how = [], (interpolation, antialias)
    for k in (1, 2):
        turned: list[Taps] = [{} for _ in range(dx.shape[k])]
        for i, taps in enumerate(_taps(dx.shape[k], dy.shape[k], *how)):
            for place, weight in taps.items():
                turned[place][i] = weight
        axes.append(turned)
    return [_task(dy, axes, dx)]


def _task(x: Array, axes: list[list[Taps]], y: Array) -> Task:
    """Return the task that writes (2) for the taps of the two axes."""
    images, height, width, channels = x.shape
    tables = [table for taps in axes for table in _tables(taps, x.dtype)]
    lines = scratch(width * channels, x.dtype)
    return Task(
        _resize_item, images * y.shape[1], x.reshape(images, height, width * channels),
        *tables, y.reshape(images, y.shape[1], y.shape[2] * channels), channels, lines,
    )  # fmt: skip


def _tables(
    taps: list[Taps], dtype: DTypeLike
) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
    """Return the first and the end of every output's pixels, and their weights."""
    ends = np.array([(min(t), max(t) + 1) if t else (0, 0) for t in taps], np.int64)
    weights = np.zeros((len(taps), int(np.ptp(ends, axis=1).max())), dtype)
    for k, own in enumerate(taps):
        for place, weight in own.items():
            weights[k, place - ends[k, 0]] = weight
    return ends, weights


@jit()
def _resize_item(
    item, thread, x, rows, row_weights, columns, column_weights, y, channels, lines
):
    n, i = item // y.shape[1], item % y.shape[1]
    line = lines[thread][: x.shape[2]]
    first = rows[i, 0]
    if rows[i, 1] == first:
        line[:] = 0
    for h in range(first, rows[i, 1]):
        weight, pixels = row_weights[i, h - first], x[n, h]
        if h == first:
            for k in range(line.size):
                line[k] = weight * pixels[k]
        else:
            for k in range(line.size):
                line[k] += weight * pixels[k]
    out = y[n, i]
    for j in range(len(columns)):
        first, last = columns[j, 0], columns[j, 1]
        if channels == 1:  # without slices: 130 instead of 350 us for 32 of 28 x 28
            total = out.dtype.type(0)
            for v in range(first, last):
                total += column_weights[j, v - first] * line[v]
            out[j] = total
            continue
        target = out[j * channels : j * channels + channels]
        if last == first:
            target[:] = 0
        for v in range(first, last):
            weight = column_weights[j, v - first]
            pixel = line[v * channels : v * channels + channels]
            if v == first:
                for c in range(channels):
                    target[c] = weight * pixel[c]
            else:
                for c in range(channels):
                    target[c] += weight * pixel[c]
