"""Cropping2D."""

from collections.abc import Sequence
from typing import Any

from .margins import Margins, as_margins


class Cropping2D(Margins):
    """Removes rows and columns at the sides of every image.

    Shapes: x (N, H, W, C), y (N, H - top - bottom, W - left - right, C).

    Forward: ``margins.py``.  Backward: dx is dy, with 0 for the removed pixels.

    Parameters
    ----------
    cropping : ((top, bottom), (left, right)); (rows, columns) means both sides of each
        axis, and a whole number means all sides

    Raises
    ------
    TypeError, ValueError : for invalid numbers; at ``build``, if nothing is
        left

    Examples
    --------
    >>> x = [[[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]]]
    >>> Cropping2D(((1, 0), (0, 2)))(x).ravel()
    array([4.])
    """

    def __init__(
        self,
        cropping: int | Sequence[Any] = ((0, 0), (0, 0)),
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        margins = as_margins(cropping, "cropping", 2)
        super().__init__(
            [(-before, -after) for before, after in margins],
            input_shape=input_shape,
            name=name,
            trainable=trainable,
        )
        self.cropping = margins
