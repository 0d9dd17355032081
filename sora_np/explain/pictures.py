"""Pictures of explanations; the extra ``plot`` (matplotlib)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.inputs import as_numbers
from sora_np.plots.figure import (
    as_images,
    draw_image,
    grid,
    new_figure,
    plain,
    scaled,
)

from .features import Nearest

MARKERS = "os^Dv"


def plot_attribution(
    x: ArrayLike, attribution: ArrayLike, titles: Sequence[str] | None = None
) -> Any:
    """Return a figure of images, each with its attribution beside it.

    Attributions with signs are added up over the channels, blue below 0 and red above.
    Of attributions without signs the picture shows the largest channel, dark to bright.
    Each picture has its own scale, up to its largest absolute value.

    Source: Simonyan, Vedaldi & Zisserman (2013), 3.1, for the largest of the channels.

    Parameters
    ----------
    x : images (N, H, W, C) with 1 or 3 channels
    attribution : an array of x's shape, such as :func:`saliency` returns
    titles : above each, such as the class

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError : without matplotlib, the extra ``plot``
    ValueError : for what are no images, another shape, another number of titles

    Examples
    --------
    >>> x = np.zeros((2, 4, 4, 1))
    >>> figure = plot_attribution(x, x - 1, ["cat", "dog"])
    >>> [ax.get_title() for ax in figure.axes]
    ['cat', '', 'dog', '']
    """
    images, values = as_images(x), as_numbers(attribution, "attribution", np.float64)
    if values.shape != images.shape:
        raise ValueError(
            f"attribution must have x's shape {images.shape}, got {values.shape}"
        )
    names = _titles(titles, len(images))
    has_signs = bool((values < 0).any())
    shown = values.sum(axis=3) if has_signs else values.max(axis=3)
    figure = new_figure(3.4, 1.7 * len(images) + 0.2)
    axes = grid(figure, 2 * len(images), 2)
    for n, image in enumerate(scaled(images)):
        draw_image(axes[2 * n], image)
        axes[2 * n].set_title(names[n], size=8)
        limit = float(np.abs(shown[n]).max()) or 1.0
        low, colours = (-limit, "RdBu_r") if has_signs else (0, "magma")
        axes[2 * n + 1].imshow(shown[n], colours, vmin=low, vmax=limit)
    return figure.make_legible()


def plot_grad_cam(
    x: ArrayLike, maps: ArrayLike, titles: Sequence[str] | None = None
) -> Any:
    """Return a figure of images, and of Grad-CAM's maps laid over them.

    Each map is scaled to the size of the image by bilinear interpolation.  Each map has
    its own scale, from 0 to its largest value: bright colours mark
    places that support the class, dark ones places that do not.

    Source: Selvaraju et al. (2017), "Grad-CAM", figure 1.

    Parameters
    ----------
    x : images (N, H, W, C) with 1 or 3 channels
    maps : (N, rows, columns), as :func:`grad_cam` returns them
    titles : above each, such as the class

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError : without matplotlib, the extra ``plot``
    ValueError : for what are no images, no maps, another number of titles

    Examples
    --------
    >>> figure = plot_grad_cam(np.zeros((2, 8, 8, 1)), np.ones((2, 3, 3)))
    >>> [len(ax.images) for ax in figure.axes]
    [1, 2, 1, 2]
    """
    images, values = as_images(x), as_numbers(maps, "maps", np.float64)
    if values.ndim != 3 or len(values) != len(images):
        raise ValueError(
            f"maps must have the shape ({len(images)}, rows, columns), got "
            f"{values.shape}"
        )
    names = _titles(titles, len(images))
    height, width = images.shape[1:3]
    figure = new_figure(3.4, 1.7 * len(images) + 0.2)
    axes = grid(figure, 2 * len(images), 2)
    for n, image in enumerate(scaled(images)):
        for ax in axes[2 * n : 2 * n + 2]:
            draw_image(ax, image)
        axes[2 * n].set_title(names[n], size=8)
        limit = float(values[n].max()) or 1.0
        axes[2 * n + 1].imshow(
            values[n],
            "magma",
            vmin=0,
            vmax=limit,
            alpha=0.6,
            extent=(-0.5, width - 0.5, height - 0.5, -0.5),
            interpolation="bilinear",
        )
    return figure.make_legible()


def plot_maximization(x: ArrayLike, titles: Sequence[str] | None = None) -> Any:
    """Return a figure of the inputs that :func:`activation_maximization` found.

    Source: Simonyan, Vedaldi & Zisserman (2013), figure 1.

    Parameters
    ----------
    x : images (N, H, W, C) with 1 or 3 channels
    titles : above each, such as the class

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError : without matplotlib, the extra ``plot``
    ValueError : for what are no images, another number of titles

    Examples
    --------
    >>> figure = plot_maximization(np.zeros((2, 8, 8, 1)), ["cat", "dog"])
    >>> [ax.get_title() for ax in figure.axes]
    ['cat', 'dog']
    """
    images = as_images(x)
    names = _titles(titles, len(images))
    columns = min(len(images), 5)
    figure = new_figure(max(1.7 * columns, 2), 1.9 * -(-len(images) // columns))
    for ax, image, name in zip(
        grid(figure, len(images), columns), images, names, strict=True
    ):
        draw_image(ax, scaled(image))
        ax.set_title(name, size=8)
    return figure.make_legible()


def plot_embedding(
    places: ArrayLike, labels: ArrayLike, names: Sequence[str] | None = None
) -> Any:
    """Return a figure of samples as points of a plane, each class with a colour.

    From the eleventh class on, the markers differ, too.

    Source: van der Maaten & Hinton (2008), figure 2.

    Parameters
    ----------
    places : (N, 2), as :func:`pca` and :func:`tsne` return them
    labels : (N,), whole numbers from 0
    names : of the classes; by default their numbers

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError : without matplotlib, the extra ``plot``
    ValueError : for shapes that do not fit one another, or fewer names than classes

    Examples
    --------
    >>> figure = plot_embedding([[0.0, 1.0], [2.0, 3.0]], [0, 1], ["cat", "dog"])
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['cat', 'dog']
    """
    points = as_numbers(places, "places", np.float64)
    classes: NDArray[Any] = as_numbers(labels, "labels")
    if points.ndim != 2 or points.shape[1] != 2 or classes.shape != points.shape[:1]:
        raise ValueError(
            "places must have the shape (N, 2), and labels (N,), got "
            f"{points.shape} and {classes.shape}"
        )
    numbers = sorted({int(k) for k in classes})
    if (
        names is not None
        and numbers
        and not 0 <= numbers[0] <= numbers[-1] < len(names)
    ):
        raise ValueError(
            f"labels go from {numbers[0]} to {numbers[-1]}, but there are {len(names)} "
            "names"
        )
    figure = new_figure(5.6, 4.2)
    ax = figure.subplots()
    for k in numbers:
        some = points[classes == k]
        label = str(k) if names is None else plain(names[k])
        marker = MARKERS[k // 10 % len(MARKERS)]  # there are ten colours
        ax.plot(*some.T, marker, linestyle="", markersize=3, alpha=0.7, label=label)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
    return figure.make_legible()


def plot_nearest(x: ArrayLike, x_train: ArrayLike, nearest: Nearest) -> Any:
    """Return a figure of images, each with the training images nearest to it.

    Source: Krizhevsky, Sutskever & Hinton (2012), figure 4.

    Parameters
    ----------
    x, x_train : images (N, H, W, C) and (M, H, W, C) with 1 or 3 channels
    nearest : what :func:`nearest_samples` returned

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError : without matplotlib, the extra ``plot``
    ValueError : for what are no images, or another number of them

    Examples
    --------
    >>> x, nearest = np.zeros((1, 4, 4, 1)), Nearest(np.array([[1]]), np.array([[0.5]]))
    >>> figure = plot_nearest(x, np.zeros((3, 4, 4, 1)), nearest)
    >>> [ax.get_title() for ax in figure.axes]
    ['0', '1: 0.5']
    """
    images, train = as_images(x), as_images(x_train)
    places, distances = nearest
    if len(places) != len(images):
        raise ValueError(
            f"expected neighbours of {len(images)} images, got {len(places)}"
        )
    columns = 1 + places.shape[1]
    figure = new_figure(1.4 * columns, 1.6 * len(images))
    axes = grid(figure, columns * len(images), columns)
    for n, image in enumerate(images):
        row = axes[n * columns : (n + 1) * columns]
        draw_image(row[0], scaled(image))
        row[0].set_title(str(n), size=8)
        for ax, place, far in zip(row[1:], places[n], distances[n], strict=True):
            draw_image(ax, scaled(train[place]))
            ax.set_title(f"{place}: {far:.3g}", size=8)
    return figure.make_legible()


def _titles(titles: Sequence[str] | None, count: int) -> list[str]:
    if titles is None:
        return [""] * count
    if len(titles) != count:
        raise ValueError(f"expected {count} titles, one an image, got {len(titles)}")
    return [plain(title) for title in titles]
