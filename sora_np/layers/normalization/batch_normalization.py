"""BatchNormalization."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np import initializers, regularizers
from sora_np.common.arguments import as_flag, as_index, as_rate, check_axis
from sora_np.common.shapes import batch_of
from sora_np.initializers import Initializer
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.kernels.normalization.batch_normalization import (
    batch_normalization,
    batch_normalization_dx,
    normalize,
)
from sora_np.layers.base import Layer
from sora_np.regularizers import Regularizer


class BatchNormalization(Layer):
    """Gives every channel mean beta and standard deviation gamma.

    x and y have the same shape.  gamma, beta, moving_mean and moving_variance have
    shape (C,), where C is the size of ``axis``.

    Forward, in training with mean and (population) variance of the batch; otherwise, or
    when ``trainable`` is False, with moving_mean and moving_variance::

        y = gamma * (x - mean) / sqrt(variance + epsilon) + beta
        moving = momentum * moving + (1 - momentum) * batch's      (in training)

    Backward: ``kernels/normalization/batch_normalization.py``, (2), and (3) or (4).

    Source: Ioffe & Szegedy (2015), arXiv:1502.03167; the moving averages as in Keras.

    Parameters
    ----------
    axis : the axis of the channels, counted with the batch axis
    momentum : the weight of the old value in the moving averages
    epsilon : added to the variance
    center, scale : whether to add beta, and whether to multiply by gamma
    *_initializer : name or (rng, shape, dtype) -> array
    *_regularizer : name or object; see ``regularizers.py``

    Raises
    ------
    ValueError : at ``build``, if x has no such axis, or it is the batch axis

    Examples
    --------
    >>> layer = BatchNormalization(epsilon=0)
    >>> layer(np.array([[1.0], [3.0]]), training=True)
    array([[-1.],
           [ 1.]])
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: str | Initializer = "zeros",
        gamma_initializer: str | Initializer = "ones",
        moving_mean_initializer: str | Initializer = "zeros",
        moving_variance_initializer: str | Initializer = "ones",
        beta_regularizer: str | Regularizer | None = None,
        gamma_regularizer: str | Regularizer | None = None,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.axis = as_index(axis, "axis")
        self.momentum = as_rate(momentum, "momentum", 1)
        self.epsilon = as_rate(epsilon, "epsilon")
        self.center = as_flag(center, "center")
        self.scale = as_flag(scale, "scale")
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        rank, x = len(input_shape) + 1, f"x {batch_of(input_shape)}"
        check_axis(self.axis, rank, str(self), x)
        super().build(input_shape, rng, dtype)
        shape = ((0, *input_shape)[self.axis],)
        if self.scale:
            self._add_param("gamma", shape, self.gamma_initializer, rng)
        if self.center:
            self._add_param("beta", shape, self.beta_initializer, rng)
        for name in ("moving_mean", "moving_variance"):
            initializer: Initializer = getattr(self, f"{name}_initializer")
            self.state[name] = self._array(name, shape, initializer, rng)
        return input_shape

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        rows = self._rows(x)
        gamma, beta = self._gamma_beta()
        if not training or not self.trainable or not x.size:
            mean, variance = self.state["moving_mean"], self.state["moving_variance"]
            y_rows = normalize(rows, gamma, beta, mean, variance, self._epsilon)
            y = self._unrows(y_rows, x.shape)
            if training:
                self.remember(y, rows, mean.copy(), variance.copy(), False)
            return y
        y_rows, mean, variance = batch_normalization(rows, gamma, beta, self._epsilon)
        keep = self.dtype.type(self.momentum)
        for name, value in (("moving_mean", mean), ("moving_variance", variance)):
            self.state[name][...] = keep * self.state[name] + (1 - keep) * value
        y = self._unrows(y_rows, x.shape)
        self.remember(y, rows, mean, variance, True)
        return y

    def backward(self, dy: Array) -> Array:
        dy, rows, mean, variance, of_batch = self.recall(dy)
        given = self._rows(dy), rows, self._gamma_beta()[0], mean, variance
        dx_rows, dgamma, dbeta = batch_normalization_dx(
            *given, self._epsilon, constant=not of_batch
        )
        if self.scale:
            self.grads["gamma"] = dgamma
        if self.center:
            self.grads["beta"] = dbeta
        return self._unrows(dx_rows, dy.shape)

    @property
    def _epsilon(self) -> Array:
        return self.dtype.type(self.epsilon)

    def _gamma_beta(self) -> tuple[Array, Array]:
        mean = self.state["moving_mean"]
        gamma = self.params["gamma"] if self.scale else np.ones_like(mean)
        return gamma, self.params["beta"] if self.center else np.zeros_like(mean)

    def _rows(self, x: Array) -> Array:
        """Return x with the channels last, as a matrix (M, C)."""
        rows = np.moveaxis(x, self.axis, -1)
        # without gamma and beta, x may have any dtype
        return np.ascontiguousarray(rows.reshape(-1, rows.shape[-1]), self.dtype)

    def _unrows(self, rows: Array, shape: Shape) -> Array:
        """Undo ``_rows``."""
        moved = np.moveaxis(np.empty(shape, np.void), self.axis, -1).shape
        return np.ascontiguousarray(np.moveaxis(rows.reshape(moved), -1, self.axis))
