"""Activation maximisation: an input with a large score of a class, or of a channel."""

from typing import Any

import numpy as np

from sora_np.common.arguments import as_count, as_rate
from sora_np.kernels.machine.arrays import Array
from sora_np.layers import Layer

from .study import Study, class_numbers

NOISE = 0.01  # of the range of x, at the start


def activation_maximization(
    model: Any,
    target: Any,
    layer: str | Layer | None = None,
    steps: int = 128,
    learning_rate: float = 0.02,
    penalty: float = 0.0,
    *,
    start: Any = None,
    seed: int = 0,
) -> Array:
    """Return inputs that make the score of classes, or of channels, large.

    It makes steps of gradient ascent on ``S_t(x) - penalty ||x||^2``, all of the same
    length, because gradients of networks differ by orders of magnitude::

        g = dS_t/dx - 2 penalty x
        x <- clip(x + learning_rate * range * g / sqrt(mean g^2))

    S is the logit of the class, or the mean of a channel of a layer's output.  The
    range and the clip are ``model.input_range``, the range of the training data; if it
    is unknown, the range is 1 and nothing is clipped.  The results need not look like
    real images: they show what raises the score, not what images contain.

    Source: Erhan et al. (2009), "Visualizing higher-layer features of a deep network";
    Simonyan, Vedaldi & Zisserman (2013), 2, for the penalty.

    Parameters
    ----------
    model : built, with one input
    target : numbers of classes or channels (M,), or one
    layer : a layer or its name, for its channels; None for the classes
    steps, learning_rate, penalty : as above
    start : (M, *input_shape), or one sample for all; None for the middle of the range
        with a little noise
    seed : of the noise

    Returns
    -------
    (M, *input_shape)

    Raises
    ------
    RuntimeError : for a model that is not built
    TypeError, ValueError : for numbers that do not fit, several inputs, a name that no
        layer has

    Examples
    --------
    >>> from sora_np import Dense, Sequential
    >>> model = Sequential([Dense(2, "softmax", input_shape=(3,))])
    >>> model.set_weights([[[1.0, 0.0], [-2.0, 1.0], [0.0, 4.0]], [0.0, 0.0]])
    >>> model.input_range = 0.0, 1.0
    >>> activation_maximization(model, [0, 1]).round(1)[:, [0, 1]]
    array([[1. , 0. ],
           [0.5, 1. ]], dtype=float32)
    """
    study = Study(model, at=layer)
    steps, rate = as_count(steps, "steps"), as_rate(learning_rate, "learning_rate")
    penalty = as_rate(penalty, "penalty")
    shapes = study.graph.input_shapes
    if len(shapes) > 1:
        raise ValueError(
            f"activation maximisation changes one input, the model has {len(shapes)}"
        )
    count = len(target) if np.ndim(target) else 1
    targets = class_numbers(target, count, study.classes)
    bounds = model.input_range
    low, high = bounds or (0.0, 1.0)
    width = (high - low) or 1.0
    shape = (count, *shapes[0])
    if start is None:
        rng = np.random.default_rng(seed)
        start = (low + high) / 2 + NOISE * width * rng.standard_normal(shape)
    elif np.ndim(start) == len(shapes[0]):
        start = np.broadcast_to(start, shape)
    (x,) = study.inputs(start, "start")
    if x.shape != shape:
        raise ValueError(f"start must have the shape {shape}, got {x.shape}")
    x = x.copy()
    axes = tuple(range(1, x.ndim))
    for _ in range(steps):
        (slope,) = study.gradients([x], targets)
        slope = slope.astype(np.float64) - 2 * penalty * x
        length = np.sqrt(np.square(slope).mean(axis=axes, keepdims=True))
        x += (rate * width * slope / np.where(length > 0, length, 1)).astype(x.dtype)
        if bounds is not None:
            np.clip(x, low, high, out=x)
    return x
