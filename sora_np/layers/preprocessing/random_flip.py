"""RandomFlip."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sora_np.common.names import look_up

from .warp import Warp, identities

MODES = {  # (vertical, horizontal)
    "horizontal": (False, True),
    "vertical": (True, False),
    "horizontal_and_vertical": (True, True),
}


class RandomFlip(Warp):
    """In training, mirrors half of the images; x, y (N, H, W, C).

    y[i, j] = x[H - 1 - i, j] for a vertical flip, x[i, W - 1 - j] for a horizontal one.
    Each has probability 1/2, and (unlike in Keras) they are independent.

    Parameters
    ----------
    mode : "horizontal" (left and right change places), "vertical" (top and bottom) or
        "horizontal_and_vertical"
    seed : seeds the random numbers; None uses the generator passed to ``build``

    Examples
    --------
    >>> x = np.arange(8.0).reshape(4, 1, 2, 1)
    >>> RandomFlip("horizontal", seed=1)(x, training=True)[:, 0, :, 0]
    array([[0., 1.],
           [2., 3.],
           [5., 4.],
           [6., 7.]])
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(
            *("nearest", 0, seed),
            input_shape=input_shape,
            name=name,
            trainable=trainable,
        )
        look_up(MODES, mode, "mode")
        self.mode, self.border = mode, None

    def matrices(self, count: int) -> NDArray[np.float64]:
        assert self.input_shape is not None
        m = identities(count)
        flips = (self._draw(count, 2) < 0.5) & MODES[self.mode]
        for axis in (0, 1):
            flipped = flips[:, axis]
            m[flipped, axis, axis] = -1
            m[flipped, axis, 2] = self.input_shape[axis] - 1
        return m
