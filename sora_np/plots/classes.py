"""Pictures of a classifier's predictions and mistakes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.inputs import as_numbers
from sora_np.datasets.image_folder import ImageFolder
from sora_np.metrics import confusion_matrix

from .figure import as_images, draw_image, grid, names_of, new_figure, scaled


def plot_confusion_matrix(
    y_true: ArrayLike, y_pred: ArrayLike, names: Sequence[str] | None = None
) -> Any:
    """Return a figure of the confusion matrix.

    A row is a true class, a column a predicted class; shades are shares of the row.

    Parameters
    ----------
    y_true, y_pred : labels (N,), whole numbers from 0
    names : of the classes; by default their numbers

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError : without matplotlib, the extra ``plot``
    ValueError : for invalid labels, or more classes than names

    Examples
    --------
    >>> figure = plot_confusion_matrix([0, 0, 1], [0, 1, 1], ["cat", "dog"])
    >>> figure.savefig("matrix.png")  # doctest: +SKIP
    """
    matrix = confusion_matrix(y_true, y_pred, None if names is None else len(names))
    names = names_of(names, len(matrix))
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    size = 2.5 + 0.5 * min(len(names), 60)
    figure = new_figure(size, size)
    ax = figure.subplots()
    ax.imshow(shares, "Blues", vmin=0, vmax=1)
    places = range(len(names))
    ax.set_xticks(places, names, rotation=90)
    ax.set_yticks(places, names)
    ax.set(xlabel="predicted class", ylabel="true class")
    correct, samples = int(matrix.trace()), int(matrix.sum())
    ax.set_title(f"{correct} of {samples} right, {correct / max(samples, 1):.1%}")
    if len(names) <= 30:  # more are too small to read
        for (i, j), count in np.ndenumerate(matrix):
            colour = "white" if shares[i, j] > 0.5 else "black"
            ax.text(j, i, count, ha="center", va="center", color=colour, size=8)
    return figure.make_legible()


def plot_mistakes(
    x: Any,
    y_true: ArrayLike | None,
    y_pred: ArrayLike,
    names: Sequence[str] | None = None,
    count: int = 12,
) -> Any:
    """Return a figure of the wrong predictions with the largest probabilities.

    The title of each image gives the predicted class, its probability, and the true
    class.

    Parameters
    ----------
    x : images (N, H, W, C) with 1 or 3 channels; or a result of
        ``image_dataset_from_directory``, and then the picture shows file names
    y_true : labels (N,) or one-hot rows (N, K); None for those of the folder
    y_pred : probabilities (N, K), as ``model.predict(x)`` gives
    names : of the classes; by default their numbers
    count : how many images at most

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError : without matplotlib, the extra ``plot``
    ValueError : for shapes that do not fit one another

    Examples
    --------
    >>> x = np.zeros((2, 4, 4, 1))
    >>> figure = plot_mistakes(x, [0, 1], [[0.1, 0.9], [0.2, 0.8]], ["cat", "dog"])
    >>> print(figure.axes[0].get_title())
    dog 90.0%
    is cat
    """
    files = None
    if isinstance(x, ImageFolder):
        files, names = [path.name for path in x.file_paths], names or x.class_names
        y_true = x.labels if y_true is None else y_true
        x = x.arrays()[0]
    images, probabilities = as_images(x), as_numbers(y_pred, "y_pred")
    labels = as_numbers(y_true, "y_true")
    if labels.shape == probabilities.shape:
        labels = labels.argmax(axis=-1)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(
            "y_true must be labels (N,) or one-hot rows, and y_pred probabilities "
            f"(N, K), got shapes {labels.shape} and {probabilities.shape}"
        )
    if len(images) != len(labels):
        raise ValueError(f"expected {len(images)} labels, got {len(labels)}")
    names = names_of(names, probabilities.shape[1])
    worst = worst_mistakes(labels, probabilities)
    total, worst = len(worst), worst[:count]
    columns = min(max(len(worst), 1), 6)
    rows = max(-(-len(worst) // columns), 1)
    figure = new_figure(max(1.7 * columns, 4), 2.1 * rows + 0.4)
    figure.suptitle(f"{total} of {len(labels)} samples are taken for another class")
    shown = scaled(images[worst]) if len(worst) else images
    for ax, sample, image in zip(
        grid(figure, len(worst), columns), worst, shown, strict=False
    ):
        draw_image(ax, image)
        taken, true = int(probabilities[sample].argmax()), int(labels[sample])
        sure = float(probabilities[sample, taken])
        title = f"{names[taken]} {sure:.1%}\nis {names[true]}"
        ax.set_title(title + (f"\n{files[sample]}" if files else ""), size=8)
    return figure.make_legible()


def worst_mistakes(
    labels: NDArray[Any], probabilities: NDArray[Any]
) -> NDArray[np.intp]:
    """Return the wrong predictions, those with the largest probability first.

    >>> worst_mistakes(np.array([0, 1, 0]), np.array([[0.4, 0.6], [0, 1], [0.1, 0.9]]))
    array([2, 0])
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]
