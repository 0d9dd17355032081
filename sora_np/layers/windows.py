"""The sliding windows of convolutions and poolings: how many there are, and the pads.

Source: Dumoulin & Visin, arXiv:1603.07285, relationships 1-6.  "same" is Keras's:
ceil(size / stride) windows, and where the padding is odd the last side gets more.
"""

from sora_np.kernels.arrays import Pads, Pair


def as_padding(value: str) -> str:
    """Return "valid" or "same", in lower case, or raise ValueError."""
    padding = value.lower() if isinstance(value, str) else value
    if padding not in ("valid", "same"):
        raise ValueError(f'padding must be "valid" or "same", got {value!r}')
    return padding


def plan1d(size: int, window: int, stride: int, padding: str) -> tuple[int, Pair]:
    """Return how many windows there are along one axis, and its (before, after) pads.

    ``window`` is the extent of the window: dilation * (cells - 1) + 1.

    >>> plan1d(5, 3, 1, "valid")
    (3, (0, 0))
    >>> plan1d(5, 3, 1, "same")
    (5, (1, 1))
    >>> plan1d(5, 2, 1, "same")  # odd padding: the zero goes after
    (5, (0, 1))
    """
    if padding == "same":
        count = -(-size // stride)
        total = max((count - 1) * stride + window - size, 0)
        return count, (total // 2, total - total // 2)
    if window > size:
        raise ValueError(f"a window of {window} does not fit an axis of {size}")
    return (size - window) // stride + 1, (0, 0)


def plan2d(
    image: Pair, cells: Pair, strides: Pair, dilation: Pair, padding: str
) -> tuple[int, int, Pads]:
    """Return the number of windows down and across, and the pads of both axes.

    Raises ValueError, with all that decides it, where no window fits.
    """
    height, width = (d * (k - 1) + 1 for d, k in zip(dilation, cells, strict=True))
    if padding == "valid" and (height > image[0] or width > image[1]):
        raise ValueError(
            f"a window of {height}x{width} pixels (size {cells}, dilation {dilation}) "
            f"does not fit images of {image[0]}x{image[1]} pixels: take a smaller "
            'window, fewer poolings before it, or padding="same"'
        )
    rows, row_pads = plan1d(image[0], height, strides[0], padding)
    columns, column_pads = plan1d(image[1], width, strides[1], padding)
    return rows, columns, (row_pads, column_pads)
