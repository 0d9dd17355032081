"""What all pictures share: an empty figure, images in a grid, a figure for a page."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.inputs import as_numbers

TRAINING, VALIDATION = "#0072b2", "#d55e00"  # their line styles differ, too


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure of a size in inches.

    Raises ImportError, with the name of the extra, without matplotlib.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise ImportError(
            'pictures need matplotlib: pip install "sora-np[plot]"'
        ) from None
    from .picture import Picture

    return Picture((width, height), layout="constrained")


def as_images(x: ArrayLike) -> NDArray[Any]:
    """Return x as one or more grey or colour images (N, H, W, C).

    Raises ValueError for other arrays.
    """
    images = as_numbers(x)
    if images.ndim != 4 or images.shape[3] not in (1, 3) or not len(images):
        raise ValueError(
            f"x must be images (N, H, W, C) with C = 1 or 3, got shape {images.shape}"
        )
    return images


def scaled(images: ArrayLike) -> NDArray[np.float64]:
    """Return numbers scaled to [0, 1], all by one scale; NaN and infinity become 0.

    >>> scaled([[-2, 0], [2, np.nan]])
    array([[0. , 0.5],
           [1. , 0. ]])
    """
    values = as_numbers(images, "images", np.float64)
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros_like(values)
    low = values.min(where=finite, initial=np.inf)
    high = values.max(where=finite, initial=-np.inf)
    return np.where(finite, (values - low) / (high - low if high > low else 1), 0)


def grid(figure: Any, cells: int, columns: int) -> list[Any]:
    """Return axes without ticks for a number of cells, in rows of a given length."""
    rows = max(-(-cells // columns), 1)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    for ax in axes[cells:]:
        ax.remove()
    return list(axes[:cells])


def draw_image(ax: Any, image: NDArray[Any]) -> None:
    """Draw one image (H, W, C) whose numbers are in [0, 1]."""
    grey = image.shape[2] == 1
    ax.imshow(image[:, :, 0] if grey else image, "gray", vmin=0, vmax=1)
    ax.set_axis_off()


def names_of(names: Sequence[str] | None, classes: int) -> list[str]:
    """Return the names of the classes, their numbers by default.

    Raises ValueError for more or fewer names than classes.
    """
    if names is None:
        return [str(k) for k in range(classes)]
    if len(names) != classes:
        raise ValueError(f"expected {classes} names, one a class, got {len(names)}")
    return [plain(name) for name in names]


def plain(name: object) -> str:
    r"""Return a name with escaped ``$``, because matplotlib reads two as a formula.

    >>> print(plain("5$"))
    5\$
    """
    return str(name).replace("$", r"\$")


def svg_of(figure: Any) -> str:
    """Return a figure as a ``data:`` address for a page, the same for the same data."""
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "sora_np"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()
