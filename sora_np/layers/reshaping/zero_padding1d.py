"""ZeroPadding1D."""

from collections.abc import Sequence

from .margins import Margins, as_margins


class ZeroPadding1D(Margins):
    """Adds zeros around every sequence: x (N, L, C), y (N, before + L + after, C).

    Forward: ``margins.py``.  Backward: dx is dy without the padding.

    Parameters
    ----------
    padding : (before, after); a whole number means both

    Raises
    ------
    TypeError, ValueError : for invalid numbers

    Examples
    --------
    >>> ZeroPadding1D((1, 2))([[[5.0], [6.0]]]).ravel()
    array([0., 5., 6., 0., 0.])
    """

    def __init__(
        self,
        padding: int | Sequence[int] = 1,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        margins = as_margins([padding], "padding", 1)
        super().__init__(
            margins,
            input_shape=input_shape,
            name=name,
            trainable=trainable,
        )
        self.padding = margins[0]
