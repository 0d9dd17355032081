"""The sliding windows of convolutions and poolings: their number and the padding.

Source: Dumoulin & Visin, arXiv:1603.07285, relationships 1-6 and 13.  "same" is as in
Keras: ceil(size / stride) windows; an odd number of padding cells puts one more at the
end.  "causal" puts all padding at the beginning: no window sees later steps.

The kernels work on images.  A sequence (N, L, C) is an image of one row, (N, 1, L, C):
its windows are (1, k), and their strides are (1, s).
"""

from collections.abc import Sequence
from typing import TypeVar

from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Pair, Shape

T = TypeVar("T")
INPUTS = {1: "sequences of shape (N, L, C)", 2: "images of shape (N, H, W, C)"}


def as_padding(
    value: str, among: Sequence[str] = ("valid", "same"), hint: str = ""
) -> str:
    """Return ``value`` in lower case; raise ValueError if it is not in ``among``.

    ``hint`` : for the error if value is no string: how to pad by a number
    """
    padding = value.lower() if isinstance(value, str) else value
    if padding not in among:
        *names, last = (f'"{name}"' for name in among)
        how = f": {hint}" if hint and not isinstance(value, str) else ""
        raise ValueError(
            f"padding must be {', '.join(names)} or {last}, got {value!r}{how}"
        )
    return padding


def check_axes(whose: str, input_shape: Shape, axes: int) -> None:
    """Raise ValueError if x is not images (axes=2), or not sequences (axes=1)."""
    if len(input_shape) != axes + 1:
        raise ValueError(
            f"{whose} takes {INPUTS[axes]}, got {batch_of(input_shape)}: is the batch "
            "or the channel axis missing?"
        )


def plan1d(size: int, window: int, stride: int, padding: str) -> tuple[int, Pair]:
    """Return the number of windows along one axis, and its (before, after) padding.

    ``window`` is the extent of the window: dilation * (cells - 1) + 1.

    >>> plan1d(5, 3, 1, "valid")
    (3, (0, 0))
    >>> plan1d(5, 3, 1, "same")
    (5, (1, 1))
    >>> plan1d(5, 2, 1, "same")  # odd padding: the zero goes after
    (5, (0, 1))
    >>> plan1d(5, 3, 2, "causal")
    (3, (2, 0))
    """
    if padding == "causal":
        return -(-size // stride), (window - 1, 0)
    if padding == "same":
        count = -(-size // stride)
        total = max((count - 1) * stride + window - size, 0)
        return count, (total // 2, total - total // 2)
    if window > size:
        raise ValueError(f"a window of {window} does not fit an axis of {size}")
    return (size - window) // stride + 1, (0, 0)


def plan(
    sizes: Sequence[int],
    cells: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    padding: str,
) -> tuple[Shape, tuple[Pair, ...]]:
    """Return the number of windows along every axis, and the padding of every axis.

    Raises ValueError, with all sizes, if no window fits.
    """
    extents = [d * (k - 1) + 1 for d, k in zip(dilation, cells, strict=True)]
    along = [*zip(sizes, extents, strides, strict=True)]
    if padding == "valid" and any(extent > size for size, extent, _ in along):
        window, whole = ("x".join(map(str, found)) for found in (extents, sizes))
        unit, inputs = [("steps", "sequences"), ("pixels", "images")][len(cells) - 1]
        raise ValueError(
            f"a window of {window} {unit} (size {cells}, dilation {dilation}) does not "
            f"fit {inputs} of {whole} {unit}: use a smaller window, fewer poolings "
            'before it, or padding="same"'
        )
    counts, pads = zip(*(plan1d(*axis, padding) for axis in along), strict=True)
    return counts, pads


def plan_transposed(
    size: int, window: int, stride: int, padding: str, more: int | None
) -> tuple[int, Pair]:
    """Return the size of y along one axis, and its padding, for ``size`` windows on it.

    ``more`` is Keras's output_padding.  If it is None, "valid" covers every window and
    every stride, and "same" gives size * stride.

    >>> plan_transposed(3, 3, 2, "same", None), plan_transposed(3, 3, 2, "valid", None)
    ((6, (0, 1)), (7, (0, 0)))
    >>> plan_transposed(3, 3, 2, "same", 0)
    (5, (1, 1))
    """
    reach = (size - 1) * stride + window
    if padding == "valid":
        return reach + (max(stride - window, 0) if more is None else more), (0, 0)
    count = size * stride
    if more is not None:
        count = (size - 1) * stride + window % 2 + more
    total = max(reach - count, 0)
    return count, (total // 2, total - total // 2)


def as_2d(values: tuple[T, ...], first: T) -> tuple[T, T]:
    """Return a pair unchanged; return one value as (first, value).

    >>> as_2d((3, 2), 1), as_2d((3,), 1)
    ((3, 2), (1, 3))
    """
    one, two = values if len(values) == 2 else (first, *values)
    return one, two


def as_images(sequences: Array) -> Array:
    """Return sequences (N, L, C) as images (N, 1, L, C), in the same memory.

    Rows (N, C) become images of one pixel; images stay as they are.
    """
    missing = (1,) * (4 - sequences.ndim)
    return sequences.reshape(len(sequences), *missing, *sequences.shape[1:])
