"""Cropping1D."""

from collections.abc import Sequence

from .margins import Margins, as_margins


class Cropping1D(Margins):
    """Removes both ends of every sequence: x (N, L, C), y (N, L - before - after, C).

    Forward: ``margins.py``.  Backward: dx is dy, with 0 for the removed steps.

    Parameters
    ----------
    cropping : (before, after); a whole number means both

    Raises
    ------
    TypeError, ValueError : for invalid numbers; at ``build``, if nothing is
        left

    Examples
    --------
    >>> Cropping1D((1, 2))([[[1.0], [2.0], [3.0], [4.0]]]).ravel()
    array([2.])
    """

    def __init__(
        self,
        cropping: int | Sequence[int] = (1, 1),
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        margins = as_margins([cropping], "cropping", 1)
        super().__init__(
            [(-before, -after) for before, after in margins],
            input_shape=input_shape,
            name=name,
            trainable=trainable,
        )
        self.cropping = margins[0]
