"""Grad-CAM: where in the image a convolution found what supports a class."""

from typing import Any

import numpy as np

from sora_np.kernels.machine.arrays import Array
from sora_np.layers import Layer

from .study import Study, parts


def grad_cam(
    model: Any, x: Any, target: Any = None, layer: str | Layer | None = None
) -> Array:
    """Return where a layer's maps support a class, in the layer's rows and columns.

    With A the output (H, W, C) of the layer, its activation included, each channel is
    weighted by the mean gradient of the score::

        w[c] = 1/(H W) sum_ij dS_t / dA[i, j, c]
        L[i, j] = max(0, sum_c w[c] A[i, j, c])

    Source: Selvaraju et al. (2017), "Grad-CAM: visual explanations from deep networks
    via gradient-based localization", 3.

    Parameters
    ----------
    model : built, with one output (N, K); a graph with branches, shared layers and
        several inputs, too
    x : (N, ...), as ``model.predict`` takes it; for several inputs a list or dictionary
    target : class numbers (N,), or one for all; None for the classes predicted
    layer : the layer or its name, "model/layer" for one within a model, "layer:2" for
        the second use of a shared one, as in ``model.layer_outputs``; None for the last
        layer with parameters whose output has rows and columns

    Returns
    -------
    (N, H, W), not negative; :func:`plot_grad_cam` lays it over the images

    Raises
    ------
    RuntimeError : for a model that is not built
    TypeError, ValueError : for x or target that do not fit, NaN in x, several outputs,
        a name that no layer has, a layer without rows and columns

    Examples
    --------
    >>> from sora_np import Conv2D, Dense, Flatten, GlobalAveragePooling2D, Sequential
    >>> layers = [Conv2D(1, 1, input_shape=(2, 2, 1)), GlobalAveragePooling2D()]
    >>> model = Sequential([*layers, Dense(2, "softmax")])
    >>> model.set_weights([[[[[1.0]]]], [0.0], [[2.0, -1.0]], [0.0, 0.0]])
    >>> x = np.array([[[[1.0], [0.0]], [[-3.0], [4.0]]]])
    >>> grad_cam(model, x, 0, "conv2d")  # w = 2/4
    array([[[0.5, 0. ],
            [0. , 2. ]]], dtype=float32)
    """
    study = Study(model)
    place = _last_with_rows(study) if layer is None else study.place(layer)
    shape = study.model.graph.nodes[place].output_shape
    if len(shape) != 3:
        maps = [name for name, shape in _shapes(study) if len(shape) == 3]
        raise ValueError(
            f"Grad-CAM takes a layer whose output has rows, columns and channels; that "
            f"of {study.names[place]!r} has the shape (N, {', '.join(map(str, shape))})"
            f". Layers that have them: {', '.join(maps) or 'none'}"
        )
    xs = study.inputs(x)
    targets = study.targets(target, xs)
    found, value = [], len(xs) + place
    for part in parts(len(targets)):
        values, slopes = study.slopes([x[part] for x in xs], targets[part])
        activation = values[value].astype(np.float64)
        slope = slopes.get(value, np.zeros_like(activation))
        weights = slope.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
        found.append(np.maximum((weights * activation).sum(axis=3), 0))
    return np.concatenate(found).astype(study.dtype)


def has_maps(model: Any) -> bool:
    """Whether a layer with parameters has an output with rows and columns."""
    return any(len(n.output_shape) == 3 and bool(n.layer.params) for n in model.nodes)


def _shapes(study: Study) -> list[tuple[str, Any]]:
    nodes = study.model.graph.nodes
    shapes = [node.output_shape for node in nodes]
    return list(zip(study.names, shapes, strict=True))


def _last_with_rows(study: Study) -> int:
    nodes = study.model.graph.nodes
    for k in reversed(range(len(nodes))):
        if len(nodes[k].output_shape) == 3 and nodes[k].layer.params:
            return k
    raise ValueError(
        "Grad-CAM needs a layer with rows and columns, such as Conv2D, got a model "
        f"with {', '.join(study.names)}"
    )
