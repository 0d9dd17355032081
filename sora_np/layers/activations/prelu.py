"""PReLU."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np import initializers, regularizers
from sora_np.initializers import Initializer
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.base import Layer
from sora_np.layers.rows import as_axes, axes_of
from sora_np.regularizers import Regularizer


class PReLU(Layer):
    """The rectified linear unit that learns its slope alpha below 0.

    x and y have the same shape.  alpha has the shape of a sample, with 1 for every
    shared axis.

    Forward and backward, entry by entry::

        y = x where x > 0, else alpha * x
        dx = dy where x > 0, else alpha * dy
        dalpha = dy * min(x, 0), summed over the samples and the shared axes

    Source: He, Zhang, Ren & Sun (2015), arXiv:1502.01852.

    Parameters
    ----------
    alpha_initializer : name or (rng, shape, dtype) -> array
    alpha_regularizer : name or object; see ``regularizers.py``
    shared_axes : axes along which alpha is the same, counted with the batch axis;
        (1, 2) after Conv2D means one alpha for each channel; None means no shared axis

    Raises
    ------
    ValueError : at ``build``, if x has no such axis, or it is the batch axis

    Examples
    --------
    >>> layer = PReLU("ones", shared_axes=1)
    >>> layer([[-1.0, 0.0, 2.0]])
    array([[-1.,  0.,  2.]])
    >>> layer.params["alpha"].shape
    (1,)
    """

    def __init__(
        self,
        alpha_initializer: str | Initializer = "Zeros",
        alpha_regularizer: str | Regularizer | None = None,
        shared_axes: int | Sequence[int] | None = None,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.shared_axes = None if shared_axes is None else as_axes(shared_axes)

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        shared: Shape = ()
        if self.shared_axes is not None:
            shared = axes_of(self.shared_axes, input_shape, str(self))
        super().build(input_shape, rng, dtype)
        sizes = enumerate(input_shape, start=1)
        shape = tuple(1 if axis in shared else size for axis, size in sizes)
        self._summed = (0, *shared)
        self._add_param("alpha", shape, self.alpha_initializer, rng)
        return input_shape

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        y = np.where(x > 0, x, self.params["alpha"] * x)
        if training:
            self.remember(y, x)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x = self.recall(dy)
        alpha = self.params["alpha"]
        dalpha = np.sum(dy * np.minimum(x, 0), axis=self._summed, keepdims=True)
        self.grads["alpha"] = dalpha[0]
        return np.where(x > 0, dy, alpha * dy)
