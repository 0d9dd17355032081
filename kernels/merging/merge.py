"""Arrays of equal shape merged into one: sums and extremes; and concatenation.

Entry by entry, for arrays x_0, x_1, ...::

    add           y = x_0 + x_1 + ...                    dx_k = dy               (1)
    add_relu      y = max(0, x_0 + x_1 + ...)            dx_k = dy where y > 0   (2)
    maximum       y = max(x_0, x_1, ...)                 dx_k = dy where x_k is  (3)
    minimum       y = min(x_0, x_1, ...)                 the first that is y
    concatenate   y = x_0, then x_1, ... along an axis   dx_k is its part of dy  (4)

Sums are added in the order of the list.  If numbers tie, the first is the extreme, and
gets the whole gradient.  NaN is passed on: it counts as the largest and the smallest.

Source: He et al. (2015), arXiv:1512.03385, equation (1), for sums before a ReLU;
Goodfellow et al. (2013), arXiv:1302.4389, for maxima.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..machine.arrays import Array, empty, index_dtype, jit
from ..machine.rungs import rungs
from ..machine.tasks import BLOCK, Task, run_kept

# --- reference: the formulas, entry by entry ----------------------------------


def add_reference(xs: Sequence[Array]) -> Array:
    """Return y of (1)."""
    y = np.empty_like(xs[0])
    for index in np.ndindex(y.shape):
        y[index] = xs[0][index]
        for x in xs[1:]:
            y[index] += x[index]
    return y


def add_relu_reference(xs: Sequence[Array]) -> Array:
    """Return y of (2)."""
    y = add_reference(xs)
    for index in np.ndindex(y.shape):
        y[index] = 0 if y[index] <= 0 else y[index]
    return y


def add_relu_dx_reference(dy: Array, y: Array, count: int) -> list[Array]:
    """Return dx_k of (2), for ``count`` arrays."""
    dz = np.empty_like(dy)
    for index in np.ndindex(dy.shape):
        dz[index] = 0 if y[index] <= 0 else dy[index]
    return [dz.copy() for _ in range(count)]


def maximum_reference(xs: Sequence[Array]) -> tuple[Array, NDArray[np.integer]]:
    """Return y of (3), and for each entry the k of its array."""
    y, chosen = xs[0].copy(), np.zeros(xs[0].shape, index_dtype(len(xs)))
    for k, x in enumerate(xs):
        for index in np.ndindex(y.shape):
            best = y[index]
            if x[index] > best or (np.isnan(x[index]) and not np.isnan(best)):
                y[index], chosen[index] = x[index], k
    return y, chosen


def minimum_reference(xs: Sequence[Array]) -> tuple[Array, NDArray[np.integer]]:
    """Return y of (3), and for each entry the k of its array."""
    y, chosen = maximum_reference([-x for x in xs])
    return -y, chosen


def extreme_dx_reference(
    dy: Array, chosen: NDArray[np.integer], count: int
) -> list[Array]:
    """Return dx_k of (3), for ``count`` arrays."""
    dxs = [np.zeros_like(dy) for _ in range(count)]
    for index in np.ndindex(dy.shape):
        dxs[chosen[index]][index] = dy[index]
    return dxs


def concatenate_reference(xs: Sequence[Array], axis: int) -> Array:
    """Return y of (4)."""
    parts = [np.moveaxis(x, axis, 0) for x in xs]
    rows = [row for part in parts for row in part]
    return np.ascontiguousarray(np.moveaxis(np.array(rows, xs[0].dtype), 0, axis))


def concatenate_dx_reference(dy: Array, sizes: Sequence[int], axis: int) -> list[Array]:
    """Return dx_k of (4), with ``sizes`` entries along the axis."""
    rows, dxs = [*np.moveaxis(dy, axis, 0)], []
    for size in sizes:
        own, rows = np.array(rows[:size], dy.dtype), rows[size:]
        dxs.append(np.ascontiguousarray(np.moveaxis(own, 0, axis)))
    return dxs


# --- NumPy: whole arrays --------------------------------------------------------------


def add_numpy(xs: Sequence[Array]) -> Array:
    """Return the sum of arrays of one shape."""
    return np.sum(np.stack(xs), axis=0)


def maximum_numpy(xs: Sequence[Array]) -> tuple[Array, NDArray[np.integer]]:
    """Return the largest entries, and for each the k of its array."""
    every = np.stack(xs)
    chosen = every.argmax(axis=0)[None]  # the first; NaN is the largest
    y = np.take_along_axis(every, chosen, axis=0)[0]
    return y, chosen[0].astype(index_dtype(len(xs)))


def minimum_numpy(xs: Sequence[Array]) -> tuple[Array, NDArray[np.integer]]:
    """Return the smallest entries, and for each the k of its array."""
    y, chosen = maximum_numpy([-x for x in xs])
    return -y, chosen


def extreme_dx_numpy(dy: Array, chosen: NDArray[np.integer], count: int) -> list[Array]:
    """Return dx_k, for ``count`` arrays."""
    return [np.where(chosen == k, dy, 0) for k in range(count)]


def concatenate_numpy(xs: Sequence[Array], axis: int) -> Array:
    """Return the arrays as one, along an axis."""
    return np.concatenate(xs, axis)


def concatenate_dx_numpy(dy: Array, sizes: Sequence[int], axis: int) -> list[Array]:
    """Return dx_k, with ``sizes`` entries along the axis."""
    ends = np.cumsum(sizes)[:-1]
    return [part.copy() for part in np.split(dy, ends, axis)]


# --- fast: sums, with and without ReLU, in one pass -------------------------------


@rungs(add_reference, add_numpy)
def add(xs: Sequence[Array]) -> Array:
    """Return y of (1) for one array or more, of one shape."""
    y = empty(xs[0].shape, xs[0].dtype)
    run_kept(_add_all, y, *xs)
    return y


def add_relu(xs: Sequence[Array]) -> Array:
    """Return y of (2) for one array or more, of one shape."""
    y = empty(xs[0].shape, xs[0].dtype)
    run_kept(_add_relu_all, y, *xs)
    return y


def add_relu_dx(dy: Array, y: Array, count: int) -> list[Array]:
    """Return dx_k of (2), for ``count`` arrays, given dy and y."""
    dxs = [empty(dy.shape, dy.dtype) for _ in range(count)]
    run_kept(_add_relu_dx_all, dy, y, *dxs)
    return dxs


def add_tasks(xs: Sequence[Array], y: Array) -> list[Task]:
    """Return the tasks that write y of (1): one for four arrays, then three each."""
    return _sum_tasks(xs, y, relu=False)


def add_relu_tasks(xs: Sequence[Array], y: Array) -> list[Task]:
    """Return the tasks that write y of (2)."""
    return _sum_tasks(xs, y, relu=True)


def accumulate_task(total: Array, x: Array) -> Task:
    """Return the task total = total + x, of (1)."""
    flat = total.reshape(-1), x.reshape(-1)
    return Task(_accumulate_item, -(-total.size // BLOCK), *flat)


@jit()
def _accumulate_item(item, thread, total, x):
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, total.size))
    total, x = total[part], x[part]
    for k in range(total.size):
        total[k] += x[k]


def relu_dy_task(dy: Array, y: Array) -> Task:
    """Return the task that turns dy into the gradient dx_k of (2), equal for all k."""
    flat = dy.reshape(-1), y.reshape(-1)
    return Task(_relu_dy_item, -(-dy.size // BLOCK), *flat)


@jit()
def _relu_dy_item(item, thread, dy, y):
    zero = dy.dtype.type(0)
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, dy.size))
    dy, y = dy[part], y[part]
    for k in range(dy.size):
        dy[k] = zero if y[k] <= 0 else dy[k]


def add_relu_dx_tasks(dy: Array, y: Array, dxs: Sequence[Array]) -> list[Task]:
    """Return the tasks that write dx_k of (2), each for two; one may be dy itself.

    That one is written last, since the others are computed from dy.
    """
    items, flat = -(-dy.size // BLOCK), [a.reshape(-1) for a in (dy, y)]
    pairs = [(dxs[k], dxs[min(k + 1, len(dxs) - 1)]) for k in range(0, len(dxs), 2)]
    return [
        Task(_add_relu_dx_item, items, *flat, *(dx.reshape(-1) for dx in pair))
        for pair in pairs
    ]


def _add_all(y: Array, *xs: Array) -> list[Task]:
    return add_tasks(xs, y)


def _add_relu_all(y: Array, *xs: Array) -> list[Task]:
    return add_relu_tasks(xs, y)


def _add_relu_dx_all(dy: Array, y: Array, *dxs: Array) -> list[Task]:
    return add_relu_dx_tasks(dy, y, dxs)


def _sum_tasks(xs: Sequence[Array], y: Array, relu: bool) -> list[Task]:
    tasks, rest, out = [], [x.reshape(-1) for x in xs], y.reshape(-1)
    while rest:
        some, rest = rest[:4], rest[4:]
        four = [*some, *[some[0]] * (4 - len(some))]
        last = int(relu and not rest)
        items = -(-y.size // BLOCK)
        tasks.append(Task(_add_item, items, *four, len(some), last, out))
        rest = [out, *rest] if rest else []
    return tasks


@jit()
def _add_item(item, thread, a, b, c, d, count, relu, y):
    zero = y.dtype.type(0)
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, y.size))
    a, b, c, d, y = a[part], b[part], c[part], d[part], y[part]
    # a loop for each number of arrays, so that the entries stay in the core's cache
    if count == 1:
        for k in range(y.size):
            y[k] = a[k]
    elif count == 2:
        for k in range(y.size):
            y[k] = a[k] + b[k]
    elif count == 3:
        for k in range(y.size):
            y[k] = a[k] + b[k] + c[k]
    else:
        for k in range(y.size):
            y[k] = a[k] + b[k] + c[k] + d[k]
    if relu:
        for k in range(y.size):
            y[k] = zero if y[k] <= 0 else y[k]  # NaN is passed on


@jit()
def _add_relu_dx_item(item, thread, dy, y, dx, other):
    zero = dy.dtype.type(0)
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, dy.size))
    dy, y, dx, other = dy[part], y[part], dx[part], other[part]
    for k in range(dy.size):
        slope = zero if y[k] <= 0 else dy[k]
        dx[k] = slope
        other[k] = slope


# --- fast: extremes -----------------------------------------------------------------


@rungs(maximum_reference, maximum_numpy)
def maximum(xs: Sequence[Array]) -> tuple[Array, NDArray[np.integer]]:
    """Return y of (3) for arrays of one shape, and for each entry k of its array."""
    return _extreme(_maximum_all, xs)


@rungs(minimum_reference, minimum_numpy)
def minimum(xs: Sequence[Array]) -> tuple[Array, NDArray[np.integer]]:
    """Return y of (3) for arrays of one shape, and for each entry k of its array."""
    return _extreme(_minimum_all, xs)


@rungs(extreme_dx_reference, extreme_dx_numpy)
def extreme_dx(dy: Array, chosen: NDArray[np.integer], count: int) -> list[Array]:
    """Return dx_k of (3), for ``count`` arrays."""
    dxs = [empty(dy.shape, dy.dtype) for _ in range(count)]
    run_kept(_extreme_dx_all, dy, chosen, *dxs)
    return dxs


def maximum_tasks(
    xs: Sequence[Array], y: Array, chosen: NDArray[np.integer]
) -> list[Task]:
    """Return the tasks that write y of (3) and k, one for each array but the first."""
    return _extreme_tasks(xs, y, chosen, 1)


def minimum_tasks(
    xs: Sequence[Array], y: Array, chosen: NDArray[np.integer]
) -> list[Task]:
    """Return the tasks that write y of (3) and k, one for each array but the first."""
    return _extreme_tasks(xs, y, chosen, -1)


def extreme_dx_tasks(
    dy: Array, chosen: NDArray[np.integer], dxs: Sequence[Array]
) -> list[Task]:
    """Return the tasks that write dx_k of (3)."""
    items, flat = -(-dy.size // BLOCK), (dy.reshape(-1), chosen.reshape(-1))
    return [
        Task(_extreme_dx_item, items, *flat, k, dx.reshape(-1))
        for k, dx in enumerate(dxs)
    ]


def _extreme(
    make: Callable[..., list[Task]], xs: Sequence[Array]
) -> tuple[Array, NDArray[np.integer]]:
    y = empty(xs[0].shape, xs[0].dtype)
    chosen = empty(y.shape, index_dtype(len(xs)))
    run_kept(make, y, chosen, *xs)
    return y, chosen


def _maximum_all(y: Array, chosen: NDArray[np.integer], *xs: Array) -> list[Task]:
    return maximum_tasks(xs, y, chosen)


def _minimum_all(y: Array, chosen: NDArray[np.integer], *xs: Array) -> list[Task]:
    return minimum_tasks(xs, y, chosen)


def _extreme_dx_all(dy: Array, chosen: NDArray[np.integer], *dxs: Array) -> list[Task]:
    return extreme_dx_tasks(dy, chosen, dxs)


def _extreme_tasks(
    xs: Sequence[Array], y: Array, chosen: NDArray[np.integer], sign: int
) -> list[Task]:
    flat = [x.reshape(-1) for x in xs]
    out, whose = y.reshape(-1), chosen.reshape(-1)
    items, firsts = -(-y.size // BLOCK), [flat[0], *[out] * (len(xs) - 2)]
    others = flat[1:] or flat  # a single one is its own extreme
    return [
        Task(_extreme_item, items, first, x, k, sign, out, whose)
        for k, (first, x) in enumerate(zip(firsts, others, strict=True), 1)
    ]


@jit()
def _extreme_item(item, thread, a, b, number, sign, y, chosen):
    place = chosen.dtype.type
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, y.size))
    a, b, y, chosen = a[part], b[part], y[part], chosen[part]
    if number == 1:
        for k in range(chosen.size):
            chosen[k] = 0
    mark = place(number)
    for k in range(y.size):
        best, x = a[k], b[k]
        # NaN wins.  Without "and" and "or" the loop vectorises
        wins = (x > best) if sign > 0 else (x < best)
        wins |= (x != x) & (best == best)
        y[k] = x if wins else best
        chosen[k] = mark if wins else chosen[k]


@jit()
def _extreme_dx_item(item, thread, dy, chosen, number, dx):
    zero, own = dy.dtype.type(0), chosen.dtype.type(number)
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, dy.size))
    dy, chosen, dx = dy[part], chosen[part], dx[part]
    for k in range(dy.size):
        dx[k] = dy[k] if chosen[k] == own else zero


# --- fast: concatenation --------------------------------------------------------------


@rungs(concatenate_reference, concatenate_numpy)
def concatenate(xs: Sequence[Array], axis: int) -> Array:
    """Return y of (4) for one array or more; only sizes along the axis may differ.

    axis : counted from 0
    """
    shape = list(xs[0].shape)
    shape[axis] = sum(x.shape[axis] for x in xs)
    y = empty(tuple(shape), xs[0].dtype)
    run_kept(_concatenate_all, axis, y, *xs)
    return y


@rungs(concatenate_dx_reference, concatenate_dx_numpy)
def concatenate_dx(dy: Array, sizes: Sequence[int], axis: int) -> list[Array]:
    """Return dx_k of (4), with ``sizes`` entries along the axis."""
    before, after = dy.shape[:axis], dy.shape[axis + 1 :]
    dxs = [empty((*before, size, *after), dy.dtype) for size in sizes]
    run_kept(_concatenate_dx_all, axis, dy, *dxs)
    return dxs


def concatenate_tasks(xs: Sequence[Array], y: Array, axis: int) -> list[Task]:
    """Return the tasks that write y of (4), one for every two arrays."""
    return _copy_tasks(_join_item, xs, y, axis)


def concatenate_dx_tasks(dy: Array, dxs: Sequence[Array], axis: int) -> list[Task]:
    """Return the tasks that write dx_k of (4), one for every two."""
    return _copy_tasks(_part_item, dxs, dy, axis)


def _concatenate_all(axis: int, y: Array, *xs: Array) -> list[Task]:
    return concatenate_tasks(xs, y, axis)


def _concatenate_dx_all(axis: int, dy: Array, *dxs: Array) -> list[Task]:
    return concatenate_dx_tasks(dy, dxs, axis)


def _copy_tasks(
    body: Any, parts: Sequence[Array], whole: Array, axis: int
) -> list[Task]:
    """Return the tasks that copy rows between the parts and the whole.

    A task copies two parts, so that it writes or reads long runs of the whole: for one
    part after the other, joining two arrays took 1.1 to 1.5 times as long.
    """
    rows, start = math.prod(whole.shape[:axis]), 0
    flat = whole.reshape(rows, math.prod(whole.shape[axis:]))
    own = [part.reshape(rows, math.prod(part.shape[axis:])) for part in parts]
    if len(own) % 2:
        own.append(np.empty((rows, 0), whole.dtype))
    tasks = []
    for one, other in zip(own[::2], own[1::2], strict=True):
        size = one.shape[1] + other.shape[1]
        together = max(1, BLOCK // max(size, 1))  # rows in an item
        given = one, other, start, together, flat
        tasks.append(Task(body, -(-rows // together), *given))
        start += size
    return tasks


@jit()
def _join_item(item, thread, one, other, start, together, whole):
    middle = start + one.shape[1]
    for n in range(item * together, min(item * together + together, len(whole))):
        own, place = one[n], whole[n, start:]
        for k in range(own.size):
            place[k] = own[k]
        own, place = other[n], whole[n, middle:]
        for k in range(own.size):
            place[k] = own[k]


@jit()
def _part_item(item, thread, one, other, start, together, whole):
    middle = start + one.shape[1]
    for n in range(item * together, min(item * together + together, len(whole))):
        own, place = one[n], whole[n, start:]
        for k in range(own.size):
            own[k] = place[k]
        own, place = other[n], whole[n, middle:]
        for k in range(own.size):
            own[k] = place[k]
