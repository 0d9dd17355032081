"""Occlusion: by how much the score of a class falls where a window covers x."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sora_np.common.arguments import as_count
from sora_np.common.inputs import as_numbers
from sora_np.kernels.machine.arrays import Array, Shape

from .study import BATCH, Study, finite


def occlusion(
    model: Any,
    x: Any,
    target: Any = None,
    window: int | Sequence[int] = 3,
    stride: int | Sequence[int] = 1,
    *,
    baseline: float = 0,
) -> Array:
    """Return by how much the score of a class falls where x is covered.

    A window moves over the rows and columns of x (N, H, W, C), over the steps of
    (N, L, C), or over the numbers of (N, D).  Covered numbers become the baseline, in
    all channels.  With W_k the places under window k::

        a[p] = 1/|{k: p in W_k}| sum_{k: p in W_k} S_t(x) - S_t(x with W_k covered)

    No gradient is needed, only predictions, one for each place of the window.  Windows
    begin every ``stride`` places; the last ones may reach beyond the border, so that
    every place is covered.

    Source: Zeiler & Fergus (2014), "Visualizing and understanding convolutional
    networks", 4.2; the difference of scores as in Ancona et al. (2018), "Towards better
    understanding of gradient-based attribution methods".

    Parameters
    ----------
    model : built, with one input and one output (N, K)
    x : (N, ...), as ``model.predict`` takes it
    target : class numbers (N,), or one for all; None for the classes predicted
    window : its size, one number or one for each axis that it moves along
    stride : likewise; at most the window, so that every place is covered
    baseline : the value of covered numbers

    Returns
    -------
    an array of x's shape, with signs; the same in all channels

    Raises
    ------
    RuntimeError : for a model that is not built
    TypeError, ValueError : for x, target, window or stride that do not fit, several
        inputs, NaN in x

    Examples
    --------
    >>> from sora_np import Dense, Sequential
    >>> model = Sequential([Dense(2, "softmax", input_shape=(4,))])
    >>> kernel = [[1.0, 0.0], [-2.0, 1.0], [0.0, 4.0], [3.0, 0.0]]
    >>> model.set_weights([kernel, [0.0, 0.0]])
    >>> occlusion(model, np.ones((1, 4)), 0, window=2, stride=2)  # 1 - 2, and 0 + 3
    array([[-1., -1.,  3.,  3.]], dtype=float32)
    """
    study = Study(model)
    xs = study.inputs(x)
    if len(xs) > 1:
        raise ValueError(
            f"occlusion needs a model with one input, got {len(xs)}: use "
            "integrated_gradients, or a Model of one of the inputs"
        )
    images, targets = xs[0], study.targets(target, xs)
    axes = images.shape[1:-1] or images.shape[1:]
    sizes, steps = _sizes(window, axes, "window"), _sizes(stride, axes, "stride")
    for size, step, length in zip(sizes, steps, axes, strict=True):
        if size > length:
            raise ValueError(
                f"the window {sizes} is larger than x, which has {axes} places "
                "(rows, columns): take a smaller one"
            )
        if step > size:
            raise ValueError(
                f"stride {steps} is larger than the window {sizes}: places between "
                "the windows would never be covered"
            )
    cover = finite(as_numbers(baseline, "baseline", study.dtype), "baseline")
    if cover.ndim:
        raise ValueError(f"baseline must be one number, got shape {cover.shape}")
    score = study.scores(xs, targets)
    total = np.zeros((len(images), *axes), np.float64)
    count = np.zeros(axes, np.float64)
    places = list(windows(axes, sizes, steps))
    group = max(BATCH // len(images), 1)  # with few samples, several windows a batch
    for first in range(0, len(places), group):
        some = places[first : first + group]
        covered = np.repeat(images[None], len(some), axis=0)
        for one, place in zip(covered, some, strict=True):
            one[(slice(None), *place)] = cover
        batch = covered.reshape(-1, *images.shape[1:])
        scores = study.scores([batch], np.tile(targets, len(some)))
        for lost, place in zip(
            score - scores.reshape(len(some), -1), some, strict=True
        ):
            total[(slice(None), *place)] += lost.reshape(-1, *[1] * len(axes))
            count[place] += 1
    mean = (total / count).astype(study.dtype)
    if images.ndim == mean.ndim:
        return mean
    return np.repeat(mean[..., None], images.shape[-1], axis=-1)


def windows(axes: Shape, sizes: Shape, steps: Shape) -> Iterator[tuple[slice, ...]]:
    """Yield the places of a window, as slices of every axis.

    >>> list(windows((5,), (3,), (2,)))
    [(slice(0, 3, None),), (slice(2, 5, None),)]
    """
    starts = [
        range(0, -(-(length - size) // step) * step + 1, step)
        for length, size, step in zip(axes, sizes, steps, strict=True)
    ]
    for corner in itertools.product(*starts):
        yield tuple(
            slice(start, min(start + size, length))
            for start, size, length in zip(corner, sizes, axes, strict=True)
        )


def _sizes(value: int | Sequence[int], axes: Shape, name: str) -> Shape:
    given = list(value) if isinstance(value, (list, tuple)) else [value] * len(axes)
    if len(given) != len(axes):
        raise ValueError(
            f"{name} must be one number, or one for each of the {len(axes)} axes that "
            f"it moves along, got {value!r}"
        )
    return tuple([as_count(one, name) for one in given])
