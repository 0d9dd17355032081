"""Pictures of samples, before and after."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sora_np.graph import forward
from sora_np.kernels.arrays import Array, kernel_array
from sora_np.layers import Layer
from sora_np.layers.warp import joined_warps
from sora_np.models import Sequential


def plot_augmented(
    x: ArrayLike, layers: Sequence[Layer], versions: int = 5, *, seed: int = 0
) -> Any:
    """Return a figure of samples, each in a row, and of what layers make of them.

    Left is the sample as it came, then what an epoch after the other would train on.
    Layers of a model that has been built, such as ``model.layers[:4]``, show what that
    model sees.

    Parameters
    ----------
    x : (N, H, W, C) with 1 or 3 channels; take a few, one makes a row
    layers : of augmentation and scaling; they are copied, and stay as they are
    versions : how many epochs
    seed : for layers that are not built yet

    Returns
    -------
    matplotlib.figure.Figure : ``figure.savefig("augmented.png")`` writes it

    Raises
    ------
    ImportError : without matplotlib, the extra ``plot``
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            'pictures need matplotlib: pip install "sora-np[plot]"'
        ) from None
    images = kernel_array(x)
    if images.ndim != 4 or images.shape[3] not in (1, 3) or not len(images):
        raise ValueError(
            f"x must be images (N, H, W, C) with C = 1 or 3, got shape {images.shape}"
        )
    model = Sequential(copy.deepcopy(list(layers)), seed=seed)
    model.build((None, *images.shape[1:]))
    nodes = joined_warps(model.nodes)
    after = []
    for epoch in range(versions):
        for layer in model.layers:
            layer._samples = epoch, np.arange(len(images))
        after.append(forward(nodes, images, training=True)[-1])
    shown = [*_scaled(images[None]), *_scaled(np.array(after))]
    figure = Figure((1.2 * len(shown), 1.3 * len(images)), layout="constrained")
    axes = figure.subplots(len(images), len(shown), squeeze=False)
    for column, batch in enumerate(shown):
        axes[0, column].set_title(f"epoch {column - 1}" if column else "before")
        for ax, image in zip(axes[:, column], batch, strict=True):
            grey = image.shape[2] == 1
            ax.imshow(image[:, :, 0] if grey else image, "gray", vmin=0, vmax=1)
            ax.set_axis_off()
    return figure


def _scaled(images: Array) -> Array:
    """Return images in [0, 1], all by one scale, as layers may have another."""
    low, high = images.min(initial=np.inf), images.max(initial=-np.inf)
    scaled: Array = (images - low) / (high - low if high > low else 1)
    return scaled
