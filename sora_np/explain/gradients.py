"""Attributions from gradients: which numbers of x change the score of a class.

The score S is a class's logit, as in the rest of this package.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.common.arguments import as_count, as_rate
from sora_np.common.inputs import as_numbers
from sora_np.common.warn import warn
from sora_np.kernels.machine.arrays import Array

from .study import BATCH, Study, finite

MISSED = 0.05  # if more than this share of S(x) - S(baseline) is missing, warn


def saliency(model: Any, x: Any, target: Any = None, *, absolute: bool = True) -> Any:
    """Return how strongly the score of a class depends on each number of x.

    ``a[n] = |dS_t(x[n]) / dx[n]|`` with t = target[n] and S the logits.

    Source: Simonyan, Vedaldi & Zisserman (2013), "Deep inside convolutional networks",
    3; for a picture they use the largest of the channels.

    Parameters
    ----------
    model : built, with one output (N, K)
    x : (N, ...), as ``model.predict`` takes it; for several inputs a list or dictionary
    target : class numbers (N,), or one for all; None for the classes predicted
    absolute : False for the derivative with its sign

    Returns
    -------
    an array of x's shape, in the model's dtype; for several inputs as x is given

    Raises
    ------
    RuntimeError : for a model that is not built
    TypeError, ValueError : for x or target that do not fit, NaN in x, several outputs

    Examples
    --------
    >>> from sora_np import Dense, Sequential
    >>> model = Sequential([Dense(2, "softmax", input_shape=(3,))])
    >>> model.set_weights([[[1.0, 0.0], [-2.0, 1.0], [0.0, 4.0]], [0.0, 0.0]])
    >>> saliency(model, np.ones((1, 3)), 0)  # a column of the kernel
    array([[1., 2., 0.]], dtype=float32)
    """
    study = Study(model)
    xs = study.inputs(x)
    slopes = study.gradients(xs, study.targets(target, xs))
    return study.in_form([np.abs(g) if absolute else g for g in slopes], x)


def guided_backpropagation(model: Any, x: Any, target: Any = None) -> Any:
    """Return the gradient of a class's score, with only positive values through ReLUs.

    Backward through every ReLU y = max(0, z) is::

        dz = dy * (y > 0) * (dy > 0)

    This holds for the layer ReLU without a negative slope, and for ``"relu"`` or
    ``"relu6"`` as the activation of a layer; all other activations keep their
    derivative.  The pictures are sharp, and nearly the same for any weights, as
    :func:`parameter_randomization` shows.

    Source: Springenberg et al. (2014), "Striving for simplicity: the all convolutional
    net", 3.4; Adebayo et al. (2018) for the warning.

    Parameters
    ----------
    model, x, target : as in :func:`saliency`

    Returns
    -------
    an array of x's shape, with signs

    Raises
    ------
    RuntimeError, TypeError, ValueError : as in :func:`saliency`

    Examples
    --------
    >>> from sora_np import Dense, Sequential
    >>> model = Sequential([Dense(2, "relu", input_shape=(1,)), Dense(1)])
    >>> model.set_weights([[[1.0, 1.0]], [0.0, 0.0], [[3.0], [-1.0]], [0.0]])
    >>> x = np.ones((1, 1))
    >>> saliency(model, x, 0), guided_backpropagation(model, x, 0)
    (array([[2.]], dtype=float32), array([[3.]], dtype=float32))
    """
    study = Study(model)
    xs = study.inputs(x)
    slopes = study.gradients(xs, study.targets(target, xs), guided=True)
    return study.in_form(slopes, x)


def smooth_grad(
    model: Any,
    x: Any,
    target: Any = None,
    samples: int = 50,
    noise_level: float = 0.15,
    *,
    seed: int = 0,
) -> Any:
    """Return the mean gradient of the score around x, which is less noisy.

    ``a[n] = 1/m sum_k dS_t(x[n] + e_k) / dx``, with m samples e_k of normal noise whose
    standard deviation is noise_level * (max x[n] - min x[n]).

    Source: Smilkov et al. (2017), "SmoothGrad: removing noise by adding noise", 3.

    Parameters
    ----------
    model, x, target : as in :func:`saliency`
    samples : m
    noise_level : the standard deviation, as a share of the range of x[n]
    seed : of the noise

    Returns
    -------
    an array of x's shape, with signs

    Raises
    ------
    RuntimeError, TypeError, ValueError : as in :func:`saliency`; for samples below 1
        and a negative noise_level

    Examples
    --------
    >>> from sora_np import Dense, Sequential
    >>> model = Sequential([Dense(2, "softmax", input_shape=(3,))])
    >>> model.set_weights([[[1.0, 0.0], [-2.0, 1.0], [0.0, 4.0]], [0.0, 0.0]])
    >>> smooth_grad(model, np.ones((1, 3)), 0, samples=8)  # it is linear
    array([[ 1., -2.,  0.]], dtype=float32)
    """
    study = Study(model)
    samples = as_count(samples, "samples")
    noise_level = as_rate(noise_level, "noise_level")
    xs = study.inputs(x)
    targets, rng = study.targets(target, xs), np.random.default_rng(seed)
    ranges = [_per_sample(np.max, x) - _per_sample(np.min, x) for x in xs]

    def around(k: int) -> list[Array]:
        return [
            (x + noise_level * width * rng.standard_normal(x.shape)).astype(x.dtype)
            for x, width in zip(xs, ranges, strict=True)
        ]

    means = _mean_gradients(study, targets, around, samples)
    return study.in_form([a.astype(study.dtype) for a in means], x)


def integrated_gradients(
    model: Any, x: Any, target: Any = None, baseline: Any = 0, steps: int = 50
) -> Any:
    """Return each number's share in the difference of scores between baseline and x.

    The gradient is averaged along the straight line from the baseline b to x::

        a = (x - b) * 1/m sum_k dS_t(b + (k - 1/2)/m (x - b)) / dx,   k = 1 .. m

    This is the midpoint rule for the paper's integral, with m steps.  The shares of a
    sample add up to S_t(x) - S_t(b) (completeness), up to the error of the rule: if
    more than 5 % are missing, a warning asks for more steps.

    Source: Sundararajan, Taly & Yan (2017), "Axiomatic attribution for deep networks",
    3 and 5.

    Parameters
    ----------
    model, x, target : as in :func:`saliency`
    baseline : an x without information, such as black: a number, a sample, or an array
        of x's shape; for several inputs also a list of these
    steps : m

    Returns
    -------
    an array of x's shape, with signs

    Raises
    ------
    RuntimeError, TypeError, ValueError : as in :func:`saliency`; for a baseline that
        does not fit x, and fewer steps than 1

    Warns
    -----
    UserWarning : if the shares do not add up

    Examples
    --------
    >>> from sora_np import Dense, Sequential
    >>> model = Sequential([Dense(2, "softmax", input_shape=(3,))])
    >>> model.set_weights([[[1.0, 0.0], [-2.0, 1.0], [0.0, 4.0]], [0.5, 0.0]])
    >>> integrated_gradients(model, [[2.0, 3.0, 5.0]], 0, baseline=1)  # w (x - b)
    array([[ 1., -4.,  0.]], dtype=float32)
    """
    study = Study(model)
    steps = as_count(steps, "steps")
    xs = study.inputs(x)
    targets = study.targets(target, xs)
    starts = _baselines(baseline, xs)
    ways = [x - b for x, b in zip(xs, starts, strict=True)]

    def on_the_way(k: int) -> list[Array]:
        share = study.dtype.type((k + 0.5) / steps)
        return [b + share * way for b, way in zip(starts, ways, strict=True)]

    means = _mean_gradients(study, targets, on_the_way, steps)
    found = [way * mean for way, mean in zip(ways, means, strict=True)]
    difference = study.scores(xs, targets) - study.scores(starts, targets)
    total = sum(a.reshape(len(a), -1).sum(axis=1) for a in found)
    _warn_of_missing(np.asarray(total), difference, steps)
    return study.in_form([a.astype(study.dtype) for a in found], x)


def _mean_gradients(
    study: Study,
    targets: NDArray[np.intp],
    points: Callable[[int], list[Array]],
    count: int,
) -> list[NDArray[np.float64]]:
    """Return the mean of the gradients at points(0) ... points(count - 1).

    With few samples a batch has several points.
    """
    group, sums = max(BATCH // len(targets), 1), list[NDArray[np.float64]]()
    for first in range(0, count, group):
        some = [points(k) for k in range(first, min(first + group, count))]
        xs = [np.concatenate(arrays) for arrays in zip(*some, strict=True)]
        slopes = study.gradients(xs, np.tile(targets, len(some)))
        sums = sums or [np.zeros(x.shape, np.float64) for x in some[0]]
        for total, slope in zip(sums, slopes, strict=True):
            total += slope.reshape(len(some), *total.shape).sum(axis=0)
    return [total / count for total in sums]


def _warn_of_missing(total: Array, difference: Array, steps: int) -> None:
    scale = np.maximum(np.abs(difference), 1e-2 * np.abs(difference).max(initial=0))
    missed = np.abs(total - difference) > np.maximum(MISSED * scale, 1e-5)
    if missed.any():
        n = int(missed.argmax())
        warn(
            f"the integrated gradients of {int(missed.sum())} of {len(missed)} samples "
            f"miss the difference of scores by more than {MISSED:.0%}; of sample {n} "
            f"they add up to {total[n]:.4g} instead of {difference[n]:.4g}: use more "
            f"steps than {steps}"
        )


def _per_sample(function: Any, x: Array) -> Array:
    """Return a number for every sample, with as many axes as x."""
    found: Array = function(x, axis=tuple(range(1, x.ndim)), keepdims=True)
    return found


def _baselines(baseline: Any, xs: list[Array]) -> list[Array]:
    """Return the baseline as one array for each x, of its shape."""
    given = baseline if isinstance(baseline, (list, tuple)) and len(xs) > 1 else None
    if given is not None and len(given) != len(xs):
        raise ValueError(
            f"baseline must have one entry for each of {len(xs)} inputs, got "
            f"{len(given)}"
        )
    found = []
    for k, x in enumerate(xs):
        one = as_numbers(baseline if given is None else given[k], "baseline")
        if one.shape not in ((), x.shape, x.shape[1:]):
            raise ValueError(
                f"baseline must be a number, a sample of shape {x.shape[1:]} or an "
                f"array of shape {x.shape}, got shape {one.shape}"
            )
        array = np.empty_like(x)
        array[...] = one
        found.append(finite(array, "baseline"))
    return found
