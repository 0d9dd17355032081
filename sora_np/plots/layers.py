"""Pictures of the filters of convolutions, and of an image in every layer."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sora_np.common.inputs import as_numbers
from sora_np.engine.network import Network
from sora_np.layers import Conv2D

from .figure import as_images, draw_image, grid, new_figure, plain, scaled


def plot_filters(layer: Conv2D, count: int = 64) -> Any:
    """Return a figure of the filters of a convolution.

    A filter over one channel is an image, blue below 0 and red above; over three
    channels it is a colour image, with 0 as grey; over other numbers of channels it is
    a row of images, one for each channel.  All have the same scale.

    Parameters
    ----------
    layer : a Conv2D that has been built
    count : show at most the first ``count`` filters, and 16 channels of each

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError : without matplotlib, the extra ``plot``
    TypeError, ValueError : for another layer, or one that is not built

    Examples
    --------
    >>> layer = Conv2D(4, 3)
    >>> y = layer(np.ones((1, 8, 8, 1), np.float32))
    >>> figure = plot_filters(layer)
    >>> figure.get_suptitle()
    'conv2d: 4 filters of 3 x 3 x 1'
    """
    if not isinstance(layer, Conv2D):
        raise TypeError(f"plot_filters takes a Conv2D, got {layer!r}")
    if "kernel" not in layer.params:
        raise ValueError(f"{layer} is not built: it has no filters yet")
    kernel = np.asarray(layer.params["kernel"])
    height, width, channels, filters = kernel.shape
    limit = float(np.abs(kernel).max()) or 1.0
    shown = min(filters, count)
    rows = channels not in (1, 3)
    columns = min(channels, 16) if rows else min(shown, 8)
    cells = shown * columns if rows else shown
    figure = new_figure(
        max(0.7 * columns + 0.9, 4), max(0.75 * -(-cells // columns) + 0.6, 1.5)
    )
    title = f"{plain(layer.name)}: {filters} filters of {height} x {width} x {channels}"
    if shown < filters or (rows and columns < channels):
        title += f", the first {shown}" + f" over {columns} channels" * rows
    figure.suptitle(title)
    image = None
    axes = grid(figure, cells, columns)
    for cell, ax in enumerate(axes):
        if channels == 3:
            draw_image(ax, kernel[..., cell] / limit / 2 + 0.5)
            ax.set_title(str(cell), size=7)
            continue
        o, c = divmod(cell, columns) if rows else (cell, 0)
        image = ax.imshow(kernel[:, :, c, o], "RdBu_r", vmin=-limit, vmax=limit)
        if not rows or c == 0:
            ax.set_title(str(o), size=7)
    if image is not None:
        figure.colorbar(image, ax=axes, shrink=0.8, format=lambda v, _: f"{v:g}")
    return figure.make_legible()


def plot_feature_maps(model: Network, image: ArrayLike, count: int = 8) -> Any:
    """Return a figure of an image and of the outputs of every layer.

    The first row is the image; then every layer with maps (H, W, C) has a row of its
    first maps, all with that layer's scale, dark to bright.

    Parameters
    ----------
    model : a model of images
    image : (H, W, C) with 1 or 3 channels, as the model takes it
    count : show at most so many maps of a layer

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError : without matplotlib, the extra ``plot``
    ValueError : for another shape

    Examples
    --------
    >>> from sora_np import Sequential
    >>> model = Sequential([Conv2D(2, 3, input_shape=(8, 8, 1))])
    >>> figure = plot_feature_maps(model, np.zeros((8, 8, 1)))
    >>> [len(ax.images) for ax in figure.axes]  # the image; two maps
    [1, 0, 1, 1]
    """
    one = as_numbers(image, "image")
    if one.ndim != 3:
        raise ValueError(f"image must be one image (H, W, C), got shape {one.shape}")
    images = as_images(one[None])
    values = [
        (name, value[0])
        for name, value in model.layer_outputs(images).items()
        if value.ndim == 4
    ]
    columns = min(max([value.shape[2] for _, value in values], default=1), count)
    figure = new_figure(max(1.1 * columns, 4), 1.35 * (len(values) + 1))
    axes = figure.subplots(len(values) + 1, columns, squeeze=False)
    for ax in axes.ravel():
        ax.set_axis_off()
    draw_image(axes[0, 0], scaled(images)[0])
    axes[0, 0].set_title(f"input {_size(images[0])}", size=8, loc="left")
    for row, (name, value) in zip(axes[1:], values, strict=True):
        row[0].set_title(f"{plain(name)} {_size(value)}", size=8, loc="left")
        finite = value[np.isfinite(value)]
        low, high = (finite.min(), finite.max()) if finite.size else (0, 1)
        for ax, channel in zip(row, np.moveaxis(value, 2, 0), strict=False):
            ax.imshow(channel, "viridis", vmin=low, vmax=high)
    return figure.make_legible()


def _size(image: Any) -> str:
    return " x ".join(map(str, image.shape))
