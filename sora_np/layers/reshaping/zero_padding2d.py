"""ZeroPadding2D."""

from collections.abc import Sequence
from typing import Any

from .margins import Margins, as_margins


class ZeroPadding2D(Margins):
    """Adds zeros around every image.

    Shapes: x (N, H, W, C), y (N, top + H + bottom, left + W + right, C).

    Forward: ``margins.py``.  Backward: dx is dy without the padding.

    Parameters
    ----------
    padding : ((top, bottom), (left, right)); (rows, columns) means both sides of each
        axis, and a whole number means all sides

    Raises
    ------
    TypeError, ValueError : for invalid numbers

    Examples
    --------
    >>> ZeroPadding2D(((1, 0), (0, 2)))([[[[5.0], [6.0]]]])[0, :, :, 0]
    array([[0., 0., 0., 0.],
           [5., 6., 0., 0.]])
    """

    def __init__(
        self,
        padding: int | Sequence[Any] = (1, 1),
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        margins = as_margins(padding, "padding", 2)
        super().__init__(
            margins,
            input_shape=input_shape,
            name=name,
            trainable=trainable,
        )
        self.padding = margins
