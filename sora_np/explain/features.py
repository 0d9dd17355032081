"""Outputs of layers: maps, filters, vectors, and which samples are similar."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.common.arguments import as_count
from sora_np.common.inputs import as_numbers
from sora_np.common.names import look_up
from sora_np.engine.layer_by_layer import forward
from sora_np.kernels.machine.arrays import Array
from sora_np.layers import Layer

from .study import Study, finite, parts

METRICS = {"euclidean": "euclidean", "cosine": "cosine"}


def feature_maps(model: Any, x: Any, layer: str | Layer) -> Array:
    """Return the output of a layer for samples, as in prediction.

    ``sora_np.plots.plot_feature_maps`` draws the maps of all layers.

    Source: Zeiler & Fergus (2014), "Visualizing and understanding convolutional
    networks".

    Parameters
    ----------
    model : built
    x : (N, ...), as ``model.predict`` takes it; for several inputs a list or dictionary
    layer : the layer, or its name as ``model.layer_outputs`` has it

    Returns
    -------
    (N, *shape) of the layer's output

    Raises
    ------
    RuntimeError : for a model that is not built
    TypeError, ValueError : for an x that does not fit, NaN in it, an unknown layer

    Examples
    --------
    >>> from sora_np import Conv2D, Sequential
    >>> model = Sequential([Conv2D(2, 3, input_shape=(8, 8, 1), name="edges")])
    >>> feature_maps(model, np.zeros((5, 8, 8, 1)), "edges").shape
    (5, 6, 6, 2)
    """
    study = Study(model, at=layer)
    return _values(study, study.inputs(x))


def filters(model: Any, layer: str | Layer) -> Array:
    """Return the filters of a convolution, with the filters as first axis.

    ``sora_np.plots.plot_filters`` draws them.

    Source: Krizhevsky, Sutskever & Hinton (2012), "ImageNet classification with deep
    convolutional neural networks", 6.1.

    Parameters
    ----------
    model : built
    layer : the layer, or its name as ``model.layer_outputs`` has it

    Returns
    -------
    a copy (O, rows, columns, C) of the kernel (rows, columns, C, O)

    Raises
    ------
    RuntimeError : for a model that is not built
    ValueError : for an unknown layer, or one without such a kernel

    Examples
    --------
    >>> from sora_np import Conv2D, Sequential
    >>> model = Sequential([Conv2D(2, 3, input_shape=(8, 8, 1), name="edges")])
    >>> filters(model, "edges").shape
    (2, 3, 3, 1)
    """
    study = Study(model, at=layer)
    kernel = study.model.nodes[study.place(layer)].layer.params.get("kernel")
    if kernel is None or kernel.ndim != 4:
        raise ValueError(
            f"layer must have a kernel (rows, columns, channels, filters) like Conv2D, "
            f"got {layer!r}"
        )
    return np.ascontiguousarray(np.moveaxis(kernel, 3, 0))


def embeddings(model: Any, x: Any, layer: str | Layer | None = None) -> Array:
    """Return the output of a layer for each sample as a vector.

    Samples with similar vectors are similar for the model; :func:`pca` and :func:`tsne`
    project the vectors to a plane.

    Source: Krizhevsky, Sutskever & Hinton (2012), "ImageNet classification with deep
    convolutional neural networks", 6.1.

    Parameters
    ----------
    model, x : as in :func:`feature_maps`
    layer : the layer or its name; None for the input of the last layer with parameters

    Returns
    -------
    (N, D): the output of the layer, its numbers in a row

    Raises
    ------
    RuntimeError, TypeError, ValueError : as :func:`feature_maps`

    Examples
    --------
    >>> from sora_np import Dense, Sequential
    >>> model = Sequential([Dense(7, "relu", input_shape=(3,)), Dense(2, "softmax")])
    >>> embeddings(model, np.ones((5, 3))).shape
    (5, 7)
    """
    if layer is not None:
        maps = feature_maps(model, x, layer)
        return maps.reshape(len(maps), -1)
    study = Study(model)
    xs, nodes = study.inputs(x), study.graph.nodes
    learnt = [node for node in nodes if node.layer.params]
    end = learnt[-1].inputs[0] if learnt else study.graph.outputs[0]
    found = []
    for part in parts(len(xs[0])):
        some = [x[part] for x in xs]
        values = forward(nodes[: max(end - len(xs) + 1, 0)], some)
        found.append(values[end].reshape(len(some[0]), -1))
    return np.concatenate(found)


def pca(vectors: Any, components: int = 2) -> Array:
    """Return the coordinates of vectors along the directions in which they vary most.

    With the singular value decomposition ``U S V' = vectors - mean``, the coordinates
    are the first columns of ``U S``.  The sign of a direction is arbitrary; here its
    largest entry is positive.

    Source: Pearson (1901), "On lines and planes of closest fit to systems of points in
    space".

    Parameters
    ----------
    vectors : (N, D)
    components : how many directions

    Returns
    -------
    (N, components), float64

    Raises
    ------
    TypeError, ValueError : for other shapes, NaN, or more components than N or D

    Examples
    --------
    >>> pca([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]], 1).round(6)  # 5 apart, on a line
    array([[-5.],
           [ 0.],
           [ 5.]])
    """
    points = _vectors(vectors, "vectors")
    components = as_count(components, "components")
    if components > min(points.shape):
        raise ValueError(
            f"components must be {min(points.shape)} at most, for {len(points)} "
            f"vectors of {points.shape[1]} numbers, got {components}"
        )
    u, s, vt = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    largest = np.abs(vt).argmax(axis=1)
    signs = np.where(vt[np.arange(len(vt)), largest] < 0, -1, 1)
    return np.asarray((u * s * signs)[:, :components])


def tsne(
    vectors: Any, components: int = 2, *, perplexity: float = 30, seed: int = 0
) -> Array:
    """Return points of a plane where similar vectors are near, by scikit-learn's t-SNE.

    Distances between groups, and their sizes, have no meaning.

    Source: van der Maaten & Hinton (2008), "Visualizing data using t-SNE".

    Parameters
    ----------
    vectors : (N, D)
    components : 2 or 3
    perplexity : about how many neighbours count; less than N
    seed : of the initial points

    Returns
    -------
    (N, components)

    Raises
    ------
    ImportError : without scikit-learn, the extra ``explain``
    TypeError, ValueError : for other shapes, NaN, a perplexity that is not below N

    Examples
    --------
    >>> tsne(np.eye(8), perplexity=3).shape
    (8, 2)
    """
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        raise ImportError(
            't-SNE needs scikit-learn: pip install "sora-np[explain]"; pca does without'
        ) from None
    points = _vectors(vectors, "vectors")
    if not 0 < perplexity < len(points):
        raise ValueError(
            f"perplexity must be between 0 and {len(points)}, the number of vectors, "
            f"got {perplexity!r}"
        )
    made = TSNE(components, perplexity=perplexity, init="pca", random_state=seed)
    return np.asarray(made.fit_transform(points))


class Nearest(NamedTuple):
    """Which samples are nearest, the nearest first.

    Attributes
    ----------
    places : (N, count), rows of the training data
    distances : (N, count)
    """

    places: NDArray[np.intp]
    distances: NDArray[np.float64]


def nearest_samples(
    model: Any,
    x: Any,
    x_train: Any,
    layer: str | Layer | None = None,
    count: int = 5,
    *,
    metric: str = "euclidean",
) -> Nearest:
    """Return the training samples that are most similar to x for the model.

    Distances are those of :func:`embeddings`: ``||e(x) - e(x_train)||``, or
    ``1 - cos(e(x), e(x_train))``.

    Source: Krizhevsky, Sutskever & Hinton (2012), 6.1; Papernot & McDaniel (2018),
    "Deep k-nearest neighbors".

    Parameters
    ----------
    model, layer : as in :func:`embeddings`
    x, x_train : (N, ...) and (M, ...)
    count : how many, at most M
    metric : "euclidean" or "cosine"

    Returns
    -------
    Nearest : places (N, count) in x_train, and distances (N, count)

    Raises
    ------
    RuntimeError, TypeError, ValueError : as :func:`embeddings`; for a count above M and
        an unknown metric

    Examples
    --------
    >>> from sora_np import Dense, Sequential
    >>> model = Sequential([Dense(1, input_shape=(2,), name="e"), Dense(2, "softmax")])
    >>> model.set_weights([[[1.0], [0.0]], [0.0], [[1.0, 1.0]], [0.0, 0.0]])
    >>> train = [[0.0, 5.0], [4.0, 0.0], [1.0, 9.0]]
    >>> nearest_samples(model, [[1.0, 0.0]], train, "e", 2)
    Nearest(places=array([[2, 0]]), distances=array([[0., 1.]]))
    """
    from scipy.spatial.distance import cdist  # here: it takes long to import

    look_up(METRICS, metric, "metric")
    ours = embeddings(model, x, layer).astype(np.float64)
    theirs = embeddings(model, x_train, layer).astype(np.float64)
    count = as_count(count, "count")
    if count > len(theirs):
        raise ValueError(
            f"count must be {len(theirs)} at most, the samples of x_train, got {count}"
        )
    places, distances = [], []
    for part in parts(len(ours)):
        apart = cdist(ours[part], theirs, metric)
        order = np.argsort(apart, axis=1, kind="stable")[:, :count]
        places.append(order)
        distances.append(np.take_along_axis(apart, order, axis=1))
    return Nearest(np.concatenate(places), np.concatenate(distances))


def _values(study: Study, xs: list[Array]) -> Array:
    """Return the last value of a study's graph, for all samples."""
    end, found = study.graph.outputs[0], []
    for part in parts(len(xs[0])):
        found.append(forward(study.graph.nodes, [x[part] for x in xs])[end])
    return np.concatenate(found)


def _vectors(vectors: Any, name: str) -> NDArray[np.float64]:
    points = as_numbers(vectors, name, np.float64)
    if points.ndim != 2 or not points.size:
        raise ValueError(f"{name} must have the shape (N, D), got {points.shape}")
    finite(points, name)
    return points
