"""What the two classic mistakes in a convolution's gradients would give.

One is a kernel that is rotated by 180 degrees where it should not be, or the other way
round::

    dx_(i+p)(j+q) += dy_ij kernel_pq              windows of dx that are added to
    dx_uv = sum_pq dy_(u-p)(v-q) kernel_pq        the same: dy with a rotated kernel

The other is = instead of +=: of all windows that contain a number, or of all samples
that share a parameter, only the last counts.

Both are computed from ``forward`` alone, by differences.  The only assumption is that
the layer's y has the batch axis first and its places in row-major order.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from sora_np.kernels.machine.arrays import Array

from .function import Function, Tensor
from .line import Line

STEP = 1e-5
OVERLAP = (
    "of overlapping windows only the last counts: = instead of +=, the parts of all "
    "windows add up"
)
SHARED = "only the last {} counts: = instead of +=, the parts of all {}s add up"


def mistaken(
    function: Function, tensor: Tensor, lines: Sequence[Line]
) -> Iterator[tuple[str, Array]]:
    """Yield what may be wrong, in words, and the gradient's entries in that case.

    ``lines`` : the entries.  Yields nothing for several layers, and for a y without
    places.
    """
    layer, y = function.nodes[0].layer, function.values[-1]
    if len(function.nodes) > 1 or y.ndim < 2 or not lines:
        return
    first = function.first(tensor)
    if max(y.ndim, tensor.array.ndim) > 2 or not function.values[0].size:
        terms = [_terms(function, line, first) for line in lines]
        yield from _replaced(terms, tensor)
    for key, kernel in layer.params.items():
        axes = tuple(range(max(kernel.ndim - 2, 2)))
        if kernel is tensor.array or kernel.ndim < 2 or tensor.array.ndim < kernel.ndim:
            continue
        if kernel.ndim == 2 and y.ndim != tensor.array.ndim:
            continue
        before = kernel.copy()
        try:
            kernel[...] = np.flip(before, axes)
            if not np.array_equal(kernel, before):
                found = [_terms(function, line, first).sum() for line in lines]
                text = (
                    f"right for a {key} rotated by 180 degrees: rotate it if you "
                    "convolve dy with it; do not rotate it if you add dy times it to "
                    "windows of dx"
                )
                yield text, np.array(found)
        finally:
            kernel[...] = before


def _terms(function: Function, line: Line, first: int) -> Array:
    """Return the derivative along a line as the terms of its sum, of y's shape."""
    with np.errstate(all="ignore"):
        up, right = line.move(STEP * line.sizes[0]), function.terms(first)
        down, left = line.move(-STEP * line.sizes[0]), function.terms(first)
        line.back()
        terms: Array = function.objective.weights * (right - left) / (up - down)
    return terms.reshape(function.values[-1].shape)


def _replaced(terms: list[Array], tensor: Tensor) -> Iterator[tuple[str, Array]]:
    """Yield what would be left of the terms if later ones replaced earlier ones."""
    places = [term.reshape(len(term), -1, term.shape[-1]) for term in terms]
    is_x = tensor.layer is None
    window = OVERLAP if is_x else SHARED.format("window", "window")
    yield window, np.array([_last(term.ravel()) for term in terms])
    yield window, np.array([_last(term.sum(axis=2).ravel()) for term in places])
    if not is_x:
        each = [[_last(one.sum(axis=1)) for one in term] for term in places]
        yield window, np.sum(each, axis=1)
        sample = SHARED.format("sample", "sample")
        yield sample, np.array([_last(term.sum(axis=(1, 2))) for term in places])


def _last(numbers: Array) -> float:
    """Return the last of some numbers that is not 0, or 0."""
    there = np.flatnonzero(numbers)
    return float(numbers[there[-1]]) if there.size else 0.0
